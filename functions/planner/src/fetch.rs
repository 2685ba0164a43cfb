//! Reading everything about one person.

use std::collections::BTreeMap;

use domain::case::{self, Decision, Standing};
use domain::record::CorrelatedBy;
use domain::{
    AccountRecord, Fact, Finding, Hash, IdentityId, IdentityRecord, Problem, RecordKey, TargetId,
};
use ports::store::{Dossier, Seat};
use ports::{Cases, Clock, Fault, Lanes, Store};

use crate::{Planner, founder};

/// What is known about the human behind a worker record.
#[derive(Clone, Debug)]
pub struct Person {
    /// Who it is; for a record that belongs to nobody yet, who it would be.
    pub identity: IdentityId,
    /// The identity item, if there is one.
    pub seat: Option<Seat>,
    /// The facts of each worker record, the founder's first.
    pub records: Vec<(RecordKey, Vec<Fact>)>,
    /// The connectors' parts.
    pub accounts: BTreeMap<TargetId, AccountRecord>,
    /// Records that this decision links, by whom and how surely.
    pub links: Vec<(RecordKey, CorrelatedBy, u8)>,
    /// What operators decided about the founding record and the identity's accounts.
    pub standing: Standing,
    /// Digest over what operators decided about any of its records.
    pub decisions: Hash,
    /// The placeholder item of a linked record that was disputed before.
    pub placeholder: Option<Seat>,
}

impl Person {
    /// The planner's part of the item.
    pub fn recorded(&self) -> Option<&IdentityRecord> {
        self.seat.as_ref().map(|seat| &seat.record)
    }

    /// Whether the item only holds the place of a record that waits for a human.
    pub fn disputed(&self) -> bool {
        self.recorded().is_some_and(is_disputed)
    }
}

/// Whether an item is that of somebody whose records all belong to others now.
pub const fn is_retired(record: &IdentityRecord) -> bool {
    record.records.is_empty()
}

/// Whether an item only holds the place of a record that waits for a human.
pub fn is_disputed(record: &IdentityRecord) -> bool {
    record.projections.is_empty()
        && record.findings.iter().any(|finding| {
            matches!(
                finding,
                Finding::Parked {
                    problem: Problem::Disputed { .. },
                    ..
                }
            )
        })
}

impl<S: Store + Cases, L: Lanes, C: Clock> Planner<S, L, C> {
    /// Reads the record's partition, and that of the identity it is linked to.
    pub(crate) async fn fetch(&self, record: &RecordKey) -> Result<Option<Person>, Fault> {
        let dossier = self.store.dossier(record).await?;
        self.person_of(dossier).await
    }

    /// The person behind a worker record.
    pub(crate) async fn person_of(&self, dossier: Dossier) -> Result<Option<Person>, Fault> {
        if let Some(identity) = &dossier.link {
            let identity = identity.clone();
            let founding = self.store.dossier(&founder(&identity)).await?;
            return self
                .gather(identity, founding, Some(dossier))
                .await
                .map(Some);
        }
        if dossier.seat.is_none() && dossier.facts.is_empty() {
            return Ok(None);
        }
        let identity = IdentityId::from(&dossier.key);
        self.gather(identity, dossier, None).await.map(Some)
    }

    /// Everything about an identity, given its founder's partition and maybe another of its
    /// records'.
    pub(crate) async fn gather(
        &self,
        identity: IdentityId,
        mut founding: Dossier,
        other: Option<Dossier>,
    ) -> Result<Person, Fault> {
        let standing = case::standing(&founding.decisions);
        let mut decisions: Vec<Decision> = std::mem::take(&mut founding.decisions);
        let mut records = vec![(founding.key.clone(), founding.facts)];
        let linked = founding
            .seat
            .iter()
            .flat_map(|seat| &seat.record.records)
            .skip(1);
        for correlation in linked {
            let linked = match &other {
                Some(dossier) if dossier.key == correlation.record => dossier.clone(),
                Some(_) | None => self.store.dossier(&correlation.record).await?,
            };
            decisions.extend(linked.decisions);
            records.push((correlation.record.clone(), linked.facts));
        }
        // The plan reads what was decided about accounts as it reads everything else on record.
        if let Some(seat) = &mut founding.seat {
            seat.record.ties.clone_from(&standing.ties);
        }
        Ok(Person {
            accounts: founding
                .seat
                .as_ref()
                .map(|seat| seat.accounts.clone())
                .unwrap_or_default(),
            identity,
            seat: founding.seat,
            records,
            links: Vec::new(),
            standing,
            decisions: case::digest(&decisions),
            placeholder: None,
        })
    }
}
