//! What a case is given, and the paths of the API.

use bytes::Bytes;
use hythe_testutil::{Algorithm, Client, Content, Random, Request, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::failure::{Failure, Outcome};

/// A registry, two repositories in it that belong to this case alone, and content that belongs to it alone.
#[derive(Clone, Debug)]
pub struct Context {
    /// The registry.
    pub client: Client,
    /// The repository that the case works in.
    pub repository: String,
    /// Another one, for instance to mount from.
    pub other_repository: String,
    /// Makes content.
    pub random: Random,
    /// Largest manifest that the registry accepts, in bytes.
    pub max_manifest_bytes: usize,
}

impl Context {
    /// Sends a request.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Failure> {
        Ok(self.client.send(request).await?)
    }

    /// The target of the next page, if the answer has a `Link` with the relation `next` (RFC 8288).
    pub(crate) fn next_page(&self, response: &Response) -> Result<Option<String>, Failure> {
        let Some(link) = response.header("link") else {
            return Ok(None);
        };
        let target = link.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let Some((target, parameters)) = target else {
            return Err(response
                .unexpected(format!("Link is not of the form <URL>; rel=\"next\": {link}"))
                .into());
        };
        let (url, path) = (self.client.url(), self.client.base_path());
        let rest = target.strip_prefix(&url).or_else(|| target.strip_prefix(path));
        let is_next = parameters.replace(' ', "") == ";rel=\"next\"";
        match rest.filter(|rest| is_next && rest.starts_with("/v2/")) {
            Some(rest) => Ok(Some(rest.to_owned())),
            None => Err(response
                .unexpected(format!("Link does not lead to the next page: {link}"))
                .into()),
        }
    }

    /// A blob of random bytes, addressed by the given algorithm.
    pub(crate) fn blob(&mut self, length: usize, algorithm: Algorithm) -> Content {
        Content::new("application/octet-stream", self.random.bytes(length), algorithm)
    }

    /// A digest of the given algorithm that nothing has.
    pub(crate) fn missing_digest(&mut self, algorithm: Algorithm) -> String {
        algorithm.digest(&self.random.bytes(32))
    }

    /// Fails unless the registry answers its base route.
    pub(crate) async fn still_serves(&self) -> Outcome {
        let response = self.client.get("/v2/").await?;
        response
            .expect_status(&[200])
            .map_err(|error| Failure::from(error).while_doing("afterwards"))?;
        Ok(())
    }
}

/// `/v2/<name>/blobs/<digest>`
pub(crate) fn blob_path(repository: &str, digest: &str) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

/// `/v2/<name>/manifests/<reference>`
pub(crate) fn manifest_path(repository: &str, reference: &str) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

/// `/v2/<name>/blobs/uploads/`
pub(crate) fn uploads_path(repository: &str) -> String {
    format!("/v2/{repository}/blobs/uploads/")
}

/// `/v2/<name>/tags/list`
pub(crate) fn tags_path(repository: &str) -> String {
    format!("/v2/{repository}/tags/list")
}

/// `/v2/<name>/referrers/<digest>`
pub(crate) fn referrers_path(repository: &str, digest: &str) -> String {
    format!("/v2/{repository}/referrers/{digest}")
}

/// A target with one more query parameter, whose value is encoded.
pub(crate) fn with_query(target: &str, name: &str, value: &str) -> String {
    let separator = if target.contains('?') { '&' } else { '?' };
    format!(
        "{target}{separator}{name}={}",
        utf8_percent_encode(value, NON_ALPHANUMERIC)
    )
}

/// Splits bytes into chunks of `size`; the last one may be shorter.
pub(crate) fn chunks(bytes: &Bytes, size: usize) -> Vec<Bytes> {
    let starts = (0..bytes.len()).step_by(size);
    starts
        .map(|start| bytes.slice(start..bytes.len().min(start + size)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_values_are_encoded() {
        assert_eq!(with_query("/a", "t", "x/y+z"), "/a?t=x%2Fy%2Bz");
        assert_eq!(with_query("/a?b=c", "t", "1"), "/a?b=c&t=1");
    }

    #[test]
    fn chunks_cover_everything() {
        let sizes: Vec<usize> = chunks(&Bytes::from_static(b"abcdefg"), 3)
            .iter()
            .map(Bytes::len)
            .collect();
        assert_eq!(sizes, [3, 3, 1]);
    }
}
