//! What is said about memberships: the table of desired, recorded and actual.

use super::super::{Class, Repair, Severity};
use super::*;
use crate::policy::{Criticality, LostGrant, SodMode, What};

use Class::{O6, O8};
use Severity::{Critical, High, Info, Low, Medium};

#[test]
fn memberships_follow_the_table_of_desired_recorded_and_actual() {
    let found = |wants: bool, records: bool, holds: bool| {
        let mut person = person(1);
        if wants {
            person = person.wants(READERS);
        }
        if records {
            person = person.records(READERS);
        }
        let mut scene = scene(vec![person]);
        if holds {
            scene = scene.member("Readers", "account-1");
        }
        scene.found()
    };
    assert_eq!(
        found(true, false, false),
        [(O8, Low, Some(Repair::Converge))]
    );
    assert_eq!(
        found(true, true, false),
        [(O8, Low, Some(Repair::Converge))]
    );
    assert_eq!(
        found(true, false, true),
        [(O8, Info, Some(Repair::Converge))]
    );
    assert_eq!(found(true, true, true), []);
    assert_eq!(
        found(false, true, true),
        [(O6, Medium, Some(Repair::Revoke))]
    );
    assert_eq!(found(false, false, true), [(O6, Medium, None)]);
    assert_eq!(
        found(false, true, false),
        [(O8, Info, Some(Repair::Converge))]
    );
    assert_eq!(found(false, false, false), []);
}

#[test]
fn without_a_certificate_no_membership_is_lost_and_none_is_taken() {
    let lost = scene(vec![person(1).wants(READERS).records(READERS)]);
    let stale = scene(vec![person(1).records(READERS)]).member("Readers", "account-1");
    let foreign = scene(vec![person(1)]).member("Strict", "account-1");
    for (users, groups) in [(false, true), (true, false), (false, false)] {
        let with = |scene: &Scene| {
            let mut scene = scene.clone();
            (scene.users, scene.groups) = (users, groups);
            scene.found()
        };
        assert_eq!(with(&lost), []);
        assert_eq!(with(&stale), [(O6, Medium, None)]);
        assert_eq!(with(&foreign), [(O6, Medium, None)]);
    }
}

#[test]
fn policy_may_leave_a_lost_membership_alone() {
    let scene = scene(vec![person(1).wants(READERS).records(READERS)])
        .target(|target| target.lost = LostGrant::Report);
    assert_eq!(scene.found(), [(O8, Low, None)]);
}

#[test]
fn a_foreign_membership_is_taken_only_where_policy_alone_decides() {
    let scene_of = |group| scene(vec![person(1)]).member(group, "account-1").found();
    assert_eq!(scene_of("Readers"), [(O6, Medium, None)]);
    assert_eq!(scene_of("Admins"), [(O6, High, None)]);
    assert_eq!(scene_of("Strict"), [(O6, Medium, Some(Repair::Revoke))]);
    assert_eq!(scene_of("Not in the policy"), []);
}

#[test]
fn a_foreign_side_of_an_sod_pair_is_high() {
    let scene = scene(vec![person(1).wants(READERS).records(READERS)])
        .member("Readers", "account-1")
        .member("Strict", "account-1");
    assert_eq!(scene.found(), [(O6, High, Some(Repair::Revoke))]);
}

#[test]
fn a_foreign_membership_is_as_bad_as_policy_calls_it() {
    for (criticality, severity) in [
        (Criticality::Low, Low),
        (Criticality::Medium, Medium),
        (Criticality::High, High),
        (Criticality::Critical, Critical),
    ] {
        let scene = scene(vec![person(1)])
            .policy(|policy| {
                let readers = policy.entitlements.get_mut(READERS).expect("known");
                readers.holding.criticality = criticality;
                readers.holding.what = What::SharedDrive;
            })
            .member("Readers", "account-1");
        assert_eq!(scene.found(), [(O6, severity, None)]);
        assert!(scene.details()[0].starts_with("shared drive `wiki/readers` was given by hand"));
    }
}

#[test]
fn what_breaks_separation_says_so_whether_prevented_or_not() {
    for mode in [SodMode::Preventive, SodMode::Detective] {
        let scene = scene(vec![person(1).wants(READERS).records(READERS)])
            .policy(|policy| policy.sod[0].mode = mode)
            .member("Readers", "account-1")
            .member("Strict", "account-1");
        assert_eq!(scene.found(), [(O6, High, Some(Repair::Revoke))]);
        assert!(scene.details()[0].ends_with("it breaks SoD `read-or-strict`"));
    }
}
