//! Access over time: what a move lets stay, what lapses, tiers, nested groups, separation of
//! duties, pilots and percentages.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use domain::plan::{Compiled, Input, next_record, plan};
use domain::policy::{Mode, Policy, RuleState};
use domain::project::Cause;
use domain::rollout::{takes_in, writes};
use domain::{
    AccountId, AccountRecord, Attr, Fact, Finding, IdentityId, Ownership, Plan, RecordKey, TargetId,
};
use support::rich::{id, is, rich};
use support::walk::{input, planned};
use support::{at, attrs, fact, hire};

fn moves(event: &str, day: &str, attr: Attr, value: &str) -> Fact {
    fact(
        event,
        day,
        &format!("{day}T08:00:00Z"),
        attrs([(attr, Some(value))]),
    )
}

fn at_noon(policy: &Policy, facts: &[Fact], day: &str) -> Plan {
    at_instant(policy, facts, &format!("{day}T12:00:00Z"))
}

fn at_instant(policy: &Policy, facts: &[Fact], instant: &str) -> Plan {
    planned(&Compiled::new(policy.clone()), facts.to_vec(), at(instant))
}

fn held(plan: &Plan) -> Vec<String> {
    let grants = plan
        .targets
        .values()
        .flat_map(|t| t.projection.grants.keys());
    grants.map(ToString::to_string).collect()
}

fn holds(plan: &Plan, name: &str) -> bool {
    held(plan).iter().any(|one| one == name)
}

/// Engineering until 10 March, then Finance.
fn moved() -> Vec<Fact> {
    vec![
        hire("h", "2026-01-05", &[]),
        moves("m", "2026-03-10", Attr::Department, "Finance"),
    ]
}

#[test]
fn a_move_lets_old_access_stay_for_its_days_and_no_longer() {
    let facts = moved();
    let before = at_instant(&rich(), &facts, "2026-03-09T23:59:59Z");
    assert!(holds(&before, "wiki/editors") && !holds(&before, "dir/payables"));
    for (instant, stays) in [
        ("2026-03-10T00:00:00Z", true),
        ("2026-03-23T23:59:59Z", true),
        ("2026-03-24T00:00:00Z", false),
        ("2026-03-24T00:00:01Z", false),
    ] {
        let plan = at_instant(&rich(), &facts, instant);
        assert_eq!(holds(&plan, "wiki/editors"), stays, "{instant}");
        assert!(holds(&plan, "dir/payables"), "{instant}");
    }
    let plan = at_noon(&rich(), &facts, "2026-03-12");
    assert_eq!(plan.due_at, Some(at("2026-03-24T00:00:00Z")));
    let reasons = &plan.targets[&TargetId::from("wiki")].projection.grants[&id("wiki/editors")];
    let reason = reasons.first().expect("a reason");
    assert!(matches!(&reason.cause, Cause::Overlap { rule, .. } if rule.as_str() == "r-eng"));
    assert_eq!(reason.until, Some(at("2026-03-24T00:00:00Z")));
}

#[test]
fn a_move_that_is_reported_late_leaves_what_is_left_of_the_days() {
    let mut facts = moved();
    facts[1].recorded_at = at("2026-03-20T08:00:00Z");
    facts[1].received_at = at("2026-03-20T08:00:00Z");
    assert!(holds(
        &at_noon(&rich(), &facts, "2026-03-23"),
        "wiki/editors"
    ));
    assert!(!holds(
        &at_noon(&rich(), &facts, "2026-03-24"),
        "wiki/editors"
    ));
}

#[test]
fn planning_again_and_other_changes_do_not_begin_the_days_anew() {
    let mut facts = moved();
    facts.push(moves("t", "2026-03-15", Attr::Title, "Clerk"));
    facts.push(moves("n", "2026-03-20", Attr::GivenName, "Anna"));
    assert!(holds(
        &at_noon(&rich(), &facts, "2026-03-23"),
        "wiki/editors"
    ));
    assert!(!holds(
        &at_noon(&rich(), &facts, "2026-03-24"),
        "wiki/editors"
    ));
}

#[test]
fn what_was_never_true_leaves_nothing() {
    let mut facts = moved();
    facts.push(support::body_fact(
        "c",
        "2026-01-05",
        "2026-03-11T08:00:00Z",
        domain::FactBody::Assert {
            attrs: domain::Pii::new(attrs([
                (Attr::GivenName, Some("Ana")),
                (Attr::FamilyName, Some("Silva")),
                (Attr::Department, Some("Finance")),
                (Attr::EmploymentType, Some("employee")),
                (Attr::StartDate, Some("2026-01-05")),
            ])),
            corrects: Some("h".into()),
        },
    ));
    assert!(!holds(
        &at_noon(&rich(), &facts, "2026-03-12"),
        "wiki/editors"
    ));
}

#[test]
fn nothing_stays_of_what_policy_took_away() {
    let mut policy = rich();
    policy.rules.retain(|rule| rule.id.as_str() != "r-eng");
    assert!(!holds(
        &at_noon(&policy, &moved(), "2026-03-12"),
        "wiki/editors"
    ));
}

#[test]
fn an_overlap_ends_with_a_leaver_and_does_not_come_back_with_a_rehire() {
    let mut facts = moved();
    facts.push(moves("l", "2026-03-12", Attr::WorkerStatus, "terminated"));
    assert_eq!(held(&at_noon(&rich(), &facts, "2026-03-12")), [""; 0]);
    facts.push(moves("r", "2026-03-15", Attr::WorkerStatus, "active"));
    let back = at_noon(&rich(), &facts, "2026-03-15");
    assert!(holds(&back, "dir/payables") && !holds(&back, "wiki/editors"));
}

#[test]
fn an_overlap_outlives_a_leave_and_runs_on_during_it() {
    let mut facts = moved();
    facts.push(moves("l", "2026-03-12", Attr::WorkerStatus, "leave"));
    facts.push(moves("b", "2026-03-20", Attr::WorkerStatus, "active"));
    assert_eq!(held(&at_noon(&rich(), &facts, "2026-03-13")), [""; 0]);
    assert!(holds(
        &at_noon(&rich(), &facts, "2026-03-20"),
        "wiki/editors"
    ));
    assert!(!holds(
        &at_noon(&rich(), &facts, "2026-03-24"),
        "wiki/editors"
    ));
}

#[test]
fn what_is_privileged_stays_only_if_it_says_so_itself() {
    let mut policy = rich();
    policy.sod.clear();
    let facts = [
        hire("h", "2026-01-05", &[(Attr::Department, "Treasury")]),
        moves("m", "2026-03-10", Attr::Department, "Engineering"),
    ];
    // Its role says 14 days.
    assert!(!holds(
        &at_noon(&policy, &facts, "2026-03-10"),
        "dir/approvers"
    ));
    let approvers = policy.entitlements.get_mut(&id("dir/approvers")).unwrap();
    approvers.holding.overlap_days = Some(2);
    assert!(holds(
        &at_noon(&policy, &facts, "2026-03-10"),
        "dir/approvers"
    ));
    assert!(!holds(
        &at_noon(&policy, &facts, "2026-03-12"),
        "dir/approvers"
    ));
}

#[test]
fn separation_of_duties_ends_an_overlap_without_a_word() {
    let mut policy = rich();
    policy.sod.iter_mut().for_each(|sod| sod.exceptions.clear());
    let facts = [
        hire("h", "2026-01-05", &[(Attr::Department, "Finance")]),
        moves("m", "2026-03-10", Attr::Department, "Treasury"),
    ];
    let plan = at_noon(&policy, &facts, "2026-03-10");
    assert!(holds(&plan, "dir/approvers") && !holds(&plan, "dir/payables"));
    let conflict = |f: &Finding| matches!(f, Finding::SodConflict { .. });
    assert!(!plan.findings.iter().any(conflict), "{:?}", plan.findings);
    // Without the pair the twenty days hold.
    policy.sod.clear();
    assert!(holds(
        &at_noon(&policy, &facts, "2026-03-29"),
        "dir/payables"
    ));
    assert!(!holds(
        &at_noon(&policy, &facts, "2026-03-30"),
        "dir/payables"
    ));
}

#[test]
fn a_conversion_keeps_nothing_of_a_contract_that_is_over() {
    let contract = hire(
        "c",
        "2026-01-05",
        &[
            (Attr::EmploymentType, "contractor"),
            (Attr::EndDate, "2026-02-27"),
        ],
    );
    let mut employment = hire("e", "2026-02-28", &[(Attr::Department, "Finance")]);
    employment.record = RecordKey::from("r2");
    let records = [
        (RecordKey::from("r1"), vec![contract]),
        (RecordKey::from("r2"), vec![employment]),
    ];
    let compiled = Compiled::new(rich());
    let accounts = BTreeMap::new();
    let on = |instant| plan(&compiled, &input(&records, &accounts, at(instant)));
    assert!(holds(&on("2026-02-27T23:59:59Z"), "wiki/editors"));
    let after = on("2026-02-28T00:00:00Z");
    assert!(holds(&after, "dir/payables") && !holds(&after, "wiki/editors"));
}

#[test]
fn what_is_time_bound_lapses_to_the_second_and_an_extension_beats_it() {
    let facts = [hire("h", "2026-01-05", &[])];
    for (instant, there) in [
        ("2026-01-14T23:59:59Z", true),
        ("2026-01-15T00:00:00Z", false),
        ("2026-01-15T00:00:01Z", false),
    ] {
        let plan = at_instant(&rich(), &facts, instant);
        assert_eq!(holds(&plan, "wiki/trial"), there, "{instant}");
        let lapsed = plan.findings.contains(&Finding::Lapsed {
            entitlement: id("wiki/trial"),
        });
        assert_eq!(lapsed, !there, "{instant}");
    }
    // The rule itself gives 14 days.
    let mut longer = rich();
    let trial = longer.entitlements.get_mut(&id("wiki/trial")).unwrap();
    trial.holding.max_days = Some(12);
    assert!(holds(&at_noon(&longer, &facts, "2026-01-16"), "wiki/trial"));
}

#[test]
fn a_contract_that_is_extended_goes_on_whichever_comes_first() {
    let contract = hire(
        "c",
        "2026-01-05",
        &[
            (Attr::EmploymentType, "contractor"),
            (Attr::EndDate, "2026-02-27"),
        ],
    );
    let facts = [contract];
    for (instant, there) in [
        ("2026-02-27T23:59:59Z", true),
        ("2026-02-28T00:00:00Z", false),
        ("2026-02-28T00:00:01Z", false),
    ] {
        let plan = at_instant(&rich(), &facts, instant);
        assert_eq!(holds(&plan, "dir/staff"), there, "{instant}");
        for reason in plan
            .targets
            .values()
            .flat_map(|t| t.projection.grants.values().flatten())
        {
            let until = reason.until.expect("the end of the contract");
            assert!(until <= at("2026-02-28T00:00:00Z"), "{instant}");
        }
    }
    for recorded in ["2026-02-20", "2026-02-28"] {
        let extended = moves("x", recorded, Attr::EndDate, "2026-03-31");
        let facts = [facts[0].clone(), extended];
        for instant in ["2026-02-28T00:00:00Z", "2026-02-28T00:00:01Z"] {
            let plan = at_instant(&rich(), &facts, instant);
            assert!(
                holds(&plan, "dir/staff"),
                "recorded {recorded}, at {instant}"
            );
        }
    }
}

#[test]
fn an_expiry_does_not_wait_for_bad_data() {
    let mut facts = vec![hire("h", "2026-01-05", &[])];
    let compiled = Compiled::new(rich());
    let accounts = BTreeMap::new();
    let records = [(RecordKey::from("r1"), facts.clone())];
    let first = input(&records, &accounts, at("2026-01-10T00:00:00Z"));
    let decided = next_record(None, &first, &plan(&compiled, &first));
    facts.push(moves("b", "2026-01-11", Attr::Department, "Astrology"));
    let records = [(RecordKey::from("r1"), facts)];
    let on = |instant| {
        let input = Input {
            recorded: Some(&decided),
            ..input(&records, &accounts, at(instant))
        };
        plan(&compiled, &input)
    };
    let kept = on("2026-01-14T23:59:59Z");
    assert!(holds(&kept, "wiki/trial") && holds(&kept, "wiki/editors"));
    assert_eq!(kept.due_at, Some(at("2026-01-15T00:00:00Z")));
    let lapsed = on("2026-01-15T00:00:00Z");
    assert!(!holds(&lapsed, "wiki/trial") && holds(&lapsed, "wiki/editors"));
}

#[test]
fn of_a_tier_the_highest_is_given() {
    let lead = [hire("h", "2026-01-05", &[(Attr::Title, "Lead")])];
    let plan = at_noon(&rich(), &lead, "2026-03-01");
    assert!(holds(&plan, "wiki/owners") && !holds(&plan, "wiki/editors"));
    // Where duties keep the highest apart, the next one is given.
    let mut policy = rich();
    policy.sod.push(domain::policy::Sod {
        name: "own-and-work".into(),
        apart: domain::policy::Apart::Pair {
            left: [id("dir/staff")].into(),
            right: [id("wiki/owners")].into(),
        },
        mode: domain::policy::SodMode::Preventive,
        exceptions: Vec::new(),
    });
    let plan = at_noon(&policy, &lead, "2026-03-01");
    assert!(holds(&plan, "wiki/editors") && !holds(&plan, "wiki/owners"));
}

#[test]
fn a_nested_group_is_held_through_its_child() {
    let facts = [hire("h", "2026-01-05", &[(Attr::Title, "Engineer")])];
    let plan = at_noon(&rich(), &facts, "2026-03-01");
    assert!(holds(&plan, "dir/leads") && !holds(&plan, "dir/staff"));
    // What it brings along counts: staff and payables are seen together.
    let facts = [hire(
        "h",
        "2026-01-05",
        &[(Attr::Title, "Engineer"), (Attr::Department, "Finance")],
    )];
    let plan = at_noon(&rich(), &facts, "2026-03-01");
    assert!(plan.findings.contains(&Finding::SodHeld {
        pair: "seen".into(),
        held: vec![id("dir/staff"), id("dir/payables")],
    }));
}

#[test]
fn of_a_set_the_last_in_its_list_is_withheld() {
    let facts = [hire(
        "h",
        "2026-01-05",
        &[
            (Attr::Title, "Engineer"),
            (Attr::Department, "Finance"),
            (Attr::ManagerStatus, "manager"),
        ],
    )];
    // Until the exception from the pair lapses, three hats are wanted and two allowed.
    let plan = at_instant(&rich(), &facts, "2026-02-28T23:59:59Z");
    assert!(holds(&plan, "dir/leads") && holds(&plan, "dir/payables"));
    assert!(!holds(&plan, "dir/approvers"));
    assert!(plan.findings.contains(&Finding::SodConflict {
        pair: "hats".into(),
        withheld: id("dir/approvers"),
    }));
}

#[test]
fn an_exception_holds_for_one_person_until_it_lapses() {
    let facts = [hire(
        "h",
        "2026-01-05",
        &[
            (Attr::Department, "Finance"),
            (Attr::ManagerStatus, "manager"),
        ],
    )];
    let before = at_instant(&rich(), &facts, "2026-02-28T23:59:59Z");
    assert!(holds(&before, "dir/payables") && holds(&before, "dir/approvers"));
    let until = at(support::rich::EXCEPTED);
    assert_eq!(before.due_at, Some(until));
    assert!(before.findings.contains(&Finding::SodExcepted {
        pair: "pay-and-approve".into(),
        until,
    }));
    let after = at_instant(&rich(), &facts, support::rich::EXCEPTED);
    assert!(holds(&after, "dir/payables") && !holds(&after, "dir/approvers"));
    let mut other = facts;
    other[0].worker = "E2".into();
    let plan = at_noon(&rich(), &other, "2026-02-01");
    assert!(!holds(&plan, "dir/approvers"));
}

/// People by what a percentage makes of them.
fn people(percent: u8, name: &str) -> BTreeSet<usize> {
    (0..1_000)
        .filter(|n| takes_in(percent, name, &IdentityId::from(format!("person-{n}"))))
        .collect()
}

#[test]
fn a_growing_percentage_only_adds_people() {
    assert!(people(0, "wiki").is_empty());
    assert_eq!(people(100, "wiki").len(), 1_000);
    for percent in 0..100 {
        assert!(people(percent, "wiki").is_subset(&people(percent + 1, "wiki")));
    }
    let tenth = people(10, "wiki").len();
    assert!((60..140).contains(&tenth), "{tenth} of 1,000");
    assert_ne!(people(10, "wiki"), people(10, "dir"));
}

#[test]
fn a_rule_for_a_percentage_is_reported_for_the_others() {
    let facts = [hire("h", "2026-01-05", &[])];
    let mut policy = rich();
    let rule = policy
        .rules
        .iter_mut()
        .find(|r| r.id.as_str() == "r-eng")
        .unwrap();
    rule.percent = Some(0);
    let plan = at_noon(&policy, &facts, "2026-03-01");
    assert!(!holds(&plan, "wiki/editors"));
    assert!(plan.findings.contains(&Finding::WouldGrant {
        rule: "r-eng".into(),
        entitlement: id("wiki/editors"),
    }));
    let rule = policy
        .rules
        .iter_mut()
        .find(|r| r.id.as_str() == "r-eng")
        .unwrap();
    rule.percent = Some(100);
    assert!(holds(
        &at_noon(&policy, &facts, "2026-03-01"),
        "wiki/editors"
    ));
    let rule = policy
        .rules
        .iter_mut()
        .find(|r| r.id.as_str() == "r-eng")
        .unwrap();
    rule.state = RuleState::Record;
    assert!(!holds(
        &at_noon(&policy, &facts, "2026-03-01"),
        "wiki/editors"
    ));
}

fn simulated(
    policy: &Policy,
    facts: &[Fact],
    accounts: &BTreeMap<TargetId, AccountRecord>,
) -> bool {
    let compiled = Compiled::new(policy.clone());
    let records = [(RecordKey::from("r1"), facts.to_vec())];
    let input = input(&records, accounts, at("2026-03-01T00:00:00Z"));
    let plan = plan(&compiled, &input);
    let wiki = TargetId::from("wiki");
    let projection = &plan.targets[&wiki].projection;
    assert!(!projection.grants.is_empty(), "planned either way");
    assert_eq!(writes(policy, &wiki, projection), !projection.simulated);
    projection.simulated
}

#[test]
fn what_was_only_simulated_is_nothing_that_we_may_have_given() {
    let wiki = TargetId::from("wiki");
    let accounts = BTreeMap::new();
    let decide =
        |mode: Mode, facts: &[Fact], day: &str, before: Option<&domain::IdentityRecord>| {
            let mut policy = rich();
            policy.targets.get_mut(&wiki).unwrap().mode = mode;
            let records = [(RecordKey::from("r1"), facts.to_vec())];
            let input = Input {
                recorded: before,
                ..input(&records, &accounts, at(&format!("{day}T12:00:00Z")))
            };
            next_record(before, &input, &plan(&Compiled::new(policy), &input))
        };
    let facts = moved();
    for (mode, unsettled) in [(Mode::Simulate, false), (Mode::Enforce, true)] {
        let hired = decide(mode, &facts[..1], "2026-03-01", None);
        let after = decide(mode, &facts, "2026-04-01", Some(&hired));
        let enforced = decide(Mode::Enforce, &facts, "2026-04-02", Some(&after));
        let maybe = enforced.unsettled.get(&wiki);
        let editors = maybe.is_some_and(|maybe| maybe.contains("wiki/editors"));
        assert_eq!(editors, unsettled, "{mode:?}");
    }
    // The end of a simulation is a change, so that the connector hears of it.
    let simulated = decide(Mode::Simulate, &facts, "2026-04-01", None);
    let enforced = decide(Mode::Enforce, &facts, "2026-04-01", Some(&simulated));
    assert!(enforced.changed[&wiki] > simulated.changed[&wiki]);
}

#[test]
fn a_pilot_plans_for_everybody_and_writes_for_its_cohort() {
    let facts = [hire("h", "2026-01-05", &[])];
    let nobody = BTreeMap::new();
    let mut policy = rich();
    let wiki = TargetId::from("wiki");
    let mut pilot = |change: &dyn Fn(&mut domain::policy::Target)| {
        change(policy.targets.get_mut(&wiki).unwrap());
        policy.clone()
    };
    let cohort = pilot(&|target| {
        target.mode = Mode::Pilot;
        target.pilot.when = is(Attr::Department, "Engineering");
    });
    assert!(!simulated(&cohort, &facts, &nobody));
    let none = pilot(&|target| target.pilot.percent = Some(0));
    assert!(simulated(&none, &facts, &nobody));
    let others = pilot(&|target| {
        target.pilot.percent = None;
        target.pilot.when = is(Attr::Department, "Finance");
    });
    assert!(simulated(&others, &facts, &nobody));
    // Whoever took part goes on to.
    let account = AccountRecord {
        id: Some(AccountId::from("a1")),
        ownership: Some(Ownership::Created),
        ..AccountRecord::default()
    };
    let ours = BTreeMap::from([(wiki.clone(), account)]);
    assert!(!simulated(&others, &facts, &ours));
    for mode in [Mode::Observe, Mode::Simulate] {
        let still = pilot(&|target| target.mode = mode);
        assert!(simulated(&still, &facts, &ours));
    }
}
