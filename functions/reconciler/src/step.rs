//! The steps of a run, as a state machine calls them: small events and answers in JSON, without
//! personal data. `docs/reconciliation.md` has an example of each.
//!
//! Every step may be delivered twice, and may be killed at any point and delivered again. An answer
//! whose status is [`Status::Again`] asks for the same event once more.

use std::collections::BTreeSet;

use domain::TargetId;
use domain::certify::Bounds;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};
use serde::{Deserialize, Serialize};

use crate::begin::Begun;
use crate::observe::Observed;
use crate::{Finished, Leg, Reconciler, Run, report, run_id};

/// The version of events and answers.
pub const VERSION: u32 = 1;

/// What the report calls the code, where an event does not say.
const CODE: &str = concat!("lanyard ", env!("CARGO_PKG_VERSION"));

/// What a state machine says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// [`VERSION`]; may be left out.
    #[serde(default = "version")]
    pub v: u32,
    /// What is to be done.
    #[serde(flatten)]
    pub step: Step,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "step")]
pub enum Step {
    /// Begins a run, or goes on with beginning it.
    Begin(Begin),
    /// Observes a target for one leg.
    Observe {
        /// Of which run.
        run: Box<str>,
        /// Which target.
        target: TargetId,
        /// At most so many pages, and one at least.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pages: Option<u64>,
    },
    /// Compares a target that was observed: one part of it, or, where none is named, what is left.
    Compare {
        /// Of which run.
        run: Box<str>,
        /// Which target.
        target: TargetId,
        /// Which of the parts that `observe` named.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        part: Option<u64>,
    },
    /// Says what exceeds a limit, over the whole run.
    Limit {
        /// Which run.
        run: Box<str>,
    },
    /// Sends what is wanted.
    Enqueue {
        /// Which run.
        run: Box<str>,
    },
    /// Writes the report; sends what is wanted first, if nobody did.
    Finish {
        /// Which run.
        run: Box<str>,
    },
}

/// What a new run is told; everything may be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begin {
    /// Its id. Left out, it is made of `at` and the policy, so that a `begin` that is delivered
    /// twice begins one run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Box<str>>,
    /// The instant of the run: when the state machine began. Left out, it is now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The company's day. Left out, it is that of `at` in `zone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// The company's time zone, by its IANA name. Left out, it is UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Box<str>>,
    /// Targets whose population a human accepts as it is, however far it jumped.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub accept: BTreeSet<TargetId>,
    /// What the report calls the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Box<str>>,
}

/// What a step came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// [`VERSION`].
    pub v: u32,
    /// Which run.
    pub run: Box<str>,
    /// Whether the step is done.
    pub status: Status,
    /// After `begin`: what is to be observed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<TargetId>>,
    /// After a leg of `observe` that the target sent away: the same event goes on after so many
    /// seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
    /// After `observe`: what is to be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<u64>>,
    /// After `observe`: whether both listings of the target have a certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certified: Option<bool>,
    /// After `finish`: what the run came to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Came>,
}

/// Whether a step is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It is.
    Done,
    /// Time was up; the same event again goes on.
    Again,
}

/// What a run came to, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Came {
    /// Where the report lies: the part of its objects' keys before their names.
    pub folder: Box<str>,
    /// Whether every listing of every target has a certificate.
    pub complete: bool,
    /// Findings that the previous run did not have.
    pub new: u64,
    /// Findings of the previous run that are gone.
    pub closed: u64,
    /// Findings that a limit stopped.
    pub held: u64,
    /// Requests sent to connectors.
    pub repairs: u64,
    /// Identities handed to the planner.
    pub replanned: u64,
}

impl Event {
    /// The run that a step belongs to, but for the step that begins one: it goes on under the
    /// policy of its run ([`Begun::load`]), whatever is the current one by then.
    pub fn run(&self) -> Option<&str> {
        match &self.step {
            Step::Begin(_) => None,
            Step::Observe { run, .. }
            | Step::Compare { run, .. }
            | Step::Limit { run }
            | Step::Enqueue { run }
            | Step::Finish { run } => Some(run),
        }
    }
}

impl<S, L, B, C, O> Reconciler<'_, S, L, B, C, O>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    /// Does one step, and no more of it than fits before `until`. That instant has to leave time
    /// for one more page and for what is written after it.
    pub async fn step(&self, event: &Event, until: Option<Timestamp>) -> Result<Answer, Fault> {
        if event.v != VERSION {
            return Err(Fault::reject(format!(
                "an event of version {}, where this code knows {VERSION}",
                event.v
            )));
        }
        let leg = Leg {
            until,
            ..Leg::ENDLESS
        };
        match &event.step {
            Step::Begin(told) => {
                let (begun, done) = self.begin(&self.told(told)?, leg).await?;
                let mut answer = Answer::of(&begun, done);
                answer.targets = done.then_some(begun.targets);
                Ok(answer)
            }
            Step::Observe { run, target, pages } => {
                let begun = self.begun(run).await?;
                let leg = Leg {
                    pages: pages.unwrap_or(u64::MAX),
                    ..leg
                };
                Ok(match self.observe(&begun, target, leg).await? {
                    Observed::Over(over) => Answer {
                        parts: Some((0..over.parts).collect()),
                        certified: Some(over.users.is_ok() && over.groups.is_ok()),
                        ..Answer::of(&begun, true)
                    },
                    Observed::Again { after } => Answer {
                        // Not a moment too early.
                        wait: after.map(|after| after.as_secs() + 1),
                        ..Answer::of(&begun, false)
                    },
                })
            }
            Step::Compare { run, target, part } => {
                let begun = self.begun(run).await?;
                let done = match part {
                    Some(part) => {
                        self.compare(&begun, target, *part).await?;
                        true
                    }
                    None => self.compare_what_is_left(&begun, target, leg).await?,
                };
                Ok(Answer::of(&begun, done))
            }
            Step::Limit { run } => {
                let begun = self.begun(run).await?;
                if !self.is_finished(&begun).await? {
                    self.limit(&begun).await?;
                }
                Ok(Answer::of(&begun, true))
            }
            Step::Enqueue { run } => {
                let begun = self.begun(run).await?;
                let done =
                    self.is_finished(&begun).await? || self.enqueue(&begun, leg).await?.is_some();
                Ok(Answer::of(&begun, done))
            }
            Step::Finish { run } => {
                let begun = self.begun(run).await?;
                let finished = self.finish(&begun, leg).await?;
                let mut answer = Answer::of(&begun, finished.is_some());
                answer.report = finished.as_ref().map(Came::of);
                Ok(answer)
            }
        }
    }

    fn told(&self, begin: &Begin) -> Result<Run, Fault> {
        let at = begin.at.unwrap_or_else(|| self.clock.now());
        let zone = match &begin.zone {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| {
                Fault::reject(format!("`{name}` is not an IANA time zone that is known"))
            })?,
        };
        let id = begin.run.clone();
        Ok(Run {
            id: id.unwrap_or_else(|| run_id(at, &self.policy.version)),
            at,
            date: begin.date.unwrap_or_else(|| at.to_zoned(zone).date()),
            code: begin.code.clone().unwrap_or_else(|| CODE.into()),
            accept: begin.accept.clone(),
            bounds: Bounds::default(),
        })
    }
}

impl Answer {
    fn of(begun: &Begun, done: bool) -> Self {
        Self {
            v: VERSION,
            run: begun.run.id.clone(),
            status: if done { Status::Done } else { Status::Again },
            targets: None,
            wait: None,
            parts: None,
            certified: None,
            report: None,
        }
    }
}

impl Came {
    fn of(finished: &Finished) -> Self {
        let summary = &finished.manifest.summary;
        let mut targets = summary.targets.values();
        Self {
            folder: report::folder(summary.date, &summary.run).into(),
            complete: targets.all(|target| target.gap().is_none()),
            new: summary.new_findings,
            closed: summary.closed_findings,
            held: finished.held,
            repairs: finished.sent() - finished.replanned,
            replanned: finished.replanned,
        }
    }
}

const fn version() -> u32 {
    VERSION
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The JSON of `docs/reconciliation.md`: every block of it is an event or an answer.
    #[test]
    fn the_documentation_shows_what_is_read_and_written() {
        let page = include_str!("../../../docs/reconciliation.md");
        let blocks: Vec<&str> = page
            .split("```json\n")
            .skip(1)
            .filter_map(|rest| rest.split("```").next())
            .collect();
        let (mut events, mut answers) = (BTreeSet::new(), 0);
        for block in blocks {
            let shown: serde_json::Value = serde_json::from_str(block).expect(block);
            if shown.get("step").is_some() {
                let event: Event = serde_json::from_str(block).expect(block);
                assert_eq!(serde_json::to_value(&event).unwrap(), shown, "{block}");
                events.insert(shown["step"].to_string());
            } else {
                let answer: Answer = serde_json::from_str(block).expect(block);
                assert_eq!(serde_json::to_value(&answer).unwrap(), shown, "{block}");
                answers += 1;
            }
        }
        assert_eq!((events.len(), answers), (6, 7));
    }

    #[test]
    fn an_event_need_not_say_its_version() {
        let event: Event = serde_json::from_str(r#"{"step":"begin"}"#).unwrap();
        assert_eq!(event.v, VERSION);
        assert_eq!(event.run(), None);
        let event: Event = serde_json::from_str(r#"{"step":"limit","run":"r"}"#).unwrap();
        assert_eq!(event.run(), Some("r"));
        assert!(serde_json::from_str::<Event>(r#"{"step":"erase","run":"r"}"#).is_err());
    }
}
