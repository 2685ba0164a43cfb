//! What a change of policy does to everybody, added up as people stream past. What is kept per
//! person is a digest; names are kept for the first so many of each group only.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use super::{Delta, Direction, Effect, Ground, Growth, Person, Side, Standing};
use crate::limit::{Meter, Population, Scope};
use crate::policy::Criticality;
use crate::project::{AttrPath, Cause};
use crate::{Change, EntitlementId, Hash, IdentityId, Pii, RuleId, TargetId};

/// Everybody's differences, added up.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// People looked at.
    pub people: u64,
    /// People for whom something becomes different.
    pub affected: u64,
    /// People who lose access, an account or sign-in.
    pub losing: u64,
    /// People who gain.
    pub gaining: u64,
    /// What becomes different, the most critical first.
    pub groups: BTreeMap<Heading, Group>,
    /// What would be carried out, by target.
    pub targets: BTreeMap<TargetId, TargetTally>,
    digests: Vec<(IdentityId, Hash)>,
    most: usize,
}

/// What belongs together in a report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Heading {
    /// How much it matters.
    pub weight: Weight,
    /// The rules that give it on the side that has it; empty where no rule is involved.
    pub rules: Vec<RuleId>,
    /// Where.
    pub target: TargetId,
    /// What.
    pub subject: Subject,
    /// Whether people have more or less afterwards.
    pub direction: Direction,
    /// Nothing is written there: the target is only simulated.
    pub simulated: bool,
}

/// How much a difference matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// An entitlement that policy calls critical.
    Critical,
    /// A privileged entitlement.
    Privileged,
    /// An entitlement of high criticality.
    High,
    /// An account, or whether it can sign in.
    Account,
    /// Any other entitlement.
    Standard,
    /// An entitlement of low criticality.
    Low,
    /// An attribute, or a reason.
    Attribute,
}

/// What becomes different.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// The account: from where to where it stands.
    Account(Standing, Standing),
    /// An entitlement.
    Entitlement(EntitlementId),
    /// The reasons of an entitlement.
    Reasons(EntitlementId),
    /// An attribute.
    Attribute(AttrPath),
    /// Nobody looks after the entitlement any more, or after the whole account.
    Unmanaged(Option<EntitlementId>),
}

/// The people of one heading.
#[derive(Clone, Debug, Default)]
pub struct Group {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub rows: Vec<Row>,
}

/// One person in a group.
#[derive(Clone, Debug)]
pub struct Row {
    /// Who.
    pub identity: IdentityId,
    /// Who, for people.
    pub name: Pii<Box<str>>,
    /// What.
    pub delta: Delta,
}

/// What would be carried out on one target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TargetTally {
    /// How many there are now.
    pub population: Population,
    /// Destructive changes by limit: of a class, and of the removals from one group.
    pub destructive: BTreeMap<Scope, u64>,
    /// Accounts that would be made.
    pub creates: u64,
    /// Entitlements that would be given.
    pub grants: u64,
}

/// What one limit says to the changes of its scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Where.
    pub target: TargetId,
    /// Of what.
    pub scope: Scope,
    /// How many changes.
    pub count: u64,
    /// How many passed in the window already.
    pub before: u64,
    /// How many pass in a window.
    pub allowed: u64,
    /// Whether something of it would be held.
    pub held: bool,
}

impl Tally {
    /// Nobody yet. Each group keeps the first `most` people by name.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            ..Self::default()
        }
    }

    /// Adds one person with what [`super::compare`] gave.
    pub fn add(
        &mut self,
        person: &Person<'_>,
        name: &Pii<Box<str>>,
        to: &Side<'_>,
        deltas: &[Delta],
    ) {
        self.people += 1;
        self.count(person, to, deltas);
        let effects: Vec<(&TargetId, &Effect)> = deltas
            .iter()
            .filter(|delta| !matches!(delta.effect, Effect::Reasons { .. }))
            .map(|delta| (&delta.target, &delta.effect))
            .collect();
        if !effects.is_empty() {
            let bytes = serde_json::to_vec(&effects).unwrap_or_default();
            self.digests
                .push((person.identity.clone(), Hash::of(&bytes)));
            self.affected += 1;
        }
        let directs = |direction| deltas.iter().any(|d| d.effect.direction() == direction);
        self.losing += u64::from(directs(Direction::Loss));
        self.gaining += u64::from(directs(Direction::Gain));
        for delta in deltas {
            let group = self.groups.entry(Heading::of(delta)).or_default();
            group.count += 1;
            if group.rows.len() < self.most {
                group.rows.push(Row {
                    identity: person.identity.clone(),
                    name: name.clone(),
                    delta: delta.clone(),
                });
            }
        }
    }

    fn count(&mut self, person: &Person<'_>, to: &Side<'_>, deltas: &[Delta]) {
        for name in to.plan.targets.keys() {
            if !to.writes(name) {
                continue;
            }
            let tally = self.targets.entry(name.clone()).or_default();
            let account = person.accounts.get(name);
            if let Some(account) = account.filter(|account| account.id.is_some()) {
                tally.population.count(account);
            }
            for scope in to.destructive(name, deltas).iter().flat_map(Scope::of) {
                *tally.destructive.entry(scope).or_default() += 1;
            }
            for change in to.feasible(name).0 {
                tally.creates += u64::from(matches!(change, Change::Create { .. }));
                tally.grants += u64::from(matches!(change, Change::Grant { .. }));
            }
        }
    }

    /// What the limits of a policy say, given the meters of its targets: what passed in the window
    /// counts, and where something waits already, everything waits. A target without a meter is
    /// taken to have had no changes.
    pub fn verdicts(
        &self,
        to: &crate::Policy,
        meters: &BTreeMap<TargetId, Meter>,
        at: Timestamp,
    ) -> Vec<Verdict> {
        let unused = Meter::default();
        let mut verdicts = Vec::new();
        for (name, tally) in &self.targets {
            let Some(target) = to.targets.get(name) else {
                continue;
            };
            let meter = meters.get(name).unwrap_or(&unused);
            for (scope, count) in &tally.destructive {
                let allowed = meter.allowed(&target.limits, scope);
                let before = meter.count(&target.limits, scope, at);
                let waits = meter.holds.contains_key(scope);
                verdicts.push(Verdict {
                    target: name.clone(),
                    scope: scope.clone(),
                    count: *count,
                    before,
                    allowed,
                    held: waits || before.saturating_add(*count) > allowed,
                });
            }
        }
        verdicts
    }

    /// SHA-256 over who gains and who loses what, whatever order people came in. Reasons do not
    /// count: the same access for other reasons is the same access.
    pub fn digest(&self) -> Hash {
        let mut digests: Vec<&(IdentityId, Hash)> = self.digests.iter().collect();
        digests.sort();
        Hash::of_parts(
            digests
                .into_iter()
                .flat_map(|(identity, hash)| [identity.as_str().as_bytes(), &hash.0[..]]),
        )
    }

    /// How many people gain each entitlement by which a default role grew, in its order.
    pub fn gaining_by(&self, growth: &Growth) -> Vec<(EntitlementId, u64)> {
        let gains = |one: &EntitlementId| {
            let groups = self.groups.iter().filter(|(heading, _)| {
                heading.direction == Direction::Gain
                    && matches!(&heading.subject, Subject::Entitlement(id) if id == one)
                    && heading.rules.contains(&growth.rule)
            });
            groups.map(|(_, group)| group.count).sum()
        };
        let new = growth.entitlements.iter();
        new.map(|one| (one.clone(), gains(one))).collect()
    }

    /// Who is affected, in order.
    pub fn identities(&self) -> BTreeSet<&IdentityId> {
        self.digests.iter().map(|(identity, _)| identity).collect()
    }
}

impl Heading {
    /// Under which heading a difference belongs.
    pub fn of(delta: &Delta) -> Self {
        let weigh = |privileged: &bool, criticality: &Criticality| match (criticality, privileged) {
            (Criticality::Critical, _) => Weight::Critical,
            (_, true) => Weight::Privileged,
            (Criticality::High, false) => Weight::High,
            (Criticality::Medium, false) => Weight::Standard,
            (Criticality::Low, false) => Weight::Low,
        };
        let (weight, subject, ground) = match &delta.effect {
            Effect::Account { was, want } => (
                Weight::Account,
                Subject::Account(*was, *want),
                Ground::Target,
            ),
            Effect::Gain {
                entitlement,
                privileged,
                criticality,
            } => (
                weigh(privileged, criticality),
                Subject::Entitlement(entitlement.clone()),
                delta.now_because.clone(),
            ),
            Effect::Lose {
                entitlement,
                privileged,
                criticality,
            } => (
                weigh(privileged, criticality),
                Subject::Entitlement(entitlement.clone()),
                delta.was_because.clone(),
            ),
            Effect::Reasons { entitlement, .. } => (
                Weight::Attribute,
                Subject::Reasons(entitlement.clone()),
                delta.now_because.clone(),
            ),
            Effect::Attribute { path, .. } => (
                Weight::Attribute,
                Subject::Attribute(path.clone()),
                Ground::Target,
            ),
            Effect::Unmanaged { entitlement } => (
                Weight::Account,
                Subject::Unmanaged(entitlement.clone()),
                delta.was_because.clone(),
            ),
        };
        Self {
            weight,
            rules: rules(&ground),
            target: delta.target.clone(),
            subject,
            direction: delta.effect.direction(),
            simulated: delta.simulated,
        }
    }
}

fn rules(ground: &Ground) -> Vec<RuleId> {
    let Ground::Given(reasons) = ground else {
        return Vec::new();
    };
    let mut rules: Vec<RuleId> = reasons
        .iter()
        .filter_map(|reason| match &reason.cause {
            Cause::Rule { rule, .. } | Cause::Overlap { rule, .. } => Some(rule.clone()),
            Cause::Adopted => None,
        })
        .collect();
    rules.dedup();
    rules
}
