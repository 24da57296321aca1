use http::{HeaderMap, HeaderValue};
use hythe_auth::{Access, Challenge, RequestHead, quoted};

use crate::TokenParameters;
use crate::rejection::Rejection;

/// How to get a token: where, for which service, with which scope.
pub(crate) fn challenge(
    parameters: &TokenParameters,
    request: RequestHead<'_>,
    access: &[Access],
    rejection: &Rejection,
) -> Challenge {
    let mut value = format!(
        "Bearer realm={},service={}",
        quoted(&realm(parameters, request)),
        quoted(&parameters.service)
    );
    let scope = scope(access);
    if !scope.is_empty() {
        value.push_str(",scope=");
        value.push_str(&quoted(&scope));
    }
    if let Some(error) = rejection.parameter() {
        value.push_str(",error=");
        value.push_str(&quoted(error));
    }
    let value = HeaderValue::from_bytes(value.as_bytes()).expect("quoted texts have no control characters");
    Challenge {
        authenticate: vec![value],
        reason: rejection.to_string(),
    }
}

/// The configured realm, or the token server that stands beside the registry on the host that the client asked.
fn realm(parameters: &TokenParameters, request: RequestHead<'_>) -> String {
    match (&parameters.redirect_path, request.host) {
        (Some(path), Some(host)) => format!("{}://{host}{path}", scheme(request.headers)),
        _ => parameters.realm.clone(),
    }
}

/// How the client asked the proxy in front. A token must not travel in the clear, so that the default is `https`.
fn scheme(headers: &HeaderMap) -> &str {
    let forwarded = headers
        .get("x-forwarded-proto")
        .and_then(|value| value.to_str().ok());
    let is_scheme = |scheme: &&str| matches!(*scheme, "http" | "https");
    forwarded.map(str::trim).filter(is_scheme).unwrap_or("https")
}

/// `<type>:<name>:<action>[,<action>]`, one entry a resource, in the order in which they are asked for.
fn scope(access: &[Access]) -> String {
    let mut entries: Vec<(String, Vec<&str>)> = Vec::new();
    for Access { resource, action } in access {
        let resource = format!("{}:{}", resource.kind.as_str(), resource.name);
        let action = action.as_str();
        match entries.iter_mut().find(|(known, _)| *known == resource) {
            Some((_, actions)) if actions.contains(&action) => {}
            Some((_, actions)) => actions.push(action),
            None => entries.push((resource, vec![action])),
        }
    }
    let entries: Vec<_> = entries
        .into_iter()
        .map(|(resource, actions)| format!("{resource}:{}", actions.join(",")))
        .collect();
    entries.join(" ")
}

#[cfg(test)]
mod tests {
    use hythe_auth::Action;
    use hythe_reference::RepositoryName;
    use serde_json::json;

    use super::*;

    fn check(
        extra: &str,
        headers: &[(&'static str, &str)],
        access: &[Access],
        rejection: &Rejection,
        expected: &str,
    ) {
        let mut parameters =
            json!({ "realm": "https://auth/\"x\"", "service": "s", "issuer": "i", "jwks": "/j" });
        if !extra.is_empty() {
            parameters["autoredirect"] = true.into();
            parameters["autoredirectpath"] = extra.into();
        }
        let parameters = TokenParameters::read(parameters.as_object().unwrap()).unwrap();
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect();
        let request = RequestHead {
            headers: &headers,
            host: Some("registry:5000"),
            remote: None,
        };
        let challenge = challenge(&parameters, request, access, rejection);
        assert_eq!(challenge.authenticate, [expected]);
    }

    #[test]
    fn the_challenge_says_where_and_for_what() {
        let on = |name: &str, action| Access::repository(&RepositoryName::parse(name).unwrap(), action);
        check(
            "",
            &[],
            &[],
            &Rejection::Missing,
            r#"Bearer realm="https://auth/\"x\"",service="s""#,
        );
        check(
            "/t",
            &[],
            &[
                on("a", Action::Pull),
                on("b", Action::Pull),
                on("a", Action::Push),
                on("a", Action::Pull),
            ],
            &Rejection::Expired(0),
            r#"Bearer realm="https://registry:5000/t",service="s",scope="repository:a:pull,push repository:b:pull",error="invalid_token""#,
        );
        check(
            "/t",
            &[("x-forwarded-proto", "http")],
            &[Access::catalog()],
            &Rejection::Scope(String::new()),
            r#"Bearer realm="http://registry:5000/t",service="s",scope="registry:catalog:*",error="insufficient_scope""#,
        );
        check(
            "/t",
            &[("x-forwarded-proto", "javascript")],
            &[],
            &Rejection::Signature,
            r#"Bearer realm="https://registry:5000/t",service="s""#,
        );
    }
}
