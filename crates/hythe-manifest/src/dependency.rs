use crate::{Descriptor, media_types};

/// Something that a manifest needs in order to be usable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// What is needed.
    pub descriptor: Descriptor,
    /// Where it is looked up.
    pub target: DependencyTarget,
    /// Whether it must be in the repository.
    pub presence: Presence,
    /// Whether its URLs have to pass the rules of the registry: `http` or `https`, no fragment, and the
    /// operator's expressions.
    pub check_urls: bool,
}

/// Where a [`Dependency`] is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DependencyTarget {
    /// Among the blobs of the repository.
    Blob,
    /// Among the manifests of the repository, whatever media type the descriptor claims.
    Manifest,
}

/// Whether a [`Dependency`] must be in the repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It must be there.
    Required,
    /// It is a layer that may not be distributed: where its descriptor has URLs it is not looked up at all,
    /// without URLs it must be there like any other.
    UrlsReplace,
}

impl Dependency {
    pub(crate) fn on_blob(descriptor: &Descriptor) -> Dependency {
        let presence = if is_any(descriptor, &NOT_DISTRIBUTED) {
            Presence::UrlsReplace
        } else {
            Presence::Required
        };
        let check_urls = presence == Presence::UrlsReplace || is_any(descriptor, &WITH_CHECKED_URLS);
        Dependency {
            descriptor: descriptor.clone(),
            target: DependencyTarget::Blob,
            presence,
            check_urls,
        }
    }

    pub(crate) fn on_manifest(descriptor: &Descriptor) -> Dependency {
        Dependency {
            descriptor: descriptor.clone(),
            target: DependencyTarget::Manifest,
            presence: Presence::Required,
            check_urls: false,
        }
    }

    /// Whether it has to be looked up, all things considered.
    pub fn must_exist(&self) -> bool {
        match self.presence {
            Presence::Required => true,
            Presence::UrlsReplace => self.descriptor.urls.is_empty(),
        }
    }
}

/// Layers that their makers do not allow to be copied, so that clients do not push them.
const NOT_DISTRIBUTED: [&str; 4] = [
    media_types::DOCKER_FOREIGN_LAYER,
    media_types::OCI_LAYER_NONDISTRIBUTABLE,
    media_types::OCI_LAYER_NONDISTRIBUTABLE_GZIP,
    media_types::OCI_LAYER_NONDISTRIBUTABLE_ZSTD,
];

/// Other layers whose URLs distribution v3 checks. It does not for any other type.
const WITH_CHECKED_URLS: [&str; 2] = [media_types::OCI_LAYER, media_types::OCI_LAYER_GZIP];

fn is_any(descriptor: &Descriptor, media_types: &[&str]) -> bool {
    media_types.iter().any(|media_type| descriptor.is(media_type))
}

#[cfg(test)]
mod tests {
    use hythe_digest::Digest;

    use super::*;
    use crate::{ManifestKind, MediaType, ParsedManifest};

    fn descriptor(media_type: &str, urls: &[&str]) -> Descriptor {
        let media_type = MediaType::parse(media_type).unwrap();
        let mut descriptor = Descriptor::new(Some(media_type), Digest::sha256(b""), 0);
        descriptor.urls = urls.iter().map(|&url| url.to_owned()).collect();
        descriptor
    }

    #[track_caller]
    fn check_layer(media_type: &str, expected_presence: Presence, expected_check_urls: bool) {
        let mut manifest = ParsedManifest::new(ManifestKind::Image);
        manifest.layers.push(descriptor(media_type, &[]));
        let [dependency] = manifest.dependencies().try_into().unwrap();
        assert_eq!(dependency.target, DependencyTarget::Blob);
        assert_eq!(dependency.presence, expected_presence, "{media_type}");
        assert_eq!(dependency.check_urls, expected_check_urls, "{media_type}");
    }

    #[test]
    fn layers_that_may_not_be_distributed_need_not_be_present() {
        check_layer(media_types::DOCKER_FOREIGN_LAYER, Presence::UrlsReplace, true);
        check_layer(
            media_types::OCI_LAYER_NONDISTRIBUTABLE,
            Presence::UrlsReplace,
            true,
        );
        check_layer(
            media_types::OCI_LAYER_NONDISTRIBUTABLE_GZIP,
            Presence::UrlsReplace,
            true,
        );
        check_layer(
            media_types::OCI_LAYER_NONDISTRIBUTABLE_ZSTD,
            Presence::UrlsReplace,
            true,
        );
    }

    #[test]
    fn other_layers_must_be_present() {
        check_layer(media_types::OCI_LAYER, Presence::Required, true);
        check_layer(media_types::OCI_LAYER_GZIP, Presence::Required, true);
        check_layer(media_types::OCI_LAYER_ZSTD, Presence::Required, false);
        check_layer(media_types::DOCKER_LAYER, Presence::Required, false);
        check_layer(media_types::OCI_MANIFEST, Presence::Required, false);
        check_layer("text/plain", Presence::Required, false);
    }

    #[test]
    fn only_urls_replace_presence() {
        let with_urls = descriptor(
            media_types::OCI_LAYER_NONDISTRIBUTABLE,
            &["https://example.org/a"],
        );
        let without_urls = descriptor(media_types::OCI_LAYER_NONDISTRIBUTABLE, &[]);
        let ordinary = descriptor(media_types::OCI_LAYER, &["https://example.org/a"]);
        assert!(!Dependency::on_blob(&with_urls).must_exist());
        assert!(Dependency::on_blob(&without_urls).must_exist());
        assert!(Dependency::on_blob(&ordinary).must_exist());
    }

    #[test]
    fn order_is_that_of_the_document_and_the_subject_is_no_dependency() {
        let mut manifest = ParsedManifest::new(ManifestKind::Image);
        manifest.config = Some(descriptor(media_types::OCI_CONFIG, &[]));
        manifest.layers = vec![
            descriptor(media_types::OCI_LAYER, &[]),
            descriptor("text/plain", &[]),
        ];
        manifest.subject = Some(descriptor(media_types::OCI_MANIFEST, &[]));
        let found: Vec<_> = manifest
            .dependencies()
            .into_iter()
            .map(|it| it.descriptor)
            .collect();
        assert_eq!(
            found,
            [
                descriptor(media_types::OCI_CONFIG, &[]),
                manifest.layers[0].clone(),
                manifest.layers[1].clone()
            ]
        );

        let mut index = ParsedManifest::new(ManifestKind::Index);
        index.manifests.push(descriptor("text/plain", &[]));
        assert_eq!(index.dependencies()[0].target, DependencyTarget::Manifest);
    }
}
