//! `http.tls` and HTTP/2 over it.

use std::rc::Rc;

use serde_json::json;

use super::{Row, served, shown};
use crate::process::Server;
use crate::tls::{Authority, Caller, ONLY_1_2, with_tls};

const NAME: &str = "registry.test";

pub(super) fn rows() -> Vec<Row> {
    let (authority, other) = (Authority::new(), Authority::new());
    authority.write(NAME, false);
    other.write(NAME, false);
    let base = with_tls(authority.tls());
    let with_clients = |mode: &str| {
        let mut tls = authority.tls();
        tls["clientcas"] = json!([authority.path("ca.pem")]);
        tls["clientauth"] = mode.into();
        with_tls(tls)
    };
    let strict = with_clients("require-and-verify-client-cert");
    let asking = with_clients("require-any-client-cert");
    let mut certificate_of_other = other.tls();
    certificate_of_other["certificate"] = json!(authority.path("server.pem"));
    let mut key_of_other = other.tls();
    key_of_other["key"] = json!(authority.path("server.key"));
    let (certificate, key, ca) = (
        json!(authority.path("server.pem")),
        json!(authority.path("server.key")),
        json!([authority.path("ca.pem")]),
    );
    let authority = Rc::new(authority);
    let status = {
        let authority = authority.clone();
        move |with_identity: bool, only_old: bool| {
            let authority = authority.clone();
            async move |server: &Server| {
                let mut caller = Caller::of(&authority);
                caller.identity = with_identity.then(|| authority.client());
                if only_old {
                    caller.versions = ONLY_1_2;
                }
                caller.status(server, NAME).await.ok()
            }
        }
    };
    let (plain, old, known) = (status(false, false), status(false, true), status(true, false));
    let answers = {
        let plain = Rc::new(plain);
        move || {
            let plain = plain.clone();
            async move |server: Server| assert_eq!(plain(&server).await, Some(200))
        }
    };
    let protocol = {
        let authority = authority.clone();
        async move |server: Server| {
            let mut caller = Caller::of(&authority);
            caller.protocols = &[b"h2", b"http/1.1"];
            let stream = caller.connect(&server, NAME).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"http/1.1".as_slice()));
        }
    };
    let refuses_strangers = {
        let without = status(false, false);
        async move |server: Server| {
            assert_eq!(without(&server).await, None);
            assert_eq!(known(&server).await, Some(200));
        }
    };
    vec![
        // The pair of another authority would not be trusted by this client, and half of each does not start.
        served("http.tls.certificate", certificate, answers()).on(&with_tls(key_of_other)),
        served("http.tls.key", key, answers()).on(&with_tls(certificate_of_other)),
        served("http.tls.clientcas", ca, refuses_strangers).on(&base),
        served("http.tls.clientauth", json!("request-client-cert"), answers()).on(&strict),
        served(
            "http.tls.minimumtls",
            json!("tls1.3"),
            async move |server: Server| {
                assert_eq!(old(&server).await, None);
            },
        )
        .on(&base),
        shown(
            "http.tls.ciphersuites",
            json!(["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]),
            "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
        )
        .on(&asking),
        served("http.http2.disabled", json!(true), protocol).on(&base),
    ]
}
