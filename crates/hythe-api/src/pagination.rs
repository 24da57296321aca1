//! Lists in pages: the parameters `n` and `last`, and the `Link` to the next page.

use std::num::{IntErrorKind, ParseIntError};

use serde_json::{Value, json};

use crate::{ApiError, ErrorCode, Query};

/// How many repositories a page of the catalog has if nobody asks for a number.
pub const DEFAULT_CATALOG_ENTRIES: usize = 100;

/// Which part of a list is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageQuery {
    /// How many entries at most; `None` for all of them, 0 for an empty page that says nothing about the
    /// list.
    pub limit: Option<usize>,
    /// The entry behind which to begin. It need not exist.
    pub last: Option<String>,
}

/// Reads the parameters of a request for the catalog.
///
/// A page has [`DEFAULT_CATALOG_ENTRIES`] unless `n` says otherwise, and never more than `max_entries`:
/// asking for more is an error.
pub fn catalog_page(query: &Query, max_entries: usize) -> Result<PageQuery, ApiError> {
    let limit = match query.get_nonempty("n") {
        None => DEFAULT_CATALOG_ENTRIES.min(max_entries),
        Some(text) => match text.parse::<i64>().ok().and_then(|n| usize::try_from(n).ok()) {
            None => return Err(invalid_number(text)),
            Some(n) if n > max_entries => return Err(invalid_number(n)),
            Some(n) => n,
        },
    };
    Ok(PageQuery {
        limit: Some(limit),
        last: last(query),
    })
}

/// Reads the parameters of a request for tags.
///
/// Without `n` all tags are asked for; more than `max_tags` are silently reduced to it, unless it is 0.
pub fn tags_page(query: &Query, max_tags: usize) -> Result<PageQuery, ApiError> {
    let limit = match query.get_nonempty("n") {
        None => None,
        Some(text) => {
            let number = text
                .parse::<i64>()
                .map_err(|error| invalid_number(as_go_would(&error)))?;
            let n = usize::try_from(number).map_err(|_| invalid_number(number))?;
            Some(if max_tags > 0 { n.min(max_tags) } else { n })
        }
    };
    Ok(PageQuery {
        limit,
        last: last(query),
    })
}

/// The value of a `Link` field to the next page: the same path with other parameters, sorted by name.
pub fn next_link(path: &str, parameters: &[(&str, &str)]) -> String {
    format!("<{path}?{}>; rel=\"next\"", Query::encode(parameters))
}

impl PageQuery {
    /// The value of a `Link` field to the page behind `last`, or `None` if there are no pages.
    pub fn next_link(&self, path: &str, last: &str) -> Option<String> {
        self.limit
            .map(|limit| next_link(path, &[("last", last), ("n", &limit.to_string())]))
    }
}

fn last(query: &Query) -> Option<String> {
    query.get_nonempty("last").map(str::to_owned)
}

fn invalid_number(n: impl Into<Value>) -> ApiError {
    ApiError::new(ErrorCode::PaginationNumberInvalid).with_detail(json!({ "n": n.into() }))
}

/// What Go's parser leaves behind when it fails, which distribution v3 shows to the client.
fn as_go_would(error: &ParseIntError) -> i64 {
    match error.kind() {
        IntErrorKind::PosOverflow => i64::MAX,
        IntErrorKind::NegOverflow => i64::MIN,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: Option<usize>, last: Option<&str>) -> PageQuery {
        PageQuery {
            limit,
            last: last.map(str::to_owned),
        }
    }

    #[track_caller]
    fn check_error(result: Result<PageQuery, ApiError>, expected_detail: &Value) {
        let error = result.unwrap_err();
        assert_eq!(
            (error.code(), error.status().as_u16()),
            (ErrorCode::PaginationNumberInvalid, 400)
        );
        assert_eq!(error.detail(), Some(expected_detail));
    }

    #[test]
    fn the_catalog_has_pages_of_a_hundred() {
        let catalog = |query: &str| catalog_page(&Query::parse(query), 1000);
        assert_eq!(catalog("").unwrap(), page(Some(100), None));
        assert_eq!(catalog("n=&last=").unwrap(), page(Some(100), None));
        assert_eq!(catalog("n=0").unwrap(), page(Some(0), None));
        assert_eq!(
            catalog("n=1000&last=a%2Fb").unwrap(),
            page(Some(1000), Some("a/b"))
        );
        assert_eq!(catalog_page(&Query::default(), 7).unwrap(), page(Some(7), None));
        check_error(catalog("n=x"), &json!({"n": "x"}));
        check_error(catalog("n=-1"), &json!({"n": "-1"}));
        check_error(
            catalog("n=99999999999999999999"),
            &json!({"n": "99999999999999999999"}),
        );
        check_error(catalog("n=1001"), &json!({"n": 1001}));
    }

    #[test]
    fn tags_have_pages_only_if_asked_for() {
        let tags = |query: &str| tags_page(&Query::parse(query), 1000);
        assert_eq!(tags("").unwrap(), page(None, None));
        assert_eq!(tags("last=a").unwrap(), page(None, Some("a")));
        assert_eq!(tags("n=0").unwrap(), page(Some(0), None));
        assert_eq!(tags("n=5000").unwrap(), page(Some(1000), None));
        assert_eq!(
            tags_page(&Query::parse("n=5000"), 0).unwrap(),
            page(Some(5000), None)
        );
        check_error(tags("n=x"), &json!({"n": 0}));
        check_error(tags("n=-7"), &json!({"n": -7}));
        check_error(tags("n=99999999999999999999"), &json!({"n": i64::MAX}));
        check_error(tags("n=-99999999999999999999"), &json!({"n": i64::MIN}));
    }

    #[test]
    fn the_link_is_relative_and_sorted() {
        let link = page(Some(2), None).next_link("/v2/_catalog", "a/b");
        assert_eq!(
            link.as_deref(),
            Some("</v2/_catalog?last=a%2Fb&n=2>; rel=\"next\"")
        );
        assert_eq!(page(None, None).next_link("/v2/a/tags/list", "b"), None);
    }
}
