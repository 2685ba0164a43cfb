//! However a probe ends, nothing is left, or all that is left is listed.

use std::collections::BTreeSet;
use std::task::Poll;
use std::time::Duration;

use domain::Profile;
use domain::budget::{Budget, Counts, Rate};
use domain::profile::{DeleteEffect, FindBy, Operation, PatchStyle, Search};
use scim_target::{Fault, FaultKind, Options, RetryAfter};
use target_scim::probe::{Report, Settings, SettingsError, probe};

use crate::bench::{Bench, MARKER, shown};

const PEOPLE: usize = 5;

/// Exactly what is there of this run is listed as left, with what to do.
fn lists_what_is_left(bench: &Bench, report: &Report) {
    let users = bench
        .server
        .users()
        .into_iter()
        .skip(PEOPLE)
        .map(|user| user.id);
    let groups = bench
        .server
        .groups()
        .into_iter()
        .skip(1)
        .map(|group| group.id);
    let there: BTreeSet<String> = users.chain(groups).collect();
    let left = report.left.iter().filter_map(|left| left.id.clone());
    let left: BTreeSet<String> = left.map(String::from).collect();
    assert_eq!(left, there, "{}", shown(report));
    assert!(
        report
            .left
            .iter()
            .all(|left| !left.by_hand.is_empty() && !left.why.is_empty())
    );
}

fn stopped(report: &Report) -> &str {
    report
        .stopped
        .as_deref()
        .unwrap_or_else(|| panic!("it went on\n{}", shown(report)))
}

#[tokio::test]
async fn a_target_that_breaks_half_way_is_left_alone_and_the_rest_listed() {
    let bench = Bench::new(Options::default()).await;
    bench.fault(Fault::Status { code: 500 }.always().after(70));
    let report = bench.probe().await;
    assert!(stopped(&report).contains("500"));
    assert!(report.left.len() >= 4, "{}", shown(&report));
    lists_what_is_left(&bench, &report);
    // Three to see that it is broken, three more to see that it stays so.
    assert_eq!(report.requests, 70 + 6);
    // What was shown before holds, and nothing else is proven.
    assert!(report.profile.proves(Operation::Create) && report.profile.proves(Operation::Update));
    assert!(!report.profile.proves(Operation::Revoke) && !report.profile.proves(Operation::Delete));
}

#[tokio::test]
async fn a_target_that_recovers_is_cleared() {
    let bench = Bench::new(Options::default()).await;
    bench.fault(Fault::Status { code: 503 }.times(3).after(70));
    let report = bench.probe().await;
    assert!(stopped(&report).contains("503"));
    bench.is_clean(&report);
}

#[tokio::test]
async fn a_user_whose_creation_was_not_answered_is_found_and_removed() {
    for (fault, kind) in [
        (Fault::DropAfterCommit, FaultKind::DropAfterCommit),
        (
            Fault::StatusAfterCommit { code: 500 },
            FaultKind::StatusAfterCommit,
        ),
    ] {
        for skipped in [0, 3] {
            let bench = Bench::new(Options::default()).await;
            bench.fault(
                fault
                    .clone()
                    .once()
                    .method("POST")
                    .path("/Users")
                    .after(skipped),
            );
            let report = bench.probe().await;
            assert_eq!(bench.server.faults().fired(kind), 1);
            bench.is_clean(&report);
        }
    }
}

#[tokio::test]
async fn a_creation_that_cannot_be_looked_up_is_listed() {
    let bench = Bench::new(Options::default()).await;
    bench.fault(Fault::FilterUnsupported);
    bench.fault(
        Fault::DropAfterCommit
            .once()
            .method("POST")
            .path("/Users")
            .after(3),
    );
    let report = bench.probe().await;
    stopped(&report);
    let [left] = report.left.as_slice() else {
        panic!("{}", shown(&report));
    };
    assert_eq!(left.id, None);
    assert_eq!(bench.server.user_count(), PEOPLE + 1);
    assert!(bench.server.user_by_user_name(&left.name).is_some());
}

#[tokio::test]
async fn an_interrupt_ends_the_experiments_and_not_the_clearing_up() {
    for after in [1, 10, 40, 75] {
        let bench = Bench::new(Options::default()).await;
        let target = bench.target(Profile::rfc());
        let until = std::future::poll_fn(|_| {
            if bench.server.log().len() >= after {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        });
        let report = probe(&target, &Settings::new(MARKER), until).await.unwrap();
        assert_eq!(stopped(&report), "interrupted");
        bench.is_clean(&report);
    }
}

#[tokio::test]
async fn an_interrupt_while_a_creation_is_under_way() {
    let bench = Bench::new(Options::default()).await;
    bench.fault(
        Fault::HangAfterCommit
            .once()
            .method("POST")
            .path("/Users")
            .after(2),
    );
    let target = bench.target(Profile::rfc());
    let never = std::future::pending::<()>();
    let soon = tokio::time::timeout(Duration::from_millis(300), never);
    let until = async { drop(soon.await) };
    let report = probe(&target, &Settings::new(MARKER), until).await.unwrap();
    assert_eq!(stopped(&report), "interrupted");
    assert_eq!(bench.server.faults().fired(FaultKind::HangAfterCommit), 1);
    bench.is_clean(&report);
}

#[tokio::test]
async fn the_requests_are_bounded() {
    for most in [0, 5, 30, 60] {
        let bench = Bench::new(Options::default()).await;
        let settings = Settings {
            most_requests: most,
            ..Settings::new(MARKER)
        };
        let report = bench.probe_with(Profile::rfc(), &settings).await;
        assert!(stopped(&report).contains("used up"));
        let made = report.requests - u64::from(most);
        assert!(made <= 24, "{made} to clear up");
        bench.is_clean(&report);
    }
}

#[tokio::test]
async fn a_throttling_target_is_not_asked_again() {
    let bench = Bench::new(Options::default()).await;
    let fault = Fault::TooManyRequests {
        retry_after: RetryAfter::Seconds(17),
    };
    bench.fault(fault.times(1).after(60));
    let report = bench.probe().await;
    assert!(stopped(&report).contains("429"));
    assert_eq!(report.finding("headers.retry_after").unwrap().value, "17");
    bench.is_clean(&report);
}

#[tokio::test]
async fn a_target_that_makes_no_users_is_read_all_the_same() {
    let bench = Bench::new(Options::default()).await;
    bench.fault(
        Fault::Status { code: 403 }
            .always()
            .method("POST")
            .path("/Users"),
    );
    let report = bench.probe().await;
    assert_eq!(report.stopped, None);
    assert_eq!(report.finding("create.refused").unwrap().value, "every try");
    let all = Operation::ALL
        .into_iter()
        .filter(|op| *op != Operation::List);
    assert_eq!(report.profile.unproven, all.collect());
    assert!(report.requests < 20, "{} requests", report.requests);
    bench.is_clean(&report);
}

#[tokio::test]
async fn a_wrong_base_url_is_said_so() {
    let bench = Bench::new(Options::default()).await;
    bench.fault(Fault::Status { code: 404 });
    let report = bench.probe().await;
    assert!(stopped(&report).contains("base URL"));
    assert_eq!(report.requests, 5);
    bench.is_clean(&report);
}

#[tokio::test]
async fn a_token_that_is_refused_ends_it_at_once() {
    let bench = Bench::new(Options::default()).await;
    bench.fault(Fault::Unauthorized);
    let report = bench.probe().await;
    assert!(stopped(&report).contains("401"));
    assert!(report.requests <= 2, "{} requests", report.requests);
    bench.is_clean(&report);
}

#[tokio::test]
async fn nothing_of_other_people_or_of_details_is_shown() {
    let bench = Bench::new(Options::default()).await;
    let quoting = Fault::StatusQuoting { code: 400 };
    bench.fault(quoting.always().method("PUT"));
    bench.fault(Fault::FilterIgnored);
    let report = bench.probe().await;
    assert!(bench.server.faults().fired(FaultKind::StatusQuoting) > 0);
    let text = serde_json::to_string(&report).unwrap();
    for hidden in [
        "person",
        "Souza",
        "staff",
        "cannot PUT",
        bench.server.token(),
    ] {
        assert!(!text.contains(hidden), "{hidden}: {text}");
    }
}

#[tokio::test]
async fn a_vendor_s_profile_is_refined() {
    let bench = Bench::new(Options::default()).await;
    bench.fault(Fault::RefuseInactiveEdits);
    let base = Profile {
        patch: PatchStyle::Pathless,
        find_by: vec![FindBy::UserName, FindBy::ExternalId],
        search: Search::Post,
        page_size: 50,
        member_chunk: 40,
        delete: DeleteEffect::Irreversible,
        conflicts: vec!["LICENCE_LIMIT".into()],
        budget: Budget {
            rates: vec![Rate {
                of: Counts::Writes,
                count: 600,
                seconds: 60,
                burst: 100,
            }],
            reserve_percent: 20,
            workers: Some(2),
        },
        unproven: [Operation::Rename].into(),
        ..Profile::rfc()
    };
    let report = bench.probe_with(base.clone(), &Settings::new(MARKER)).await;
    let want = Profile {
        etag: true,
        inactive_edits: false,
        unproven: BTreeSet::new(),
        ..base
    };
    assert_eq!(report.profile, want, "{}", shown(&report));
    bench.is_clean(&report);
}

#[tokio::test]
async fn a_base_that_does_not_fit_gives_way() {
    let bench = Bench::new(Options::default()).await;
    let base = Profile {
        patch: PatchStyle::Pathless,
        member_remove: domain::profile::MemberRemove::ValueArray,
        membership: domain::profile::Membership::Hidden,
        hides_inactive: true,
        paging: domain::profile::Paging::None,
        delete: DeleteEffect::Deactivates,
        ..Profile::rfc()
    };
    bench.fault(Fault::PatchForm {
        form: scim_target::PatchForm::PathOnly,
    });
    let report = bench.probe_with(base, &Settings::new(MARKER)).await;
    assert_eq!(report.profile, crate::bench::strict(), "{}", shown(&report));
    bench.is_clean(&report);
}

#[tokio::test]
async fn a_given_group_with_members_is_not_touched() {
    let bench = Bench::new(Options::default()).await;
    bench.fault(
        Fault::Status { code: 403 }
            .always()
            .method("POST")
            .path("/Groups"),
    );
    let settings = Settings {
        group: Some("staff".into()),
        ..Settings::new(MARKER)
    };
    let report = bench.probe_with(Profile::rfc(), &settings).await;
    let asked = bench.server.calls();
    assert_eq!(
        (asked.group_patch, asked.group_put, asked.group_delete),
        (0, 0, 0)
    );
    assert!(!report.profile.proves(Operation::Grant));
    bench.is_clean(&report);
}

#[tokio::test]
async fn does_not_take_settings_that_cannot_work() {
    let bench = Bench::new(Options::default()).await;
    let target = bench.target(Profile::rfc());
    let plain = || Settings::new(MARKER);
    let never = std::future::pending;
    for marker in ["", "1a2b3", "1A2B3C", "1a2b3c4"] {
        let error = probe(&target, &Settings::new(marker), never())
            .await
            .unwrap_err();
        assert_eq!(error, SettingsError::Marker(marker.into()));
    }
    for domain in ["", "localhost", "a b.c", "x\"y.z"] {
        let settings = Settings {
            domain: domain.into(),
            ..plain()
        };
        let error = probe(&target, &settings, never()).await.unwrap_err();
        assert_eq!(error, SettingsError::Domain(domain.into()));
    }
    let settings = Settings {
        attributes: vec![("active".into(), "x".into())],
        ..plain()
    };
    let error = probe(&target, &settings, never()).await.unwrap_err();
    assert!(matches!(error, SettingsError::Attribute(_)));
    assert_eq!(bench.server.log().len(), 0);
}
