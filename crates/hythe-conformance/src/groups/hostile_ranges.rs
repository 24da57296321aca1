//! Ranges that are none, and page sizes that are none.

use hythe_testutil::{Algorithm, Request};

use crate::context::{Context, blob_path};
use crate::failure::{Outcome, ensure};
use crate::suite::{Group, Scope};

pub(super) fn hostile_ranges() -> Group {
    let mut group = Group::new(
        "hostile-ranges",
        Scope::Hythe,
        "ranges that are none get the blob, a part of it, or 416",
    );
    for range in [
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=0",
        "bytes=--1",
        "bytes=-0",
        "bytes=5-1",
        "bytes=0-1-2",
        "bytes=99999999999999999999-",
        "bytes=0-99999999999999999999999999",
        "bytes=-99999999999999999999999999",
        "bytes=18446744073709551615-18446744073709551615",
        "items=0-1",
        "bytes=0-1,",
        "bytes=,0-1",
        "bytes= 0 - 1 ",
        "bytes=0-1, 3-4",
        "bytes=0-10,5-15,0-",
    ] {
        group = group.case(format!("Range: {range}"), move |context| {
            check(context, range.to_owned())
        });
    }
    group
        .case(
            "a Range of 2000 overlapping parts does not multiply the blob",
            |context| check(context, format!("bytes={}", vec!["0-"; 2000].join(","))),
        )
        .case("ranges of the empty blob", |context| async move {
            let blob = hythe_testutil::Content::blob("");
            context.push_blob(&context.repository, &blob).await?;
            for range in ["bytes=0-", "bytes=-1", "bytes=0-0", "bytes=5-1"] {
                let path = blob_path(&context.repository, &blob.digest);
                let response = context.send(Request::get(path).header("range", range)).await?;
                response.expect_status(&[200, 206, 416])?;
                ensure!(
                    response.status == 416 || response.body.is_empty(),
                    "{range}: {} bytes",
                    response.body.len()
                );
            }
            Ok(())
        })
}

async fn check(mut context: Context, range: String) -> Outcome {
    let blob = context.blob(2000, Algorithm::Sha256);
    context.push_blob(&context.repository, &blob).await?;
    let path = blob_path(&context.repository, &blob.digest);
    let response = context.send(Request::get(path).header("range", range)).await?;
    response.expect_status(&[200, 206, 416])?;
    match response.status {
        200 => response.expect_body(&blob.bytes).map(|_| ())?,
        206 => ensure!(
            response.body.len() < 2 * blob.bytes.len(),
            "{} bytes of a blob of {}",
            response.body.len(),
            blob.bytes.len()
        ),
        _ => {}
    }
    Ok(())
}
