//! `[targets.<name>]`: connected systems.

use std::collections::{BTreeMap, BTreeSet};

use domain::Profile;
use domain::policy::{
    AccountFor, Adopt, Cohort, IdentifierRule, Limit, Limits, LostGrant, Mode, Target,
};
use domain::profile::Operation;
use domain::standardise::spelling;
use url::Url;

use crate::expr::Scope;
use crate::fields::Fields;
use crate::kind::{self, Kind};
use crate::profile::{self, budget};
use crate::report::At;
use crate::sections::{Named, Sections};
use crate::vocabulary::Vocabulary;
use crate::{address, auth, condition, expression, mapping, rule};

/// Reads every target.
pub(crate) fn read(
    sections: &Sections<'_>,
    identifiers: &Named<IdentifierRule>,
    vocabulary: &Vocabulary,
    profiles: &Named<Profile>,
) -> Named<Target> {
    sections.must_have("targets", "[targets.directory]");
    let scope = Scope {
        identifiers,
        vocabulary,
    };
    sections.named("targets", "target", |fields| {
        target(fields, scope, profiles)
    })
}

fn target(fields: &Fields<'_>, scope: Scope<'_>, profiles: &Named<Profile>) -> Target {
    let mode = fields.need("mode", "\"observe\"").and_then(|node| {
        node.choice(&[
            ("observe", Mode::Observe),
            ("simulate", Mode::Simulate),
            ("pilot", Mode::Pilot),
            ("enforce", Mode::Enforce),
        ])
    });
    let kind = kind::read(fields);
    let settings = kind::settings(fields, kind);
    let base_url = base_url(fields, kind);
    let auth = auth::read(fields, kind, base_url.as_ref());
    let profile = dialect(fields, kind, profiles);
    let mappings = mapping::read(fields, scope, &settings, &profile);
    let delete_after_days = days(fields, "delete_after_days", 1..=3660);
    let target = Target {
        mode: mode.unwrap_or(Mode::Observe),
        pilot: pilot(fields, mode, scope.vocabulary),
        kind: settings,
        base_url: base_url.as_ref().map(address::text).unwrap_or_default(),
        auth,
        profile,
        upsert_only: fields.flag("upsert_only"),
        scope: fields
            .get("scope")
            .map_or_else(Vec::new, |node| condition::read(&node, scope.vocabulary)),
        scope_filter: fields
            .get("scope_where")
            .and_then(|node| expression::test(&node, scope.vocabulary)),
        mappings,
        prehire_days: days(fields, "prehire_days", 0..=365).unwrap_or(0),
        account_for: choice(
            fields,
            "account_for",
            &[
                ("scope", AccountFor::Scope),
                ("entitled", AccountFor::Entitled),
            ],
            AccountFor::Scope,
        ),
        delete_after_days,
        adopt: choice(
            fields,
            "adopt",
            &[("never", Adopt::Never), ("user_name", Adopt::UserName)],
            Adopt::Never,
        ),
        lost: choice(
            fields,
            "lost",
            &[
                ("regrant", LostGrant::Regrant),
                ("report", LostGrant::Report),
            ],
            LostGrant::Regrant,
        ),
        protected: user_names(&fields.texts("protected")),
        service_accounts: service_accounts(fields),
        dormant_days: days(fields, "dormant_days", 1..=3660),
        limits: limits(fields),
    };
    check(fields, kind, &target);
    target
}

/// Who takes part in a pilot.
fn pilot(fields: &Fields<'_>, mode: Option<Mode>, vocabulary: &Vocabulary) -> Cohort {
    let cohort = fields.get("cohort");
    let percent = fields.get("percent");
    if mode.is_some_and(|mode| mode != Mode::Pilot) {
        for node in [&cohort, &percent].into_iter().flatten() {
            fields.report.error(
                node.at,
                "not-here",
                format!("{} has no meaning where `mode` is not `pilot`", node.name),
                "write `mode = \"pilot\"`, or remove it",
            );
        }
    } else if mode.is_some() && cohort.is_none() && percent.is_none() {
        fields.report.error(
            fields.at,
            "missing-key",
            format!("{} is a pilot of nobody in particular", fields.name),
            "add for example `cohort = { department = \"IT\" }` or `percent = 10`",
        );
    }
    Cohort {
        when: cohort.map_or_else(Vec::new, |node| condition::read(&node, vocabulary)),
        percent: rule::percent(fields, "percent"),
    }
}

/// The address of Microsoft Graph.
fn graph() -> Option<Url> {
    Url::parse(kind::GRAPH).ok()
}

fn base_url(fields: &Fields<'_>, kind: Kind) -> Option<Url> {
    let (node, example) = match kind {
        Kind::Scim => {
            let example = "https://example.com/scim/v2";
            (fields.need("base_url", &format!("\"{example}\"")), example)
        }
        Kind::Manual => return None,
        Kind::Graph | Kind::EntraBulk => match fields.get("base_url") {
            None => return graph(),
            node => (node, kind::GRAPH),
        },
    };
    address::read(&node?, example)
}

/// The dialect of a target, and what it stands.
fn dialect(fields: &Fields<'_>, kind: Kind, profiles: &Named<Profile>) -> Profile {
    let named = kind::only(fields, "profile", kind, Kind::Scim)
        .and_then(|node| profile::resolve(&node, profiles));
    let mut dialect = match kind {
        Kind::Scim => named.unwrap_or_default(),
        Kind::Graph => profile::graph(),
        Kind::EntraBulk => profile::entra_bulk(),
        Kind::Manual => return Profile::default(),
    };
    dialect.budget = budget::read(fields, dialect.budget);
    dialect
}

/// What a target asks for and its dialect does not do.
fn check(fields: &Fields<'_>, kind: Kind, target: &Target) {
    let report = fields.report;
    if let Some(node) = fields.get("delete_after_days") {
        if kind == Kind::EntraBulk {
            report.error(
                node.at,
                "not-here",
                format!("{} has no meaning where `kind` is `entra_bulk`", node.name),
                "remove it: the inbound provisioning API of Microsoft Entra deletes nobody",
            );
        } else if target.upsert_only {
            report.error(
                node.at,
                "not-here",
                format!("{} has no meaning beside `upsert_only`", node.name),
                "remove one of the two: an upsert-only target keeps every account",
            );
        } else if !target.profile.proves(Operation::Delete) {
            report.warn(
                node.at,
                "unproven",
                format!("the profile of {} does not prove `delete`", fields.name),
                "remove `delete_after_days`, or run `lanyard probe` and use the profile that it \
                 writes: until then no account is deleted",
            );
        }
    }
    if kind != Kind::Scim || !matches!(target.mode, Mode::Enforce | Mode::Pilot) {
        return;
    }
    for (operation, then) in [
        (Operation::Disable, "until then leavers keep their accounts"),
        (
            Operation::List,
            "until then it is not compared with policy at night",
        ),
    ] {
        if !target.profile.proves(operation) {
            report.warn(
                fields.at,
                "unproven",
                format!(
                    "the profile of {} does not prove `{}`",
                    fields.name,
                    operation.name()
                ),
                format!("run `lanyard probe` and use the profile that it writes: {then}"),
            );
        }
    }
}

fn choice<T: Copy>(
    fields: &Fields<'_>,
    key: &'static str,
    choices: &[(&str, T)],
    otherwise: T,
) -> T {
    fields
        .get(key)
        .and_then(|node| node.choice(choices))
        .unwrap_or(otherwise)
}

fn days(
    fields: &Fields<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<u32>,
) -> Option<u16> {
    let count = fields.get(key)?.count(range)?;
    u16::try_from(count).ok()
}

/// User names are compared without case (RFC 7643 section 4.1.1), by their spelling as names are
/// compared elsewhere.
fn user_names(texts: &[At<&str>]) -> BTreeSet<Box<str>> {
    texts
        .iter()
        .map(|text| spelling(text.value).into())
        .collect()
}

fn service_accounts(fields: &Fields<'_>) -> BTreeMap<Box<str>, Option<Box<str>>> {
    let Some(node) = fields.get("service_accounts") else {
        return BTreeMap::new();
    };
    node.entries()
        .into_iter()
        .filter_map(|(name, owner)| {
            // Nobody is written `""`, so that an owner is never forgotten by accident.
            let owner = owner.any_text()?.value;
            let owner = (!owner.is_empty()).then(|| owner.into());
            Some((spelling(name.value).into(), owner))
        })
        .collect()
}

fn limits(fields: &Fields<'_>) -> Limits {
    let usual = Limits::default();
    let Some(fields) = fields.get("limits").and_then(|node| node.fields()) else {
        return usual;
    };
    let count = |key, range| fields.get(key).and_then(|node| node.count(range));
    let limits = Limits {
        block: limit(&fields, "block", usual.block),
        disable: limit(&fields, "disable", usual.disable),
        delete: limit(&fields, "delete", usual.delete),
        revoke: limit(&fields, "revoke", usual.revoke),
        members: limit(&fields, "members", usual.members),
        rename: limit(&fields, "rename", usual.rename),
        manager: limit(&fields, "manager", usual.manager),
        window_hours: count("window_hours", 1..=24 * 31)
            .and_then(|hours| u16::try_from(hours).ok())
            .unwrap_or(usual.window_hours),
        approvers: count("approvers", 1..=5)
            .and_then(|people| u8::try_from(people).ok())
            .unwrap_or(usual.approvers),
        approval_hours: count("approval_hours", 1..=24 * 31)
            .and_then(|hours| u16::try_from(hours).ok())
            .unwrap_or(usual.approval_hours),
    };
    fields.finish();
    limits
}

fn limit(fields: &Fields<'_>, key: &'static str, otherwise: Limit) -> Limit {
    let Some(node) = fields.get(key) else {
        return otherwise;
    };
    let Some(fields) = node.fields() else {
        return otherwise;
    };
    let example = "5";
    let count = |key, range| fields.need(key, example).and_then(|node| node.count(range));
    let (floor, percent, ceiling) = (
        count("floor", 0..=u32::MAX),
        count("percent", 0..=100),
        count("ceiling", 1..=u32::MAX),
    );
    fields.finish();
    let limit = Limit {
        floor: floor.unwrap_or(otherwise.floor),
        percent: percent
            .and_then(|percent| u8::try_from(percent).ok())
            .unwrap_or(otherwise.percent),
        ceiling: ceiling.unwrap_or(otherwise.ceiling),
    };
    if floor.is_some() && ceiling.is_some() && limit.floor > limit.ceiling {
        node.report.error(
            node.at,
            "bad-limit",
            format!(
                "{} never trips at {} and always above {}",
                node.name, limit.floor, limit.ceiling
            ),
            "make `floor` the smaller number",
        );
    }
    limit
}
