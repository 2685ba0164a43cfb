//! Finding the human behind a new worker record. Decided once; a dispute is asked again whenever
//! one of its candidates leaves.

use std::collections::{BTreeMap, BTreeSet};

use contract::{Cause, Lane, PlanRequest};
use domain::case::{self, Case, Subject};
use domain::correlate::{Candidate, Decision, correlate, found_by};
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
use ports::{Cases, Clock, Fault, Lanes, Outgoing, Store, cases};

use crate::fetch::{Person, is_disputed, is_retired};
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
        candidates: Vec<case::Candidate>,
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

impl<S: Store + Cases, L: Lanes, C: Clock> Planner<S, L, C> {
    /// Decides to whom a record belongs that nobody owns yet.
    pub(crate) async fn place(
        &self,
        person: Person,
        folding: &Folding,
        at: Timestamp,
    ) -> Result<Placed, Fault> {
        // Where somebody was asked, and whether what is known of the record answers it.
        let asked = person.disputed().then(|| founder(&person.identity));
        let speaks = folding.view.speaker().is_some();
        match self.weigh(person, folding, at).await? {
            Weighed::Known(person) => {
                if let Some(record) = asked
                    && (speaks || !person.links.is_empty())
                {
                    self.closes(record, at).await?;
                }
                Ok(Placed::Known(person))
            }
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
        if person.is_settled() {
            return Ok(Weighed::Known(Box::new(person)));
        }
        if let Some((identity, by)) = person.standing.same.clone()
            && let Some(known) = self.living(&identity, &person.identity).await?
        {
            let by = CorrelatedBy::Operator(by);
            return Ok(Weighed::Known(Box::new(joined(known, person, &by, 100))));
        }
        let Some(speaker) = folding.view.speaker() else {
            return Ok(Weighed::Known(Box::new(person)));
        };
        let mut candidates = Vec::new();
        if !person.standing.own {
            candidates = self.candidates(&person, &speaker.attrs, at).await?;
        }
        let views: Vec<Candidate<'_>> = candidates
            .iter()
            .map(|(shares, candidate, view)| Candidate {
                identity: candidate.identity.clone(),
                shares: shares.clone(),
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
                let Some((_, known, _)) = known else {
                    return Ok(Weighed::Known(Box::new(person)));
                };
                let by = CorrelatedBy::Rule(rule);
                let known = joined(known, person, &by, confidence);
                Ok(Weighed::Known(Box::new(known)))
            }
            Decision::Case { candidates, why } => Ok(Weighed::Case {
                person: Box::new(person),
                candidates,
                why,
            }),
        }
    }

    /// Everybody that a record may belong to, with the attributes of which they hold its value.
    async fn candidates(
        &self,
        person: &Person,
        attrs: &Attrs,
        at: Timestamp,
    ) -> Result<Vec<(BTreeSet<Attr>, Person, IdentityView)>, Fault> {
        let mut shares: BTreeMap<IdentityId, BTreeSet<Attr>> = BTreeMap::new();
        for (attr, identity) in self.sharers(attrs, &person.identity).await? {
            if !person.standing.different.contains(&identity) {
                shares.entry(identity).or_default().insert(attr);
            }
        }
        let mut candidates = Vec::new();
        for (identity, shares) in shares {
            let founding = self.store.dossier(&founder(&identity)).await?;
            let placeholder = founding
                .seat
                .as_ref()
                .is_none_or(|seat| is_disputed(&seat.record) || is_retired(&seat.record));
            if placeholder || founding.link.is_some() {
                continue;
            }
            let candidate = self.gather(identity, founding, None).await?;
            let folding = plan::identity_at(&self.policy.policy, &candidate.records, at);
            candidates.push((shares, candidate, folding.view));
        }
        Ok(candidates)
    }

    /// A question about a record went away, before the decision that follows is written: whoever
    /// is interrupted in between comes back and finds the same.
    async fn closes(&self, record: RecordKey, at: Timestamp) -> Result<(), Fault> {
        cases::close(&self.store, &Subject::Record { record }.case(), at).await
    }

    /// Identities that share a value with these attributes by which people are found.
    async fn sharers(
        &self,
        attrs: &Attrs,
        but: &IdentityId,
    ) -> Result<Vec<(Attr, IdentityId)>, Fault> {
        let mut keys = Vec::new();
        for attr in found_by(&self.policy.policy) {
            let Some(value) = correlation_value(attrs, attr) else {
                continue;
            };
            for namespace in namespaces(&self.policy.policy, attr) {
                keys.push((
                    attr,
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
        let mut found: Vec<(Attr, IdentityId)> = keys
            .iter()
            .flat_map(|(attr, key)| {
                holders
                    .iter()
                    .filter(move |(held, holder)| held == key && holder != but)
                    .map(move |(_, holder)| (*attr, holder.clone()))
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
        candidates: Vec<case::Candidate>,
        why: Box<str>,
        at: Timestamp,
    ) -> Result<(), Fault> {
        let record = founder(&person.identity);
        let mut whom: Vec<IdentityId> = candidates.iter().map(|one| one.identity.clone()).collect();
        whom.sort();
        let finding = Finding::Parked {
            record: record.clone(),
            problem: Problem::Disputed {
                candidates: whom,
                why: why.clone(),
            },
        };
        let facts = plan::facts_digest(&person.records);
        if let Some(before) = person.recorded()
            && before.findings.as_slice() == [finding.clone()]
            && before.facts == facts
            && before.decisions == person.decisions
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
        // The question comes first: whoever is interrupted in between asks it again.
        let subject = Subject::Record { record };
        cases::ask(&self.store, Case::open(subject, at, why, candidates)).await?;
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
            identifiers: BTreeMap::new(),
            claims: claims.iter().map(claim_name).collect(),
            projections: BTreeMap::new(),
            changed: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            ties: BTreeMap::new(),
            decisions: person.decisions,
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
            owe: BTreeSet::new(),
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
        let mut claims: Vec<Claim> = found_by(&self.policy.policy)
            .into_iter()
            .filter_map(|attr| {
                let value = correlation_value(attrs, attr)?;
                Some(Claim {
                    key: ClaimKey {
                        namespace: shared_namespace(attr),
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
            owe: BTreeSet::new(),
            wake_at: None,
            links: Vec::new(),
            claims: Vec::new(),
        };
        // A lost race means that somebody else retired it.
        self.store.commit(&commit).await.map(|_| ())
    }
}

/// The records of `person` join those of somebody known.
fn joined(mut known: Person, person: Person, by: &CorrelatedBy, confidence: u8) -> Person {
    for (record, facts) in person.records {
        known.links.push((record.clone(), by.clone(), confidence));
        known.records.push((record, facts));
    }
    known.placeholder = person.seat.filter(|seat| is_disputed(&seat.record));
    known
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
