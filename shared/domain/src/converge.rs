//! From the account that is to the account that should be: ordered changes. The planner uses it
//! on the recorded account to show the plan; the connector uses it on the recorded or observed
//! account to carry it out.

mod restrict;
mod wait;
mod whole;

pub use restrict::operations;
pub use wait::{Elsewhere, is_waiting, postpone};

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::change::AttrChange;
use crate::policy::{Adopt, LostGrant, Policy, Target, TargetKind};
use crate::project::{AttrPath, Mapped, Strength};
use crate::sod::{self, completes};
use crate::{
    Account, AccountRecord, Change, Desired, EntitlementId, Finding, IdentityId, Ownership, Pii,
    Projection, Slot, TargetId,
};

/// The path of our immutable key in an account.
pub const KEY_PATH: &str = "externalId";

/// What convergence looks at.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The policy under which the projection was made.
    pub policy: &'a Policy,
    /// Where.
    pub target: &'a TargetId,
    /// Whose account.
    pub identity: &'a IdentityId,
    /// The account that should be.
    pub projection: &'a Projection,
    /// What we remember having done.
    pub record: &'a AccountRecord,
    /// Entitlements that somebody may have given on our behalf without a record of it.
    pub unsettled: Option<&'a BTreeSet<EntitlementId>>,
    /// What is there, if somebody looked.
    pub seen: Option<Seen<'a>>,
}

/// What a look at the target gave.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The account, or the proof that there is none.
    pub account: Option<&'a Account>,
    /// Which of the policy's entitlements it holds; `None` where the target does not tell.
    pub held: Option<&'a BTreeSet<EntitlementId>>,
    /// Whether we changed the account so lately that this may be how it was before. What then is
    /// left out is needed neither by what was seen nor by what is recorded: doing twice harms nobody.
    pub lags: bool,
}

/// What has to change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Convergence {
    /// In the order in which they have to be carried out.
    pub changes: Vec<Change>,
    /// Memberships that were there already and are wanted: ours from now on.
    pub adopted: Vec<EntitlementId>,
    /// Recorded memberships that are neither wanted nor there: to be forgotten.
    pub gone: Vec<EntitlementId>,
    /// What was seen and is not acted on.
    pub findings: Vec<Finding>,
    /// Why something that has to change is not among the changes, where that is for a human to
    /// see to.
    pub withheld: Option<Box<str>>,
    /// Grants that are not among the changes yet, and what has to be gone before each.
    pub waiting: BTreeMap<EntitlementId, BTreeSet<EntitlementId>>,
}

/// The account as it is, from the best evidence at hand.
#[expect(
    clippy::struct_excessive_bools,
    reason = "five independent facts about one account"
)]
struct Have<'a> {
    exists: bool,
    ours: bool,
    active: bool,
    deleted: bool,
    attrs: Option<&'a BTreeMap<AttrPath, Pii<Slot>>>,
    observed: bool,
    /// What is recorded of the account, where what was seen of it may be older.
    newer: Option<&'a AccountRecord>,
}

/// Compares and orders. Sign-in is blocked before anything else, what is no longer justified goes
/// before anything is given, and an account that is not ours is left alone.
pub fn converge(input: &Input<'_>) -> Convergence {
    let mut out = Convergence::default();
    let Some(target) = input.policy.targets.get(input.target) else {
        out.findings
            .push(cannot(input, "the target is not in the policy"));
        return out;
    };
    wanted(input, target, &mut out);
    if let TargetKind::EntraBulk(_) = target.kind {
        whole::whole(input, &mut out);
    }
    restrict::restrict(input, target, &mut out);
    out
}

/// Everything that has to change, whether or not it may be done there.
fn wanted(input: &Input<'_>, target: &Target, out: &mut Convergence) {
    let have = Have::of(input);
    if is_protected(input, target) {
        out.findings.push(cannot(input, "the account is protected"));
        return;
    }
    // What is deleted already is neither taken over, blocked nor deleted again.
    if have.deleted && matches!(input.projection.desired, Desired::Deleted | Desired::None) {
        return;
    }
    if have.exists && !have.ours {
        match adoption(input, target) {
            Ok(change) => out.changes.extend(change),
            Err(finding) => {
                out.findings.push(finding);
                return;
            }
        }
    }
    match input.projection.desired {
        Desired::Deleted => {
            if have.exists {
                out.changes.push(Change::Delete);
            }
        }
        Desired::None => {
            if have.exists {
                block(&have, out);
                revokes(input, &have, out);
            }
        }
        Desired::Disabled if have.exists => {
            restore(&have, out);
            block(&have, out);
            revokes(input, &have, out);
            // An account that takes no changes while it is blocked gets them when it returns.
            if target.profile.inactive_edits {
                update(input, &have, out);
            }
        }
        Desired::Active if have.exists => {
            restore(&have, out);
            revokes(input, &have, out);
            if !have.active || have.newer.is_some_and(|record| !record.active) {
                out.changes.push(Change::Enable);
            }
            update(input, &have, out);
            grants(input, target, &have, out);
            hand_over(input, out);
        }
        Desired::Disabled | Desired::Active => {
            let active = input.projection.desired == Desired::Active;
            out.changes.push(Change::Create {
                active,
                attrs: creation(input.projection),
            });
            if active {
                out.changes
                    .extend(
                        input
                            .projection
                            .grants
                            .keys()
                            .map(|entitlement| Change::Grant {
                                entitlement: entitlement.clone(),
                            }),
                    );
            }
        }
    }
}

impl<'a> Have<'a> {
    fn of(input: &Input<'a>) -> Self {
        let recorded = matches!(
            input.record.ownership,
            Some(Ownership::Created | Ownership::Adopted)
        );
        let ties = &input.projection.ties;
        let wants = matches!(
            input.projection.desired,
            Desired::Active | Desired::Disabled
        );
        match input.seen {
            // An account that an operator let go is in the way of one that is wanted, and nothing
            // at all where none is.
            Some(Seen {
                account: Some(account),
                ..
            }) if ties.released.contains(&account.id) => Self {
                exists: wants,
                ours: false,
                active: account.active,
                deleted: account.deleted,
                attrs: None,
                observed: true,
                newer: None,
            },
            Some(Seen { account, lags, .. }) => Self {
                exists: account.is_some(),
                ours: account.is_some_and(|account| {
                    let same = input.record.id.as_ref() == Some(&account.id);
                    (recorded && same) || key_of(account) == Some(input.identity.as_str())
                }),
                active: account.is_some_and(|account| account.active),
                deleted: account.is_some_and(|account| account.deleted),
                attrs: account.map(|account| &account.attrs),
                observed: true,
                newer: account
                    .filter(|account| lags && input.record.id.as_ref() == Some(&account.id))
                    .map(|_| input.record),
            },
            None => Self {
                exists: input
                    .record
                    .id
                    .as_ref()
                    .is_some_and(|id| !ties.released.contains(id)),
                ours: recorded,
                active: input.record.active,
                deleted: false,
                attrs: Some(&input.record.attrs),
                observed: false,
                newer: None,
            },
        }
    }
}

fn key_of(account: &Account) -> Option<&str> {
    account
        .key
        .as_ref()
        .map(|key| &**key.reveal())
        .filter(|key| !key.is_empty())
}

fn is_protected(input: &Input<'_>, target: &Target) -> bool {
    let name = match input.seen {
        Some(Seen { account, .. }) => account.map(|account| &**account.user_name.reveal()),
        None => input
            .record
            .attrs
            .get("userName")
            .and_then(|slot| slot.reveal().text()),
    };
    name.is_some_and(|name| target.protects(name))
}

/// Whether an account that is there and not ours may be taken over, and how.
fn adoption(input: &Input<'_>, target: &Target) -> Result<Option<Change>, Finding> {
    let Some(Seen {
        account: Some(account),
        ..
    }) = input.seen
    else {
        return Err(cannot(
            input,
            "the account was not made by us and not adopted",
        ));
    };
    let ties = &input.projection.ties;
    let key = AttrChange {
        was: account
            .key
            .as_ref()
            .map(|key| Pii::new(Slot::from(&**key.reveal()))),
        want: Pii::new(Slot::Text(input.identity.into())),
    };
    if ties.adopt.as_ref() == Some(&account.id) {
        return Ok(Some(Change::Adopt { key }));
    }
    if ties.released.contains(&account.id) {
        return Err(cannot(
            input,
            "an operator decided that the account under this name is somebody else's; rename it, \
             or give it to whoever it belongs to",
        ));
    }
    if key_of(account).is_some() {
        return Err(cannot(input, "the account carries somebody else's key"));
    }
    if target.service_account(account.user_name.reveal()).is_some() {
        return Err(cannot(
            input,
            "the account under this name is a service account by policy; give the person another name",
        ));
    }
    let wanted = input.projection.attrs.get("userName");
    let same_name = wanted
        .and_then(|mapped| mapped.value.reveal().text())
        .is_some_and(|name| same_text("userName", name, account.user_name.reveal()));
    match target.adopt {
        Adopt::UserName if same_name => Ok(Some(Change::Adopt { key })),
        Adopt::UserName | Adopt::Never => Err(cannot(
            input,
            "an account with this user name exists and policy does not let us adopt it",
        )),
    }
}

fn cannot(input: &Input<'_>, why: &str) -> Finding {
    Finding::CannotApply {
        target: input.target.clone(),
        why: why.into(),
    }
}

/// An account that was deleted comes back before anything else is done to it, its adoption too.
fn restore(have: &Have<'_>, out: &mut Convergence) {
    if have.deleted {
        out.changes.insert(0, Change::Restore);
    }
}

fn block(have: &Have<'_>, out: &mut Convergence) {
    if have.active || have.newer.is_some_and(|record| record.active) {
        // Before an adoption too: a sign-in block waits for nothing but the account's return.
        let at = usize::from(have.deleted);
        out.changes.insert(at, Change::Disable);
        out.changes.insert(at + 1, Change::RevokeSessions);
    }
}

/// Memberships that nothing justifies any more, in entitlement order.
fn revokes(input: &Input<'_>, have: &Have<'_>, out: &mut Convergence) {
    let want = &input.projection.grants;
    let nothing = BTreeSet::new();
    let unsettled = input.unsettled.unwrap_or(&nothing);
    let ours = &input.record.grants;
    let revoke = |entitlement: &EntitlementId| Change::Revoke {
        entitlement: entitlement.clone(),
    };
    let Some(held) = input.seen.and_then(|seen| seen.held) else {
        let stale = ours.union(unsettled).filter(|e| !want.contains_key(*e));
        out.changes.extend(stale.map(revoke));
        return;
    };
    let gone = ours
        .iter()
        .filter(|e| have.newer.is_none() && !held.contains(*e) && !want.contains_key(*e));
    out.gone.extend(gone.cloned());
    // A grant whose answer was lost, or that was given lately, may not show yet where a look lags
    // behind. Taking away what is not there does no harm; what is left would be taken for somebody
    // else's from then on.
    let lately = have.newer.map_or(&nothing, |record| &record.grants);
    let maybe: BTreeSet<&EntitlementId> = held.union(unsettled).chain(lately).collect();
    for entitlement in maybe.into_iter().filter(|e| !want.contains_key(*e)) {
        let authoritative = input
            .policy
            .entitlements
            .get(entitlement)
            .is_some_and(|known| known.authoritative);
        let is_ours = ours.contains(entitlement) || unsettled.contains(entitlement);
        if is_ours || (authoritative && have.observed) {
            out.changes.push(revoke(entitlement));
        } else {
            out.findings.push(Finding::Foreign {
                entitlement: entitlement.clone(),
            });
        }
    }
}

/// Puts removals after the grants that keep up what they take away, so that a person who changes
/// tiers, or gets through another group what a group gave, is never without.
fn hand_over(input: &Input<'_>, out: &mut Convergence) {
    let waiting: BTreeSet<EntitlementId> = memberships(&out.changes, false)
        .filter(|taken| {
            replaced_by(input.policy, &out.changes, taken)
                .next()
                .is_some()
        })
        .cloned()
        .collect();
    if waiting.is_empty() {
        return;
    }
    let late = |change: &Change| matches!(change, Change::Revoke { entitlement } if waiting.contains(entitlement));
    let (last, first): (Vec<Change>, Vec<Change>) = out.changes.drain(..).partition(late);
    out.changes.extend(first);
    out.changes.extend(last);
}

/// The grants among these changes that keep up what a removal takes away, and so have to be seen
/// before it. None where the removal has to come before some grant: separation of duties goes
/// first.
pub fn replaced_by<'a>(
    policy: &'a Policy,
    changes: &'a [Change],
    taken: &'a EntitlementId,
) -> impl Iterator<Item = &'a EntitlementId> {
    let apart = memberships(changes, true).any(|given| sod::apart(policy, given, taken));
    memberships(changes, true).filter(move |given| !apart && sod::continues(policy, given, taken))
}

/// What is given, or what is taken.
fn memberships(changes: &[Change], give: bool) -> impl Iterator<Item = &EntitlementId> {
    changes.iter().filter_map(move |change| match change {
        Change::Grant { entitlement } if give => Some(entitlement),
        Change::Revoke { entitlement } if !give => Some(entitlement),
        Change::Create { .. }
        | Change::Adopt { .. }
        | Change::Restore
        | Change::Update { .. }
        | Change::Enable
        | Change::Disable
        | Change::Delete
        | Change::RevokeSessions
        | Change::Grant { .. }
        | Change::Revoke { .. } => None,
    })
}

/// Memberships that are wanted and missing, in entitlement order.
fn grants(input: &Input<'_>, target: &Target, have: &Have<'_>, out: &mut Convergence) {
    let recorded = &input.record.grants;
    let held = input.seen.and_then(|seen| seen.held);
    let foreign = foreign(out);
    for entitlement in input.projection.grants.keys() {
        match (
            held.map(|held| held.contains(entitlement)),
            recorded.contains(entitlement),
        ) {
            (Some(true), false) if have.newer.is_none() => out.adopted.push(entitlement.clone()),
            // It may only not show yet.
            (Some(false), true) if target.lost == LostGrant::Report && have.newer.is_some() => {}
            (Some(false), true) if target.lost == LostGrant::Report => {
                out.findings.push(Finding::CannotApply {
                    target: input.target.clone(),
                    why: "a membership was removed by hand and policy only reports that".into(),
                });
            }
            (Some(_) | None, false) | (Some(false), true) => {
                match against_foreign(input, entitlement, &foreign) {
                    Some(pair) => out.findings.push(Finding::SodConflict {
                        pair: pair.into(),
                        withheld: entitlement.clone(),
                    }),
                    None => out.changes.push(Change::Grant {
                        entitlement: entitlement.clone(),
                    }),
                }
            }
            (Some(true) | None, true) => {}
        }
    }
}

/// Memberships that somebody gave by hand and that are not ours to take away.
fn foreign(out: &Convergence) -> BTreeSet<EntitlementId> {
    out.findings
        .iter()
        .filter_map(|finding| match finding {
            Finding::Foreign { entitlement } => Some(entitlement.clone()),
            Finding::Parked { .. }
            | Finding::SodConflict { .. }
            | Finding::SodHeld { .. }
            | Finding::SodExcepted { .. }
            | Finding::Lapsed { .. }
            | Finding::MissingManager { .. }
            | Finding::Ambiguous { .. }
            | Finding::CannotApply { .. }
            | Finding::Withheld { .. }
            | Finding::WouldGrant { .. } => None,
        })
        .collect()
}

/// The SoD pair or set that a grant would break together with such memberships.
fn against_foreign<'a>(
    input: &Input<'a>,
    grant: &EntitlementId,
    foreign: &BTreeSet<EntitlementId>,
) -> Option<&'a str> {
    if foreign.is_empty() {
        return None;
    }
    let wanted = input.projection.grants.keys().collect();
    completes(input.policy, grant, foreign, &wanted)
}

/// Attributes that differ, in one change.
fn update(input: &Input<'_>, have: &Have<'_>, out: &mut Convergence) {
    let wanted = &input.projection.attrs;
    let overwritten = |path: &AttrPath, mapped: &Mapped| {
        let written = have.newer.and_then(|record| record.attrs.get(path));
        mapped.strength == Strength::Always
            && written.is_some_and(|written| differs(path, mapped, Some(written.reveal())))
    };
    let attrs: BTreeMap<AttrPath, AttrChange> = beside(wanted, have.attrs)
        .filter(|(path, mapped, was)| {
            differs(path, mapped, was.map(Pii::reveal)) || overwritten(path, mapped)
        })
        .map(|(path, mapped, was)| {
            let change = AttrChange {
                was: was.cloned(),
                want: mapped.value.clone(),
            };
            (path.clone(), change)
        })
        .collect();
    if !attrs.is_empty() {
        out.changes.push(Change::Update { attrs });
    }
}

/// Each entry of a map with what another map has under its key. Both ascend, so that one walk
/// through both finds everything.
fn beside<'a, K: Ord, A, B>(
    map: &'a BTreeMap<K, A>,
    other: Option<&'a BTreeMap<K, B>>,
) -> impl Iterator<Item = (&'a K, &'a A, Option<&'a B>)> {
    let mut other = other.into_iter().flatten().peekable();
    map.iter().map(move |(key, one)| {
        loop {
            match other.peek().map(|(theirs, _)| theirs.cmp(&key)) {
                Some(Ordering::Less) => other.next(),
                Some(Ordering::Equal) => break (key, one, other.next().map(|(_, found)| found)),
                Some(Ordering::Greater) | None => break (key, one, None),
            };
        }
    })
}

fn creation(projection: &Projection) -> BTreeMap<AttrPath, AttrChange> {
    projection
        .attrs
        .iter()
        .filter(|(_, mapped)| !is_empty(Some(mapped.value.reveal())))
        .map(|(path, mapped)| {
            let change = AttrChange {
                was: None,
                want: mapped.value.clone(),
            };
            (path.clone(), change)
        })
        .collect()
}

fn is_empty(slot: Option<&Slot>) -> bool {
    slot.and_then(Slot::text).is_none_or(str::is_empty)
}

/// Whether policy would write an attribute of an account that exists. The connector writes and
/// the nightly comparison reports by this one answer.
pub fn differs(path: &str, mapped: &Mapped, was: Option<&Slot>) -> bool {
    let want = mapped.value.reveal();
    match mapped.strength {
        Strength::OnCreate => false,
        Strength::FillIfEmpty => is_empty(was) && !is_empty(Some(want)),
        Strength::Always => !same(path, was, want),
    }
}

/// Whether values of a path are compared without regard to case (RFC 7643 sections 4.1.1 and
/// 4.1.2: user names, and in practice e-mail addresses).
pub fn folds(path: &str) -> bool {
    path == "userName" || path.starts_with("emails")
}

/// Whether an attribute is as wanted. A target that has nothing, null or an empty text where
/// policy clears is as wanted.
pub fn same(path: &str, was: Option<&Slot>, want: &Slot) -> bool {
    match (
        was.and_then(Slot::text).unwrap_or_default(),
        want.text().unwrap_or_default(),
    ) {
        (was, want) if was == want => true,
        (was, want) => same_text(path, was, want),
    }
}

/// Equality of two values of a path.
fn same_text(path: &str, a: &str, b: &str) -> bool {
    a == b || (folds(path) && a.to_lowercase() == b.to_lowercase())
}
