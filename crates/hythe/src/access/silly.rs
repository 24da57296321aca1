//! `auth.silly`: whoever sends any `Authorization` field may do everything. It is there to try out how clients answer a
//! challenge, as in distribution, and protects nothing.

use async_trait::async_trait;
use http::{HeaderValue, header};
use hythe_auth::{Access, AccessController, AuthError, Challenge, Grant, RequestHead, quoted};
use serde_json::{Map, Value};

#[derive(Debug)]
pub(super) struct Silly {
    realm: String,
    service: String,
}

impl Silly {
    /// Reads the parameters; the errors are the names of those that cannot be used, and why.
    pub(super) fn read(parameters: &Map<String, Value>) -> Result<Self, Vec<(&'static str, String)>> {
        let text = |name: &'static str| {
            let value = parameters.get(name).and_then(Value::as_str);
            value
                .map(str::to_owned)
                .ok_or_else(|| (name, "must be a text".to_owned()))
        };
        match (text("realm"), text("service")) {
            (Ok(realm), Ok(service)) => Ok(Self { realm, service }),
            (realm, service) => Err([realm.err(), service.err()].into_iter().flatten().collect()),
        }
    }

    fn challenge(&self, access: &[Access]) -> Challenge {
        let mut value = format!(
            "Bearer realm={},service={}",
            quoted(&self.realm),
            quoted(&self.service)
        );
        if !access.is_empty() {
            let scopes: Vec<String> = access.iter().map(ToString::to_string).collect();
            value.push_str(",scope=");
            value.push_str(&quoted(&scopes.join(" ")));
        }
        let value =
            HeaderValue::from_bytes(value.as_bytes()).expect("quoted texts have no control characters");
        Challenge {
            authenticate: vec![value],
            reason: "no credentials".to_owned(),
        }
    }
}

#[async_trait]
impl AccessController for Silly {
    async fn authorize(&self, request: RequestHead<'_>, access: &[Access]) -> Result<Grant, AuthError> {
        let sent = request.headers.get(header::AUTHORIZATION);
        if sent.is_some_and(|value| !value.is_empty()) {
            Ok(Grant {
                user: Some("silly".to_owned()),
                ..Grant::default()
            })
        } else {
            Err(AuthError::Challenge(self.challenge(access)))
        }
    }
}
