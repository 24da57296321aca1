//! A TCP connection that sends ranges of files without copying them, under an HTTP library that knows nothing of it.
//!
//! hyper, like most, takes bodies as [`Bytes`](bytes::Bytes) and hands slices of them to the connection. So a range of
//! a file is given to it as `Bytes` over a mapping of the file *that nobody touches* ([`FileTable::register`]); the
//! connection ([`FileStream`]) recognises the address of a slice, and has the kernel send the file instead
//! (`sendfile(2)`). The address alone says which file and where in it: short writes, slices of slices and pipelined
//! answers need no further state.
//!
//! The one hard decision is that the bytes are really there, rather than a placeholder. A slice that is not
//! recognised, by whatever mistake, is then sent as the right bytes, merely slowly. The price is `unsafe`, all of it in
//! one small module, and one rule for those who store the files: nobody may make a file shorter or change it while it
//! is sent. (A file that becomes shorter all the same ends its connection with [`ShortFile`]; the process survives,
//! because only the kernel looks at the bytes.)
//!
//! A worker of the runtime never waits for a disk here: what is not in the page cache is read by a blocking thread
//! first, one window after another.
//!
//! The crate knows nothing of HTTP, of limits on time, nor of fairness between connections.

mod mapping;
mod stream;
mod table;
mod warm_up;

pub use stream::{FileStream, Limits, ShortFile};
pub use table::FileTable;
