use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hythe_driver::Version;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::{Rfc2822, Rfc3339};

/// What the content is, for all objects of this driver.
pub(crate) const CONTENT_TYPE: &str = "application/octet-stream";
/// What an object is that stands for an unfinished upload; distribution v3 uses the same.
pub(crate) const SESSION_CONTENT_TYPE: &str = "application/x-docker-upload-session";
/// Names the put or copy that made an object, so that one whose answer was lost is recognized.
pub(crate) const WRITE_ID: &str = "hythe-write";
/// The fields of [`Resource`], so that no others are sent.
pub(crate) const FIELDS: &str = "name,size,updated,generation,contentType,crc32c,metadata";

/// An object as the service describes it. Numbers are texts in its JSON; emulators leave fields out.
/// <https://cloud.google.com/storage/docs/json_api/v1/objects#resource>
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Resource {
    pub(crate) name: String,
    size: String,
    updated: String,
    generation: String,
    content_type: String,
    crc32c: String,
    pub(crate) metadata: BTreeMap<String, String>,
}

impl Resource {
    pub(crate) fn size(&self) -> u64 {
        self.size.parse().unwrap_or_default()
    }

    pub(crate) fn modified(&self) -> Option<SystemTime> {
        let updated = OffsetDateTime::parse(&self.updated, &Rfc3339).ok();
        updated
            .map(SystemTime::from)
            .or_else(|| time_of(&self.generation))
    }

    pub(crate) fn version(&self) -> Option<Version> {
        (!self.generation.is_empty()).then(|| Version::new(self.generation.as_str()))
    }

    /// Whether it stands for an unfinished upload.
    pub(crate) fn is_session(&self) -> bool {
        self.content_type == SESSION_CONTENT_TYPE
    }

    pub(crate) fn is_of_write(&self, id: &str) -> bool {
        self.metadata.get(WRITE_ID).is_some_and(|found| found == id)
    }

    /// The checksum of the content.
    pub(crate) fn crc32c(&self) -> Option<u32> {
        let bytes = BASE64.decode(&self.crc32c).ok()?;
        bytes.try_into().ok().map(u32::from_be_bytes)
    }
}

/// A checksum as the service writes it.
pub(crate) fn crc32c_text(checksum: u32) -> String {
    BASE64.encode(checksum.to_be_bytes())
}

/// The time of a `Last-Modified` header.
pub(crate) fn time_of_header(value: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(value, &Rfc2822).ok().map(SystemTime::from)
}

/// Generations are the microsecond in which the object was made. Nothing promises that, so it serves only where no
/// other time is told, and only as far as it makes sense.
pub(crate) fn time_of(generation: &str) -> Option<SystemTime> {
    /// 2010, before the service existed.
    const EARLIEST: u64 = 1_262_304_000_000_000;
    /// 2100.
    const LATEST: u64 = 4_102_444_800_000_000;
    let micros: u64 = generation.parse().ok()?;
    (EARLIEST..LATEST)
        .contains(&micros)
        .then(|| SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_is_read_as_the_service_writes_it() {
        let text = r#"{"kind": "storage#object", "name": "a/b", "size": "5", "generation": "1748779504000001",
            "updated": "2025-06-01T12:05:04.500Z", "contentType": "application/octet-stream", "crc32c": "AAAAAQ==",
            "metadata": {"hythe-write": "w"}}"#;
        let resource: Resource = serde_json::from_str(text).unwrap();
        assert_eq!((resource.name.as_str(), resource.size()), ("a/b", 5));
        let since_epoch = resource
            .modified()
            .unwrap()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap();
        assert_eq!(since_epoch, Duration::from_millis(1_748_779_504_500));
        assert_eq!(resource.version(), Some(Version::new("1748779504000001")));
        assert_eq!(resource.crc32c(), Some(1));
        assert_eq!(crc32c_text(1), "AAAAAQ==");
        assert!(resource.is_of_write("w") && !resource.is_of_write("v") && !resource.is_session());
    }

    #[test]
    fn what_is_left_out_is_unknown() {
        let resource: Resource = serde_json::from_str("{}").unwrap();
        assert_eq!(
            (resource.size(), resource.modified(), resource.version()),
            (0, None, None)
        );
        assert_eq!(resource.crc32c(), None);
        let generation: Resource = serde_json::from_str(r#"{"generation": "1748779504000001"}"#).unwrap();
        assert!(generation.modified().is_some());
        assert_eq!(time_of("7"), None);
    }

    #[test]
    fn header_times_are_read() {
        let time = time_of_header("Sun, 06 Nov 1994 08:49:37 GMT").unwrap();
        assert_eq!(
            time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(),
            784_111_777
        );
        assert_eq!(time_of_header("yesterday"), None);
    }
}
