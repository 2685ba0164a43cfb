//! What a policy would do to people, before it is live: two plans of one identity side by side
//! ([`compare`]), why something is or is not given ([`why_not`]), and all of it added up
//! ([`Tally`]). It plans nothing itself; it reads plans of [`crate::plan`], so that what it shows
//! is what a decision under that policy would carry out.

mod growth;
mod tally;
mod why;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

pub use growth::{Growth, Whom, growth};
pub use tally::{Group, Heading, Row, Subject, Tally, TargetTally, Verdict, Weight};
pub use why::{
    Filter, Held, Obstacle, Trial, WhyNot, describe, no_account, obstacles, problem, why_not,
};

use crate::limit::{self, Line};
use crate::plan::Compiled;
use crate::policy::{Criticality, Mode, Target, TargetKind};
use crate::project::AttrPath;
use crate::rollout;
use crate::{
    AccountRecord, Change, EntitlementId, Fact, IdentityId, Pii, Plan, Reason, RecordKey, Slot,
    TargetId,
};

/// Whose plans are compared, and what they rest on.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// Who.
    pub identity: &'a IdentityId,
    /// The facts of each worker record.
    pub records: &'a [(RecordKey, Vec<Fact>)],
    /// What the connectors did.
    pub accounts: &'a BTreeMap<TargetId, AccountRecord>,
    /// The planned instant.
    pub at: Timestamp,
}

/// A plan and the policy that it was made under.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// The policy.
    pub compiled: &'a Compiled,
    /// The plan.
    pub plan: &'a Plan,
}

/// Where an account stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// There is none.
    #[default]
    None,
    /// It cannot sign in.
    Blocked,
    /// It can sign in.
    Active,
}

/// An account once the changes of a plan are carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// Where it stands.
    pub standing: Standing,
    /// Its attributes.
    pub attrs: BTreeMap<AttrPath, Pii<Slot>>,
    /// The entitlements that we gave.
    pub grants: BTreeSet<EntitlementId>,
}

impl End {
    /// The account as it is recorded.
    pub fn of(record: &AccountRecord) -> Self {
        if record.id.is_none() {
            return Self::default();
        }
        Self {
            standing: if record.active {
                Standing::Active
            } else {
                Standing::Blocked
            },
            attrs: record.attrs.clone(),
            grants: record.grants.clone(),
        }
    }

    /// The account after these changes.
    pub fn after(record: &AccountRecord, changes: &[Change]) -> Self {
        let mut end = Self::of(record);
        for change in changes {
            match change {
                Change::Create { active, attrs } => {
                    end = Self::default();
                    end.standing = if *active {
                        Standing::Active
                    } else {
                        Standing::Blocked
                    };
                    end.write(attrs);
                }
                Change::Update { attrs } => end.write(attrs),
                Change::Enable => end.standing = Standing::Active,
                Change::Disable => end.standing = Standing::Blocked,
                Change::Delete => end = Self::default(),
                Change::Grant { entitlement } => {
                    end.grants.insert(entitlement.clone());
                }
                Change::Revoke { entitlement } => {
                    end.grants.remove(entitlement);
                }
                Change::Adopt { .. } | Change::Restore | Change::RevokeSessions => {}
            }
        }
        end
    }

    fn write(&mut self, attrs: &BTreeMap<AttrPath, crate::change::AttrChange>) {
        let wanted = attrs
            .iter()
            .map(|(path, change)| (path.clone(), change.want.clone()));
        self.attrs.extend(wanted);
    }
}

/// What becomes different for one person on one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delta {
    /// Where.
    pub target: TargetId,
    /// What.
    #[serde(flatten)]
    pub effect: Effect,
    /// The reason before, or why there was none.
    pub was_because: Ground,
    /// The reason after, or why there is none.
    pub now_because: Ground,
    /// Nothing is written there: the target is only simulated.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
}

/// What becomes different.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "effect")]
pub enum Effect {
    /// The account appears, can or cannot sign in, or disappears.
    Account {
        /// Before.
        was: Standing,
        /// After.
        want: Standing,
    },
    /// An entitlement is given.
    Gain {
        /// Which.
        entitlement: EntitlementId,
        /// Whether it is privileged.
        privileged: bool,
        /// How much harm its misuse does.
        criticality: Criticality,
    },
    /// An entitlement is taken away.
    Lose {
        /// Which.
        entitlement: EntitlementId,
        /// Whether it is privileged.
        privileged: bool,
        /// How much harm its misuse does.
        criticality: Criticality,
    },
    /// An entitlement stays for other reasons.
    Reasons {
        /// Which.
        entitlement: EntitlementId,
        /// Whether it is privileged.
        privileged: bool,
        /// How much harm its misuse does.
        criticality: Criticality,
    },
    /// An attribute of the account.
    Attribute {
        /// Which.
        path: AttrPath,
        /// Before.
        was: Option<Pii<Slot>>,
        /// After.
        want: Option<Pii<Slot>>,
    },
    /// What is there stays as it is, and nobody looks after it any more: the account, where the
    /// target is not in the policy or is only observed; an entitlement, where the policy does not
    /// say any more what it is at the target, so that nobody can take it away. The account then
    /// waits for a human, with whatever else was to be changed.
    Unmanaged {
        /// Which entitlement; the whole account without one.
        #[serde(skip_serializing_if = "Option::is_none")]
        entitlement: Option<EntitlementId>,
    },
}

/// Whether a person has more or less afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Less.
    Loss,
    /// More.
    Gain,
    /// Neither.
    Change,
}

impl Effect {
    /// Whether the person has more or less afterwards.
    pub fn direction(&self) -> Direction {
        match self {
            Self::Account { was, want } if want < was => Direction::Loss,
            Self::Account { .. } | Self::Gain { .. } => Direction::Gain,
            Self::Lose { .. } => Direction::Loss,
            Self::Reasons { .. } | Self::Attribute { .. } | Self::Unmanaged { .. } => {
                Direction::Change
            }
        }
    }
}

/// Why something is so on one side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// These justify it.
    Given(BTreeSet<Reason>),
    /// It is not given, and this is in the way.
    NotGiven(Vec<Obstacle>),
    /// The target's section of the policy says so.
    Target,
}

/// What differs between the ends of two plans of one identity, in order of target; sign-in before
/// entitlements before attributes.
pub fn compare(person: &Person<'_>, from: &Side<'_>, to: &Side<'_>) -> Vec<Delta> {
    let none = AccountRecord::default();
    let mut deltas = Vec::new();
    let names: BTreeSet<&TargetId> = from
        .plan
        .targets
        .keys()
        .chain(to.plan.targets.keys())
        .collect();
    for name in names {
        let record = person.accounts.get(name).unwrap_or(&none);
        let place = Place::of(name, record, from, to);
        if !from.is_managed(name) && !to.is_managed(name) {
            continue;
        }
        place.compare(person, from, to, &mut deltas);
    }
    deltas
}

impl<'a> Side<'a> {
    fn target(&self, name: &TargetId) -> Option<&'a Target> {
        self.compiled.policy.targets.get(name)
    }

    /// Whether the account there is written.
    fn writes(&self, name: &TargetId) -> bool {
        self.plan
            .targets
            .get(name)
            .is_some_and(|target| rollout::writes(&self.compiled.policy, name, &target.projection))
    }

    /// Whether a plan for that target is shown.
    fn is_managed(&self, name: &TargetId) -> bool {
        self.target(name)
            .is_some_and(|target| target.mode != Mode::Observe)
    }

    fn changes(&self, name: &TargetId) -> &'a [Change] {
        self.plan
            .targets
            .get(name)
            .map_or(&[], |target| target.changes.as_slice())
    }

    /// The changes that can be carried out, and the entitlement that stops the others: one that is
    /// to be taken away and that the policy does not know any more.
    fn feasible(&self, name: &TargetId) -> (&'a [Change], Option<&'a EntitlementId>) {
        let changes = self.changes(name);
        let known = &self.compiled.policy.entitlements;
        let stuck = changes.iter().enumerate().find_map(|(at, change)| {
            if let Change::Revoke { entitlement } = change
                && !known.contains_key(entitlement)
            {
                return Some((at, entitlement));
            }
            None
        });
        match stuck {
            Some((at, entitlement)) => (changes.get(..at).unwrap_or(&[]), Some(entitlement)),
            None => (changes, None),
        }
    }

    /// The destructive changes, as limits count them, given what becomes different. What people do
    /// by hand passes through their hands one by one, and no limit counts it.
    ///
    /// A plan names the manager and a record the manager's account, so that every plan has the
    /// reference among its changes; only one that names another manager changes it.
    fn destructive(&self, name: &TargetId, deltas: &[Delta]) -> BTreeSet<Line> {
        let kind = self.target(name).map(|target| &target.kind);
        if matches!(kind, Some(TargetKind::Manual(_))) {
            return BTreeSet::new();
        }
        let changes = self.feasible(name).0;
        let differs = |path: &AttrPath| {
            let here = deltas.iter().filter(|delta| delta.target == *name);
            let mut effects = here.map(|delta| &delta.effect);
            effects.any(|effect| matches!(effect, Effect::Attribute { path: p, .. } if p == path))
        };
        let references: BTreeSet<&AttrPath> =
            self.references(name).filter(|path| differs(path)).collect();
        let desired = self.plan.targets.get(name).map(|t| t.projection.desired);
        let ends = desired.is_some_and(|desired| limit::is_ending(self.plan.state, desired));
        limit::lines(changes, &|path| references.contains(path), ends)
    }

    /// Attributes that name another account.
    fn references(&self, name: &TargetId) -> impl Iterator<Item = &'a AttrPath> {
        let attrs = self
            .plan
            .targets
            .get(name)
            .map(|target| &target.projection.attrs);
        attrs
            .into_iter()
            .flatten()
            .filter(|(_, mapped)| mapped.refers)
            .map(|(path, _)| path)
    }

    fn reasons(&self, name: &TargetId, entitlement: &EntitlementId) -> BTreeSet<Reason> {
        self.plan
            .targets
            .get(name)
            .and_then(|target| target.projection.grants.get(entitlement))
            .cloned()
            .unwrap_or_default()
    }

    fn is_privileged(&self, entitlement: &EntitlementId) -> bool {
        self.compiled
            .policy
            .entitlements
            .get(entitlement)
            .is_some_and(|known| known.privileged)
    }

    /// One that a policy does not name counts as the least.
    fn criticality(&self, entitlement: &EntitlementId) -> Criticality {
        let holding = self.compiled.policy.holding(entitlement);
        holding.map_or(Criticality::Low, |holding| holding.criticality)
    }
}

/// One account under both plans.
struct Place<'a> {
    name: &'a TargetId,
    was: End,
    want: End,
    simulated: bool,
}

impl<'a> Place<'a> {
    fn of(name: &'a TargetId, record: &AccountRecord, from: &Side<'_>, to: &Side<'_>) -> Self {
        // Where neither side writes, both are compared as if they did: that is what simulating a
        // target is for. Where one does, what the other leaves undone is the difference.
        let simulated = !from.writes(name) && !to.writes(name);
        let end = |side: &Side<'_>| {
            let shown = side.writes(name) || (simulated && side.is_managed(name));
            if !shown {
                return End::of(record);
            }
            let mut end = End::after(record, side.feasible(name).0);
            // A manager is wanted by record and written by account: what is written there already
            // differs in form only.
            for path in side.references(name) {
                if let Some(written) = record.attrs.get(path)
                    && end.standing != Standing::None
                {
                    end.attrs.insert(path.clone(), written.clone());
                }
            }
            end
        };
        Self {
            name,
            was: end(from),
            want: end(to),
            simulated,
        }
    }

    fn compare(
        &self,
        person: &Person<'_>,
        from: &Side<'_>,
        to: &Side<'_>,
        deltas: &mut Vec<Delta>,
    ) {
        let ours = self.was.standing != Standing::None;
        if ours && from.is_managed(self.name) && !to.is_managed(self.name) {
            let effect = Effect::Unmanaged { entitlement: None };
            deltas.push(self.delta(effect, Ground::Target, Ground::Target));
        }
        if let (None, Some(stuck)) = (from.feasible(self.name).1, to.feasible(self.name).1)
            && to.is_managed(self.name)
        {
            let effect = Effect::Unmanaged {
                entitlement: Some(stuck.clone()),
            };
            let ground = Ground::NotGiven(vec![Obstacle::NoEntitlement {
                entitlement: stuck.clone(),
            }]);
            let before = Ground::Given(from.reasons(self.name, stuck));
            deltas.push(self.delta(effect, before, ground));
        }
        if self.was.standing != self.want.standing {
            let effect = Effect::Account {
                was: self.was.standing,
                want: self.want.standing,
            };
            let ground = |side: &Side<'_>, standing| {
                if standing == Standing::Active {
                    Ground::Target
                } else {
                    Ground::NotGiven(why::no_account(side, person, self.name))
                }
            };
            let was = ground(from, self.was.standing);
            let want = ground(to, self.want.standing);
            deltas.push(self.delta(effect, was, want));
        }
        for entitlement in self.was.grants.union(&self.want.grants) {
            self.entitlement(person, from, to, entitlement, deltas);
        }
        // What a new account begins with, or a deleted one ended with, is no change of attributes.
        if self.was.standing != Standing::None && self.want.standing != Standing::None {
            let paths: BTreeSet<&AttrPath> = self
                .was
                .attrs
                .keys()
                .chain(self.want.attrs.keys())
                .collect();
            for path in paths {
                let (was, want) = (self.was.attrs.get(path), self.want.attrs.get(path));
                if was != want {
                    let effect = Effect::Attribute {
                        path: path.clone(),
                        was: was.cloned(),
                        want: want.cloned(),
                    };
                    deltas.push(self.delta(effect, Ground::Target, Ground::Target));
                }
            }
        }
    }

    fn entitlement(
        &self,
        person: &Person<'_>,
        from: &Side<'_>,
        to: &Side<'_>,
        entitlement: &EntitlementId,
        deltas: &mut Vec<Delta>,
    ) {
        let before = from.reasons(self.name, entitlement);
        let after = to.reasons(self.name, entitlement);
        let held = self.was.grants.contains(entitlement);
        let holds = self.want.grants.contains(entitlement);
        let privileged = from.is_privileged(entitlement) || to.is_privileged(entitlement);
        let criticality = [from, to].map(|side| side.criticality(entitlement));
        let criticality = criticality.into_iter().max().unwrap_or_default();
        let id = entitlement.clone();
        let effect = match (held, holds) {
            (false, _) => Effect::Gain {
                entitlement: id,
                privileged,
                criticality,
            },
            (true, false) => Effect::Lose {
                entitlement: id,
                privileged,
                criticality,
            },
            (true, true) if before == after || !to.writes(self.name) => return,
            // Said already, and for what it is.
            (true, true) if to.feasible(self.name).1 == Some(entitlement) => return,
            (true, true) => Effect::Reasons {
                entitlement: id,
                privileged,
                criticality,
            },
        };
        let ground = |side: &Side<'_>, reasons: &BTreeSet<Reason>, others: &BTreeSet<Reason>| {
            if reasons.is_empty() {
                let mut found = why::obstacles(side, person, entitlement, others);
                // That nothing is written is no reason where neither side writes.
                found.retain(|one| !(self.simulated && matches!(one, Obstacle::Mode { .. })));
                Ground::NotGiven(found)
            } else {
                Ground::Given(reasons.clone())
            }
        };
        let was = ground(from, &before, &after);
        let want = ground(to, &after, &before);
        deltas.push(self.delta(effect, was, want));
    }

    fn delta(&self, effect: Effect, was_because: Ground, now_because: Ground) -> Delta {
        Delta {
            target: self.name.clone(),
            effect,
            was_because,
            now_because,
            simulated: self.simulated,
        }
    }
}
