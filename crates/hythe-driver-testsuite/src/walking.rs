use async_trait::async_trait;
use hythe_driver::{
    DriverPath, Error, ErrorKind, FileInfo, Result, StorageDriver, WalkControl, WalkOptions, WalkVisitor,
};

use crate::fixture::{Fixture, assert_fails, path};

/// Notes what it sees and answers by name.
struct Visitor<'a> {
    seen: Vec<String>,
    skip: &'a str,
    stop: &'a str,
    fail: &'a str,
    delete: Option<(&'a str, &'a dyn StorageDriver, DriverPath)>,
}

impl Visitor<'_> {
    fn new() -> Self {
        Self {
            seen: Vec::new(),
            skip: "",
            stop: "",
            fail: "",
            delete: None,
        }
    }
}

#[async_trait]
impl WalkVisitor for Visitor<'_> {
    async fn visit(&mut self, info: FileInfo) -> Result<WalkControl> {
        let at = info.path.as_str();
        let slash = if info.is_directory() { "/" } else { "" };
        self.seen.push(format!("{at}{slash}"));
        if let Some((trigger, driver, victim)) = &self.delete
            && *trigger == at
        {
            driver.delete(victim).await?;
        }
        if at == self.fail {
            return Err(Error::new("visitor", "visit", ErrorKind::Other).at(&info.path));
        }
        Ok(match at {
            _ if at == self.stop => WalkControl::Stop,
            _ if at == self.skip => WalkControl::Skip,
            _ => WalkControl::Descend,
        })
    }
}

const TREE: &[&str] = &[
    "/file1",
    "/folder1/file1",
    "/folder1-suffix/file1",
    "/folder2/file1",
    "/folder3/subfolder1/subfolder1/file1",
    "/folder3/subfolder2/subfolder1/file1",
    "/folder4/file1",
];

/// Everything below `/`, in the order of keys.
const ALL: &[&str] = &[
    "/file1",
    "/folder1-suffix/",
    "/folder1-suffix/file1",
    "/folder1/",
    "/folder1/file1",
    "/folder2/",
    "/folder2/file1",
    "/folder3/",
    "/folder3/subfolder1/",
    "/folder3/subfolder1/subfolder1/",
    "/folder3/subfolder1/subfolder1/file1",
    "/folder3/subfolder2/",
    "/folder3/subfolder2/subfolder1/",
    "/folder3/subfolder2/subfolder1/file1",
    "/folder4/",
    "/folder4/file1",
];

async fn plant(store: &Fixture) {
    for at in TREE {
        store.put(at, *at).await;
    }
}

async fn walk(store: &Fixture, root: &str, hint: Option<&str>, mut visitor: Visitor<'_>) -> Vec<String> {
    let options = WalkOptions {
        start_after: hint.map(path),
    };
    let walked = store.driver.walk(&path(root), options, &mut visitor).await;
    walked.unwrap();
    visitor.seen
}

fn from(first: &str) -> &'static [&'static str] {
    let start = ALL.iter().position(|at| *at == first).expect("it is in the tree");
    &ALL[start..]
}

/// Everything is visited, parents before children, siblings in the order of keys.
pub async fn a_walk_visits_everything_in_order(store: Fixture) {
    plant(&store).await;
    assert_eq!(walk(&store, "/", None, Visitor::new()).await, ALL);
}

/// A folder may be the root; it is not visited itself.
pub async fn a_walk_stays_below_its_root(store: Fixture) {
    plant(&store).await;
    let seen = walk(&store, "/folder3", None, Visitor::new()).await;
    let below = |at: &&&str| at.starts_with("/folder3/") && **at != "/folder3/";
    let expected: Vec<_> = ALL.iter().filter(below).copied().collect();
    assert_eq!(seen, expected);
    assert_eq!(
        walk(&store, "/folder1", None, Visitor::new()).await,
        ["/folder1/file1"]
    );
}

/// A skipped folder is visited, what is below it is not.
pub async fn a_walk_skips_what_the_visitor_skips(store: Fixture) {
    plant(&store).await;
    let visitor = Visitor {
        skip: "/folder3",
        ..Visitor::new()
    };
    let seen = walk(&store, "/", None, visitor).await;
    let expected: Vec<_> = ALL
        .iter()
        .filter(|at| !at.starts_with("/folder3/s"))
        .copied()
        .collect();
    assert_eq!(seen, expected);
}

/// Skipping a file goes on after it.
pub async fn a_walk_goes_on_after_a_skipped_file(store: Fixture) {
    plant(&store).await;
    let visitor = Visitor {
        skip: "/file1",
        ..Visitor::new()
    };
    assert_eq!(walk(&store, "/", None, visitor).await, ALL);
}

/// The visitor ends the whole walk from any level, and that is success.
pub async fn a_walk_stops_where_the_visitor_stops(store: Fixture) {
    plant(&store).await;
    for stop in ["/file1", "/folder3/subfolder1/subfolder1/file1", "/folder1"] {
        let visitor = Visitor {
            stop,
            ..Visitor::new()
        };
        let seen = walk(&store, "/", None, visitor).await;
        assert_eq!(seen.last().unwrap().trim_end_matches('/'), stop);
        assert_eq!(seen, ALL[..seen.len()]);
    }
}

/// Stopping ends the walk also on the way up from a hint.
pub async fn a_walk_after_a_hint_stops_across_levels(store: Fixture) {
    plant(&store).await;
    let visitor = Visitor {
        stop: "/folder3/subfolder2/subfolder1",
        ..Visitor::new()
    };
    let seen = walk(&store, "/", Some("/folder3/subfolder1/subfolder1/file1"), visitor).await;
    assert_eq!(seen, ["/folder3/subfolder2/", "/folder3/subfolder2/subfolder1/"]);
}

/// An error of the visitor ends the walk and is returned.
pub async fn a_walk_returns_the_error_of_its_visitor(store: Fixture) {
    plant(&store).await;
    let mut visitor = Visitor {
        fail: "/folder2",
        ..Visitor::new()
    };
    let walked = store
        .driver
        .walk(&path("/"), WalkOptions::default(), &mut visitor)
        .await;
    assert_fails(walked, ErrorKind::Other, "/folder2");
    assert_eq!(visitor.seen.last().unwrap(), "/folder2/");
}

/// A root that is not there is an error on every driver; the root of all is always there.
pub async fn a_walk_of_a_missing_root_is_not_found(store: Fixture) {
    for hint in [None, Some("/missing/a")] {
        let options = WalkOptions {
            start_after: hint.map(path),
        };
        let walked = store
            .driver
            .walk(&path("/missing"), options, &mut Visitor::new())
            .await;
        assert_fails(walked, ErrorKind::NotFound, "/missing");
    }
    assert!(walk(&store, "/", None, Visitor::new()).await.is_empty());
}

/// A hint in the middle: what follows it, its ancestors without a visit.
pub async fn a_walk_begins_after_its_hint(store: Fixture) {
    plant(&store).await;
    for (hint, first) in [
        ("/file1", "/folder1-suffix/"),
        ("/folder1-suffix", "/folder1-suffix/file1"),
        ("/folder1-suffix/file1", "/folder1/"),
        ("/folder1", "/folder1/file1"),
        ("/folder2", "/folder2/file1"),
        ("/folder3/subfolder1", "/folder3/subfolder1/subfolder1/"),
        (
            "/folder3/subfolder1/subfolder1",
            "/folder3/subfolder1/subfolder1/file1",
        ),
        ("/folder3/subfolder1/subfolder1/file1", "/folder3/subfolder2/"),
        ("/folder3/subfolder2/subfolder1/file1", "/folder4/"),
    ] {
        let seen = walk(&store, "/", Some(hint), Visitor::new()).await;
        assert_eq!(seen, from(first), "{hint}");
    }
}

/// The same below a folder.
pub async fn a_walk_of_a_folder_begins_after_its_hint(store: Fixture) {
    plant(&store).await;
    let hint = Some("/folder3/subfolder1/subfolder1/file1");
    let seen = walk(&store, "/folder3", hint, Visitor::new()).await;
    assert_eq!(
        seen,
        [
            "/folder3/subfolder2/",
            "/folder3/subfolder2/subfolder1/",
            "/folder3/subfolder2/subfolder1/file1",
        ]
    );
}

/// A hint need not exist.
pub async fn a_walk_begins_after_a_hint_that_does_not_exist(store: Fixture) {
    plant(&store).await;
    for (hint, first) in [
        ("/folder", "/folder1-suffix/"),
        ("/folder11/x", "/folder2/"),
        ("/folder2/file0", "/folder2/file1"),
        ("/folder2/file1/below", "/folder3/"),
        ("/folder2/file2", "/folder3/"),
        ("/folder3/subfolder1/a/b/c", "/folder3/subfolder1/subfolder1/"),
        ("/folder3/subfolder10", "/folder3/subfolder2/"),
    ] {
        let seen = walk(&store, "/", Some(hint), Visitor::new()).await;
        assert_eq!(seen, from(first), "{hint}");
    }
}

/// A hint outside the root is before everything or after it.
pub async fn a_walk_with_a_hint_elsewhere_visits_all_or_nothing(store: Fixture) {
    plant(&store).await;
    for (root, hint, is_all) in [
        ("/folder1", "/folder1", true),
        ("/folder1", "/", true),
        ("/folder1", "/folder0", true),
        ("/folder1", "/folder1-suffix", true),
        ("/folder1", "/folder2", false),
        ("/folder1", "/folder10", false),
        ("/folder1", "/zzz", false),
        ("/folder3/subfolder2", "/folder3", true),
        ("/folder3/subfolder1", "/folder3/subfolder2", false),
    ] {
        let expected = if is_all {
            walk(&store, root, None, Visitor::new()).await
        } else {
            Vec::new()
        };
        assert!(!is_all || !expected.is_empty());
        let seen = walk(&store, root, Some(hint), Visitor::new()).await;
        assert_eq!(seen, expected, "{root} after {hint}");
    }
    assert!(walk(&store, "/", Some("/zzz"), Visitor::new()).await.is_empty());
    assert_eq!(walk(&store, "/", Some("/"), Visitor::new()).await, ALL);
}

/// Every path as a hint gives exactly what a whole walk visits after it.
pub async fn a_walk_can_be_continued_from_every_path(store: Fixture) {
    plant(&store).await;
    for (index, hint) in ALL.iter().enumerate() {
        let hint = hint.trim_end_matches('/');
        let seen = walk(&store, "/", Some(hint), Visitor::new()).await;
        assert_eq!(seen, ALL[index + 1..], "{hint}");
    }
}

/// What vanishes during the walk is left out, or visited as it was: it is no error, and everything else is visited.
pub async fn a_walk_goes_on_when_something_vanishes(store: Fixture) {
    for (at, vanishing) in [("/folder2", "/folder3/subfolder1"), ("/folder3", "/folder3")] {
        plant(&store).await;
        let visitor = Visitor {
            delete: Some((at, &*store.driver, path(vanishing))),
            ..Visitor::new()
        };
        let seen = walk(&store, "/", None, visitor).await;
        let stays = |at: &&str| !at.starts_with(vanishing);
        let expected: Vec<_> = ALL.iter().copied().filter(stays).collect();
        let others: Vec<_> = seen.iter().map(String::as_str).filter(stays).collect();
        assert_eq!(others, expected);
        assert!(seen.iter().all(|at| ALL.contains(&at.as_str())), "{seen:?}");
    }
}
