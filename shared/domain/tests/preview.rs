//! What a policy would do to people: the differences of two plans, their reasons, their sum.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use domain::limit::{Claim, Class, Line, Meter};
use domain::plan::{Compiled, Input, next_record, plan};
use domain::policy::{AccountFor, Condition, Criticality, Expr, Limit, Mode, RuleState, Test};
use domain::preview::{
    Delta, Effect, End, Ground, Obstacle, Person, Side, Standing, Tally, Weight, compare, describe,
    why_not,
};
use domain::{
    AccountId, AccountRecord, Attr, EntitlementId, Fact, Hash, IdentityId, IdentityRecord,
    Ownership, Pii, Plan, Policy, RecordKey, RuleId, TargetId,
};
use jiff::Timestamp;
use proptest::prelude::*;
use support::{ana, at, hire, policy, template};

/// A person whose accounts are as the first policy wants them.
struct Settled {
    records: Vec<(RecordKey, Vec<Fact>)>,
    recorded: Option<IdentityRecord>,
    accounts: BTreeMap<TargetId, AccountRecord>,
    identity: IdentityId,
    now: Timestamp,
}

impl Settled {
    fn new(policy: &Policy, facts: Vec<Fact>, now: &str) -> Self {
        let mut one = Self {
            records: vec![(RecordKey::from("r1"), facts)],
            recorded: None,
            accounts: BTreeMap::new(),
            identity: ana(),
            now: at(now),
        };
        one.live(policy);
        one
    }

    fn plan(&self, compiled: &Compiled) -> Plan {
        let identifiers = names();
        plan(compiled, &self.input(&identifiers))
    }

    fn input<'a>(&'a self, identifiers: &'a BTreeMap<Box<str>, Pii<Box<str>>>) -> Input<'a> {
        Input {
            identity: &self.identity,
            records: &self.records,
            recorded: self.recorded.as_ref(),
            accounts: &self.accounts,
            identifiers,
            at: self.now,
        }
    }

    /// Decides under a policy and carries everything out.
    fn live(&mut self, policy: &Policy) {
        let compiled = Compiled::new(policy.clone());
        let decided = self.plan(&compiled);
        let identifiers = names();
        let record = next_record(self.recorded.as_ref(), &self.input(&identifiers), &decided);
        for (name, target) in &decided.targets {
            if policy.targets[name].mode != Mode::Enforce {
                continue;
            }
            let before = self.accounts.entry(name.clone()).or_default();
            let end = End::after(before, &target.changes);
            let exists = end.standing != Standing::None;
            *before = AccountRecord {
                id: exists.then(|| AccountId::from("a1")),
                ownership: exists.then_some(Ownership::Created),
                active: end.standing == Standing::Active,
                attrs: end.attrs,
                grants: end.grants,
                ..AccountRecord::default()
            };
        }
        self.recorded = Some(record);
    }

    fn deltas(&self, from: &Policy, to: &Policy) -> Vec<Delta> {
        let (from, to) = (Compiled::new(from.clone()), Compiled::new(to.clone()));
        let (was, want) = (self.plan(&from), self.plan(&to));
        compare(
            &self.person(),
            &Side {
                compiled: &from,
                plan: &was,
            },
            &Side {
                compiled: &to,
                plan: &want,
            },
        )
    }

    fn person(&self) -> Person<'_> {
        Person {
            identity: &self.identity,
            records: &self.records,
            accounts: &self.accounts,
            at: self.now,
        }
    }
}

fn names() -> BTreeMap<Box<str>, Pii<Box<str>>> {
    BTreeMap::from([("user_name".into(), Pii::new("ana".into()))])
}

fn engineer() -> Vec<Fact> {
    vec![hire("e1", "2026-01-10", &[(Attr::Title, "Engineer")])]
}

const NOW: &str = "2026-02-10T12:00:00Z";

fn changed(change: impl FnOnce(&mut Policy)) -> Policy {
    let mut policy = policy();
    policy.version = Hash::of(b"policy-2");
    change(&mut policy);
    policy
}

fn rule<'a>(policy: &'a mut Policy, id: &str) -> &'a mut domain::policy::Rule {
    policy
        .rules
        .iter_mut()
        .find(|rule| rule.id.as_str() == id)
        .expect("a rule")
}

/// The one difference, as `effect what | why before | why after`.
fn check(to: &Policy, want: &[&str]) {
    let settled = Settled::new(&policy(), engineer(), NOW);
    let lines: Vec<String> = settled.deltas(&policy(), to).iter().map(line).collect();
    assert_eq!(lines, want);
}

fn line(delta: &Delta) -> String {
    let effect = match &delta.effect {
        Effect::Account { was, want } => format!("{was:?} -> {want:?}"),
        Effect::Gain { entitlement, .. } => format!("gain {entitlement}"),
        Effect::Lose { entitlement, .. } => format!("lose {entitlement}"),
        Effect::Reasons { entitlement, .. } => format!("reasons {entitlement}"),
        Effect::Attribute { path, was, want } => {
            let text = |slot: &Option<Pii<domain::Slot>>| {
                let slot = slot.as_ref().and_then(|slot| slot.reveal().text());
                slot.unwrap_or("-").to_owned()
            };
            format!("{path} {} -> {}", text(was), text(want))
        }
        Effect::Unmanaged { entitlement } => match entitlement {
            None => "unmanaged".to_owned(),
            Some(id) => format!("cannot take {id}"),
        },
    };
    let simulated = if delta.simulated { " (simulated)" } else { "" };
    let ground = |ground: &Ground| match ground {
        Ground::Target => String::new(),
        Ground::Given(reasons) => format!(
            " | {}",
            reasons
                .iter()
                .map(|reason| match &reason.cause {
                    domain::project::Cause::Rule { rule, role } => format!("{rule} by {role}"),
                    domain::project::Cause::Overlap { rule, role } => {
                        format!("{rule} by {role} before")
                    }
                    domain::project::Cause::Adopted => "adopted".to_owned(),
                })
                .collect::<Vec<_>>()
                .join(", ")
        ),
        Ground::NotGiven(obstacles) => format!(
            " | {}",
            obstacles
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("; ")
        ),
    };
    format!(
        "{}: {effect}{simulated}{}{}",
        delta.target,
        ground(&delta.was_because),
        ground(&delta.now_because)
    )
}

#[test]
fn the_same_policy_changes_nothing() {
    check(&changed(|_| {}), &[]);
}

#[test]
fn a_rule_that_is_gone_takes_what_it_alone_gave() {
    check(
        &changed(|policy| policy.rules.retain(|rule| rule.id.as_str() != "r-eng")),
        &[
            "dir: reasons dir/staff | r-base by base, r-eng by base | r-base by base",
            "wiki: lose wiki/editors | r-eng by engineer | the policy has no rule `r-eng`",
        ],
    );
}

#[test]
fn a_condition_that_no_longer_holds_is_named_without_the_value() {
    check(
        &changed(|policy| {
            rule(policy, "r-eng").when.push(Condition {
                attr: Attr::Title,
                test: Test::Prefix(vec!["Senior ".into()]),
            });
        }),
        &[
            "dir: reasons dir/staff | r-base by base, r-eng by base | r-base by base",
            "wiki: lose wiki/editors | r-eng by engineer | rule `r-eng` wants that `title` begins \
             with `Senior `",
        ],
    );
}

#[test]
fn a_rule_put_back_to_record_and_one_that_lapsed() {
    check(
        &changed(|policy| rule(policy, "r-eng").state = RuleState::Record),
        &[
            "dir: reasons dir/staff | r-base by base, r-eng by base | r-base by base",
            "wiki: lose wiki/editors | r-eng by engineer | rule `r-eng` is in state `record`",
        ],
    );
    check(
        &changed(|policy| rule(policy, "r-eng").until = Some(at("2026-02-01T00:00:00Z"))),
        &[
            "dir: reasons dir/staff | r-base by base, r-eng by base | r-base by base",
            "wiki: lose wiki/editors | r-eng by engineer | what rule `r-eng` gave lapsed at \
             2026-02-01T00:00:00Z",
        ],
    );
}

#[test]
fn what_is_newly_given_says_what_stood_in_the_way() {
    check(
        &changed(|policy| rule(policy, "r-trial").for_days = Some(60)),
        &[
            "wiki: gain wiki/trial | what rule `r-trial` gave lapsed at 2026-01-24T00:00:00Z | \
           r-trial by trial",
        ],
    );
}

#[test]
fn separation_of_duties_is_named_where_it_withholds() {
    let both = |policy: &mut Policy| {
        rule(policy, "r-approve").when.clear();
        rule(policy, "r-pay").when.clear();
    };
    check(
        &changed(both),
        &[
            "dir: gain dir/payables | rule `r-pay` wants that `department` is one of `Finance` | \
           r-pay by payables",
        ],
    );
    let boss = vec![hire(
        "e1",
        "2026-01-10",
        &[(Attr::ManagerStatus, "manager")],
    )];
    let settled = Settled::new(&policy(), boss, NOW);
    let lines: Vec<String> = settled
        .deltas(
            &policy(),
            &changed(|policy| rule(policy, "r-pay").when.clear()),
        )
        .iter()
        .map(line)
        .collect();
    assert_eq!(
        lines,
        [
            "dir: lose dir/approvers | r-boss by approver | separation of duties \
             `pay-and-approve` withholds it",
            "dir: gain dir/payables | rule `r-pay` wants that `department` is one of `Finance` \
             | r-pay by payables",
        ]
    );
}

#[test]
fn a_scope_that_leaves_somebody_out_blocks_the_account() {
    let to = changed(|policy| {
        let wiki = policy.targets.get_mut("wiki").expect("a target");
        wiki.scope = vec![Condition {
            attr: Attr::Department,
            test: Test::In(["Finance".into()].into()),
        }];
    });
    check(
        &to,
        &[
            "wiki: Active -> Blocked | the scope of target `wiki` wants that `department` is one \
             of `Finance`",
            "wiki: lose wiki/editors | r-eng by engineer | the scope of target `wiki` wants that \
             `department` is one of `Finance`",
        ],
    );
}

#[test]
fn an_account_for_the_entitled_only_says_so() {
    let to = changed(|policy| {
        let wiki = policy.targets.get_mut("wiki").expect("a target");
        wiki.account_for = AccountFor::Entitled;
        policy.rules.retain(|rule| rule.id.as_str() != "r-eng");
    });
    let settled = Settled::new(&policy(), engineer(), NOW);
    let lines: Vec<String> = settled.deltas(&policy(), &to).iter().map(line).collect();
    assert!(
        lines.contains(
            &"wiki: Active -> Blocked | no entitlement on target `wiki` justifies an account"
                .to_owned()
        ),
        "{lines:?}"
    );
}

#[test]
fn a_mapping_shows_both_values() {
    let to = changed(|policy| {
        let wiki = policy.targets.get_mut("wiki").expect("a target");
        let title = wiki.mappings.iter_mut().find(|m| &*m.path == "title");
        title.expect("a mapping").expr = Expr::Template(template(Attr::Department));
    });
    check(&to, &["wiki: title Engineer -> Engineering"]);
}

#[test]
fn a_target_that_is_let_go_is_said_to_be_without_care() {
    for to in [
        changed(|policy| {
            policy.targets.remove("wiki");
        }),
        changed(|policy| {
            policy.targets.get_mut("wiki").expect("a target").mode = Mode::Observe;
        }),
    ] {
        check(&to, &["wiki: unmanaged"]);
    }
}

#[test]
fn what_the_policy_no_longer_names_cannot_be_taken_away() {
    let to = changed(|policy| {
        policy.rules.retain(|rule| rule.id.as_str() != "r-eng");
        policy.entitlements.remove("wiki/editors");
    });
    check(
        &to,
        &[
            "dir: reasons dir/staff | r-base by base, r-eng by base | r-base by base",
            "wiki: cannot take wiki/editors | r-eng by engineer | the policy has no entitlement \
             `wiki/editors`",
        ],
    );
}

#[test]
fn what_is_only_simulated_is_marked_and_what_begins_to_be_written_is_not() {
    let simulate = |policy: &mut Policy| {
        policy.targets.get_mut("wiki").expect("a target").mode = Mode::Simulate;
    };
    let from = changed(simulate);
    let settled = Settled::new(&from, engineer(), NOW);
    let to = changed(|policy| {
        simulate(policy);
        policy.rules.retain(|rule| rule.id.as_str() != "r-eng");
    });
    let deltas = settled.deltas(&from, &to);
    let wiki: Vec<String> = deltas
        .iter()
        .filter(|delta| delta.target.as_str() == "wiki")
        .map(line)
        .collect();
    assert_eq!(
        wiki,
        [
            "wiki: lose wiki/editors (simulated) | r-eng by engineer | the policy has no rule `r-eng`"
        ]
    );
    let lines: Vec<String> = settled.deltas(&from, &policy()).iter().map(line).collect();
    assert_eq!(
        lines,
        [
            "wiki: None -> Active | target `wiki` is in mode `simulate`",
            "wiki: gain wiki/editors | r-eng by engineer | r-eng by engineer",
        ]
    );
}

#[test]
fn a_pilot_is_written_for_those_who_take_part_and_simulated_for_the_others() {
    let mode = |policy: &mut Policy, mode| {
        policy.targets.get_mut("wiki").expect("a target").mode = mode;
    };
    let from = changed(|policy| mode(policy, Mode::Simulate));
    let pilot = |department: &str| {
        changed(|policy| {
            mode(policy, Mode::Pilot);
            let wiki = policy.targets.get_mut("wiki").expect("a target");
            wiki.pilot.when = vec![Condition {
                attr: Attr::Department,
                test: Test::In([department.into()].into()),
            }];
        })
    };
    let settled = Settled::new(&from, engineer(), NOW);
    let lines: Vec<String> = settled
        .deltas(&from, &pilot("Engineering"))
        .iter()
        .map(line)
        .collect();
    assert_eq!(
        lines,
        [
            "wiki: None -> Active | target `wiki` is in mode `simulate`",
            "wiki: gain wiki/editors | r-eng by engineer | r-eng by engineer",
        ]
    );
    assert_eq!(settled.deltas(&from, &pilot("Finance")), Vec::new());
}

#[test]
fn a_parked_record_keeps_what_it_has_and_says_why_nothing_comes() {
    let to = changed(|policy| policy.required.push(Attr::CostCenter));
    check(&to, &[]);
    let settled = Settled::new(&policy(), engineer(), NOW);
    let compiled = Compiled::new(to);
    let decided = settled.plan(&compiled);
    let side = Side {
        compiled: &compiled,
        plan: &decided,
    };
    let answer = why_not(
        &settled.person(),
        &side,
        &EntitlementId::from("dir/payables"),
    );
    let obstacles: Vec<String> = answer.obstacles.iter().map(ToString::to_string).collect();
    assert_eq!(
        obstacles,
        ["the record is parked: `cost_center` is missing"]
    );
}

#[test]
fn why_not_shows_every_condition_with_its_value() {
    let settled = Settled::new(&policy(), engineer(), NOW);
    let compiled = Compiled::new(policy());
    let decided = settled.plan(&compiled);
    let side = Side {
        compiled: &compiled,
        plan: &decided,
    };
    let answer = why_not(
        &settled.person(),
        &side,
        &EntitlementId::from("dir/approvers"),
    );
    assert!(answer.reasons.is_empty() && answer.obstacles.is_empty());
    let rules: Vec<&str> = answer
        .rules
        .iter()
        .map(|trial| trial.rule.as_str())
        .collect();
    assert_eq!(rules, ["r-approve", "r-boss"]);
    let condition = &answer.rules[0].conditions[0];
    assert_eq!(
        (condition.attr, &*condition.test, condition.holds),
        (Attr::Department, "is one of `Treasury`", false)
    );
    assert_eq!(
        condition.value.as_ref().map(|value| &**value.reveal()),
        Some("Engineering")
    );
    assert_eq!(answer.rules[1].conditions[0].value, None);

    let held = why_not(
        &settled.person(),
        &side,
        &EntitlementId::from("wiki/editors"),
    );
    assert_eq!(held.reasons.len(), 1);
    assert!(held.obstacles.is_empty());

    let unknown = why_not(&settled.person(), &side, &EntitlementId::from("no/such"));
    assert_eq!(
        unknown.obstacles,
        [Obstacle::NoEntitlement {
            entitlement: EntitlementId::from("no/such")
        }]
    );
    assert_eq!(describe(&Test::Absent), "is absent");
}

fn headings(tally: &Tally) -> Vec<(Weight, Vec<&str>, u64, usize)> {
    tally
        .groups
        .iter()
        .map(|(heading, group)| {
            let rules = heading.rules.iter().map(RuleId::as_str).collect();
            (heading.weight, rules, group.count, group.rows.len())
        })
        .collect()
}

#[test]
fn what_is_more_critical_on_either_side_comes_first() {
    let graded = |name: &str, criticality: Criticality| {
        let mut policy = policy();
        let entitlement = policy.entitlements.get_mut(name).unwrap();
        entitlement.holding.criticality = criticality;
        Compiled::new(policy)
    };
    let (is, was) = (Criticality::Critical, Criticality::Low);
    let mut weights = Vec::new();
    for (before, after) in [
        (graded("wiki/editors", was), graded("wiki/editors", was)),
        (graded("wiki/editors", was), graded("wiki/editors", is)),
        (graded("wiki/editors", is), graded("wiki/editors", was)),
        (
            graded("wiki/editors", was),
            graded("wiki/editors", Criticality::High),
        ),
    ] {
        let without = {
            let mut policy = (*after.policy).clone();
            policy.rules.retain(|rule| rule.id.as_str() != "r-eng");
            Compiled::new(policy)
        };
        let one = Settled::new(&before.policy, vec![hire("e1", "2026-01-10", &[])], NOW);
        let (a, b) = (one.plan(&before), one.plan(&without));
        let (a, b) = (
            Side {
                compiled: &before,
                plan: &a,
            },
            Side {
                compiled: &without,
                plan: &b,
            },
        );
        let deltas = compare(&one.person(), &a, &b);
        let editors = deltas.iter().find(|delta| {
            matches!(&delta.effect, Effect::Lose { entitlement, .. } if entitlement.as_str() == "wiki/editors")
        });
        weights.push(domain::preview::Heading::of(editors.unwrap()).weight);
    }
    assert_eq!(
        weights,
        [
            Weight::Low,
            Weight::Critical,
            Weight::Critical,
            Weight::High
        ]
    );
}

#[test]
fn a_tally_groups_by_weight_and_rule_and_asks_the_limits() {
    let from = policy();
    let to = changed(|policy| {
        policy
            .rules
            .retain(|rule| !["r-eng", "r-boss"].contains(&rule.id.as_str()));
        for target in policy.targets.values_mut() {
            target.limits.revoke = Limit::new(5, 5, 50);
            target.limits.members = Limit::new(1, 5, 50);
        }
    });
    let (was, want) = (Compiled::new(from.clone()), Compiled::new(to.clone()));
    let mut people: Vec<Settled> = (0..7)
        .map(|n| {
            let boss: &[(Attr, &str)] = if n == 0 {
                &[(Attr::ManagerStatus, "manager")]
            } else {
                &[]
            };
            let mut one = Settled::new(&from, vec![hire("e1", "2026-01-10", boss)], NOW);
            one.identity = IdentityId::from(format!("i{n}"));
            one
        })
        .collect();
    let tally = |people: &[Settled]| {
        let mut tally = Tally::new(2);
        for one in people {
            let (before, after) = (one.plan(&was), one.plan(&want));
            let (a, b) = (
                Side {
                    compiled: &was,
                    plan: &before,
                },
                Side {
                    compiled: &want,
                    plan: &after,
                },
            );
            let deltas = compare(&one.person(), &a, &b);
            tally.add(&one.person(), &Pii::new("Ana Silva".into()), &b, &deltas);
        }
        tally
    };
    let first = tally(&people);
    assert_eq!(
        headings(&first),
        [
            (Weight::Privileged, vec!["r-boss"], 1, 1),
            (Weight::Standard, vec!["r-eng"], 7, 2),
            (Weight::Attribute, vec!["r-base"], 7, 2),
        ]
    );
    assert_eq!((first.people, first.affected, first.losing), (7, 7, 7));
    assert_eq!(first.gaining, 0);
    let held = |meters: &BTreeMap<TargetId, Meter>| -> Vec<String> {
        let verdicts = first.verdicts(&to, meters, NOW.parse().unwrap());
        let text = |v: &domain::preview::Verdict| {
            let held = if v.held { ", held" } else { "" };
            format!(
                "{} {}: {}+{} of {}{held}",
                v.target, v.scope, v.before, v.count, v.allowed
            )
        };
        verdicts.iter().map(text).collect()
    };
    assert_eq!(
        held(&BTreeMap::new()),
        [
            "dir revoke: 0+1 of 5",
            "dir revoke:dir/approvers: 0+1 of 1",
            "wiki revoke: 0+7 of 5, held",
            "wiki revoke:wiki/editors: 0+7 of 1, held",
        ]
    );
    // What passed in the window counts: the one that was within the limit is so no more.
    let meter = one_passed(&to.targets["dir"].limits);
    let meters = BTreeMap::from([(TargetId::from("dir"), meter)]);
    assert_eq!(held(&meters)[1], "dir revoke:dir/approvers: 1+1 of 1, held");
    people.reverse();
    assert_eq!(tally(&people).digest(), first.digest(), "in any order");
    people.pop();
    assert_ne!(tally(&people).digest(), first.digest(), "not without one");
    assert_eq!(first.identities().len(), 7);
}

/// The meter of a target where one approver was let go of before.
fn one_passed(limits: &domain::policy::Limits) -> Meter {
    let mut meter = Meter::of(None);
    let line = Line {
        class: Class::Revoke,
        entitlement: Some(EntitlementId::from("dir/approvers")),
        want: None,
    };
    let other = IdentityId::from("other");
    let lines = BTreeSet::from([line]);
    let claim = Claim {
        identity: &other,
        lines: &lines,
        held: None,
    };
    assert_eq!(meter.ask(limits, at(NOW), &[claim])[0].held, []);
    meter
}

fn mutated() -> impl Strategy<Value = Policy> {
    (0_usize..6, 0_u8..8).prop_map(|(index, how)| {
        changed(|policy| {
            let index = index % policy.rules.len();
            let wiki = TargetId::from("wiki");
            match how {
                0 => {
                    policy.rules.remove(index);
                }
                1 => policy.rules[index].when.clear(),
                2 => policy.rules[index].state = RuleState::Record,
                3 => {
                    policy.rules[index].until = Some(at("2026-02-20T00:00:00Z"));
                }
                4 => policy.rules[index].when.push(Condition {
                    attr: Attr::Department,
                    test: Test::NotIn(["Engineering".into()].into()),
                }),
                5 => {
                    policy.targets.get_mut(&wiki).unwrap().account_for = AccountFor::Entitled;
                }
                6 => {
                    policy.targets.get_mut(&wiki).unwrap().mode = Mode::Observe;
                }
                _ => {
                    policy.sod.clear();
                }
            }
        })
    })
}

fn anybody() -> impl Strategy<Value = Vec<Fact>> {
    (0_usize..3, any::<bool>(), 0_usize..4).prop_map(|(department, boss, end)| {
        let mut more = vec![(
            Attr::Department,
            ["Engineering", "Finance", "Treasury"][department],
        )];
        if boss {
            more.push((Attr::ManagerStatus, "manager"));
        }
        match end {
            0 => more.push((Attr::EndDate, "2026-02-01")),
            1 => more.push((Attr::WorkerStatus, "leave")),
            _ => {}
        }
        vec![hire("e1", "2026-01-10", &more)]
    })
}

proptest! {
    /// What is shown is what living under the new policy does, seen from the accounts alone.
    #[test]
    fn what_is_shown_is_what_happens(to in mutated(), facts in anybody()) {
        let mut settled = Settled::new(&policy(), facts, NOW);
        let deltas = settled.deltas(&policy(), &to);
        let before = settled.accounts.clone();
        settled.live(&to);
        let mut shown: BTreeSet<(TargetId, EntitlementId, bool)> = BTreeSet::new();
        let mut stands: BTreeMap<TargetId, bool> = BTreeMap::new();
        for delta in deltas {
            match delta.effect {
                Effect::Gain { entitlement, .. } => { shown.insert((delta.target, entitlement, true)); }
                Effect::Lose { entitlement, .. } => { shown.insert((delta.target, entitlement, false)); }
                Effect::Account { want, .. } => { stands.insert(delta.target, want == Standing::Active); }
                Effect::Reasons { .. } | Effect::Attribute { .. } | Effect::Unmanaged { .. } => {}
            }
        }
        let mut real = BTreeSet::new();
        let mut moved = BTreeMap::new();
        for (name, account) in &settled.accounts {
            let was = before.get(name).cloned().unwrap_or_default();
            for gained in account.grants.difference(&was.grants) {
                real.insert((name.clone(), gained.clone(), true));
            }
            for lost in was.grants.difference(&account.grants) {
                real.insert((name.clone(), lost.clone(), false));
            }
            if (was.id.is_some(), was.active) != (account.id.is_some(), account.active) {
                moved.insert(name.clone(), account.active);
            }
        }
        prop_assert_eq!(shown, real);
        prop_assert_eq!(stands, moved);
    }

    /// A policy that is taken back leaves no trace in what is wanted.
    #[test]
    fn there_and_back_is_where_it_was(to in mutated(), facts in anybody()) {
        let from = policy();
        let mut settled = Settled::new(&from, facts, NOW);
        let wanted = settled.recorded.clone().unwrap().projections;
        let accounts = settled.accounts.clone();
        settled.live(&to);
        settled.live(&from);
        prop_assert_eq!(settled.recorded.clone().unwrap().projections, wanted);
        prop_assert_eq!(settled.deltas(&from, &from), Vec::new());
        for (name, account) in &settled.accounts {
            prop_assert_eq!(&account.grants, &accounts[name].grants);
            prop_assert_eq!(account.active, accounts[name].active);
        }
    }

    /// The explanation and the planner agree: something is given exactly if a rule gives it and
    /// nothing else stands in the way.
    #[test]
    fn why_not_agrees_with_the_plan(to in mutated(), facts in anybody()) {
        let settled = Settled::new(&policy(), facts, NOW);
        let compiled = Compiled::new(to);
        let decided = settled.plan(&compiled);
        let side = Side { compiled: &compiled, plan: &decided };
        for entitlement in compiled.policy.entitlements.keys() {
            let answer = why_not(&settled.person(), &side, entitlement);
            let by_rule = answer.rules.iter().any(|trial| trial.gives);
            let stops = answer.obstacles.iter().any(|obstacle| !matches!(
                obstacle,
                Obstacle::Mode { .. }
            ));
            prop_assert_eq!(!answer.reasons.is_empty(), by_rule && !stops, "{:?}", answer);
        }
    }
}
