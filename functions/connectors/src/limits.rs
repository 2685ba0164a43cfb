//! Limits: what is taken from people counts on the target's meter before it is done. What exceeds
//! a limit stays undone and is listed in the account's record; everything else goes on.

use std::collections::{BTreeMap, BTreeSet};

use domain::converge::Convergence;
use domain::limit::{Beside, Claim, Held, HeldLine, Line, Meter, Verdict, hold_back, lines};
use domain::policy::Limits;
use domain::{AttrPath, EntitlementId, IdentityId, TargetId};
use jiff::Timestamp;
use ports::{Apply, Cases, Clock, Fault, Observe, Store};
use telemetry::{Dimensions, Metric};

use crate::Connector;
use crate::batch::Planned;
use crate::work::Work;

/// What an account asked of the meter, and what has to wait.
#[derive(Clone, Debug, Default)]
pub struct Counted {
    /// Everything that was asked.
    asked: BTreeSet<Line>,
    /// What waits.
    held: Vec<HeldLine>,
}

/// One account's question.
struct Question {
    identity: IdentityId,
    lines: BTreeSet<Line>,
    held: Option<Held>,
}

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// Asks for everything that a batch is going to take away, in one question. Nothing is asked
    /// where nothing is taken away.
    pub(crate) async fn count_batch(
        &self,
        name: &TargetId,
        planned: &mut [Planned],
        at: Timestamp,
    ) -> Result<(), Fault> {
        let questions: Vec<(usize, Question)> = planned
            .iter()
            .enumerate()
            .filter_map(|(place, one)| Some((place, question(&one.work, &one.plan)?)))
            .collect();
        let (places, questions): (Vec<usize>, Vec<Question>) = questions.into_iter().unzip();
        let verdicts = self.ask_meter(name, &questions, at).await?;
        for ((place, question), verdict) in places.into_iter().zip(questions).zip(verdicts) {
            if let Some(one) = planned.get_mut(place) {
                one.work.counted.take_over(question.lines, verdict);
            }
        }
        Ok(())
    }

    /// Asks for what a look brought to light, and takes out of the changes whatever has to wait.
    pub(crate) async fn keep_within_limits(
        &self,
        work: &mut Work,
        convergence: &mut Convergence,
    ) -> Result<(), Fault> {
        if let Some(question) = question(work, convergence) {
            let verdicts = self
                .ask_meter(&work.name, std::slice::from_ref(&question), work.at)
                .await?;
            for verdict in verdicts {
                work.counted.take_over(question.lines.clone(), verdict);
            }
        }
        let wanted = wanted(work, convergence);
        let held: Vec<HeldLine> = work
            .counted
            .held
            .iter()
            .filter(|held| wanted.contains(&held.line))
            .cloned()
            .collect();
        let waits: BTreeSet<Line> = held.iter().map(|held| held.line.clone()).collect();
        let paths = references(work);
        let refers = |path: &AttrPath| paths.contains(path);
        let stays: BTreeSet<EntitlementId> = hold_back(
            convergence,
            &waits,
            &refers,
            work.urgent,
            &Beside {
                policy: &self.policy.policy,
                target: &work.name,
                wanted: work.wanted(),
                elsewhere: &work.elsewhere,
            },
        );
        work.kept.extend(stays);
        let before = work.record.held.take();
        if held.is_empty() {
            return Ok(());
        }
        let counted = Dimensions::target(&work.name);
        let count = f64::from(u32::try_from(held.len()).unwrap_or(u32::MAX));
        telemetry::emit(Metric::Held, count, counted);
        let mut rejected = before
            .as_ref()
            .map(|before| before.rejected.clone())
            .unwrap_or_default();
        rejected.retain(|line| waits.contains(line));
        work.record.held = Some(Held {
            since: before.map_or(work.at, |before| before.since),
            lines: held,
            released: BTreeMap::new(),
            rejected,
        });
        Ok(())
    }

    async fn ask_meter(
        &self,
        name: &TargetId,
        questions: &[Question],
        at: Timestamp,
    ) -> Result<Vec<Verdict>, Fault> {
        let Some(target) = self.policy.policy.targets.get(name) else {
            return Ok(Vec::new());
        };
        if questions.is_empty() {
            return Ok(Vec::new());
        }
        let verdicts = ports::meter::change(&self.store, name, |meter| {
            ask(meter, &target.limits, questions, at)
        })
        .await?;
        for scope in verdicts.iter().flat_map(|verdict| &verdict.opened) {
            tracing::error!(target = %name, scope = %scope, "a limit was reached: changes are held");
            telemetry::emit(Metric::HoldOpened, 1.0, Dimensions::target(name));
        }
        Ok(verdicts)
    }
}

impl Counted {
    fn take_over(&mut self, lines: BTreeSet<Line>, verdict: Verdict) {
        self.asked.extend(lines);
        self.held.extend(verdict.held);
    }
}

fn ask(meter: &mut Meter, limits: &Limits, questions: &[Question], at: Timestamp) -> Vec<Verdict> {
    let claims: Vec<Claim<'_>> = questions
        .iter()
        .map(|question| Claim {
            identity: &question.identity,
            lines: &question.lines,
            held: question.held.as_ref(),
        })
        .collect();
    meter.ask(limits, at, &claims)
}

/// What was not asked yet.
fn question(work: &Work, convergence: &Convergence) -> Option<Question> {
    let mut lines = wanted(work, convergence);
    lines.retain(|line| !work.counted.asked.contains(line));
    (!lines.is_empty()).then(|| Question {
        identity: work.identity.clone(),
        lines,
        held: work.record.held.clone(),
    })
}

fn wanted(work: &Work, convergence: &Convergence) -> BTreeSet<Line> {
    let paths = references(work);
    let refers = |path: &AttrPath| paths.contains(path);
    lines(&convergence.changes, &refers, work.urgent)
}

/// The attributes that name somebody else's account.
fn references(work: &Work) -> BTreeSet<AttrPath> {
    let attrs = work.projection.attrs.iter();
    let refers = attrs.filter(|(_, mapped)| mapped.refers);
    refers.map(|(path, _)| path.clone()).collect()
}
