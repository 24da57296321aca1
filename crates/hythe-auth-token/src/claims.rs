use hythe_auth::{Access, GrantedResource};
use serde::Deserialize;

use crate::TokenParameters;
use crate::rejection::Rejection;

/// How far the clocks of the token server and of this machine may be apart, in seconds. As in distribution.
const LEEWAY_SECONDS: i64 = 60;

/// What a token says, as far as the registry reads it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    pub(crate) sub: String,
    #[serde(default)]
    aud: Audience,
    /// Seconds since the epoch; one without it has expired long ago.
    #[serde(default)]
    exp: i64,
    #[serde(default)]
    nbf: i64,
    #[serde(default)]
    access: Option<Vec<Granted>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Default for Audience {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

/// Actions on one resource.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Granted {
    #[serde(default, rename = "type")]
    kind: String,
    /// The kind of content; it has no influence on the actions.
    #[serde(default)]
    class: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    actions: Option<Vec<String>>,
}

impl Claims {
    /// Whether the token is for this registry, at this time (seconds since the epoch).
    pub(crate) fn check(&self, parameters: &TokenParameters, now: i64) -> Result<(), Rejection> {
        if self.iss != parameters.issuer {
            return Err(Rejection::Issuer(self.iss.clone()));
        }
        let audience = match &self.aud {
            Audience::One(name) => std::slice::from_ref(name),
            Audience::Several(names) => names,
        };
        if !audience.contains(&parameters.service) {
            return Err(Rejection::Audience(audience.to_vec()));
        }
        if now > self.exp.saturating_add(LEEWAY_SECONDS) {
            return Err(Rejection::Expired(self.exp));
        }
        if now < self.nbf.saturating_sub(LEEWAY_SECONDS) {
            return Err(Rejection::TooEarly(self.nbf));
        }
        Ok(())
    }

    /// Whether the token grants all of this. No action implies another, and no wildcard but the action `*` is known.
    pub(crate) fn grant(&self, access: &[Access]) -> Result<(), Rejection> {
        match access.iter().find(|access| !self.has(access)) {
            None => Ok(()),
            Some(missing) => Err(Rejection::Scope(missing.to_string())),
        }
    }

    /// What the token is for; a repository without a class is for images.
    pub(crate) fn resources(&self) -> Vec<GrantedResource> {
        let resource = |granted: &Granted| GrantedResource {
            name: granted.name.clone(),
            class: match granted.class.as_str() {
                "" => "image".to_owned(),
                class => class.to_owned(),
            },
        };
        self.access.iter().flatten().map(resource).collect()
    }

    fn has(&self, access: &Access) -> bool {
        let granted = self.access.iter().flatten();
        granted
            .filter(|granted| {
                granted.kind == access.resource.kind.as_str() && granted.name == access.resource.name
            })
            .flat_map(|granted| granted.actions.iter().flatten())
            .any(|action| action == "*" || action == access.action.as_str())
    }
}

#[cfg(test)]
mod tests {
    use hythe_auth::Action;
    use hythe_reference::RepositoryName;
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn claims(value: Value) -> Claims {
        serde_json::from_value(value).unwrap()
    }

    fn parameters() -> TokenParameters {
        let parameters = json!({ "realm": "r", "service": "s", "issuer": "i", "jwks": "/j" });
        TokenParameters::read(parameters.as_object().unwrap()).unwrap()
    }

    #[test]
    fn a_token_is_for_one_registry_and_one_time() {
        let check = |value: Value, expected: Result<(), Rejection>| {
            assert_eq!(
                claims(value.clone()).check(&parameters(), NOW),
                expected,
                "{value}"
            );
        };
        check(json!({ "iss": "i", "aud": "s", "exp": NOW }), Ok(()));
        check(
            json!({ "iss": "i", "aud": ["x", "s"], "exp": NOW - 60, "nbf": NOW + 60 }),
            Ok(()),
        );
        check(
            json!({ "iss": "i", "aud": "s", "exp": NOW - 61 }),
            Err(Rejection::Expired(NOW - 61)),
        );
        check(json!({ "iss": "i", "aud": "s" }), Err(Rejection::Expired(0)));
        check(
            json!({ "iss": "i", "aud": "s", "exp": i64::MAX, "nbf": NOW + 61 }),
            Err(Rejection::TooEarly(NOW + 61)),
        );
        check(
            json!({ "iss": "i", "aud": "s", "exp": i64::MAX, "nbf": i64::MIN }),
            Ok(()),
        );
        check(
            json!({ "aud": "s", "exp": NOW }),
            Err(Rejection::Issuer(String::new())),
        );
        check(
            json!({ "iss": "i", "aud": ["S"], "exp": NOW }),
            Err(Rejection::Audience(vec!["S".to_owned()])),
        );
        check(
            json!({ "iss": "i", "exp": NOW }),
            Err(Rejection::Audience(Vec::new())),
        );
    }

    #[test]
    fn every_access_must_be_granted_by_name_and_action() {
        let claims = claims(json!({ "access": [
            { "type": "repository", "name": "a", "actions": ["pull"] },
            { "type": "repository", "class": "plugin", "name": "b", "actions": ["push"] },
            { "type": "repository", "name": "a", "actions": ["delete"] },
            { "type": "registry", "name": "catalog", "actions": ["*"] },
            { "type": "repository", "name": "c", "actions": ["*"] },
            { "type": "repository", "name": "*", "actions": ["*"] },
            { "type": "repository", "name": "d" },
            { "type": "repository", "name": "e", "actions": null },
        ] }));
        let on = |name: &str, action| Access::repository(&RepositoryName::parse(name).unwrap(), action);
        assert_eq!(claims.grant(&[]), Ok(()));
        assert_eq!(
            claims.grant(&[on("a", Action::Pull), on("a", Action::Delete)]),
            Ok(())
        );
        assert_eq!(claims.grant(&[on("b", Action::Push), Access::catalog()]), Ok(()));
        assert_eq!(
            claims.grant(&[on("c", Action::Push), on("c", Action::Pull)]),
            Ok(())
        );
        for (name, action) in [
            ("a", Action::Push),
            ("b", Action::Pull),
            ("d", Action::Pull),
            ("e", Action::Pull),
            ("aa", Action::Pull),
        ] {
            let missing = on(name, action);
            let expected = Err(Rejection::Scope(missing.to_string()));
            assert_eq!(claims.grant(&[on("a", Action::Pull), missing]), expected);
        }
        assert!(claims_of_nothing().grant(&[Access::catalog()]).is_err());
    }

    #[test]
    fn resources_have_a_class() {
        let claims = claims(json!({ "access": [
            { "type": "repository", "name": "a", "actions": ["pull"] },
            { "type": "repository", "class": "plugin", "name": "b" },
        ] }));
        let resources = claims.resources();
        let resources: Vec<_> = resources
            .iter()
            .map(|resource| (resource.name.as_str(), resource.class.as_str()))
            .collect();
        assert_eq!(resources, [("a", "image"), ("b", "plugin")]);
        assert!(claims_of_nothing().resources().is_empty());
    }

    fn claims_of_nothing() -> Claims {
        claims(json!({ "access": null }))
    }

    #[test]
    fn times_are_whole_numbers() {
        assert!(serde_json::from_value::<Claims>(json!({ "exp": 1.5 })).is_err());
        assert!(serde_json::from_value::<Claims>(json!({ "exp": "1" })).is_err());
    }
}
