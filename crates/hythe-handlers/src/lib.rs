//! The HTTP semantics of the /v2/ registry API over the interfaces of hythe-distribution.
