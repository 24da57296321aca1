//! The program as its users meet it: started as a process, talked to over the network, ended by signals.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

mod access;
mod acme;
mod advisories;
mod config_check;
mod config_schema;
mod content;
mod debug;
mod disk;
mod every_key;
mod framing;
mod h2c;
mod http_keys;
mod logs;
mod metrics;
mod originals;
mod other_keys;
mod pebble;
mod process;
mod pulls;
mod readme;
mod redirects;
mod refusals;
mod registry;
mod shutdown;
mod slow_clients;
mod start;
mod storage_check;
mod tls;
mod tls_reload;
mod tokens;
mod uploads;
