//! The storage middlewares of this build: one line each.

use std::sync::Arc;

use hythe_configuration::Missing;
use hythe_configuration::sections::middleware::Middleware;
use hythe_driver::{BoxError, Redirector, StorageDriver};
use hythe_driver_layers::{BaseUrl, Redirected, Rewrite};

use crate::compose::chain;

/// The names under `middleware.storage` that this build can honour.
pub(crate) fn names() -> Vec<String> {
    ["redirect", "rewrite"].map(str::to_owned).into()
}

/// Those that were left out of this build.
pub(crate) fn missing() -> Vec<Missing> {
    Vec::new()
}

/// Puts the middlewares around the driver, the first one innermost, as the original does.
pub(crate) fn around(
    mut driver: Arc<dyn StorageDriver>,
    configured: &[Middleware],
) -> Result<Arc<dyn StorageDriver>, String> {
    for (index, middleware) in configured.iter().enumerate() {
        if middleware.disabled {
            continue;
        }
        let redirector = redirector(middleware).map_err(|error| {
            let name = &middleware.name;
            format!("middleware.storage[{index}] ({name}): {}", chain(&*error))
        })?;
        driver = Arc::new(Redirected::new(driver, redirector));
    }
    Ok(driver)
}

fn redirector(configured: &Middleware) -> Result<Arc<dyn Redirector>, BoxError> {
    let options = &configured.options;
    match configured.name.as_str() {
        "redirect" => Ok(Arc::new(BaseUrl::read(options)?)),
        "rewrite" => Ok(Arc::new(Rewrite::read(options)?)),
        // Has been refused with the configuration.
        _ => Err("not part of this build".into()),
    }
}
