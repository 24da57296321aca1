//! What can be done to a request.

use std::collections::BTreeSet;
use std::time::Duration;

/// Something that goes wrong with a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// The connection ends before the service sees the request.
    DropRequest,
    /// The service does what it is asked to, and the connection ends without its answer.
    LoseAnswer,
    /// The service gets the request twice; the client gets the first answer.
    Repeat,
    /// The request waits this long before the service sees it.
    Delay(Duration),
    /// The connection ends after so many bytes of the answer's body. A shorter body arrives whole.
    CutAnswer(usize),
    /// The answer is a 503 whose code is `SlowDown`, with `Retry-After: 1`, and the service sees nothing.
    SlowDown,
}

/// Which requests suffer what.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    every: Vec<Fault>,
    once: Vec<Fault>,
    only: Option<&'static str>,
    seen: BTreeSet<String>,
}

impl Faults {
    /// No fault at all.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every request suffers this.
    #[must_use]
    pub fn every(mut self, fault: Fault) -> Self {
        self.every.push(fault);
        self
    }

    /// Each request suffers this when it is seen for the first time, and not when it is sent again. Requests are the same
    /// when they have the same method, target (without what a signature adds) and ranges.
    #[must_use]
    pub fn once(mut self, fault: Fault) -> Self {
        self.once.push(fault);
        self
    }

    /// Only requests for this operation suffer.
    #[must_use]
    pub fn only(mut self, operation: &'static str) -> Self {
        self.only = Some(operation);
        self
    }

    /// What the request suffers.
    pub(super) fn of(&mut self, operation: &str, identity: String) -> Vec<Fault> {
        if self.only.is_some_and(|only| only != operation) {
            return Vec::new();
        }
        let mut faults = self.every.clone();
        if !self.once.is_empty() && self.seen.insert(identity) {
            faults.extend(&self.once);
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_suffers_once_what_is_said_to_happen_once() {
        let mut faults = Faults::none().every(Fault::CutAnswer(1)).once(Fault::DropRequest);
        let of = |faults: &mut Faults, identity: &str| faults.of("GetObject", identity.to_owned());
        assert_eq!(of(&mut faults, "a"), [Fault::CutAnswer(1), Fault::DropRequest]);
        assert_eq!(of(&mut faults, "a"), [Fault::CutAnswer(1)]);
        assert_eq!(of(&mut faults, "b").len(), 2);
    }

    #[test]
    fn other_operations_suffer_nothing() {
        let mut faults = Faults::none().every(Fault::SlowDown).only("PutObject");
        assert_eq!(faults.of("GetObject", String::new()), []);
        assert_eq!(faults.of("PutObject", String::new()), [Fault::SlowDown]);
    }
}
