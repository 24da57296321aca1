//! `docs/configuration.md`, which the program prints, and `docs/storage-drivers`: what each driver and middleware does and which parameters it has, for operators.
//!
//! The pages are made from what stands beside the code (`src/docs.md` of each crate), which its documentation for
//! programmers shows too. A test fails when a parameter that the code reads is in no table.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::workspace::{self, cargo};

/// A page and where it comes from.
struct Page {
    /// The crate that has the text and the code.
    source: &'static str,
    /// The name of the page.
    name: &'static str,
    title: &'static str,
}

const PAGES: [Page; 7] = [
    page("hythe-driver-filesystem", "filesystem", "`storage.filesystem`"),
    page("hythe-driver-inmemory", "inmemory", "`storage.inmemory`"),
    page("hythe-driver-s3", "s3", "`storage.s3`"),
    page("hythe-driver-azure", "azure", "`storage.azure`"),
    page("hythe-driver-gcs", "gcs", "`storage.gcs`"),
    page(
        "hythe-driver-layers",
        "redirect-rewrite",
        "The middlewares `redirect` and `rewrite`",
    ),
    page(
        "hythe-driver-cloudfront",
        "cloudfront",
        "The middleware `cloudfront`",
    ),
];

const fn page(source: &'static str, name: &'static str, title: &'static str) -> Page {
    Page { source, name, title }
}

/// The page of all keys of the configuration, which the program prints itself.
const CONFIGURATION: &str = "docs/configuration.md";

/// Writes all pages.
pub(crate) fn write() -> Result<()> {
    let print = [
        "run",
        "--quiet",
        "--package",
        "hythe",
        "--",
        "config",
        "reference",
    ];
    let text = cargo()
        .args(print)
        .quiet()
        .context("cannot run hythe config reference")?;
    let path = workspace::root().join(CONFIGURATION);
    // The last line break is lost on the way.
    fs::write(&path, text.trim_end().to_owned() + "\n")
        .with_context(|| format!("cannot write {}", path.display()))?;
    println!("{}", path.display());
    for page in &PAGES {
        let path = page.path();
        fs::write(&path, page.text()?).with_context(|| format!("cannot write {}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

impl Page {
    fn path(&self) -> PathBuf {
        workspace::root()
            .join("docs/storage-drivers")
            .join(format!("{}.md", self.name))
    }

    fn sources(&self) -> PathBuf {
        workspace::root().join("crates").join(self.source).join("src")
    }

    fn text(&self) -> Result<String> {
        let source = self.sources().join("docs.md");
        let text =
            fs::read_to_string(&source).with_context(|| format!("cannot read {}", source.display()))?;
        let crate_name = self.source;
        Ok(format!(
            "# {}\n\n<!-- Made by `cargo xtask pages` from crates/{crate_name}/src/docs.md; change it there. -->\n\n{}",
            self.title,
            one_level_lower(&text)
        ))
    }
}

/// The headings of a part of a page.
fn one_level_lower(text: &str) -> String {
    let lower = |line: &str| {
        let hash = if line.starts_with('#') { "#" } else { "" };
        format!("{hash}{line}\n")
    };
    text.lines().map(lower).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn every_parameter_is_in_a_table() {
        for page in &PAGES {
            let names = parameters_read(&page.sources()).unwrap();
            assert!(
                !names.is_empty() || page.name == "inmemory",
                "{}: none found",
                page.name
            );
            let text = page.text().unwrap();
            let rows: Vec<_> = text.lines().filter(|line| line.starts_with('|')).collect();
            for name in names {
                // A table may say `section.one`, `.two` for `section.two`, and errors name both.
                let last = name.rsplit('.').next().unwrap_or_default();
                let spellings = [format!("`{name}`"), format!(".{last}`"), format!("`{name}.")];
                let is_there = spellings
                    .iter()
                    .any(|spelling| rows.iter().any(|row| row.contains(spelling)));
                assert!(is_there, "{}: {name}", page.name);
            }
        }
    }

    /// The names of the parameters that a crate reads: the texts handed to the readers in files that are about parameters, and lists
    /// called `OPTIONS`.
    fn parameters_read(sources: &Path) -> Result<Vec<String>> {
        const READERS: [&str; 15] = [
            "text(",
            "boolean(",
            "flag(",
            "integer(",
            "number(",
            "uri(",
            "duration(",
            "get(",
            "value(",
            "required(",
            "time(",
            "text(options, ",
            "required(options, ",
            "time(options, ",
            "section(",
        ];
        let mut names = Vec::new();
        for entry in fs::read_dir(sources)? {
            let path = entry?.path();
            let file = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if !path.is_file() || !["parameters", "options", "base_url", "rewrite"].contains(&file.as_str()) {
                continue;
            }
            let code = fs::read_to_string(&path)?;
            let code = code.split("#[cfg(test)]").next().unwrap_or_default();
            for list in code.split("OPTIONS: &[&str] = &[").skip(1) {
                let list = list.split(']').next().unwrap_or_default();
                names.extend(list.split('"').skip(1).step_by(2).map(str::to_owned));
            }
            for reader in READERS {
                for (at, _) in code.match_indices(&format!("{reader}\"")) {
                    let name = code[at + reader.len() + 1..]
                        .split('"')
                        .next()
                        .unwrap_or_default();
                    names.push(name.to_owned());
                }
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }
}
