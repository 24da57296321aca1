//! Differences between two protocols of the same sequence.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::corpus::Sequence;
use super::recorder::{Body, Exchange};

/// What one answer has and the other has not.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Difference {
    /// The profile under which it occurred.
    pub profile: String,
    /// The sequence's name.
    pub case: String,
    /// Method and path template.
    pub route: String,
    /// `status`, `header:<name>`, `body`, or `body:<JSON pointer>`.
    pub what: String,
    /// The request, without what must differ.
    pub request: String,
    /// What the left registry has; `absent` if it has nothing.
    pub left: String,
    /// What the right registry has; `absent` if it has nothing.
    pub right: String,
}

const ABSENT: &str = "absent";

/// Compares the protocols of a sequence, answer by answer.
pub(super) fn compare(sequence: &Sequence, left: &[Exchange], right: &[Exchange]) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut add = |exchange: &Exchange, what: String, left: String, right: String| {
        differences.push(Difference {
            profile: sequence.profile.name().to_owned(),
            case: sequence.name.to_owned(),
            route: exchange.route.clone(),
            what,
            request: exchange.request.clone(),
            left,
            right,
        });
    };
    for (left, right) in left.iter().zip(right) {
        if left.status != right.status {
            // An answer of another kind has other headers and another body.
            let (left_status, right_status) = (left.status.to_string(), right.status.to_string());
            add(left, "status".to_owned(), left_status, right_status);
            continue;
        }
        for (name, left_value, right_value) in headers(left, right) {
            add(left, format!("header:{name}"), left_value, right_value);
        }
        for (pointer, left_value, right_value) in bodies(&left.body, &right.body) {
            let what = if pointer.is_empty() {
                "body".to_owned()
            } else {
                format!("body:{pointer}")
            };
            add(left, what, left_value, right_value);
        }
    }
    if left.len() != right.len() {
        // Where one side could not go on because an answer lacked what the next request needs.
        let longer = if left.len() > right.len() { left } else { right };
        let first = &longer[left.len().min(right.len())];
        add(
            first,
            "sequence".to_owned(),
            format!("{} steps", left.len()),
            format!("{} steps", right.len()),
        );
    }
    differences
}

fn headers(left: &Exchange, right: &Exchange) -> Vec<(String, String, String)> {
    // Lengths follow from bodies, whose difference is reported itself.
    let same_body = left.body == right.body;
    let names: BTreeSet<&String> = left.headers.keys().chain(right.headers.keys()).collect();
    names
        .into_iter()
        .filter(|name| same_body || !matches!(name.as_str(), "content-length" | "transfer-encoding"))
        .filter(|name| left.headers.get(*name) != right.headers.get(*name))
        .map(|name| {
            let value = |side: &Exchange| side.headers.get(name).map_or(ABSENT.to_owned(), Clone::clone);
            (name.clone(), value(left), value(right))
        })
        .collect()
}

fn bodies(left: &Body, right: &Body) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    match (left, right) {
        (left, right) if left == right => {}
        (Body::Json(left), Body::Json(right)) => values("", left, right, &mut found),
        (left, right) => found.push((String::new(), shown(left), shown(right))),
    }
    found
}

fn values(pointer: &str, left: &Value, right: &Value, found: &mut Vec<(String, String, String)>) {
    match (left, right) {
        (left, right) if left == right => {}
        (Value::Object(left), Value::Object(right)) => {
            let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            for name in names {
                member(
                    &format!("{pointer}/{name}"),
                    left.get(name),
                    right.get(name),
                    found,
                );
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for position in 0..left.len().max(right.len()) {
                member(
                    &format!("{pointer}/{position}"),
                    left.get(position),
                    right.get(position),
                    found,
                );
            }
        }
        (left, right) => found.push((pointer.to_owned(), left.to_string(), right.to_string())),
    }
}

fn member(
    pointer: &str,
    left: Option<&Value>,
    right: Option<&Value>,
    found: &mut Vec<(String, String, String)>,
) {
    match (left, right) {
        (Some(left), Some(right)) => values(pointer, left, right, found),
        (left, right) => {
            let text = |value: Option<&Value>| value.map_or(ABSENT.to_owned(), Value::to_string);
            found.push((pointer.to_owned(), text(left), text(right)));
        }
    }
}

fn shown(body: &Body) -> String {
    match body {
        Body::Json(value) => value.to_string(),
        Body::Bytes(bytes) if bytes.is_empty() => ABSENT.to_owned(),
        Body::Bytes(bytes) if bytes.len() <= 200 => format!("{:?}", String::from_utf8_lossy(bytes)),
        Body::Bytes(bytes) => format!("{} bytes", bytes.len()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_differs_member_by_member() {
        fn check(left: Value, right: Value, expected: &[&str]) {
            let found = bodies(&Body::Json(left), &Body::Json(right));
            let pointers: Vec<&str> = found.iter().map(|(pointer, ..)| pointer.as_str()).collect();
            assert_eq!(pointers, expected);
        }
        check(json!({ "a": 1, "b": 2 }), json!({ "b": 2, "a": 1 }), &[]);
        check(
            json!({ "errors": [{ "code": "A" }] }),
            json!({ "errors": [{ "code": "B" }] }),
            &["/errors/0/code"],
        );
        check(json!({ "a": [1, 2] }), json!({ "a": [1] }), &["/a/1"]);
        check(json!({ "a": null }), json!({}), &["/a"]);
        check(json!([]), json!({}), &[""]);
    }
}
