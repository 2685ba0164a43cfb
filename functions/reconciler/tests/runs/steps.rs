//! Steps in each other's way, out of order, too late, or over targets that change meanwhile.

use std::collections::BTreeMap;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use domain::{Account, AccountId, Desired, Hash, IdentityState, Incomplete, Pii, TargetId};
use ports::model::{Fuse, Fused};
use ports::{Clock, Fault, Objects, Store};
use reconciler::Reconciler;
use reconciler::step::{Begin, Event, Status, Step};

use crate::company::{Company, account_id, block_on, identity, wiki};
use crate::machine::{Machine, left, manifest, undisturbed};
use crate::target::{Misbehaviour, Scripted};

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
    loop {
        let reconciler = machine.reconciler();
        // A runtime may move it from thread to thread.
        let step: Box<dyn Future<Output = _> + Send> = Box::new(reconciler.step(&event, past));
        let answer = block_on(Box::into_pin(step)).expect("an answer");
        if answer.status == Status::Done {
            break;
        }
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

#[test]
fn only_what_differs_names_anybody_between_steps() {
    let company = Company::of(30);
    company.wiki().edit(&account_id(3), |a| a.attrs.clear());
    let mut machine = Machine::over(&company);
    let run = machine.begin().run;
    machine.observe(&run, &wiki());
    let keys = block_on(company.objects.list("runs/")).expect("a model");
    let mut named = Vec::new();
    for key in keys {
        let body = block_on(company.objects.get(&key)).expect("a model");
        let body = body.expect("it is listed");
        let plain = zstd::decode_all(&*body).unwrap_or_else(|_| body.to_vec());
        let text = String::from_utf8(plain).expect("JSON");
        // Of those who are as policy says, nobody is named anywhere.
        for personal in ["user1\"", "account-1\"", "Engineer"] {
            assert!(!text.contains(personal), "{personal} in {key}");
        }
        if text.contains("user3") {
            named.push(key);
        }
    }
    let frame = format!("runs/{run}/target=wiki/observed-00000001");
    assert_eq!(named, [frame]);
}

/// A stretch that a killed `begin` had half written down, and that another one ends elsewhere.
#[test]
fn a_stretch_that_ends_elsewhere_the_second_time_has_everybody_once() {
    let company = || {
        let company = Company::paged(250, 100);
        company.decide(1, IdentityState::Ended, Desired::None);
        company
    };
    let expected = undisturbed(&company());
    let mut killed = 0;
    for point in 0..60 {
        let company = company();
        let mut machine = Machine::over(&company);
        let event = Event {
            v: 1,
            step: Step::Begin(Begin {
                at: Some(machine.at),
                date: Some(company.today),
                code: Some("test".into()),
                ..Begin::default()
            }),
        };
        // The first one has time for a page of a hundred, the second for all.
        machine.fuse.set(Some(point));
        {
            let reconciler = machine.reconciler();
            let mut first = pin!(reconciler.step(&event, Some(company.clock.now())));
            let mut context = Context::from_waker(Waker::noop());
            killed += usize::from(first.as_mut().poll(&mut context).is_pending());
        }
        machine.fuse.set(None);
        let answer = machine.run();
        let result = &manifest(&company, &answer).summary.targets[&wiki()];
        assert_eq!((result.matching, result.wanted), (249, 249), "{point}");
        assert_eq!(left(&company).0, expected.0, "killed at {point}");
    }
    assert!(
        killed > 35 && killed < 60,
        "all of its points and no more: {killed}"
    );
}

/// What HR says about a leaver while the report is being written is not of this night.
#[test]
fn a_fact_that_comes_later_is_not_in_the_report() {
    let says = |company: &Company, event: &str, hours: i64| {
        let at = company.clock.now() + jiff::SignedDuration::from_hours(hours);
        let body = domain::FactBody::Assert {
            attrs: Pii::new(domain::Attrs::new()),
            corrects: None,
        };
        let fact = domain::Fact {
            source: "hr".into(),
            record: domain::RecordKey::from(&identity(1)),
            worker: "1".into(),
            event: event.into(),
            version: None,
            effective: domain::fact::Effective::Instant(at),
            zone: "UTC".into(),
            recorded_at: at,
            received_at: at,
            payload: Hash::of(event.as_bytes()),
            manager: None,
            body,
        };
        let delivery = ports::store::Delivery {
            source: "hr".into(),
            event: event.into(),
            body: fact.payload,
            received_at: at,
        };
        block_on(company.store.accept(&delivery, &[fact])).expect("a model");
    };
    let report = |meanwhile: bool| {
        let company = Company::of(30);
        company.decide(1, IdentityState::Ended, Desired::None);
        says(&company, "before", -1);
        let mut machine = Machine::over(&company);
        let run = machine.compared();
        if meanwhile {
            says(&company, "meanwhile", 1);
        }
        machine.end(&run);
        left(&company).0
    };
    let expected = report(false);
    let evidence = expected.iter().find(|(key, _)| key.contains("evidence"));
    let evidence = String::from_utf8_lossy(evidence.expect("evidence").1).into_owned();
    assert!(evidence.contains("fact"), "{evidence}");
    assert_eq!(report(true), expected);
}
