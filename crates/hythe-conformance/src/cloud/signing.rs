//! Signing requests to S3 (signature version 4) and to Azure (shared key), as far as looking at a bucket needs it.
//!
//! Sources: "Signature Version 4" of the AWS reference, "Authorize with Shared Key" of Azure's. Bodies are not signed.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use hythe_testutil::{Algorithm, Request};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;

use super::backend::Backend;
use crate::failure::Failure;

/// What RFC 3986 calls unreserved stays as it is, and so do the slashes of a path.
const IN_PATHS: &AsciiSet = &IN_QUERIES.remove(b'/');
const IN_QUERIES: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// Known to every Azurite.
const AZURE_VERSION: &str = "2021-12-02";
/// Azurite does not look at how old a request is, and nothing else is asked with this.
const AZURE_DATE: &str = "Sat, 01 Jan 2022 00:00:00 GMT";

/// A request without a body, for `path` below the account with these query parameters, signed at `now` (seconds since
/// 1970).
pub(super) fn signed(
    backend: &Backend,
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    now: u64,
) -> Result<Request, Failure> {
    let path = utf8_percent_encode(path, IN_PATHS).to_string();
    let mut query = query.to_vec();
    query.sort_unstable();
    let words: Vec<String> = query
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, IN_QUERIES)))
        .collect();
    let words = words.join("&");
    match backend.dialect() {
        hythe_testutil::proxy::Dialect::S3 => Ok(s3(backend, method, &path, &words, now)),
        hythe_testutil::proxy::Dialect::Azure => azure(backend, method, &path, &query, &words),
        // Nobody signs for the emulator of Google's storage.
        hythe_testutil::proxy::Dialect::Gcs => Ok(Request::new(method, format!("{path}?{words}"))),
    }
}

fn s3(backend: &Backend, method: &str, path: &str, query: &str, now: u64) -> Request {
    let time = timestamp(now);
    let day = &time[..8];
    let host = backend.authority();
    let canonical = format!(
        "{method}\n{path}\n{query}\nhost:{host}\nx-amz-content-sha256:{UNSIGNED}\nx-amz-date:{time}\n\n\
         host;x-amz-content-sha256;x-amz-date\n{UNSIGNED}"
    );
    let scope = format!("{day}/{}/s3/aws4_request", backend.region);
    let digest = Algorithm::Sha256.digest(canonical.as_bytes());
    let text = format!(
        "AWS4-HMAC-SHA256\n{time}\n{scope}\n{}",
        digest.trim_start_matches("sha256:")
    );
    let key = [day, backend.region.as_str(), "s3", "aws4_request"]
        .iter()
        .fold(format!("AWS4{}", backend.secret).into_bytes(), |key, word| {
            hmac(&key, word.as_bytes())
        });
    let mut signature = String::new();
    for byte in hmac(&key, text.as_bytes()) {
        let _ = write!(signature, "{byte:02x}");
    }
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders=host;x-amz-content-sha256;x-amz-date, \
         Signature={signature}",
        backend.user
    );
    Request::new(method, format!("{path}?{query}"))
        .header("x-amz-content-sha256", UNSIGNED)
        .header("x-amz-date", time)
        .header("authorization", authorization)
}

fn azure(
    backend: &Backend,
    method: &str,
    path: &str,
    query: &[(&str, &str)],
    words: &str,
) -> Result<Request, Failure> {
    let path = format!("{}{path}", backend.path());
    // Twelve lines after the method, of which each is a standard header that is not there.
    let mut text =
        format!("{method}\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:{AZURE_DATE}\nx-ms-version:{AZURE_VERSION}\n");
    let _ = write!(text, "/{}{path}", backend.user);
    for (name, value) in query {
        let _ = write!(text, "\n{name}:{value}");
    }
    let key = STANDARD
        .decode(&backend.secret)
        .map_err(|error| Failure::new(format!("the account's key is not base64: {error}")))?;
    let signature = STANDARD.encode(hmac(&key, text.as_bytes()));
    Ok(Request::new(method, format!("{path}?{words}"))
        .header("x-ms-date", AZURE_DATE)
        .header("x-ms-version", AZURE_VERSION)
        .header("authorization", format!("SharedKey {}:{signature}", backend.user)))
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut hmac = Hmac::<Sha256>::new_from_slice(key).expect("a key of this kind may have any length");
    hmac.update(text);
    hmac.finalize().into_bytes().to_vec()
}

/// `YYYYMMDDTHHMMSSZ`, by the calendar of Howard Hinnant's `civil_from_days`.
fn timestamp(seconds: u64) -> String {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_signatures_have_them() {
        fn check(seconds: u64, expected: &str) {
            assert_eq!(timestamp(seconds), expected);
        }
        check(0, "19700101T000000Z");
        check(951_782_399, "20000228T235959Z");
        check(951_782_400, "20000229T000000Z");
        check(1_735_689_599, "20241231T235959Z");
        check(1_735_689_600, "20250101T000000Z");
    }
}
