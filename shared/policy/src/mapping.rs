//! `attributes` of a target: what its accounts carry, and whether that fits its dialect.

use domain::Profile;
use domain::policy::{Expr, Mapping, TargetKind};

use crate::expr::{self, Scope};
use crate::fields::{Fields, Node};
use crate::report::{At, Report};
use crate::{graph, path};

/// Reads every mapping.
pub(crate) fn read(
    fields: &Fields<'_>,
    scope: Scope<'_>,
    kind: &TargetKind,
    profile: &Profile,
) -> Vec<Mapping> {
    let Some(node) = fields.need("attributes", "{ userName = \"{work_email:lower}\" }") else {
        return Vec::new();
    };
    let entries = node.entries();
    let mut mappings: Vec<Mapping> = Vec::new();
    for (path, value) in &entries {
        match kind {
            TargetKind::Graph(settings) => graph::check_path(fields.report, *path, settings),
            TargetKind::Scim | TargetKind::EntraBulk(_) | TargetKind::Manual(_) => {
                path::check(fields.report, *path);
            }
        }
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
        let Some(mapping) = expr::mapping(path.value, value, scope) else {
            continue;
        };
        if let TargetKind::Graph(_) = kind {
            graph::check_manager(fields.report, *path, &mapping);
        }
        if path.value == "userName" {
            user_name(fields, *path, &mapping.expr, scope, profile);
        }
        mappings.push(mapping);
    }
    if node.is_table() {
        let names: Vec<At<&str>> = entries.iter().map(|(name, _)| *name).collect();
        // People find an account by its name, and need no key of ours in it.
        let keyed = !matches!(kind, TargetKind::Manual(_));
        needed(fields, &node, &names, &mappings, profile, keyed);
        single_valued(fields.report, &names, profile, &fields.name);
    }
    mappings
}

/// Reports what every account has to carry and is not mapped.
fn needed(
    fields: &Fields<'_>,
    node: &Node<'_>,
    names: &[At<&str>],
    mappings: &[Mapping],
    profile: &Profile,
    keyed: bool,
) {
    let has = |path: &str| names.iter().any(|name| name.value == path);
    if !has("userName") {
        fields.report.error(
            node.at,
            "missing-key",
            format!("{} lacks `userName`", node.name),
            "add for example `userName = { identifier = \"user_name\" }`: every account has one",
        );
    }
    let key = mappings
        .iter()
        .find(|mapping| mapping.path.as_ref() == "externalId");
    if keyed && (!has("externalId") || key.is_some_and(|mapping| mapping.expr != Expr::Key)) {
        fields.report.error(
            node.at,
            "missing-key",
            format!("{} does not map `externalId` to the key", node.name),
            "add `externalId = { key = true }`: accounts are found by it before any is made",
        );
    }
    for path in &profile.required {
        if ["userName", "externalId"].contains(&path.as_ref())
            || names
                .iter()
                .any(|name| name.value.eq_ignore_ascii_case(path))
        {
            continue;
        }
        let quote = if path.contains(['"', '.', ':']) {
            "'"
        } else {
            ""
        };
        fields.report.error(
            node.at,
            "missing-key",
            format!("{} lacks `{path}`", node.name),
            format!(
                "add for example `{quote}{path}{quote} = \"{}\"`: {} makes no account without it",
                example(path),
                fields.name
            ),
        );
    }
}

/// A template that a path could have.
fn example(path: &str) -> &'static str {
    match path {
        "name.givenName" => "{given_name}",
        "name.familyName" => "{family_name}",
        "mailNickname" => "{given_name:slug}.{family_name:slug}",
        path if path.starts_with("emails[") => "{work_email}",
        _ => "{preferred_given_name|given_name} {family_name}",
    }
}

/// Reports several elements of a list that holds one there.
fn single_valued(report: &Report, names: &[At<&str>], profile: &Profile, target: &str) {
    for list in &profile.single_valued {
        let elements: Vec<(&At<&str>, &str)> = names
            .iter()
            .filter_map(|name| {
                let (attr, filter) = path::element(name.value)?;
                attr.eq_ignore_ascii_case(list).then_some((name, filter))
            })
            .collect();
        let Some((first, one)) = elements.first() else {
            continue;
        };
        for (name, other) in elements.iter().skip(1) {
            if !other.eq_ignore_ascii_case(one) {
                report.error(
                    name.at,
                    "single-valued",
                    format!(
                        "{target} holds one element of `{list}`, and `{}` is another than `{}`",
                        name.value, first.value
                    ),
                    "map one of them",
                );
            }
        }
    }
}

/// Reports generated names that the dialect does not take.
fn user_name(fields: &Fields<'_>, at: At<&str>, expr: &Expr, scope: Scope<'_>, profile: &Profile) {
    let Expr::Identifier(name) = expr else {
        return;
    };
    let Some(rule) = scope.identifiers.get(name).map(|rule| &rule.value) else {
        return;
    };
    let limit = &profile.user_name;
    // Local parts are letters, digits, `.`, `-` and `_`: only the suffix can make an address.
    if limit.email && !rule.suffix.contains('@') {
        fields.report.error(
            at.at,
            "bad-user-name",
            format!(
                "{} takes e-mail addresses as user names, and identifier `{name}` makes none",
                fields.name
            ),
            format!(
                "give `[identifiers.{name}]` a `suffix`, for example `\"@example.com\"`, or map \
                 another identifier"
            ),
        );
    }
    let Some(most) = limit.max_len.map(usize::from) else {
        return;
    };
    let suffix = rule.suffix.chars().count();
    if suffix >= most {
        fields.report.error(
            at.at,
            "bad-user-name",
            format!(
                "{} takes user names of {most} characters, and the suffix of identifier `{name}` \
                 alone has {suffix}",
                fields.name
            ),
            "map another identifier, with a shorter suffix or none",
        );
    } else if suffix + rule.max_len > most {
        fields.report.warn(
            at.at,
            "long-user-name",
            format!(
                "{} takes user names of {most} characters, and identifier `{name}` makes up to {}",
                fields.name,
                suffix + rule.max_len
            ),
            format!(
                "write `max_length = {}` in `[identifiers.{name}]`, or map another identifier: \
                 accounts with longer names are not made",
                most - suffix
            ),
        );
    }
}
