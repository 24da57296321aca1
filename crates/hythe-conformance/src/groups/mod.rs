//! The groups of cases. Each file is one group or a few that check one subject.
//!
//! Their borders follow what registries can and cannot do: a registry that lacks one feature fails one group. So the
//! failures of distribution 3.1.2 are known by group, see [`FAILED_BY_THE_ORIGINAL`], and running the suite against it is a
//! check of the suite.

mod accept;
mod base;
mod blobs;
mod concurrency;
mod conditions;
mod contended_uploads;
mod data;
mod deletes;
mod empty_repository;
mod hostile_framing;
mod hostile_manifests;
mod hostile_names;
mod hostile_ranges;
mod hostile_uploads;
mod manifest_errors;
mod mounts;
mod paging;
mod ranges;
mod referrers;
mod single_post;
mod subject;
mod tag_parameters;
mod upload_sessions;

use crate::suite::Group;

/// The groups of the specification in which distribution 3.1.2 fails: it computes only sha256, requires what manifests
/// refer to, knows neither subjects nor referrers nor tag parameters, and ignores content in a POST and mounts without
/// a source.
pub const FAILED_BY_THE_ORIGINAL: [&str; 9] = [
    "anonymous-mount",
    "non-distributable",
    "referrers",
    "sha512-blobs",
    "sha512-data",
    "single-post",
    "sparse",
    "subject",
    "tag-param",
];

/// All groups, in the order in which they run.
pub fn all() -> Vec<Group> {
    vec![
        base::base(),
        empty_repository::empty_repository(),
        blobs::blobs(),
        blobs::sha512_blobs(),
        single_post::single_post(),
        upload_sessions::upload_sessions(),
        mounts::mounts(),
        mounts::anonymous_mount(),
        ranges::ranges(),
        data::data(),
        data::sha512_data(),
        data::non_distributable(),
        data::sparse(),
        manifest_errors::manifest_errors(),
        tag_parameters::tag_parameters(),
        subject::subject(),
        referrers::referrers(),
        paging::tags(),
        paging::catalog(),
        deletes::deletes(),
        concurrency::concurrency(),
        accept::accept(),
        conditions::conditions(),
        contended_uploads::contended_uploads(),
        hostile_names::hostile_names(),
        hostile_uploads::hostile_uploads(),
        hostile_manifests::hostile_manifests(),
        hostile_ranges::hostile_ranges(),
        hostile_framing::hostile_framing(),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_of_groups_and_of_cases_within_a_group_are_unique() {
        let mut groups = BTreeSet::new();
        for group in all() {
            assert!(groups.insert(group.name), "{}", group.name);
            let mut cases = BTreeSet::new();
            for case in group.case_names() {
                assert!(cases.insert(case.to_owned()), "{}: {case}", group.name);
            }
        }
        assert!(FAILED_BY_THE_ORIGINAL.iter().all(|name| groups.contains(name)));
    }
}
