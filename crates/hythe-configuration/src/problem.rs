use std::fmt;
use std::sync::Arc;

/// One thing that is wrong with the configuration, where it stands and what to do about it.
///
/// Prints as one line, `config.yml:7:3: http.adr: unknown key, did you mean "addr"?`, or with the name of the
/// variable in front when it came from the environment. Values of secrets never appear.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// Whether it stops the start.
    pub severity: Severity,
    /// The key, its sections joined by dots (`storage.delete.enabled`, `notifications.endpoints[0].url`); empty when
    /// the problem is the whole file.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
    /// Where it was written.
    pub origin: Origin,
    /// Whether the problem is that nobody reads the key. Such a problem is an error for the strict.
    pub is_unknown_key: bool,
}

impl Problem {
    pub(crate) fn error(path: impl Into<String>, origin: Origin, message: impl Into<String>) -> Self {
        let (path, message) = (path.into(), message.into());
        Self {
            severity: Severity::Error,
            path,
            message,
            origin,
            is_unknown_key: false,
        }
    }

    pub(crate) fn warning(path: impl Into<String>, origin: Origin, message: impl Into<String>) -> Self {
        let (path, message) = (path.into(), message.into());
        Self {
            severity: Severity::Warning,
            path,
            message,
            origin,
            is_unknown_key: false,
        }
    }

    /// The same problem, of a key that nobody reads.
    pub(crate) fn of_unknown_key(self) -> Self {
        Self {
            is_unknown_key: true,
            ..self
        }
    }

    /// The line in the file, counted from 1; `None` for the environment and for what is missing.
    pub fn line(&self) -> Option<u32> {
        match &self.origin {
            Origin::File { position, .. } => position.map(|position| position.line),
            Origin::Environment { .. } => None,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_problem(f, self, "")
    }
}

/// How much a problem matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Severity {
    /// The registry must not start.
    Error,
    /// The registry starts, but does something else than the operator may expect.
    Warning,
}

/// Where a value was written. Orders as the values are read: the file from top to bottom, then the environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The configuration file.
    File {
        /// The file as the caller named it.
        name: Arc<str>,
        /// The place in it; `None` when the problem is something that is not there.
        position: Option<Position>,
    },
    /// An environment variable.
    Environment {
        /// Its name.
        variable: Arc<str>,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File {
                name,
                position: Some(Position { line, column }),
            } => write!(f, "{name}:{line}:{column}"),
            Self::File { name, position: None } => f.write_str(name),
            Self::Environment { variable } => f.write_str(variable),
        }
    }
}

/// A place in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// The line, counted from 1.
    pub line: u32,
    /// The character in the line, counted from 1.
    pub column: u32,
}

/// All that is wrong with a configuration, in the order in which it was read; prints as one line for each.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort_by(|one, other| one.origin.cmp(&other.origin));
        Self(problems)
    }

    /// Every problem, errors and warnings as they stand in the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// What stops the start.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.0
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
    }

    /// What does not stop the start.
    pub fn warnings(&self) -> impl Iterator<Item = &Problem> {
        self.0
            .iter()
            .filter(|problem| problem.severity == Severity::Warning)
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            let mark = match problem.severity {
                Severity::Error => "",
                Severity::Warning => "warning: ",
            };
            write_problem(f, problem, mark)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

fn write_problem(f: &mut fmt::Formatter<'_>, problem: &Problem, mark: &str) -> fmt::Result {
    let Problem {
        path,
        message,
        origin,
        ..
    } = problem;
    write!(f, "{origin}: {mark}")?;
    if !path.is_empty() {
        write!(f, "{path}: ")?;
    }
    f.write_str(message)
}

/// A piece of foreign text in a message: on one line, not longer than a line, in quotes.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN_CHARACTERS: usize = 60;
    let shown: String = text.chars().take(SHOWN_CHARACTERS).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", shown.escape_debug())
}

/// Appends a key to a path; an odd key is quoted, so that a problem stays one readable line.
pub(crate) fn join(path: &str, key: &str) -> String {
    let is_plain = !key.is_empty() && key.len() <= 60 && key.chars().all(|c| c.is_ascii_graphic());
    let key = if is_plain { key.to_owned() } else { quoted(key) };
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(line: u32, column: u32) -> Origin {
        Origin::File {
            name: "config.yml".into(),
            position: Some(Position { line, column }),
        }
    }

    #[test]
    fn a_problem_prints_as_one_line_with_its_place() {
        let problem = Problem::warning("http.adr", at(7, 3), "unknown key");
        assert_eq!(problem.to_string(), "config.yml:7:3: http.adr: unknown key");
        let variable = Origin::Environment {
            variable: "REGISTRY_HTTP_ADDR".into(),
        };
        let problem = Problem::error("http.addr", variable, "not an address");
        assert_eq!(
            problem.to_string(),
            "REGISTRY_HTTP_ADDR: http.addr: not an address"
        );
    }

    #[test]
    fn problems_are_in_the_order_of_the_file_and_mark_warnings() {
        let variable = Origin::Environment {
            variable: "REGISTRY_A".into(),
        };
        let missing = Origin::File {
            name: "config.yml".into(),
            position: None,
        };
        let problems = Problems::new(vec![
            Problem::error("a", variable, "third"),
            Problem::warning("b", at(12, 1), "second"),
            Problem::error("c", at(2, 5), "first"),
            Problem::error("", missing, "nothing there"),
        ]);
        let expected = "config.yml: nothing there\nconfig.yml:2:5: c: first\n\
                        config.yml:12:1: warning: b: second\nREGISTRY_A: a: third";
        assert_eq!(problems.to_string(), expected);
    }

    #[test]
    fn foreign_text_stays_short_and_on_one_line() {
        assert_eq!(quoted("a\nb"), "\"a\\nb\"");
        assert_eq!(quoted(&"x".repeat(1000)).chars().count(), 63);
        assert_eq!(join("http", "adr"), "http.adr");
        assert_eq!(join("http", "a\nb"), "http.\"a\\nb\"");
    }
}
