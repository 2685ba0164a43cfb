//! From facts and policy to what should be: identity, projections, changes, findings. The one
//! planner; webhook, clock, nightly run, dry run and replay all call it.

mod mapped;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::change::Jml;
use crate::converge::{self, converge};
use crate::entitle::{self, Grants, Offered};
use crate::evaluate::{Engine, all_hold};
use crate::finding::Finding;
use crate::fold::{Folded, fold, view};
use crate::policy::{AccountFor, Policy, Target};
use crate::{
    AccountRecord, Attr, Attrs, Change, Desired, EntitlementId, Fact, FactBody, Generation, Hash,
    IdentityId, IdentityRecord, IdentityState, IdentityView, Pii, Plan, Projection, Reason,
    RecordKey, TargetId, TargetPlan, rollout,
};
use mapped::{Expressions, Source};

/// A policy with its rules indexed. Built once per version.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The policy.
    pub policy: Arc<Policy>,
    engine: Engine,
    /// What each rule offers, in the order of the rules.
    pub(crate) offered: Vec<Vec<Offered>>,
    expressions: Expressions,
    nobody: AccountRecord,
    /// Days that a plan has to look back, where policy asks since when or until when somebody was
    /// entitled.
    pub(crate) lookback: Option<u16>,
}

impl Compiled {
    /// Indexes a policy.
    pub fn new(policy: impl Into<Arc<Policy>>) -> Self {
        let policy = policy.into();
        let engine = Engine::new(&policy);
        Self {
            offered: entitle::offered(&policy),
            lookback: entitle::lookback(&policy),
            expressions: Expressions::new(&policy),
            policy,
            engine,
            nobody: AccountRecord::default(),
        }
    }

    /// Indices of the rules that hold for a person, ascending.
    pub(crate) fn matching(&self, attrs: &Attrs) -> Vec<usize> {
        self.engine.matching(attrs)
    }
}

/// Everything a plan rests on.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// For whom.
    pub identity: &'a IdentityId,
    /// The facts of each worker record of the identity.
    pub records: &'a [(RecordKey, Vec<Fact>)],
    /// What the last decision left, if there was one.
    pub recorded: Option<&'a IdentityRecord>,
    /// What the connectors did.
    pub accounts: &'a BTreeMap<TargetId, AccountRecord>,
    /// Generated identifiers, reserved ones and those to be reserved with this decision.
    pub identifiers: &'a BTreeMap<Box<str>, Pii<Box<str>>>,
    /// The planned instant.
    pub at: Timestamp,
}

/// The identity at the planned instant, and the problems of each record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folding {
    /// The identity.
    pub view: IdentityView,
    /// One finding per problem.
    pub parked: Vec<Finding>,
    /// Whether the record that speaks for the human has problems.
    pub blocked: bool,
}

/// Folds every record and lets one of them speak.
pub fn identity_at(policy: &Policy, records: &[(RecordKey, Vec<Fact>)], at: Timestamp) -> Folding {
    let mut parked = Vec::new();
    let mut bad: BTreeSet<RecordKey> = BTreeSet::new();
    let engagements = records
        .iter()
        .map(|(key, facts)| {
            let Folded {
                engagement,
                problems,
            } = fold(policy, key, facts, at);
            for problem in problems {
                bad.insert(key.clone());
                parked.push(Finding::Parked {
                    record: key.clone(),
                    problem,
                });
            }
            engagement
        })
        .collect();
    let view = view(engagements);
    let blocked = view
        .speaker()
        .is_some_and(|speaker| bad.contains(&speaker.record));
    Folding {
        view,
        parked,
        blocked,
    }
}

/// Plans. Total and deterministic: equal inputs give byte-equal plans.
pub fn plan(compiled: &Compiled, input: &Input<'_>) -> Plan {
    let folding = identity_at(&compiled.policy, input.records, input.at);
    plan_folded(compiled, input, folding)
}

/// Plans from an identity that was folded already.
pub fn plan_folded(compiled: &Compiled, input: &Input<'_>, folding: Folding) -> Plan {
    let policy = &*compiled.policy;
    let Folding {
        view,
        parked: mut findings,
        blocked,
    } = folding;
    let mut clock = Boundaries::new(input.at);
    clock.engagements(&view);

    // A person with bad data keeps what there is; endings go through all the same.
    let held_back = blocked && view.state != IdentityState::Ended;
    let empty = Attrs::new();
    let attrs = view.speaker().map_or(&empty, |speaker| &speaker.attrs);
    let wanted = if held_back || view.state == IdentityState::Ended {
        Grants::new()
    } else {
        entitle::entitlements(compiled, input, &view, &mut clock, &mut findings)
    };
    let mut wanted = by_target(wanted);
    let source = Source::new(&compiled.expressions, input, &view, attrs);

    let mut targets = BTreeMap::new();
    for (name, target) in &policy.targets {
        let record = input.accounts.get(name).unwrap_or(&compiled.nobody);
        let before = input
            .recorded
            .and_then(|recorded| recorded.projections.get(name));
        let mut projection = if held_back {
            let kept = before.cloned().unwrap_or_else(|| Projection {
                policy: policy.version,
                ..Projection::default()
            });
            unlapsed(kept, &mut clock)
        } else {
            let here = wanted.remove(name).unwrap_or_default();
            project(policy, &view, &source, name, target, here, &mut clock)
        };
        projection.simulated =
            rollout::simulates(name, target, input.identity, attrs, before, record);
        let ties = input.recorded.and_then(|recorded| recorded.ties.get(name));
        projection.ties = ties.cloned().unwrap_or_default();
        let convergence = converge(&converge::Input {
            policy,
            target: name,
            identity: input.identity,
            projection: &projection,
            record,
            unsettled: None,
            seen: None,
        });
        findings.extend(convergence.findings);
        let urgent = matches!(convergence.changes.first(), Some(Change::Disable));
        targets.insert(
            name.clone(),
            TargetPlan {
                projection,
                changes: convergence.changes,
                urgent,
            },
        );
    }
    findings.sort();
    findings.dedup();
    Plan {
        identity: input.identity.clone(),
        state: archived_if_over(policy, &view, input.at),
        jml: classify(input.recorded, &view, &targets),
        targets,
        findings,
        due_at: clock.next,
    }
}

impl Plan {
    /// SHA-256 over the canonical JSON of the plan: what an approval names.
    pub fn digest(&self) -> Hash {
        serde_json::to_vec(self).map_or_else(|_| Hash::default(), |bytes| Hash::of(&bytes))
    }
}

/// The earliest of many instants after the planned one.
pub(crate) struct Boundaries {
    at: Timestamp,
    next: Option<Timestamp>,
}

impl Boundaries {
    const fn new(at: Timestamp) -> Self {
        Self { at, next: None }
    }

    fn add(&mut self, instant: Option<Timestamp>) {
        if let Some(instant) = instant
            && instant > self.at
        {
            self.next = Some(self.next.map_or(instant, |next| next.min(instant)));
        }
    }

    fn engagements(&mut self, view: &IdentityView) {
        for engagement in &view.engagements {
            self.add(engagement.starts_at);
            self.add(engagement.ends_at);
            self.add(engagement.next_fact_at);
        }
    }

    /// Whether an instant has come; if not, it is a boundary.
    pub(crate) fn reached(&mut self, instant: Timestamp) -> bool {
        self.add(Some(instant));
        instant <= self.at
    }
}

pub(crate) fn days(n: impl Into<i64>) -> SignedDuration {
    SignedDuration::from_hours(24_i64.saturating_mul(n.into()))
}

pub(crate) fn shifted(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// What is kept of a person whose data is bad: everything but what lapses by itself.
fn unlapsed(mut projection: Projection, clock: &mut Boundaries) -> Projection {
    projection.grants.retain(|_, reasons| {
        reasons.retain(|reason| !reason.until.is_some_and(|until| clock.reached(until)));
        !reasons.is_empty()
    });
    projection
}

/// What is wanted on each target, in the order of entitlements.
type Here = Vec<(EntitlementId, BTreeSet<Reason>)>;

fn by_target(wanted: Grants<'_>) -> BTreeMap<&TargetId, Here> {
    let mut targets: BTreeMap<&TargetId, Here> = BTreeMap::new();
    for (entitlement, granted) in wanted {
        let Some(target) = granted.target else {
            continue;
        };
        let here = targets.entry(target).or_default();
        here.push((entitlement.clone(), granted.reasons));
    }
    targets
}

/// The account that should exist on one target.
fn project(
    policy: &Policy,
    view: &IdentityView,
    source: &Source<'_>,
    name: &TargetId,
    target: &Target,
    here: Here,
    clock: &mut Boundaries,
) -> Projection {
    let mut projection = Projection {
        policy: policy.version,
        ..Projection::default()
    };
    if view.state == IdentityState::Ended {
        let over = view
            .ended_at()
            .zip(target.delete_after_days)
            .is_some_and(|(ended, after)| clock.reached(shifted(ended, days(after))));
        if over {
            projection.desired = Desired::Deleted;
        }
        return projection;
    }
    let filtered = target.scope_filter.as_ref();
    let attrs = source.attrs;
    if !all_hold(&target.scope, attrs) || filtered.is_some_and(|filter| !filter.holds(attrs)) {
        return projection;
    }
    if target.account_for == AccountFor::Entitled && here.is_empty() {
        return projection;
    }
    projection.desired = match view.state {
        IdentityState::Active => Desired::Active,
        IdentityState::Suspended => Desired::Disabled,
        IdentityState::Prehire => {
            let starts_at = view.speaker().and_then(|speaker| speaker.starts_at);
            let ready = starts_at
                .is_some_and(|start| clock.reached(shifted(start, -days(target.prehire_days))));
            if !ready {
                return projection;
            }
            Desired::Disabled
        }
        IdentityState::Ended | IdentityState::Archived => return projection,
    };
    if projection.desired == Desired::Active {
        projection.grants = here.into_iter().collect();
    }
    projection.attrs = source.mapped(name, &target.mappings);
    projection
}

fn archived_if_over(policy: &Policy, view: &IdentityView, at: Timestamp) -> IdentityState {
    if view.state != IdentityState::Ended {
        return view.state;
    }
    let over = view.ended_at().is_some_and(|ended| {
        policy.targets.values().all(|target| {
            target
                .delete_after_days
                .is_some_and(|after| shifted(ended, days(after)) <= at)
        })
    });
    if over {
        IdentityState::Archived
    } else {
        IdentityState::Ended
    }
}

/// What happened to the human, from before and after.
fn classify(
    recorded: Option<&IdentityRecord>,
    view: &IdentityView,
    targets: &BTreeMap<TargetId, TargetPlan>,
) -> Jml {
    use IdentityState::{Active, Archived, Ended, Prehire, Suspended};
    let was_active = recorded.is_some_and(|recorded| recorded.was_active);
    match (recorded.map(|recorded| recorded.state), view.state) {
        (Some(Active), Active) | (Some(Suspended), Suspended) => {
            if targets.values().any(|target| !target.changes.is_empty()) {
                Jml::Mover
            } else {
                Jml::None
            }
        }
        (Some(Suspended), Active) => Jml::Returned,
        (_, Suspended) => Jml::Suspended,
        (Some(Active | Suspended | Prehire), Ended | Archived) => Jml::Leaver,
        (Some(Prehire), Prehire) | (_, Ended | Archived) => Jml::None,
        (_, Active | Prehire) if was_active => Jml::Rehire,
        (_, Active | Prehire) => Jml::Joiner,
    }
}

/// Which targets' projections a plan changes, against the recorded ones. Policy version alone is
/// no change.
pub fn changed_targets(recorded: Option<&IdentityRecord>, plan: &Plan) -> BTreeSet<TargetId> {
    plan.targets
        .iter()
        .filter(|(name, target)| {
            let before = recorded.and_then(|recorded| recorded.projections.get(*name));
            match before {
                Some(before) => !same_projection(before, &target.projection),
                None => target.projection.desired != Desired::None,
            }
        })
        .map(|(name, _)| name.clone())
        .collect()
}

fn same_projection(a: &Projection, b: &Projection) -> bool {
    a.desired == b.desired
        && a.simulated == b.simulated
        && a.ties == b.ties
        && a.attrs == b.attrs
        && a.grants.keys().eq(b.grants.keys())
}

/// The identity record that a plan leaves behind.
pub fn next_record(
    recorded: Option<&IdentityRecord>,
    input: &Input<'_>,
    plan: &Plan,
) -> IdentityRecord {
    let generation = recorded
        .map_or(Generation::default(), |recorded| recorded.generation)
        .next();
    let mut changed = recorded
        .map(|recorded| recorded.changed.clone())
        .unwrap_or_default();
    let mut unsettled = recorded
        .map(|recorded| recorded.unsettled.clone())
        .unwrap_or_default();
    for target in changed_targets(recorded, plan) {
        let before = recorded.and_then(|recorded| recorded.projections.get(&target));
        let account = input.accounts.get(&target);
        // What was parked is acknowledged and may be done in part, its answers lost.
        let settled = |sent: &Generation| {
            account.is_some_and(|account| account.applied >= *sent && account.parked.is_none())
        };
        match (before, changed.get(&target)) {
            // What was only simulated was never sent: whoever holds it has it from somebody else.
            (Some(before), _) if before.simulated => {}
            (Some(before), Some(sent)) if !settled(sent) => {
                let maybe = unsettled.entry(target.clone()).or_default();
                maybe.extend(before.grants.keys().cloned());
            }
            _ => {
                unsettled.remove(&target);
            }
        }
        changed.insert(target, generation);
    }
    let facts = facts_digest(input.records);
    IdentityRecord {
        generation,
        records: recorded
            .map(|recorded| recorded.records.clone())
            .unwrap_or_default(),
        state: plan.state,
        was_active: recorded.is_some_and(|recorded| recorded.was_active)
            || plan.state == IdentityState::Active,
        ending_since: ending_since(recorded, input, plan.state, facts),
        identifiers: input.identifiers.clone(),
        claims: recorded
            .map(|recorded| recorded.claims.clone())
            .unwrap_or_default(),
        projections: plan
            .targets
            .iter()
            .filter(|(name, target)| {
                target.projection.desired != Desired::None
                    || recorded.is_some_and(|recorded| recorded.projections.contains_key(*name))
            })
            .map(|(name, target)| (name.clone(), target.projection.clone()))
            .collect(),
        changed,
        unsettled,
        findings: plan.findings.clone(),
        due_at: plan.due_at,
        ties: recorded
            .map(|recorded| recorded.ties.clone())
            .unwrap_or_default(),
        decisions: recorded
            .map(|recorded| recorded.decisions)
            .unwrap_or_default(),
        facts,
        policy: input_policy(plan),
        plan: plan.digest(),
    }
}

/// Since when access should be gone: the boundary that was crossed or the receipt of the newest
/// fact that can end anything, and the earlier where it may be either.
fn ending_since(
    recorded: Option<&IdentityRecord>,
    input: &Input<'_>,
    state: IdentityState,
    facts: Hash,
) -> Option<Timestamp> {
    let ends = |state| match state {
        IdentityState::Suspended | IdentityState::Ended | IdentityState::Archived => true,
        IdentityState::Prehire | IdentityState::Active => false,
    };
    let recorded = recorded.filter(|_| ends(state))?;
    if ends(recorded.state) {
        return recorded.ending_since;
    }
    let crossed = recorded.due_at.filter(|due| *due <= input.at);
    let all = input.records.iter().flat_map(|(_, facts)| facts);
    let received = all
        .filter(|fact| can_end(fact))
        .map(|fact| fact.received_at)
        .max()
        .filter(|_| recorded.facts != facts);
    [crossed, received].into_iter().flatten().min()
}

/// Whether a fact says something about the beginning or the end of somebody's work.
fn can_end(fact: &Fact) -> bool {
    use Attr::{EndDate, EndMode, StartDate, WorkerStatus};
    match &fact.body {
        FactBody::Delete | FactBody::Rescind { .. } => true,
        FactBody::Assert { attrs, corrects } => {
            let states = |attr: &Attr| attrs.reveal().get(*attr).is_some();
            corrects.is_some()
                || [EndDate, EndMode, StartDate, WorkerStatus]
                    .iter()
                    .any(states)
        }
    }
}

fn input_policy(plan: &Plan) -> Hash {
    plan.targets
        .values()
        .next()
        .map(|target| target.projection.policy)
        .unwrap_or_default()
}

/// Digest over the events of all records, whatever order they came in.
pub fn facts_digest(records: &[(RecordKey, Vec<Fact>)]) -> Hash {
    let mut events: Vec<[&[u8]; 3]> = records
        .iter()
        .flat_map(|(key, facts)| {
            facts.iter().map(move |fact| {
                [
                    key.as_str().as_bytes(),
                    fact.event.as_str().as_bytes(),
                    &fact.payload.0[..],
                ]
            })
        })
        .collect();
    events.sort_unstable();
    events.dedup();
    Hash::of_parts(events.into_iter().flatten())
}
