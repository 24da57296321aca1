//! One behaviour suite for every storage driver of the Hythe registry.
