//! The form of the whole configuration as data: which keys there are and of what kind.
//!
//! It is not written down anywhere: the readers of `sections/` are run once over nothing, and what they ask for is
//! recorded (see [`crate::section`]). So a key that is read is known everywhere (to the environment, to the search
//! for misspelt keys, to the reference), and a key that is known is read.

/// What a place of the configuration may hold.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Scalar(Kind),
    /// One of these words.
    Choice(Vec<&'static str>),
    List(Box<Shape>),
    /// Keys of the operator's own choice, values of one shape: headers, log fields.
    Map(Box<Shape>),
    Section(Fields),
    /// Parameters that somebody else reads.
    Any,
}

/// The type of a single value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A text.
    Text,
    /// A text that is kept out of logs and messages.
    Secret,
    /// `true` or `false`, also in the other spellings of YAML 1.1.
    Boolean,
    /// A whole number.
    Integer,
    /// A duration such as `1h30m`; a number without unit means nanoseconds.
    Duration,
    /// A duration that must have a unit and be longer than nothing.
    DurationWithUnit,
    /// A number of bytes such as `24MiB`.
    Size,
    /// One word of a few.
    Choice,
    /// A list of texts.
    Texts,
    /// A map of the operator's own keys.
    Map,
    /// A list of sections.
    Sections,
    /// Parameters that are handed on as they are.
    Parameters,
}

/// The keys of a section.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Fields {
    pub(crate) known: Vec<Field>,
    /// What other keys hold, where other keys are allowed (`storage`: the driver).
    pub(crate) others: Option<Box<Shape>>,
    /// `storage: inmemory` is short for `storage: {inmemory: }`.
    pub(crate) has_short_form: bool,
    /// The original keeps this section and all below it in maps, whose keys variables may name in any case.
    pub(crate) is_any_case: bool,
    /// The original's name of a part whose keys stand directly in this section; variables may spell it out.
    pub(crate) inlined: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) key: &'static str,
    /// The name in variables where it is not the key in upper case.
    pub(crate) variable_name: Option<&'static str>,
    /// The key that has taken its place, with its sections.
    pub(crate) deprecated_for: Option<String>,
    pub(crate) shape: Shape,
}

impl Fields {
    pub(crate) fn field(&self, key: &str) -> Option<&Field> {
        self.known.iter().find(|field| field.key == key)
    }
}

impl Shape {
    pub(crate) fn section(&self) -> Option<&Fields> {
        match self {
            Self::Section(fields) => Some(fields),
            _ => None,
        }
    }

    /// Calls `visit` with the path of every single value below `path`; elements of lists are written `[]`.
    pub(crate) fn walk(&self, path: &str, visit: &mut impl FnMut(&str, Kind)) {
        match self {
            Self::Scalar(kind) => visit(path, *kind),
            Self::Choice(_) => visit(path, Kind::Choice),
            Self::List(element) if matches!(**element, Self::Scalar(_)) => visit(path, Kind::Texts),
            Self::List(element) => element.walk(&format!("{path}[]"), visit),
            Self::Map(_) => visit(path, Kind::Map),
            Self::Any => visit(path, Kind::Parameters),
            Self::Section(fields) => {
                for field in &fields.known {
                    let path = if path.is_empty() {
                        field.key.to_owned()
                    } else {
                        format!("{path}.{}", field.key)
                    };
                    field.shape.walk(&path, visit);
                }
            }
        }
    }
}
