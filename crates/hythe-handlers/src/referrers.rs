//! `/v2/<name>/referrers/<digest>`: the manifests whose subject is this one (OCI distribution spec, Listing
//! Referrers).

use bytes::Bytes;
use http::{StatusCode, header};
use hythe_api::ApiError;
use hythe_api::{ErrorCode, headers, next_link};
use hythe_digest::Digest;
use hythe_distribution::{PageRequest, ReferrersQuery};
use hythe_manifest::{Descriptor, media_types};
use hythe_reference::RepositoryName;

use crate::context::Call;
use crate::error::HttpError;
use crate::reply::{Answer, Reply};

/// The most descriptors in one answer.
const MAX_ENTRIES: usize = 1000;

/// A list is an image index, and clients take manifests of 4 MiB; this leaves room for what is around the list.
const MAX_LIST_BYTES: usize = 3_500 * 1024;

pub(crate) async fn list(call: &Call<'_>, name: &RepositoryName, subject: &Digest) -> Answer {
    let artifact_type = call.query.get_nonempty("artifactType");
    let limit = limit(call)?;
    let query = ReferrersQuery {
        artifact_type: artifact_type.map(str::to_owned),
        page: PageRequest {
            after: after(call)?,
            limit: Some(limit),
        },
    };
    let page = call
        .repository(name)
        .manifests()
        .referrers(subject, query)
        .await?;
    let (index, listed) = index(&page.items);
    let next = if listed < page.items.len() {
        page.items[..listed].last().map(|descriptor| descriptor.digest)
    } else {
        page.next
    };

    let mut reply = Reply::new(StatusCode::OK).fixed(header::CONTENT_TYPE, media_types::OCI_INDEX);
    if artifact_type.is_some() {
        reply = reply.fixed(headers::OCI_FILTERS_APPLIED, "artifactType");
    }
    if let Some(next) = next {
        let (next, limit) = (next.to_string(), limit.to_string());
        let mut parameters = vec![("last", next.as_str())];
        parameters.extend(artifact_type.map(|wanted| ("artifactType", wanted)));
        parameters.extend(call.query.get_nonempty("n").map(|_| ("n", limit.as_str())));
        reply = reply.text(header::LINK, next_link(call.parts.uri.path(), &parameters));
    }
    reply.body(index).into()
}

/// How many are wanted. The specification has no such parameter; it is that of the other lists.
fn limit(call: &Call<'_>) -> Result<usize, HttpError> {
    let Some(text) = call.query.get_nonempty("n") else {
        return Ok(MAX_ENTRIES);
    };
    match text.parse::<usize>() {
        Ok(n) if n > 0 => Ok(n.min(MAX_ENTRIES)),
        _ => {
            let detail = serde_json::json!({ "n": text });
            Err(ApiError::new(ErrorCode::PaginationNumberInvalid)
                .with_detail(detail)
                .into())
        }
    }
}

/// The descriptor behind which to begin, from the `Link` of the page before.
fn after(call: &Call<'_>) -> Result<Option<Digest>, HttpError> {
    let after = call.query.get_nonempty("last").map(Digest::parse).transpose();
    Ok(after.map_err(ApiError::from)?)
}

/// An image index of as many of the descriptors as fit, at least one, and their number.
fn index(descriptors: &[Descriptor]) -> (Bytes, usize) {
    let mut json = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{}\",\"manifests\":[",
        media_types::OCI_INDEX
    );
    let mut listed = 0;
    for descriptor in descriptors {
        let entry =
            serde_json::to_string(descriptor).expect("descriptors have text for keys and cannot fail");
        if listed > 0 && json.len() + entry.len() > MAX_LIST_BYTES {
            break;
        }
        if listed > 0 {
            json.push(',');
        }
        json.push_str(&entry);
        listed += 1;
    }
    json.push_str("]}");
    (Bytes::from(json), listed)
}

#[cfg(test)]
mod tests {
    use hythe_manifest::{ManifestTypes, MediaType};

    use super::*;

    fn descriptor(index: u8, annotation_bytes: usize) -> Descriptor {
        let mut descriptor = Descriptor::new(Some(MediaType::OCI_MANIFEST), Digest::sha256(&[index]), 7);
        descriptor
            .annotations
            .insert("key".to_owned(), "x".repeat(annotation_bytes));
        descriptor
    }

    #[test]
    fn the_list_is_an_image_index() {
        for count in [0, 1, 3] {
            let descriptors: Vec<_> = (0..count).map(|number| descriptor(number, 1)).collect();
            let (json, listed) = index(&descriptors);
            assert_eq!(listed, descriptors.len());
            let parsed = ManifestTypes::standard()
                .parse(media_types::OCI_INDEX, json)
                .unwrap();
            assert_eq!(parsed.parsed().manifests, descriptors);
        }
    }

    #[test]
    fn a_list_that_is_too_large_is_cut_behind_a_whole_descriptor() {
        let descriptors = [
            descriptor(1, MAX_LIST_BYTES / 2),
            descriptor(2, MAX_LIST_BYTES),
            descriptor(3, 1),
        ];
        assert_eq!(index(&descriptors).1, 1);
        assert_eq!(index(&descriptors[1..]).1, 1, "one is always listed");
    }
}
