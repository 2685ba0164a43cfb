//! `[roles.<name>]`: named bundles of entitlements, nested.

mod sprawl;

use std::collections::{BTreeMap, BTreeSet};

use domain::policy::{Entitlement, Policy, Role, Rule, RuleState};
use domain::preview::growth;
use domain::{EntitlementId, RoleId};

use crate::entitlement;
use crate::holding::LONGEST_OVERLAP;
use crate::names;
use crate::report::{At, Report, Span};
use crate::sections::{Named, Sections};

/// A role as written.
struct Written {
    includes: Vec<RoleId>,
    own: Vec<At<EntitlementId>>,
    description: Box<str>,
    overlap_days: Option<u16>,
    /// Whether it is for everyday work, and so never holds administrative rights.
    standard: bool,
}

/// Reads every role and resolves what it includes.
pub(crate) fn read(sections: &Sections<'_>, entitlements: &Named<Entitlement>) -> Named<Role> {
    let report = sections.report;
    let mut named_includes: Vec<(RoleId, At<Box<str>>)> = Vec::new();
    let mut written = sections.named("roles", "role", |fields| {
        let includes = fields.texts("includes");
        let own: Vec<At<EntitlementId>> = fields
            .texts("entitlements")
            .into_iter()
            .filter_map(|name| {
                let value = entitlement::resolve(report, name, entitlements)?;
                Some(At { value, at: name.at })
            })
            .collect();
        if fields.lists_nothing("includes") && fields.lists_nothing("entitlements") {
            report.error(
                fields.at,
                "empty-role",
                format!("{} gives nothing", fields.name),
                "list `entitlements` or `includes`, or remove the role",
            );
        }
        for name in &includes {
            named_includes.push((
                RoleId::from(name.value),
                At {
                    value: fields.name.as_str().into(),
                    at: name.at,
                },
            ));
        }
        Written {
            includes: includes
                .iter()
                .map(|name| RoleId::from(name.value))
                .collect(),
            own,
            description: fields
                .get("description")
                .and_then(|node| node.text())
                .map_or("", |text| text.value)
                .into(),
            overlap_days: fields
                .get("overlap_days")
                .and_then(|node| node.count(1..=LONGEST_OVERLAP))
                .and_then(|days| u16::try_from(days).ok()),
            standard: fields.flag("standard"),
        }
    });
    for (included, by) in &named_includes {
        names::resolve(
            report,
            At {
                value: included.as_str(),
                at: by.at,
            },
            "role",
            written.keys().map(AsRef::as_ref),
            &format!("define it under `[roles.{included}]`"),
        );
    }
    report_cycles(report, &written);
    for role in written.values_mut() {
        role.value.includes.sort();
    }
    let flat: BTreeMap<Box<str>, BTreeMap<EntitlementId, RoleId>> = written
        .keys()
        .map(|name| (name.clone(), flatten(name, &written)))
        .collect();
    report_privileged(report, &written, &flat, entitlements);
    sprawl::report_explosion(report, &written, entitlements);
    sprawl::report_bloat(report, &written, &flat, entitlements);
    written
        .into_iter()
        .map(|(name, At { value, at })| {
            let role = Role {
                includes: value.includes.into_iter().collect(),
                entitlements: flat.get(&name).cloned().unwrap_or_default(),
                overlap_days: value.overlap_days,
                description: value.description,
            };
            (name, At { value: role, at })
        })
        .collect()
}

/// Every entitlement of a role and of the roles it includes; the nearest role that lists it wins.
fn flatten(name: &str, written: &Named<Written>) -> BTreeMap<EntitlementId, RoleId> {
    let mut entitlements = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut level = vec![RoleId::from(name)];
    while !level.is_empty() {
        let mut next = Vec::new();
        for id in level {
            let Some(role) = written.get(id.as_str()) else {
                continue;
            };
            if !seen.insert(id.clone()) {
                continue;
            }
            for own in &role.value.own {
                entitlements
                    .entry(own.value.clone())
                    .or_insert_with(|| id.clone());
            }
            next.extend(role.value.includes.iter().cloned());
        }
        level = next;
    }
    entitlements
}

/// Reports each cycle once, at the first of its roles by name.
fn report_cycles(report: &Report, written: &Named<Written>) {
    for (name, role) in written {
        let Some(path) = path_back(name, written) else {
            continue;
        };
        if path.iter().any(|step| step.as_str() < name.as_ref()) {
            continue;
        }
        let steps: Vec<String> = std::iter::once(name.to_string())
            .chain(path.iter().map(ToString::to_string))
            .chain(std::iter::once(name.to_string()))
            .collect();
        report.error(
            role.at,
            "role-cycle",
            format!("role `{name}` includes itself"),
            format!("remove one of the steps {}", steps.join(" -> ")),
        );
    }
}

/// The roles on the shortest way from a role back to itself, without the role.
fn path_back(name: &str, written: &Named<Written>) -> Option<Vec<RoleId>> {
    let mut seen: BTreeSet<RoleId> = BTreeSet::new();
    let mut paths: Vec<Vec<RoleId>> = vec![Vec::new()];
    while !paths.is_empty() {
        let mut longer = Vec::new();
        for path in paths {
            let last = path.last().map_or(name, RoleId::as_str);
            let Some(role) = written.get(last) else {
                continue;
            };
            for included in &role.value.includes {
                if included.as_str() == name {
                    return Some(path);
                }
                if seen.insert(included.clone()) {
                    let mut path = path.clone();
                    path.push(included.clone());
                    longer.push(path);
                }
            }
        }
        paths = longer;
    }
    None
}

/// Reports administrative rights inside roles for everyday work.
fn report_privileged(
    report: &Report,
    written: &Named<Written>,
    flat: &BTreeMap<Box<str>, BTreeMap<EntitlementId, RoleId>>,
    entitlements: &Named<Entitlement>,
) {
    for (name, role) in written.iter().filter(|(_, role)| role.value.standard) {
        let privileged = flat.get(name).into_iter().flatten().filter(|(id, _)| {
            entitlements.get(id.as_str()).is_some_and(|e| {
                let within = &e.value.holding.within;
                let brings = |id: &EntitlementId| {
                    entitlements
                        .get(id.as_str())
                        .is_some_and(|e| e.value.privileged)
                };
                e.value.privileged || within.iter().any(brings)
            })
        });
        for (id, from) in privileged {
            let own = role.value.own.iter().find(|own| own.value == *id);
            let via = if from.as_str() == name.as_ref() {
                String::new()
            } else {
                format!(" through role `{from}`")
            };
            report.error(
                own.map_or(role.at, |own| own.at),
                "privileged-in-standard",
                format!("standard role `{name}` gives privileged entitlement `{id}`{via}"),
                "move it to a role of its own without `standard = true`, so that everyday work \
                 never carries administrative rights",
            );
        }
    }
}

/// Warns of roles that everybody gets, or everybody of a kind, and that give more than the same
/// people were given by default before.
pub(crate) fn report_growth(
    report: &Report,
    policy: &Policy,
    before: &Policy,
    places: &BTreeMap<Box<str>, Span>,
) {
    for grown in growth(before, policy) {
        let Some(at) = places.get(grown.role.as_str()) else {
            continue;
        };
        let new: Vec<String> = grown
            .entitlements
            .iter()
            .map(|one| format!("`{one}`"))
            .collect();
        report.warn(
            *at,
            "default-role-grows",
            format!(
                "role `{}`, which {} gets by rule `{}`, gives {} now",
                grown.role,
                grown.whom(),
                grown.rule,
                new.join(", ")
            ),
            "give it by a rule for those who need it; `lanyard diff` says for how many people it is \
             new",
        );
    }
}

/// Reports a name that is no role.
pub(crate) fn resolve(report: &Report, name: At<&str>, roles: &Named<Role>) -> Option<RoleId> {
    names::resolve(
        report,
        name,
        "role",
        roles.keys().map(AsRef::as_ref),
        &format!("define it under `[roles.{}]`", name.value),
    )
    .then(|| RoleId::from(name.value))
}

/// Warns of roles that nobody gets, those among them that only drafts give.
pub(crate) fn check_uses(report: &Report, roles: &Named<Role>, table: &Named<Rule>) {
    let mut reached: BTreeSet<RoleId> = BTreeSet::new();
    let mut open: Vec<RoleId> = table
        .values()
        .filter(|rule| rule.value.state != RuleState::Draft)
        .flat_map(|rule| rule.value.roles.iter().cloned())
        .collect();
    while let Some(id) = open.pop() {
        if let Some(role) = roles.get(id.as_str())
            && reached.insert(id)
        {
            open.extend(role.value.includes.iter().cloned());
        }
    }
    for (name, role) in roles {
        if !reached.contains(&RoleId::from(name.as_ref())) {
            report.warn(
                role.at,
                "unused",
                format!("nobody gets role `{name}`"),
                "name it in a rule or include it in a role that is, or remove it",
            );
        }
    }
}
