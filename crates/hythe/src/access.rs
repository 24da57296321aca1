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

/// What is wrong with the parameters of the provider, each with its name.
pub(crate) fn check(auth: &Auth) -> Vec<(&'static str, String)> {
    let Some(ProviderConfiguration { name, parameters }) = &auth.provider else {
        return Vec::new();
    };
    match name.as_str() {
        "silly" => silly::Silly::read(parameters).err().unwrap_or_default(),
        #[cfg(feature = "auth-htpasswd")]
        "htpasswd" => {
            let errors = hythe_auth_htpasswd::HtpasswdParameters::read(parameters).err();
            let errors = errors.into_iter().flatten();
            errors.map(|error| (error.name, error.reason)).collect()
        }
        #[cfg(feature = "auth-token")]
        "token" => {
            let errors = hythe_auth_token::TokenParameters::read(parameters).err();
            let errors = errors.into_iter().flatten();
            errors.map(|error| (error.name, error.reason)).collect()
        }
        _ => Vec::new(),
    }
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
            controller: Some(Arc::new(
                silly::Silly::read(parameters).map_err(|_| refused(name))?,
            )),
            reload: None,
        }),
        #[cfg(feature = "auth-htpasswd")]
        "htpasswd" => {
            use hythe_auth_htpasswd::{HtpasswdController, HtpasswdParameters};
            let parameters = HtpasswdParameters::read(parameters).map_err(|_| refused(name))?;
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
            let parameters = TokenParameters::read(parameters).map_err(|_| refused(name))?;
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

/// [`check`] has said what is wrong before.
fn refused(provider: &str) -> String {
    format!("auth.{provider}: the parameters cannot be used")
}
