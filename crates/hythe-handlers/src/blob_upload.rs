//! `/v2/<name>/blobs/uploads/`: getting a blob into a repository, by mounting or by uploading it.
//!
//! ```text
//! POST ──201──▶ mounted, or stored with what the request carried
//!  └───202──▶ session ──PATCH 202──▶ session ──PUT 201──▶ stored
//!                        out of order: 416, wrong digest: 400; the session stays
//! ```

use http::{HeaderValue, Response, StatusCode, header};
use hythe_api::{ApiError, ContentRange, ErrorCode, UploadState, headers};
use hythe_auth::{Access, Action};
use hythe_digest::{Algorithm, Digest};
use hythe_distribution::{
    BlobCreated, BlobWriter, CreateOptions, Error, Mount, Repository, ResumeOptions, UploadId, UploadStatus,
};
use hythe_reference::RepositoryName;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::authorize;
use crate::context::Call;
use crate::error::HttpError;
use crate::reply::{Answer, Reply};
use crate::request_body::{BodyFailure, RequestBody};
use crate::response_body::ResponseBody;
use crate::upload_body::{Otherwise, Then, Upload, Uploaded};

/// POST: mounts a blob, stores one that the request carries, or starts a session.
pub(crate) async fn start(call: &Call<'_>, name: &RepositoryName, body: RequestBody) -> Answer {
    let digest = call.query.get_nonempty("digest").map(parse_digest).transpose()?;
    let options = CreateOptions {
        mount: mount(call).await,
        algorithm: match digest {
            Some(digest) => Some(digest.algorithm()),
            None => call
                .query
                .get_nonempty("digest-algorithm")
                .map(parse_algorithm)
                .transpose()?,
        },
    };
    let mounted = options.mount.as_ref().map(|mount| mount.digest);
    let repository = call.repository(name);
    match (repository.blobs().create(options).await?, digest) {
        (BlobCreated::Mounted(descriptor), _) => {
            Ok(created(call, name, &mounted.unwrap_or(descriptor.digest)))
        }
        (BlobCreated::Upload(writer), Some(digest)) => {
            store(call, repository.as_ref(), writer, digest, body).await
        }
        (BlobCreated::Upload(writer), None) => {
            let session = Session {
                call,
                name,
                id: writer.id(),
            };
            let status = UploadStatus {
                size: 0,
                started_at: writer.started_at(),
            };
            let mark = writer.mark();
            writer.suspend().await?;
            let mut reply = session
                .describe_with(StatusCode::ACCEPTED, status, mark)
                .no_content();
            if let Some(bytes) = call.shared.chunk_min_length {
                reply = reply.text(headers::OCI_CHUNK_MIN_LENGTH, bytes);
            }
            reply.into()
        }
    }
}

/// POST to the URL of a session: a new one, once the old one has been shown to be known.
pub(crate) async fn start_beside(
    call: &Call<'_>,
    name: &RepositoryName,
    uuid: &str,
    body: RequestBody,
) -> Answer {
    let session = Session::parse(call, name, uuid)?;
    let believed = session.believed()?;
    let status = call.repository(name).blobs().upload_status(&session.id).await?;
    if believed.is_some_and(|state| state.offset != status.size) {
        return Err(session.out_of_order(status));
    }
    start(call, name, body).await
}

/// GET and HEAD: how far the upload has come.
pub(crate) async fn show(call: &Call<'_>, name: &RepositoryName, uuid: &str) -> Answer {
    let session = Session::parse(call, name, uuid)?;
    let status = call.repository(name).blobs().upload_status(&session.id).await?;
    session.describe(StatusCode::NO_CONTENT, status).into()
}

/// PATCH: appends the body.
pub(crate) async fn append(call: &Call<'_>, name: &RepositoryName, uuid: &str, body: RequestBody) -> Answer {
    let session = Session::parse(call, name, uuid)?;
    let believed = session.believed()?;
    let (writer, announced) = session.open(believed).await?;
    let started_at = writer.started_at();
    let upload = Upload {
        body,
        announced,
        writer,
        then: Then::Suspend,
        otherwise: Otherwise::Suspend,
    };
    match session.run(upload).await? {
        Uploaded::Suspended { size } => {
            let status = UploadStatus { size, started_at };
            session.describe(StatusCode::ACCEPTED, status).no_content().into()
        }
        Uploaded::BrokeOff { failure } => Err(broke_off(failure)),
        Uploaded::Committed(digest) => Ok(created(call, name, &digest)),
    }
}

/// PUT: appends the body, if there is one, and stores the blob.
pub(crate) async fn finish(call: &Call<'_>, name: &RepositoryName, uuid: &str, body: RequestBody) -> Answer {
    let session = Session::parse(call, name, uuid)?;
    let believed = session.believed()?;
    let digest = match digest_of_all(call) {
        Ok(digest) => digest,
        Err(refusal) => return Err(session.refuse(refusal).await),
    };
    let (writer, announced) = session.open(believed).await?;
    let upload = Upload {
        body,
        announced,
        writer,
        then: Then::Commit(digest),
        otherwise: Otherwise::Suspend,
    };
    match session.run(upload).await? {
        Uploaded::BrokeOff { failure } => Err(broke_off(failure)),
        Uploaded::Committed(_) | Uploaded::Suspended { .. } => Ok(created(call, name, &digest)),
    }
}

/// DELETE: ends the session. Where the client believes it to be does not matter any more.
pub(crate) async fn cancel(call: &Call<'_>, name: &RepositoryName, uuid: &str) -> Answer {
    let session = Session::parse(call, name, uuid)?;
    session.believed()?;
    let writer = session.resume(ResumeOptions::default()).await?;
    writer.cancel().await?;
    Reply::new(StatusCode::NO_CONTENT)
        .text(headers::UPLOAD_UUID, session.id)
        .into()
}

/// Anything but a start without the name of a session: there is no such session.
pub(crate) fn miss() -> Answer {
    Err(unknown())
}

fn unknown() -> HttpError {
    ApiError::new(ErrorCode::BlobUploadUnknown)
        .with_detail("blob upload unknown")
        .into()
}

/// A session as a request names it.
struct Session<'a> {
    call: &'a Call<'a>,
    name: &'a RepositoryName,
    id: UploadId,
}

impl<'a> Session<'a> {
    fn parse(call: &'a Call<'a>, name: &'a RepositoryName, uuid: &str) -> Result<Self, HttpError> {
        match UploadId::parse(uuid) {
            Ok(id) => Ok(Self { call, name, id }),
            Err(_) => Err(unknown()),
        }
    }

    /// Where the client believes the session to stand, from the `_state` of its URL.
    ///
    /// A client may drop the parameter. If the operator chose a secret, what is there has to be ours; otherwise
    /// it may come from this server before a restart, and is no more than a hint.
    fn believed(&self) -> Result<Option<UploadState>, HttpError> {
        let Some(token) = self.call.query.get_nonempty("_state") else {
            return Ok(None);
        };
        let invalid = || ApiError::new(ErrorCode::BlobUploadInvalid);
        let state = match UploadState::decode(token, &self.call.shared.secret) {
            Ok(state) => state,
            Err(error) if self.call.shared.secret_configured => {
                return Err(invalid().with_detail(error.to_string()).into());
            }
            Err(_) => return Ok(None),
        };
        if state.name != self.name.as_str() || state.uuid != self.id.to_string() {
            return Err(invalid().into());
        }
        Ok(Some(state))
    }

    /// Opens the session for the body of this request, and says how many bytes that has to have.
    async fn open(
        &self,
        believed: Option<UploadState>,
    ) -> Result<(Box<dyn BlobWriter>, Option<u64>), HttpError> {
        let mut options = match believed {
            Some(state) => ResumeOptions {
                expected_size: Some(state.offset),
                mark: state.mark,
            },
            None => ResumeOptions::default(),
        };
        let length = self.call.content_length();
        let Some(range) = self.call.headers().get(header::CONTENT_RANGE) else {
            return Ok((self.resume(options).await?, length));
        };
        let range = match ContentRange::parse(range.to_str().unwrap_or_default()) {
            Ok(range) => range,
            Err(error) => return Err(self.refuse(ApiError::from(error).into()).await),
        };
        let believed = options.expected_size.replace(range.first);
        if range.first > range.last || believed.is_some_and(|size| size != range.first) {
            return Err(self.conflict().await);
        }
        let writer = self.resume(options).await?;
        let expected = range.last - range.first + 1;
        range
            .check(writer.size(), length.unwrap_or(expected))
            .map_err(ApiError::from)?;
        Ok((writer, Some(expected)))
    }

    async fn resume(&self, options: ResumeOptions) -> Result<Box<dyn BlobWriter>, HttpError> {
        let repository = self.call.repository(self.name);
        match repository.blobs().resume(&self.id, options).await {
            Err(Error::UploadOffset { .. }) => Err(self.conflict().await),
            resumed => Ok(resumed?),
        }
    }

    async fn run(&self, upload: Upload) -> Result<Uploaded, HttpError> {
        match self.call.shared.uploads.run(upload).await {
            Err(Error::UploadOffset { .. }) => Err(self.conflict().await),
            uploaded => Ok(uploaded?),
        }
    }

    /// The answer to a malformed request: that there is no such session, or else what is wrong.
    async fn refuse(&self, refusal: HttpError) -> HttpError {
        let repository = self.call.repository(self.name);
        match repository.blobs().upload_status(&self.id).await {
            Ok(_) => refusal,
            Err(error) => error.into(),
        }
    }

    /// The answer to who is not where the session is.
    async fn conflict(&self) -> HttpError {
        match self
            .call
            .repository(self.name)
            .blobs()
            .upload_status(&self.id)
            .await
        {
            Ok(status) => self.out_of_order(status),
            Err(error) => error.into(),
        }
    }

    /// 416, with the place from where to go on.
    fn out_of_order(&self, status: UploadStatus) -> HttpError {
        let described = self.describe(StatusCode::RANGE_NOT_SATISFIABLE, status).done();
        let error = HttpError::from(ErrorCode::RangeInvalid);
        described.headers().iter().fold(error, |error, (name, value)| {
            error.with_header(name.clone(), value.clone())
        })
    }

    /// Where the session is, and how far it has come.
    fn describe(&self, status: StatusCode, upload: UploadStatus) -> Reply {
        self.describe_with(status, upload, None)
    }

    /// The same with what an empty session can be continued by.
    fn describe_with(&self, status: StatusCode, upload: UploadStatus, mark: Option<String>) -> Reply {
        let uuid = self.id.to_string();
        let state = UploadState {
            name: self.name.to_string(),
            uuid: uuid.clone(),
            offset: upload.size,
            started_at: OffsetDateTime::from(upload.started_at)
                .format(&Rfc3339)
                .unwrap_or_default(),
            mark,
        };
        let token = state.encode(&self.call.shared.secret);
        let location = self.call.urls().upload(self.name, &uuid, &[("_state", &token)]);
        Reply::new(status)
            .text(header::LOCATION, location)
            .text(header::RANGE, ContentRange::received(upload.size))
            .text(headers::UPLOAD_UUID, uuid)
    }
}

/// Stores the body of a POST. Its client does not know the session, so that nothing stays of what fails.
async fn store(
    call: &Call<'_>,
    repository: &dyn Repository,
    writer: Box<dyn BlobWriter>,
    digest: Digest,
    body: RequestBody,
) -> Answer {
    let id = writer.id();
    let announced = call.content_length();
    let upload = Upload {
        body,
        announced,
        writer,
        then: Then::Commit(digest),
        otherwise: Otherwise::Cancel,
    };
    match call.shared.uploads.run(upload).await {
        Ok(Uploaded::BrokeOff { failure }) => Err(broke_off(failure)),
        Ok(_) => Ok(created(call, repository.name(), &digest)),
        Err(error) => {
            if let Err(second) = remove(repository, &id).await {
                tracing::warn!(
                    error = &second as &dyn std::error::Error,
                    "upload could not be removed"
                );
            }
            Err(error.into())
        }
    }
}

/// Removes a session that failed to become a blob, if there is still one.
async fn remove(repository: &dyn Repository, id: &UploadId) -> Result<(), Error> {
    match repository.blobs().resume(id, ResumeOptions::default()).await {
        Err(Error::UploadUnknown { .. }) => Ok(()),
        resumed => resumed?.cancel().await,
    }
}

/// What the client wants to be mounted, and from where. What makes no sense asks for an upload, as in
/// distribution; a source that is named has been authorized with the request.
async fn mount(call: &Call<'_>) -> Option<Mount> {
    let digest = Digest::parse(call.query.get_nonempty("mount")?).ok()?;
    let from = match call.query.get_nonempty("from") {
        Some(source) => vec![RepositoryName::parse(source).ok()?],
        None => readable(call, call.shared.namespace.mount_candidates(&digest)).await,
    };
    (!from.is_empty()).then_some(Mount { digest, from })
}

/// Those repositories that the client may pull from.
async fn readable(call: &Call<'_>, candidates: Vec<RepositoryName>) -> Vec<RepositoryName> {
    let pull = |name: &RepositoryName| Access::repository(name, Action::Pull);
    let all: Vec<_> = candidates.iter().map(pull).collect();
    if authorize::may(call, &all).await {
        return candidates;
    }
    let mut readable = Vec::new();
    for name in candidates {
        if authorize::may(call, &[pull(&name)]).await {
            readable.push(name);
        }
    }
    readable
}

/// 201: the repository has the blob.
fn created(call: &Call<'_>, name: &RepositoryName, digest: &Digest) -> Response<ResponseBody> {
    Reply::new(StatusCode::CREATED)
        .text(header::LOCATION, call.urls().blob(name, digest))
        .text(headers::CONTENT_DIGEST, digest)
        .no_content()
        .done()
}

/// The digest that the whole upload has to have.
fn digest_of_all(call: &Call<'_>) -> Result<Digest, HttpError> {
    let missing = || ApiError::new(ErrorCode::DigestInvalid).with_detail("digest missing");
    parse_digest(call.query.get_nonempty("digest").ok_or_else(missing)?)
}

fn parse_digest(text: &str) -> Result<Digest, HttpError> {
    Digest::parse(text).map_err(|_| {
        ApiError::new(ErrorCode::DigestInvalid)
            .with_detail("digest parsing failed")
            .into()
    })
}

fn parse_algorithm(text: &str) -> Result<Algorithm, HttpError> {
    text.parse().map_err(|error| ApiError::from(error).into())
}

/// The answer to a body that did not come whole; nobody may be there to read it. The connection is of no more
/// use: where the next request begins in it is not known.
fn broke_off(failure: BodyFailure) -> HttpError {
    let error = ApiError::new(ErrorCode::SizeInvalid);
    let error = match failure {
        BodyFailure::TooLong => error.with_detail("the body is longer than announced"),
        BodyFailure::Stalled => error
            .with_status(StatusCode::REQUEST_TIMEOUT)
            .with_detail("the body did not arrive in time"),
        BodyFailure::Stopped | BodyFailure::TooShort => error.with_detail("client disconnected"),
    };
    HttpError::from(error).with_header(header::CONNECTION, HeaderValue::from_static("close"))
}
