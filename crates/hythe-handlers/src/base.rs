//! `/v2/`: there is a registry here, and the credentials are good.

use bytes::Bytes;
use http::{StatusCode, header};

use crate::reply::{Answer, Reply};

pub(crate) fn ping() -> Answer {
    Reply::new(StatusCode::OK)
        .fixed(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from_static(b"{}"))
        .into()
}
