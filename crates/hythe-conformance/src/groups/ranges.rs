//! Range requests on blobs (RFC 9110, section 14).

use hythe_testutil::{Algorithm, Request};

use crate::context::{Context, blob_path};
use crate::failure::{Outcome, ensure};
use crate::suite::{Group, Scope};

const LENGTH: usize = 2048;

pub(super) fn ranges() -> Group {
    let mut group = Group::new("ranges", Scope::Specification, "parts of a blob can be read");
    let satisfiable = [
        ("500-1499", 500, 1500),
        ("500-", 500, LENGTH),
        ("-500", LENGTH - 500, LENGTH),
        ("2000-5000", 2000, LENGTH),
        ("0-0", 0, 1),
        ("0-", 0, LENGTH),
        ("2047-2047", 2047, LENGTH),
        ("-5000", 0, LENGTH),
    ];
    for (range, start, end) in satisfiable {
        let name = format!("bytes={range} of {LENGTH} bytes is 206 with the bytes from {start} up to {end}");
        group = group.case(name, move |context| partial(context, range, start, end));
    }
    for range in ["500-0", "5000-10000", "2048-"] {
        let name = format!("bytes={range} of {LENGTH} bytes is 416");
        group = group.case(name, move |context| unsatisfiable(context, range));
    }
    group.case("HEAD of a blob says that ranges are accepted", accepted)
}

async fn partial(mut context: Context, range: &'static str, start: usize, end: usize) -> Outcome {
    let blob = context.blob(LENGTH, Algorithm::Sha256);
    context.push_blob(&context.repository, &blob).await?;
    let path = blob_path(&context.repository, &blob.digest);
    let response = context
        .send(Request::get(path).header("range", format!("bytes={range}")))
        .await?;
    response
        .expect_status(&[206])?
        .expect_header("content-length", &(end - start).to_string())?
        .expect_body(&blob.bytes[start..end])?;
    let content_range = response.header("content-range").unwrap_or("");
    let expected = format!("bytes {start}-{}/", end - 1);
    let total = content_range.strip_prefix(&expected);
    ensure!(
        total == Some("2048") || total == Some("*"),
        "{}: Content-Range is {content_range:?}, expected {expected}{LENGTH}",
        response.request
    );
    Ok(())
}

async fn unsatisfiable(mut context: Context, range: &'static str) -> Outcome {
    let blob = context.blob(LENGTH, Algorithm::Sha256);
    context.push_blob(&context.repository, &blob).await?;
    let path = blob_path(&context.repository, &blob.digest);
    let response = context
        .send(Request::get(path).header("range", format!("bytes={range}")))
        .await?;
    response.expect_status(&[416])?;
    Ok(())
}

async fn accepted(mut context: Context) -> Outcome {
    let blob = context.blob(LENGTH, Algorithm::Sha256);
    context.push_blob(&context.repository, &blob).await?;
    let response = context
        .send(Request::head(blob_path(&context.repository, &blob.digest)))
        .await?;
    response
        .expect_status(&[200])?
        .expect_header("accept-ranges", "bytes")?;
    Ok(())
}
