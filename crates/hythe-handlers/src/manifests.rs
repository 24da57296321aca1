//! `/v2/<name>/manifests/<reference>`: manifests, by tag and by digest.

use http::{HeaderValue, StatusCode, header};
use hythe_api::{Accept, ApiError, ErrorCode, Wanted, headers, manifest_not_modified};
use hythe_auth::Grant;
use hythe_digest::Digest;
use hythe_distribution::{Error, PutManifestOptions, Repository, Trust};
use hythe_manifest::{MAX_MANIFEST_BYTES, Manifest, ManifestError, media_types};
use hythe_reference::{Reference, RepositoryName, Tag};

use crate::classes;
use crate::context::Call;
use crate::error::HttpError;
use crate::reply::{Answer, Reply};
use crate::request_body::{self, BodyFailure, RequestBody};

/// The most tags that one push may set. The OCI distribution spec (Pushing Manifests) asks for 10.
const MAX_TAG_PARAMETERS: usize = 100;

/// Keeps caches from giving the image that was chosen for an old client to all others.
const VARY_BY_ACCEPT: HeaderValue = HeaderValue::from_static("Accept");

/// GET, and HEAD: who asks with HEAD may decide not to push, so that the storage is looked at for it.
pub(crate) async fn get(call: &Call<'_>, name: &RepositoryName, reference: &Reference) -> Answer {
    let repository = call.repository(name);
    let Loaded {
        digest,
        manifest,
        is_negotiated,
    } = load(call, repository.as_ref(), reference).await?;
    let decides_a_push = *call.method() == http::Method::HEAD && !call.shared.read_only;
    if decides_a_push && !repository.manifests().exists(&digest, Trust::Stored).await? {
        return Err(Error::ManifestUnknown {
            repository: name.clone(),
            digest,
        }
        .into());
    }
    let is_known_to_client = manifest_not_modified(call.headers(), &digest);
    let status = if is_known_to_client {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let mut reply = Reply::new(status)
        .text(headers::CONTENT_DIGEST, digest)
        .text(header::ETAG, format_args!("\"{digest}\""));
    if is_negotiated {
        reply = reply.value(header::VARY, VARY_BY_ACCEPT);
    }
    if is_known_to_client {
        return reply.into();
    }
    reply
        .text(header::CONTENT_TYPE, manifest.media_type())
        .text(header::CONTENT_LENGTH, manifest.size())
        .body(manifest.bytes().clone())
        .into()
}

pub(crate) async fn put(
    call: &Call<'_>,
    grant: &Grant,
    name: &RepositoryName,
    reference: &Reference,
    body: RequestBody,
) -> Answer {
    let tags = tags_to_set(call, reference)?;
    let content_type = call.header(header::CONTENT_TYPE).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if call.shared.namespace.manifest_types().get(media_type).is_none() {
        let detail = format!("unsupported manifest media type and no default available: {media_type}");
        return Err(ApiError::new(ErrorCode::ManifestInvalid)
            .with_detail(detail)
            .into());
    }
    let patience = call.shared.body_progress_timeout;
    let memory = call.shared.uploads.memory();
    let collected = request_body::collect(body, call.content_length(), MAX_MANIFEST_BYTES, patience, memory)
        .await
        .map_err(not_read)?;
    let manifest = call
        .shared
        .namespace
        .manifest_types()
        .parse(media_type, collected.bytes.clone())
        .map_err(ApiError::from)?;

    classes::check(&call.shared.repository_classes, grant, name, &manifest)?;
    let repository = call.repository(name);
    let options = PutManifestOptions {
        digest: reference.digest(),
    };
    let descriptor = match repository.manifests().put(&manifest, options).await {
        Err(Error::DigestMismatch { .. }) => return Err(ErrorCode::DigestInvalid.into()),
        put => put?,
    };
    for tag in &tags {
        repository.tags().tag(tag, &descriptor.digest).await?;
    }

    let mut reply = Reply::new(StatusCode::CREATED)
        .text(
            header::LOCATION,
            call.urls().manifest(name, &descriptor.digest.into()),
        )
        .text(headers::CONTENT_DIGEST, descriptor.digest)
        .no_content();
    if let Some(subject) = &manifest.parsed().subject {
        reply = reply.text(headers::OCI_SUBJECT, subject.digest);
    }
    if reference.tag().is_none() {
        reply = tags
            .iter()
            .fold(reply, |reply, tag| reply.text(headers::OCI_TAG, tag));
    }
    reply.into()
}

/// DELETE: a tag, or a manifest with all its tags.
pub(crate) async fn delete(call: &Call<'_>, name: &RepositoryName, reference: &Reference) -> Answer {
    let repository = call.repository(name);
    match reference {
        Reference::Tag(tag) => repository.tags().untag(tag).await?,
        Reference::Digest(digest) => {
            // The tags first: whoever stops between the two leaves a manifest without tags, which can be deleted
            // again, rather than tags without a manifest, which nobody can get or remove by digest.
            repository.tags().untag_all(digest).await?;
            match repository.manifests().delete(digest).await {
                Err(Error::ManifestUnknown { .. }) => return Err(ErrorCode::ManifestUnknown.into()),
                deleted => deleted?,
            }
        }
    }
    Reply::new(StatusCode::ACCEPTED).no_content().into()
}

/// The manifest that answers a GET.
struct Loaded {
    /// The digest the client knows it by.
    digest: Digest,
    manifest: Manifest,
    /// Whether other clients may get another one.
    is_negotiated: bool,
}

async fn load(
    call: &Call<'_>,
    repository: &dyn Repository,
    reference: &Reference,
) -> Result<Loaded, HttpError> {
    let digest = match reference {
        Reference::Tag(tag) => repository.tags().get(tag).await?,
        Reference::Digest(digest) => *digest,
    };
    let manifest = read(repository, &digest).await?;
    let accept = Accept::parse(call.headers());
    let by_tag = reference.tag().is_some();
    let is_negotiated = Accept::decides(manifest.media_type(), by_tag);
    let (digest, manifest) = match accept.wants(manifest.media_type(), by_tag) {
        Wanted::Stored => (digest, manifest),
        Wanted::DefaultPlatform => load_default_platform(&accept, repository, &manifest)
            .await
            .map_err(|error| error.with_header(header::VARY, VARY_BY_ACCEPT))?,
    };
    Ok(Loaded {
        digest,
        manifest,
        is_negotiated,
    })
}

/// A stored manifest. One that cannot be read is not the mistake of whoever asks for it: it is of a kind that is no
/// longer supported, or damaged.
async fn read(repository: &dyn Repository, digest: &Digest) -> Result<Manifest, HttpError> {
    match repository.manifests().get(digest).await {
        Err(Error::ManifestInvalid(
            kind @ (ManifestError::SchemaVersion { .. } | ManifestError::UnrecognizedMediaType { .. }),
        )) => {
            let error = ApiError::new(ErrorCode::ManifestUnknown);
            Err(error.with_message(kind.to_string()).into())
        }
        Err(Error::ManifestInvalid(error)) => Err(Error::Damaged {
            what: format!("manifest {digest} cannot be read: {error}"),
        }
        .into()),
        read => Ok(read?),
    }
}

/// The image of a Docker list for clients that are older than lists.
async fn load_default_platform(
    accept: &Accept,
    repository: &dyn Repository,
    list: &Manifest,
) -> Result<(Digest, Manifest), HttpError> {
    let mut children = list.parsed().manifests.iter();
    let is_default =
        |platform: &hythe_manifest::Platform| platform.os == "linux" && platform.architecture == "amd64";
    let child = children.find(|child| child.platform.as_ref().is_some_and(is_default));
    let child = child.ok_or(ErrorCode::ManifestUnknown)?;
    let manifest = read(repository, &child.digest).await?;
    let is_docker_image = manifest.media_type().is(media_types::DOCKER_MANIFEST);
    if is_docker_image && !accept.accepts(media_types::DOCKER_MANIFEST) {
        let error = ApiError::new(ErrorCode::ManifestInvalid);
        return Err(error
            .with_message("Schema 2 manifest not supported by client")
            .into());
    }
    Ok((child.digest, manifest))
}

/// The tag in the path, or those in the parameters of a push by digest.
fn tags_to_set(call: &Call<'_>, reference: &Reference) -> Result<Vec<Tag>, HttpError> {
    if let Reference::Tag(tag) = reference {
        return Ok(vec![tag.clone()]);
    }
    let mut tags: Vec<Tag> = Vec::new();
    for text in call.query.get_all("tag") {
        let tag = Tag::parse(text).map_err(|error| {
            ApiError::new(ErrorCode::TagInvalid)
                .with_message("invalid tag")
                .with_detail(error.to_string())
        })?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
        if tags.len() > MAX_TAG_PARAMETERS {
            let detail = format!("more than {MAX_TAG_PARAMETERS} tags in one request");
            let error = ApiError::new(ErrorCode::TagInvalid)
                .with_message("too many tags")
                .with_detail(detail);
            return Err(error.with_status(StatusCode::URI_TOO_LONG).into());
        }
    }
    Ok(tags)
}

fn not_read(failure: BodyFailure) -> HttpError {
    let error = ApiError::new(ErrorCode::ManifestInvalid);
    let error = match failure {
        BodyFailure::TooLong => error
            .with_status(StatusCode::PAYLOAD_TOO_LARGE)
            .with_detail("http: request body too large"),
        BodyFailure::Stalled => error
            .with_status(StatusCode::REQUEST_TIMEOUT)
            .with_detail("the body did not arrive in time"),
        BodyFailure::Stopped | BodyFailure::TooShort => error.with_detail("client disconnected"),
    };
    HttpError::from(error).closing()
}
