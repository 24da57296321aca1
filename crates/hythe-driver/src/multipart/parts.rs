use serde_json::{Value, json};

use super::MultipartBackend;

/// A part that the backend has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its number, counted from 1.
    pub number: u32,
    /// The mark that it was given ([`super::SentPart::mark`]).
    pub mark: String,
}

/// The parts of an upload by rising numbers. Those whose marks the driver makes up are kept as ranges, so that a
/// token stays small whatever their count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Parts {
    runs: Vec<Run>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    first: u32,
    marks: Marks,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Marks {
    Given(Vec<String>),
    Derived { count: u32, nonce: u64 },
}

impl Run {
    fn end(&self) -> u32 {
        let count = match &self.marks {
            Marks::Given(marks) => marks.len() as u32,
            Marks::Derived { count, .. } => *count,
        };
        self.first.saturating_add(count)
    }
}

impl Parts {
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The number after the last.
    pub(super) fn end(&self) -> u32 {
        self.runs.last().map_or(1, Run::end)
    }

    pub(super) fn clear(&mut self) {
        self.runs.clear();
    }

    /// Adds a part whose mark the backend gave.
    pub(super) fn push(&mut self, part: Part) {
        match self.runs.last_mut() {
            Some(run) if run.end() == part.number && matches!(run.marks, Marks::Given(_)) => {
                if let Marks::Given(marks) = &mut run.marks {
                    marks.push(part.mark);
                }
            }
            _ => self.runs.push(Run {
                first: part.number,
                marks: Marks::Given(vec![part.mark]),
            }),
        }
    }

    /// Adds a part whose mark follows from its number and a nonce.
    pub(super) fn push_derived(&mut self, number: u32, nonce: u64) {
        if let Some(run) = self.runs.last_mut()
            && run.end() == number
            && let Marks::Derived { count, nonce: last } = &mut run.marks
            && *last == nonce
        {
            *count += 1;
            return;
        }
        self.runs.push(Run {
            first: number,
            marks: Marks::Derived { count: 1, nonce },
        });
    }

    /// All of them with their marks.
    pub(super) fn expand(&self, backend: &dyn MultipartBackend, upload: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        for run in &self.runs {
            match &run.marks {
                Marks::Given(marks) => {
                    let numbered = (run.first..).zip(marks.iter().cloned());
                    parts.extend(numbered.map(|(number, mark)| Part { number, mark }));
                }
                Marks::Derived { nonce, .. } => {
                    let mark = |number| backend.derived_mark(upload, number, *nonce).unwrap_or_default();
                    let derived = (run.first..run.end()).map(|number| Part {
                        number,
                        mark: mark(number),
                    });
                    parts.extend(derived);
                }
            }
        }
        parts
    }

    pub(super) fn to_json(&self) -> Value {
        let runs = self.runs.iter().map(|run| match &run.marks {
            Marks::Given(marks) => json!([run.first, marks]),
            Marks::Derived { count, nonce } => json!([run.first, count, nonce]),
        });
        runs.collect()
    }

    /// `None` for what this did not write.
    pub(super) fn from_json(value: &Value) -> Option<Self> {
        let mut parts = Self::default();
        for run in value.as_array()? {
            let first = u32::try_from(run.get(0)?.as_u64()?).ok()?;
            let marks = match run.get(1)? {
                Value::Array(marks) => {
                    let marks = marks.iter().map(|mark| mark.as_str().map(str::to_owned));
                    Marks::Given(marks.collect::<Option<_>>()?)
                }
                count => Marks::Derived {
                    count: u32::try_from(count.as_u64()?).ok()?,
                    nonce: run.get(2)?.as_u64()?,
                },
            };
            let run = Run { first, marks };
            if first < parts.end() || run.end() == first {
                return None;
            }
            parts.runs.push(run);
        }
        Some(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Parts {
        let mut parts = Parts::default();
        for number in [1, 2, 5] {
            let mark = format!("\"{number}\"");
            parts.push(Part { number, mark });
        }
        for (number, nonce) in [(6, 1), (7, 1), (8, u64::MAX), (10, 1)] {
            parts.push_derived(number, nonce);
        }
        parts
    }

    #[test]
    fn parts_are_read_as_they_were_written() {
        for parts in [Parts::default(), sample()] {
            assert_eq!(Parts::from_json(&parts.to_json()), Some(parts));
        }
        assert_eq!(sample().runs.len(), 5);
        assert_eq!(sample().end(), 11);
    }

    #[test]
    fn what_is_no_list_of_parts_is_refused() {
        for damage in [
            json!(null),
            json!([[1]]),
            json!([[0, 1, 1]]),
            json!([[1, 0, 1]]),
            json!([[1, []]]),
            json!([[2, ["a"]], [2, ["b"]]]),
            json!([[1, [1]]]),
            json!([[1, 5_000_000_000_u64, 1]]),
        ] {
            assert_eq!(Parts::from_json(&damage), None, "{damage}");
        }
    }

    #[test]
    fn derived_marks_take_no_room() {
        let mut parts = Parts::default();
        for number in 1..=50_000 {
            parts.push_derived(number, 7);
        }
        assert!(parts.to_json().to_string().len() < 40);
    }
}
