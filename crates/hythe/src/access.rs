//! The access controllers of this build.

mod silly;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use hythe_auth::AccessController;
use hythe_configuration::sections::auth::{Auth, ProviderConfiguration};

use crate::compose::chain;
use crate::reload::Reload;

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

/// Who decides who may do what.
#[derive(Default)]
pub(crate) struct Access {
    /// `None`: everybody may do everything.
    pub(crate) controller: Option<Arc<dyn AccessController>>,
    /// What it has read from files.
    pub(crate) reload: Option<Arc<dyn Reload>>,
}

/// The controller that was configured; `None`: everybody may do everything. A provider that this build lacks has been
/// refused with the configuration.
pub(crate) async fn controller(auth: &Auth) -> Result<Access, String> {
    let Some(provider) = &auth.provider else {
        return Ok(Access::default());
    };
    let ProviderConfiguration { name, parameters } = provider;
    match name.as_str() {
        "silly" => Ok(Access {
            controller: Some(Arc::new(silly::Silly::read(parameters)?)),
            reload: None,
        }),
        #[cfg(feature = "auth-htpasswd")]
        "htpasswd" => {
            use hythe_auth_htpasswd::{HtpasswdController, HtpasswdParameters};
            let read = HtpasswdParameters::read(parameters);
            let parameters = read.map_err(|errors| problems(name, &errors))?;
            let made = HtpasswdController::new(&parameters).await;
            let controller = made.map_err(|error| format!("auth.{name}: {}", chain(&error)))?;
            let controller = Arc::new(controller);
            Ok(Access {
                controller: Some(controller.clone()),
                reload: Some(controller),
            })
        }
        #[cfg(feature = "auth-token")]
        "token" => {
            use hythe_auth_token::{TokenController, TokenParameters};
            let read = TokenParameters::read(parameters);
            let parameters = read.map_err(|errors| problems(name, &errors))?;
            let made = TokenController::new(parameters).await;
            let controller = made.map_err(|error| format!("auth.{name}: {}", chain(&error)))?;
            let controller = Arc::new(controller);
            Ok(Access {
                controller: Some(controller.clone()),
                reload: Some(controller),
            })
        }
        _ => Err(format!("auth.{name}: this build has no such access controller")),
    }
}

/// It looks at its file by itself; only a signal is news to it.
#[cfg(feature = "auth-htpasswd")]
#[async_trait]
impl Reload for hythe_auth_htpasswd::HtpasswdController {
    fn name(&self) -> &'static str {
        "auth.htpasswd"
    }

    fn files(&self) -> Vec<PathBuf> {
        Vec::new()
    }

    async fn reload(&self) -> Result<(), String> {
        Self::reload(self);
        Ok(())
    }
}

#[cfg(feature = "auth-token")]
#[async_trait]
impl Reload for hythe_auth_token::TokenController {
    fn name(&self) -> &'static str {
        "auth.token"
    }

    fn files(&self) -> Vec<PathBuf> {
        Self::files(self).map(Path::to_owned).collect()
    }

    async fn reload(&self) -> Result<(), String> {
        Self::reload(self).await.map_err(|error| chain(&error))
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
