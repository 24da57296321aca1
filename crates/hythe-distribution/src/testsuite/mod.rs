//! The behaviours every [`Namespace`] must show, one function for each sentence of the interfaces.
//!
//! [`namespace_suite!`](crate::namespace_suite) makes a test of each, for an implementation of your own:
//!
//! ```text
//! use hythe_distribution::testsuite::{Setup, Subject};
//!
//! async fn new_registry(setup: Setup) -> Subject {
//!     let storage = Storage::in_memory();
//!     Subject::new(MyRegistry::over(&storage, setup.delete), MyRegistry::over(&storage, setup.delete))
//! }
//! hythe_distribution::namespace_suite!(new_registry);
//! ```
//!
//! A function panics when the behaviour is not shown. None of them sleeps, asks the time or needs a runtime of its
//! own.

#![allow(
    clippy::unwrap_used,
    reason = "a suite fails by panicking, with the error in the message"
)]

mod content;

pub mod blobs;
pub mod catalog;
pub mod manifests;
pub mod mounts;
pub mod referrers;
pub mod tags;
pub mod uploads;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::Namespace;

/// What a registry under test must be able to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// Whether manifests, tags and blobs may be deleted.
    pub delete: bool,
}

/// An empty registry to try.
pub struct Subject {
    /// The registry.
    pub registry: Arc<dyn Namespace>,
    /// The same content as another process sees it, which shares no memory with `registry`.
    pub other_process: Arc<dyn Namespace>,
    /// Held, never used.
    guards: Vec<Box<dyn Any + Send + Sync>>,
}

impl Subject {
    /// An empty registry, seen by two processes.
    pub fn new(registry: Arc<dyn Namespace>, other_process: Arc<dyn Namespace>) -> Self {
        Self {
            registry,
            other_process,
            guards: Vec::new(),
        }
    }

    /// Keeps something until the test is over, a temporary directory for instance.
    #[must_use]
    pub fn keeping(mut self, guard: impl Any + Send + Sync) -> Self {
        self.guards.push(Box::new(guard));
        self
    }
}

impl fmt::Debug for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subject")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

/// One `#[tokio::test]` for each behaviour; the argument is an `async fn(Setup) -> Subject`.
#[macro_export]
macro_rules! namespace_suite {
    ($make:path) => {
        $crate::namespace_suite!(@each $make, true, blobs:
            a_blob_put_is_read_back,
            an_empty_blob_is_stored,
            putting_a_blob_again_is_no_error,
            an_unknown_blob_is_unknown_to_every_reader,
            a_blob_of_another_repository_is_unknown,
            a_blob_is_seen_by_another_process,
            ranges_of_a_blob_are_opened_exactly,
            more_than_the_limit_is_too_large,
            a_redirect_describes_the_blob,
            a_deleted_blob_is_unknown_at_once,
            a_deleted_blob_stays_in_other_repositories,
            a_deleted_blob_can_be_put_again,
            deleting_an_unknown_blob_says_so,
            an_open_blob_survives_its_deletion,
        );
        $crate::namespace_suite!(@each $make, true, uploads:
            an_upload_is_committed_and_read_back,
            an_upload_begins_empty,
            an_empty_upload_makes_an_empty_blob,
            large_batches_are_taken,
            a_new_upload_is_found_by_another_process,
            the_status_can_be_asked_while_writing,
            a_suspended_upload_is_resumed,
            a_suspended_upload_is_resumed_by_another_process,
            an_upload_is_resumed_for_every_piece,
            an_upload_resumed_without_writing_keeps_its_bytes,
            resuming_at_a_wrong_size_is_refused_with_the_size,
            an_unknown_upload_is_unknown,
            an_upload_belongs_to_its_repository,
            a_dropped_writer_keeps_what_was_suspended,
            a_wrong_digest_leaves_the_upload,
            a_wrong_digest_of_a_resumed_upload_leaves_it,
            a_wrong_sha512_digest_leaves_the_upload,
            a_committed_upload_is_unknown,
            a_cancelled_upload_is_unknown,
            a_suspended_upload_can_be_cancelled,
            of_two_closers_one_wins,
            of_two_writers_one_wins,
            one_blob_can_be_uploaded_twice,
            every_algorithm_names_an_upload,
            an_announced_algorithm_names_an_upload,
            an_announced_algorithm_binds_nobody,
            an_announced_algorithm_survives_suspending,
        );
        $crate::namespace_suite!(@each $make, true, mounts:
            a_blob_is_mounted_from_another_repository,
            a_mount_looks_through_its_sources,
            a_mount_of_an_unknown_blob_becomes_an_upload,
            a_mount_without_sources_becomes_an_upload,
            a_mount_of_a_deleted_blob_becomes_an_upload,
            a_blob_is_mounted_where_it_is,
            a_blob_named_by_sha512_is_mounted,
            mount_candidates_are_few_and_true,
        );
        $crate::namespace_suite!(@each $make, true, manifests:
            every_type_is_read_back_as_it_was_put,
            an_unknown_manifest_is_unknown,
            a_manifest_of_another_repository_is_unknown,
            putting_a_manifest_again_is_no_error,
            everything_missing_is_named,
            a_blob_of_another_repository_does_not_count,
            a_manifest_is_named_by_sha512,
            a_manifest_under_a_wrong_digest_is_refused,
            a_manifest_is_no_blob_and_a_blob_no_manifest,
            a_deleted_manifest_is_unknown_at_once,
            a_deleted_manifest_leaves_tags_and_other_repositories,
            a_deleted_manifest_can_be_put_again,
            deleting_an_unknown_manifest_says_so,
            manifests_are_listed_in_order_and_by_page,
        );
        $crate::namespace_suite!(@each $make, true, referrers:
            a_referrer_is_listed_with_what_it_says_of_itself,
            an_index_can_be_a_referrer,
            an_image_without_artifact_type_goes_by_its_config,
            a_subject_need_not_exist,
            an_unknown_subject_has_no_referrers,
            referrers_belong_to_their_repository,
            referrers_are_filtered_by_artifact_type,
            referrers_are_in_order_and_by_page,
            a_referrer_put_again_is_listed_once,
            a_deleted_referrer_is_not_listed,
            a_referrer_deleted_and_put_again_is_listed,
            referrers_outlive_their_subject,
            referrers_are_seen_by_another_process,
            a_referrers_tag_changes_nothing,
        );
        $crate::namespace_suite!(@each $make, true, tags:
            a_tag_points_to_a_manifest,
            a_tag_moves,
            an_unknown_tag_is_unknown,
            a_tag_needs_a_manifest,
            a_tag_can_point_to_a_sha512_digest,
            tags_are_listed_in_byte_order,
            every_page_of_tags_is_exact,
            a_page_begins_after_a_tag_that_is_not_there,
            a_repository_that_never_was_has_no_tags,
            a_repository_of_untagged_manifests_has_an_empty_list,
            a_removed_tag_is_unknown,
            removing_a_tag_leaves_the_others,
            removing_an_unknown_tag_says_so,
            tags_are_found_by_manifest,
            every_tag_of_a_manifest_is_removed,
        );
        $crate::namespace_suite!(@each $make, true, catalog:
            an_empty_registry_has_no_repositories,
            repositories_are_listed_in_order,
            every_page_of_repositories_is_exact,
            a_page_begins_after_a_repository_that_is_not_there,
            a_repository_without_manifests_is_not_listed,
            the_standard_manifest_types_are_known,
            a_removed_repository_is_gone,
            a_nested_repository_survives_its_parent,
            removing_an_unknown_repository_says_so,
        );
        $crate::namespace_suite!(@each $make, false, blobs: with_deletion_off_no_blob_goes);
        $crate::namespace_suite!(@each $make, false, uploads: with_deletion_off_an_upload_can_be_cancelled);
        $crate::namespace_suite!(@each $make, false, manifests: with_deletion_off_no_manifest_goes);
        $crate::namespace_suite!(@each $make, false, tags: with_deletion_off_no_tag_goes);
        $crate::namespace_suite!(@each $make, false, catalog: with_deletion_off_no_repository_goes);
    };
    (@each $make:path, $delete:literal, $group:ident: $($behaviour:ident),* $(,)?) => {
        $(
            #[tokio::test]
            async fn $behaviour() {
                let setup = $crate::testsuite::Setup { delete: $delete };
                $crate::testsuite::$group::$behaviour(&$make(setup).await).await;
            }
        )*
    };
}
