use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use hythe_driver::DriverPath;

/// What this process knows about names that a power failure might still take away.
///
/// A name is visible as soon as it is made, but on the disk only once its directory was synced. Whoever
/// promises durability for something below such a name must sync it too, even if another call made it.
#[derive(Debug, Default)]
pub(crate) struct Unsynced {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Directories and unfinished uploads that were made and whose parent was not synced since. The number
    /// tells one making from the next.
    entries: BTreeMap<DriverPath, u64>,
    last_number: u64,
    /// Names whose presence proves nothing yet: calls are just making them durable, or failed to.
    appearing: BTreeMap<DriverPath, Appearance>,
    /// Unfinished uploads whose content is synced, with the size and inode that this is true for.
    clean_uploads: BTreeMap<DriverPath, Upload>,
    /// Unfinished uploads, by their inode, whose content did not reach the disk and could not be removed either.
    damaged_uploads: BTreeMap<DriverPath, u64>,
}

#[derive(Debug, Default)]
struct Appearance {
    /// Calls that are making it durable.
    calls: usize,
    /// The last call that made it visible and could not make it durable; 0 if there is none.
    unsettled: u64,
}

/// A state of an unfinished upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) inode: u64,
    pub(crate) size: u64,
}

/// An entry to be synced, as it was when asked for.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) path: DriverPath,
    number: u64,
}

/// Everything noted so far, to be told from what is noted later.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(u64);

/// Keeps a name marked as not yet durable. Unless the name was made visible and no more, the mark ends when this
/// is dropped.
#[derive(Debug)]
pub(crate) struct Appearing<'a> {
    unsynced: &'a Unsynced,
    path: DriverPath,
    is_unsettled: bool,
    /// The failed call whose name is on the disk too when this one has succeeded.
    repairs: u64,
}

impl Unsynced {
    /// Notes that a name is about to be made, or was made. Called before, so that nobody misses it, and after,
    /// so that a sync in between does not count.
    pub(crate) fn mark(&self, path: &DriverPath) {
        let mut state = self.lock();
        state.last_number += 1;
        let number = state.last_number;
        state.entries.insert(path.clone(), number);
    }

    /// The names on the way to `path`, itself included, whose parents are to be synced.
    pub(crate) fn entries_up_to(&self, path: &DriverPath) -> Vec<Entry> {
        let state = self.lock();
        let mut found = Vec::new();
        if state.entries.is_empty() {
            return found;
        }
        let mut next = Some(path.clone());
        while let Some(path) = next {
            next = path.parent();
            if let Some(&number) = state.entries.get(&path) {
                found.push(Entry { path, number });
            }
        }
        found
    }

    /// Notes that the parent of an entry was synced after the entry was asked for.
    pub(crate) fn synced(&self, entry: &Entry) {
        let mut state = self.lock();
        if state.entries.get(&entry.path) == Some(&entry.number) {
            state.entries.remove(&entry.path);
        }
    }

    /// Marks a name that is about to be made durably.
    pub(crate) fn appearing(&self, path: &DriverPath) -> Appearing<'_> {
        let mut state = self.lock();
        let appearance = state.appearing.entry(path.clone()).or_default();
        appearance.calls += 1;
        Appearing {
            unsynced: self,
            path: path.clone(),
            is_unsettled: false,
            repairs: appearance.unsettled,
        }
    }

    /// Whether the presence of this name proves nothing yet.
    pub(crate) fn is_appearing(&self, path: &DriverPath) -> bool {
        let state = self.lock();
        !state.appearing.is_empty() && state.appearing.contains_key(path)
    }

    /// Notes that the content of an unfinished upload is on the disk.
    pub(crate) fn keep_clean(&self, path: &DriverPath, upload: Upload) {
        self.lock().clean_uploads.insert(path.clone(), upload);
    }

    /// Whether the content of an unfinished upload is on the disk, asked by who is about to change it.
    pub(crate) fn take_clean(&self, path: &DriverPath, upload: Upload) -> bool {
        self.lock().clean_uploads.remove(path) == Some(upload)
    }

    /// Notes that the content of an unfinished upload did not reach the disk.
    pub(crate) fn keep_damaged(&self, path: &DriverPath, inode: u64) {
        self.lock().damaged_uploads.insert(path.clone(), inode);
    }

    /// Whether the content of an unfinished upload did not reach the disk.
    pub(crate) fn is_damaged(&self, path: &DriverPath, inode: u64) -> bool {
        self.lock().damaged_uploads.get(path) == Some(&inode)
    }

    /// Notes that the damaged content of an unfinished upload is gone.
    pub(crate) fn forget_damaged(&self, path: &DriverPath, inode: u64) {
        let mut state = self.lock();
        if state.damaged_uploads.get(path) == Some(&inode) {
            state.damaged_uploads.remove(path);
        }
    }

    /// To be taken before a path is removed, for [`Self::forget`].
    pub(crate) fn moment(&self) -> Moment {
        Moment(self.lock().last_number)
    }

    /// Forgets a path that was removed after `moment`, and all below it. What was noted since may be of somebody
    /// who made the path again, and who still has to sync it.
    pub(crate) fn forget(&self, path: &DriverPath, moment: Moment) {
        let Moment(last) = moment;
        let mut state = self.lock();
        remove_gone(&mut state.entries, path, |number| *number <= last);
        // An upload that is not the one remembered is not taken for it.
        remove_gone(&mut state.clean_uploads, path, |_| true);
        remove_gone(&mut state.damaged_uploads, path, |_| true);
        // Calls that are under way end by themselves.
        remove_gone(&mut state.appearing, path, |appearance| {
            appearance.calls == 0 && appearance.unsettled <= last
        });
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes what is noted of a path and of all below it, without looking at everything: abandoned uploads may be many.
fn remove_gone<T>(noted: &mut BTreeMap<DriverPath, T>, path: &DriverPath, is_old: impl Fn(&T) -> bool) {
    let begin_alike = noted
        .range(path..)
        .take_while(|(other, _)| other.as_str().starts_with(path.as_str()));
    let gone: Vec<DriverPath> = begin_alike
        .filter(|(other, noted)| (*other == path || other.below(path).is_some()) && is_old(noted))
        .map(|(other, _)| other.clone())
        .collect();
    for path in &gone {
        noted.remove(path);
    }
}

impl Appearing<'_> {
    /// The name is visible now; from here on it must be made durable, if not by this call then by another.
    pub(crate) fn became_visible(&mut self) {
        self.is_unsettled = true;
    }

    /// The name is durable, whoever made it visible before this mark began.
    pub(crate) fn became_durable(mut self) {
        self.is_unsettled = false;
        if let Some(appearance) = self.unsynced.lock().appearing.get_mut(&self.path)
            && appearance.unsettled == self.repairs
        {
            appearance.unsettled = 0;
        }
    }
}

impl Drop for Appearing<'_> {
    fn drop(&mut self) {
        let mut state = self.unsynced.lock();
        state.last_number += 1;
        let number = state.last_number;
        if let Some(appearance) = state.appearing.get_mut(&self.path) {
            appearance.calls -= 1;
            if self.is_unsettled {
                appearance.unsettled = number;
            }
            if appearance.calls == 0 && appearance.unsettled == 0 {
                state.appearing.remove(&self.path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> DriverPath {
        DriverPath::parse(text).unwrap()
    }

    #[test]
    fn an_entry_made_again_while_it_is_synced_stays() {
        let unsynced = Unsynced::default();
        unsynced.mark(&path("/a"));
        let entries = unsynced.entries_up_to(&path("/a/b/c"));
        assert_eq!(entries.len(), 1);
        unsynced.mark(&path("/a"));
        unsynced.synced(&entries[0]);
        let entries = unsynced.entries_up_to(&path("/a/b/c"));
        assert_eq!(entries.len(), 1);
        unsynced.synced(&entries[0]);
        assert!(unsynced.entries_up_to(&path("/a/b/c")).is_empty());
    }

    #[test]
    fn a_name_appears_until_the_last_call_is_done() {
        let unsynced = Unsynced::default();
        let first = unsynced.appearing(&path("/a"));
        let second = unsynced.appearing(&path("/a"));
        drop(first);
        assert!(unsynced.is_appearing(&path("/a")));
        drop(second);
        assert!(!unsynced.is_appearing(&path("/a")));
    }

    #[test]
    fn a_name_that_could_not_be_made_durable_stays_marked() {
        let unsynced = Unsynced::default();
        let mut failed = unsynced.appearing(&path("/a"));
        failed.became_visible();
        drop(failed);
        assert!(unsynced.is_appearing(&path("/a")));
        let mut repaired = unsynced.appearing(&path("/a"));
        repaired.became_visible();
        repaired.became_durable();
        assert!(!unsynced.is_appearing(&path("/a")));
    }

    #[test]
    fn forgetting_a_directory_forgets_what_was_in_it() {
        let unsynced = Unsynced::default();
        for text in ["/a", "/a/b", "/a-b", "/a-b/c", "/ab"] {
            unsynced.mark(&path(text));
        }
        unsynced.forget(&path("/a"), unsynced.moment());
        assert!(unsynced.entries_up_to(&path("/a/b")).is_empty());
        assert_eq!(unsynced.entries_up_to(&path("/a-b/c")).len(), 2);
        assert_eq!(unsynced.entries_up_to(&path("/ab")).len(), 1);
    }

    #[test]
    fn forgetting_a_directory_keeps_what_was_made_after_it_went() {
        let unsynced = Unsynced::default();
        unsynced.mark(&path("/a"));
        unsynced.mark(&path("/a/b"));
        let before_removal = unsynced.moment();
        unsynced.mark(&path("/a"));
        let mut failed = unsynced.appearing(&path("/a/file"));
        failed.became_visible();
        drop(failed);
        unsynced.forget(&path("/a"), before_removal);
        let entries = unsynced.entries_up_to(&path("/a/b"));
        let kept: Vec<_> = entries.iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(kept, ["/a"]);
        assert!(unsynced.is_appearing(&path("/a/file")));
    }

    #[test]
    fn an_upload_is_clean_only_as_it_was_left() {
        let unsynced = Unsynced::default();
        let left = Upload { inode: 1, size: 10 };
        unsynced.keep_clean(&path("/a"), left);
        assert!(!unsynced.take_clean(&path("/a"), Upload { inode: 1, size: 11 }));
        unsynced.keep_clean(&path("/a"), left);
        assert!(unsynced.take_clean(&path("/a"), left));
        assert!(!unsynced.take_clean(&path("/a"), left));
    }
}
