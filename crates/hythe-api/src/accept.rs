use http::header::{ACCEPT, HeaderMap};
use hythe_manifest::{MediaType, media_types};

/// The media types that a client says it takes: all `Accept` fields of a request.
///
/// Parameters, also `q`, are not looked at and what is no media type is skipped, as in distribution v3.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accept {
    types: Vec<MediaType>,
    has_wildcard: bool,
}

/// Which manifest to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The one that was asked for.
    Stored,
    /// The child of the list that runs on `linux`/`amd64`: the client is older than lists.
    DefaultPlatform,
}

impl Accept {
    /// Reads all fields.
    pub fn parse(headers: &HeaderMap) -> Accept {
        let mut accept = Accept::default();
        for line in headers.get_all(ACCEPT) {
            for element in line.to_str().unwrap_or_default().split(',') {
                accept.add(element);
            }
        }
        accept
    }

    /// Whether the client takes this type, or does not say what it takes.
    pub fn accepts(&self, media_type: &str) -> bool {
        self.takes_anything() || self.names(media_type)
    }

    /// Which manifest the client wants if the one it asked for has type `stored`.
    ///
    /// The only thing negotiated is a Docker manifest list asked for by tag: a client that names types, and
    /// neither kind of list among them, was made before there were lists, and gets the image it can run.
    /// Everyone else gets what is stored, which is what the OCI distribution specification expects.
    pub fn wants(&self, stored: &MediaType, by_tag: bool) -> Wanted {
        let knows_lists = self.takes_anything()
            || self.names(media_types::DOCKER_MANIFEST_LIST)
            || self.names(media_types::OCI_INDEX);
        if Accept::decides(stored, by_tag) && !knows_lists {
            Wanted::DefaultPlatform
        } else {
            Wanted::Stored
        }
    }

    /// Whether what the client says it takes can make a difference. The answer has to tell caches so (`Vary`).
    pub fn decides(stored: &MediaType, by_tag: bool) -> bool {
        by_tag && stored.is(media_types::DOCKER_MANIFEST_LIST)
    }

    fn takes_anything(&self) -> bool {
        self.has_wildcard || self.types.is_empty()
    }

    fn names(&self, media_type: &str) -> bool {
        self.types.iter().any(|own| own.is(media_type))
    }

    fn add(&mut self, element: &str) {
        let media_range = element
            .split_once(';')
            .map_or(element, |(media_range, _)| media_range)
            .trim();
        if media_range == "*/*" || media_range.eq_ignore_ascii_case("application/*") {
            self.has_wildcard = true;
        } else {
            self.types.extend(MediaType::parse(media_range));
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn accept(lines: &[&str]) -> Accept {
        let lines = lines
            .iter()
            .map(|line| (ACCEPT, HeaderValue::try_from(*line).unwrap()));
        Accept::parse(&lines.collect())
    }

    const OLD: &str = "application/vnd.docker.distribution.manifest.v2+json";
    const LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
    const INDEX: &str = "application/vnd.oci.image.index.v1+json";

    #[test]
    fn only_clients_older_than_lists_get_a_child() {
        let check = |lines: &[&str], expected: Wanted| {
            assert_eq!(
                accept(lines).wants(&MediaType::DOCKER_MANIFEST_LIST, true),
                expected,
                "{lines:?}"
            );
        };
        check(&[OLD], Wanted::DefaultPlatform);
        check(&["text/html, application/json"], Wanted::DefaultPlatform);
        check(&[], Wanted::Stored);
        check(&[""], Wanted::Stored);
        check(&["nonsense"], Wanted::Stored);
        check(&["*/*"], Wanted::Stored);
        check(&[OLD, "application/*;q=0.5"], Wanted::Stored);
        check(&[OLD, LIST], Wanted::Stored);
        check(&[&format!("{OLD}, {LIST};q=0.8")], Wanted::Stored);
        check(&[OLD, INDEX], Wanted::Stored);
        check(
            &["Application/Vnd.Docker.Distribution.Manifest.List.V2+Json"],
            Wanted::Stored,
        );
    }

    #[test]
    fn everything_else_is_served_as_stored() {
        let old = accept(&[OLD]);
        assert_eq!(old.wants(&MediaType::DOCKER_MANIFEST_LIST, false), Wanted::Stored);
        assert_eq!(old.wants(&MediaType::OCI_INDEX, true), Wanted::Stored);
        assert_eq!(old.wants(&MediaType::OCI_MANIFEST, true), Wanted::Stored);
    }

    #[test]
    fn a_client_takes_what_it_names() {
        assert!(accept(&[OLD]).accepts(OLD));
        assert!(!accept(&[OLD]).accepts(LIST));
        assert!(accept(&[]).accepts(LIST));
        assert!(accept(&["*/*", OLD]).accepts(LIST));
    }

    proptest! {
        #[test]
        fn arbitrary_fields_never_panic(line in prop::collection::vec(any::<u8>(), 0..32)) {
            if let Ok(value) = HeaderValue::from_bytes(&line) {
                Accept::parse(&HeaderMap::from_iter([(ACCEPT, value)]));
            }
        }
    }
}
