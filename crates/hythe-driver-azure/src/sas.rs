//! Signed addresses of single blobs by the account's key, which the official crate leaves out.
//!
//! The text that is signed follows "Create a service SAS", version 2020-12-06 and later:
//! <https://learn.microsoft.com/rest/api/storageservices/create-service-sas>.

use azure_core::time::OffsetDateTime;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::shared_key::AccountKey;

/// The version of the signature's form.
const VERSION: &str = "2020-12-06";
/// A blob, not a container.
const RESOURCE: &str = "b";
const PERMISSION: &str = "r";

/// What is not escaped in a query: RFC 3986's unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// What an address allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grant<'a> {
    pub(crate) container: &'a str,
    pub(crate) key: &'a str,
    pub(crate) starts: OffsetDateTime,
    pub(crate) expires: OffsetDateTime,
    /// Whether unencrypted requests are allowed too.
    pub(crate) allow_http: bool,
    /// The content type that the service is to answer with.
    pub(crate) content_type: Option<&'a str>,
}

impl Grant<'_> {
    /// The query that allows reading the blob, signed by the account's key.
    pub(crate) fn signed_by(&self, account: &AccountKey) -> String {
        let (starts, expires) = (time_text(self.starts), time_text(self.expires));
        let protocol = if self.allow_http { "https,http" } else { "https" };
        let signature = account.sign(&self.string_to_sign(account.account(), &starts, &expires, protocol));
        let mut query = vec![
            ("sv", VERSION),
            ("spr", protocol),
            ("st", &starts),
            ("se", &expires),
            ("sr", RESOURCE),
            ("sp", PERMISSION),
        ];
        if let Some(content_type) = self.content_type {
            query.push(("rsct", content_type));
        }
        query.push(("sig", &signature));
        let pairs = query
            .iter()
            .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, ESCAPED)));
        pairs.collect::<Vec<_>>().join("&")
    }

    fn string_to_sign(&self, account: &str, starts: &str, expires: &str, protocol: &str) -> String {
        let resource = format!("/blob/{account}/{}/{}", self.container, self.key);
        let content_type = self.content_type.unwrap_or_default();
        // Empty: stored policy and addresses; snapshot and encryption scope; the other response headers.
        [
            PERMISSION,
            starts,
            expires,
            &resource,
            "",
            "",
            protocol,
            VERSION,
            RESOURCE,
            "",
            "",
            "",
            "",
            "",
            "",
            content_type,
        ]
        .join("\n")
    }
}

/// A time in UTC with a precision of seconds.
fn time_text(time: OffsetDateTime) -> String {
    let (date, clock) = (time.date(), time.time());
    let month = u8::from(date.month());
    let (hour, minute, second) = clock.as_hms();
    format!(
        "{:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z",
        date.year(),
        date.day()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant<'a>(key: &'a str, content_type: Option<&'a str>) -> Grant<'a> {
        Grant {
            container: "reg",
            key,
            starts: OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap(),
            expires: OffsetDateTime::from_unix_timestamp(1_700_001_200).unwrap(),
            allow_http: false,
            content_type,
        }
    }

    #[test]
    fn the_text_has_every_field_in_its_place() {
        let text = grant("docker/a", Some("application/x")).string_to_sign("acc", "S", "E", "https");
        assert_eq!(
            text,
            "r\nS\nE\n/blob/acc/reg/docker/a\n\n\nhttps\n2020-12-06\nb\n\n\n\n\n\n\napplication/x"
        );
    }

    #[test]
    fn the_query_holds_what_was_signed() {
        let account = AccountKey::new("acc", "a2V5").unwrap();
        let query = grant("docker/a", Some("application/x+json")).signed_by(&account);
        let expected = "sv=2020-12-06&spr=https&st=2023-11-14T22%3A13%3A20Z&se=2023-11-14T22%3A33%3A20Z&sr=b&sp=r\
                        &rsct=application%2Fx%2Bjson&sig=";
        assert!(query.starts_with(expected), "{query}");
        let signature = query.rsplit_once("sig=").unwrap().1;
        assert!(
            signature.chars().all(|c| c.is_ascii_alphanumeric() || c == '%'),
            "{signature}"
        );
        let other = grant("docker/b", Some("application/x+json")).signed_by(&account);
        assert_ne!(query, other);
    }

    #[test]
    fn without_a_content_type_none_is_asked_for() {
        let account = AccountKey::new("acc", "a2V5").unwrap();
        assert!(!grant("a", None).signed_by(&account).contains("rsct"));
    }
}
