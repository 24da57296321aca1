//! Fuzz targets over every parser of Hythe.
//!
//! Each function here is one target: it takes any bytes, must not panic, and where a value comes out it
//! checks what holds of every value. The files in `fuzz_targets` only hand them to libFuzzer:
//!
//! ```text
//! cargo +nightly fuzz run --fuzz-dir crates/hythe-fuzz route
//! ```
//!
//! The same properties are checked on random input by the tests of each crate, with a stable compiler.

use bytes::Bytes;
use http::header::{ACCEPT, FORWARDED, HOST, HeaderMap, HeaderValue, IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use hythe_api::{
    Accept, ContentRange, Query, RequestedRange, Route, RouteError, UploadState, UrlBuilder, decode_path,
    evaluate_preconditions, manifest_not_modified, next_link, strip_prefix,
};
use hythe_configuration::{Capabilities, Configuration, Feature};
use hythe_digest::{Algorithm, Digest, Digester};
use hythe_manifest::{ManifestTypes, MediaType};
use hythe_reference::{Reference, RepositoryName, Tag};
use hythe_units::{ByteSize, GoDuration, parse_unsigned};

/// `Accept` fields: whatever they say, an index is served as stored.
pub fn accept(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|&byte| byte == b'\n') {
        headers.extend(HeaderValue::from_bytes(line).map(|value| (ACCEPT, value)));
    }
    let wanted = Accept::parse(&headers).wants(&MediaType::OCI_INDEX, true);
    assert_eq!(wanted, hythe_api::Wanted::Stored);
}

/// Configurations with variables: what is loaded prints its effective values, and these load again.
///
/// Lines of the form `REGISTRY_A=value` behind the first zero byte are the environment.
pub fn configuration(data: &[u8]) {
    let text = text_of(data);
    let (yaml, variables) = text.split_once('\0').unwrap_or((&*text, ""));
    let variables = variables.lines().filter_map(|line| line.split_once('='));
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let able = Capabilities {
        drivers: ["filesystem", "inmemory"].map(str::to_owned).into(),
        caches: vec!["inmemory".to_owned()],
        auth_providers: vec!["silly".to_owned()],
        storage_middlewares: vec!["redirect".to_owned()],
        features: [Feature::Tls, Feature::UnixSockets].into(),
        ..Capabilities::default()
    };
    match Configuration::load(yaml, "config.yml", variables, &able) {
        Ok(loaded) => {
            let printed = loaded.settings.to_string();
            let again = Configuration::load(&printed, "printed.yml", [], &able);
            assert!(again.is_ok(), "{printed}\n{:?}", again.err());
        }
        Err(problems) => assert_eq!(problems.to_string().lines().count(), problems.len()),
    }
}

/// `Content-Range` of uploads: a range that fits is as long as the body.
pub fn content_range(data: &[u8]) {
    let Some((numbers, text)) = data.split_first_chunk::<16>() else {
        return;
    };
    let size = u64::from_le_bytes(numbers[..8].try_into().expect("eight bytes"));
    let length = u64::from_le_bytes(numbers[8..].try_into().expect("eight bytes"));
    if let Ok(range) = ContentRange::parse(&text_of(text))
        && range.check(size, length).is_ok()
    {
        assert_eq!(range.last - range.first + 1, length);
    }
}

/// Digests: what is read is written back.
pub fn digest(data: &[u8]) {
    let text = text_of(data);
    if let Ok(digest) = Digest::parse(&text) {
        assert_eq!(digest.to_string(), text);
    }
}

/// Durations: what is read prints as what it is.
pub fn duration(data: &[u8]) {
    if let Ok(duration) = text_of(data).parse::<GoDuration>() {
        assert_eq!(duration.to_string().parse::<GoDuration>(), Ok(duration));
    }
}

/// Entity tags in conditions.
pub fn etag(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for (name, line) in [IF_MATCH, IF_NONE_MATCH, IF_RANGE]
        .into_iter()
        .zip(data.split(|&byte| byte == b'\n'))
    {
        headers.extend(HeaderValue::from_bytes(line).map(|value| (name, value)));
    }
    evaluate_preconditions(&headers, "\"a\"");
    manifest_not_modified(&headers, &Digest::sha256(b""));
}

/// Saved hash states: what is restored can be used, and is saved as it was.
pub fn hash_state(data: &[u8]) {
    for algorithm in Algorithm::ALL {
        if let Ok(mut digester) = Digester::restore_state(algorithm, data) {
            assert_eq!(digester.save_state(), data);
            digester.update(&[0; 200]);
            digester.finish();
        }
    }
}

/// Manifests of every type: one that may be pushed is read alike when it is stored.
pub fn manifest(data: &[u8]) {
    let types = ManifestTypes::standard();
    let _ = types.recognise(Bytes::copy_from_slice(data));
    for media_type in types.media_types() {
        let known = types.get(media_type).expect("it is in the table");
        if let Ok(parsed) = known.parse(data) {
            parsed.dependencies();
            assert_eq!(known.parse_stored(data), Ok(parsed));
        }
    }
}

/// Paths on the wire.
pub fn path(data: &[u8]) {
    let text = text_of(data);
    if let Ok(decoded) = decode_path(&text) {
        assert!(!decoded.contains('\0'));
        assert!(strip_prefix("/registry/", &decoded).is_none_or(|rest| rest.starts_with('/')));
        let _ = Route::parse(&decoded);
    }
}

/// Queries: what is read, written and read again is the same.
pub fn query(data: &[u8]) {
    let query = Query::parse(&text_of(data));
    let mut pairs: Vec<_> = query.pairs().collect();
    let encoded = Query::encode(&pairs);
    let again = Query::parse(&encoded);
    pairs.sort_by_key(|(name, _)| *name);
    assert!(again.pairs().eq(pairs.iter().copied()));
    let _ = hythe_api::catalog_page(&query, 1000);
    let _ = hythe_api::tags_page(&query, 1000);
    next_link("/v2/_catalog", &pairs);
}

/// `Range` fields: parts are parts of the content.
pub fn range(data: &[u8]) {
    let Some((size, text)) = data.split_first_chunk::<8>() else {
        return;
    };
    let size = u64::from_le_bytes(*size);
    let spans = match RequestedRange::parse(&text_of(text), size) {
        RequestedRange::Single(span) => vec![span],
        RequestedRange::Multi(spans) => spans,
        _ => vec![],
    };
    for span in spans {
        assert!(span.start.checked_add(span.len).is_some_and(|end| end <= size));
        span.content_range(size);
    }
}

/// Names, tags, references and media types: what is read is written back.
pub fn reference(data: &[u8]) {
    let text = text_of(data);
    if let Ok(name) = RepositoryName::parse(&text) {
        assert_eq!(name.components().collect::<Vec<_>>().join("/"), text);
    }
    if let Ok(tag) = Tag::parse(&text) {
        assert_eq!(Reference::parse(&text), Ok(Reference::Tag(tag)));
    }
    if let Ok(reference) = Reference::parse(&text) {
        assert_eq!(reference.to_string(), text);
    }
    if let Ok(media_type) = MediaType::parse(&text) {
        assert_eq!(media_type.as_str(), text);
    }
}

/// Routes: what is read is written back, and a redirect leads to a route.
pub fn route(data: &[u8]) {
    let text = text_of(data);
    match Route::parse(&text) {
        Ok(route) => assert_eq!(route.to_path(), text),
        Err(RouteError::Redirect { to }) => {
            assert_ne!(to, text);
            assert!(Route::parse(&to).is_ok_and(|route| route.to_path() == to));
        }
        Err(_) => {}
    }
}

/// Sizes and numbers: what is read prints as what it is.
pub fn size(data: &[u8]) {
    let text = text_of(data);
    if let Ok(size) = text.parse::<ByteSize>() {
        assert_eq!(size.to_string().parse::<ByteSize>(), Ok(size));
    }
    if let Some(number) = parse_unsigned(&text) {
        assert_eq!(parse_unsigned(&number.to_string()), Some(number));
    }
}

/// Tokens of uploads: nothing verifies that was not signed.
pub fn upload_state(data: &[u8]) {
    let text = text_of(data);
    let _ = UploadState::decode(&text, b"secret");
    if let Ok(state) = UploadState::decode_unverified(&text) {
        assert_eq!(
            UploadState::decode(&state.encode(b"secret"), b"secret"),
            Ok(state)
        );
    }
}

/// URLs from configured hosts and forwarded requests.
pub fn urls(data: &[u8]) {
    let text = text_of(data);
    UrlBuilder::from_config(Some(&text), true);

    let mut request = http::Request::new(());
    for (name, line) in [HOST, FORWARDED]
        .into_iter()
        .zip(data.split(|&byte| byte == b'\n'))
    {
        request
            .headers_mut()
            .extend(HeaderValue::from_bytes(line).map(|value| (name, value)));
    }
    UrlBuilder::from_request(&request.into_parts().0, false);
}

fn text_of(data: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(data)
}
