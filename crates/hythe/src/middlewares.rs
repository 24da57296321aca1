//! The storage middlewares of this build: one line each.

use std::pin::Pin;
use std::sync::Arc;

use hythe_configuration::Missing;
use hythe_configuration::sections::middleware::Middleware;
use hythe_driver::{BoxError, Redirector, StorageDriver};
use hythe_driver_layers::{BaseUrl, OptionError, Redirected, Rewrite};
use tokio_util::sync::CancellationToken;

use crate::compose::chain;

/// What a middleware wants to run until the token is cancelled.
pub(crate) type Beside =
    Box<dyn FnOnce(CancellationToken) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Every storage middleware there is, with the cargo feature that brings it and whether this build has it.
const ALL: &[(&str, Option<&str>, bool)] = &[
    ("redirect", None, true),
    ("rewrite", None, true),
    (
        "cloudfront",
        Some("middleware-cloudfront"),
        cfg!(feature = "middleware-cloudfront"),
    ),
];

/// The names under `middleware.storage` that this build can honour.
pub(crate) fn names() -> Vec<String> {
    let present = ALL.iter().filter(|(_, _, is_here)| *is_here);
    present.map(|(name, ..)| (*name).to_owned()).collect()
}

/// Those that were left out of this build.
pub(crate) fn missing() -> Vec<Missing> {
    let absent = ALL.iter().filter(|(_, _, is_here)| !is_here);
    absent
        .filter_map(|(name, feature, _)| Some(Missing::new(*name, (*feature)?)))
        .collect()
}

/// What is wrong with the options of a middleware, with the option's name.
pub(crate) fn check(configured: &Middleware) -> Option<(&'static str, String)> {
    let options = &configured.options;
    match configured.name.as_str() {
        "redirect" => BaseUrl::read(options).err().map(named),
        "rewrite" => Rewrite::read(options).err().map(named),
        #[cfg(feature = "middleware-cloudfront")]
        "cloudfront" => match hythe_driver_cloudfront::CloudFrontOptions::read(options).err()? {
            hythe_driver_cloudfront::CloudFrontError::Option { option, reason } => Some((option, reason)),
            // Only the options were read.
            _ => None,
        },
        _ => None,
    }
}

fn named(error: OptionError) -> (&'static str, String) {
    (error.option, error.reason)
}

/// Puts the middlewares around the driver, the first one innermost, as the original does.
pub(crate) async fn around(
    mut driver: Arc<dyn StorageDriver>,
    configured: &[Middleware],
) -> Result<(Arc<dyn StorageDriver>, Vec<Beside>), String> {
    let mut beside = Vec::new();
    for (index, middleware) in configured.iter().enumerate() {
        if middleware.disabled {
            continue;
        }
        let made = redirector(middleware, &*driver, &mut beside).await;
        let redirector = made.map_err(|error| {
            let name = &middleware.name;
            format!("middleware.storage[{index}] ({name}): {}", chain(&*error))
        })?;
        driver = Arc::new(Redirected::new(driver, redirector));
    }
    Ok((driver, beside))
}

#[cfg_attr(
    not(feature = "middleware-cloudfront"),
    expect(clippy::unused_async, unused_variables, reason = "for cloudfront")
)]
async fn redirector(
    configured: &Middleware,
    below: &dyn StorageDriver,
    beside: &mut Vec<Beside>,
) -> Result<Arc<dyn Redirector>, BoxError> {
    let options = &configured.options;
    match configured.name.as_str() {
        "redirect" => Ok(Arc::new(BaseUrl::read(options)?)),
        "rewrite" => Ok(Arc::new(Rewrite::read(options)?)),
        #[cfg(feature = "middleware-cloudfront")]
        "cloudfront" => Ok(cloudfront(options, below, beside).await?),
        // Has been refused with the configuration.
        _ => Err("not part of this build".into()),
    }
}

#[cfg(feature = "middleware-cloudfront")]
async fn cloudfront(
    options: &hythe_driver::Parameters,
    below: &dyn StorageDriver,
    beside: &mut Vec<Beside>,
) -> Result<Arc<dyn Redirector>, hythe_driver_cloudfront::CloudFrontError> {
    use hythe_driver_cloudfront::{CloudFront, CloudFrontOptions};

    let cloudfront = Arc::new(CloudFront::new(CloudFrontOptions::read(options)?).await?);
    if below.capabilities().key_prefix.is_none() {
        let driver = below.name();
        tracing::warn!(
            "the middleware cloudfront does nothing: the driver {driver} keeps no objects in a bucket"
        );
    }
    if cloudfront.filters() {
        let cloudfront = cloudfront.clone();
        beside.push(Box::new(move |stop| {
            Box::pin(async move { cloudfront.keep_ranges_fresh(stop).await })
        }));
    }
    Ok(cloudfront)
}
