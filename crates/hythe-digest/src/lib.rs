//! Content digests: parsing, streaming hashing and hash state that survives a restart.
