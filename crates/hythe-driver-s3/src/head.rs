//! What is known of an object without its content.

use hythe_driver::Result;
use hythe_driver::objects::Object;

use crate::client::Client;
use crate::conditions::version;
use crate::list::time;

impl Client {
    /// Looks at one object.
    pub(crate) async fn head(&self, key: &str) -> Result<Object> {
        let sent = {
            let _permit = self.permit().await;
            self.sdk.head_object().bucket(&*self.bucket).key(key).send().await
        };
        let head = sent.map_err(self.failed("HeadObject", key))?;
        Ok(Object {
            key: key.to_owned(),
            size: head.content_length().unwrap_or_default().unsigned_abs(),
            modified: head.last_modified().and_then(time),
            version: head.e_tag().map(version),
        })
    }
}
