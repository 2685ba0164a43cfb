//! Limits: what passes, what waits, what an approval lets through.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a suite stops at what does not hold"
)]

use std::collections::{BTreeMap, BTreeSet};

use domain::limit::{
    Claim, Class, Held, HeldLine, Line, Meter, Population, Scope, Verdict, Vote, Voted, list_hash,
};
use domain::policy::{Limit, Limits};
use domain::{Hash, IdentityId};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

fn at(minutes: i64) -> Timestamp {
    let begin: Timestamp = "2026-03-02T08:00:00Z".parse().unwrap();
    begin
        .checked_add(SignedDuration::from_mins(minutes))
        .unwrap()
}

fn person(n: usize) -> IdentityId {
    IdentityId::from(format!("i{n:04}"))
}

fn limits(floor: u32) -> Limits {
    let same = Limit::new(floor, 0, 1_000);
    Limits {
        block: same,
        disable: same,
        revoke: same,
        members: Limit::new(2, 0, 1_000),
        ..Limits::default()
    }
}

fn line(class: Class) -> Line {
    Line {
        class,
        entitlement: None,
        want: None,
    }
}

fn revoke(entitlement: &str) -> Line {
    Line {
        entitlement: Some(entitlement.into()),
        ..line(Class::Revoke)
    }
}

fn ask(
    meter: &mut Meter,
    limits: &Limits,
    now: Timestamp,
    n: usize,
    lines: &[Line],
    held: Option<&Held>,
) -> Verdict {
    let identity = person(n);
    let lines: BTreeSet<Line> = lines.iter().cloned().collect();
    let claim = Claim {
        identity: &identity,
        lines: &lines,
        held,
    };
    meter.ask(limits, now, &[claim]).remove(0)
}

/// Everything of a verdict, as it would stand in the account's record.
fn held(verdict: &Verdict) -> Held {
    Held {
        since: at(0),
        lines: verdict.held.clone(),
        released: BTreeMap::new(),
        rejected: BTreeSet::new(),
    }
}

fn vote(by: &str, list: Hash, minutes: i64) -> Vote {
    Vote {
        by: by.into(),
        at: at(minutes),
        list,
    }
}

#[test]
fn the_first_one_over_the_limit_waits_and_everybody_after_it() {
    let limits = limits(5);
    let mut meter = Meter::default();
    for (minute, n) in (0..20).enumerate() {
        let minute = i64::try_from(minute).unwrap();
        let verdict = ask(
            &mut meter,
            &limits,
            at(minute),
            n,
            &[line(Class::Block)],
            None,
        );
        assert_eq!(verdict.held.is_empty(), n < 5, "{n}");
        assert_eq!(
            verdict.opened,
            if n == 5 {
                vec![Scope::class(Class::Block)]
            } else {
                vec![]
            }
        );
    }
    assert_eq!(meter.count(&limits, &Scope::class(Class::Block), at(19)), 5);
    // The window passes and nothing trickles through: a human decides.
    let later = at(60 * 24 * 30);
    let verdict = ask(&mut meter, &limits, later, 21, &[line(Class::Block)], None);
    assert_eq!(verdict.held.len(), 1);
    // Other classes have nothing to do with it.
    let verdict = ask(&mut meter, &limits, later, 21, &[line(Class::Rename)], None);
    assert_eq!(verdict, Verdict::default());
}

#[test]
fn the_same_change_asked_again_counts_once() {
    let limits = limits(3);
    let mut meter = Meter::default();
    for minute in 0..50 {
        let verdict = ask(
            &mut meter,
            &limits,
            at(minute),
            1,
            &[line(Class::Block)],
            None,
        );
        assert!(verdict.held.is_empty());
    }
    assert_eq!(meter.count(&limits, &Scope::class(Class::Block), at(49)), 1);
}

#[test]
fn what_is_older_than_the_window_does_not_count() {
    let limits = limits(3);
    let mut meter = Meter::default();
    // One every nine hours: never more than three in twenty-four.
    for n in 0..40 {
        let now = at(60 * 9 * i64::try_from(n).unwrap());
        let verdict = ask(&mut meter, &limits, now, n, &[line(Class::Block)], None);
        assert!(verdict.held.is_empty(), "{n}");
    }
}

#[test]
fn one_group_has_a_limit_of_its_own_that_stops_no_other() {
    let limits = limits(5);
    let mut meter = Meter::default();
    for n in 0..2 {
        assert!(
            ask(&mut meter, &limits, at(0), n, &[revoke("payroll")], None)
                .held
                .is_empty()
        );
    }
    let verdict = ask(
        &mut meter,
        &limits,
        at(0),
        2,
        &[revoke("payroll"), revoke("wiki")],
        None,
    );
    let scope: Scope = "revoke:payroll".parse().unwrap();
    assert_eq!(
        verdict.held,
        [HeldLine {
            line: revoke("payroll"),
            scope: scope.clone()
        }]
    );
    assert_eq!(meter.holds.keys().collect::<Vec<_>>(), [&scope]);
    assert_eq!(meter.count(&limits, &Scope::class(Class::Revoke), at(0)), 3);
}

#[test]
fn the_population_decides_once_it_is_known() {
    let mut limits = limits(5);
    limits.block.percent = 10;
    let scope = Scope::class(Class::Block);
    let mut meter = Meter::default();
    assert_eq!(meter.allowed(&limits, &scope), 5);
    for (accounts, most) in [(3, 1), (12, 3), (60, 6), (1_000, 100), (1_000_000, 1_000)] {
        meter.population = Some(Population {
            accounts,
            ..Population::default()
        });
        assert_eq!(meter.allowed(&limits, &scope), most, "{accounts}");
    }
}

/// Five people over a limit of two: three wait.
fn three_wait(limits: &Limits) -> (Meter, BTreeMap<IdentityId, Held>) {
    let mut meter = Meter::default();
    let mut waiting = BTreeMap::new();
    for n in 0..5 {
        let verdict = ask(&mut meter, limits, at(0), n, &[line(Class::Block)], None);
        if !verdict.held.is_empty() {
            waiting.insert(person(n), held(&verdict));
        }
    }
    assert_eq!(waiting.len(), 3);
    (meter, waiting)
}

fn list(scope: &Scope, waiting: &BTreeMap<IdentityId, Held>) -> Hash {
    let entries = waiting
        .iter()
        .map(|(identity, held)| (identity, held.open(scope).collect()));
    list_hash(scope, entries)
}

fn release(waiting: &mut BTreeMap<IdentityId, Held>, scope: &Scope, list: Hash) {
    for held in waiting.values_mut() {
        held.released.insert(scope.clone(), list);
    }
}

#[test]
fn an_approval_lets_exactly_its_list_through() {
    let limits = limits(2);
    let scope = Scope::class(Class::Block);
    let (mut meter, mut waiting) = three_wait(&limits);
    let hash = list(&scope, &waiting);
    let Voted::Approved(approval) = meter.approve(&limits, &scope, vote("ida", hash, 1), true)
    else {
        panic!("not approved");
    };
    assert_eq!(approval.list, hash);
    release(&mut waiting, &scope, hash);
    for (n, held) in [2, 3, 4].into_iter().zip(waiting.values()) {
        let verdict = ask(
            &mut meter,
            &limits,
            at(2),
            n,
            &[line(Class::Block)],
            Some(held),
        );
        assert!(verdict.held.is_empty(), "{n}");
    }
    // Approved changes do not use up the limit, and do not lift it for others.
    assert_eq!(meter.count(&limits, &scope, at(2)), 2);
    let verdict = ask(&mut meter, &limits, at(3), 9, &[line(Class::Block)], None);
    assert_eq!(verdict.opened, [scope]);
}

#[test]
fn an_approval_of_some_keeps_the_others() {
    let limits = limits(2);
    let scope = Scope::class(Class::Block);
    let (mut meter, waiting) = three_wait(&limits);
    let mut some: BTreeMap<_, _> = waiting.clone().into_iter().take(1).collect();
    let hash = list(&scope, &some);
    assert_ne!(hash, list(&scope, &waiting));
    assert!(matches!(
        meter.approve(&limits, &scope, vote("ida", hash, 1), false),
        Voted::Approved(_)
    ));
    release(&mut some, &scope, hash);
    let claim = |meter: &mut Meter, n: usize| {
        let held = some.get(&person(n)).or_else(|| waiting.get(&person(n)));
        ask(meter, &limits, at(2), n, &[line(Class::Block)], held)
            .held
            .len()
    };
    assert_eq!([2, 3, 4].map(|n| claim(&mut meter, n)), [0, 1, 1]);
}

#[test]
fn an_approval_dies_with_the_first_line_that_changed() {
    let limits = limits(0);
    let scope = Scope::class(Class::Revoke);
    let mut meter = Meter::default();
    let mut waiting = BTreeMap::new();
    for n in 0..3 {
        let verdict = ask(&mut meter, &limits, at(0), n, &[revoke("a")], None);
        waiting.insert(person(n), held(&verdict));
    }
    let hash = list(&scope, &waiting);
    assert!(matches!(
        meter.approve(&limits, &scope, vote("ida", hash, 1), true),
        Voted::Approved(_)
    ));
    release(&mut waiting, &scope, hash);
    let of = |n: usize| waiting.get(&person(n));
    assert!(
        ask(&mut meter, &limits, at(2), 0, &[revoke("a")], of(0))
            .held
            .is_empty()
    );
    let other = ask(
        &mut meter,
        &limits,
        at(2),
        1,
        &[revoke("a"), revoke("b")],
        of(1),
    );
    assert_eq!(other.held.len(), 2, "nobody agreed to this list");
    assert_eq!(
        ask(&mut meter, &limits, at(2), 2, &[revoke("a")], of(2))
            .held
            .len(),
        1
    );
    // What went through before stays done.
    assert!(
        ask(&mut meter, &limits, at(3), 0, &[revoke("a")], of(0))
            .held
            .is_empty()
    );
}

#[test]
fn an_approval_runs_out() {
    let limits = limits(2);
    let scope = Scope::class(Class::Block);
    let (mut meter, mut waiting) = three_wait(&limits);
    let hash = list(&scope, &waiting);
    meter.approve(&limits, &scope, vote("ida", hash, 0), true);
    release(&mut waiting, &scope, hash);
    let hours = i64::from(limits.approval_hours);
    let mut ask_at = |minutes, n| {
        let held = waiting.get(&person(n));
        ask(
            &mut meter,
            &limits,
            at(minutes),
            n,
            &[line(Class::Block)],
            held,
        )
        .held
        .len()
    };
    assert_eq!(ask_at(hours * 60 - 1, 2), 0);
    // By then the window is over, too: what passed long ago does not count.
    assert_eq!(ask_at(hours * 60, 3), 0);
    assert_eq!(ask_at(hours * 60, 4), 0);
    assert_eq!(ask_at(hours * 60, 5), 1, "the limit holds again");
}

#[test]
fn two_people_have_to_agree_to_the_same_list() {
    let mut limits = limits(2);
    limits.approvers = 2;
    let scope = Scope::class(Class::Block);
    let (mut meter, waiting) = three_wait(&limits);
    let (hash, other) = (list(&scope, &waiting), Hash::of(b"another list"));
    let mut votes = |by, hash| meter.approve(&limits, &scope, vote(by, hash, 1), true);
    assert_eq!(votes("ida", hash), Voted::Waiting(1));
    assert_eq!(votes("ida", hash), Voted::Already);
    assert_eq!(
        votes("bo", other),
        Voted::Waiting(1),
        "the list changed meanwhile"
    );
    assert_eq!(votes("ida", hash), Voted::Waiting(1));
    let Voted::Approved(approval) = votes("bo", hash) else {
        panic!("not approved");
    };
    assert_eq!(approval.by, ["ida".into(), "bo".into()]);
    assert_eq!(votes("cy", hash), Voted::NoHold);
}

#[test]
fn what_a_human_refused_waits_and_holds_nobody_else() {
    let limits = limits(2);
    let scope = Scope::class(Class::Block);
    let (mut meter, waiting) = three_wait(&limits);
    assert!(meter.close(&scope));
    let mut refused = waiting.get(&person(2)).cloned().unwrap();
    refused.rejected.insert(line(Class::Block));
    let next_day = at(60 * 25);
    let verdict = ask(
        &mut meter,
        &limits,
        next_day,
        2,
        &[line(Class::Block)],
        Some(&refused),
    );
    assert_eq!((verdict.held.len(), verdict.opened.len()), (1, 0));
    assert!(
        ask(
            &mut meter,
            &limits,
            next_day,
            7,
            &[line(Class::Block)],
            None
        )
        .held
        .is_empty()
    );
}

#[test]
fn where_a_block_waits_everything_of_the_person_waits_for_the_same_yes() {
    let limits = limits(1);
    let block = Scope::class(Class::Block);
    let mut meter = Meter::default();
    let leaver = [line(Class::Block), revoke("a"), revoke("b")];
    let first = ask(&mut meter, &limits, at(0), 0, &leaver, None);
    assert_eq!(
        first.held.len(),
        1,
        "blocked, and one membership over the limit"
    );
    let second = ask(&mut meter, &limits, at(0), 1, &leaver, None);
    assert!(second.held.iter().all(|held| held.scope == block));
    assert_eq!(second.held.len(), 3);
    assert_eq!(meter.count(&limits, &Scope::class(Class::Revoke), at(0)), 1);
    let mut waiting = BTreeMap::from([(person(1), held(&second))]);
    let hash = list(&block, &waiting);
    meter.approve(&limits, &block, vote("ida", hash, 1), true);
    release(&mut waiting, &block, hash);
    let held = waiting.get(&person(1));
    let third = ask(&mut meter, &limits, at(2), 1, &leaver, held);
    assert_eq!(third.held, []);
}

#[test]
fn a_meter_stays_small_and_counts_everything() {
    let mut limits = limits(1_000_000);
    limits.revoke = Limit::new(1_000_000, 0, 1_000_000);
    limits.members = limits.revoke;
    let scope = Scope::class(Class::Revoke);
    let group: Scope = "revoke:finance-payments-approvers".parse().unwrap();
    let mut meter = Meter::default();
    for n in 0..4_000 {
        let lines = [revoke("finance-payments-approvers")];
        let minute = i64::try_from(n).unwrap() / 10;
        assert!(
            ask(&mut meter, &limits, at(minute), n, &lines, None)
                .held
                .is_empty()
        );
    }
    assert_eq!(meter.count(&limits, &scope, at(400)), 4_000);
    assert_eq!(meter.count(&limits, &group, at(400)), 4_000);
    let text = serde_json::to_string(&meter).unwrap();
    assert!(text.len() < 300_000, "{} bytes", text.len());
    assert_eq!(serde_json::from_str::<Meter>(&text).unwrap(), meter);
    // What was counted by the hour leaves the window with its hour.
    assert_eq!(meter.count(&limits, &scope, at(24 * 60 + 400 + 60)), 0);
}

#[test]
fn scopes_read_back_as_they_are_written() {
    for text in ["block", "delete", "revoke", "revoke:eng-wiki"] {
        assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
    }
    for text in ["", "grant", "block:x", "revoke:"] {
        assert!(text.parse::<Scope>().is_err(), "{text}");
    }
    let mut meter = Meter::default();
    meter.open("revoke:eng-wiki".parse().unwrap(), 1, at(0));
    let text = serde_json::to_string(&meter).unwrap();
    assert_eq!(serde_json::from_str::<Meter>(&text).unwrap(), meter);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    /// However claims are spread over time, batches and repetitions: in no window more than the
    /// limit pass, and nothing waits before as many have passed.
    #[test]
    fn no_window_has_more_than_the_limit(
        floor in 0_u32..8,
        claims in prop::collection::vec((0_usize..40, 0_i64..400), 1..80),
    ) {
        let limits = limits(floor);
        let mut meter = Meter::default();
        let mut now = 0;
        let mut passed: Vec<(i64, usize)> = Vec::new();
        for (n, minutes) in claims {
            now += minutes;
            let verdict = ask(&mut meter, &limits, at(now), n, &[line(Class::Disable)], None);
            let recent = |passed: &[(i64, usize)]| {
                let recent = passed.iter().filter(|(then, _)| now - then < 24 * 60);
                recent.map(|(_, n)| *n).collect::<BTreeSet<_>>()
            };
            if verdict.held.is_empty() {
                if !recent(&passed).contains(&n) {
                    passed.push((now, n));
                }
                prop_assert!(recent(&passed).len() <= floor as usize);
            } else if !verdict.opened.is_empty() {
                prop_assert_eq!(recent(&passed).len(), floor as usize);
            }
        }
    }
}
