use http::Method;
use hythe_digest::{Digest, DigestError};
use hythe_reference::{NameError, Reference, ReferenceError, RepositoryName, TagError};
use thiserror::Error;

use crate::PathError;
use crate::path::check_segments;

/// What a path of the API means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// `/v2/`: whether there is a registry, and whether the credentials are good.
    Base,
    /// `/v2/_catalog`: the repositories.
    Catalog,
    /// `/v2/<name>/tags/list`: the tags of a repository.
    Tags {
        /// The repository.
        name: RepositoryName,
    },
    /// `/v2/<name>/manifests/<reference>`: a manifest.
    Manifest {
        /// The repository.
        name: RepositoryName,
        /// The tag or digest.
        reference: Reference,
    },
    /// `/v2/<name>/blobs/<digest>`: a blob.
    Blob {
        /// The repository.
        name: RepositoryName,
        /// The blob.
        digest: Digest,
    },
    /// `/v2/<name>/blobs/uploads/`: where uploads begin.
    BlobUploads {
        /// The repository.
        name: RepositoryName,
    },
    /// `/v2/<name>/blobs/uploads/<uuid>`: one upload.
    BlobUpload {
        /// The repository.
        name: RepositoryName,
        /// The upload as the client calls it; letters, digits and `-_.=`.
        uuid: String,
    },
    /// `/v2/<name>/referrers/<digest>`: the manifests whose subject is this one.
    Referrers {
        /// The repository.
        name: RepositoryName,
        /// The subject.
        digest: Digest,
    },
}

/// Why a path is no [`Route`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RouteError {
    /// It has the shape of no route.
    #[error("no such route")]
    NotFound,
    /// No route can have such a path.
    #[error(transparent)]
    BadPath(#[from] PathError),
    /// It would be a route if a slash at its end were there, or were not there.
    #[error("the path is spelled {to}")]
    Redirect {
        /// The path of the route, as [`Route::to_path`] writes it.
        to: String,
    },
    /// It has the shape of a route, but the repository has no valid name.
    #[error("invalid repository name {name:?}")]
    InvalidName {
        /// What stands where the name should be.
        name: String,
        /// What is wrong with it.
        source: NameError,
    },
    /// It names a manifest by something that is neither a tag nor meant to be a digest.
    #[error("invalid tag {reference:?}")]
    InvalidTag {
        /// The repository.
        name: RepositoryName,
        /// What stands where the reference should be.
        reference: String,
        /// What is wrong with it.
        source: TagError,
    },
    /// It names a manifest, blob or subject by something that should be a digest and is not.
    #[error("invalid digest {digest:?}")]
    InvalidDigest {
        /// The repository.
        name: RepositoryName,
        /// What stands where the digest should be.
        digest: String,
        /// What is wrong with it.
        source: DigestError,
    },
}

/// For methods whatever they are: the base route answers all of them, and an upload without a name answers
/// that there is no such upload.
static EVERY_METHOD: [Method; 6] = [
    Method::DELETE,
    Method::GET,
    Method::HEAD,
    Method::PATCH,
    Method::POST,
    Method::PUT,
];
static LIST_METHODS: [Method; 2] = [Method::GET, Method::HEAD];
static MANIFEST_METHODS: [Method; 4] = [Method::DELETE, Method::GET, Method::HEAD, Method::PUT];
static BLOB_METHODS: [Method; 3] = [Method::DELETE, Method::GET, Method::HEAD];

impl Route {
    /// Reads a path that is [decoded](crate::decode_path) and [without prefix](crate::strip_prefix).
    ///
    /// The end of the path decides, so a repository may be called `a/tags/list`. A path that is a route but
    /// for the slash at its end is a [`RouteError::Redirect`]: only `/v2/` and `/v2/<name>/blobs/uploads/`
    /// have one.
    pub fn parse(decoded_path: &str) -> Result<Route, RouteError> {
        check_segments(decoded_path)?;
        match decoded_path.strip_suffix('/') {
            Some("/v2") => Ok(Route::Base),
            Some(without_slash) => match Route::parse_with_slash(without_slash) {
                Some(uploads) => uploads,
                None => redirect(&Route::parse_without_slash(without_slash)?),
            },
            None if decoded_path == "/v2" => redirect(&Route::Base),
            None => match Route::parse_with_slash(decoded_path) {
                Some(uploads) => redirect(&uploads?),
                None => Route::parse_without_slash(decoded_path),
            },
        }
    }

    /// The path that [`Route::parse`] reads as this route. It needs no percent escapes.
    pub fn to_path(&self) -> String {
        match self {
            Route::Base => "/v2/".to_owned(),
            Route::Catalog => "/v2/_catalog".to_owned(),
            Route::Tags { name } => format!("/v2/{name}/tags/list"),
            Route::Manifest { name, reference } => format!("/v2/{name}/manifests/{reference}"),
            Route::Blob { name, digest } => format!("/v2/{name}/blobs/{digest}"),
            Route::BlobUploads { name } => format!("/v2/{name}/blobs/uploads/"),
            Route::BlobUpload { name, uuid } => format!("/v2/{name}/blobs/uploads/{uuid}"),
            Route::Referrers { name, digest } => format!("/v2/{name}/referrers/{digest}"),
        }
    }

    /// What metrics and logs call the route.
    pub fn name(&self) -> &'static str {
        match self {
            Route::Base => "base",
            Route::Catalog => "catalog",
            Route::Tags { .. } => "tags",
            Route::Manifest { .. } => "manifest",
            Route::Blob { .. } => "blob",
            Route::BlobUploads { .. } => "blob_upload",
            Route::BlobUpload { .. } => "blob_upload_chunk",
            Route::Referrers { .. } => "referrers",
        }
    }

    /// The repository that the route is about.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Route::Base | Route::Catalog => None,
            Route::Tags { name }
            | Route::Manifest { name, .. }
            | Route::Blob { name, .. }
            | Route::BlobUploads { name }
            | Route::BlobUpload { name, .. }
            | Route::Referrers { name, .. } => Some(name),
        }
    }

    /// The methods that the route has, sorted. The base route answers any other method as well.
    pub fn allowed_methods(&self) -> &'static [Method] {
        match self {
            Route::Base | Route::BlobUploads { .. } | Route::BlobUpload { .. } => &EVERY_METHOD,
            Route::Catalog | Route::Tags { .. } | Route::Referrers { .. } => &LIST_METHODS,
            Route::Manifest { .. } => &MANIFEST_METHODS,
            Route::Blob { .. } => &BLOB_METHODS,
        }
    }

    /// The methods that the route keeps when nothing may be written, sorted.
    pub fn read_only_methods(&self) -> &'static [Method] {
        match self {
            Route::Base => &EVERY_METHOD,
            _ => &LIST_METHODS,
        }
    }

    /// The one route behind the base that ends in a slash, given without it; `None` for all others.
    fn parse_with_slash(path: &str) -> Option<Result<Route, RouteError>> {
        let name = path.strip_prefix("/v2/")?.strip_suffix("/blobs/uploads")?;
        Some(repository(name).map(|name| Route::BlobUploads { name }))
    }

    fn parse_without_slash(path: &str) -> Result<Route, RouteError> {
        let path = path.strip_prefix("/v2/").ok_or(RouteError::NotFound)?;
        if path == "_catalog" {
            return Ok(Route::Catalog);
        }
        let (rest, last) = path.rsplit_once('/').ok_or(RouteError::NotFound)?;
        let (name, kind) = rest.rsplit_once('/').ok_or(RouteError::NotFound)?;
        match (kind, last) {
            ("tags", "list") => Ok(Route::Tags {
                name: repository(name)?,
            }),
            ("manifests", text) => {
                let name = repository(name)?;
                match Reference::parse(text) {
                    Ok(reference) => Ok(Route::Manifest { name, reference }),
                    Err(ReferenceError::Tag(source)) => Err(RouteError::InvalidTag {
                        name,
                        reference: text.to_owned(),
                        source,
                    }),
                    Err(ReferenceError::Digest(source)) => Err(invalid_digest(name, text, source)),
                }
            }
            ("blobs", text) => {
                let name = repository(name)?;
                match Digest::parse(text) {
                    Ok(digest) => Ok(Route::Blob { name, digest }),
                    Err(source) => Err(invalid_digest(name, text, source)),
                }
            }
            ("referrers", text) => {
                let name = repository(name)?;
                match Digest::parse(text) {
                    Ok(digest) => Ok(Route::Referrers { name, digest }),
                    Err(source) => Err(invalid_digest(name, text, source)),
                }
            }
            ("uploads", uuid) => {
                let name = name.strip_suffix("/blobs").ok_or(RouteError::NotFound)?;
                if !uuid.bytes().all(is_upload_character) {
                    return Err(RouteError::NotFound);
                }
                Ok(Route::BlobUpload {
                    name: repository(name)?,
                    uuid: uuid.to_owned(),
                })
            }
            _ => Err(RouteError::NotFound),
        }
    }
}

fn redirect(to: &Route) -> Result<Route, RouteError> {
    Err(RouteError::Redirect { to: to.to_path() })
}

fn repository(name: &str) -> Result<RepositoryName, RouteError> {
    RepositoryName::parse(name).map_err(|source| RouteError::InvalidName {
        name: name.to_owned(),
        source,
    })
}

fn invalid_digest(name: RepositoryName, digest: &str, source: DigestError) -> RouteError {
    RouteError::InvalidDigest {
        name,
        digest: digest.to_owned(),
        source,
    }
}

fn is_upload_character(c: u8) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'=')
}

#[cfg(test)]
mod tests {
    use hythe_digest::Algorithm;
    use proptest::prelude::*;

    use super::*;

    const A: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn name(text: &str) -> RepositoryName {
        RepositoryName::parse(text).unwrap()
    }

    #[track_caller]
    fn check(path: &str, expected: Route) {
        assert_eq!(expected.to_path(), path);
        assert_eq!(Route::parse(path), Ok(expected), "{path}");
    }

    #[track_caller]
    fn check_redirect(path: &str, expected: &str) {
        assert_eq!(
            Route::parse(path),
            Err(RouteError::Redirect {
                to: expected.to_owned()
            }),
            "{path}"
        );
    }

    #[test]
    fn every_route_is_read() {
        let digest = Digest::parse(A).unwrap();
        let tag = Reference::parse("latest").unwrap();
        let uuid = "8be4df61-93ca-11d2-aa0d-00e098032b8c".to_owned();
        check("/v2/", Route::Base);
        check("/v2/_catalog", Route::Catalog);
        check("/v2/a/b/tags/list", Route::Tags { name: name("a/b") });
        check(
            "/v2/a/manifests/latest",
            Route::Manifest {
                name: name("a"),
                reference: tag,
            },
        );
        check(
            &format!("/v2/a/manifests/{A}"),
            Route::Manifest {
                name: name("a"),
                reference: digest.into(),
            },
        );
        check(
            &format!("/v2/a/blobs/{A}"),
            Route::Blob {
                name: name("a"),
                digest,
            },
        );
        check("/v2/a/blobs/uploads/", Route::BlobUploads { name: name("a") });
        check(
            &format!("/v2/a/blobs/uploads/{uuid}"),
            Route::BlobUpload {
                name: name("a"),
                uuid,
            },
        );
        check(
            &format!("/v2/a/referrers/{A}"),
            Route::Referrers {
                name: name("a"),
                digest,
            },
        );
    }

    #[test]
    fn names_may_look_like_routes() {
        let tag = |text: &str| Reference::parse(text).unwrap();
        check(
            "/v2/a/tags/list/tags/list",
            Route::Tags {
                name: name("a/tags/list"),
            },
        );
        check(
            "/v2/a/manifests/tags/list",
            Route::Tags {
                name: name("a/manifests"),
            },
        );
        check(
            "/v2/tags/manifests/list",
            Route::Manifest {
                name: name("tags"),
                reference: tag("list"),
            },
        );
        check(
            "/v2/a/blobs/uploads/manifests/x",
            Route::Manifest {
                name: name("a/blobs/uploads"),
                reference: tag("x"),
            },
        );
        check(
            "/v2/a/blobs/uploads/blobs/uploads/",
            Route::BlobUploads {
                name: name("a/blobs/uploads"),
            },
        );
        check(
            "/v2/a/blobs/uploads/manifests",
            Route::BlobUpload {
                name: name("a"),
                uuid: "manifests".to_owned(),
            },
        );
        check("/v2/v2/tags/list", Route::Tags { name: name("v2") });
    }

    #[test]
    fn a_slash_at_the_end_is_put_right() {
        check_redirect("/v2", "/v2/");
        check_redirect("/v2/_catalog/", "/v2/_catalog");
        check_redirect("/v2/a/tags/list/", "/v2/a/tags/list");
        check_redirect("/v2/a/manifests/latest/", "/v2/a/manifests/latest");
        check_redirect(&format!("/v2/a/blobs/{A}/"), &format!("/v2/a/blobs/{A}"));
        check_redirect("/v2/a/blobs/uploads", "/v2/a/blobs/uploads/");
        check_redirect("/v2/a/blobs/uploads/x/", "/v2/a/blobs/uploads/x");
    }

    #[test]
    fn other_paths_are_not_found() {
        for path in [
            "/",
            "/v1/",
            "/v2a",
            "/v2/a",
            "/v2/a/",
            "/v2/a/b",
            "/v2/tags/list",
            "/v2/manifests/latest",
            "/v2/blobs/uploads/",
            "/v2/a/tags",
            "/v2/a/tags/other",
            "/v2/a/tags/list/more",
            "/v2/_catalog/more",
            "/v2/a/uploads/x",
            "/v2/a/blobs/uploads/x!",
            "/v2/a/blobs/uploads/x/y",
            "/v3/a/tags/list",
        ] {
            assert_eq!(Route::parse(path), Err(RouteError::NotFound), "{path}");
        }
    }

    #[test]
    fn what_is_malformed_is_named() {
        let check_name = |path: &str, expected: &str| match Route::parse(path) {
            Err(RouteError::InvalidName { name, .. }) => assert_eq!(name, expected),
            other => panic!("{path} is {other:?}"),
        };
        check_name("/v2/A/tags/list", "A");
        check_name("/v2/A/tags/list/", "A");
        check_name("/v2/a:5000/b/manifests/latest", "a:5000/b");
        check_name("/v2/_a/blobs/uploads/", "_a");
        check_name("/v2/_a/blobs/uploads", "_a");
        check_name(&format!("/v2/{}/tags/list", "a".repeat(256)), &"a".repeat(256));

        let check_digest = |path: &str, expected: DigestError| match Route::parse(path) {
            Err(RouteError::InvalidDigest { source, .. }) => assert_eq!(source, expected),
            other => panic!("{path} is {other:?}"),
        };
        check_digest("/v2/a/manifests/sha256:abc", DigestError::Length);
        check_digest("/v2/a/blobs/sha256:abc", DigestError::Length);
        check_digest("/v2/a/blobs/md5:abc", DigestError::UnsupportedAlgorithm);
        check_digest("/v2/a/blobs/latest", DigestError::Format);
        check_digest("/v2/a/referrers/latest", DigestError::Format);

        assert!(matches!(
            Route::parse("/v2/a/manifests/.x"),
            Err(RouteError::InvalidTag { .. })
        ));
        assert_eq!(
            Route::parse("/v2/a//tags/list"),
            Err(PathError::EmptySegment.into())
        );
        assert_eq!(
            Route::parse("/v2/../a/tags/list"),
            Err(PathError::DotSegment.into())
        );
    }

    #[test]
    fn methods_are_sorted() {
        for route in [
            Route::Base,
            Route::Catalog,
            Route::parse("/v2/a/manifests/b").unwrap(),
        ] {
            assert!(
                route
                    .allowed_methods()
                    .is_sorted_by_key(|method| method.as_str().to_owned())
            );
        }
    }

    fn any_route() -> impl Strategy<Value = Route> {
        let component = prop_oneof![
            "[a-z0-9]{1,3}([._-][a-z0-9]{1,3}){0,2}",
            prop::sample::select(vec![
                "tags",
                "list",
                "manifests",
                "blobs",
                "uploads",
                "referrers",
                "v2"
            ])
            .prop_map(str::to_owned),
        ];
        let name = prop::collection::vec(component, 1..6).prop_map(|parts| name(&parts.join("/")));
        let digest =
            (0..3_usize, any::<u8>()).prop_map(|(index, byte)| Digest::of(Algorithm::ALL[index], &[byte]));
        let tag = prop_oneof![
            "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,9}",
            Just("list".to_owned()),
            Just("uploads".to_owned())
        ]
        .prop_map(|text| Reference::parse(&text).unwrap());
        (0..8_u8, name, digest, tag, "[a-zA-Z0-9_=-]{1,9}").prop_map(|(kind, name, digest, tag, uuid)| {
            match kind {
                0 => Route::Catalog,
                1 => Route::Tags { name },
                2 => Route::Manifest { name, reference: tag },
                3 => Route::Manifest {
                    name,
                    reference: digest.into(),
                },
                4 => Route::Blob { name, digest },
                5 => Route::BlobUploads { name },
                6 => Route::BlobUpload { name, uuid },
                _ => Route::Referrers { name, digest },
            }
        })
    }

    proptest! {
        #[test]
        fn parse_inverts_to_path(route in any_route()) {
            prop_assert_eq!(Route::parse(&route.to_path()), Ok(route));
        }

        #[test]
        fn any_path_is_a_route_that_writes_it_or_an_error(
            path in "/v2(/(a|B|tags|list|manifests|blobs|uploads|referrers|_catalog|sha256:ab|\\.\\.|)){0,7}|\\PC{0,16}",
        ) {
            match Route::parse(&path) {
                Ok(route) => prop_assert_eq!(route.to_path(), path),
                Err(RouteError::Redirect { to }) => {
                    prop_assert_ne!(&to, &path);
                    prop_assert_eq!(Route::parse(&to).map(|route| route.to_path()), Ok(to));
                }
                Err(_) => {}
            }
        }
    }
}
