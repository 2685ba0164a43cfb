//! Finding the human behind a new worker record. Decided once; a dispute is asked again whenever
//! one of its candidates leaves.

use contract::{Cause, Lane, PlanRequest};
use domain::correlate::{Candidate, Decision, correlate};
use domain::identifier::claim_value;
use domain::plan::{self, Folding};
use domain::record::{CorrelatedBy, Correlation};
use domain::standardise::correlation_value;
use domain::{
    Attr, Attrs, Finding, Generation, Hash, IdentityId, IdentityRecord, IdentityState,
    IdentityView, Plan, Problem, RecordKey,
};
use jiff::{SignedDuration, Timestamp};
use ports::store::{Claim, ClaimKey, Commit, Committed, Seat};
use ports::{Clock, Fault, Lanes, Outgoing, Store};

use crate::fetch::{Person, is_disputed};
use crate::{Planner, founder};

/// To whom a record belongs, before anything is written.
pub enum Weighed {
    /// To this person: found before, founded now, or linked with this decision.
    Known(Box<Person>),
    /// To nobody until a human has decided.
    Case {
        /// The record as it was read.
        person: Box<Person>,
        /// Who it could be.
        candidates: Vec<IdentityId>,
        /// Why a machine does not decide.
        why: Box<str>,
    },
}

/// Where a record ended up.
pub enum Placed {
    /// With this person: found before, founded now, or linked with this decision.
    Known(Box<Person>),
    /// With nobody until a human has decided; that is recorded.
    Disputed,
}

impl<S: Store, L: Lanes, C: Clock> Planner<S, L, C> {
    /// Decides to whom a record belongs that nobody owns yet.
    pub(crate) async fn place(
        &self,
        person: Person,
        folding: &Folding,
        at: Timestamp,
    ) -> Result<Placed, Fault> {
        match self.weigh(person, folding, at).await? {
            Weighed::Known(person) => Ok(Placed::Known(person)),
            Weighed::Case {
                person,
                candidates,
                why,
            } => {
                self.hold_place(&person, &folding.view, candidates, why, at)
                    .await?;
                Ok(Placed::Disputed)
            }
        }
    }

    /// Finds out to whom a record belongs that nobody owns yet; writes nothing.
    pub(crate) async fn weigh(
        &self,
        person: Person,
        folding: &Folding,
        at: Timestamp,
    ) -> Result<Weighed, Fault> {
        if person.seat.is_some() && !person.disputed() {
            return Ok(Weighed::Known(Box::new(person)));
        }
        let Some(speaker) = folding.view.speaker() else {
            return Ok(Weighed::Known(Box::new(person)));
        };
        let mut candidates = Vec::new();
        for (rule, identity) in self.sharers(&speaker.attrs, &person.identity).await? {
            let founding = self.store.dossier(&founder(&identity)).await?;
            let placeholder = founding
                .seat
                .as_ref()
                .is_none_or(|seat| is_disputed(&seat.record) || seat.record.records.is_empty());
            if placeholder || founding.link.is_some() {
                continue;
            }
            let candidate = self.gather(identity, founding, None).await?;
            let folding = plan::identity_at(&self.policy.policy, &candidate.records, at);
            candidates.push((rule, candidate, folding.view));
        }
        let views: Vec<Candidate<'_>> = candidates
            .iter()
            .map(|(rule, candidate, view)| Candidate {
                identity: candidate.identity.clone(),
                rule: *rule,
                view,
            })
            .collect();
        match correlate(&self.policy.policy, speaker, &views) {
            // An item that only held the record's place becomes the identity itself.
            Decision::Found => Ok(Weighed::Known(Box::new(person))),
            Decision::Link {
                identity,
                rule,
                confidence,
            } => {
                let known = candidates
                    .into_iter()
                    .find(|(_, c, _)| c.identity == identity);
                let Some((_, mut known, _)) = known else {
                    return Ok(Weighed::Known(Box::new(person)));
                };
                for (record, facts) in person.records {
                    known.links.push((record.clone(), rule.clone(), confidence));
                    known.records.push((record, facts));
                }
                known.placeholder = person.seat;
                Ok(Weighed::Known(Box::new(known)))
            }
            Decision::Case { candidates, why } => Ok(Weighed::Case {
                person: Box::new(person),
                candidates,
                why,
            }),
        }
    }

    /// Identities that share a correlation value with these attributes, with the rule.
    async fn sharers(
        &self,
        attrs: &Attrs,
        but: &IdentityId,
    ) -> Result<Vec<(usize, IdentityId)>, Fault> {
        let mut keys = Vec::new();
        for (rule, correlation) in self.policy.policy.correlation.iter().enumerate() {
            let Some(value) = correlation_value(attrs, correlation.on) else {
                continue;
            };
            for namespace in namespaces(&self.policy.policy, correlation.on) {
                keys.push((
                    rule,
                    ClaimKey {
                        namespace,
                        value: claim_value(&value),
                    },
                ));
            }
        }
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let asked: Vec<ClaimKey> = keys.iter().map(|(_, key)| key.clone()).collect();
        let holders = self.store.holders(&asked).await?;
        let mut found: Vec<(usize, IdentityId)> = keys
            .iter()
            .flat_map(|(rule, key)| {
                holders
                    .iter()
                    .filter(move |(held, holder)| held == key && holder != but)
                    .map(move |(_, holder)| (*rule, holder.clone()))
            })
            .collect();
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// Records that a record waits for a human.
    async fn hold_place(
        &self,
        person: &Person,
        view: &IdentityView,
        candidates: Vec<IdentityId>,
        why: Box<str>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let finding = Finding::Parked {
            record: founder(&person.identity),
            problem: Problem::Disputed { candidates, why },
        };
        let facts = plan::facts_digest(&person.records);
        if let Some(before) = person.recorded()
            && before.findings.as_slice() == [finding.clone()]
            && before.facts == facts
        {
            let generation = before.generation;
            let due = person.seat.as_ref().and_then(|seat| seat.wake_at);
            if due.is_none_or(|due| due <= at) {
                self.store
                    .rest(&person.identity, generation, ask_again(at))
                    .await?;
            }
            return Ok(());
        }
        let claims = view
            .speaker()
            .map_or_else(Vec::new, |speaker| self.shared_claims(&speaker.attrs));
        let record = IdentityRecord {
            generation: person
                .recorded()
                .map_or(Generation(0), |r| r.generation)
                .next(),
            records: vec![Correlation {
                record: founder(&person.identity),
                by: CorrelatedBy::Founder,
                confidence: 0,
                at,
            }],
            state: view.state,
            was_active: false,
            ending_since: None,
            identifiers: std::collections::BTreeMap::new(),
            claims: claims.iter().map(claim_name).collect(),
            projections: std::collections::BTreeMap::new(),
            changed: std::collections::BTreeMap::new(),
            unsettled: std::collections::BTreeMap::new(),
            findings: vec![finding],
            due_at: None,
            facts,
            policy: self.policy.policy.version,
            plan: Hash::default(),
        };
        let commit = Commit {
            identity: person.identity.clone(),
            expect: person.recorded().map(|record| record.generation),
            record,
            owe: std::collections::BTreeSet::new(),
            wake_at: ask_again(at),
            links: Vec::new(),
            claims,
        };
        tracing::warn!(identity = %person.identity, reason = "disputed", "record parked");
        match self.store.commit(&commit).await? {
            Committed::Done => Ok(()),
            Committed::Stale | Committed::Taken(_) => Err(stale()),
        }
    }

    /// Correlation values that other records may find this identity by.
    pub(crate) fn shared_claims(&self, attrs: &Attrs) -> Vec<Claim> {
        let mut claims: Vec<Claim> = self
            .policy
            .policy
            .correlation
            .iter()
            .filter_map(|rule| {
                let value = correlation_value(attrs, rule.on)?;
                Some(Claim {
                    key: ClaimKey {
                        namespace: shared_namespace(rule.on),
                        value: claim_value(&value),
                    },
                    exclusive: false,
                })
            })
            .collect();
        claims.sort();
        claims.dedup();
        claims
    }

    /// After an ending, records that were disputed because of this identity are looked at again.
    pub(crate) async fn reopen_disputes(&self, person: &Person, plan: &Plan) -> Result<(), Fault> {
        let over = matches!(plan.state, IdentityState::Ended | IdentityState::Archived);
        let was_over = person.recorded().is_some_and(|record| {
            matches!(record.state, IdentityState::Ended | IdentityState::Archived)
        });
        if !over || was_over {
            return Ok(());
        }
        let folding = plan::identity_at(&self.policy.policy, &person.records, self.clock.now());
        let Some(speaker) = folding.view.speaker() else {
            return Ok(());
        };
        let mut others: Vec<IdentityId> = self
            .sharers(&speaker.attrs, &person.identity)
            .await?
            .into_iter()
            .map(|(_, identity)| identity)
            .collect();
        others.sort();
        others.dedup();
        let messages: Vec<Outgoing> = others
            .iter()
            .map(|other| {
                nudge(
                    &founder(other),
                    &format!("reopen#{}", plan.digest().short()),
                )
            })
            .collect();
        if messages.is_empty() {
            return Ok(());
        }
        self.lanes.send(&Lane::Facts, &messages).await
    }

    /// A linked record's placeholder stops being anybody.
    pub(crate) async fn retire_placeholder(
        &self,
        record: &RecordKey,
        seat: &Seat,
    ) -> Result<(), Fault> {
        let retired = IdentityRecord {
            generation: seat.record.generation.next(),
            records: Vec::new(),
            state: IdentityState::Archived,
            findings: Vec::new(),
            due_at: None,
            ..seat.record.clone()
        };
        let commit = Commit {
            identity: IdentityId::from(record),
            expect: Some(seat.record.generation),
            record: retired,
            owe: std::collections::BTreeSet::new(),
            wake_at: None,
            links: Vec::new(),
            claims: Vec::new(),
        };
        // A lost race means that somebody else retired it.
        self.store.commit(&commit).await.map(|_| ())
    }
}

/// A dispute is asked about once a day, whatever became of the nudges: a candidate may have left.
fn ask_again(at: Timestamp) -> Option<Timestamp> {
    at.checked_add(SignedDuration::from_hours(24)).ok()
}

/// A request to look at a record again.
fn nudge(record: &RecordKey, why: &str) -> Outgoing {
    let request = PlanRequest::new(record.clone(), Cause::Plan);
    Outgoing {
        group: record.as_str().to_owned(),
        dedup: format!("{record}#{why}"),
        body: crate::send::json(&request),
    }
}

/// The name under which a claim is remembered in the identity item.
pub fn claim_name(claim: &Claim) -> Box<str> {
    let value = claim.key.value.to_string();
    let short = value.get(..16).unwrap_or(&value);
    format!("{}:{short}", claim.key.namespace).into()
}

/// The namespace of shared claims on an attribute.
fn shared_namespace(attr: Attr) -> Box<str> {
    format!("by-{}", attr.name()).into()
}

/// The namespaces in which a value of an attribute may be held: shared claims, and generated
/// identifiers that stand for the attribute.
fn namespaces(policy: &domain::Policy, attr: Attr) -> Vec<Box<str>> {
    let generated = policy
        .identifiers
        .iter()
        .filter(|(_, rule)| rule.stated == Some(attr))
        .map(|(namespace, _)| namespace.clone());
    std::iter::once(shared_namespace(attr))
        .chain(generated)
        .collect()
}

/// Somebody else decided first.
pub fn stale() -> Fault {
    Fault::Retry {
        after: Some(std::time::Duration::ZERO),
        why: "somebody else decided about this person first".into(),
    }
}
