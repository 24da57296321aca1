/// Makes one test of every behaviour; with `uploads:` before it, of those that ask for uploads of 10 MiB by two writers.
/// `$make` is an async function or closure that makes a fresh [`Fixture`], or
/// `None` where that needs what is not there.
///
/// [`Fixture`]: crate::Fixture
#[macro_export]
macro_rules! driver_suite {
    ($make:expr) => {
        $crate::driver_suite! {
            @each $make;
            // paths
            valid_paths_can_be_written_and_read
            invalid_paths_are_refused
            the_root_is_always_there
            names_differ_by_case
            errors_tell_where_they_come_from
            // small files
            one_byte_is_read_back
            text_is_read_back
            some_bytes_are_read_back
            a_mebibyte_is_read_back
            bytes_that_are_no_text_are_read_back
            an_empty_file_is_read_back
            a_file_put_without_durability_is_read_back
            a_shorter_content_replaces_a_longer_one
            the_last_put_counts
            content_of_a_missing_file_is_not_found
            content_of_a_directory_is_not_a_file
            content_over_the_limit_is_too_large
            nothing_is_found_below_a_file
            nothing_can_be_put_below_a_file
            a_directory_cannot_be_replaced_by_a_file
            // conditional puts
            create_leaves_an_existing_file_alone
            create_makes_a_missing_file
            one_of_many_creators_wins
            update_replaces_the_named_version
            update_leaves_another_version_alone
            one_of_many_updaters_wins
            update_without_the_capability_is_unsupported
            // reading
            one_written_byte_is_read_back
            written_text_is_read_back
            some_written_bytes_are_read_back
            a_written_mebibyte_is_read_back
            written_bytes_that_are_no_text_are_read_back
            a_range_is_read_exactly
            a_range_beyond_the_end_is_empty
            every_range_of_an_empty_file_is_empty
            a_read_tells_the_size_of_the_whole_file
            reading_a_missing_file_is_not_found
            reading_a_directory_is_not_a_file
            a_reader_keeps_its_version_when_the_file_is_replaced
            a_reader_keeps_its_version_when_the_file_is_written_anew
            a_reader_keeps_its_version_when_the_file_is_deleted
            readers_see_a_replaced_file_whole
            many_read_one_file_at_once
            // writing
            a_writer_counts_its_bytes
            a_batch_of_many_pieces_arrives_in_order
            an_empty_upload_makes_an_empty_file
            an_empty_committed_file_can_be_appended_to
            an_empty_put_file_can_be_appended_to
            a_committed_file_can_be_appended_to
            appending_to_nothing_is_not_found
            a_writer_needs_a_place_for_a_file
            create_discards_an_unfinished_upload
            create_discards_a_finished_file
            cancel_removes_what_was_written
            cancel_removes_what_was_suspended
            cancel_of_an_empty_upload_succeeds
            a_second_writer_is_busy
            a_writer_notices_that_its_file_was_deleted
            a_big_file_is_read_back
            // resuming
            an_upload_continues_in_large_chunks
            an_upload_continues_in_small_chunks
            an_upload_continues_in_chunks_of_odd_sizes
            an_empty_upload_continues
            suspending_without_writing_keeps_everything
            a_dropped_writer_keeps_what_was_suspended
            a_dropped_write_leaves_the_upload_usable
            a_writer_dropped_while_writing_lets_others_continue
            a_damaged_token_is_invalid
            a_token_of_another_path_is_invalid
            // commits
            a_commit_appears_at_its_destination
            a_commit_without_destination_stays
            a_commit_to_its_own_path_stays
            a_commit_replaces_its_destination
            a_creating_commit_leaves_an_existing_file_alone
            one_of_many_committers_wins
            a_commit_is_seen_whole
            a_commit_needs_a_place_for_a_file
            // listing
            stat_tells_what_is_there
            stat_is_not_taken_in_by_a_common_prefix
            list_tells_the_children
            list_tells_sizes
            list_is_in_the_order_of_keys
            list_starts_after_a_name
            list_can_be_paged
            list_of_a_file_is_not_a_directory
            list_is_not_taken_in_by_a_common_prefix
            list_shows_no_temporary_files
            an_emptied_directory_is_as_the_capabilities_say
            // walking
            a_walk_visits_everything_in_order
            a_walk_stays_below_its_root
            a_walk_skips_what_the_visitor_skips
            a_walk_goes_on_after_a_skipped_file
            a_walk_stops_where_the_visitor_stops
            a_walk_after_a_hint_stops_across_levels
            a_walk_returns_the_error_of_its_visitor
            a_walk_of_a_missing_root_is_not_found
            a_walk_begins_after_its_hint
            a_walk_of_a_folder_begins_after_its_hint
            a_walk_begins_after_a_hint_that_does_not_exist
            a_walk_with_a_hint_elsewhere_visits_all_or_nothing
            a_walk_can_be_continued_from_every_path
            a_walk_goes_on_when_something_vanishes
            // renaming
            a_renamed_file_is_at_its_new_path
            a_renamed_file_replaces_another
            renaming_a_missing_file_changes_nothing
            nothing_can_be_renamed_to_below_a_file
            directories_are_not_renamed
            a_file_renamed_to_itself_stays
            // deleting
            a_deleted_file_is_gone
            deleting_nothing_is_not_found
            a_deleted_directory_is_gone_with_all_below
            deleting_spares_names_that_begin_alike
            deleting_the_beginning_of_a_name_is_not_found
            the_root_cannot_be_deleted
            a_large_directory_is_deleted
            deleting_a_directory_aborts_uploads_in_it
            files_are_deleted_by_their_names
            many_files_are_deleted_by_their_names
            a_redirect_is_handed_out_as_the_capabilities_say
            // concurrency
            many_uploads_run_at_once
            many_put_one_file_at_once
            files_can_be_put_while_their_directory_is_deleted
        }
    };
    (uploads: $make:expr) => {
        $crate::driver_suite! {
            @each $make;
            // two writers of one upload, and what is left of uploads
            two_writers_of_one_upload_do_not_mix
            an_abandoned_writer_leaves_nothing
            a_cancelled_upload_leaves_nothing
            an_upload_is_found_by_its_path
        }
    };
    (@each $make:expr; $($behaviour:ident)*) => {
        $(
            #[test]
            fn $behaviour() {
                $crate::run(stringify!($behaviour), $make, $crate::behaviours::$behaviour);
            }
        )*
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn every_behaviour_is_in_the_suite() {
        let sources = [
            include_str!("paths.rs"),
            include_str!("small_files.rs"),
            include_str!("conditional_puts.rs"),
            include_str!("reading.rs"),
            include_str!("writing.rs"),
            include_str!("resuming.rs"),
            include_str!("commits.rs"),
            include_str!("contended.rs"),
            include_str!("listing.rs"),
            include_str!("walking.rs"),
            include_str!("renaming.rs"),
            include_str!("deleting.rs"),
            include_str!("concurrency.rs"),
        ];
        let written: BTreeSet<&str> = sources
            .iter()
            .flat_map(|source| source.lines())
            .filter_map(|line| line.strip_prefix("pub async fn ")?.split('(').next())
            .collect();
        let this = include_str!("suite.rs");
        let listed: BTreeSet<&str> = this
            .lines()
            .take_while(|line| !line.contains("(@each"))
            .map(str::trim)
            .filter(|line| !line.is_empty() && line.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
            .collect();
        assert_eq!(written, listed);
        assert!(written.len() >= 50, "{}", written.len());
    }
}
