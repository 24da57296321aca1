use std::time::{Duration, SystemTime};

use hythe_driver::{ErrorKind, ListOptions};

use crate::fixture::{Fixture, assert_fails, names, path};
use crate::sample::sample;

/// Clocks of a backend and of this machine may differ by so much.
const CLOCK_DIFFERENCE: Duration = Duration::from_secs(60);

/// What is there is told with its size and time (distribution: `TestStatCall`).
pub async fn stat_tells_what_is_there(store: Fixture) {
    assert_fails(store.stat("/a").await, ErrorKind::NotFound, "/a");
    assert_fails(store.stat("/a/file").await, ErrorKind::NotFound, "/a/file");
    let before = SystemTime::now() - CLOCK_DIFFERENCE;
    store.put("/a/file", sample(1, 4096)).await;
    let first = store.stat("/a/file").await.unwrap();
    assert_eq!(first.path, path("/a/file"));
    assert_eq!(first.size(), 4096);
    assert!(!first.is_directory());
    let modified = first.modified.expect("files have times");
    assert!(before < modified && modified < SystemTime::now() + CLOCK_DIFFERENCE);

    store.put("/a/file", sample(2, 100)).await;
    let second = store.stat("/a/file").await.unwrap();
    assert_eq!(second.size(), 100);
    assert!(second.modified.expect("files have times") >= modified);

    let directory = store.stat("/a").await.unwrap();
    assert!(directory.is_directory());
    assert_eq!((directory.size(), directory.path), (0, path("/a")));
}

/// `/a` is not a directory because `/ab` exists.
pub async fn stat_is_not_taken_in_by_a_common_prefix(store: Fixture) {
    store.put("/ab", "x").await;
    store.put("/a-b/file", "x").await;
    assert_fails(store.stat("/a").await, ErrorKind::NotFound, "/a");
    store.put("/a/file", "x").await;
    assert!(store.stat("/a").await.unwrap().is_directory());
}

/// Children, and only they (distribution: `TestList`).
pub async fn list_tells_the_children(store: Fixture) {
    assert_fails(store.list("/missing").await, ErrorKind::NotFound, "/missing");
    let mut expected = Vec::new();
    for number in 0..50 {
        let name = format!("file-{number:02}");
        store.put(&format!("/parent/directory/{name}"), &name).await;
        expected.push(name);
    }
    store.put("/parent/directory/nested/deep/file", "x").await;
    expected.push("nested/".to_owned());
    assert_eq!(store.names("/").await, ["parent/"]);
    assert_eq!(store.names("/parent").await, ["directory/"]);
    assert_eq!(store.names("/parent/directory").await, expected);
    for info in store.list("/parent/directory").await.unwrap() {
        assert_eq!(info.path.parent(), Some(path("/parent/directory")));
    }
}

/// Sizes and kinds are told without a further call.
pub async fn list_tells_sizes(store: Fixture) {
    store.put("/a/empty", "").await;
    store.put("/a/full", sample(3, 1234)).await;
    store.put("/a/nested/file", "x").await;
    let listed = store.list("/a").await.unwrap();
    let told: Vec<_> = listed
        .iter()
        .map(|info| (info.size(), info.is_directory()))
        .collect();
    assert_eq!(told, [(0, false), (1234, false), (0, true)]);
    assert!(listed[0].modified.is_some());
}

/// Byte order of names, directories compared as `name/`.
pub async fn list_is_in_the_order_of_keys(store: Fixture) {
    for at in [
        "/x/b/file",
        "/x/b-c",
        "/x/b.d/file",
        "/x/b0",
        "/x/a",
        "/x/B",
        "/x/_",
        "/x/1/file",
        "/x/-",
        "/x/.e",
    ] {
        store.put(at, "x").await;
    }
    let expected = ["-", ".e", "1/", "B", "_", "a", "b-c", "b.d/", "b/", "b0"];
    assert_eq!(store.names("/x").await, expected);
}

/// Listing begins after a name, whether it exists or not.
pub async fn list_starts_after_a_name(store: Fixture) {
    for at in ["/x/a", "/x/b/file", "/x/b-c", "/x/b0", "/x/c"] {
        store.put(at, "x").await;
    }
    for (start_after, expected) in [
        ("", &["a", "b-c", "b/", "b0", "c"][..]),
        ("a", &["b-c", "b/", "b0", "c"]),
        ("aa", &["b-c", "b/", "b0", "c"]),
        ("b", &["b-c", "b/", "b0", "c"]),
        ("b-c", &["b/", "b0", "c"]),
        ("b/", &["b0", "c"]),
        ("b.", &["b/", "b0", "c"]),
        ("c", &[]),
        ("zz", &[]),
    ] {
        let options = ListOptions {
            start_after: Some(start_after.to_owned()),
            limit: None,
        };
        let listed = store.driver.list(&path("/x"), options).await.unwrap();
        assert_eq!(names(&listed), expected, "{start_after}");
    }
}

/// Page after page gives everything once.
pub async fn list_can_be_paged(store: Fixture) {
    let mut expected = Vec::new();
    for number in 0..23 {
        let is_directory = number % 3 == 0;
        let name = format!("n{number:02}");
        let below = if is_directory { "/file" } else { "" };
        store.put(&format!("/x/{name}{below}"), "x").await;
        expected.push(if is_directory { format!("{name}/") } else { name });
    }
    for limit in [1, 5, 23, 100] {
        let mut seen = Vec::new();
        let mut start_after = None;
        loop {
            let options = ListOptions {
                start_after: start_after.take(),
                limit: Some(limit),
            };
            let page = names(&store.driver.list(&path("/x"), options).await.unwrap());
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            start_after = Some(last.clone());
            seen.extend(page);
        }
        assert_eq!(seen, expected, "pages of {limit}");
    }
    let options = ListOptions {
        start_after: None,
        limit: Some(0),
    };
    assert!(store.driver.list(&path("/x"), options).await.unwrap().is_empty());
}

/// A file has no children.
pub async fn list_of_a_file_is_not_a_directory(store: Fixture) {
    store.put("/a/file", "x").await;
    assert_fails(store.list("/a/file").await, ErrorKind::NotADirectory, "/a/file");
}

/// `/a` has no children because `/ab` has.
pub async fn list_is_not_taken_in_by_a_common_prefix(store: Fixture) {
    store.put("/ab/file", "x").await;
    assert_fails(store.list("/a").await, ErrorKind::NotFound, "/a");
    store.put("/a/other", "x").await;
    assert_eq!(store.names("/a").await, ["other"]);
}

/// Nothing but what was put is listed.
pub async fn list_shows_no_temporary_files(store: Fixture) {
    for round in 0..5 {
        store.put("/a/file", sample(round, 1000)).await;
        let _ = store.create("/a/file", b"x").await;
        let _ = store.create(&format!("/a/new-{round}"), b"x").await;
    }
    let expected = ["file", "new-0", "new-1", "new-2", "new-3", "new-4"];
    assert_eq!(store.names("/a").await, expected);
}

/// A directory that lost its last file stays where there are real directories, and only there.
pub async fn an_emptied_directory_is_as_the_capabilities_say(store: Fixture) {
    store.put("/a/b/file", "x").await;
    store.delete("/a/b/file").await.unwrap();
    if store.driver.capabilities().directories {
        assert!(store.names("/a/b").await.is_empty());
        assert!(store.stat("/a/b").await.unwrap().is_directory());
    } else {
        assert_fails(store.list("/a/b").await, ErrorKind::NotFound, "/a/b");
        assert_fails(store.stat("/a/b").await, ErrorKind::NotFound, "/a/b");
    }
    assert!(store.list("/").await.is_ok());
}
