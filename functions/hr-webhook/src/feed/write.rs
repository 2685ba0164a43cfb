//! From listed records to facts, where they say something new.

use std::collections::BTreeSet;

use contract::{Cause, Lane, PlanRequest};
use domain::feed::{news, undone};
use domain::plan::facts_digest;
use domain::{Effective, EventId, Fact, FactBody, Hash, RecordKey};
use futures::future::try_join_all;
use ports::store::{Accepted, Delivery, Dossier};
use ports::{Clock, Fault, Lanes, Objects, Outgoing, Store};
use telemetry::{Dimensions, Metric, emit};

use super::report::Report;
use super::{CONCLUDED, FeedIntake, TOGETHER, Taking, event_of};

impl<S: Store, L: Lanes, O: Objects, C: Clock> FeedIntake<S, L, O, C> {
    /// Writes what is new of some records, each listed for the first time.
    pub(super) async fn write(
        &self,
        taking: &Taking<'_>,
        stated: Vec<Fact>,
        report: &mut Report,
    ) -> Result<(), Fault> {
        let known = stated.iter().map(|fact| self.store.dossier(&fact.record));
        let known = try_join_all(known).await?;
        let mut facts = Vec::new();
        let mut untold = Vec::new();
        for (fact, dossier) in stated.into_iter().zip(known) {
            if is_untold(&dossier) {
                untold.push(fact.record.clone());
            }
            let record = fact.record.clone();
            let mut known = dossier.facts;
            let is_new = known.is_empty();
            let back: Vec<Fact> = undone(&known, is_concluded, taking.as_of)
                .into_iter()
                .map(|deletion| takes_back(taking, deletion))
                .collect();
            known.extend(back.iter().cloned());
            let says = news(taking.policy, &record, &known, &fact, taking.now);
            match (is_new, back.is_empty(), says) {
                (true, ..) => report.new.insert(record),
                (false, false, _) => report.back.insert(record),
                (false, true, true) => report.changed.insert(record),
                (false, true, false) => {
                    report.unchanged += 1;
                    false
                }
            };
            facts.extend(back);
            facts.extend(says.then_some(fact));
        }
        self.keep(taking, &facts).await?;
        self.tell(taking, &untold).await
    }

    /// Ends records that were missing often enough.
    pub(super) async fn end(
        &self,
        taking: &Taking<'_>,
        ended: &BTreeSet<RecordKey>,
    ) -> Result<(), Fault> {
        let ended: Vec<&RecordKey> = ended.iter().collect();
        for some in ended.chunks(TOGETHER) {
            let known = some.iter().map(|record| self.store.dossier(record));
            let known = try_join_all(known).await?;
            let facts: Vec<Fact> = known
                .iter()
                .filter_map(|dossier| dossier.facts.iter().max_by_key(|fact| fact.recorded_at))
                .map(|fact| is_gone(taking, fact))
                .collect();
            self.keep(taking, &facts).await?;
        }
        Ok(())
    }

    /// Tells the planner about records whose facts it has not seen: whoever made them durable could
    /// not reach it.
    pub(super) async fn tell(
        &self,
        taking: &Taking<'_>,
        untold: &[RecordKey],
    ) -> Result<(), Fault> {
        if untold.is_empty() || taking.asked.dry_run {
            return Ok(());
        }
        let now = taking.now;
        let message = |record: &RecordKey| {
            let request = PlanRequest::new(record.clone(), Cause::Fact);
            let body = serde_json::to_string(&request)
                .map_err(|_| Fault::reject("a message cannot be written"))?;
            Ok(Outgoing {
                group: record.as_str().to_owned(),
                dedup: format!("feed-{}-{record}", now.as_millisecond()),
                body,
            })
        };
        let messages: Result<Vec<Outgoing>, Fault> = untold.iter().map(message).collect();
        self.lanes.send(&Lane::Facts, &messages?).await
    }

    /// Facts durable first, then the planner told, as with a post.
    async fn keep(&self, taking: &Taking<'_>, facts: &[Fact]) -> Result<(), Fault> {
        if facts.is_empty() || taking.asked.dry_run {
            return Ok(());
        }
        let body = Hash::of_parts(facts.iter().map(|fact| fact.event.as_str().as_bytes()));
        let delivery = Delivery {
            source: taking.source_id.clone(),
            event: EventId::new(format!("feed-{body}")),
            body,
            received_at: taking.now,
        };
        match self.store.accept(&delivery, facts).await? {
            // What was durable before is told again: the planner may not have been reached.
            Accepted::New | Accepted::Duplicate => {}
            Accepted::Conflict => {
                return Err(Fault::reject(
                    "a part of a feed was taken with another content",
                ));
            }
        }
        let count = u32::try_from(facts.len()).unwrap_or(u32::MAX);
        let counted = Dimensions::source(taking.source_id);
        emit(Metric::FactsAccepted, count.into(), counted);
        let nudges = crate::nudges(&delivery, facts)
            .ok_or_else(|| Fault::reject("a message cannot be written"))?;
        self.lanes.send(&Lane::Facts, &nudges).await
    }
}

/// Whether there are facts that no decision rests on. Of an identity with several records that
/// cannot be told from one of them.
fn is_untold(dossier: &Dossier) -> bool {
    let seat = dossier.seat.as_ref();
    match (seat.map(|seat| &seat.record), &dossier.link) {
        (Some(record), _) => {
            let all = [(dossier.key.clone(), dossier.facts.clone())];
            record.records.len() == 1 && record.facts != facts_digest(&all)
        }
        (None, None) => !dossier.facts.is_empty(),
        (None, Some(_)) => false,
    }
}

fn is_concluded(event: &EventId) -> bool {
    event.as_str().starts_with(CONCLUDED)
}

/// The record is missing: treated as if the source had deleted it.
fn is_gone(taking: &Taking<'_>, known: &Fact) -> Fact {
    let id = event_of(taking, known.record.as_str().as_bytes());
    Fact {
        event: EventId::new(format!("{CONCLUDED}{}", id.as_str())),
        version: None,
        effective: Effective::Instant(taking.as_of),
        recorded_at: taking.as_of,
        received_at: taking.now,
        payload: Hash::of(id.as_str().as_bytes()),
        manager: None,
        body: FactBody::Delete,
        ..known.clone()
    }
}

/// The record is listed again: its absence was a mistake of the source.
fn takes_back(taking: &Taking<'_>, deletion: &Fact) -> Fact {
    let id = event_of(taking, deletion.event.as_str().as_bytes());
    Fact {
        event: EventId::new(format!("feed-listed-{}", id.as_str())),
        effective: Effective::Instant(taking.as_of),
        recorded_at: taking.as_of,
        received_at: taking.now,
        payload: Hash::of(id.as_str().as_bytes()),
        body: FactBody::Rescind {
            event: deletion.event.clone(),
        },
        ..deletion.clone()
    }
}
