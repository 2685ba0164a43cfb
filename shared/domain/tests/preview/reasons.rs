//! What becomes different, and why.

use domain::plan::Compiled;
use domain::policy::{AccountFor, Condition, Expr, Mode, RuleState, Test};
use domain::preview::{Obstacle, Side, describe, why_not};
use domain::{Attr, EntitlementId, Policy};

use crate::support::{at, hire, policy, template};
use crate::{NOW, Settled, changed, check, engineer, line, rule};

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
