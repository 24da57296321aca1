use std::fmt::Debug;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use hythe_driver::{
    CommitOptions, Content, DriverPath, Error, ErrorKind, FileWriter, ListOptions, PutMode, PutOptions,
    ReadRange, RedirectRequest, StorageDriver, WriterMode, collect,
};
use uuid::Uuid;

use super::fetch;
use super::table::{Done, Table};
use crate::compose::chain;

const SMALL_BYTES: usize = 1000;
/// More than the part size of every driver's default, so that an upload has several parts.
const LARGE_BYTES: u64 = 24 << 20;
const BATCH_BYTES: u64 = 256 << 10;

type Outcome = Result<Done, String>;

/// Tries a storage out.
#[derive(Debug)]
pub(super) struct Check {
    driver: Arc<dyn StorageDriver>,
    /// How long addresses for clients are to work; `None`: there are to be none.
    validity: Option<Duration>,
    folder: DriverPath,
}

impl Check {
    pub(super) fn new(driver: Arc<dyn StorageDriver>, validity: Option<Duration>) -> Self {
        let name = format!("hythe-storage-check-{}", Uuid::new_v4());
        let folder = DriverPath::root().join(&name);
        Self {
            driver,
            validity,
            folder: folder.expect("letters, digits and dashes are a name"),
        }
    }

    /// Runs all steps.
    pub(super) async fn run(&self, table: &mut Table) {
        table.run("list the root", self.list_root()).await;
        if table.run("write", self.write()).await {
            table.run("stat", self.stat()).await;
            table.run("read", self.read()).await;
            table.run("range", self.range()).await;
            table.run("list", self.list()).await;
            table.run("create once", self.create_once()).await;
            table.run("update", self.update()).await;
            table.run("redirect", self.redirect()).await;
        } else {
            let steps = [
                "stat",
                "read",
                "range",
                "list",
                "create once",
                "update",
                "redirect",
            ];
            for step in steps {
                table.skip(step, "nothing could be written");
            }
        }
        if table.run("multipart", self.multipart()).await {
            table.run("copy", self.copy()).await;
        } else {
            table.skip("copy", "nothing large could be written");
        }
        table.run("cancel", self.cancel()).await;
        // Also when writing failed: it may have been done all the same.
        table.run("delete", self.delete()).await;
    }

    async fn list_root(&self) -> Outcome {
        let options = ListOptions {
            start_after: None,
            limit: Some(1),
        };
        self.driver
            .list(&DriverPath::root(), options)
            .await
            .map_err(told)?;
        Ok(Done::Ok(format!("driver {}", self.driver.name())))
    }

    async fn write(&self) -> Outcome {
        let path = self.at("small")?;
        self.put(&path, Bytes::from_static(b"to be replaced"), PutMode::Overwrite)
            .await?;
        self.put(&path, small(), PutMode::Overwrite).await?;
        Ok(Done::Ok(path.to_string()))
    }

    async fn stat(&self) -> Outcome {
        let file = self.driver.stat(&self.at("small")?).await.map_err(told)?;
        expect(file.size(), SMALL_BYTES as u64, "the size of the file")?;
        let folder = self.driver.stat(&self.folder).await.map_err(told)?;
        expect(folder.is_directory(), true, "whether the folder is one")?;
        match self.driver.stat(&self.at("smal")?).await {
            Err(error) if error.is_not_found() => Ok(Done::Ok(String::new())),
            Err(error) => Err(told(error)),
            Ok(_) => Err("a path that is not there is said to be there".to_owned()),
        }
    }

    async fn read(&self) -> Outcome {
        let path = self.at("small")?;
        let content = self
            .driver
            .get_content(&path, SMALL_BYTES as u64)
            .await
            .map_err(told)?;
        expect(content == small(), true, "whether what was written is read")?;
        Ok(Done::Ok(format!("{SMALL_BYTES} bytes")))
    }

    async fn range(&self) -> Outcome {
        let path = self.at("small")?;
        for (range, expected) in [
            (
                ReadRange::Bounded {
                    offset: 100,
                    length: 50,
                },
                100..150,
            ),
            (ReadRange::From(990), 990..SMALL_BYTES),
            (ReadRange::Suffix(10), 990..SMALL_BYTES),
            (ReadRange::From(SMALL_BYTES as u64), SMALL_BYTES..SMALL_BYTES),
        ] {
            let content = self.read_range(&path, range).await?;
            if content != small()[expected] {
                return Err(format!("{range:?} gives other bytes"));
            }
        }
        Ok(Done::Ok(String::new()))
    }

    async fn list(&self) -> Outcome {
        for name in ["folder/file", "folder-a"] {
            self.put(&self.at(name)?, small(), PutMode::Overwrite).await?;
        }
        let check = async |start_after: Option<&str>, expected: &[&str]| {
            let options = ListOptions {
                start_after: start_after.map(str::to_owned),
                limit: None,
            };
            let listed = self.driver.list(&self.folder, options).await.map_err(told)?;
            let names: Vec<_> = listed.iter().map(|info| info.path.name()).collect();
            expect(names.as_slice(), expected, "the names")
        };
        check(None, &["folder-a", "folder", "small"]).await?;
        check(Some("folder/"), &["small"]).await?;
        Ok(Done::Ok("3 names".to_owned()))
    }

    async fn create_once(&self) -> Outcome {
        let path = self.at("once")?;
        self.put(&path, small(), PutMode::Create).await?;
        let options = PutOptions {
            mode: PutMode::Create,
            durable: true,
        };
        self.refuses(&path, options, ErrorKind::AlreadyExists).await?;
        Ok(Done::Ok("a second one is refused".to_owned()))
    }

    async fn update(&self) -> Outcome {
        if !self.driver.capabilities().conditional_update {
            return Ok(Done::Skipped("the driver does not need it".to_owned()));
        }
        let path = self.at("updated")?;
        let put = async |mode| {
            let options = PutOptions { mode, durable: true };
            self.driver
                .put_content(&path, small(), options)
                .await
                .map_err(told)
        };
        let version = put(PutMode::Overwrite).await?;
        let first = version.ok_or_else(|| "the storage told no version".to_owned())?;
        let content = Bytes::from_static(b"another version");
        self.put(&path, content, PutMode::Update(first.clone())).await?;
        let stale = PutOptions {
            mode: PutMode::Update(first),
            durable: true,
        };
        self.refuses(&path, stale, ErrorKind::PreconditionFailed).await?;
        Ok(Done::Ok("one with an old version is refused".to_owned()))
    }

    async fn redirect(&self) -> Outcome {
        let Some(valid_for) = self.validity else {
            return Ok(Done::Skipped("storage.redirect.disable is set".to_owned()));
        };
        let request = RedirectRequest {
            method: Method::GET,
            client: None,
            content_type: Some("application/octet-stream".to_owned()),
            valid_for,
        };
        let path = self.at("small")?;
        match self.driver.redirect_url(&path, &request).await.map_err(told)? {
            None => Ok(Done::Skipped(
                "the driver has no addresses for clients".to_owned(),
            )),
            Some(address) => {
                // What follows the path may be a signature, which is good for whoever has it.
                let shown = format!(
                    "{}://{}{}",
                    address.scheme_str().unwrap_or_default(),
                    address.authority().map_or("", |authority| authority.as_str()),
                    address.path()
                );
                let content = fetch::get(address, SMALL_BYTES).await;
                let content = content.map_err(|error| format!("GET {shown}: {}", chain(&*error)))?;
                if content != small() {
                    return Err(format!("GET {shown}: answered other bytes"));
                }
                Ok(Done::Ok(shown))
            }
        }
    }

    /// An upload in two sittings that becomes visible under another name.
    async fn multipart(&self) -> Outcome {
        let path = self.at("uploads/data")?;
        let mut writer = self
            .driver
            .writer(&path, WriterMode::Create)
            .await
            .map_err(told)?;
        write_large(writer.as_mut(), 0..LARGE_BYTES / 2).await?;
        let token = writer.suspend().await.map_err(told)?;
        let mode = token.map_or(WriterMode::Append, WriterMode::Resume);
        let mut writer = self.driver.writer(&path, mode).await.map_err(told)?;
        expect(
            writer.size(),
            LARGE_BYTES / 2,
            "the size after it was interrupted",
        )?;
        write_large(writer.as_mut(), LARGE_BYTES / 2..LARGE_BYTES).await?;
        let options = CommitOptions {
            destination: Some(self.at("large")?),
            mode: PutMode::Overwrite,
        };
        writer.commit(options).await.map_err(told)?;
        self.is_large(&self.at("large")?).await?;
        Ok(Done::Ok(format!("{} MiB in two sittings", LARGE_BYTES >> 20)))
    }

    async fn copy(&self) -> Outcome {
        let (from, to) = (self.at("large")?, self.at("copied")?);
        self.driver.rename(&from, &to).await.map_err(told)?;
        self.is_large(&to).await?;
        match self.driver.stat(&from).await {
            Err(error) if error.is_not_found() => Ok(Done::Ok(String::new())),
            Err(error) => Err(told(error)),
            Ok(_) => Err("what was moved is still in its old place".to_owned()),
        }
    }

    async fn cancel(&self) -> Outcome {
        let path = self.at("cancelled/data")?;
        let mut writer = self
            .driver
            .writer(&path, WriterMode::Create)
            .await
            .map_err(told)?;
        write_large(writer.as_mut(), 0..LARGE_BYTES / 2).await?;
        writer.cancel().await.map_err(told)?;
        Ok(Done::Ok(String::new()))
    }

    async fn delete(&self) -> Outcome {
        let small = self.at("small")?;
        self.driver
            .delete_files(std::slice::from_ref(&small))
            .await
            .map_err(told)?;
        match self.driver.stat(&small).await {
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(told(error)),
            Ok(_) => return Err("what was deleted is still there".to_owned()),
        }
        match self.driver.delete(&self.folder).await {
            Err(error) if !error.is_not_found() => return Err(told(error)),
            _ => {}
        }
        match self.driver.list(&self.folder, ListOptions::default()).await {
            Err(error) if error.is_not_found() => Ok(Done::Ok("nothing is left".to_owned())),
            Err(error) => Err(told(error)),
            Ok(left) => Err(format!("{} names are left in {}", left.len(), self.folder)),
        }
    }

    fn at(&self, name: &str) -> Result<DriverPath, String> {
        DriverPath::parse(&format!("{}/{name}", self.folder)).map_err(|error| chain(&error))
    }

    async fn put(&self, path: &DriverPath, content: Bytes, mode: PutMode) -> Result<(), String> {
        let options = PutOptions { mode, durable: true };
        self.driver
            .put_content(path, content, options)
            .await
            .map_err(told)?;
        Ok(())
    }

    async fn refuses(&self, path: &DriverPath, options: PutOptions, kind: ErrorKind) -> Result<(), String> {
        match self.driver.put_content(path, small(), options).await {
            Err(error) if error.kind() == kind => Ok(()),
            Err(error) => Err(told(error)),
            Ok(_) => Err("the storage does not look at the condition of a put".to_owned()),
        }
    }

    async fn read_range(&self, path: &DriverPath, range: ReadRange) -> Result<Vec<u8>, String> {
        let read = self.driver.read(path, range).await.map_err(told)?;
        match read.content {
            Content::File(part) => {
                let read = tokio::task::spawn_blocking(move || {
                    let file = std::fs::File::from(part.file.try_clone()?);
                    let mut bytes = vec![0; part.length as usize];
                    file.read_exact_at(&mut bytes, part.offset)?;
                    Ok::<_, std::io::Error>(bytes)
                });
                let read = read.await.map_err(|error| chain(&error))?;
                read.map_err(|error| chain(&error))
            }
            Content::Stream(stream) => {
                let read = collect(self.driver.name(), stream, BATCH_BYTES)
                    .await
                    .map_err(told)?;
                Ok(read.into())
            }
        }
    }

    /// Whether the large file is there as it was written: its size, and bytes from where parts meet.
    async fn is_large(&self, path: &DriverPath) -> Result<(), String> {
        let info = self.driver.stat(path).await.map_err(told)?;
        expect(info.size(), LARGE_BYTES, "the size of the file")?;
        for at in [
            0,
            LARGE_BYTES / 2 - BATCH_BYTES,
            LARGE_BYTES / 2,
            LARGE_BYTES - BATCH_BYTES,
        ] {
            let range = ReadRange::Bounded {
                offset: at,
                length: BATCH_BYTES,
            };
            if self.read_range(path, range).await? != large(at) {
                return Err(format!("the file has other bytes at {at}"));
            }
        }
        Ok(())
    }
}

fn small() -> Bytes {
    (0..SMALL_BYTES).map(|index| (index % 251) as u8).collect()
}

/// Writes these bytes of the large file, batch by batch.
async fn write_large(writer: &mut dyn FileWriter, bytes: Range<u64>) -> Result<(), String> {
    for at in bytes.step_by(BATCH_BYTES as usize) {
        writer.write(vec![large(at)]).await.map_err(told)?;
    }
    Ok(())
}

/// The batch of the large file that begins at `at`; each is different.
fn large(at: u64) -> Bytes {
    let batch = at / BATCH_BYTES;
    (0..BATCH_BYTES)
        .map(|index| (index % 251 + batch) as u8)
        .collect()
}

#[expect(clippy::needless_pass_by_value, reason = "what is compared is small")]
fn expect<T: PartialEq + Debug>(found: T, expected: T, what: &str) -> Result<(), String> {
    if found == expected {
        Ok(())
    } else {
        Err(format!("{what}: {found:?} instead of {expected:?}"))
    }
}

/// A failure of the driver, which names the operation, the path and what the service said, and no secret.
#[expect(clippy::needless_pass_by_value, reason = "it is the function for map_err")]
fn told(error: Error) -> String {
    chain(&error)
}
