//! A run that is killed says what one says that nobody disturbed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use contract::ConvergeRequest;
use domain::{Account, AccountId, Desired, EntitlementId, Group, IdentityState};
use ports::target::{Cursor, Found, Lookup, Page, TargetError};
use ports::{Objects, Observe};
use proptest::prelude::*;
use reconciler::step::{Answer, Begin, Step};

use crate::company::{Company, account_id, block_on, wiki};
use crate::laws::{PEOPLE, event, happen, misbehaviour};
use crate::machine::{Machine, left, manifest, undisturbed};

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

/// A target of very many pages, most of them empty.
struct Long {
    pages: u64,
    /// On every so many-th page one of these.
    accounts: Vec<Account>,
    calls: AtomicU64,
}

impl Observe for &Long {
    async fn users(&self, after: Option<&Cursor>) -> Result<Page<Account>, TargetError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
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
        let calls = long.calls.load(Ordering::Relaxed);
        assert!(calls >= PAGES);
        assert!(calls * 100 <= PAGES * 101, "{calls} of {PAGES} pages");
    }
}
