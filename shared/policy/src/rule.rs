//! `[[rules]]`: who gets which roles.

mod dead;

use std::collections::BTreeSet;

use domain::policy::{Entitlement, Role, Rule, RuleState};
use domain::{EntitlementId, RoleId, RuleId};

use crate::condition;
use crate::expression;
use crate::fields::{Fields, Node};
use crate::names;
use crate::report::{At, Report};
use crate::role;
use crate::sections::{Named, Sections, insert};
use crate::sod::Separation;
use crate::vocabulary::Vocabulary;

const STATES: &[(&str, RuleState)] = &[
    ("draft", RuleState::Draft),
    ("record", RuleState::Record),
    ("enforce", RuleState::Enforce),
];

pub(crate) use dead::{report_never, report_subsumed};

/// Ten years.
const LONGEST_DAYS: u32 = 10 * 366;

/// Reads every rule, in order of the ids.
pub(crate) fn read(
    sections: &Sections<'_>,
    roles: &Named<Role>,
    sod: &Separation,
    vocabulary: &Vocabulary,
) -> Named<Rule> {
    sections.must_have("rules", "[[rules]]");
    let mut table = Named::new();
    for entry in sections.nodes("rules").iter().flat_map(Node::list) {
        let Some(fields) = entry.called("the rule".to_owned()).fields() else {
            continue;
        };
        let Some(id) = fields
            .need("id", "\"engineering\"")
            .and_then(|node| node.text())
        else {
            // Without an id it cannot be kept; its other mistakes are still found.
            rule("", &fields, roles, sod, vocabulary);
            fields.finish();
            continue;
        };
        names::check(fields.report, id, "a rule", false);
        let fields = fields.called(format!("rule `{}`", id.value));
        let rule = rule(id.value, &fields, roles, sod, vocabulary);
        fields.finish();
        insert(sections.report, &mut table, "rule", id, rule);
    }
    table
}

fn rule(
    id: &str,
    fields: &Fields<'_>,
    roles: &Named<Role>,
    sod: &Separation,
    vocabulary: &Vocabulary,
) -> Rule {
    let when = fields
        .need("when", "{ department = \"Engineering\" }")
        .map_or_else(Vec::new, |node| condition::read(&node, vocabulary));
    let state = fields.get("state");
    let acts = state
        .as_ref()
        .and_then(|node| node.choice(STATES))
        .unwrap_or(RuleState::Enforce);
    if let (RuleState::Draft, Some(node)) = (acts, &state) {
        fields.report.warn(
            node.at,
            "draft",
            format!("{} is a draft and does nothing", fields.name),
            "set `state = \"record\"` to see what it would give, or `\"enforce\"`",
        );
    }
    Rule {
        id: RuleId::from(id),
        when,
        filter: fields
            .get("where")
            .and_then(|node| expression::test(&node, vocabulary)),
        roles: given(fields, roles, sod),
        state: acts,
        percent: percent(fields, "percent"),
        for_days: fields
            .get("for_days")
            .and_then(|node| node.count(1..=LONGEST_DAYS)),
        until: fields.get("until").and_then(|node| node.instant()),
    }
}

/// The roles that a rule gives.
fn given(fields: &Fields<'_>, roles: &Named<Role>, sod: &Separation) -> Vec<RoleId> {
    let Some(node) = fields.need("roles", "[\"base\"]") else {
        return Vec::new();
    };
    let given: Vec<At<RoleId>> = node
        .one_or_more()
        .into_iter()
        .filter_map(|name| {
            let value = role::resolve(fields.report, name, roles)?;
            Some(At { value, at: name.at })
        })
        .collect();
    let bundles: Vec<&Role> = given
        .iter()
        .filter_map(|id| roles.get(id.value.as_str()))
        .map(|role| &role.value)
        .collect();
    // One role that holds both sides is reported where the role is.
    if bundles.len() > 1 {
        let alone: Vec<BTreeSet<EntitlementId>> = bundles
            .iter()
            .map(|role| role.entitlements.keys().cloned().collect())
            .collect();
        let held = alone.iter().flatten().cloned().collect();
        sod.check(fields.report, &held, &alone, node.at, &fields.name);
    }
    given.into_iter().map(|id| id.value).collect()
}

/// Reports administrative rights that everybody would get.
pub(crate) fn report_privileged(
    report: &Report,
    table: &Named<Rule>,
    roles: &Named<Role>,
    entitlements: &Named<Entitlement>,
) {
    let for_all = |rule: &&At<Rule>| rule.value.when.is_empty() && rule.value.filter.is_none();
    for rule in table.values().filter(for_all) {
        let given = rule
            .value
            .roles
            .iter()
            .filter_map(|id| roles.get(id.as_str()));
        let privileged: BTreeSet<&EntitlementId> = given
            .flat_map(|role| role.value.entitlements.keys())
            .filter(|id| {
                let known = entitlements.get(id.as_str());
                known.is_some_and(|entitlement| entitlement.value.privileged)
            })
            .collect();
        for id in privileged {
            report.error(
                rule.at,
                "privileged-for-everyone",
                format!(
                    "rule `{}` gives privileged entitlement `{id}` to everyone",
                    rule.value.id
                ),
                "state in `when` who needs it",
            );
        }
    }
}

/// A percentage of people; all of them where left out.
pub(crate) fn percent(fields: &Fields<'_>, key: &'static str) -> Option<u8> {
    let percent = fields.get(key)?.count(0..=100)?;
    u8::try_from(percent).ok()
}
