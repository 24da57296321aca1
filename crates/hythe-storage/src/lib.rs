//! The storage core of the Hythe registry over any storage driver.
