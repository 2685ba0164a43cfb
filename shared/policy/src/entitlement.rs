//! `[entitlements.<name>]`: groups and licences of targets that roles give.

use std::collections::BTreeMap;

use domain::policy::{Entitlement, EntitlementKind, Role, Target};
use domain::{EntitlementId, TargetId};

use crate::fields::{Fields, Node};
use crate::holding;
use crate::kind::{self, Kind};
use crate::names;
use crate::report::{At, Report, Span};
use crate::sections::{Named, Sections};

/// Reads every entitlement.
pub(crate) fn read(sections: &Sections<'_>, targets: &Named<Target>) -> Named<Entitlement> {
    let mut nested = Vec::new();
    let written = sections.named("entitlements", "entitlement", |fields| {
        (entitlement(fields, targets), holding::within(fields))
    });
    let mut entitlements: Named<Entitlement> = written
        .into_iter()
        .map(|(name, At { value, at })| {
            let (value, within) = value;
            nested.extend(within.into_iter().map(|parent| (name.clone(), parent)));
            (name, At { value, at })
        })
        .collect();
    holding::nest(sections.report, &mut entitlements, &nested);
    let mut groups: BTreeMap<(TargetId, EntitlementKind, String), (Box<str>, Span)> =
        BTreeMap::new();
    for (name, At { value, at }) in &mut entitlements {
        // A group is named like its entitlement unless the policy says otherwise.
        if value.group.is_empty() {
            value.group.clone_from(name);
        }
        let place = (value.target.clone(), value.kind, value.group.to_lowercase());
        if let Some((other, first)) = groups.insert(place, (name.clone(), *at)) {
            sections.report.error(
                *at,
                "defined-twice",
                format!(
                    "entitlements `{other}` and `{name}` are the same {} `{}` of target `{}`",
                    match value.kind {
                        EntitlementKind::Group => "group",
                        EntitlementKind::Licence => "licence",
                    },
                    value.group,
                    value.target
                ),
                format!(
                    "keep one name for it; the other is at {}",
                    sections.report.place(first)
                ),
            );
        }
    }
    entitlements
}

fn entitlement(fields: &Fields<'_>, targets: &Named<Target>) -> Entitlement {
    let target = fields
        .need("target", "\"directory\"")
        .and_then(|node| node.text());
    if let Some(target) = target {
        names::resolve(
            fields.report,
            target,
            "target",
            targets.keys().map(AsRef::as_ref),
            &format!("define it under `[targets.{}]`", target.value),
        );
    }
    let known = target.and_then(|target| targets.get(target.value));
    if let (Some(known), Some(target)) = (known, target)
        && Kind::of(&known.value.kind) == Kind::EntraBulk
    {
        fields.report.error(
            target.at,
            "not-here",
            format!(
                "target `{}` takes records of people and no memberships",
                target.value
            ),
            "give the group at a target of `kind = \"graph\"`",
        );
    }
    let group = fields.get("group");
    let licence = fields.get("licence");
    if let (Some(group), Some(licence)) = (&group, &licence) {
        fields.report.error(
            licence.at,
            "defined-twice",
            format!("{} is both a group and a licence", fields.name),
            format!(
                "keep one, and make another entitlement of the other; `group` stands at {}",
                fields.report.place(group.at)
            ),
        );
    }
    let (kind, name) = if let Some(node) = licence {
        if let Some(target) = known {
            check_licence(&node, &target.value);
        }
        (EntitlementKind::Licence, kind::guid(&node))
    } else {
        let group = group.and_then(|node| node.text());
        let name = group.map_or("", |group| group.value).into();
        (EntitlementKind::Group, name)
    };
    let (holding, privileged) = holding::read(fields, kind);
    Entitlement {
        target: TargetId::from(target.map_or("", |target| target.value)),
        kind,
        group: name,
        privileged,
        authoritative: fields.flag("authoritative"),
        holding,
    }
}

/// A licence needs a target that has licences, and accounts that say where they are used.
fn check_licence(node: &Node<'_>, target: &Target) {
    if Kind::of(&target.kind) != Kind::Graph {
        node.report.error(
            node.at,
            "not-here",
            format!(
                "{} has no meaning at a target whose `kind` is `{}`",
                node.name,
                Kind::of(&target.kind).name()
            ),
            "write `group`: only targets of `kind = \"graph\"` have licences",
        );
    } else if !target
        .mappings
        .iter()
        .any(|mapping| mapping.path.as_ref() == "usageLocation")
    {
        node.report.error(
            node.at,
            "missing-key",
            format!("{} is given to accounts without `usageLocation`", node.name),
            "add `usageLocation = \"{country}\"` to the target's `attributes`: Microsoft Entra \
             refuses licences without it",
        );
    }
}

/// Reports a name that is no entitlement.
pub(crate) fn resolve(
    report: &Report,
    name: At<&str>,
    entitlements: &Named<Entitlement>,
) -> Option<EntitlementId> {
    names::resolve(
        report,
        name,
        "entitlement",
        entitlements.keys().map(AsRef::as_ref),
        &format!("define it under `[entitlements.{}]`", name.value),
    )
    .then(|| EntitlementId::from(name.value))
}

/// Warns of entitlements that no role gives.
pub(crate) fn check_uses(report: &Report, entitlements: &Named<Entitlement>, roles: &Named<Role>) {
    for (name, entitlement) in entitlements {
        let id = EntitlementId::from(name.as_ref());
        if !roles
            .values()
            .any(|role| role.value.entitlements.contains_key(&id))
        {
            report.warn(
                entitlement.at,
                "unused",
                format!("no role gives entitlement `{name}`"),
                "list it in a role, or remove it: nobody gets it by policy",
            );
        }
    }
}
