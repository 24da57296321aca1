//! What is known of one blob.

use azure_core::http::response::Response;
use azure_storage_blob::models::BlobClientGetPropertiesOptions;
use hythe_driver::ErrorKind;

use crate::client::{Client, Properties, number};
use crate::error::Result;

impl Client {
    /// The properties of a blob whose content is there.
    pub(crate) async fn head(&self, key: &str) -> Result<Properties> {
        let properties = self.head_any(key).await?;
        if properties.is_whole() {
            Ok(properties)
        } else {
            Err(ErrorKind::NotFound.into())
        }
    }

    /// The properties of a blob, also of one that a copy is still filling.
    pub(crate) async fn head_any(&self, key: &str) -> Result<Properties> {
        let blob = self.blob(key);
        let options: Option<BlobClientGetPropertiesOptions<'_>> = None;
        let answer: Response<_, _> = blob.get_properties(options).await.map_err(self.failed(key))?;
        let size = number(answer.headers(), "content-length").unwrap_or_default();
        Ok(Properties::read(answer.headers(), size))
    }
}
