//! Acknowledgements: one conditional write.
//!
//! What that write has to say depends on what else the identity owes, and an update expression
//! cannot branch. So the likeliest case is written on condition that it is the case; where it is
//! not, the refusal brings the item along and the next write says what fits it. What a connector
//! read a moment ago is the best guess at the case. It is a guess only: the condition decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use domain::{AccountRecord, IdentityId, TargetId};
use ports::Fault;
use ports::store::{Ack, Acked, Seat, check_ack};

use crate::expression::Expression;
use crate::item::{
    account_attribute, applied_attribute, identity_key, number, read_number, read_owed,
    read_packed, text, wake_shard,
};
use crate::packed::packed;
use crate::{DynamoStore, Item, Written};

/// Writes before the message goes back to the queue: the guess, what the item said then, and
/// twice more where others wrote in between.
const ROUNDS: usize = 4;

/// Identities whose last reading is remembered.
const SIGHTINGS: usize = 4096;

/// What an acknowledgement finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Case {
    /// It settles nothing.
    Open,
    /// A newer generation is owed to this target.
    Newer,
    /// Other targets are owed something.
    Others,
    /// Nothing else is owed, and the record has a `due_at` or has none.
    Last { due: bool },
}

impl DynamoStore {
    pub(crate) async fn write_ack(&self, ack: &Ack) -> Result<Acked, Fault> {
        check_ack(ack)?;
        let mut case = if ack.settles {
            self.0.sightings.guess(&ack.identity, &ack.target)
        } else {
            Case::Open
        };
        for _ in 0..ROUNDS {
            let expression = expression(ack, case)?;
            match self.update(identity_key(&ack.identity), expression).await? {
                Written::Done => {
                    if ack.settles {
                        self.0.sightings.settle(&ack.identity, &ack.target);
                    }
                    return Ok(Acked::Done);
                }
                Written::Refused(None) => return Ok(Acked::Fenced),
                Written::Refused(Some(item)) => {
                    let applied = read_number(&item, &applied_attribute(&ack.target));
                    if applied != ack.expect.map(|seen| seen.0) || !item.contains_key("gen") {
                        return Ok(Acked::Fenced);
                    }
                    case = Case::of(&item, ack)?;
                }
            }
        }
        Err(Fault::retry("too many writers at one identity"))
    }
}

impl DynamoStore {
    /// The condition is the value as it lies in the table: the same record may be written in other bytes.
    pub(crate) async fn write_amendment(
        &self,
        identity: &IdentityId,
        target: &TargetId,
        was: &AccountRecord,
        now: &AccountRecord,
    ) -> Result<bool, Fault> {
        let Some(item) = self.read_item(identity_key(identity)).await? else {
            return Ok(false);
        };
        let attribute = account_attribute(target);
        let Some(there) = item.get(&attribute) else {
            return Ok(false);
        };
        if read_packed::<AccountRecord>(&item, &attribute)? != *was {
            return Ok(false);
        }
        let mut expression = Expression::default();
        expression.set(&attribute, packed(now)?);
        expression.require_equal(&attribute, there.clone());
        let written = self.update(identity_key(identity), expression).await?;
        Ok(matches!(written, Written::Done))
    }
}

impl Case {
    fn of(item: &Item, ack: &Ack) -> Result<Self, Fault> {
        if !ack.settles {
            return Ok(Self::Open);
        }
        let mut owed = read_owed(item)?;
        let own = owed.remove(&ack.target);
        if own.is_some_and(|own| own > ack.account.applied) {
            return Ok(Self::Newer);
        }
        if !owed.is_empty() {
            return Ok(Self::Others);
        }
        Ok(Self::Last {
            due: item.contains_key("due_at"),
        })
    }
}

fn expression(ack: &Ack, case: Case) -> Result<Expression, Fault> {
    let mut expression = Expression::default();
    let applied = applied_attribute(&ack.target);
    expression.set(&account_attribute(&ack.target), packed(&ack.account)?);
    expression.set(&applied, number(ack.account.applied.0));
    match ack.expect {
        Some(seen) => expression.require_equal(&applied, number(seen.0)),
        None => expression.require_absent(&applied),
    }
    expression.require_present("gen");
    if let (Some(wake), Case::Open | Case::Newer | Case::Others) = (ack.wake, case) {
        expression.wake(&ack.identity, Some(wake));
    }
    if case == Case::Open {
        return Ok(expression);
    }

    let owed = expression.name("o");
    let own = expression.name(ack.target.as_str());
    let own = format!("{owed}.{own}");
    let settled = expression.value(number(ack.account.applied.0));
    match case {
        Case::Open => {}
        Case::Newer => expression.require(format!("{own} > {settled}")),
        Case::Others => {
            let one = expression.value(number(1));
            expression.require(format!(
                "(attribute_not_exists({own}) AND size({owed}) >= {one}) \
                 OR ({own} <= {settled} AND size({owed}) > {one})"
            ));
            expression.remove_path(own);
        }
        Case::Last { due } => {
            let (none, one) = (expression.value(number(0)), expression.value(number(1)));
            expression.require(format!(
                "size({owed}) = {none} OR (size({owed}) = {one} AND {own} <= {settled})"
            ));
            expression.remove_path(own);
            if due {
                expression.require_present("due_at");
                expression.copy("wake_at", "due_at");
                expression.set("wake_shard", text(wake_shard(&ack.identity)));
            } else {
                expression.require_absent("due_at");
                expression.wake(&ack.identity, None);
            }
        }
    }
    Ok(expression)
}

/// What identities owed when they were read last.
#[derive(Debug, Default)]
pub struct Sightings(Mutex<BTreeMap<IdentityId, Sighting>>);

#[derive(Debug)]
struct Sighting {
    owed: BTreeSet<TargetId>,
    due: bool,
}

impl Sightings {
    /// Remembers a reading.
    pub fn note(&self, identity: &IdentityId, seat: &Seat) {
        self.with(|seen| {
            if seen.len() >= SIGHTINGS {
                seen.clear();
            }
            let sighting = Sighting {
                owed: seat.owed.keys().cloned().collect(),
                due: seat.record.due_at.is_some(),
            };
            seen.insert(identity.clone(), sighting);
        });
    }

    /// Forgets a reading that a decision has overtaken.
    pub fn forget(&self, identity: &IdentityId) {
        self.with(|seen| seen.remove(identity));
    }

    fn settle(&self, identity: &IdentityId, target: &TargetId) {
        self.with(|seen| {
            if let Some(sighting) = seen.get_mut(identity) {
                sighting.owed.remove(target);
            }
        });
    }

    fn guess(&self, identity: &IdentityId, target: &TargetId) -> Case {
        self.with(|seen| match seen.get(identity) {
            Some(sighting) if sighting.owed.iter().any(|owed| owed != target) => Case::Others,
            Some(sighting) => Case::Last { due: sighting.due },
            None => Case::Last { due: false },
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<IdentityId, Sighting>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
