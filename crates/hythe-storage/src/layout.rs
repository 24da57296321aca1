use std::fmt;

use hythe_digest::{Algorithm, Digest};
use hythe_distribution::UploadId;
use hythe_driver::DriverPath;
use hythe_reference::{RepositoryName, Tag};

/// Every key that the registry keeps in a storage backend, in both directions.
///
/// The keys are those of distribution v3, so that either registry can take over the other's data; two
/// directories are ours, and lie where the original's walkers do not look: the file `session` of an upload and
/// everything below `_referrers`.
///
/// | Method | Key below `/docker/registry/v2` |
/// |---|---|
/// | [`repositories`](Self::repositories) | `repositories` |
/// | [`repository`](Self::repository) | `repositories/<name>` |
/// | [`manifests`](Self::manifests) | `repositories/<name>/_manifests` |
/// | [`revisions`](Self::revisions) | `repositories/<name>/_manifests/revisions` |
/// | [`revision`](Self::revision) | `repositories/<name>/_manifests/revisions/<alg>/<hex>` |
/// | [`revision_link`](Self::revision_link) | `repositories/<name>/_manifests/revisions/<alg>/<hex>/link` |
/// | [`tags`](Self::tags) | `repositories/<name>/_manifests/tags` |
/// | [`tag`](Self::tag) | `repositories/<name>/_manifests/tags/<tag>` |
/// | [`tag_current_link`](Self::tag_current_link) | `repositories/<name>/_manifests/tags/<tag>/current/link` |
/// | [`tag_index`](Self::tag_index) | `repositories/<name>/_manifests/tags/<tag>/index` |
/// | [`tag_index_entry`](Self::tag_index_entry) | `repositories/<name>/_manifests/tags/<tag>/index/<alg>/<hex>` |
/// | [`tag_index_link`](Self::tag_index_link) | `repositories/<name>/_manifests/tags/<tag>/index/<alg>/<hex>/link` |
/// | [`layers`](Self::layers) | `repositories/<name>/_layers` |
/// | [`layer_link`](Self::layer_link) | `repositories/<name>/_layers/<alg>/<hex>/link` |
/// | [`uploads`](Self::uploads) | `repositories/<name>/_uploads` |
/// | [`upload`](Self::upload) | `repositories/<name>/_uploads/<id>` |
/// | [`upload_data`](Self::upload_data) | `repositories/<name>/_uploads/<id>/data` |
/// | [`upload_started_at`](Self::upload_started_at) | `repositories/<name>/_uploads/<id>/startedat` |
/// | [`upload_hash_states`](Self::upload_hash_states) | `repositories/<name>/_uploads/<id>/hashstates` |
/// | [`upload_hash_state`](Self::upload_hash_state) | `repositories/<name>/_uploads/<id>/hashstates/<alg>/<offset>` |
/// | [`upload_session`](Self::upload_session) | `repositories/<name>/_uploads/<id>/session` (ours) |
/// | [`referrers`](Self::referrers) | `repositories/<name>/_referrers` (ours) |
/// | [`referrers_of`](Self::referrers_of) | `repositories/<name>/_referrers/subjects/<alg>/<hex>` (ours) |
/// | [`referrer`](Self::referrer) | `repositories/<name>/_referrers/subjects/<alg>/<hex>/<alg>-<hex>` (ours) |
/// | [`referrers_indexed`](Self::referrers_indexed) | `repositories/<name>/_referrers/indexed` (ours) |
/// | [`referrers_marker`](Self::referrers_marker) | `repositories/<name>/_referrers/indexed/<alg>/<hex>` (ours) |
/// | [`blobs`](Self::blobs) | `blobs` |
/// | [`blob`](Self::blob) | `blobs/<alg>/<hh>/<hex>` |
/// | [`blob_data`](Self::blob_data) | `blobs/<alg>/<hh>/<hex>/data` |
#[derive(Debug, Clone)]
pub struct Layout {
    repositories: DriverPath,
    blobs: DriverPath,
}

/// Name of a directory that makes its parent a repository.
pub(crate) const MANIFESTS: &str = "_manifests";

impl Default for Layout {
    fn default() -> Self {
        Self {
            repositories: path(format_args!("/docker/registry/v2/repositories")),
            blobs: path(format_args!("/docker/registry/v2/blobs")),
        }
    }
}

impl Layout {
    /// The directory of all repositories.
    pub fn repositories(&self) -> DriverPath {
        self.repositories.clone()
    }

    /// The directory of one repository, which also holds those nested in its name.
    pub fn repository(&self, name: &RepositoryName) -> DriverPath {
        path(format_args!("{}/{name}", self.repositories))
    }

    /// The directory whose presence makes a name a repository.
    pub fn manifests(&self, name: &RepositoryName) -> DriverPath {
        self.within(name, format_args!("{MANIFESTS}"))
    }

    /// The directory of the links to manifests.
    pub fn revisions(&self, name: &RepositoryName) -> DriverPath {
        self.within(name, format_args!("{MANIFESTS}/revisions"))
    }

    /// The directory of one manifest.
    pub fn revision(&self, name: &RepositoryName, digest: &Digest) -> DriverPath {
        self.within(name, format_args!("{MANIFESTS}/revisions/{}", Parts(digest)))
    }

    /// The link that makes a manifest a member of the repository.
    pub fn revision_link(&self, name: &RepositoryName, digest: &Digest) -> DriverPath {
        self.within(name, format_args!("{MANIFESTS}/revisions/{}/link", Parts(digest)))
    }

    /// The directory of the tags.
    pub fn tags(&self, name: &RepositoryName) -> DriverPath {
        self.within(name, format_args!("{MANIFESTS}/tags"))
    }

    /// The directory of one tag, whose presence makes it appear in lists.
    pub fn tag(&self, name: &RepositoryName, tag: &Tag) -> DriverPath {
        self.within(name, format_args!("{MANIFESTS}/tags/{tag}"))
    }

    /// The link to what a tag points to.
    pub fn tag_current_link(&self, name: &RepositoryName, tag: &Tag) -> DriverPath {
        self.within(name, format_args!("{MANIFESTS}/tags/{tag}/current/link"))
    }

    /// The directory of the links to everything a tag ever pointed to.
    pub fn tag_index(&self, name: &RepositoryName, tag: &Tag) -> DriverPath {
        self.within(name, format_args!("{MANIFESTS}/tags/{tag}/index"))
    }

    /// The directory of one thing that a tag once pointed to.
    pub fn tag_index_entry(&self, name: &RepositoryName, tag: &Tag, digest: &Digest) -> DriverPath {
        self.within(
            name,
            format_args!("{MANIFESTS}/tags/{tag}/index/{}", Parts(digest)),
        )
    }

    /// The link to one thing that a tag once pointed to.
    pub fn tag_index_link(&self, name: &RepositoryName, tag: &Tag, digest: &Digest) -> DriverPath {
        self.within(
            name,
            format_args!("{MANIFESTS}/tags/{tag}/index/{}/link", Parts(digest)),
        )
    }

    /// The directory of the links to blobs.
    pub fn layers(&self, name: &RepositoryName) -> DriverPath {
        self.within(name, format_args!("_layers"))
    }

    /// The link that makes a blob a member of the repository.
    pub fn layer_link(&self, name: &RepositoryName, digest: &Digest) -> DriverPath {
        self.within(name, format_args!("_layers/{}/link", Parts(digest)))
    }

    /// The directory of the upload sessions.
    pub fn uploads(&self, name: &RepositoryName) -> DriverPath {
        self.within(name, format_args!("_uploads"))
    }

    /// The directory of one upload session.
    pub fn upload(&self, name: &RepositoryName, id: &UploadId) -> DriverPath {
        self.within(name, format_args!("_uploads/{id}"))
    }

    /// The bytes an upload received so far.
    pub fn upload_data(&self, name: &RepositoryName, id: &UploadId) -> DriverPath {
        self.within(name, format_args!("_uploads/{id}/data"))
    }

    /// When an upload was started. Its absence is the definition of an unknown upload.
    pub fn upload_started_at(&self, name: &RepositoryName, id: &UploadId) -> DriverPath {
        self.within(name, format_args!("_uploads/{id}/startedat"))
    }

    /// The directory of an upload's hash states, one directory an algorithm.
    pub fn upload_hash_states(&self, name: &RepositoryName, id: &UploadId) -> DriverPath {
        self.within(name, format_args!("_uploads/{id}/hashstates"))
    }

    /// The hash state after `offset` bytes of an upload.
    pub fn upload_hash_state(
        &self,
        name: &RepositoryName,
        id: &UploadId,
        algorithm: Algorithm,
        offset: u64,
    ) -> DriverPath {
        self.within(
            name,
            format_args!("_uploads/{id}/hashstates/{algorithm}/{offset}"),
        )
    }

    /// Our record of an upload, on backends that cannot append.
    pub fn upload_session(&self, name: &RepositoryName, id: &UploadId) -> DriverPath {
        self.within(name, format_args!("_uploads/{id}/session"))
    }

    /// The directory of our index of referrers.
    pub fn referrers(&self, name: &RepositoryName) -> DriverPath {
        self.within(name, format_args!("_referrers"))
    }

    /// The directory of the entries of one subject.
    pub fn referrers_of(&self, name: &RepositoryName, subject: &Digest) -> DriverPath {
        self.within(name, format_args!("_referrers/subjects/{}", Parts(subject)))
    }

    /// The entry that says that `referrer` names `subject`; it holds the referrer's descriptor.
    pub fn referrer(&self, name: &RepositoryName, subject: &Digest, referrer: &Digest) -> DriverPath {
        self.within(
            name,
            format_args!(
                "_referrers/subjects/{}/{}-{}",
                Parts(subject),
                referrer.algorithm(),
                referrer.hex()
            ),
        )
    }

    /// The directory of the markers of manifests that are indexed, one directory an algorithm.
    pub fn referrers_indexed(&self, name: &RepositoryName) -> DriverPath {
        self.within(name, format_args!("_referrers/indexed"))
    }

    /// The marker that says that a manifest was looked at, whether or not it has a subject.
    pub fn referrers_marker(&self, name: &RepositoryName, manifest: &Digest) -> DriverPath {
        self.within(name, format_args!("_referrers/indexed/{}", Parts(manifest)))
    }

    /// The directory of all content, of manifests and blobs alike.
    pub fn blobs(&self) -> DriverPath {
        self.blobs.clone()
    }

    /// The directory of one piece of content.
    pub fn blob(&self, digest: &Digest) -> DriverPath {
        path(format_args!("{}/{}", self.blobs, FannedOut(digest)))
    }

    /// One piece of content.
    pub fn blob_data(&self, digest: &Digest) -> DriverPath {
        path(format_args!("{}/{}/data", self.blobs, FannedOut(digest)))
    }

    /// The repository whose [`manifests`](Self::manifests) directory this is.
    pub fn repository_of_manifests(&self, path: &DriverPath) -> Option<RepositoryName> {
        let name = path
            .below(&self.repositories)?
            .strip_suffix(MANIFESTS)?
            .strip_suffix('/')?;
        RepositoryName::parse(name).ok()
    }

    /// The digest that a link file in `directory` is named after: `<directory>/<alg>/<hex>/link`, nothing
    /// shallower and nothing deeper (2.x kept links to signatures below those of manifests).
    pub fn digest_of_link(directory: &DriverPath, path: &DriverPath) -> Option<Digest> {
        let named = path.below(directory)?.strip_suffix("/link")?;
        digest_of_parts(named, '/')
    }

    /// The digest that a marker in [`referrers_indexed`](Self::referrers_indexed) is named after.
    pub fn digest_of_marker(directory: &DriverPath, path: &DriverPath) -> Option<Digest> {
        digest_of_parts(path.below(directory)?, '/')
    }

    /// The referrer that an entry in [`referrers_of`](Self::referrers_of) is named after.
    pub fn referrer_of_entry(path: &DriverPath) -> Option<Digest> {
        digest_of_parts(path.name(), '-')
    }

    fn within(&self, name: &RepositoryName, below: fmt::Arguments<'_>) -> DriverPath {
        path(format_args!("{}/{name}/{below}", self.repositories))
    }
}

fn path(text: fmt::Arguments<'_>) -> DriverPath {
    DriverPath::parse(&text.to_string())
        .expect("names, tags, digests and ids are shorter than a path may be and use fewer characters")
}

fn digest_of_parts(text: &str, separator: char) -> Option<Digest> {
    let (algorithm, hex) = text.split_once(separator)?;
    Digest::parse(&format!("{algorithm}:{hex}")).ok()
}

/// `<alg>/<hex>`
struct Parts<'a>(&'a Digest);

impl fmt::Display for Parts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0.algorithm(), self.0.hex())
    }
}

/// `<alg>/<hh>/<hex>`
struct FannedOut<'a>(&'a Digest);

impl fmt::Display for FannedOut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = self.0.hex();
        write!(f, "{}/{}/{hex}", self.0.algorithm(), &hex[..2])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: &str = "/docker/registry/v2";
    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const ID: &str = "0192f0c1-7b3a-7c4d-8e5f-0123456789ab";

    #[test]
    fn keys_are_those_of_distribution() {
        let layout = Layout::default();
        let name = RepositoryName::parse("library/ubuntu").unwrap();
        let tag = Tag::parse("latest").unwrap();
        let digest = Digest::sha256(b"");
        let id = UploadId::parse(ID).unwrap();
        let n = format!("{R}/repositories/library/ubuntu");

        let check = |actual: DriverPath, expected: String| assert_eq!(actual.as_str(), expected);
        check(layout.repositories(), format!("{R}/repositories"));
        check(layout.repository(&name), n.clone());
        check(layout.manifests(&name), format!("{n}/_manifests"));
        check(layout.revisions(&name), format!("{n}/_manifests/revisions"));
        check(
            layout.revision(&name, &digest),
            format!("{n}/_manifests/revisions/sha256/{HEX}"),
        );
        check(
            layout.revision_link(&name, &digest),
            format!("{n}/_manifests/revisions/sha256/{HEX}/link"),
        );
        check(layout.tags(&name), format!("{n}/_manifests/tags"));
        check(layout.tag(&name, &tag), format!("{n}/_manifests/tags/latest"));
        check(
            layout.tag_current_link(&name, &tag),
            format!("{n}/_manifests/tags/latest/current/link"),
        );
        check(
            layout.tag_index(&name, &tag),
            format!("{n}/_manifests/tags/latest/index"),
        );
        check(
            layout.tag_index_entry(&name, &tag, &digest),
            format!("{n}/_manifests/tags/latest/index/sha256/{HEX}"),
        );
        check(
            layout.tag_index_link(&name, &tag, &digest),
            format!("{n}/_manifests/tags/latest/index/sha256/{HEX}/link"),
        );
        check(layout.layers(&name), format!("{n}/_layers"));
        check(
            layout.layer_link(&name, &digest),
            format!("{n}/_layers/sha256/{HEX}/link"),
        );
        check(layout.uploads(&name), format!("{n}/_uploads"));
        check(layout.upload(&name, &id), format!("{n}/_uploads/{ID}"));
        check(layout.upload_data(&name, &id), format!("{n}/_uploads/{ID}/data"));
        check(
            layout.upload_started_at(&name, &id),
            format!("{n}/_uploads/{ID}/startedat"),
        );
        check(
            layout.upload_hash_states(&name, &id),
            format!("{n}/_uploads/{ID}/hashstates"),
        );
        check(
            layout.upload_hash_state(&name, &id, Algorithm::Sha256, 1024),
            format!("{n}/_uploads/{ID}/hashstates/sha256/1024"),
        );
        check(layout.blobs(), format!("{R}/blobs"));
        check(layout.blob(&digest), format!("{R}/blobs/sha256/e3/{HEX}"));
        check(
            layout.blob_data(&digest),
            format!("{R}/blobs/sha256/e3/{HEX}/data"),
        );
    }

    #[test]
    fn our_own_keys_begin_with_an_underscore_or_lie_in_an_upload() {
        let layout = Layout::default();
        let name = RepositoryName::parse("a").unwrap();
        let digest = Digest::sha256(b"");
        let id = UploadId::parse(ID).unwrap();
        let n = format!("{R}/repositories/a");

        let check = |actual: DriverPath, expected: String| assert_eq!(actual.as_str(), expected);
        check(
            layout.upload_session(&name, &id),
            format!("{n}/_uploads/{ID}/session"),
        );
        check(layout.referrers(&name), format!("{n}/_referrers"));
        check(
            layout.referrers_of(&name, &digest),
            format!("{n}/_referrers/subjects/sha256/{HEX}"),
        );
        check(
            layout.referrer(&name, &digest, &digest),
            format!("{n}/_referrers/subjects/sha256/{HEX}/sha256-{HEX}"),
        );
        check(layout.referrers_indexed(&name), format!("{n}/_referrers/indexed"));
        check(
            layout.referrers_marker(&name, &digest),
            format!("{n}/_referrers/indexed/sha256/{HEX}"),
        );
    }

    #[test]
    fn keys_can_be_read_back() {
        let layout = Layout::default();
        let name = RepositoryName::parse("a/b/c").unwrap();
        let digest = Digest::of(Algorithm::Sha512, b"x");
        let subject = Digest::sha256(b"y");

        assert_eq!(
            layout.repository_of_manifests(&layout.manifests(&name)),
            Some(name.clone())
        );
        assert_eq!(layout.repository_of_manifests(&layout.layers(&name)), None);
        assert_eq!(
            Layout::digest_of_link(&layout.revisions(&name), &layout.revision_link(&name, &digest)),
            Some(digest)
        );
        assert_eq!(
            Layout::digest_of_marker(
                &layout.referrers_indexed(&name),
                &layout.referrers_marker(&name, &digest)
            ),
            Some(digest)
        );
        assert_eq!(
            Layout::referrer_of_entry(&layout.referrer(&name, &subject, &digest)),
            Some(digest)
        );
    }

    #[test]
    fn only_links_at_their_place_name_a_digest() {
        let layout = Layout::default();
        let name = RepositoryName::parse("a").unwrap();
        let directory = layout.revisions(&name);
        for below in [
            format!("sha256/{HEX}"),
            format!("sha256/{HEX}/link/link"),
            format!("sha256/{HEX}/signatures/sha256/{HEX}/link"),
            format!("tarsum/v1/sha256/{HEX}/link"),
            format!("sha256/{}/link", &HEX[1..]),
            "link".to_owned(),
        ] {
            let path = DriverPath::parse(&format!("{directory}/{below}")).unwrap();
            assert_eq!(Layout::digest_of_link(&directory, &path), None, "{below}");
        }
    }

    #[test]
    fn the_longest_and_oddest_names_are_keys() {
        let layout = Layout::default();
        let longest = RepositoryName::parse(&"a/".repeat(127)[..253]).unwrap();
        let odd = RepositoryName::parse("a.b_c__d---e/0").unwrap();
        let tag = Tag::parse(&format!("_{}", ".-".repeat(63))).unwrap();
        for name in [&longest, &odd] {
            let digest = Digest::of(Algorithm::Sha512, b"");
            assert!(
                layout
                    .tag_index_link(name, &tag, &digest)
                    .as_str()
                    .ends_with("/link")
            );
        }
    }
}
