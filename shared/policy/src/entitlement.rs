//! `[entitlements.<name>]`: groups of targets that roles give.

use std::collections::BTreeMap;

use domain::policy::{Entitlement, EntitlementKind, Role, Target};
use domain::{EntitlementId, TargetId};

use crate::fields::Fields;
use crate::names;
use crate::report::{At, Report};
use crate::sections::{Named, Sections};

/// Reads every entitlement.
pub(crate) fn read(sections: &Sections<'_>, targets: &Named<Target>) -> Named<Entitlement> {
    let mut entitlements = sections.named("entitlements", "entitlement", |fields| {
        entitlement(fields, targets)
    });
    let mut groups: BTreeMap<(TargetId, String), (Box<str>, crate::report::Span)> = BTreeMap::new();
    for (name, At { value, at }) in &mut entitlements {
        // A group is named like its entitlement unless the policy says otherwise.
        if value.group.is_empty() {
            value.group.clone_from(name);
        }
        let place = (value.target.clone(), value.group.to_lowercase());
        if let Some((other, first)) = groups.insert(place, (name.clone(), *at)) {
            sections.report.error(
                *at,
                "defined-twice",
                format!(
                    "entitlements `{other}` and `{name}` are the same group `{}` of target `{}`",
                    value.group, value.target
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
    let group = fields.get("group").and_then(|node| node.text());
    Entitlement {
        target: TargetId::from(target.map_or("", |target| target.value)),
        kind: EntitlementKind::Group,
        group: group.map_or("", |group| group.value).into(),
        privileged: fields.flag("privileged"),
        authoritative: fields.flag("authoritative"),
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
