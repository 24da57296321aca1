//! `policy.repository.classes`: which classes of images may be pushed, and whether the client's token is for them.
//!
//! What the class is, is read off the config of an image. Only distribution and docker's plugins know of classes; an
//! image of another class, any artifact among them, is refused as soon as one class is configured.

use hythe_api::{ApiError, ErrorCode};
use hythe_auth::Grant;
use hythe_manifest::{Manifest, ManifestKind, MediaType, media_types};
use hythe_reference::RepositoryName;

use crate::error::HttpError;

/// Refuses a manifest whose class is not among the allowed ones, or not what the grant is for. Lists have no class.
pub(crate) fn check(
    allowed: &[String],
    grant: &Grant,
    name: &RepositoryName,
    manifest: &Manifest,
) -> Result<(), HttpError> {
    if allowed.is_empty() || manifest.parsed().kind == ManifestKind::Index {
        return Ok(());
    }
    let config = manifest.parsed().config.as_ref();
    let config = config.and_then(|config| config.media_type.as_ref());
    let config = config.map_or("", MediaType::as_str);
    let Some(class) = class_of(manifest, config) else {
        return Err(denied(format!("unknown manifest class for {config}")));
    };
    if !allowed.iter().any(|allowed| allowed == class) {
        return Err(denied(format!("registry does not allow {class} manifest")));
    }
    let mut granted = grant
        .resources
        .iter()
        .filter(|resource| resource.name == name.as_str())
        .peekable();
    if granted.peek().is_some() && !granted.any(|resource| resource.class == class) {
        return Err(denied(format!("repository not authorized for {class} manifest")));
    }
    Ok(())
}

fn class_of(manifest: &Manifest, config: &str) -> Option<&'static str> {
    let is_docker = manifest.media_type().is(media_types::DOCKER_MANIFEST);
    match config {
        media_types::DOCKER_CONFIG if is_docker => Some("image"),
        media_types::DOCKER_PLUGIN_CONFIG if is_docker => Some("plugin"),
        media_types::OCI_CONFIG if !is_docker => Some("image"),
        _ => None,
    }
}

fn denied(message: String) -> HttpError {
    ApiError::new(ErrorCode::Denied).with_message(message).into()
}
