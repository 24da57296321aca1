//! The access controllers of this build.

mod silly;

use std::sync::Arc;

use hythe_auth::AccessController;
use hythe_configuration::sections::auth::{Auth, ProviderConfiguration};

use crate::compose::chain;

/// The names under `auth` that this build can honour.
pub(crate) fn names() -> Vec<String> {
    let built_in = [
        ("silly", true),
        ("htpasswd", cfg!(feature = "auth-htpasswd")),
        ("token", cfg!(feature = "auth-token")),
    ];
    let present = built_in.into_iter().filter(|(_, is_present)| *is_present);
    present.map(|(name, _)| name.to_owned()).collect()
}

/// The controller that was configured; `None`: everybody may do everything. A provider that this build lacks has been
/// refused with the configuration.
pub(crate) async fn controller(auth: &Auth) -> Result<Option<Arc<dyn AccessController>>, String> {
    let Some(provider) = &auth.provider else {
        return Ok(None);
    };
    let ProviderConfiguration { name, parameters } = provider;
    match name.as_str() {
        "silly" => Ok(Some(Arc::new(silly::Silly::read(parameters)?))),
        #[cfg(feature = "auth-htpasswd")]
        "htpasswd" => {
            use hythe_auth_htpasswd::{HtpasswdController, HtpasswdParameters};
            let read = HtpasswdParameters::read(parameters);
            let parameters = read.map_err(|errors| problems(name, &errors))?;
            let made = HtpasswdController::new(&parameters).await;
            let controller = made.map_err(|error| format!("auth.{name}: {}", chain(&error)))?;
            Ok(Some(Arc::new(controller)))
        }
        #[cfg(feature = "auth-token")]
        "token" => {
            use hythe_auth_token::{TokenController, TokenParameters};
            let read = TokenParameters::read(parameters);
            let parameters = read.map_err(|errors| problems(name, &errors))?;
            let made = TokenController::new(parameters).await;
            let controller = made.map_err(|error| format!("auth.{name}: {}", chain(&error)))?;
            Ok(Some(Arc::new(controller)))
        }
        _ => Err(format!("auth.{name}: this build has no such access controller")),
    }
}

/// Everything that is wrong with the parameters of a provider.
#[cfg(any(feature = "auth-htpasswd", feature = "auth-token"))]
fn problems<E: ToString>(provider: &str, errors: &[E]) -> String {
    let lines = errors
        .iter()
        .map(|error| format!("auth.{provider}: {}", error.to_string()));
    lines.collect::<Vec<_>>().join("\n")
}
