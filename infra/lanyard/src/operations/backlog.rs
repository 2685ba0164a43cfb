//! What waits because it cannot be done: parked worker records and accounts, and messages that
//! were given up. Looking again means planning again: nothing old is ever repeated.

use std::collections::BTreeSet;

use contract::{Cause, ConvergeRequest, Lane};
use domain::{Finding, IdentityId, RecordKey, TargetId};
use ports::store::Seat;
use ports::{Backlog, Cases, Clock, Fault, Lanes, Objects, Store, Walk};
use serde::{Deserialize, Serialize};

use super::look::{self, Look};
use super::{Operated, Operations};

/// Dead letters shown of one queue.
const MOST: usize = 1_000;

/// Dead letters claimed at once.
const CHUNK: usize = 100;

/// An identity or a worker record, by its opaque id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject(pub RecordKey);

/// What is parked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkedView {
    /// Who.
    pub identity: IdentityId,
    /// The worker record that waits, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordKey>,
    /// The target whose account waits, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetId>,
    /// Why, without values of people.
    pub why: String,
}

/// A message that was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadView {
    /// Of which queue.
    pub queue: String,
    /// The queue's id of it.
    pub id: Box<str>,
    /// Whom it tells to look at, if it is one of ours.
    pub about: Option<String>,
    /// How many times it was received.
    pub receives: u32,
}

impl<S, L, B, C> Operations<'_, S, L, B, C>
where
    S: Store + Cases,
    L: Lanes,
    C: Clock,
{
    /// Everything that is parked, in the order of the table.
    pub(super) async fn parked(&self) -> Result<Vec<ParkedView>, Fault> {
        let mut views = Vec::new();
        let mut walk = Walk::over(self.store);
        while let Some(rows) = walk.page().await? {
            for (identity, seat) in &rows {
                views.extend(parked(identity, seat));
            }
        }
        Ok(views)
    }

    /// Hands over what is parked, all of it or one subject's.
    pub(super) async fn retry(&self, of: Option<&Subject>) -> Result<Operated, Fault> {
        let mut again = Vec::new();
        let mut walk = Walk::over(self.store);
        while let Some(rows) = walk.page().await? {
            for (identity, seat) in &rows {
                for one in parked(identity, seat) {
                    let named = of.is_none_or(|Subject(key)| {
                        *key == RecordKey::from(identity) || one.record.as_ref() == Some(key)
                    });
                    if named {
                        again.push(look(one, seat));
                    }
                }
            }
        }
        if let (Some(Subject(key)), true) = (of, again.is_empty()) {
            return Err(Fault::reject(format!(
                "nothing of `{key}` is parked; `lanyard parked list` shows what is"
            )));
        }
        let count = again.len();
        look::hand_over(self.lanes, self.clock, again, "retry").await?;
        Ok(Operated::HandedOver { count, left: 0 })
    }

    /// Hands everybody whose last decision was made under another policy to the planner; returns
    /// how many those are. Running twice is harmless.
    pub async fn hand_over_stale(&self) -> Result<usize, Fault> {
        let version = self.policy.version;
        let mut stale = Vec::new();
        let mut walk = Walk::over(self.store);
        while let Some(rows) = walk.page().await? {
            let rows = rows.into_iter().filter(|(_, seat)| {
                seat.record.policy != version && !seat.record.records.is_empty()
            });
            stale.extend(rows.map(|(identity, _)| Look::Record(RecordKey::from(&identity))));
        }
        let count = stale.len();
        let why = format!("policy{}", version.short());
        look::hand_over(self.lanes, self.clock, stale, &why).await?;
        Ok(count)
    }
}

impl<S, L, B, C> Operations<'_, S, L, B, C>
where
    S: Store + Cases,
    L: Lanes + Backlog,
    B: Objects,
    C: Clock,
{
    /// What was given up.
    pub(super) async fn dead(&self) -> Result<Vec<DeadView>, Fault> {
        let mut views = Vec::new();
        for queue in &self.queues {
            let letters = self.lanes.dead(queue, MOST).await?.into_iter();
            views.extend(letters.map(|letter| DeadView {
                queue: queue.to_string(),
                about: Look::of(queue, &letter.body).map(|look| look.to_string()),
                id: letter.id,
                receives: letter.receives,
            }));
        }
        Ok(views)
    }

    /// Has everybody looked at whom a message was about that was given up. One that is not ours
    /// stays where it is.
    pub(super) async fn replan(&self) -> Result<Operated, Fault> {
        let (mut count, mut left) = (0, 0);
        for queue in &self.queues {
            // A queue shows no more than some of a group at once, and what stays may be shown again.
            let mut stays = BTreeSet::new();
            loop {
                let claimed = self.lanes.claim(queue, CHUNK).await?;
                let (known, before) = (stays.len(), count);
                for one in claimed {
                    let Some(look) = Look::of(queue, &one.dead.body) else {
                        stays.insert(one.dead.id);
                        continue;
                    };
                    look::hand_over(self.lanes, self.clock, vec![look], "replan").await?;
                    self.lanes.remove(queue, &one).await?;
                    count += 1;
                }
                if stays.len() == known && count == before {
                    break;
                }
            }
            left += stays.len();
        }
        Ok(Operated::HandedOver { count, left })
    }
}

fn parked(identity: &IdentityId, seat: &Seat) -> Vec<ParkedView> {
    let records = seat.record.findings.iter().filter_map(|finding| {
        if let Finding::Parked { record, problem } = finding {
            Some(ParkedView {
                identity: identity.clone(),
                record: Some(record.clone()),
                target: None,
                why: domain::preview::problem(problem),
            })
        } else {
            None
        }
    });
    let accounts = seat.accounts.iter().filter_map(|(target, account)| {
        Some(ParkedView {
            identity: identity.clone(),
            record: None,
            target: Some(target.clone()),
            why: account.parked.as_ref()?.to_string(),
        })
    });
    records.chain(accounts).collect()
}

fn look(parked: ParkedView, seat: &Seat) -> Look {
    match (parked.target, parked.record) {
        (Some(target), _) => Look::Account(
            Lane::Target(target.clone()),
            ConvergeRequest::look(
                parked.identity,
                target,
                seat.record.generation,
                Cause::Operator,
            ),
        ),
        (None, Some(record)) => Look::Record(record),
        (None, None) => Look::Record(RecordKey::from(&parked.identity)),
    }
}
