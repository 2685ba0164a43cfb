//! The same company with everything that policy can say about holding: overlaps, time-bound
//! access, tiers, nested groups, separation by sets, a detective pair, an exception.

use domain::policy::{
    Apart, Condition, Entitlement, Holding, Policy, Sod, SodException, SodMode, Test, Tier,
};
use domain::{Attr, EntitlementId, RoleId};

use super::{at, entitlement, policy, role, rule, set};

/// The lowest and the highest tier of the wiki.
pub const TIERS: [&str; 2] = ["wiki/editors", "wiki/owners"];

/// An entitlement by name.
pub fn id(name: &str) -> EntitlementId {
    EntitlementId::from(name)
}

fn holding(policy: &mut Policy, name: &str, change: impl Fn(&mut Holding)) {
    change(
        &mut policy
            .entitlements
            .get_mut(&id(name))
            .expect("known")
            .holding,
    );
}

fn sod(name: &str, apart: Apart) -> Sod {
    Sod {
        name: name.into(),
        apart,
        mode: SodMode::Preventive,
        exceptions: Vec::new(),
    }
}

/// Who works on E1 may pay and approve until then.
pub const EXCEPTED: &str = "2026-03-01T00:00:00Z";

/// The company's policy.
pub fn rich() -> Policy {
    let mut policy = policy();
    let new: [(&str, Entitlement); 2] = [
        ("wiki/owners", entitlement("wiki", "owners", false)),
        ("dir/leads", entitlement("dir", "leads", false)),
    ];
    policy
        .entitlements
        .extend(new.map(|(name, entitlement)| (id(name), entitlement)));
    holding(&mut policy, "dir/leads", |h| {
        h.within = [id("dir/staff")].into();
    });
    holding(&mut policy, "dir/payables", |h| h.overlap_days = Some(20));
    holding(&mut policy, "wiki/trial", |h| h.max_days = Some(10));
    policy.roles.extend([
        role("owner", &[("wiki/owners", "owner")]),
        role("lead", &[("dir/leads", "lead")]),
    ]);
    for name in ["engineer", "approver", "lead"] {
        let role = policy.roles.get_mut(&RoleId::from(name)).expect("known");
        role.overlap_days = Some(14);
    }
    let title = |value: &str| [(Attr::Title, Test::In(set(&[value])))];
    policy
        .rules
        .push(rule("r-lead", &title("Engineer"), &["lead"]));
    policy.rules.push(rule("r-own", &title("Lead"), &["owner"]));
    policy.rules.sort_by(|a, b| a.id.cmp(&b.id));
    policy.tiers.push(Tier {
        name: "wiki".into(),
        entitlements: TIERS.map(id).into(),
    });
    for pair in &mut policy.sod {
        pair.exceptions.push(SodException {
            source: "hr".into(),
            worker: "E1".into(),
            until: at(EXCEPTED),
            by: "security".into(),
            reason: "the end of the year".into(),
        });
    }
    policy.sod.push(sod(
        "hats",
        Apart::Set {
            of: ["dir/leads", "dir/payables", "dir/approvers"]
                .map(id)
                .into(),
            at_most: 2,
        },
    ));
    policy.sod.push(Sod {
        mode: SodMode::Detective,
        ..sod(
            "seen",
            Apart::Pair {
                left: [id("dir/staff")].into(),
                right: [id("dir/payables")].into(),
            },
        )
    });
    policy
}

/// One condition.
pub fn is(attr: Attr, value: &str) -> Vec<Condition> {
    vec![Condition {
        attr,
        test: Test::In(set(&[value])),
    }]
}
