//! Images, indexes and artifacts of every shape, from push to deletion.

use hythe_testutil::content::media_type;
use hythe_testutil::{Algorithm, Content, ImageBuilder, IndexBuilder};
use serde_json::json;

use crate::context::Context;
use crate::failure::Outcome;
use crate::item::Item;
use crate::suite::{Group, Scope};

const ARTIFACT_TYPE: &str = "application/vnd.example.artifact.v1";

pub(super) fn data() -> Group {
    Group::new(
        "data",
        Scope::Specification,
        "everything that can be described by manifests, addressed by sha256",
    )
    .case("an image", |mut context| async move {
        let mut item = Item::default();
        item.add_image(&mut context, Algorithm::Sha256, "amd64");
        item.tag("image");
        item.live(&context).await
    })
    .case("an image with uncompressed layers", |context| {
        layers_of(context, media_type::OCI_LAYER)
    })
    .case("an image with zstd layers", |context| {
        layers_of(context, media_type::OCI_LAYER_ZSTD)
    })
    .case("an image whose manifest has 3.9 MB", large_manifest)
    .case("an image without layers", no_layers)
    .case(
        "an image with members that nobody knows",
        |mut context| async move { Item::with_unknown_members(&mut context).live(&context).await },
    )
    .case("an image whose descriptors carry their data", embedded_data)
    .case("an image of Docker schema 2", docker_image)
    .case("an index for two platforms", |mut context| async move {
        let mut item = Item::default();
        item.add_index(&mut context, Algorithm::Sha256);
        item.tag("index");
        item.live(&context).await
    })
    .case("an index of indexes", nested_index)
    .case("an empty index", |context| async move {
        let mut item = Item::default();
        item.add_manifest(IndexBuilder::oci().build());
        item.tag("empty");
        item.live(&context).await
    })
    .case("a Docker manifest list", docker_list)
    .case("an artifact", |mut context| async move {
        let mut item = Item::default();
        item.add_artifact(&mut context, ARTIFACT_TYPE, |artifact| artifact);
        item.tag("artifact");
        item.live(&context).await
    })
    .case("an artifact without layers of its own", artifact_without_layers)
    .case("an index of artifacts", artifact_index)
    .case("two tags on one manifest", two_tags)
    .case("a tag that is moved to another manifest", moved_tag)
}

pub(super) fn sha512_data() -> Group {
    Group::new(
        "sha512-data",
        Scope::Specification,
        "images and indexes addressed by sha512 throughout",
    )
    .case("an image", |mut context| async move {
        let mut item = Item::default();
        item.add_image(&mut context, Algorithm::Sha512, "amd64");
        item.live(&context).await
    })
    .case("an index for two platforms", |mut context| async move {
        let mut item = Item::default();
        item.add_index(&mut context, Algorithm::Sha512);
        item.live(&context).await
    })
    .case(
        "an image addressed by sha512 whose layers are addressed by sha256",
        mixed_algorithms,
    )
}

pub(super) fn non_distributable() -> Group {
    Group::new(
        "non-distributable",
        Scope::Specification,
        "layers that must not be distributed need not be pushed",
    )
    .case(
        "an OCI image with two layers that are elsewhere",
        non_distributable_layers,
    )
}

pub(super) fn sparse() -> Group {
    Group::new(
        "sparse",
        Scope::Sparse,
        "manifests may refer to content that is not there",
    )
    .case("an image without one of its layers", sparse_image)
    .case("an index without one of its images", sparse_index)
}

async fn layers_of(mut context: Context, layer_type: &'static str) -> Outcome {
    let mut item = Item::default();
    let config = Content::config("linux", "amd64", context.random.number(), Algorithm::Sha256);
    let layer = Content::new(layer_type, context.random.bytes(2000), Algorithm::Sha256);
    item.add_manifest(
        ImageBuilder::oci()
            .config(config.descriptor())
            .layer(layer.descriptor())
            .build(),
    );
    item.blobs = vec![config, layer];
    item.tag("image");
    item.live(&context).await
}

async fn large_manifest(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let config = Content::config("linux", "amd64", context.random.number(), Algorithm::Sha256);
    let mut image = ImageBuilder::oci().config(config.descriptor());
    let filling = "A".repeat(10_000);
    for number in 0..390 {
        image = image.annotation(&format!("org.example.filling.{number}"), &filling);
    }
    item.blobs.push(config);
    item.add_manifest(image.build());
    item.tag("large");
    item.live(&context).await
}

async fn no_layers(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let config = Content::config("linux", "amd64", context.random.number(), Algorithm::Sha256);
    item.add_manifest(ImageBuilder::oci().config(config.descriptor()).build());
    item.blobs.push(config);
    item.tag("no-layers");
    item.live(&context).await
}

async fn embedded_data(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let config = Content::empty_json(Algorithm::Sha256);
    let layer = Content::new("text/plain", "hello", Algorithm::Sha256);
    let image = ImageBuilder::oci()
        .artifact_type(ARTIFACT_TYPE)
        .config(config.descriptor_with("data", json!("e30=")))
        .layer(layer.descriptor_with("data", json!("aGVsbG8=")))
        .annotation("salt", &context.random.letters(10));
    item.add_manifest(image.build());
    item.blobs = vec![config, layer];
    item.tag("data");
    item.live(&context).await
}

async fn docker_image(mut context: Context) -> Outcome {
    let mut item = Item::default();
    add_docker_image(&mut item, &mut context, "amd64");
    item.tag("docker");
    item.live(&context).await
}

fn add_docker_image(item: &mut Item, context: &mut Context, architecture: &str) -> Content {
    let mut config = Content::config("linux", architecture, context.random.number(), Algorithm::Sha256);
    media_type::DOCKER_CONFIG.clone_into(&mut config.media_type);
    let layer = Content::new(
        media_type::DOCKER_LAYER,
        context.random.bytes(700),
        Algorithm::Sha256,
    );
    let image = ImageBuilder::docker()
        .config(config.descriptor())
        .layer(layer.descriptor())
        .build();
    item.blobs.push(config);
    item.blobs.push(layer);
    item.add_manifest(image)
}

async fn nested_index(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let inner = [
        item.add_index(&mut context, Algorithm::Sha256),
        item.add_index(&mut context, Algorithm::Sha256),
    ];
    let outer = inner.iter().fold(IndexBuilder::oci(), |outer, index| {
        outer.manifest(index.descriptor())
    });
    item.add_manifest(outer.build());
    item.tag("index-of-indexes");
    item.live(&context).await
}

async fn docker_list(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let mut list = IndexBuilder::docker();
    for architecture in ["amd64", "arm64"] {
        let image = add_docker_image(&mut item, &mut context, architecture);
        list = list.platform(&image, "linux", architecture);
    }
    item.add_manifest(list.build());
    item.tag("list");
    item.live(&context).await
}

async fn artifact_without_layers(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let empty = Content::empty_json(Algorithm::Sha256);
    let artifact = ImageBuilder::oci()
        .artifact_type(ARTIFACT_TYPE)
        .config(empty.descriptor())
        .layer(empty.descriptor())
        .annotation("salt", &context.random.letters(10));
    item.add_manifest(artifact.build());
    item.blobs.push(empty);
    item.tag("artifact");
    item.live(&context).await
}

async fn artifact_index(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let mut index = IndexBuilder::oci().artifact_type(ARTIFACT_TYPE);
    for architecture in ["amd64", "arm64"] {
        let artifact = item.add_artifact(&mut context, ARTIFACT_TYPE, |artifact| artifact);
        index = index.platform(&artifact, "linux", architecture);
    }
    item.add_manifest(index.build());
    item.tag("artifact-index");
    item.live(&context).await
}

async fn two_tags(mut context: Context) -> Outcome {
    let mut item = Item::default();
    item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.tag("first");
    item.tag("second");
    item.live(&context).await
}

async fn moved_tag(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let before = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    let after = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.push(&context).await?;
    let repository = &context.repository;
    for manifest in [&before, &after] {
        context.push_manifest(repository, "moved", manifest).await?;
        context.check_manifest(repository, "moved", manifest).await?;
    }
    context.check_manifest(repository, &before.digest, &before).await
}

async fn mixed_algorithms(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let config = Content::config("linux", "amd64", context.random.number(), Algorithm::Sha512);
    let layer = Content::new(
        media_type::OCI_LAYER_GZIP,
        context.random.bytes(700),
        Algorithm::Sha256,
    );
    let image = ImageBuilder::oci()
        .config(config.descriptor())
        .layer(layer.descriptor());
    item.add_manifest(image.build_with(Algorithm::Sha512));
    item.blobs = vec![config, layer];
    item.live(&context).await
}

async fn non_distributable_layers(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let config = Content::config("linux", "amd64", context.random.number(), Algorithm::Sha256);
    let mut image = ImageBuilder::oci().config(config.descriptor());
    for layer_type in [
        media_type::OCI_LAYER_NONDISTRIBUTABLE_GZIP,
        media_type::OCI_LAYER_NONDISTRIBUTABLE,
    ] {
        let layer = Content::new(layer_type, context.random.bytes(100), Algorithm::Sha256);
        let place = format!(
            "https://store.example.com/blobs/{}",
            layer.digest.replace(':', "/")
        );
        image = image.layer(layer.descriptor_with("urls", json!([place])));
    }
    let pushed = Content::new(
        media_type::OCI_LAYER_GZIP,
        context.random.bytes(700),
        Algorithm::Sha256,
    );
    image = image.layer(pushed.descriptor());
    item.blobs = vec![config, pushed];
    item.add_manifest(image.build());
    item.tag("non-distributable");
    item.live(&context).await
}

async fn sparse_image(mut context: Context) -> Outcome {
    let mut item = Item::default();
    item.add_image(&mut context, Algorithm::Sha256, "amd64");
    item.blobs.pop();
    item.tag("sparse-image");
    item.live(&context).await
}

async fn sparse_index(mut context: Context) -> Outcome {
    let mut item = Item::default();
    let image = item.add_image(&mut context, Algorithm::Sha256, "amd64");
    let missing = Content::new(
        media_type::OCI_IMAGE,
        context.random.bytes(1024),
        Algorithm::Sha256,
    );
    let index = IndexBuilder::oci()
        .platform(&image, "linux", "amd64")
        .platform(&missing, "linux", "arm64");
    item.add_manifest(index.build());
    item.tag("sparse-index");
    item.live(&context).await
}
