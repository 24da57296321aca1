use serde_json::json;

use crate::server::Server;

async fn server_with(names: &[&str]) -> Server {
    let server = Server::with(|options| options.catalog_max_entries = 5);
    for name in names {
        server.push_image(name, "latest").await;
    }
    server
}

#[tokio::test]
async fn an_empty_registry_has_an_empty_list() {
    let answer = Server::new()
        .get("/v2/_catalog")
        .await
        .expect(200)
        .expect_body(b"{\"repositories\":[]}\n");
    answer
        .expect_header("content-type", "application/json")
        .expect_no_header("link");
}

#[tokio::test]
async fn pages_follow_their_links_to_the_end() {
    let server = server_with(&["c", "a/b", "a", "d"]).await;
    let answer = server.get("/v2/_catalog?n=2&other=x").await.expect(200);
    assert_eq!(answer.json(), json!({ "repositories": ["a", "a/b"] }));
    let answer = answer.expect_header("link", "</v2/_catalog?last=a%2Fb&n=2>; rel=\"next\"");
    drop(answer);
    let answer = server
        .get("/v2/_catalog?last=a%2Fb&n=2")
        .await
        .expect(200)
        .expect_no_header("link");
    assert_eq!(answer.json(), json!({ "repositories": ["c", "d"] }));
}

#[tokio::test]
async fn the_beginning_of_a_page_need_not_be_a_repository_nor_a_name() {
    let server = server_with(&["a", "b", "c"]).await;
    for (last, expected) in [
        ("aa", json!(["b", "c"])),
        ("B", json!(["a", "b", "c"])),
        ("a/", json!(["b", "c"])),
        ("b%20b", json!(["b", "c"])),
        ("b~", json!(["c"])),
        ("~", json!([])),
    ] {
        let answer = server.get(&format!("/v2/_catalog?last={last}")).await.expect(200);
        assert_eq!(answer.json()["repositories"], expected, "{last}");
    }
}

#[tokio::test]
async fn numbers_are_checked() {
    let server = server_with(&["a"]).await;
    for (n, expected) in [("x", json!("x")), ("-1", json!("-1")), ("6", json!(6))] {
        let answer = server.get(&format!("/v2/_catalog?n={n}")).await;
        let answer = answer.expect_error(400, "PAGINATION_NUMBER_INVALID");
        assert_eq!(answer.json()["errors"][0]["detail"], json!({ "n": expected }));
    }
    let answer = server
        .get("/v2/_catalog?n=0")
        .await
        .expect(200)
        .expect_no_header("link");
    assert_eq!(answer.json(), json!({ "repositories": [] }));
    server.get("/v2/_catalog?n=").await.expect(200);
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = server_with(&["a"]).await;
    let length = server.get("/v2/_catalog").await.body.len().to_string();
    server
        .head("/v2/_catalog")
        .await
        .expect(200)
        .expect_body(b"")
        .expect_header("content-length", &length);
}
