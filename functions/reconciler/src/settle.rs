//! What becomes of the proposals of one part, stretch by stretch: each is written down before
//! anything of it is sent, so that a step that is interrupted and run again neither judges anew what
//! its own messages have changed meanwhile, nor begins from the start.

use std::collections::BTreeMap;

use contract::{Cause, ConvergeRequest};
use domain::compare::{Class, Repair};
use domain::{AccountId, CaseId, IdentityId, TargetId};
use jiff::SignedDuration;
use ports::target::{Found, Lookup, TargetError};
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};

use crate::asked::{self, Asked};
use crate::propose::{Decision, Proposal};
use crate::{Leg, Reconciler, frames};

/// An account that waits for a human is left to him for this long; then it is tried once more. An
/// ending of access is tried every time.
const PATIENCE: SignedDuration = SignedDuration::from_hours(20);

/// Identities and questions of one stretch: what a lost process costs.
const STRETCH: usize = 200;

/// A target that gave no answer so many times in a row is asked nothing more in this run: each
/// costs a time-out.
const SILENT: u32 = 3;

/// What was decided about one stretch.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Settled {
    /// By the number of the proposal.
    decisions: BTreeMap<usize, Decision>,
    /// Cases by the number of the proposal.
    pub(crate) cases: BTreeMap<usize, CaseId>,
    pub(crate) requests: Vec<ConvergeRequest>,
    /// How many of the requests mend something.
    pub(crate) mends: u64,
    pub(crate) sent: bool,
    /// Questions in a row to which the target gave no answer.
    pub(crate) silent: u32,
    /// Where the next stretch begins; `None` after the last.
    pub(crate) next: Option<usize>,
}

impl Settled {
    /// Puts down on the proposals what was decided about them.
    pub(crate) fn apply(&self, proposals: &mut [Proposal]) {
        for (at, decision) in &self.decisions {
            if let Some(proposal) = proposals.get_mut(*at) {
                proposal.decision = *decision;
            }
        }
        for (at, case) in &self.cases {
            if let Some(proposal) = proposals.get_mut(*at) {
                proposal.case = Some(case.clone());
            }
        }
    }
}

/// Endings of access go first, over all targets; then everything else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Round {
    Endings,
    Others,
}

impl Round {
    /// Where the decisions of a stretch are written down.
    pub(crate) fn name(self, target: &TargetId, part: u64, at: usize) -> String {
        let folder = frames::folder(target);
        let round = match self {
            Self::Endings => "endings",
            Self::Others => "others",
        };
        format!("{folder}{round}-{part:06}-{at:08}")
    }
}

/// One thing to decide.
#[derive(Debug)]
enum Item {
    /// Whether an identity is sent to its connector, for these proposals.
    Repair(IdentityId, Vec<usize>),
    /// Whether somebody is asked whose the account of a proposal is.
    Ask(usize),
}

/// The proposals of a part, and what one round has to decide about them: the same in the same
/// order whenever it is loaded.
#[derive(Debug)]
pub(crate) struct Work {
    proposals: Vec<Proposal>,
    items: Vec<Item>,
}

impl Work {
    pub(crate) fn of(proposals: Vec<Proposal>, round: Round) -> Self {
        let mut wanted: BTreeMap<IdentityId, Vec<usize>> = BTreeMap::new();
        for (at, proposal) in proposals.iter().enumerate() {
            if matches!(proposal.decision, Decision::Send | Decision::Held)
                && let Some(identity) = proposal.identity()
            {
                wanted.entry(identity.clone()).or_default().push(at);
            }
        }
        let ends = |at: &usize| proposals.get(*at).is_some_and(is_ending);
        wanted.retain(|_, parts| parts.iter().any(ends) == (round == Round::Endings));
        let repairs = wanted.into_iter();
        let repairs = repairs.map(|(identity, parts)| Item::Repair(identity, parts));
        let mut items: Vec<Item> = repairs.collect();
        if round == Round::Others {
            items.extend((0..proposals.len()).map(Item::Ask));
        }
        Self { proposals, items }
    }
}

/// Decides from a place on: a stretch, or less where time is up, and one item at least. `silent` is
/// what the stretch before left.
pub(crate) async fn stretch<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    target: &TargetId,
    work: &Work,
    (at, silent): (usize, u32),
    (asked, leg): (&mut Asked, Leg),
) -> Result<Settled, Fault>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    let mut settled = Settled {
        silent,
        ..Settled::default()
    };
    let mut decided = 0;
    for (place, item) in work.items.iter().enumerate().skip(at) {
        let is_up = place > at && leg.is_over(reconciler.clock.now());
        if decided >= STRETCH || is_up {
            settled.next = Some(place);
            break;
        }
        match item {
            Item::Repair(identity, parts) => {
                repair(reconciler, target, work, (identity, parts), &mut settled).await?;
                decided += 1;
            }
            Item::Ask(at) => {
                let Some(proposal) = work.proposals.get(*at) else {
                    continue;
                };
                let (store, policy) = (reconciler.store, reconciler.policy);
                if let Some(case) = asked::ask(store, policy, asked, proposal).await? {
                    settled.cases.insert(*at, case);
                    decided += 1;
                }
            }
        }
    }
    Ok(settled)
}

async fn repair<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    target: &TargetId,
    work: &Work,
    (identity, parts): (&IdentityId, &[usize]),
    settled: &mut Settled,
) -> Result<(), Fault>
where
    S: Store,
    C: Clock,
    O: Observe,
{
    let about = parts.iter().filter_map(|at| work.proposals.get(*at));
    let about: Vec<&Proposal> = about.collect();
    let silent = &mut settled.silent;
    let decision = match request(reconciler, target, identity, &about, silent).await? {
        Checked::Send(request) => {
            settled.requests.push(request);
            Decision::Queued
        }
        Checked::Leave => Decision::Open,
        Checked::Drop => Decision::Dropped,
    };
    let mut mends = false;
    for at in parts {
        let held = work.proposals.get(*at).is_some_and(Proposal::is_held);
        if held && decision == Decision::Queued {
            continue;
        }
        mends |= decision == Decision::Queued;
        settled.decisions.insert(*at, decision);
    }
    settled.mends += u64::from(mends);
    Ok(())
}

fn is_ending(proposal: &Proposal) -> bool {
    proposal.deviation.class == Class::O1
}

/// What a second look says about a proposal.
enum Checked {
    Send(ConvergeRequest),
    /// It stands, and nothing is sent.
    Leave,
    /// It no longer stands.
    Drop,
}

async fn request<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    target: &TargetId,
    identity: &IdentityId,
    parts: &[&Proposal],
    silent: &mut u32,
) -> Result<Checked, Fault>
where
    S: Store,
    C: Clock,
    O: Observe,
{
    let Some(owner) = parts.iter().find_map(|part| part.deviation.owner.as_ref()) else {
        return Ok(Checked::Leave);
    };
    let (seat, health) = reconciler.store.seat(identity, target).await?;
    let Some(seat) = seat else {
        return Ok(Checked::Drop);
    };
    let applied = seat.accounts.get(target).map(|account| account.applied);
    if seat.record.generation != owner.generation || applied.unwrap_or_default() != owner.applied {
        return Ok(Checked::Drop);
    }
    let now = reconciler.clock.now();
    let ends = parts.iter().any(|part| is_ending(part));
    // Connectors try endings however the target is.
    if seat.owed.contains_key(target) || (health.waits(now) && !ends) {
        return Ok(Checked::Leave);
    }
    let waits = seat.accounts.get(target).is_some_and(|account| {
        let lately = |at| now.duration_since(at) < PATIENCE;
        account.parked.is_some() && account.at.is_some_and(lately)
    });
    if waits && !ends {
        return Ok(Checked::Leave);
    }
    let creates = parts
        .iter()
        .any(|part| part.deviation.repair == Some(Repair::Create));
    let known = reconciler.policy.targets.get(target);
    let record = seat.accounts.get(target);
    let hidden = known
        .zip(record)
        .is_some_and(|(target, record)| target.hides(record));
    if creates && hidden {
        // It does not show, whether or not it is there.
        return Ok(Checked::Leave);
    }
    if creates {
        let id = seat.accounts.get(target).and_then(|a| a.id.as_ref());
        match absence(reconciler, target, identity, id, silent).await {
            Absence::Confirmed => {}
            Absence::Refuted => return Ok(Checked::Drop),
            Absence::Unknown => return Ok(Checked::Leave),
        }
    }
    Ok(Checked::Send(ConvergeRequest::look(
        identity.clone(),
        target.clone(),
        seat.record.generation,
        Cause::Reconcile,
    )))
}

enum Absence {
    Confirmed,
    Refuted,
    Unknown,
}

/// A listing may lag behind. Before something is made again because it is missing, it is asked for
/// by name.
async fn absence<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    target: &TargetId,
    identity: &IdentityId,
    id: Option<&AccountId>,
    silent: &mut u32,
) -> Absence
where
    O: Observe,
{
    let Some(reader) = reconciler.targets.get(target) else {
        return Absence::Unknown;
    };
    let lookups = [id.map(Lookup::Id), Some(Lookup::Key(identity.as_str()))];
    for lookup in lookups.into_iter().flatten() {
        if *silent >= SILENT {
            return Absence::Unknown;
        }
        let found = reader.find(lookup).await;
        *silent = match &found {
            Err(error) if is_silence(error) => *silent + 1,
            Ok(_) | Err(_) => 0,
        };
        match found {
            Ok(Found::None) => {}
            // What was deleted comes back by being wanted.
            Ok(Found::One(account)) if account.deleted => {}
            Ok(Found::One(_) | Found::Many(_)) => return Absence::Refuted,
            Err(_) => return Absence::Unknown,
        }
    }
    Absence::Confirmed
}

/// Whether the target did not answer, or answered that it cannot now. What it refuses says nothing
/// about the next.
const fn is_silence(error: &TargetError) -> bool {
    matches!(
        error,
        TargetError::Fault(Fault::Retry { .. } | Fault::Halt { .. })
            | TargetError::Throttled { .. }
            | TargetError::Unknown { .. }
    )
}
