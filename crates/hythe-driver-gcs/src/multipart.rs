use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use hythe_driver::multipart::{
    FoundUpload, MultipartBackend, NewPart, Part, PartBudget, PartLimits, SentPart,
};
use hythe_driver::objects::KeyRoot;
use hythe_driver::{DriverPath, Error, ErrorKind, PutMode, Result, Version};

use crate::client::{Client, Pieces};
use crate::error::{Failure, NAME};
use crate::parameters::CHUNK_ALIGNMENT;
use crate::session::{self, Standing};
use crate::upload::{Attempt, Attempts, Upload, mixed, rewind};
use crate::{copy, delete, put, read};

/// Distribution keeps less than 256 KiB in the object that stands for an upload, and up to a chunk in one that was
/// never continued.
const MAXIMUM_FOUND_BYTES: u64 = 64 << 20;

/// The requests of an upload: one session, whose chunks are the parts.
#[derive(Debug)]
pub(crate) struct Backend {
    client: Arc<Client>,
    keys: KeyRoot,
    limits: PartLimits,
    budget: PartBudget,
    attempts: Attempts,
}

impl Backend {
    pub(crate) fn new(client: &Arc<Client>, keys: &KeyRoot, chunk_bytes: u64) -> Self {
        let limits = PartLimits {
            minimum_bytes: CHUNK_ALIGNMENT,
            preferred_bytes: chunk_bytes,
            maximum_bytes: chunk_bytes,
            // Nothing bounds the number of chunks, so they need not grow.
            buffered_bytes: chunk_bytes,
            maximum_parts: u32::MAX,
            alignment_bytes: CHUNK_ALIGNMENT,
            in_flight: 1,
        };
        Self {
            client: Arc::clone(client),
            keys: keys.clone(),
            limits,
            budget: PartBudget::default(),
            attempts: Attempts::default(),
        }
    }
}

impl Backend {
    async fn send(
        &self,
        key: &str,
        mut upload: Upload,
        part: NewPart,
    ) -> std::result::Result<Upload, Failure> {
        let Some(mut address) = upload.address.take() else {
            return Err(ErrorKind::InvalidToken.into());
        };
        let end = part.offset + part.size();
        let before = upload.checksum;
        let content: Pieces = part.content.into_iter().collect();
        upload.checksum = before.map(|before| content.crc32c_after(before));
        let attempt = Attempt::new(part.offset, &content);
        let mut has_rewound = false;
        if self.attempts.is_unlike(&address, &attempt, &content) {
            match session::standing(&self.client, key, &address).await? {
                Standing::Open(taken) if taken <= part.offset => {}
                standing => {
                    address = rewind(&self.client, key, (&address, standing), part.offset, before).await?;
                    has_rewound = true;
                }
            }
        }
        loop {
            self.attempts.begin(&address, attempt);
            let sent = session::send(&self.client, key, &address, part.offset, &content, part.is_last).await;
            let standing = match sent {
                Ok(standing) => standing,
                Err(failure) if failure.kind() == ErrorKind::InvalidToken && part.is_last => {
                    return self.look_for_finished(key, upload, end, failure).await;
                }
                Err(failure) => return Err(failure),
            };
            match &standing {
                Standing::Open(taken) if *taken == end && !part.is_last => {
                    self.attempts.taken(&address);
                    upload.address = Some(address);
                    return Ok(upload);
                }
                Standing::Finished(found) if part.is_last && upload.is_of(found, end) => {
                    self.attempts.forget(&address);
                    return Ok(upload);
                }
                _ if has_rewound => return Err(mixed()),
                _ => {}
            }
            // Somebody sent more than the token says, and died.
            address = rewind(&self.client, key, (&address, standing), part.offset, before).await?;
            has_rewound = true;
        }
    }

    /// An earlier attempt may have finished an upload whose session is no more.
    async fn look_for_finished(
        &self,
        key: &str,
        upload: Upload,
        end: u64,
        failure: Failure,
    ) -> std::result::Result<Upload, Failure> {
        match read::look(&self.client, key).await {
            Ok(found) if upload.checksum.is_some() && upload.is_of(&found, end) => Ok(upload),
            _ => Err(failure),
        }
    }

    /// The object that stands for an upload goes too, but nothing else that is at its path.
    async fn abort(&self, key: &str, upload: &Upload) -> std::result::Result<(), Failure> {
        if let Some(address) = &upload.address {
            session::cancel(&self.client, key, address).await?;
            self.attempts.forget(address);
        }
        match read::look(&self.client, key).await {
            Ok(found) if found.is_session() => delete::object(&self.client, key).await,
            Err(failure) if failure.kind() != ErrorKind::NotFound => Err(failure),
            _ => Ok(()),
        }
    }

    async fn find(&self, key: &str) -> std::result::Result<Option<FoundUpload>, Failure> {
        let found = match read::look(&self.client, key).await {
            Ok(found) => found,
            Err(failure) if failure.kind() == ErrorKind::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        if session::is_ours(&found) {
            // There should be a token, which alone tells how much was taken.
            return Ok(None);
        }
        let tail = match found.size() {
            0 => Bytes::new(),
            _ => read::of_any_kind(&self.client, key, MAXIMUM_FOUND_BYTES).await?,
        };
        let address = session::address_in(&found).map(str::to_owned);
        let offset = found
            .metadata
            .get("Offset")
            .and_then(|offset| offset.parse().ok());
        let upload = address.map(|address| Upload {
            checksum: None,
            address: Some(address),
        });
        Ok(Some(FoundUpload {
            size: upload.as_ref().and(offset).unwrap_or_default(),
            upload: upload.map(|upload| upload.to_string()),
            parts: Vec::new(),
            last_part_size: 0,
            tail,
            has_marker: true,
        }))
    }
}

fn failed(operation: &'static str, path: &DriverPath) -> impl Fn(Failure) -> Error {
    move |failure| failure.of(operation, path)
}

#[async_trait]
impl MultipartBackend for Backend {
    fn name(&self) -> &'static str {
        NAME
    }

    fn part_limits(&self) -> PartLimits {
        self.limits
    }

    fn budget(&self) -> &PartBudget {
        &self.budget
    }

    async fn put_object(
        &self,
        path: &DriverPath,
        content: Vec<Bytes>,
        mode: &PutMode,
    ) -> Result<Option<Version>> {
        let put = put::object(&self.client, &self.keys.key(path), content, mode).await;
        put.map_err(|failure| failed("put_object", path)(failure.missing_bucket()))
    }

    async fn get_object(&self, path: &DriverPath, limit: u64) -> Result<(Bytes, Option<Version>)> {
        let found = read::whole(&self.client, &self.keys.key(path), limit).await;
        found.map_err(failed("get_object", path))
    }

    async fn object_size(&self, path: &DriverPath) -> Result<u64> {
        let found = read::look(&self.client, &self.keys.key(path)).await;
        let found = found.map_err(failed("object_size", path))?;
        if found.is_session() {
            return Err(Error::not_found(NAME, "object_size", path));
        }
        Ok(found.size())
    }

    async fn copy_object(
        &self,
        from: &DriverPath,
        to: &DriverPath,
        _size: u64,
        mode: &PutMode,
    ) -> Result<()> {
        let copied = copy::object(&self.client, &self.keys.key(from), &self.keys.key(to), mode).await;
        copied.map_err(|failure| match failure.kind() {
            ErrorKind::NotFound => failed("copy_object", from)(failure),
            _ => failed("copy_object", to)(failure),
        })
    }

    async fn delete_objects(&self, paths: &[DriverPath]) -> Result<()> {
        let keys: Vec<String> = paths.iter().map(|path| self.keys.key(path)).collect();
        let deleted = delete::objects(&self.client, &keys).await;
        deleted.map_err(|failure| match paths.first() {
            Some(path) => failed("delete_objects", path)(failure),
            None => failure.alone(),
        })
    }

    async fn create_upload(&self, path: &DriverPath) -> Result<String> {
        let begun = session::begin(&self.client, &self.keys.key(path)).await;
        let address = begun.map_err(failed("create_upload", path))?;
        let upload = Upload {
            checksum: Some(0),
            address: Some(address),
        };
        Ok(upload.to_string())
    }

    async fn put_part(&self, path: &DriverPath, upload: &str, part: NewPart) -> Result<SentPart> {
        let failed = failed("put_part", path);
        let upload = Upload::parse(upload).map_err(&failed)?;
        let upload = self
            .send(&self.keys.key(path), upload, part)
            .await
            .map_err(&failed)?;
        Ok(SentPart {
            mark: String::new(),
            upload: Some(upload.to_string()),
        })
    }

    async fn copy_part(
        &self,
        path: &DriverPath,
        _upload: &str,
        _number: u32,
        _source: &DriverPath,
        _range: Range<u64>,
    ) -> Result<SentPart> {
        Err(Error::new(NAME, "copy_part", ErrorKind::Unsupported).at(path))
    }

    /// Parts are told apart by nothing but their place.
    fn derived_mark(&self, _upload: &str, _number: u32, _nonce: u64) -> Option<String> {
        Some(String::new())
    }

    async fn complete_upload(
        &self,
        path: &DriverPath,
        upload: &str,
        _parts: &[Part],
        size: u64,
    ) -> Result<()> {
        let failed = failed("complete_upload", path);
        let upload = Upload::parse(upload).map_err(&failed)?;
        if upload.address.is_none() {
            // With its last part.
            return Ok(());
        }
        let end = NewPart {
            number: 0,
            offset: size,
            content: Vec::new(),
            is_last: true,
            nonce: 0,
        };
        let finished = self.send(&self.keys.key(path), upload, end).await;
        finished.map(|_| ()).map_err(&failed)
    }

    async fn abort_upload(&self, path: &DriverPath, upload: &str) -> Result<()> {
        let failed = failed("abort_upload", path);
        let upload = Upload::parse(upload).map_err(&failed)?;
        self.abort(&self.keys.key(path), &upload).await.map_err(&failed)
    }

    async fn find_upload(&self, path: &DriverPath) -> Result<Option<FoundUpload>> {
        self.find(&self.keys.key(path))
            .await
            .map_err(failed("find_upload", path))
    }
}
