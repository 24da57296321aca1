//! The base route, by which clients find out that there is a registry.

use hythe_testutil::Request;

use crate::context::Context;
use crate::failure::Outcome;
use crate::suite::{Group, Scope};

pub(super) fn base() -> Group {
    Group::new(
        "base",
        Scope::Specification,
        "GET /v2/ says that there is a registry",
    )
    .case("GET /v2/ is 200 and names the version of the API", answers)
}

async fn answers(context: Context) -> Outcome {
    let response = context.send(Request::get("/v2/")).await?;
    response
        .expect_status(&[200])?
        .expect_header("docker-distribution-api-version", "registry/2.0")?;
    Ok(())
}
