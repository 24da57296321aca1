//! The wire contract of the /v2/ registry API: routes, errors, ranges, pagination.
