use serde_json::json;

use crate::server::Server;

async fn server_with(tags: &[&str]) -> Server {
    let server = Server::with(|options| options.tags_max = 3);
    for tag in tags {
        server.push_image("a", tag).await;
    }
    server
}

#[tokio::test]
async fn all_tags_are_listed_in_byte_order() {
    let server = server_with(&["v1.0", "v1-rc", "B", "v1", "a"]).await;
    let answer = server
        .get("/v2/a/tags/list")
        .await
        .expect(200)
        .expect_no_header("link");
    assert_eq!(
        answer.json(),
        json!({ "name": "a", "tags": ["B", "a", "v1", "v1-rc", "v1.0"] })
    );
    assert!(answer.body.ends_with(b"}\n"));
}

#[tokio::test]
async fn pages_follow_their_links() {
    let server = server_with(&["a", "b", "c", "d"]).await;
    let answer = server.get("/v2/a/tags/list?n=2").await.expect(200);
    assert_eq!(answer.json()["tags"], json!(["a", "b"]));
    answer.expect_header("link", "</v2/a/tags/list?last=b&n=2>; rel=\"next\"");
    let answer = server
        .get("/v2/a/tags/list?last=b&n=9")
        .await
        .expect(200)
        .expect_no_header("link");
    assert_eq!(answer.json()["tags"], json!(["c", "d"]));
    let answer = server.get("/v2/a/tags/list?n=9").await.expect(200);
    assert_eq!(
        answer.json()["tags"],
        json!(["a", "b", "c"]),
        "reduced to the most"
    );
    answer.expect_header("link", "</v2/a/tags/list?last=c&n=3>; rel=\"next\"");
}

#[tokio::test]
async fn the_beginning_of_a_page_need_not_be_a_tag() {
    let server = server_with(&["a", "b", "c"]).await;
    for (last, expected) in [
        ("aa", json!(["b", "c"])),
        (".", json!(["a", "b", "c"])),
        ("b~", json!(["c"])),
        ("z", json!([])),
    ] {
        let answer = server
            .get(&format!("/v2/a/tags/list?last={last}"))
            .await
            .expect(200);
        assert_eq!(answer.json()["tags"], expected, "{last}");
    }
}

#[tokio::test]
async fn an_unknown_repository_is_404() {
    let server = Server::new();
    let answer = server
        .get("/v2/a/tags/list")
        .await
        .expect_error(404, "NAME_UNKNOWN");
    assert_eq!(answer.json()["errors"][0]["detail"], json!({ "name": "a" }));
    for query in ["n=0", "last=x", "last=x&n=1"] {
        let answer = server.get(&format!("/v2/a/tags/list?{query}")).await.expect(200);
        assert_eq!(answer.json()["tags"], json!([]), "{query}");
    }
}

#[tokio::test]
async fn a_repository_that_lost_its_last_tag_has_none() {
    let server = server_with(&["a"]).await;
    server.delete("/v2/a/manifests/a").await.expect(202);
    let answer = server.get("/v2/a/tags/list").await.expect(200);
    assert_eq!(answer.json()["tags"], json!([]));
}

#[tokio::test]
async fn numbers_are_checked() {
    let server = server_with(&["a"]).await;
    for (n, expected) in [
        ("x", json!(0)),
        ("-1", json!(-1)),
        ("99999999999999999999", json!(i64::MAX)),
    ] {
        let answer = server.get(&format!("/v2/a/tags/list?n={n}")).await;
        let answer = answer.expect_error(400, "PAGINATION_NUMBER_INVALID");
        assert_eq!(
            answer.json()["errors"][0]["detail"],
            json!({ "n": expected }),
            "{n}"
        );
    }
}
