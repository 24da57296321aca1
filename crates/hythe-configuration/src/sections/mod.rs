//! One file for each section of the file: its type, its defaults and its reader, which are the same function.

pub mod auth;
pub mod health;
pub mod http;
pub mod limits;
pub mod log;
pub mod middleware;
pub mod notifications;
pub mod policy;
pub mod proxy;
pub mod redis;
pub mod storage;
pub mod tls;
pub mod validation;

/// Makes `Default` the outcome of reading an absent section, so that no default is written twice.
macro_rules! default_is_read_from_nothing {
    ($($section:ty),+ $(,)?) => {$(
        impl Default for $section {
            fn default() -> Self {
                crate::section::read_nothing(Self::read)
            }
        }
    )+};
}
pub(crate) use default_is_read_from_nothing;
