//! Looks in the sources of contract crates for code that touches files.
//!
//! A contract may hold an opened file as a value (`std::fs::File`, `std::os::fd::OwnedFd`), because that is what
//! travels from a driver to the connection; opening, reading and writing files is for implementations. A search of
//! the text is enough: it is a reminder for the honest, and a false alarm is easily settled.

use std::path::Path;

use anyhow::{Context as _, Result};

/// One sentence per line that uses files, in all Rust sources below `folder`.
pub(super) fn opened_files(folder: &Path) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut folders = vec![folder.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in
            std::fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path)?;
                problems.extend(uses_of_files(&source).map(|(line, text)| {
                    format!(
                        "{}:{line}: a contract must not open files: {text}",
                        path.display()
                    )
                }));
            }
        }
    }
    Ok(problems)
}

/// The lines, counted from 1, that do more with files than name their type.
fn uses_of_files(source: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = source
        .lines()
        .map(str::trim)
        .enumerate()
        .map(|(index, line)| (index + 1, line));
    // Tests come last in a file, and may use what they like.
    let shipped = lines.take_while(|(_, line)| *line != "#[cfg(test)]");
    shipped.filter(|(_, line)| !line.starts_with("//") && uses_files(line))
}

fn uses_files(line: &str) -> bool {
    // What is left after the types that may be named; `use std::fs;` alone would hide what follows it.
    let rest = line
        .replace("std::fs::File;", "")
        .replace("std::fs::File>", "")
        .replace("std::fs::File,", "");
    rest.contains("std::fs") || rest.contains("File::open") || rest.contains("File::create")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(source: &str, expected: &[usize]) {
        let found: Vec<usize> = uses_of_files(source).map(|(line, _)| line).collect();
        assert_eq!(found, expected, "{source}");
    }

    #[test]
    fn opening_and_reading_files_is_found() {
        check("use std::fs;\nfn read() {\n    std::fs::read(path)\n}", &[1, 3]);
        check("let file = std::fs::File::open(path);", &[1]);
        check("use std::fs::{File, OpenOptions};", &[1]);
        check("let file = File::create(path)?;", &[1]);
    }

    #[test]
    fn naming_the_type_of_a_file_is_allowed() {
        check(
            "use std::fs::File;\nuse std::os::fd::OwnedFd;\nstruct Range { file: Arc<std::fs::File>, at: u64 }",
            &[],
        );
    }

    #[test]
    fn comments_and_tests_are_not_looked_at() {
        check(
            "/// Like `std::fs::read`.\nfn a() {}\n#[cfg(test)]\nmod tests { use std::fs; }",
            &[],
        );
    }
}
