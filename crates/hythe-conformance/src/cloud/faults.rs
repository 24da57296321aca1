//! A push and a pull while every request to the storage fails once.
//!
//! The drivers' own tests disturb one call at a time; here it is the whole registry, from the client's first request to
//! the verified bytes. Whatever happens once must not be seen by the client, nor cost a byte.

use std::path::Path;
use std::time::Duration;

use hythe_testutil::proxy::{Fault, Faults};
use hythe_testutil::{Proxy, Random, ServerProcess};

use super::backend::Backend;
use super::image::Image;
use crate::failure::{Failure, ensure};

/// Small layers, which are one object, and one that is uploaded in parts.
const LAYER_BYTES: [usize; 3] = [20_000, 0, (6 << 20) + 1];
const REPOSITORY: &str = "faults/image";
const TAG: &str = "v1";

/// What happens to each request when it comes for the first time, and what it is called. Answers that break off in the
/// middle are not among it: some of them are a 503 to the client, who has to come again.
const FAULTS: [(&str, Fault); 5] = [
    ("dropped", Fault::DropRequest),
    ("answer lost", Fault::LoseAnswer),
    ("repeated", Fault::Repeat),
    ("delayed", Fault::Delay(Duration::from_millis(200))),
    ("told to slow down", Fault::SlowDown),
];

/// Pushes an image, and pulls it from another process, under each fault; `observe` is told the fault and how many requests
/// the storage got.
pub async fn push_and_pull(
    program: &Path,
    backend: &Backend,
    mut observe: impl FnMut(&str, usize),
) -> Result<(), Failure> {
    for (number, (name, fault)) in FAULTS.into_iter().enumerate() {
        let root = format!("faults-{}-{number}", std::process::id());
        let requests = under(program, backend, &root, fault)
            .await
            .map_err(|failure| failure.while_doing(name))?;
        observe(name, requests);
        backend.clear(&root).await?;
    }
    Ok(())
}

async fn under(program: &Path, backend: &Backend, root: &str, fault: Fault) -> Result<usize, Failure> {
    let proxy = Proxy::start(backend.address()?, backend.dialect()).await?;
    let configuration = backend.through(&proxy.endpoint()).configuration(root);
    let image = Image::random(&mut Random::named(11, root), &LAYER_BYTES);

    let server = ServerProcess::start(program, &configuration).await?;
    proxy.set_faults(Faults::none().once(fault));
    image.push(&server.client(), REPOSITORY, TAG).await?;
    server.terminate().await?;

    let server = ServerProcess::start(program, &configuration).await?;
    proxy.set_faults(Faults::none().once(fault));
    image.pull(&server.client(), REPOSITORY, TAG).await?;
    server.terminate().await?;

    let requests = proxy.calls().len();
    ensure!(requests > 0, "no request came through the proxy");
    Ok(requests)
}
