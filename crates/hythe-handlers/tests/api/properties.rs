//! Whatever is asked, the answer is no 5xx, no panic, and has a document where it refuses.

use proptest::prelude::*;
use tokio::runtime::Builder;

use crate::server::Server;

const DIGEST: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const UUID: &str = "0192f0c1-7b3a-7c4d-8e5f-0123456789ab";

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "v2", "a", "A", "_catalog", "tags", "list", "manifests", "latest", "blobs", "uploads", "referrers",
            "..", ".", "", "%2F", "%00", "%", "%FF", "sha256:abc", DIGEST, UUID,
        ]).prop_map(str::to_owned),
        1 => "[a-zA-Z0-9._~!$&'()*+,;=:@-]{0,9}",
    ]
}

fn path() -> impl Strategy<Value = String> {
    let free = prop::collection::vec(segment(), 0..7).prop_map(|segments| format!("/{}", segments.join("/")));
    let routes = prop::sample::select(vec![
        "/v2/".to_owned(),
        "/v2/_catalog".to_owned(),
        "/v2/a/tags/list".to_owned(),
        "/v2/a/manifests/latest".to_owned(),
        format!("/v2/a/manifests/{DIGEST}"),
        format!("/v2/a/blobs/{DIGEST}"),
        format!("/v2/a/referrers/{DIGEST}"),
        "/v2/a/blobs/uploads/".to_owned(),
        format!("/v2/a/blobs/uploads/{UUID}"),
    ]);
    prop_oneof![1 => free, 3 => routes]
}

fn query() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![
        "n",
        "last",
        "digest",
        "mount",
        "from",
        "_state",
        "tag",
        "artifactType",
        "digest-algorithm",
        "x",
    ]);
    let value = prop_oneof![
        Just(DIGEST.to_owned()),
        "-?[0-9]{0,20}",
        "[a-zA-Z0-9._~%+;=:/-]{0,12}",
        Just("%ff%00".to_owned()),
        Just("sha512".to_owned()),
    ];
    prop::collection::vec((name, value), 0..4).prop_map(|pairs| {
        let pairs: Vec<_> = pairs
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("&")
    })
}

fn header() -> impl Strategy<Value = (&'static str, String)> {
    let name = prop::sample::select(vec![
        "range",
        "content-range",
        "if-none-match",
        "if-match",
        "if-range",
        "accept",
        "content-type",
        "authorization",
        "forwarded",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-other",
    ]);
    let value = prop_oneof![
        "[ -~]{0,24}",
        "bytes=[0-9,-]{0,12}",
        "[0-9]{0,3}-[0-9]{0,20}",
        Just("application/vnd.oci.image.manifest.v1+json".to_owned()),
        Just("application/x-www-form-urlencoded".to_owned()),
        Just(format!("\"{DIGEST}\"")),
    ];
    (name, value)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn no_request_is_an_internal_error(
        method in "GET|HEAD|PUT|POST|PATCH|DELETE|OPTIONS|TRACE|[A-Z]{1,9}",
        path in path(),
        query in query(),
        headers in prop::collection::vec(header(), 0..4),
        body in prop_oneof![
            Just("{}".to_owned()),
            Just("{\"schemaVersion\":2,\"manifests\":[]}".to_owned()),
            "[ -~]{0,40}",
        ],
        announced in any::<bool>(),
    ) {
        let target = format!("{path}?{query}");
        prop_assume!(target.parse::<http::Uri>().is_ok());
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let answer = runtime.block_on(async {
            let server = Server::new();
            server.push_image("a", "latest").await;
            let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            if announced {
                server.send(&method, &target, &headers, body).await
            } else {
                server.send_pieces(&method, &target, &headers, &[body.as_bytes()]).await
            }
        });
        prop_assert!(answer.status < 500, "{:?}", answer);
        let has_document = method == "HEAD" || !matches!(answer.status, 400..=411 | 413..);
        prop_assert!(has_document || answer.json()["errors"][0]["code"].is_string(), "{:?}", answer);
    }
}
