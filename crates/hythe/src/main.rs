//! The Hythe container registry.

fn main() {}
