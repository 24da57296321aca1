//! Pages of keys.

use std::borrow::Cow;
use std::time::SystemTime;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::primitives::DateTime;
use aws_sdk_s3::types::EncodingType;
use hythe_driver::Result;
use hythe_driver::objects::{Object, Page, PageRequest, PageStart};
use percent_encoding::percent_decode_str;

use crate::client::Client;
use crate::conditions::version;

impl Client {
    /// One page of a listing.
    pub(crate) async fn page(&self, request: PageRequest<'_>) -> Result<Page> {
        let mut listing = self
            .sdk
            .list_objects_v2()
            .bucket(&*self.bucket)
            .prefix(request.prefix)
            .max_keys(i32::try_from(request.limit).unwrap_or(i32::MAX))
            // Keys that others put there may hold what XML cannot.
            .encoding_type(EncodingType::Url);
        if request.delimited {
            listing = listing.delimiter("/");
        }
        listing = match request.start {
            PageStart::First => listing,
            PageStart::After(key) => listing.start_after(key),
            PageStart::Continue(token) => listing.continuation_token(token),
        };
        let sent = {
            let _permit = self.permit().await;
            listing.send().await
        };
        let listed = sent.map_err(self.failed("ListObjectsV2", request.prefix))?;
        Ok(to_page(&listed))
    }
}

fn to_page(listed: &ListObjectsV2Output) -> Page {
    let is_encoded = listed.encoding_type() == Some(&EncodingType::Url);
    let decoded = |text: &str| {
        if is_encoded {
            decode(text).into_owned()
        } else {
            text.to_owned()
        }
    };
    let objects = listed.contents().iter().filter_map(|object| {
        Some(Object {
            key: decoded(object.key()?),
            size: object.size().unwrap_or_default().unsigned_abs(),
            modified: object.last_modified().and_then(time),
            version: object.e_tag().map(version),
        })
    });
    let prefixes = listed.common_prefixes().iter();
    Page {
        objects: objects.collect(),
        prefixes: prefixes
            .filter_map(|common| common.prefix())
            .map(decoded)
            .collect(),
        next: listed.next_continuation_token().map(str::to_owned),
    }
}

/// As a form is encoded, where a space is a plus.
fn decode(text: &str) -> Cow<'_, str> {
    if text.contains('+') {
        let spaced = text.replace('+', " ");
        return Cow::Owned(percent_decode_str(&spaced).decode_utf8_lossy().into_owned());
    }
    percent_decode_str(text).decode_utf8_lossy()
}

/// A time before 1970 is none that an object has.
pub(crate) fn time(time: &DateTime) -> Option<SystemTime> {
    SystemTime::try_from(*time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded_as_forms_are() {
        assert_eq!(decode("a%2Fb+c%2B%C3%BC"), "a/b c+ü");
        assert_eq!(decode("docker/registry"), "docker/registry");
    }
}
