//! How often a registry asks its storage, and what a slow storage costs it.
//!
//! A proxy between registry and storage counts while an image is pushed and pulled. The registry is started again between
//! the two, so that nothing is answered from memory. With a delay added to every call, the time shows how many of them
//! wait for each other.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use hythe_testutil::proxy::{Fault, Faults};
use hythe_testutil::{Proxy, Random, ServerProcess};

use super::backend::Backend;
use super::image::Image;
use crate::failure::Failure;

/// The image: ten layers of 20 kB.
const LAYER_BYTES: [usize; 10] = [20_000; 10];
const REPOSITORY: &str = "calls/image";
const TAG: &str = "v1";

/// What a push and a pull took.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// The push.
    pub push: Cost,
    /// The pull, by tag.
    pub pull: Cost,
}

/// Calls by their operation, and time.
#[derive(Clone, Debug, Default)]
pub struct Cost {
    /// How often each operation was called.
    pub operations: BTreeMap<&'static str, usize>,
    /// How long all of it took.
    pub time: Duration,
}

impl Cost {
    /// All calls.
    pub fn calls(&self) -> usize {
        self.operations.values().sum()
    }
}

/// Pushes and pulls through the program, with its data in the folder `root` of the bucket and `delay` added to every call.
pub async fn measure(
    program: &Path,
    backend: &Backend,
    root: &str,
    delay: Duration,
) -> Result<Measured, Failure> {
    let proxy = Proxy::start(backend.address()?, backend.dialect()).await?;
    proxy.set_faults(Faults::none().every(Fault::Delay(delay)));
    let configuration = backend.through(&proxy.endpoint()).configuration(root);
    let image = Image::random(&mut Random::named(7, root), &LAYER_BYTES);

    let server = ServerProcess::start(program, &configuration).await?;
    proxy.forget();
    let start = Instant::now();
    image.push(&server.client(), REPOSITORY, TAG).await?;
    let push = Cost {
        operations: proxy.counts(),
        time: start.elapsed(),
    };
    server.terminate().await?;

    let server = ServerProcess::start(program, &configuration).await?;
    proxy.forget();
    let start = Instant::now();
    image.pull(&server.client(), REPOSITORY, TAG).await?;
    let pull = Cost {
        operations: proxy.counts(),
        time: start.elapsed(),
    };
    server.terminate().await?;
    Ok(Measured { push, pull })
}
