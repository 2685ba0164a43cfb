//! Each misbehaviour changes exactly the keys that it should.

use domain::Profile;
use domain::profile::{
    DeleteEffect, FindBy, MemberRemove, Membership, Operation, Paging, PatchStyle, UserNameRule,
};
use scim_target::{
    AddPresent, ConflictStyle, Fault, FaultKind, Options, PatchAnswer, PatchForm, RemoveAbsent,
    Rule,
};
use target_scim::probe::{How, Report};

use crate::bench::{Bench, changes, shown, strict};

/// Probes a strict target with one fault; the profile differs from that of a strict one as said.
async fn check(
    fault: impl Into<Rule>,
    kind: FaultKind,
    expect: impl FnOnce(&mut Profile),
) -> Report {
    let bench = Bench::new(Options::default()).await;
    bench.fault(fault);
    let report = bench.probe().await;
    assert!(
        bench.server.faults().fired(kind) > 0,
        "{kind:?} never fired"
    );
    assert_eq!(report.stopped, None, "{}", shown(&report));
    let mut want = strict();
    expect(&mut want);
    assert_eq!(
        changes(&want, &report.profile),
        changes(&want, &want),
        "{}",
        shown(&report)
    );
    assert_eq!(
        changes(&report.profile, &want),
        changes(&want, &want),
        "{}",
        shown(&report)
    );
    if kind == FaultKind::SoftDelete {
        let there = bench.server.user_count() - 5;
        assert_eq!(
            report.left.len(),
            there,
            "every user that is left is listed"
        );
    } else {
        bench.is_clean(&report);
    }
    report
}

fn value<'r>(report: &'r Report, key: &str) -> &'r str {
    &report
        .finding(key)
        .unwrap_or_else(|| panic!("no finding {key}"))
        .value
}

#[tokio::test]
async fn a_strict_target_is_what_the_standards_say_with_versions() {
    let bench = Bench::new(Options::default()).await;
    let report = bench.probe().await;
    assert_eq!(report.stopped, None, "{}", shown(&report));
    assert_eq!(report.profile, strict(), "{}", shown(&report));
    bench.is_clean(&report);
    let open: Vec<&str> = report.not_found_out().map(|finding| finding.key).collect();
    assert_eq!(open, ["page_size", "conflicts", "budget"]);
    for (key, want) in [
        ("discovery.config", "/ServiceProviderConfig"),
        ("discovery.schemas", "present"),
        ("filter.no_match", "finds nothing"),
        ("create.unknown_attribute", "refused"),
        ("put.not_mentioned", "cleared"),
        ("unique.user_name_case", "refused as taken"),
        ("unique.external_id", "accepted"),
        ("inactive.name", "taken"),
        ("members.remove_values", "refused"),
        ("members.unknown", "refused"),
        ("paging.closing", "an empty page"),
        ("headers.content_type", "application/scim+json"),
    ] {
        assert_eq!(value(&report, key), want, "{key}");
    }
}

#[tokio::test]
async fn a_second_probe_finds_the_same() {
    let bench = Bench::new(Options::default()).await;
    let (first, second) = (bench.probe().await, bench.probe().await);
    assert_eq!(first, second);
    bench.is_clean(&second);
}

#[tokio::test]
async fn patch_without_paths() {
    let fault = Fault::PatchForm {
        form: PatchForm::PathlessOnly,
    };
    let report = check(fault, FaultKind::PatchForm, |want| {
        want.patch = PatchStyle::Pathless;
        want.member_add = domain::profile::MemberAdd::Pathless;
    })
    .await;
    assert_eq!(value(&report, "patch.path"), "refused");
    assert_eq!(value(&report, "active.pathless"), "blocks and lets in");
}

#[tokio::test]
async fn patch_with_paths_only() {
    let fault = Fault::PatchForm {
        form: PatchForm::PathOnly,
    };
    let report = check(fault, FaultKind::PatchForm, |_| {}).await;
    assert_eq!(value(&report, "patch.pathless"), "refused");
    assert_eq!(value(&report, "members.add_pathless"), "refused");
}

#[tokio::test]
async fn members_removed_by_a_list_of_values() {
    let fault = Fault::PatchForm {
        form: PatchForm::ValueListRemove,
    };
    check(fault, FaultKind::PatchForm, |want| {
        want.member_remove = MemberRemove::ValueArray;
    })
    .await;
}

#[tokio::test]
async fn a_removal_that_empties_the_group_is_never_proposed() {
    let report = check(
        Fault::RemoveClearsGroup,
        FaultKind::RemoveClearsGroup,
        |want| {
            want.member_remove = MemberRemove::Put;
        },
    )
    .await;
    assert_eq!(value(&report, "members.remove_filter"), "empties the group");
    assert_eq!(value(&report, "members.remove_values"), "empties the group");
}

#[tokio::test]
async fn filters_that_are_refused() {
    let report = check(
        Fault::FilterUnsupported,
        FaultKind::FilterUnsupported,
        no_look_up,
    )
    .await;
    assert_eq!(value(&report, "filter.user_name"), "refused");
}

#[tokio::test]
async fn filters_that_are_ignored() {
    let report = check(Fault::FilterIgnored, FaultKind::FilterIgnored, no_look_up).await;
    assert_eq!(value(&report, "filter.user_name"), "ignored");
    assert_eq!(value(&report, "filter.no_match"), "ignored");
}

/// Nobody can be found, so that nobody is made; no group is found, so that nobody is put into one.
fn no_look_up(want: &mut Profile) {
    want.find_by = Vec::new();
    want.unproven = [Operation::Create, Operation::Grant, Operation::Revoke].into();
}

#[tokio::test]
async fn only_some_filters() {
    let fault = Fault::FilterUnsupported.always().query("externalId");
    check(fault, FaultKind::FilterUnsupported, |want| {
        want.find_by = vec![FindBy::UserName];
    })
    .await;
}

/// What GET does not do, `POST /.search` may, for groups as well.
#[tokio::test]
async fn filters_in_the_body_only() {
    let fault = Fault::FilterUnsupported.always().method("GET");
    check(fault, FaultKind::FilterUnsupported, |want| {
        want.search = domain::profile::Search::Post;
    })
    .await;
}

#[tokio::test]
async fn users_that_show_late() {
    let fault = Fault::ReadAfterCreate { misses: 1 };
    let report = check(
        fault.always().path("/Users"),
        FaultKind::ReadAfterCreate,
        |_| {},
    )
    .await;
    assert_eq!(value(&report, "create.read"), "late");
}

#[tokio::test]
async fn everything_in_one_list() {
    check(Fault::NoPaging, FaultKind::NoPaging, |want| {
        want.paging = Paging::None;
    })
    .await;
}

#[tokio::test]
async fn paging_by_cursor_only() {
    let options = Options {
        paging: scim_target::Paging::CursorOnly,
        ..Options::default()
    };
    let bench = Bench::new(options).await;
    let report = bench.probe().await;
    let want = Profile {
        paging: Paging::Cursor,
        ..strict()
    };
    assert_eq!(report.profile, want, "{}", shown(&report));
    bench.is_clean(&report);
}

#[tokio::test]
async fn an_empty_page_before_the_first_is_not_the_end() {
    let options = Options {
        paging: scim_target::Paging::CursorOnly,
        ..Options::default()
    };
    let bench = Bench::new(options).await;
    bench.fault(Fault::EmptyPageWithCursor);
    let report = bench.probe().await;
    assert!(bench.server.faults().fired(FaultKind::EmptyPageWithCursor) > 0);
    assert_eq!(report.profile.paging, Paging::Cursor, "{}", shown(&report));
    assert!(report.profile.proves(Operation::List));
}

#[tokio::test]
async fn pages_that_are_smaller_than_asked_for() {
    let options = Options {
        max_page: 20,
        ..Options::default()
    };
    let bench = Bench::with_people(options, 40).await;
    let report = bench.probe().await;
    let want = Profile {
        page_size: 20,
        ..strict()
    };
    assert_eq!(report.profile, want, "{}", shown(&report));
    assert_eq!(report.finding("page_size").unwrap().how, How::Seen);
}

#[tokio::test]
async fn a_page_size_that_nothing_shows_is_claimed() {
    let options = Options {
        max_page: 50,
        ..Options::default()
    };
    let bench = Bench::new(options).await;
    let report = bench.probe().await;
    let want = Profile {
        page_size: 50,
        ..strict()
    };
    assert_eq!(report.profile, want, "{}", shown(&report));
    let how = &report.finding("page_size").unwrap().how;
    assert_eq!(*how, How::Claimed("/ServiceProviderConfig"));
}

#[tokio::test]
async fn listings_that_stay_empty() {
    let fault = Fault::EmptyList.always().path("/Users").no_query("filter=");
    check(fault, FaultKind::EmptyList, |want| {
        want.unproven = [Operation::List].into();
    })
    .await;
}

#[tokio::test]
async fn active_that_is_not_changed() {
    for echo in [false, true] {
        let fault = Fault::IgnoreActive { echo };
        let report = check(fault, FaultKind::IgnoreActive, |want| {
            want.unproven = [Operation::Disable, Operation::Enable].into();
        })
        .await;
        assert_eq!(value(&report, "active.path"), "answered and not done");
        assert_eq!(value(&report, "put.disable"), "answered and not done");
    }
}

#[tokio::test]
async fn blocked_users_that_take_no_other_change() {
    check(
        Fault::RefuseInactiveEdits,
        FaultKind::RefuseInactiveEdits,
        |want| {
            want.inactive_edits = false;
        },
    )
    .await;
}

/// Not even the request that would let it in finds such a user, nor the one that would delete it.
#[tokio::test]
async fn blocked_users_that_are_hidden() {
    let bench = Bench::new(Options::default()).await;
    bench.fault(Fault::HideInactive);
    let report = bench.probe().await;
    let want = Profile {
        hides_inactive: true,
        inactive_edits: false,
        unproven: [Operation::Enable].into(),
        ..strict()
    };
    assert_eq!(report.profile, want, "{}", shown(&report));
    assert_eq!(value(&report, "inactive.name"), "taken");
    let left: Vec<&str> = report
        .left
        .iter()
        .filter_map(|left| left.id.as_deref())
        .collect();
    let there = bench.server.users().into_iter().map(|user| user.id);
    let there: Vec<String> = there.skip(5).collect();
    assert_eq!(left, there);
    assert_eq!(left.len(), 1);
}

#[tokio::test]
async fn deletion_that_only_blocks() {
    let report = check(Fault::SoftDelete, FaultKind::SoftDelete, |want| {
        want.delete = DeleteEffect::Deactivates;
    })
    .await;
    assert_eq!(value(&report, "delete.enable"), "lets it in again");
    assert!(!report.left.is_empty());
    for left in &report.left {
        assert_eq!(left.kind, "user");
        assert!(
            left.name
                .to_lowercase()
                .starts_with(&*report.marker.to_lowercase())
        );
        assert!(left.by_hand.contains("administration"), "{left:?}");
    }
}

#[tokio::test]
async fn names_that_are_folded() {
    check(
        Fault::LowercaseUserName,
        FaultKind::LowercaseUserName,
        |want| {
            want.user_name = UserNameRule {
                folded: true,
                ..UserNameRule::default()
            };
        },
    )
    .await;
}

#[tokio::test]
async fn versions_that_are_always_stale() {
    check(Fault::StaleEtag, FaultKind::StaleEtag, |want| {
        want.etag = false;
    })
    .await;
}

#[tokio::test]
async fn groups_that_take_few_members_at_once() {
    let fault = Fault::GroupChangeLimit { max: 25 };
    check(fault, FaultKind::GroupChangeLimit, |want| {
        want.member_chunk = 20;
    })
    .await;
}

#[tokio::test]
async fn groups_that_take_hardly_any_members_at_once() {
    let fault = Fault::GroupChangeLimit { max: 3 };
    check(fault, FaultKind::GroupChangeLimit, |want| {
        want.member_chunk = 3;
    })
    .await;
}

#[tokio::test]
async fn members_that_lists_leave_out() {
    check(
        Fault::ListWithoutMembers,
        FaultKind::ListWithoutMembers,
        |want| {
            want.membership = Membership::UserGroups;
        },
    )
    .await;
}

/// What differs in form only changes no key.
#[tokio::test]
async fn answers_in_other_forms_change_nothing() {
    for (fault, kind) in [
        (
            Fault::PatchAnswer {
                style: PatchAnswer::NoContent,
            },
            FaultKind::PatchAnswer,
        ),
        (
            Fault::PatchAnswer {
                style: PatchAnswer::Empty,
            },
            FaultKind::PatchAnswer,
        ),
        (Fault::IntegerStatus, FaultKind::IntegerStatus),
        (Fault::SchemasAsString, FaultKind::SchemasAsString),
        (Fault::ResourcesAbsent, FaultKind::ResourcesAbsent),
        (
            Fault::RemoveAbsentMember {
                answer: RemoveAbsent::NoTarget,
            },
            FaultKind::RemoveAbsentMember,
        ),
        (
            Fault::RemoveAbsentMember {
                answer: RemoveAbsent::NotFound,
            },
            FaultKind::RemoveAbsentMember,
        ),
    ] {
        check(fault, kind, |_| {}).await;
    }
}

#[tokio::test]
async fn members_that_cannot_be_named_twice_leave_the_chunk_open() {
    let fault = Fault::AddPresentMember {
        answer: AddPresent::Conflict,
    };
    let report = check(fault, FaultKind::AddPresentMember, |_| {}).await;
    assert!(matches!(
        report.finding("member_chunk").unwrap().how,
        How::Assumed(_)
    ));
}

/// A 409 that means something else, once: the user is made by the next try.
#[tokio::test]
async fn a_409_that_is_no_conflict_is_remembered() {
    let fault = Fault::CreateConflict {
        style: ConflictStyle::Unrelated,
    };
    let report = check(fault.once(), FaultKind::CreateConflict, |want| {
        want.conflicts = vec!["missing".into()];
        // The detail names an e-mail address.
        want.required = vec!["emails[type eq \"work\"].value".into()];
    })
    .await;
    assert_eq!(report.profile.conflicts, ["missing".into()]);
}
