//! Who is sent to the storage instead of being given the bytes: whoever GETs a blob, where the storage can serve
//! it and the operator has not switched it off. A HEAD is always answered here, with size and digest.

use http::{Method, Response, StatusCode, header};
use hythe_api::headers;
use hythe_digest::Digest;
use hythe_distribution::{BlobProvider, RedirectRequest};

use crate::blob::media_type;
use crate::context::Call;
use crate::error::HttpError;
use crate::reply::Reply;
use crate::response_body::ResponseBody;

/// The redirect; `None`: serve it here.
pub(crate) async fn to_storage<P: BlobProvider + ?Sized>(
    call: &Call<'_>,
    blobs: &P,
    digest: &Digest,
) -> Result<Option<Response<ResponseBody>>, HttpError> {
    if !call.shared.redirect {
        return Ok(None);
    }
    let request = RedirectRequest {
        method: Method::GET,
        client: call.client(),
    };
    let Some((descriptor, address)) = blobs.redirect_url(digest, &request).await? else {
        return Ok(None);
    };
    let reply = Reply::new(StatusCode::TEMPORARY_REDIRECT)
        .text(header::LOCATION, address)
        .text(header::CONTENT_TYPE, media_type(&descriptor))
        .text(headers::CONTENT_DIGEST, descriptor.digest)
        .no_content();
    Ok(Some(reply.done()))
}
