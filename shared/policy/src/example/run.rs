//! Examples go through the planner that the functions use, as the only fact of one person whom
//! nobody knew.

use std::collections::{BTreeMap, BTreeSet};

use domain::fact::zone as zone_of;
use domain::plan::{self, Compiled, Input};
use domain::policy::Policy;
use domain::project::Cause;
use domain::{
    Attr, Attrs, Desired, EntitlementId, Fact, FactBody, Finding, Hash, IdentityId, Pii, Plan,
    Problem, RecordKey, RoleId, RuleId, Slot, SourceId, identifier,
};
use jiff::Timestamp;
use jiff::civil::{Date, date};

use super::coverage::{self, Coverage};
use super::{Example, Expected, Want, When};
use crate::report::{At, Report};
use crate::sections::Sections;

/// The first day of somebody whose example states none.
const FIRST_DAY: Date = date(2026, 1, 1);

/// Runs every example and reports what is not as expected, and what no example touches.
pub(crate) fn run(sections: &Sections<'_>, policy: &Policy, examples: &[Example]) {
    let compiled = Compiled::new(policy.clone());
    let mut coverage = Coverage::default();
    for example in examples {
        let seen = Seen::of(&compiled, example);
        coverage.rules.extend(seen.rules.iter().cloned());
        for (name, target) in &seen.plan.targets {
            let side = if target.projection.desired == Desired::None {
                &mut coverage.outside
            } else {
                &mut coverage.inside
            };
            side.insert(name.clone());
        }
        judge(sections.report, example, &seen);
        for expected in &example.expected {
            if let Expected::Attribute(target, path, _) = &expected.value {
                coverage.mappings.insert((target.clone(), path.clone()));
            }
        }
    }
    coverage::report(sections, policy, &coverage);
}

/// What policy makes of an example.
struct Seen {
    plan: Plan,
    problems: Vec<Problem>,
    rules: BTreeSet<RuleId>,
    roles: BTreeSet<RoleId>,
    entitlements: BTreeSet<EntitlementId>,
}

impl Seen {
    fn of(compiled: &Compiled, example: &Example) -> Self {
        let policy = &*compiled.policy;
        let identity = IdentityId::from("example");
        let record = RecordKey::from("example");
        let fact = fact(policy, &record, example);
        let records = [(record, vec![fact])];
        let at = looks_at(policy, &records, example);
        let folding = plan::identity_at(policy, &records, at);
        let empty = Attrs::new();
        let attrs = folding.view.speaker().map_or(&empty, |one| &one.attrs);
        let identifiers = identifiers(policy, attrs, &identity);
        let plan = plan::plan_folded(
            compiled,
            &Input {
                identity: &identity,
                records: &records,
                recorded: None,
                accounts: &BTreeMap::new(),
                identifiers: &identifiers,
                at,
            },
            folding,
        );
        Self::read(policy, plan)
    }

    fn read(policy: &Policy, plan: Plan) -> Self {
        let grants = || plan.targets.values().flat_map(|one| &one.projection.grants);
        let reasons = grants().flat_map(|(_, reasons)| reasons);
        let acting: BTreeSet<&RuleId> = reasons
            .filter_map(|reason| match &reason.cause {
                Cause::Rule { rule, .. } => Some(rule),
                Cause::Overlap { .. } | Cause::Adopted => None,
            })
            .collect();
        let mut open: Vec<RoleId> = policy
            .rules
            .iter()
            .filter(|rule| acting.contains(&rule.id))
            .flat_map(|rule| rule.roles.iter().cloned())
            .collect();
        let mut held = BTreeSet::new();
        while let Some(id) = open.pop() {
            if let Some(role) = policy.roles.get(&id)
                && held.insert(id)
            {
                open.extend(role.includes.iter().cloned());
            }
        }
        let mut rules: BTreeSet<RuleId> = acting.into_iter().cloned().collect();
        let mut problems = Vec::new();
        for finding in &plan.findings {
            match finding {
                Finding::WouldGrant { rule, .. } => {
                    rules.insert(rule.clone());
                }
                Finding::Parked { problem, .. } => problems.push(problem.clone()),
                Finding::SodConflict { .. }
                | Finding::SodHeld { .. }
                | Finding::SodExcepted { .. }
                | Finding::Lapsed { .. }
                | Finding::MissingManager { .. }
                | Finding::Ambiguous { .. }
                | Finding::Foreign { .. }
                | Finding::CannotApply { .. }
                | Finding::Withheld { .. } => {}
            }
        }
        let entitlements = grants().map(|(id, _)| id.clone()).collect();
        Self {
            plan,
            problems,
            rules,
            roles: held,
            entitlements,
        }
    }
}

/// What HR states of the example.
fn fact(policy: &Policy, record: &RecordKey, example: &Example) -> Fact {
    let attrs = &example.attrs;
    let source = policy.sources.iter().next();
    Fact {
        source: source.map_or_else(|| SourceId::from("example"), |(name, _)| name.clone()),
        record: record.clone(),
        worker: "example".into(),
        event: "example".into(),
        version: None,
        effective: domain::Effective::Date(first_day(attrs)),
        zone: source.map_or("UTC", |(_, source)| &source.zone).into(),
        recorded_at: Timestamp::UNIX_EPOCH,
        received_at: Timestamp::UNIX_EPOCH,
        payload: Hash::default(),
        manager: attrs.text(Attr::ManagerId).map(RecordKey::from),
        body: FactBody::Assert {
            attrs: Pii::new(attrs.clone()),
            corrects: None,
        },
    }
}

fn first_day(attrs: &Attrs) -> Date {
    let stated = attrs.text(Attr::StartDate);
    stated
        .and_then(|text| text.parse().ok())
        .unwrap_or(FIRST_DAY)
}

/// When an example looks: at noon where the person works, by default of the first day.
fn looks_at(policy: &Policy, records: &[(RecordKey, Vec<Fact>)], example: &Example) -> Timestamp {
    let day = match example.at {
        Some(When::Instant(at)) => return at,
        Some(When::Day(day)) => day,
        None => first_day(&example.attrs),
    };
    let folding = plan::identity_at(policy, records, Timestamp::UNIX_EPOCH);
    let zone = folding.view.speaker().map_or("UTC", |one| &one.zone);
    day.at(12, 0, 0, 0)
        .to_zoned(zone_of(zone))
        .map_or(Timestamp::UNIX_EPOCH, |noon| noon.timestamp())
}

/// The names that a first person of that name would get.
fn identifiers(
    policy: &Policy,
    attrs: &Attrs,
    identity: &IdentityId,
) -> BTreeMap<Box<str>, Pii<Box<str>>> {
    let first = |rule| identifier::candidates(rule, attrs, identity).next();
    policy
        .identifiers
        .iter()
        .filter_map(|(namespace, rule)| {
            let stated = rule
                .stated
                .and_then(|attr| attrs.text(attr))
                .filter(|text| !text.is_empty());
            let name = stated.map(str::to_owned).or_else(|| first(rule))?;
            Some((namespace.clone(), Pii::new(name.into())))
        })
        .collect()
}

/// Reports what is not as expected.
fn judge(report: &Report, example: &Example, seen: &Seen) {
    let name = &example.name.value;
    let parked: Vec<Attr> = seen.problems.iter().filter_map(attr_of).collect();
    let expects = |attr: Attr| {
        let mut all = example.expected.iter();
        all.any(|one| matches!(one.value, Expected::Parked(parked) if parked == attr))
    };
    let surprises: Vec<String> = seen
        .problems
        .iter()
        .filter(|problem| attr_of(problem).is_none_or(|attr| !expects(attr)))
        .map(words)
        .collect();
    if !surprises.is_empty() {
        // Who is parked has nothing; that everything else is missing would only hide it.
        report.error(
            example.name.at,
            "example-failed",
            format!("example `{name}` is parked: {}", surprises.join("; ")),
            "give it the missing attributes (in `[given]` for all examples), or expect it with \
             `parked = [...]`",
        );
        return;
    }
    for At { value, at } in &example.expected {
        let Some((is, wanted)) = differs(value, seen, &parked) else {
            continue;
        };
        report.error(
            *at,
            "example-failed",
            format!("example `{name}` {is}"),
            format!("expected {wanted}: correct the policy, or the example if it is out of date"),
        );
    }
}

/// What is, and what was wanted, where the two differ.
fn differs(expected: &Expected, seen: &Seen, parked: &[Attr]) -> Option<(String, String)> {
    match expected {
        Expected::Role(id, held) => (seen.roles.contains(id) != *held).then(|| {
            (
                format!("has {}", list("roles", &seen.roles)),
                not(*held, &format!("role `{id}`")),
            )
        }),
        Expected::Rule(id, holds) => (seen.rules.contains(id) != *holds).then(|| {
            (
                format!("gets what it gets by {}", list("rules", &seen.rules)),
                not(*holds, &format!("rule `{id}`")),
            )
        }),
        Expected::Entitlements(ids) => (seen.entitlements != *ids).then(|| {
            let (more, less) = (&seen.entitlements - ids, ids - &seen.entitlements);
            let more = (!more.is_empty()).then(|| format!("has {} too", quoted(&more)));
            let less = (!less.is_empty()).then(|| format!("lacks {}", quoted(&less)));
            let is: Vec<String> = more.into_iter().chain(less).collect();
            (is.join(" and "), list("entitlements", ids))
        }),
        Expected::Parked(attr) => (!parked.contains(attr)).then(|| {
            (
                format!("is not parked for `{attr}`"),
                format!("a problem with `{attr}`"),
            )
        }),
        Expected::Attribute(target, path, want) => {
            let plan = seen.plan.targets.get(target)?;
            let wanted = match want {
                Want::Text(text) => format!("`{text}`"),
                Want::Absent => "nothing".to_owned(),
                Want::Cleared => "that it is cleared".to_owned(),
            };
            if plan.projection.desired == Desired::None {
                let is = format!("has no account at `{target}`");
                return Some((is, format!("one whose `{path}` is {wanted}")));
            }
            let found = plan.projection.attrs.get(&**path);
            let slot = found.map(|mapped| mapped.value.reveal());
            let same = match (want, slot) {
                (Want::Text(want), Some(Slot::Text(is))) => **want == **is,
                (Want::Absent, None) | (Want::Cleared, Some(Slot::Null)) => true,
                (Want::Text(_), None | Some(Slot::Null))
                | (Want::Absent, Some(_))
                | (Want::Cleared, None | Some(Slot::Text(_))) => false,
            };
            let is = match slot {
                Some(Slot::Text(is)) => format!("has `{path}` = `{is}` at `{target}`"),
                Some(Slot::Null) => format!("has `{path}` cleared at `{target}`"),
                None => format!("writes no `{path}` at `{target}`"),
            };
            (!same).then_some((is, wanted))
        }
    }
}

fn not(held: bool, what: &str) -> String {
    format!("{}{what}", if held { "" } else { "not " })
}

fn quoted<T: std::fmt::Display>(ids: &BTreeSet<T>) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
    ids.join(", ")
}

fn list<T: std::fmt::Display>(kind: &str, ids: &BTreeSet<T>) -> String {
    if ids.is_empty() {
        format!("no {kind}")
    } else {
        format!("{kind} {}", quoted(ids))
    }
}

fn attr_of(problem: &Problem) -> Option<Attr> {
    match problem {
        Problem::Missing { attr }
        | Problem::Unknown { attr }
        | Problem::Malformed { attr }
        | Problem::Invalid { attr, .. } => Some(*attr),
        Problem::NoEndDate | Problem::EndBeforeStart => Some(Attr::EndDate),
        Problem::Disputed { .. } | Problem::NoIdentifier => None,
    }
}

fn words(problem: &Problem) -> String {
    match problem {
        Problem::Missing { attr } => format!("`{attr}` is required"),
        Problem::Unknown { attr } => format!("`{attr}` has a value that the standards do not know"),
        Problem::Malformed { attr } => format!("`{attr}` cannot be read"),
        Problem::Invalid { attr, rule } => format!("`{attr}` fails `{}`", rule.name()),
        Problem::NoEndDate => "a contractor without `end_date`".to_owned(),
        Problem::EndBeforeStart => "`end_date` lies before `start_date`".to_owned(),
        Problem::Disputed { why, .. } => format!("whose it is is disputed ({why})"),
        Problem::NoIdentifier => "no user name can be made from the names".to_owned(),
    }
}
