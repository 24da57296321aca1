//! One page of a listing.
//!
//! The official `list_blobs` knows no delimiter, so the request is our own; so is the reading of the answer.

use azure_core::http::{Context, Method, PipelineSendOptions};
use azure_core::time::parse_rfc7231;
use azure_core::xml::from_xml;
use serde::Deserialize;

use crate::client::{Client, CopyStatus, request};
use crate::error::{Failure, Result};
use hythe_driver::{ErrorKind, Version};

/// What to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Listing<'a> {
    pub(crate) prefix: &'a str,
    /// Whether keys that go on beyond a `/` are told as what they have in common.
    pub(crate) is_delimited: bool,
    pub(crate) start: Start<'a>,
    pub(crate) limit: usize,
    /// Whether names are told to which blocks were sent, but which are no blob yet.
    pub(crate) has_uncommitted: bool,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Start<'a> {
    First,
    /// At this key, which need not exist, or after it.
    At(&'a str),
    /// Where another page ended.
    Marker(&'a str),
}

/// What came.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) blobs: Vec<ListedBlob>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) marker: Option<String>,
}

/// A blob in a listing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ListedBlob {
    pub(crate) key: String,
    pub(crate) size: u64,
    pub(crate) modified: Option<std::time::SystemTime>,
    pub(crate) version: Option<Version>,
}

impl Client {
    /// Lists blobs whose content is there.
    pub(crate) async fn list(&self, listing: Listing<'_>) -> Result<Listed> {
        let mut url = self.container().url().clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("restype", "container");
            query.append_pair("comp", "list");
            // How far a copy is that makes a blob.
            let include = if listing.has_uncommitted {
                "copy,uncommittedblobs"
            } else {
                "copy"
            };
            query.append_pair("include", include);
            query.append_pair("maxresults", &listing.limit.to_string());
            if !listing.prefix.is_empty() {
                query.append_pair("prefix", listing.prefix);
            }
            if listing.is_delimited {
                query.append_pair("delimiter", "/");
            }
            match listing.start {
                Start::First => {}
                Start::At(key) => {
                    query.append_pair("startFrom", key);
                }
                Start::Marker(marker) => {
                    query.append_pair("marker", marker);
                }
            }
        }
        let mut request = request(Method::Get, url);
        request.insert_header("accept", "application/xml");
        let options = PipelineSendOptions::default();
        let answered = self
            .pipeline()
            .send(&Context::new(), &mut request, Some(options))
            .await;
        let answer = answered.map_err(self.failed(listing.prefix))?;
        parse(answer.body().as_ref())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EnumerationResults {
    blobs: Option<Entries>,
    next_marker: Option<String>,
}

/// Blobs and prefixes come mixed.
#[derive(Deserialize)]
struct Entries {
    #[serde(rename = "$value", default)]
    entries: Vec<Entry>,
}

#[derive(Deserialize)]
enum Entry {
    Blob(BlobEntry),
    BlobPrefix(PrefixEntry),
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BlobEntry {
    name: String,
    #[serde(default)]
    properties: PropertiesEntry,
}

#[derive(Deserialize, Default)]
struct PropertiesEntry {
    #[serde(rename = "Content-Length")]
    content_length: Option<u64>,
    #[serde(rename = "Last-Modified")]
    last_modified: Option<String>,
    #[serde(rename = "Etag")]
    etag: Option<String>,
    #[serde(rename = "CopyStatus")]
    copy_status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PrefixEntry {
    name: String,
}

fn parse(body: &[u8]) -> Result<Listed> {
    let results: EnumerationResults = from_xml(body)
        .map_err(|_| Failure::because(ErrorKind::Other, "the service answered with no valid listing"))?;
    let mut listed = Listed {
        marker: results.next_marker.filter(|marker| !marker.is_empty()),
        ..Listed::default()
    };
    for entry in results.blobs.map(|blobs| blobs.entries).unwrap_or_default() {
        match entry {
            Entry::BlobPrefix(prefix) => listed.prefixes.push(prefix.name),
            Entry::Blob(BlobEntry { name, properties }) => {
                let copy = properties.copy_status.as_deref().map(CopyStatus::parse);
                if copy.is_none_or(|status| status == CopyStatus::Success) {
                    let modified = properties
                        .last_modified
                        .and_then(|text| parse_rfc7231(&text).ok());
                    listed.blobs.push(ListedBlob {
                        key: name,
                        size: properties.content_length.unwrap_or_default(),
                        modified: modified.map(Into::into),
                        version: properties.etag.map(|etag| Version::new(quoted(&etag))),
                    });
                }
            }
        }
    }
    Ok(listed)
}

/// Listings leave out the quotes of an ETag, all other answers have them.
fn quoted(etag: &str) -> String {
    if etag.starts_with('"') || etag.is_empty() {
        etag.to_owned()
    } else {
        format!("\"{etag}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_blobs_and_prefixes_is_read() {
        let page = r#"<?xml version="1.0" encoding="utf-8"?>
            <EnumerationResults ServiceEndpoint="https://acc/" ContainerName="reg">
              <Prefix>a/</Prefix><Delimiter>/</Delimiter>
              <Blobs>
                <Blob><Name>a/b</Name><Properties>
                  <Last-Modified>Sun, 22 Nov 2026 02:00:00 GMT</Last-Modified><Etag>0x8D</Etag>
                  <Content-Length>12</Content-Length><BlobType>BlockBlob</BlobType>
                  <CopyStatus>success</CopyStatus></Properties></Blob>
                <BlobPrefix><Name>a/c/</Name></BlobPrefix>
                <Blob><Name>a/d&amp;e</Name><Properties><Content-Length>0</Content-Length></Properties></Blob>
                <Blob><Name>a/f</Name><Properties><Content-Length>0</Content-Length>
                  <CopyStatus>pending</CopyStatus></Properties></Blob>
                <BlobPrefix><Name>a/g/</Name></BlobPrefix>
              </Blobs>
              <NextMarker>more</NextMarker>
            </EnumerationResults>"#;
        let listed = parse(page.as_bytes()).unwrap();
        let keys: Vec<&str> = listed.blobs.iter().map(|blob| blob.key.as_str()).collect();
        assert_eq!(keys, ["a/b", "a/d&e"]);
        assert_eq!(listed.prefixes, ["a/c/", "a/g/"]);
        assert_eq!(listed.marker.as_deref(), Some("more"));
        let first = &listed.blobs[0];
        assert_eq!(
            (first.size, first.version.as_ref().unwrap().as_str()),
            (12, "\"0x8D\"")
        );
        assert!(first.modified.is_some());
    }

    #[test]
    fn an_empty_page_is_read() {
        for page in [
            "<EnumerationResults><Blobs/><NextMarker/></EnumerationResults>",
            "<EnumerationResults><Blobs></Blobs></EnumerationResults>",
            "\u{feff}<EnumerationResults/>",
        ] {
            assert_eq!(parse(page.as_bytes()).unwrap(), Listed::default(), "{page}");
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        assert!(parse(b"<html>").is_err());
        assert!(parse(b"").is_err());
    }
}
