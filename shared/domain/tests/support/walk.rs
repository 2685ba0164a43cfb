//! Planning and carrying out, with what has to hold after every single change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use domain::converge::{Input as Look, Seen, converge};
use domain::plan::{Compiled, Input, plan};
use domain::policy::Sod;
use domain::sod::{apart, brings};
use domain::{
    AccountId, AccountRecord, Change, EntitlementId, Fact, IdentityId, Ownership, Pii, Plan,
    Projection, RecordKey, TargetId,
};
use jiff::Timestamp;
use proptest::prelude::*;

use super::rich::rich;
use super::{Faithful, ana, policy};

/// The plain policy and the rich one, indexed once.
pub fn policies() -> impl Strategy<Value = &'static Compiled> {
    static BOTH: LazyLock<[Compiled; 2]> =
        LazyLock::new(|| [Compiled::new(policy()), Compiled::new(rich())]);
    let [plain, rich] = &*BOTH;
    prop_oneof![Just(plain), Just(rich)]
}

/// The plan of the one record at an instant, as if nothing had ever been decided.
pub fn planned(compiled: &Compiled, facts: Vec<Fact>, now: Timestamp) -> Plan {
    let records = [(RecordKey::from("r1"), facts)];
    plan(compiled, &input(&records, &BTreeMap::new(), now))
}

/// What a plan of the one identity rests on.
pub fn input<'a>(
    records: &'a [(RecordKey, Vec<Fact>)],
    accounts: &'a BTreeMap<TargetId, AccountRecord>,
    now: Timestamp,
) -> Input<'a> {
    static IDENTITY: LazyLock<IdentityId> = LazyLock::new(ana);
    static NAMES: LazyLock<BTreeMap<Box<str>, Pii<Box<str>>>> =
        LazyLock::new(|| BTreeMap::from([("user_name".into(), Pii::new("ana.silva".into()))]));
    Input {
        identity: &IDENTITY,
        records,
        recorded: None,
        accounts,
        identifiers: &NAMES,
        at: now,
    }
}

/// In another order.
pub fn shuffled<T>(mut list: Vec<T>, seed: u64) -> Vec<T> {
    let mut state = seed | 1;
    for i in (1..list.len()).rev() {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let j = usize::try_from(state >> 33).unwrap_or(0) % (i + 1);
        list.swap(i, j);
    }
    list
}

/// Brings a faithful target to a projection; checks laws 6 and 7, and that no tier and no access
/// through nested groups is interrupted, after every single change.
pub fn reach(
    compiled: &Compiled,
    name: &TargetId,
    projection: &Projection,
    faithful: &mut Faithful,
    record: &mut AccountRecord,
) -> Vec<Change> {
    let identity = ana();
    let before = faithful.held.clone();
    let account = faithful.account.clone();
    let look = Look {
        policy: &compiled.policy,
        target: name,
        identity: &identity,
        projection,
        record,
        unsettled: None,
        seen: Some(Seen {
            account: account.as_ref(),
            held: Some(&before),
            lags: false,
        }),
    };
    let changes = converge(&look).changes;
    let known = &compiled.policy.entitlements;
    let wanted: BTreeSet<EntitlementId> = projection.grants.keys().cloned().collect();
    // What was held or is wanted under an exception was judged when it was planned.
    let judged = |sod: &&Sod| {
        sod.prevents()
            && sod.broken_by(known, &wanted).is_empty()
            && sod.broken_by(known, &before).is_empty()
    };
    let kept = continuous(compiled, &before, &wanted);
    for (place, change) in changes.iter().enumerate() {
        if *change == Change::Disable {
            assert_eq!(place, 0, "law 6: the sign-in block comes first");
        }
        faithful.apply(change);
        for sod in compiled.policy.sod.iter().filter(judged) {
            assert!(
                sod.broken_by(known, &faithful.held).is_empty(),
                "law 7: `{}` is broken in passing",
                sod.name
            );
        }
        for any_of in &kept {
            let held = faithful.held.iter().flat_map(|one| brings(known, one));
            assert!(
                held.into_iter().any(|one| any_of.contains(one)),
                "{any_of:?} is interrupted by {changes:?}"
            );
        }
    }
    *record = AccountRecord {
        id: faithful.account.as_ref().map(|_| AccountId::from("a1")),
        ownership: faithful.account.as_ref().map(|_| Ownership::Created),
        active: faithful
            .account
            .as_ref()
            .is_some_and(|account| account.active),
        attrs: faithful
            .account
            .as_ref()
            .map(|a| a.attrs.clone())
            .unwrap_or_default(),
        grants: faithful.held.clone(),
        ..AccountRecord::default()
    };
    changes
}

/// What is held before and after, in one way or another, and so all the time between; not where
/// separation of duties takes something first.
fn continuous(
    compiled: &Compiled,
    before: &BTreeSet<EntitlementId>,
    after: &BTreeSet<EntitlementId>,
) -> Vec<BTreeSet<EntitlementId>> {
    let policy = &compiled.policy;
    let separated = before.difference(after).any(|taken| {
        let mut given = after.difference(before);
        given.any(|given| apart(policy, given, taken))
    });
    if separated || after.is_empty() {
        return Vec::new();
    }
    let all = |held: &BTreeSet<EntitlementId>| -> BTreeSet<EntitlementId> {
        let brought = held
            .iter()
            .flat_map(|one| brings(&policy.entitlements, one));
        brought.cloned().collect()
    };
    let (before, after) = (all(before), all(after));
    let mut kept: Vec<BTreeSet<EntitlementId>> = before
        .intersection(&after)
        .map(|one| BTreeSet::from([one.clone()]))
        .collect();
    for tier in &policy.tiers {
        let tier: BTreeSet<EntitlementId> = tier.entitlements.iter().cloned().collect();
        if !tier.is_disjoint(&before) && !tier.is_disjoint(&after) {
            kept.push(tier);
        }
    }
    kept
}
