//! What is in a bucket, as the storage itself says.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use hythe_testutil::{Client, Request, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::backend::{Backend, Cloud};
use super::signing::signed;
use crate::failure::{Failure, Outcome, ensure};

impl Backend {
    /// The keys of all objects below the folder `root`.
    pub async fn keys(&self, root: &str) -> Result<BTreeSet<String>, Failure> {
        self.list(root, false).await
    }

    /// Uploads below the folder `root` that were begun and neither completed nor aborted: keys with open multipart
    /// uploads on S3 (not on MinIO, which shows none), blobs with uncommitted blocks on Azure. Google's sessions cannot be
    /// listed.
    pub async fn open_uploads(&self, root: &str) -> Result<BTreeSet<String>, Failure> {
        match self.cloud {
            Cloud::S3 | Cloud::S3Second => self.open_multipart_uploads(root).await,
            Cloud::Azure => self.blobs_with_uncommitted_blocks(root).await,
            Cloud::Gcs => Ok(BTreeSet::new()),
        }
    }

    /// Deletes all objects below the folder `root`.
    pub async fn clear(&self, root: &str) -> Outcome {
        let keys = self.keys(root).await?;
        futures_util::stream::iter(keys)
            .map(Ok::<_, Failure>)
            .try_for_each_concurrent(8, |key| async move {
                let path = match self.cloud {
                    Cloud::Gcs => {
                        let name = utf8_percent_encode(&key, NON_ALPHANUMERIC);
                        let target = format!("/storage/v1/b/{}/o/{name}", self.bucket);
                        self.client()?.send(Request::delete(target)).await?;
                        return Ok(());
                    }
                    _ => format!("/{}/{key}", self.bucket),
                };
                let request = signed(self, "DELETE", &path, &[], now())?;
                self.client()?.send(request).await?;
                Ok(())
            })
            .await
    }

    /// Stores an object at Google's emulator as it is.
    pub async fn put_to_google(&self, key: &str, bytes: Bytes) -> Outcome {
        let name = utf8_percent_encode(key, NON_ALPHANUMERIC);
        let target = format!(
            "/upload/storage/v1/b/{}/o?uploadType=media&name={name}",
            self.bucket
        );
        let request = Request::post(target)
            .header("content-type", "application/octet-stream")
            .body(bytes);
        self.client()?.send(request).await?.expect_status(&[200])?;
        Ok(())
    }

    /// Reads an object from Google's emulator.
    pub async fn get_from_google(&self, key: &str) -> Result<Bytes, Failure> {
        let name = utf8_percent_encode(key, NON_ALPHANUMERIC);
        let target = format!("/storage/v1/b/{}/o/{name}?alt=media", self.bucket);
        let response = self.client()?.get(&target).await?;
        response.expect_status(&[200])?;
        Ok(response.body)
    }

    fn client(&self) -> Result<Client, Failure> {
        Ok(Client::new(&format!("http://{}", self.authority()))?)
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Result<Response, Failure> {
        let request = signed(self, "GET", path, query, now())?;
        let response = self.client()?.send(request).await?;
        response.expect_status(&[200])?;
        Ok(response)
    }

    async fn list(&self, root: &str, with_uncommitted: bool) -> Result<BTreeSet<String>, Failure> {
        let prefix = format!("{root}/");
        let mut keys = BTreeSet::new();
        let mut marker = String::new();
        loop {
            let response = match self.cloud {
                Cloud::S3 | Cloud::S3Second => {
                    let mut query = vec![("list-type", "2"), ("prefix", prefix.as_str())];
                    if !marker.is_empty() {
                        query.push(("continuation-token", &marker));
                    }
                    self.ask(&format!("/{}", self.bucket), &query).await?
                }
                Cloud::Azure => {
                    let mut query = vec![("comp", "list"), ("restype", "container"), ("prefix", &prefix)];
                    if with_uncommitted {
                        query.push(("include", "uncommittedblobs"));
                    }
                    if !marker.is_empty() {
                        query.push(("marker", &marker));
                    }
                    self.ask(&format!("/{}", self.bucket), &query).await?
                }
                Cloud::Gcs => {
                    let mut query = vec![("prefix", prefix.as_str())];
                    if !marker.is_empty() {
                        query.push(("pageToken", &marker));
                    }
                    self.ask(&format!("/storage/v1/b/{}/o", self.bucket), &query)
                        .await?
                }
            };
            let (found, next) = page(self.cloud, &response)?;
            keys.extend(found);
            match next {
                Some(next) if next != marker => marker = next,
                _ => return Ok(keys),
            }
        }
    }

    async fn open_multipart_uploads(&self, root: &str) -> Result<BTreeSet<String>, Failure> {
        let query = [("uploads", ""), ("prefix", &format!("{root}/"))];
        let response = self.ask(&format!("/{}", self.bucket), &query).await?;
        let text = String::from_utf8_lossy(&response.body).into_owned();
        ensure!(
            !elements(&text, "IsTruncated").contains(&"true".to_owned()),
            "more than a thousand uploads are open"
        );
        Ok(elements(&text, "Key").into_iter().collect())
    }

    async fn blobs_with_uncommitted_blocks(&self, root: &str) -> Result<BTreeSet<String>, Failure> {
        let committed = self.list(root, false).await?;
        let mut open: BTreeSet<String> = &self.list(root, true).await? - &committed;
        // A blob that is there may have blocks beside those that it consists of.
        for name in committed {
            let path = format!("/{}/{name}", self.bucket);
            let query = [("comp", "blocklist"), ("blocklisttype", "uncommitted")];
            let response = self.ask(&path, &query).await;
            // Only block blobs have lists of blocks; the original's uploads are append blobs.
            if response.is_ok_and(|response| String::from_utf8_lossy(&response.body).contains("<Block>")) {
                open.insert(name);
            }
        }
        Ok(open)
    }
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn page(cloud: Cloud, response: &Response) -> Result<(Vec<String>, Option<String>), Failure> {
    let text = String::from_utf8_lossy(&response.body);
    let first = |name| elements(&text, name).into_iter().next();
    Ok(match cloud {
        Cloud::S3 | Cloud::S3Second => (elements(&text, "Key"), first("NextContinuationToken")),
        Cloud::Azure => (
            elements(&text, "Name"),
            first("NextMarker").filter(|marker| !marker.is_empty()),
        ),
        Cloud::Gcs => {
            let document = response.json()?;
            let items = document["items"].as_array().cloned().unwrap_or_default();
            let names = items.iter().filter_map(|item| item["name"].as_str());
            (
                names.map(str::to_owned).collect(),
                document["nextPageToken"].as_str().map(str::to_owned),
            )
        }
    })
}

/// The texts of all elements with this name. Keys of a registry have nothing in them that XML would escape.
fn elements(text: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    text.split(&open)
        .skip(1)
        .filter_map(|rest| rest.split_once(&close))
        .map(|(value, _)| value.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_found_by_name() {
        let text = "<R><Key>a/b</Key><C><Key>c</Key></C><Keys>d</Keys></R>";
        assert_eq!(elements(text, "Key"), ["a/b", "c"]);
        assert_eq!(elements(text, "Name"), [""; 0]);
    }
}
