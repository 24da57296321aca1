//! Which client does which thing.

use anyhow::Result;

use super::lab::Attempt;
use super::{Cell, containerd, cosign, crane, docker, helm, oras, podman, regctl, skopeo};
use crate::tools::{
    BUILDAH, CONTAINERD, COSIGN, CRANE, CRUN, CTR, DOCKER, DOCKERD, HELM, IPTABLES, ORAS, PODMAN, REGCTL,
    RUNC, SKOPEO, Tool, UMOCI,
};

pub(super) const CELLS: [Cell; 24] = [
    cell("docker", IMAGE, ENGINE, docker::image),
    cell("docker", INDEX, ENGINE, docker::index),
    cell("ctr", IMAGE, ENGINE, containerd::image),
    cell("ctr", INDEX, ENGINE, containerd::index),
    cell("podman", IMAGE, &[PODMAN, CRUN], podman::podman_image),
    cell("podman", INDEX, &[PODMAN, CRUN], podman::podman_index),
    cell("buildah", IMAGE, &[BUILDAH], podman::buildah_image),
    cell("buildah", INDEX, &[BUILDAH], podman::buildah_index),
    cell("skopeo", IMAGE, &[SKOPEO], skopeo::image),
    cell("skopeo", INDEX, &[SKOPEO], skopeo::index),
    cell("skopeo", "layout made by umoci", &[SKOPEO, UMOCI], skopeo::umoci),
    cell("crane", IMAGE, &[CRANE], crane::image),
    cell("crane", INDEX, &[CRANE], crane::index),
    cell("regctl", IMAGE, &[REGCTL], regctl::image),
    cell("regctl", INDEX, &[REGCTL], regctl::index),
    cell("regctl", ARTIFACT, &[REGCTL], regctl::artifact),
    // The original wants every entry of an index to be a manifest, and these are layers.
    cell(
        "regctl",
        "build cache, as an index",
        &[REGCTL],
        regctl::cache_index,
    )
    .refused_by_the_original(),
    cell(
        "regctl",
        "build cache, as an image manifest",
        &[REGCTL],
        regctl::cache_manifest,
    ),
    cell("oras", ARTIFACT, &[ORAS], oras::artifact),
    cell("helm", "chart", &[HELM], helm::chart),
    cell(
        "cosign",
        "signature, tag mode",
        COSIGN_AND_CRANE,
        cosign::signature_by_tag,
    ),
    cell(
        "cosign",
        "signature, referrers mode",
        COSIGN_AND_CRANE,
        cosign::signature_by_referrers,
    ),
    cell(
        "cosign",
        "attestation, tag mode",
        COSIGN_AND_CRANE,
        cosign::attestation_by_tag,
    ),
    cell(
        "cosign",
        "attestation, referrers mode",
        COSIGN_AND_CRANE,
        cosign::attestation_by_referrers,
    ),
];

const IMAGE: &str = "single image";
const INDEX: &str = "multi-platform index";
const ARTIFACT: &str = "artifact with a subject";

/// What runs, or asks, a docker engine and its containerd.
const ENGINE: &[Tool] = &[DOCKER, DOCKERD, CONTAINERD, CTR, RUNC, IPTABLES];
/// cosign signs what crane has pushed.
const COSIGN_AND_CRANE: &[Tool] = &[COSIGN, CRANE];

const fn cell(
    client: &'static str,
    thing: &'static str,
    tools: &'static [Tool],
    run: fn(&Attempt<'_>) -> Result<()>,
) -> Cell {
    Cell {
        client,
        thing,
        tools,
        run,
        refused_by_the_original: false,
    }
}
