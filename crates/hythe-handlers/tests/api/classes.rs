//! Classes of images: which may be pushed, and what a token is for.

use std::sync::Arc;

use async_trait::async_trait;
use hythe_auth::{Access, AccessController, AuthError, Grant, GrantedResource, RequestHead};
use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Content, ImageBuilder, IndexBuilder};

use crate::server::{Server, storage};

const PLUGIN: &str = "application/vnd.docker.plugin.v1+json";

/// Grants everything; what it is for, the `Authorization` field says as `name:class`.
#[derive(Debug)]
struct Classified;

#[async_trait]
impl AccessController for Classified {
    async fn authorize(&self, request: RequestHead<'_>, _access: &[Access]) -> Result<Grant, AuthError> {
        let resources = request.headers.get("authorization").map(|value| {
            let (name, class) = value.to_str().unwrap().split_once(':').unwrap();
            vec![GrantedResource {
                name: name.to_owned(),
                class: class.to_owned(),
            }]
        });
        Ok(Grant {
            user: None,
            resources: resources.unwrap_or_default(),
        })
    }
}

fn server(classes: &[&str]) -> Server {
    Server::over(&storage(true), |options| {
        options.repository_classes = classes.iter().map(|class| (*class).to_owned()).collect();
        options.access = Some(Arc::new(Classified));
    })
}

/// An image whose config is of that type.
async fn push(server: &Server, builder: ImageBuilder, config: &str, grant: Option<&str>) -> (u16, String) {
    let config = Content::new(config, format!("{{}} {config}"), Algorithm::Sha256);
    server.push_blob("a", &config).await;
    let image = builder.config(config.descriptor()).build();
    let mut headers = vec![("content-type", image.media_type.as_str())];
    headers.extend(grant.map(|grant| ("authorization", grant)));
    let answer = server
        .send("PUT", "/v2/a/manifests/x", &headers, image.bytes.clone())
        .await;
    let message = match answer.status {
        201 => String::new(),
        _ => answer.json()["errors"][0]["message"].as_str().unwrap().to_owned(),
    };
    (answer.status, message)
}

#[tokio::test]
async fn only_listed_classes_are_pushed() {
    let refused = |message: &str| (403, message.to_owned());
    let taken = (201, String::new());
    let (docker, oci) = (ImageBuilder::docker, ImageBuilder::oci);
    for (classes, image, plugin) in [
        (&[][..], taken.clone(), taken.clone()),
        (
            &["image"],
            taken.clone(),
            refused("registry does not allow plugin manifest"),
        ),
        (
            &["plugin"],
            refused("registry does not allow image manifest"),
            taken.clone(),
        ),
        (&["image", "plugin"], taken.clone(), taken.clone()),
    ] {
        let server = server(classes);
        assert_eq!(
            push(&server, docker(), media_type::DOCKER_CONFIG, None).await,
            image
        );
        assert_eq!(push(&server, docker(), PLUGIN, None).await, plugin);
        assert_eq!(push(&server, oci(), media_type::OCI_CONFIG, None).await, image);
    }
    let server = server(&["image", "plugin"]);
    for (builder, config) in [
        (oci(), PLUGIN),
        (oci(), "application/x"),
        (docker(), media_type::OCI_CONFIG),
    ] {
        let expected = refused(&format!("unknown manifest class for {config}"));
        assert_eq!(push(&server, builder, config, None).await, expected);
    }
}

#[tokio::test]
async fn lists_have_no_class() {
    let server = server(&["plugin"]);
    let list = IndexBuilder::oci().build();
    server.put_manifest("a", "x", &list).await.expect(201);
}

#[tokio::test]
async fn a_token_is_for_a_class() {
    let server = server(&["image", "plugin"]);
    for (grant, status) in [("a:image", 201), ("b:plugin", 201), ("a:plugin", 403)] {
        let (pushed, message) = push(
            &server,
            ImageBuilder::docker(),
            media_type::DOCKER_CONFIG,
            Some(grant),
        )
        .await;
        assert_eq!(pushed, status, "{grant}");
        if status == 403 {
            assert_eq!(message, "repository not authorized for image manifest");
        }
    }
}
