//! What a manifest may refer to.
//!
//! Everything is checked before anything is stored, and everything that is wrong is told at once. Presence is
//! membership of the repository, proved by its links and, for each blob, by the gate.
//!
//! The default is that of somebody who configured nothing: images are complete, while an index may name children
//! that are not (yet) here, and layers that may not be distributed may say where else they are. Whoever configures
//! addresses or children gets the rules of distribution v3.

use std::collections::HashSet;
use std::fmt;

use futures_util::{StreamExt, TryStreamExt, stream};
use hythe_digest::Digest;
use hythe_distribution::{self as distribution, Error, ManifestViolation};
use hythe_manifest::{Dependency, DependencyTarget, Manifest, ManifestKind, Presence, media_types};
use hythe_reference::RepositoryName;
use regex::RegexSet;

use crate::core::Core;
use crate::gate::{self, Purpose};
use crate::links::{self, LinkSet};

/// How many blobs are looked at at once.
const CONCURRENCY: usize = 8;

/// The section `validation` of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValidationSettings {
    /// `disabled`: neither children nor the expressions for addresses are checked.
    pub disabled: bool,
    /// `manifests.urls`, if it is there.
    pub urls: Option<UrlSettings>,
    /// `manifests.indexes`, if it is there.
    pub indexes: Option<IndexPlatforms>,
    /// `manifests.images.blobs`. This key alone configures neither addresses nor children.
    pub image_blobs: ImageBlobs,
}

/// `validation.manifests.urls`: regular expressions that match anywhere in an address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UrlSettings {
    /// An address must match one of these. None of these and none of `deny`: every address is refused.
    pub allow: Vec<String>,
    /// An address must match none of these.
    pub deny: Vec<String>,
}

/// `validation.manifests.indexes`: which children of an index must be in the repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum IndexPlatforms {
    /// Every one.
    #[default]
    All,
    /// None.
    None,
    /// Those of one of these platforms; an empty list is as good as [`IndexPlatforms::All`].
    List(Vec<ImagePlatform>),
}

/// A platform in the words of Go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImagePlatform {
    /// For example `amd64`.
    pub architecture: String,
    /// For example `linux`.
    pub os: String,
}

/// `validation.manifests.images.blobs`: whether config and layers of an image must be in the repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ImageBlobs {
    /// They must.
    #[default]
    All,
    /// They need not be.
    None,
}

/// An expression of [`UrlSettings`] that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("invalid regular expression in validation.manifests.urls.{list}")]
pub struct InvalidExpression {
    list: &'static str,
    #[source]
    source: regex::Error,
}

/// The rules for what a manifest refers to.
#[derive(Debug, Clone)]
pub struct ValidationRules {
    urls: UrlRule,
    children: IndexPlatforms,
    image_blobs: ImageBlobs,
}

/// Which addresses a layer may have, beyond being addresses of the web.
#[derive(Debug, Clone)]
enum UrlRule {
    /// Any.
    Any,
    /// Any, on layers that may not be distributed; none on others, which have to be here.
    NotDistributed,
    /// None at all.
    Nothing,
    /// What `allow` matches, or everything when it is `None`, except what `deny` matches.
    Matching { allow: Option<RegexSet>, deny: RegexSet },
}

impl ValidationRules {
    /// The rules that the settings mean.
    pub fn new(settings: &ValidationSettings) -> Result<Self, InvalidExpression> {
        let image_blobs = settings.image_blobs;
        // The expressions are read in any case, so that a mistake in them does not wait for its day.
        let urls = settings.urls.as_ref().map(UrlRule::new).transpose()?;
        let is_configured = settings.urls.is_some() || settings.indexes.is_some();
        if settings.disabled {
            return Ok(Self {
                urls: UrlRule::Any,
                children: IndexPlatforms::None,
                image_blobs,
            });
        }
        if !is_configured {
            return Ok(Self {
                image_blobs,
                ..Self::default()
            });
        }
        Ok(Self {
            urls: urls.unwrap_or(UrlRule::Nothing),
            children: settings.indexes.clone().unwrap_or_default(),
            image_blobs,
        })
    }

    fn allows(&self, dependency: &Dependency, url: &str) -> bool {
        is_web_address(url)
            && match &self.urls {
                UrlRule::Any => true,
                UrlRule::NotDistributed => dependency.presence == Presence::UrlsReplace,
                UrlRule::Nothing => false,
                UrlRule::Matching { allow, deny } => {
                    allow.as_ref().is_none_or(|allow| allow.is_match(url)) && !deny.is_match(url)
                }
            }
    }

    /// Whether something must be in the repository.
    fn requires(&self, kind: ManifestKind, dependency: &Dependency) -> bool {
        match (kind, dependency.target) {
            (ManifestKind::Image, _) => {
                self.image_blobs == ImageBlobs::All && dependency.must_exist() && !is_foreign(dependency)
            }
            (ManifestKind::Index, DependencyTarget::Manifest) => self.requires_child(dependency),
            (ManifestKind::Index, DependencyTarget::Blob) => dependency.must_exist(),
        }
    }

    fn requires_child(&self, child: &Dependency) -> bool {
        match &self.children {
            IndexPlatforms::All => true,
            IndexPlatforms::None => false,
            IndexPlatforms::List(platforms) => {
                platforms.is_empty()
                    || child.descriptor.platform.as_ref().is_some_and(|own| {
                        platforms
                            .iter()
                            .any(|listed| listed.architecture == own.architecture && listed.os == own.os)
                    })
            }
        }
    }
}

/// The rules of somebody who configured nothing.
impl Default for ValidationRules {
    fn default() -> Self {
        Self {
            urls: UrlRule::NotDistributed,
            children: IndexPlatforms::None,
            image_blobs: ImageBlobs::All,
        }
    }
}

impl UrlRule {
    fn new(settings: &UrlSettings) -> Result<Self, InvalidExpression> {
        let compile = |list, expressions: &[String]| {
            RegexSet::new(expressions).map_err(|source| InvalidExpression { list, source })
        };
        let allow = compile("allow", &settings.allow)?;
        let deny = compile("deny", &settings.deny)?;
        Ok(match (allow.is_empty(), deny.is_empty()) {
            (true, true) => Self::Nothing,
            (allows_all, _) => Self::Matching {
                allow: (!allows_all).then_some(allow),
                deny,
            },
        })
    }
}

impl fmt::Display for ImagePlatform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)
    }
}

/// Checks everything a manifest refers to; [`Error::ManifestVerification`] names all that is wrong, in the order
/// of the document and each thing once.
pub(crate) async fn verify(
    core: &Core,
    repository: &RepositoryName,
    manifest: &Manifest,
) -> distribution::Result<()> {
    let rules = &core.options.validation;
    let dependencies = manifest.dependencies();
    let required: Vec<&Dependency> = dependencies
        .iter()
        .filter(|dependency| rules.requires(manifest.parsed().kind, dependency))
        .collect();
    let present = Present::among(core, repository, &required).await?;

    let mut violations: Vec<ManifestViolation> = Vec::new();
    for dependency in &dependencies {
        violations.extend(address_violations(rules, dependency));
        if rules.requires(manifest.parsed().kind, dependency) {
            violations.extend(present.violation(dependency));
        }
    }
    // By their text, which has everything they differ in.
    let mut seen = HashSet::new();
    violations.retain(|violation| seen.insert(violation.to_string()));
    if violations.is_empty() {
        Ok(())
    } else {
        Err(Error::ManifestVerification(violations))
    }
}

/// What is wrong with the addresses of a layer.
fn address_violations(rules: &ValidationRules, dependency: &Dependency) -> Vec<ManifestViolation> {
    let layer = &dependency.descriptor;
    if is_foreign(dependency) && layer.urls.is_empty() {
        return vec![ManifestViolation::MissingUrl { digest: layer.digest }];
    }
    if !dependency.check_urls {
        return Vec::new();
    }
    let forbidden = layer.urls.iter().filter(|url| !rules.allows(dependency, url));
    forbidden
        .map(|url| ManifestViolation::ForbiddenUrl {
            digest: layer.digest,
            url: url.clone(),
        })
        .collect()
}

/// Whether it is a layer that is downloaded from elsewhere and never looked up here, as in distribution v3.
fn is_foreign(dependency: &Dependency) -> bool {
    dependency.descriptor.is(media_types::DOCKER_FOREIGN_LAYER)
}

/// An absolute address of the web without a fragment, as far as a registry has to know.
fn is_web_address(url: &str) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let is_web = ["http", "https"]
        .iter()
        .any(|web| scheme.eq_ignore_ascii_case(web));
    let has_host = !rest.is_empty() && !rest.starts_with(['/', '?']);
    let is_clean = !url.contains(|c: char| c == '#' || c.is_whitespace() || c.is_control());
    is_web && has_host && is_clean
}

/// What of the things looked up is in the repository.
struct Present {
    blobs: HashSet<Digest>,
    manifests: HashSet<Digest>,
}

impl Present {
    async fn among(
        core: &Core,
        repository: &RepositoryName,
        wanted: &[&Dependency],
    ) -> distribution::Result<Self> {
        let of = |target| {
            let wanted = wanted.iter().filter(|dependency| dependency.target == target);
            let distinct: HashSet<Digest> = wanted.map(|dependency| dependency.descriptor.digest).collect();
            distinct.into_iter().collect::<Vec<_>>()
        };
        let blobs = of(DependencyTarget::Blob);
        let manifests = of(DependencyTarget::Manifest);
        Ok(Self {
            blobs: stored(core, repository, &LinkSet::Layers, &blobs).await?,
            manifests: stored(core, repository, &LinkSet::Revisions, &manifests).await?,
        })
    }

    fn violation(&self, dependency: &Dependency) -> Option<ManifestViolation> {
        let digest = dependency.descriptor.digest;
        match dependency.target {
            DependencyTarget::Blob => {
                (!self.blobs.contains(&digest)).then_some(ManifestViolation::BlobUnknown { digest })
            }
            DependencyTarget::Manifest => {
                (!self.manifests.contains(&digest)).then_some(ManifestViolation::ManifestUnknown { digest })
            }
        }
    }
}

/// Those of `digests` that are linked in the repository and stored.
async fn stored(
    core: &Core,
    repository: &RepositoryName,
    set: &LinkSet,
    digests: &[Digest],
) -> distribution::Result<HashSet<Digest>> {
    if digests.is_empty() {
        return Ok(HashSet::new());
    }
    let members = links::members(core, repository, set, digests).await?;
    let claims = stream::iter(members).map(|(digest, content)| async move {
        let size = gate::claim(core, &content, Purpose::Dependency).await?;
        distribution::Result::Ok(size.map(|_| digest))
    });
    let claimed: Vec<Option<Digest>> = claims.buffer_unordered(CONCURRENCY).try_collect().await?;
    Ok(claimed.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use hythe_manifest::{
        Descriptor, DockerManifestBuilder, ImageBuilder, IndexBuilder, MediaType, Platform,
    };

    use super::*;

    const URL: &str = "https://example.org/layer";

    fn layer(media_type: &str, urls: &[&str]) -> Descriptor {
        let media_type = MediaType::parse(media_type).unwrap();
        let mut layer = Descriptor::new(Some(media_type), Digest::sha256(b"layer"), 5);
        layer.urls = urls.iter().map(|&url| url.to_owned()).collect();
        layer
    }

    fn dependency(layer: Descriptor) -> Dependency {
        let config = Descriptor::new(None, Digest::sha256(b"{}"), 2);
        let manifest = if layer.is(media_types::DOCKER_FOREIGN_LAYER) {
            DockerManifestBuilder::new(config).layer(layer).build()
        } else {
            ImageBuilder::new(config).layer(layer).build()
        };
        manifest.dependencies().remove(1)
    }

    fn child(platform: Option<(&str, &str)>) -> Dependency {
        let mut child = Descriptor::new(Some(MediaType::OCI_MANIFEST), Digest::sha256(b"child"), 5);
        child.platform = platform.map(|(os, architecture)| Platform {
            os: os.to_owned(),
            architecture: architecture.to_owned(),
            ..Platform::default()
        });
        IndexBuilder::new()
            .manifest(child)
            .build()
            .dependencies()
            .remove(0)
    }

    fn urls(allow: &[&str], deny: &[&str]) -> ValidationSettings {
        let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        ValidationSettings {
            urls: Some(UrlSettings {
                allow: owned(allow),
                deny: owned(deny),
            }),
            ..ValidationSettings::default()
        }
    }

    fn rules(settings: &ValidationSettings) -> ValidationRules {
        ValidationRules::new(settings).unwrap()
    }

    #[test]
    fn only_addresses_of_the_web_without_fragment_are_addresses() {
        let check = |url: &str, expected: bool| assert_eq!(is_web_address(url), expected, "{url:?}");
        check("http://example.org/a?b=c", true);
        check("HTTPS://user@example.org:5000", true);
        check("https://[::1]/", true);
        check("ftp://example.org/", false);
        check("file:///etc/passwd", false);
        check("https:///path", false);
        check("https://?q", false);
        check("https://", false);
        check("https:example.org", false);
        check("//example.org/", false);
        check("example.org/a", false);
        check("https://example.org/#", false);
        check("https://example.org/#a", false);
        check("https://exa mple.org/", false);
        check("https://example.org/\r\n", false);
        check("", false);
    }

    #[test]
    fn without_configuration_only_undistributed_layers_have_addresses() {
        let rules = ValidationRules::default();
        let check = |media_type: &str, url: &str, expected: bool| {
            assert_eq!(
                address_violations(&rules, &dependency(layer(media_type, &[url]))).is_empty(),
                expected,
                "{media_type} {url}"
            );
        };
        check(media_types::OCI_LAYER_NONDISTRIBUTABLE, URL, true);
        check(media_types::OCI_LAYER_NONDISTRIBUTABLE_GZIP, URL, true);
        check(media_types::DOCKER_FOREIGN_LAYER, URL, true);
        check(media_types::DOCKER_FOREIGN_LAYER, "ftp://example.org/", false);
        check(media_types::OCI_LAYER_GZIP, URL, false);
        // Distribution v3 looks at no other types.
        check(media_types::OCI_LAYER_ZSTD, URL, true);
        check(media_types::OCTET_STREAM, "nonsense", true);
    }

    #[test]
    fn configured_expressions_decide() {
        let check = |settings: &ValidationSettings, url: &str, expected: bool| {
            let foreign = dependency(layer(media_types::DOCKER_FOREIGN_LAYER, &[url]));
            assert_eq!(
                rules(settings).allows(&foreign, url),
                expected,
                "{settings:?} {url}"
            );
        };
        check(&urls(&[], &[]), URL, false);
        check(&urls(&["^https://example\\.org/"], &[]), URL, true);
        check(&urls(&["example"], &[]), URL, true);
        check(&urls(&["^http:", "layer$"], &[]), URL, true);
        check(&urls(&["^http:"], &[]), URL, false);
        check(&urls(&[], &["example"]), URL, false);
        check(&urls(&[], &["elsewhere"]), URL, true);
        check(&urls(&["example"], &["layer$"]), URL, false);
        check(&urls(&["."], &[]), "ftp://example.org/", false);

        let only_indexes = ValidationSettings {
            indexes: Some(IndexPlatforms::None),
            ..ValidationSettings::default()
        };
        check(&only_indexes, URL, false);
        let disabled = ValidationSettings {
            disabled: true,
            ..urls(&[], &[])
        };
        check(&disabled, URL, true);
        check(&disabled, "https://example.org/#fragment", false);
    }

    #[test]
    fn a_broken_expression_is_named() {
        let error = ValidationRules::new(&urls(&["a", "("], &[])).unwrap_err();
        assert_eq!(
            error.to_string(),
            "invalid regular expression in validation.manifests.urls.allow"
        );
        let mut settings = urls(&[], &["["]);
        settings.disabled = true;
        assert!(ValidationRules::new(&settings).is_err());
    }

    #[test]
    fn a_foreign_layer_needs_an_address() {
        let foreign = dependency(layer(media_types::DOCKER_FOREIGN_LAYER, &[]));
        assert_eq!(
            address_violations(&ValidationRules::default(), &foreign),
            [ManifestViolation::MissingUrl {
                digest: foreign.descriptor.digest
            }]
        );
    }

    #[test]
    fn children_are_required_as_configured() {
        let linux = ("linux", "amd64");
        let check = |settings: &ValidationSettings, platform: Option<(&str, &str)>, expected: bool| {
            assert_eq!(
                rules(settings).requires(ManifestKind::Index, &child(platform)),
                expected,
                "{settings:?} {platform:?}"
            );
        };
        let indexes = |platforms| ValidationSettings {
            indexes: Some(platforms),
            ..ValidationSettings::default()
        };
        let list = indexes(IndexPlatforms::List(vec![ImagePlatform {
            architecture: "amd64".to_owned(),
            os: "linux".to_owned(),
        }]));
        check(&ValidationSettings::default(), Some(linux), false);
        check(&indexes(IndexPlatforms::All), None, true);
        check(&indexes(IndexPlatforms::None), Some(linux), false);
        check(&list, Some(linux), true);
        check(&list, Some(("windows", "amd64")), false);
        check(&list, None, false);
        check(&indexes(IndexPlatforms::List(vec![])), None, true);
        check(&urls(&[], &[]), None, true);
        let mut disabled = indexes(IndexPlatforms::All);
        disabled.disabled = true;
        check(&disabled, None, false);
    }

    #[test]
    fn blobs_of_images_are_required_unless_configured_otherwise() {
        let check = |settings: &ValidationSettings, layer: Descriptor, expected: bool| {
            let context = format!("{settings:?} {layer:?}");
            assert_eq!(
                rules(settings).requires(ManifestKind::Image, &dependency(layer)),
                expected,
                "{context}"
            );
        };
        let default = ValidationSettings::default();
        check(&default, layer(media_types::OCI_LAYER_GZIP, &[]), true);
        check(&default, layer(media_types::OCI_LAYER_GZIP, &[URL]), true);
        check(
            &default,
            layer(media_types::OCI_LAYER_NONDISTRIBUTABLE, &[]),
            true,
        );
        check(
            &default,
            layer(media_types::OCI_LAYER_NONDISTRIBUTABLE, &[URL]),
            false,
        );
        let disabled = ValidationSettings {
            disabled: true,
            ..ValidationSettings::default()
        };
        check(&disabled, layer(media_types::OCI_LAYER_GZIP, &[]), true);
        let sparse = ValidationSettings {
            image_blobs: ImageBlobs::None,
            ..ValidationSettings::default()
        };
        check(&sparse, layer(media_types::OCI_LAYER_GZIP, &[]), false);
        // That key alone leaves children and addresses as they are without configuration.
        assert!(!rules(&sparse).requires(ManifestKind::Index, &child(None)));
        let hidden = dependency(layer(media_types::OCI_LAYER_NONDISTRIBUTABLE, &[URL]));
        assert!(rules(&sparse).allows(&hidden, URL));
    }
}
