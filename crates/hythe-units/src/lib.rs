//! Durations, sizes and numbers as operators write them: in distribution's configuration, and so in Go's words.
//!
//! ```
//! use hythe_units::{ByteSize, GoDuration, parse_unsigned};
//!
//! let hour_and_a_half: GoDuration = "1h30m".parse()?;
//! assert_eq!(hour_and_a_half.to_duration().map(|duration| duration.as_secs()), Some(5400));
//! let size: ByteSize = "24MiB".parse()?;
//! assert_eq!(size.as_bytes(), 25_165_824);
//! assert_eq!(parse_unsigned("0x40"), Some(64));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The hard decision is to have it once, and exactly: the configuration, the storage drivers and the middlewares all
//! read these texts, and a value that one of them took and another refused would be hard to explain. Durations count
//! whole nanoseconds, as Go's do, and never pass through a float.
//!
//! What this crate deliberately does not know: YAML, keys, defaults, bounds.

mod duration;
mod number;
mod size;

pub use duration::{GoDuration, ParseDurationError};
pub use number::parse_unsigned;
pub use size::{ByteSize, ParseSizeError};
