//! `hythe storage check`.

use std::fs;
use std::path::Path;
use std::process::Command;

use hythe_testutil::Configuration;
use serde_json::json;
use tempfile::TempDir;

use crate::process::{PROGRAM, storage};

const STEPS: [&str; 13] = [
    "set up",
    "list the root",
    "write",
    "stat",
    "read",
    "range",
    "list",
    "create once",
    "update",
    "redirect",
    "multipart",
    "copy",
    "cancel",
];

/// The exit code, standard output and standard error.
fn check(configuration: &Configuration) -> (Option<i32>, String, String) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("config.yml");
    fs::write(&path, configuration.text()).unwrap();
    let output = Command::new(PROGRAM)
        .args(["storage", "check"])
        .arg(&path)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// How a step ended.
fn outcome<'a>(table: &'a str, step: &str) -> &'a str {
    let row = table
        .lines()
        .find(|line| line.starts_with(&format!("{step:<16} ")));
    let row = row.unwrap_or_else(|| panic!("{step}: {table}"));
    row[17..].split_whitespace().next().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

#[test]
fn a_storage_that_works_is_said_to_and_left_as_it_was() {
    let (root, on_disk) = storage();
    for configuration in [on_disk, Configuration::inmemory()] {
        let (code, table, errors) = check(&configuration);
        assert_eq!(code, Some(0), "{table}{errors}");
        for step in STEPS {
            let expected = if ["update", "redirect"].contains(&step) {
                "skipped"
            } else {
                "ok"
            };
            assert_eq!(outcome(&table, step), expected, "{step}: {table}");
        }
        assert_eq!(outcome(&table, "delete"), "ok", "{table}");
    }
    assert_eq!(names(root.path()), Vec::<String>::new());
}

#[test]
fn an_address_that_leads_nowhere_is_a_failure_that_says_where() {
    let redirect = json!([{ "name": "redirect", "options": { "baseurl": "http://127.0.0.1:1/base" } }]);
    let configuration = Configuration::inmemory().set(&["middleware", "storage"], redirect);
    let (code, table, _) = check(&configuration);
    assert_eq!(code, Some(1), "{table}");
    assert_eq!(outcome(&table, "redirect"), "FAILED", "{table}");
    assert!(
        table.contains("GET http://127.0.0.1:1/base/hythe-storage-check-"),
        "{table}"
    );
    assert_eq!(outcome(&table, "delete"), "ok", "{table}");

    let disabled = configuration.set(&["storage", "redirect"], json!({ "disable": true }));
    let (code, table, _) = check(&disabled);
    assert_eq!(
        (code, outcome(&table, "redirect")),
        (Some(0), "skipped"),
        "{table}"
    );
}

#[test]
fn a_storage_that_cannot_be_set_up_is_the_only_row() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "in the way").unwrap();
    let (code, table, _) = check(&Configuration::filesystem(&file.join("root")));
    assert_eq!(code, Some(1), "{table}");
    assert_eq!(outcome(&table, "set up"), "FAILED", "{table}");
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(table.contains("cannot create the root directory"), "{table}");
}

#[test]
fn a_configuration_with_mistakes_is_told_as_by_serve() {
    let configuration = Configuration::inmemory().set(&["storage", "redirect"], json!({ "expiry": "soon" }));
    let (code, table, errors) = check(&configuration);
    assert_eq!((code, table.as_str()), (Some(1), ""), "{errors}");
    assert!(errors.contains("storage.redirect.expiry"), "{errors}");
}
