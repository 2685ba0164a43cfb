//! A run in steps that are killed, delivered twice and in each other's way: its report is that of a
//! run that nobody disturbed.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use contract::ConvergeRequest;
use contract::report::Manifest;
use domain::{
    Account, AccountId, Desired, EntitlementId, Group, Hash, IdentityState, Incomplete, Pii,
    TargetId,
};
use jiff::Timestamp;
use ports::model::{Fuse, Fused, ModelLanes, ModelObjects};
use ports::target::{Cursor, Found, Lookup, Page, TargetError};
use ports::{Clock, Fault, Objects, Observe};
use proptest::prelude::*;
use reconciler::step::{Answer, Begin, Event, Status, Step};
use reconciler::{Reconciler, Run};

use crate::company::{Company, account_id, block_on, identity, wiki};
use crate::laws::{PEOPLE, event, happen, misbehaviour};
use crate::target::{Misbehaviour, Scripted};

/// A state machine over one company, whose function is killed now and then.
struct Machine<'a, O> {
    company: &'a Company,
    fuse: Fuse,
    objects: Fused<ModelObjects>,
    lanes: Fused<ModelLanes>,
    targets: BTreeMap<TargetId, Fused<O>>,
    at: Timestamp,
    /// After how many points the next calls are killed, the last one first.
    kills: Vec<u64>,
    killed: u64,
    /// Pages of a leg.
    pages: Option<u64>,
    /// Whether every event is delivered twice.
    twice: bool,
}

impl<'a> Machine<'a, Scripted> {
    fn over(company: &'a Company) -> Self {
        Self::with(company, company.targets.clone())
    }
}

impl<'a, O: Observe> Machine<'a, O> {
    fn with(company: &'a Company, targets: BTreeMap<TargetId, O>) -> Self {
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

    fn reconciler(
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
    fn once(&mut self, step: &Step) -> Option<Result<Answer, Fault>> {
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
    fn call(&mut self, step: &Step) -> Answer {
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
    fn until_done(&mut self, step: &Step) -> Answer {
        for _ in 0..100_000 {
            let answer = self.call(step);
            if answer.status == Status::Done {
                return answer;
            }
        }
        panic!("never done");
    }

    fn begin(&mut self) -> Answer {
        self.until_done(&Step::Begin(Begin {
            at: Some(self.at),
            date: Some(self.company.today),
            code: Some("test".into()),
            ..Begin::default()
        }))
    }

    fn observe(&mut self, run: &str, target: &TargetId) -> Answer {
        self.until_done(&self.observation(run, target))
    }

    fn observation(&self, run: &str, target: &TargetId) -> Step {
        Step::Observe {
            run: run.into(),
            target: target.clone(),
            pages: self.pages,
        }
    }

    /// What comes after every target was observed and compared.
    fn end(&mut self, run: &str) -> Answer {
        self.until_done(&Step::Limit { run: run.into() });
        self.until_done(&Step::Enqueue { run: run.into() });
        self.until_done(&Step::Finish { run: run.into() })
    }

    /// A whole run.
    fn run(&mut self) -> Answer {
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
        self.end(&run)
    }
}

/// What a run left: every object, and every message by its name.
fn left(company: &Company) -> (BTreeMap<String, Bytes>, BTreeSet<String>) {
    let keys = block_on(company.objects.list("reports/")).expect("a model");
    let body = |key: &String| block_on(company.objects.get(key)).expect("a model");
    let bodies = keys.iter().map(|key| (key.clone(), body(key).expect("it")));
    let sent = company.lanes.sent().into_iter();
    let sent = sent.map(|(lane, message)| format!("{lane} {message:?}"));
    (bodies.collect(), sent.collect())
}

/// The same company in one call that nobody disturbs.
fn undisturbed(company: &Company) -> (BTreeMap<String, Bytes>, BTreeSet<String>) {
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

fn manifest(company: &Company, answer: &Answer) -> Manifest {
    let came = answer.report.as_ref().expect("a report");
    let key = format!("{}manifest.json", came.folder);
    let body = block_on(company.objects.get(&key)).expect("a model");
    serde_json::from_slice(&body.expect("a manifest")).expect("a manifest")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(80))]

    #[test]
    fn however_often_it_is_killed_a_run_says_the_same(
        events in prop::collection::vec(event(), 0..12),
        size in 1..40_usize,
        users in prop::option::of(misbehaviour()),
        groups in prop::option::of(misbehaviour()),
        kills in prop::collection::vec(0..40_u64, 0..20),
        pages in prop::option::of(1..4_u64),
        twice in any::<bool>(),
    ) {
        let company = || {
            let company = Company::paged(PEOPLE, size);
            for event in &events {
                happen(&company, event);
            }
            company.wiki().users_do(users);
            company.wiki().groups_do(groups);
            company
        };
        let (other, disturbed) = (company(), company());
        let expected = undisturbed(&other);
        let mut machine = Machine::over(&disturbed);
        (machine.kills, machine.pages, machine.twice) = (kills.clone(), pages, twice);
        let answer = machine.run();
        let killed = machine.killed;

        let found = left(&disturbed);
        prop_assert_eq!(found.0, expected.0, "the report");
        prop_assert_eq!(found.1, expected.1, "the messages");
        let most = other.wiki().pages() as u64 + killed * 60;
        prop_assert!(disturbed.wiki().pages() as u64 <= most);

        let manifest = manifest(&disturbed, &answer);
        if manifest.summary.targets[&wiki()].users.is_err() {
            prop_assert!(disturbed.lanes.sent().is_empty(), "nothing without a certificate");
        }
        let keys = block_on(disturbed.objects.list("runs/")).expect("a model");
        prop_assert_eq!(keys.len(), 2, "what people may read: {:?}", keys);
    }
}

/// Kills at every point of a run, one run each, so that no point is left to chance.
#[test]
fn there_is_no_point_at_which_a_kill_changes_anything() {
    let company = || {
        let company = Company::paged(PEOPLE, 10);
        company.decide(1, IdentityState::Ended, Desired::None);
        company.wiki().delete(&account_id(2));
        company.wiki().edit(&account_id(3), |a| a.attrs.clear());
        company.wiki().member("Admins", &account_id(4), true);
        company
    };
    let expected = undisturbed(&company());
    let whole = company();
    let mut machine = Machine::over(&whole);
    machine.run();
    let points = machine.fuse.passed();
    assert!(points > 100, "{points}");
    let mut fired = 0;
    for point in 0..points {
        let company = company();
        let mut machine = Machine::over(&company);
        // Of all calls together, so that each point of the run has its turn.
        let mut left_over = Some(point);
        let begun = {
            let step = Step::Begin(Begin {
                at: Some(machine.at),
                date: Some(company.today),
                code: Some("test".into()),
                ..Begin::default()
            });
            deliver(&mut machine, &step, &mut left_over)
        };
        let run = begun.run.clone();
        let mut steps = vec![machine.observation(&run, &wiki())];
        steps.push(Step::Compare {
            run: run.clone(),
            target: wiki(),
            part: None,
        });
        steps.push(Step::Limit { run: run.clone() });
        steps.push(Step::Enqueue { run: run.clone() });
        steps.push(Step::Finish { run });
        for step in &steps {
            deliver(&mut machine, step, &mut left_over);
        }
        fired += machine.killed;
        let found = left(&company);
        assert_eq!(found.0, expected.0, "the report, killed at {point}");
        assert_eq!(found.1, expected.1, "the messages, killed at {point}");
    }
    assert_eq!(fired, points, "every kill fired");
}

/// Delivers an event, and kills the run once at the point that is left over.
fn deliver<O: Observe>(
    machine: &mut Machine<'_, O>,
    step: &Step,
    left_over: &mut Option<u64>,
) -> Answer {
    loop {
        let before = machine.fuse.passed();
        machine.kills.extend(*left_over);
        let answer = machine.once(step);
        machine.kills.clear();
        match answer {
            None => {
                *left_over = None;
                // What was sent until then is carried out before anybody goes on.
                for (_, message) in machine.company.lanes.sent() {
                    let request: ConvergeRequest =
                        serde_json::from_str(&message.body).expect("a converge request");
                    let (identity, target) = (&request.identity, &request.target);
                    machine.company.converge(identity, target);
                }
            }
            Some(answer) => {
                let passed = machine.fuse.passed() - before;
                *left_over = left_over.map(|left| left.saturating_sub(passed));
                return answer.expect("an answer");
            }
        }
    }
}

#[test]
fn a_target_that_loses_an_account_between_two_legs_gets_no_certificate() {
    let company = Company::of(30);
    company.decide(1, IdentityState::Ended, Desired::None);
    let mut machine = Machine::over(&company);
    machine.pages = Some(1);
    let run = machine.begin().run;
    let observation = machine.observation(&run, &wiki());
    assert_eq!(machine.call(&observation).status, Status::Again);
    // It was read; what stood behind it slides onto the page that was read.
    company.wiki().delete(&account_id(0));
    let observed = machine.observe(&run, &wiki());
    assert_eq!(observed.certified, Some(false));
    machine.until_done(&Step::Compare {
        run: run.clone(),
        target: wiki(),
        part: None,
    });
    let answer = machine.end(&run);
    let came = answer.report.clone().expect("a report");
    assert_eq!((came.complete, came.repairs), (false, 0));
    let manifest = manifest(&company, &answer);
    let users = &manifest.summary.targets[&wiki()].users;
    assert!(
        matches!(users, Err(Incomplete::ShortOfTotal { .. })),
        "{users:?}"
    );
}

#[test]
fn a_place_that_expired_is_begun_anew_once() {
    for (says, in_groups) in [(true, false), (false, false), (true, true)] {
        // Something differs on the first page, which is read twice and has to count once.
        let different = || {
            let company = Company::paged(30, 1);
            company.wiki().edit(&account_id(0), |a| a.attrs.clear());
            company.wiki().member("Admins", &account_id(0), true);
            company
        };
        let expected = undisturbed(&different());
        let company = different();
        let script = Misbehaviour::Expires {
            page: 2,
            times: 1,
            says,
        };
        if in_groups {
            company.wiki().groups_do(Some(script));
        } else {
            company.wiki().users_do(Some(script));
        }
        let mut machine = Machine::over(&company);
        machine.pages = Some(1);
        let answer = machine.run();
        assert_eq!(company.wiki().fired(), 1);
        assert!(answer.report.expect("a report").complete);
        assert_eq!(left(&company).0, expected.0, "as if nothing had happened");
    }
}

#[test]
fn a_place_that_expires_again_proves_nothing() {
    let company = Company::paged(30, 10);
    company.decide(1, IdentityState::Ended, Desired::None);
    company.wiki().users_do(Some(Misbehaviour::Expires {
        page: 2,
        times: 2,
        says: true,
    }));
    let answer = Machine::over(&company).run();
    assert_eq!(company.wiki().fired(), 2);
    let came = answer.report.clone().expect("a report");
    assert_eq!((came.complete, came.repairs), (false, 0));
    let users = &manifest(&company, &answer).summary.targets[&wiki()].users;
    assert!(
        matches!(users, Err(Incomplete::PageFailed { page: 2, .. })),
        "{users:?}"
    );
}

/// A target that refuses a place which it gave a moment ago is broken, and asking again from the
/// first page on would not help.
#[test]
fn a_refusal_in_the_middle_of_a_leg_is_no_expiry() {
    let company = Company::paged(30, 10);
    company.wiki().users_do(Some(Misbehaviour::Expires {
        page: 2,
        times: 1,
        says: false,
    }));
    let answer = Machine::over(&company).run();
    assert_eq!(company.wiki().fired(), 1);
    assert!(!answer.report.expect("a report").complete);
}

#[test]
fn a_leg_that_was_taken_for_dead_does_not_count_twice() {
    let company = Company::paged(30, 10);
    let expected = undisturbed(&Company::paged(30, 10));
    let mut machine = Machine::over(&company);
    let begun = machine.begin();
    let event = Event {
        v: 1,
        step: machine.observation(&begun.run, &wiki()),
    };
    // One leg stops in the middle of its pages, and is only slow.
    let slow_fuse = Fuse::new();
    let targets: BTreeMap<TargetId, Fused<Scripted>> = company
        .targets
        .iter()
        .map(|(name, target)| {
            let slow = Fused::new(target.clone(), slow_fuse.clone());
            (name.clone(), slow)
        })
        .collect();
    let slow = Reconciler::new(
        &company.store,
        &company.lanes,
        &company.objects,
        &company.clock,
        &targets,
        &company.policy,
    );
    let mut slow = pin!(slow.step(&event, None));
    let mut context = Context::from_waker(Waker::noop());
    slow_fuse.set(Some(3));
    assert!(slow.as_mut().poll(&mut context).is_pending());

    let observed = machine.observe(&begun.run, &wiki());
    assert_eq!(observed.certified, Some(true));

    slow_fuse.set(None);
    let Poll::Ready(late) = slow.as_mut().poll(&mut context) else {
        panic!("it goes on");
    };
    assert!(matches!(late, Err(Fault::Retry { .. })), "{late:?}");
    machine.until_done(&Step::Compare {
        run: begun.run.clone(),
        target: wiki(),
        part: None,
    });
    machine.end(&begun.run);
    assert_eq!(left(&company).0, expected.0);
}

#[test]
fn a_run_ends_under_the_policy_under_which_it_began() {
    let mut company = Company::of(30);
    company.decide(1, IdentityState::Ended, Desired::None);
    let run = Machine::over(&company).begin().run;
    let first = company.policy.clone();
    company.policy.version = Hash::of(b"version 2");
    for step in [
        Machine::over(&company).observation(&run, &wiki()),
        Step::Limit { run: run.clone() },
        Step::Finish { run: run.clone() },
    ] {
        let refused = Machine::over(&company).once(&step).expect("an answer");
        let Err(Fault::Reject { why }) = refused else {
            panic!("{refused:?}");
        };
        assert!(why.contains(&*first.version.short()), "{why}");
    }
    assert!(left(&company).0.is_empty() && company.lanes.sent().is_empty());
    // It may go on under its own, and another one may begin.
    let begun = block_on(reconciler::Begun::load(&company.objects, &run));
    assert_eq!(begun.expect("a model").expect("it").policy, first.version);
    assert!(Machine::over(&company).run().report.is_some());
}

#[test]
fn a_target_that_was_never_observed_is_reported_and_left_alone() {
    let company = Company::of(30);
    company.decide(1, IdentityState::Ended, Desired::None);
    let mut machine = Machine::over(&company);
    let run = machine.begin().run;
    let early = machine.once(&Step::Compare {
        run: run.clone(),
        target: wiki(),
        part: None,
    });
    assert!(matches!(early, Some(Err(Fault::Reject { .. }))));
    let answer = machine.end(&run);
    let came = answer.report.clone().expect("a report");
    assert_eq!((came.complete, came.repairs), (false, 0));
    let users = &manifest(&company, &answer).summary.targets[&wiki()].users;
    assert!(
        matches!(users, Err(Incomplete::PageFailed { .. })),
        "{users:?}"
    );
}

#[test]
fn a_finished_run_is_not_begun_again_and_says_the_same() {
    let company = Company::of(30);
    company.decide(1, IdentityState::Ended, Desired::None);
    let mut machine = Machine::over(&company);
    let answer = machine.run();
    let before = left(&company);
    let run = answer.run.clone();
    assert_eq!(machine.call(&Step::Finish { run: run.clone() }), answer);
    machine.until_done(&Step::Limit { run: run.clone() });
    machine.until_done(&Step::Enqueue { run: run.clone() });
    assert_eq!(left(&company), before);
    let again = machine.once(&Step::Begin(Begin {
        run: Some(run),
        ..Begin::default()
    }));
    assert!(matches!(again, Some(Err(Fault::Reject { .. }))));
    let other = machine.once(&Step::Limit { run: "none".into() });
    assert!(matches!(other, Some(Err(Fault::Reject { .. }))));
    let newer = Event {
        v: 2,
        step: Step::Limit { run: "none".into() },
    };
    let refused = block_on(machine.reconciler().step(&newer, None));
    assert!(matches!(refused, Err(Fault::Reject { .. })));
}

#[test]
fn what_an_abandoned_run_left_goes_after_a_week() {
    let mut company = Company::of(30);
    company.wiki().put(Account {
        id: AccountId::from("ghost"),
        key: None,
        user_name: Pii::new("ghost".into()),
        active: true,
        attrs: BTreeMap::new(),
        created: None,
        last_sign_in: None,
        deleted: false,
        read_only: None,
    });
    let mut machine = Machine::over(&company);
    let run = machine.begin().run;
    machine.observe(&run, &wiki());
    let left_of_it = |company: &Company| {
        let keys = block_on(company.objects.list(&format!("runs/{run}/"))).expect("a model");
        keys.len()
    };
    let before = left_of_it(&company);
    assert!(before > 3, "{before}");
    company.tomorrow();
    company.run();
    assert_eq!(left_of_it(&company), before, "somebody may go on with it");
    for _ in 0..7 {
        company.tomorrow();
    }
    company.run();
    assert_eq!(left_of_it(&company), 1, "what people may read");
}

#[test]
fn a_leg_ends_when_its_time_is_up() {
    let company = Company::paged(30, 10);
    let mut machine = Machine::over(&company);
    let run = machine.begin().run;
    let event = Event {
        v: 1,
        step: machine.observation(&run, &wiki()),
    };
    let past = Some(company.clock.now());
    let mut legs = 1;
    while block_on(machine.reconciler().step(&event, past))
        .expect("an answer")
        .status
        == Status::Again
    {
        legs += 1;
    }
    // Three pages of users and one of groups, one a leg, and none is read twice.
    assert_eq!((legs, company.wiki().pages()), (4, 4));
}

#[test]
fn a_target_that_differs_in_much_is_compared_in_parts() {
    let company = Company::paged(30, 1_000);
    for n in 0..12_000 {
        company.wiki().put(Account {
            id: AccountId::from(format!("ghost-{n}")),
            key: None,
            user_name: Pii::new(format!("ghost{n}").into()),
            active: true,
            attrs: BTreeMap::new(),
            created: None,
            last_sign_in: None,
            deleted: false,
            read_only: None,
        });
    }
    let mut machine = Machine::over(&company);
    let run = machine.begin().run;
    let observed = machine.observe(&run, &wiki());
    assert_eq!(observed.parts, Some(vec![0, 1]));
    for part in [1, 0] {
        machine.until_done(&Step::Compare {
            run: run.clone(),
            target: wiki(),
            part: Some(part),
        });
    }
    let none = machine.once(&Step::Compare {
        run: run.clone(),
        target: wiki(),
        part: Some(2),
    });
    assert!(matches!(none, Some(Err(Fault::Reject { .. }))));
    let answer = machine.end(&run);
    let manifest = manifest(&company, &answer);
    let result = &manifest.summary.targets[&wiki()];
    assert_eq!(answer.report.expect("a report").new, 12_000);
    assert_eq!((result.matching, result.wanted), (30, 30));
}

/// A target of very many pages, most of them empty.
struct Long {
    pages: u64,
    /// On every so many-th page one of these.
    accounts: Vec<Account>,
    calls: std::sync::atomic::AtomicU64,
}

impl Observe for &Long {
    async fn users(&self, after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        self.calls
            .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let page: u64 = after.map_or(0, |cursor| cursor.0.parse().expect("our cursor"));
        let every = self.pages / (self.accounts.len() as u64 + 1);
        let here = usize::try_from(page / every).expect("small");
        let items = self
            .accounts
            .get(here)
            .filter(|_| page.is_multiple_of(every));
        Ok(Page {
            items: items.cloned().into_iter().collect(),
            next: (page + 1 < self.pages).then(|| Cursor((page + 1).to_string())),
            declared: None,
        })
    }

    async fn groups(&self, _after: Option<&Cursor>) -> Result<Page<Group>, TargetError> {
        Ok(Page {
            items: Vec::new(),
            next: None,
            declared: None,
        })
    }

    async fn find(&self, _lookup: Lookup<'_>) -> Result<Found, TargetError> {
        Ok(Found::None)
    }

    async fn held(
        &self,
        _account: &AccountId,
        _of: &[EntitlementId],
    ) -> Result<Option<Vec<EntitlementId>>, TargetError> {
        Ok(None)
    }
}

#[test]
fn twenty_kills_cost_at_most_one_page_in_a_hundred() {
    const PAGES: u64 = 10_000;
    for seed in 0..3_u64 {
        let company = Company::of(30);
        let long = Long {
            pages: PAGES,
            accounts: company.wiki().contents().0,
            calls: 0.into(),
        };
        let mut machine = Machine::with(&company, BTreeMap::from([(wiki(), &long)]));
        // Some two points a page, and two more for each frame.
        let mut state = seed + 1;
        machine.kills = (0..20)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (state >> 33) % 1_800
            })
            .collect();
        let run = machine.begin().run;
        let observed = machine.observe(&run, &wiki());
        assert_eq!(observed.parts, Some(vec![0]));
        assert!(machine.killed >= 19, "{} kills fired", machine.killed);
        let calls = long.calls.load(std::sync::atomic::Ordering::Relaxed);
        assert!(calls >= PAGES);
        assert!(calls * 100 <= PAGES * 101, "{calls} of {PAGES} pages");
    }
}

#[test]
fn identities_are_found_in_every_part() {
    // Somebody whose account is gone is missing in exactly one part, whichever it is.
    let company = Company::of(30);
    company.wiki().delete(&account_id(7));
    let answer = Machine::over(&company).run();
    assert_eq!(answer.report.expect("a report").new, 1);
    assert_eq!(company.lanes.sent().len(), 1);
    assert!(
        company.lanes.sent()[0]
            .1
            .body
            .contains(identity(7).as_str())
    );
}
