use std::collections::BTreeMap;

use hythe_digest::Digest;
use serde::{Deserialize, Serialize};

use crate::MediaType;

/// What one piece of content says about another: where it is, what it is, how large it is.
///
/// The members and their JSON names are those of the [OCI image specification, Content
/// Descriptors][spec].
///
/// [spec]: https://github.com/opencontainers/image-spec/blob/main/descriptor.md
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the content is. `None` if that is not known, or was given as something that is no media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<MediaType>,
    /// The content itself, by its hash.
    pub digest: Digest,
    /// How large the content is, in bytes.
    pub size: u64,
    /// Where else the content can be downloaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// Whatever somebody wanted to say about the content.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The content itself, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<String>,
    /// What the content runs on, for manifests of images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// What kind of artifact the content is, for manifests of artifacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
}

/// What an image runs on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// CPU architecture in the words of Go, for example `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// Operating system in the words of Go, for example `linux`.
    #[serde(default)]
    pub os: String,
    /// Version of the operating system.
    #[serde(default, rename = "os.version", skip_serializing_if = "Option::is_none")]
    pub os_version: Option<String>,
    /// Features of the operating system that the image needs.
    #[serde(default, rename = "os.features", skip_serializing_if = "Vec::is_empty")]
    pub os_features: Vec<String>,
    /// Variant of the CPU, for example `v7` for `arm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Descriptor {
    /// A descriptor that says nothing more than it must; `size` is in bytes.
    pub fn new(media_type: Option<MediaType>, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type,
            digest,
            size,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            data: None,
            platform: None,
            artifact_type: None,
        }
    }

    /// Whether the media type is known and is `media_type`.
    pub fn is(&self, media_type: &str) -> bool {
        self.media_type.as_ref().is_some_and(|own| own.is(media_type))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_members_are_left_out() {
        let descriptor = Descriptor::new(None, Digest::sha256(b""), 0);
        let expected = format!("{{\"digest\":\"{}\",\"size\":0}}", Digest::sha256(b""));
        assert_eq!(serde_json::to_string(&descriptor).unwrap(), expected);
    }

    #[test]
    fn json_has_the_names_of_the_specification() {
        let mut descriptor = Descriptor::new(Some(MediaType::OCI_MANIFEST), Digest::sha256(b""), 7);
        descriptor.urls = vec!["https://example.org/a".to_owned()];
        descriptor
            .annotations
            .insert("key".to_owned(), "value".to_owned());
        descriptor.data = Some("e30=".to_owned());
        descriptor.artifact_type = Some("application/example".to_owned());
        descriptor.platform = Some(Platform {
            architecture: "arm".to_owned(),
            os: "windows".to_owned(),
            os_version: Some("10".to_owned()),
            os_features: vec!["win32k".to_owned()],
            variant: Some("v7".to_owned()),
        });

        let json = serde_json::to_string(&descriptor).unwrap();
        let expected = format!(
            concat!(
                r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{}","size":7,"#,
                r#""urls":["https://example.org/a"],"annotations":{{"key":"value"}},"data":"e30=","#,
                r#""platform":{{"architecture":"arm","os":"windows","os.version":"10","#,
                r#""os.features":["win32k"],"variant":"v7"}},"artifactType":"application/example"}}"#,
            ),
            Digest::sha256(b"")
        );
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_str::<Descriptor>(&json).unwrap(), descriptor);
    }
}
