//! Requests of every kind, each with a name of its own that both logs show.

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Client, Content, ImageBuilder, Request, Response};

use crate::failure::Failure;

/// A request that was made.
#[derive(Debug)]
pub(super) struct Sent {
    /// What it was.
    pub(super) name: &'static str,
    /// Its user agent, which is in no other line.
    pub(super) agent: String,
}

const REPOSITORY: &str = "team/app";

struct Traffic<'a> {
    client: &'a Client,
    sent: Vec<Sent>,
}

/// Makes the requests.
pub(super) async fn run(client: &Client) -> Result<Vec<Sent>, Failure> {
    let mut traffic = Traffic {
        client,
        sent: Vec::new(),
    };
    traffic.all().await?;
    Ok(traffic.sent)
}

impl Traffic<'_> {
    async fn send(&mut self, name: &'static str, request: Request) -> Result<Response, Failure> {
        let agent = format!("operations-{:02} \"quoted\"", self.sent.len());
        let request = request
            .header("user-agent", &agent)
            .header("referer", "http://from.test/");
        let response = self.client.send(request).await?;
        self.sent.push(Sent { name, agent });
        Ok(response)
    }

    async fn all(&mut self) -> Result<(), Failure> {
        let config = Content::config("linux", "amd64", 1, Algorithm::Sha256);
        let layer = Content::new(media_type::OCI_LAYER, "a layer", Algorithm::Sha256);
        let builder = ImageBuilder::oci().config(config.descriptor());
        let manifest = builder.layer(layer.descriptor()).build();
        let path = |rest: &str| format!("/v2/{REPOSITORY}/{rest}");
        let missing = format!("blobs/sha256:{}", "0".repeat(64));
        self.send("ping", Request::get("/v2/")).await?;
        self.send("alive", Request::get("/")).await?;
        self.send("no route", Request::get("/v2/nothing")).await?;
        self.send("tags of nothing", Request::get("/v2/nothing/tags/list"))
            .await?;
        self.send("catalog", Request::get("/v2/_catalog?n=5")).await?;
        let config_path = path(&format!("blobs/{}", config.digest));
        for blob in [&layer, &config] {
            let start = Request::post(path("blobs/uploads/"));
            let started = self.send("start of an upload", start).await?;
            let location = started.expect_status(&[202])?.location()?;
            let sign = if location.contains('?') { '&' } else { '?' };
            let finish = Request::put(format!("{location}{sign}digest={}", blob.digest))
                .header("content-type", media_type::OCTET_STREAM)
                .body(blob.bytes.clone());
            self.send("end of an upload", finish)
                .await?
                .expect_status(&[201])?;
        }
        self.send("blob", Request::get(&config_path)).await?;
        self.send("head of a blob", Request::head(&config_path)).await?;
        self.send("missing blob", Request::get(path(&missing))).await?;
        let put = Request::put(path("manifests/latest"))
            .header("content-type", &manifest.media_type)
            .body(manifest.bytes.clone());
        self.send("put of a manifest", put).await?.expect_status(&[201])?;
        let bad = Request::put(path("manifests/bad"))
            .header("content-type", &manifest.media_type)
            .body("{");
        self.send("put of a bad manifest", bad)
            .await?
            .expect_status(&[400])?;
        let by_tag = |request: fn(String) -> Request| {
            request(path("manifests/latest")).header("accept", media_type::OCI_IMAGE)
        };
        self.send("manifest", by_tag(Request::get))
            .await?
            .expect_status(&[200])?;
        self.send("head of a manifest", by_tag(Request::head)).await?;
        self.send("missing manifest", Request::get(path("manifests/missing")))
            .await?;
        self.send("tags", Request::get(path("tags/list"))).await?;
        self.send(
            "method that is not there",
            Request::new("PATCH", path("tags/list")),
        )
        .await?;
        let by_digest = path(&format!("manifests/{}", manifest.digest));
        self.send("delete of a manifest", Request::delete(by_digest))
            .await?;
        Ok(())
    }
}
