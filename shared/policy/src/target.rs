//! `[targets.<name>]`: connected systems.

use std::collections::{BTreeMap, BTreeSet};

use domain::Profile;
use domain::policy::{
    AccountFor, Adopt, Expr, IdentifierRule, Limit, Limits, LostGrant, Mapping, Mode, Target,
    TargetKind,
};
use domain::profile::Auth;
use url::{Host, Url};

use crate::condition;
use crate::expr::{self, Scope};
use crate::fields::{Fields, Node};
use crate::path;
use crate::report::At;
use crate::sections::{Named, Sections};
use crate::source::secret_name;
use crate::vocabulary::Vocabulary;

/// Dialect profiles that a target may name.
pub const PROFILES: &[&str] = &["rfc"];

/// Reads every target.
pub(crate) fn read(
    sections: &Sections<'_>,
    identifiers: &Named<IdentifierRule>,
    vocabulary: &Vocabulary,
) -> Named<Target> {
    sections.must_have("targets", "[targets.directory]");
    let scope = Scope {
        identifiers,
        vocabulary,
    };
    sections.named("targets", "target", |fields| target(fields, scope))
}

fn target(fields: &Fields<'_>, scope: Scope<'_>) -> Target {
    let mode = fields.need("mode", "\"observe\"").and_then(|node| {
        node.choice(&[
            ("observe", Mode::Observe),
            ("simulate", Mode::Simulate),
            ("enforce", Mode::Enforce),
        ])
    });
    let base_url = fields
        .need("base_url", "\"https://example.com/scim/v2\"")
        .and_then(|node| base_url(&node));
    let token = fields
        .need("token", "\"directory-token\"")
        .and_then(|node| node.text());
    if let Some(token) = token {
        secret_name(fields, token);
    }
    Target {
        mode: mode.unwrap_or(Mode::Observe),
        base_url: base_url.unwrap_or_default(),
        kind: TargetKind::Scim,
        auth: Auth::Bearer {
            secret: token.map_or("", |token| token.value).into(),
        },
        profile: profile(fields),
        upsert_only: fields.flag("upsert_only"),
        scope: fields
            .get("scope")
            .map_or_else(Vec::new, |node| condition::read(&node, scope.vocabulary)),
        mappings: mappings(fields, scope),
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
        delete_after_days: days(fields, "delete_after_days", 1..=3660),
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

/// User names are compared without case (RFC 7643 section 4.1.1).
fn user_names(texts: &[At<&str>]) -> BTreeSet<Box<str>> {
    texts
        .iter()
        .map(|text| text.value.to_lowercase().into())
        .collect()
}

/// `https`, or `http` to this machine; no user, query or fragment; without a closing slash.
fn base_url(node: &Node<'_>) -> Option<Box<str>> {
    let text = node.text()?;
    let bad = |message: String, help: &str| {
        node.report.error(text.at, "bad-url", message, help);
    };
    let url = match Url::parse(text.value) {
        Ok(url) => url,
        Err(error) => {
            bad(
                format!("{} is not a URL: {error}", node.name),
                "write for example `https://example.com/scim/v2`",
            );
            return None;
        }
    };
    if !url.username().is_empty() {
        bad(
            format!("{} holds a user name", node.name),
            "remove it: `token` names the secret that opens the target",
        );
    }
    let loopback = match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    };
    match url.scheme() {
        "https" => {}
        "http" if loopback => {}
        scheme => bad(
            format!("{} has the scheme `{scheme}`", node.name),
            "use `https`; `http` is allowed to this machine only",
        ),
    }
    if url.query().is_some() || url.fragment().is_some() {
        bad(
            format!("{} has a query or a fragment", node.name),
            "give the address up to the version, as in `https://example.com/scim/v2`",
        );
    }
    Some(url.as_str().trim_end_matches('/').into())
}

fn profile(fields: &Fields<'_>) -> Profile {
    let Some(node) = fields.get("profile") else {
        return Profile::rfc();
    };
    let profiles: Vec<(&str, &str)> = PROFILES.iter().map(|name| (*name, *name)).collect();
    let _ = node.choice(&profiles);
    Profile::rfc()
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
            Some((name.value.to_lowercase().into(), owner))
        })
        .collect()
}

fn mappings(fields: &Fields<'_>, scope: Scope<'_>) -> Vec<Mapping> {
    let Some(node) = fields.need("attributes", "{ userName = \"{work_email:lower}\" }") else {
        return Vec::new();
    };
    let mut mappings: Vec<Mapping> = Vec::new();
    for (path, value) in node.entries() {
        path::check(fields.report, path);
        let earlier = mappings
            .iter()
            .find(|mapping| mapping.path.eq_ignore_ascii_case(path.value));
        if let Some(earlier) = earlier {
            fields.report.error(
                path.at,
                "twice",
                format!("`{}` is mapped as `{}` already", path.value, earlier.path),
                "keep one: attribute names have no case (RFC 7643 section 2.1)",
            );
        }
        mappings.extend(expr::mapping(path.value, &value, scope));
    }
    let value_of = |path: &str| {
        mappings
            .iter()
            .find(|mapping| mapping.path.as_ref() == path)
    };
    let named = |path: &str| node.entries().iter().any(|(name, _)| name.value == path);
    if node.is_table() && !named("userName") {
        fields.report.error(
            node.at,
            "missing-key",
            format!("{} lacks `userName`", node.name),
            "add for example `userName = { identifier = \"user_name\" }`: every account has one",
        );
    }
    let key = value_of("externalId").map(|mapping| &mapping.expr);
    if node.is_table() && (!named("externalId") || key.is_some_and(|expr| *expr != Expr::Key)) {
        fields.report.error(
            node.at,
            "missing-key",
            format!("{} does not map `externalId` to the key", node.name),
            "add `externalId = { key = true }`: accounts are found by it before any is made",
        );
    }
    mappings
}

/// Where a policy says nothing: 10 percent, never below 5 and always above 100 accounts.
const DISABLE: Limit = Limit {
    floor: 5,
    percent: 10,
    ceiling: 100,
};

/// Where a policy says nothing: 10 percent, never below 20 and always above 500 memberships.
const REVOKE: Limit = Limit {
    floor: 20,
    percent: 10,
    ceiling: 500,
};

fn limits(fields: &Fields<'_>) -> Limits {
    let Some(fields) = fields.get("limits").and_then(|node| node.fields()) else {
        return Limits {
            disable: DISABLE,
            revoke: REVOKE,
        };
    };
    let limits = Limits {
        disable: limit(&fields, "disable", DISABLE),
        revoke: limit(&fields, "revoke", REVOKE),
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
