use hythe_driver::{DriverPath, ErrorKind};

use crate::error::{Failure, Result};
use crate::os::File;
use crate::store::{ATTEMPTS, Store};

impl Store {
    /// Renames a file durably. A failure comes with the one of the two paths that it is about.
    pub(crate) fn rename<'a>(
        &self,
        from: &'a DriverPath,
        to: &'a DriverPath,
    ) -> std::result::Result<(), (&'a DriverPath, Failure)> {
        let about = |path| move |failure| (path, failure);
        let source = self.open_source(from).map_err(about(from))?;
        if from == to {
            return Ok(());
        }
        // It may have been put without syncing.
        let synced = self.os.sync_file(&source);
        synced.map_err(|errno| (from, errno.into()))?;
        for _ in 0..ATTEMPTS {
            match self.rename_once(from, to) {
                Err(failure) if failure.kind() == ErrorKind::NotFound => {
                    // Either the source is gone, which is the answer, or a directory of the destination.
                    self.open_source(from).map_err(about(from))?;
                }
                result => return result.map_err(about(to)),
            }
        }
        let cause = "the directory vanishes as often as it is made";
        Err((to, Failure::because(ErrorKind::Unavailable, cause)))
    }

    fn open_source(&self, from: &DriverPath) -> Result<File> {
        let (directory, name) = self.parent(from)?;
        let opened = self.os.open_for_appending(&directory, name, false);
        opened.map_err(Failure::looking_up)
    }

    fn rename_once(&self, from: &DriverPath, to: &DriverPath) -> Result<()> {
        let (source, name) = self.parent(from)?;
        let (destination, _) = self.make_parent(to)?;
        self.sync_names_above(to)?;
        let before = self.unsynced.moment();
        let appearing = self.unsynced.appearing(to);
        self.appear(&source, name, &destination, to, true)?;
        self.unsynced.forget(from, before);
        self.make_durable(appearing, &destination, to)?;
        if from.parent() != to.parent() {
            self.os.sync_directory(&source)?;
        }
        Ok(())
    }
}
