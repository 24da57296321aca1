//! The edge: where connections are accepted and bodies become bytes on a socket.
//!
//! Everything above sees requests and a body that may still be an open file; everything about sockets, time
//! limits against slow peers and how file bytes are read is here.

mod accept;
mod body;
mod buffer_pool;
mod connection;
mod framing;
mod guard;
mod io;
mod listener;
mod measured;
mod repoll;

pub(crate) use accept::accept_loop;
pub(crate) use connection::{ConnectionSettings, Edge};
pub(crate) use listener::{Listener, bind};
