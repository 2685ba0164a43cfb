//! What a state machine does with the steps of a run, and what kills do to it.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use contract::report::Manifest;
use domain::TargetId;
use jiff::{SignedDuration, Timestamp};
use ports::model::{Fuse, Fused, ModelLanes, ModelObjects};
use ports::{Clock, Fault, Objects, Observe};
use reconciler::step::{Answer, Begin, Event, Status, Step};
use reconciler::{Reconciler, Run};

use crate::company::{Company, block_on};
use crate::target::Scripted;

/// A state machine over one company, whose function is killed now and then.
pub struct Machine<'a, O> {
    pub company: &'a Company,
    pub fuse: Fuse,
    pub objects: Fused<ModelObjects>,
    pub lanes: Fused<ModelLanes>,
    pub targets: BTreeMap<TargetId, Fused<O>>,
    pub at: Timestamp,
    /// After how many points the next calls are killed, the last one first.
    pub kills: Vec<u64>,
    pub killed: u64,
    /// Pages of a leg.
    pub pages: Option<u64>,
    /// Whether every event is delivered twice.
    pub twice: bool,
}

impl<'a> Machine<'a, Scripted> {
    pub fn over(company: &'a Company) -> Self {
        Self::with(company, company.targets.clone())
    }
}

impl<'a, O: Observe> Machine<'a, O> {
    pub fn with(company: &'a Company, targets: BTreeMap<TargetId, O>) -> Self {
        company.clock.advance(Duration::from_secs(1));
        let fuse = Fuse::new();
        let fused = |(name, target)| (name, Fused::new(target, fuse.clone()));
        Self {
            objects: Fused::new(company.objects.clone(), fuse.clone()),
            lanes: Fused::new(company.lanes.clone(), fuse.clone()),
            targets: targets.into_iter().map(fused).collect(),
            at: company.clock.now(),
            company,
            fuse,
            kills: Vec::new(),
            killed: 0,
            pages: None,
            twice: false,
        }
    }

    pub fn reconciler(
        &self,
    ) -> Reconciler<
        '_,
        ports::model::ModelStore,
        Fused<ModelLanes>,
        Fused<ModelObjects>,
        ports::model::ManualClock,
        Fused<O>,
    > {
        Reconciler::new(
            &self.company.store,
            &self.lanes,
            &self.objects,
            &self.company.clock,
            &self.targets,
            &self.company.policy,
        )
    }

    /// One call of the function; `None` where it was killed. Time passes either way.
    pub fn once(&mut self, step: &Step) -> Option<Result<Answer, Fault>> {
        self.fuse.set(self.kills.pop());
        let event = Event {
            v: 1,
            step: step.clone(),
        };
        let answer = {
            let reconciler = self.reconciler();
            let mut context = Context::from_waker(Waker::noop());
            match pin!(reconciler.step(&event, None)).poll(&mut context) {
                Poll::Ready(answer) => Some(answer),
                Poll::Pending => None,
            }
        };
        self.fuse.set(None);
        self.company.clock.advance(Duration::from_secs(61));
        self.killed += u64::from(answer.is_none());
        answer
    }

    /// An event, delivered until there is an answer.
    pub fn call(&mut self, step: &Step) -> Answer {
        let mut answers = 0;
        loop {
            let Some(answer) = self.once(step) else {
                continue;
            };
            answers += 1;
            if answers == 1 + u32::from(self.twice) {
                return answer.expect("an answer");
            }
        }
    }

    /// An event, until it is done.
    pub fn until_done(&mut self, step: &Step) -> Answer {
        for _ in 0..100_000 {
            let answer = self.call(step);
            if answer.status == Status::Done {
                return answer;
            }
        }
        panic!("never done");
    }

    pub fn begin(&mut self) -> Answer {
        self.until_done(&Step::Begin(Begin {
            at: Some(self.at),
            date: Some(self.company.today),
            code: Some("test".into()),
            ..Begin::default()
        }))
    }

    pub fn observe(&mut self, run: &str, target: &TargetId) -> Answer {
        self.until_done(&self.observation(run, target))
    }

    pub fn observation(&self, run: &str, target: &TargetId) -> Step {
        Step::Observe {
            run: run.into(),
            target: target.clone(),
            pages: self.pages,
        }
    }

    /// What comes after every target was observed and compared.
    pub fn end(&mut self, run: &str) -> Answer {
        self.until_done(&Step::Limit { run: run.into() });
        self.until_done(&Step::Enqueue { run: run.into() });
        self.until_done(&Step::Finish { run: run.into() })
    }

    /// A whole run.
    pub fn run(&mut self) -> Answer {
        let run = self.compared();
        self.end(&run)
    }

    /// A run of which every target is observed and compared.
    pub fn compared(&mut self) -> Box<str> {
        let begun = self.begin();
        let run = begun.run;
        for target in begun.targets.expect("targets") {
            let observed = self.observe(&run, &target);
            // The last part first: the order does not matter.
            for part in observed.parts.expect("parts").into_iter().rev() {
                self.until_done(&Step::Compare {
                    run: run.clone(),
                    target: target.clone(),
                    part: Some(part),
                });
            }
        }
        run
    }

    /// `enqueue` in legs of a given length; gives back how many there were.
    pub fn enqueue_in_legs(&mut self, run: &str, length: Duration) -> u64 {
        let event = Event {
            v: 1,
            step: Step::Enqueue { run: run.into() },
        };
        for leg in 1..1_000 {
            let until = self.company.clock.now() + SignedDuration::try_from(length).expect("short");
            let step = block_on(self.reconciler().step(&event, Some(until)));
            if step.expect("an answer").status == Status::Done {
                return leg;
            }
        }
        panic!("never done");
    }
}

/// What a run left: every object, and every message by its name.
pub fn left(company: &Company) -> (BTreeMap<String, Bytes>, BTreeSet<String>) {
    let keys = block_on(company.objects.list("reports/")).expect("a model");
    let body = |key: &String| block_on(company.objects.get(key)).expect("a model");
    let bodies = keys.iter().map(|key| (key.clone(), body(key).expect("it")));
    let sent = company.lanes.sent().into_iter();
    let sent = sent.map(|(lane, message)| format!("{lane} {message:?}"));
    (bodies.collect(), sent.collect())
}

/// The same company in one call that nobody disturbs.
pub fn undisturbed(company: &Company) -> (BTreeMap<String, Bytes>, BTreeSet<String>) {
    company.clock.advance(Duration::from_secs(1));
    let run = Run::new(company.clock.now(), company.today, &company.policy, "test");
    let reconciler = Reconciler::new(
        &company.store,
        &company.lanes,
        &company.objects,
        &company.clock,
        &company.targets,
        &company.policy,
    );
    block_on(reconciler.run(&run)).expect("a run");
    left(company)
}

pub fn manifest(company: &Company, answer: &Answer) -> Manifest {
    let came = answer.report.as_ref().expect("a report");
    let key = format!("{}manifest.json", came.folder);
    let body = block_on(company.objects.get(&key)).expect("a model");
    serde_json::from_slice(&body.expect("a manifest")).expect("a manifest")
}
