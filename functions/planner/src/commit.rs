//! Recording a decision: one conditional write, with everything that must agree inside it.

use domain::plan::{self, changed_targets, next_record};
use domain::record::{CorrelatedBy, Correlation};
use domain::rollout;
use domain::{IdentityRecord, Plan};
use ports::store::{ClaimKey, Commit, Committed};
use ports::{Cases, Clock, Fault, Lanes, Store};

use crate::correlate::{claim_name, stale};
use crate::fetch::Person;
use crate::identify::Names;
use crate::{Planner, founder, send};

/// What became of a decision.
pub enum Settled {
    /// Recorded as this.
    Written(Box<Commit>),
    /// It is what was recorded already.
    Same,
    /// These identifiers are somebody else's.
    Taken(Vec<ClaimKey>),
}

impl<S: Store + Cases, L: Lanes, C: Clock> Planner<S, L, C> {
    /// Writes what the plan leaves behind, unless that is recorded already.
    pub(crate) async fn commit(
        &self,
        person: &Person,
        input: &plan::Input<'_>,
        plan: &Plan,
        names: &Names,
    ) -> Result<Settled, Fault> {
        let mut record = next_record(person.recorded(), input, plan);
        pin(person, input, &mut record);
        record.policy = self.policy.policy.version;
        record.decisions = person.decisions;
        record.claims.extend(names.claims.iter().map(claim_name));
        if person.links.is_empty()
            && person
                .recorded()
                .is_some_and(|before| same_decision(before, &record))
        {
            return Ok(Settled::Same);
        }
        let owe = changed_targets(person.recorded(), plan)
            .into_iter()
            .filter(|name| {
                let planned = plan.targets.get(name);
                planned.is_some_and(|planned| {
                    rollout::writes(&self.policy.policy, name, &planned.projection)
                })
            })
            .collect::<std::collections::BTreeSet<_>>();
        let owing = !owe.is_empty() || person.seat.as_ref().is_some_and(|s| !s.owed.is_empty());
        let commit = Commit {
            identity: person.identity.clone(),
            expect: person.recorded().map(|before| before.generation),
            wake_at: send::wake_at(record.due_at, owing, input.at),
            record,
            owe,
            links: person
                .links
                .iter()
                .map(|(record, _, _)| record.clone())
                .collect(),
            claims: names.claims.clone(),
        };
        match self.store.commit(&commit).await? {
            Committed::Done => {
                if let (Some(seat), Some((record, _, _))) =
                    (&person.placeholder, person.links.first())
                {
                    self.retire_placeholder(record, seat).await?;
                }
                Ok(Settled::Written(Box::new(commit)))
            }
            Committed::Stale => Err(stale()),
            Committed::Taken(keys) => Ok(Settled::Taken(keys)),
        }
    }
}

/// Notes how each record came to belong to the identity.
fn pin(person: &Person, input: &plan::Input<'_>, record: &mut IdentityRecord) {
    if record.records.is_empty() {
        record.records.push(Correlation {
            record: founder(&person.identity),
            by: CorrelatedBy::Founder,
            confidence: 100,
            at: input.at,
        });
    }
    for (linked, by, confidence) in &person.links {
        record.records.push(Correlation {
            record: linked.clone(),
            by: by.clone(),
            confidence: *confidence,
            at: input.at,
        });
    }
}

/// Whether two records say the same but for the count of decisions and the hash of the plan
/// (which counts the changes that were still to come).
fn same_decision(before: &IdentityRecord, after: &IdentityRecord) -> bool {
    before.facts == after.facts
        && before.decisions == after.decisions
        && before.policy == after.policy
        && before.state == after.state
        && before.was_active == after.was_active
        && before.due_at == after.due_at
        && before.records == after.records
        && before.identifiers == after.identifiers
        && before.claims == after.claims
        && before.findings == after.findings
        && before.changed == after.changed
        && before.projections == after.projections
}
