//! What a night says in numbers, by target: alarms and the dashboard read them.

use std::collections::BTreeMap;

use domain::policy::Target;
use domain::{Account, AccountId, Desired, IdentityState, Pii, TargetId};
use ports::Clock as _;
use serde_json::Value;
use telemetry::{Lines, Metric, Sink, Telemetry};

use crate::company::{Company, account_id};
use crate::target::{Misbehaviour, Scripted};

const OF_A_NIGHT: [Metric; 4] = [
    Metric::ReconcileObserved,
    Metric::ReconcileDrift,
    Metric::ReconcileOrphans,
    Metric::ReconcileIncomplete,
];

/// Target, and the four numbers in the order of [`OF_A_NIGHT`].
type Told = BTreeMap<String, [f64; 4]>;

/// Runs a night, and reads what it said. Each number is said once of each target, and once that it came to its report.
fn told(company: &Company) -> Told {
    let (told, finished) = heard(company, || {
        company.run();
    });
    assert_eq!(finished, 1);
    told
}

/// What is said meanwhile, and how often that a night came to its report.
fn heard(company: &Company, night: impl FnOnce()) -> (Told, usize) {
    let lines = Lines::new();
    let clock = company.clock.clone();
    let telemetry = Telemetry {
        service: "reconciler",
        level: tracing::level_filters::LevelFilter::OFF,
        sink: Sink::Memory(lines.clone()),
        now: Box::new(move || clock.now()),
        gathered: None,
    };
    let listening = telemetry.start_here();
    night();
    drop(listening);
    let mut finished = 0;
    let mut told = BTreeMap::<String, [Option<f64>; 4]>::new();
    for line in lines.all() {
        let line: Value = serde_json::from_str(&line).expect("a line of JSON");
        if line.get(Metric::ReconcileFinished.name()).is_some() {
            let said = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(said["Dimensions"], serde_json::json!([["service"]]));
            finished += 1;
        }
        for (at, metric) in OF_A_NIGHT.iter().enumerate() {
            let Some(value) = line.get(metric.name()) else {
                continue;
            };
            assert_eq!(line["service"], "reconciler");
            let said = &line["_aws"]["CloudWatchMetrics"][0];
            assert_eq!(
                said["Dimensions"],
                serde_json::json!([["service", "target"]])
            );
            assert_eq!(said["Metrics"][0]["Name"], metric.name());
            assert_eq!(said["Metrics"][0]["Unit"], "Count");
            let target = line["target"].as_str().expect("a target").to_owned();
            let before = told.entry(target).or_default()[at].replace(value.as_f64().expect("one"));
            assert_eq!(before, None, "said twice: {line}");
        }
    }
    let all = |numbers: [Option<f64>; 4]| numbers.map(|number| number.expect("each is said"));
    let told = told.into_iter();
    let told = told.map(|(target, numbers)| (target, all(numbers)));
    (told.collect(), finished)
}

fn of(targets: &[(&str, [f64; 4])]) -> Told {
    let targets = targets.iter();
    targets.map(|(name, all)| ((*name).into(), *all)).collect()
}

/// Nobody knows whose account it is.
fn stranger(name: &str) -> Account {
    Account {
        id: AccountId::from(format!("stranger-{name}")),
        key: None,
        user_name: Pii::new(name.into()),
        active: true,
        attrs: BTreeMap::new(),
        created: None,
        last_sign_in: None,
        deleted: false,
        read_only: None,
    }
}

/// A second target, on which policy wants nobody.
fn beside(company: &mut Company, name: &str) -> Scripted {
    let crm = Scripted::new(10);
    let like: Target = company.target().clone();
    company.policy.targets.insert(name.into(), like);
    company.targets.insert(TargetId::from(name), crm.clone());
    crm
}

#[test]
fn a_quiet_night_counts_who_was_seen_and_nothing_else() {
    let company = Company::of(60);
    assert_eq!(told(&company), of(&[("wiki", [60.0, 0.0, 0.0, 0.0])]));
}

#[test]
fn drift_and_orphans_are_counted_where_they_are() {
    let mut company = Company::of(60);
    // Two repairs: an attribute changed by hand, and a leaver who is not blocked, who is an orphan
    // as well. One stranger beside them.
    company.wiki().edit(&account_id(2), |account| {
        account.attrs.clear();
    });
    company.decide(1, IdentityState::Ended, Desired::None);
    company.wiki().put(stranger("ann"));
    let crm = beside(&mut company, "crm");
    for name in ["bob", "cid", "dee"] {
        crm.put(stranger(name));
    }
    assert_eq!(
        told(&company),
        of(&[
            ("crm", [3.0, 0.0, 3.0, 0.0]),
            ("wiki", [61.0, 2.0, 2.0, 0.0]),
        ])
    );
}

#[test]
fn a_target_that_is_not_read_in_full_is_told_and_no_other() {
    let mut company = Company::of(60);
    let crm = beside(&mut company, "crm");
    crm.put(stranger("bob"));
    company
        .wiki()
        .users_do(Some(Misbehaviour::Fails { page: 3 }));
    let night = of(&[
        ("crm", [1.0, 0.0, 1.0, 0.0]),
        ("wiki", [0.0, 0.0, 0.0, 1.0]),
    ]);
    assert_eq!(told(&company), night);
    assert!(company.wiki().fired() > 1, "the page was asked for again");
    // Groups alone are enough: memberships were not seen.
    company.wiki().users_do(None);
    company
        .wiki()
        .groups_do(Some(Misbehaviour::Fails { page: 1 }));
    let night = of(&[
        ("crm", [1.0, 0.0, 1.0, 0.0]),
        ("wiki", [60.0, 0.0, 0.0, 1.0]),
    ]);
    assert_eq!(told(&company), night);
}

#[test]
fn a_target_that_never_shows_memberships_raises_no_alarm_every_night() {
    let company = Company::of(60);
    company.wiki().groups_do(Some(Misbehaviour::HidesMembers));
    assert_eq!(told(&company), of(&[("wiki", [60.0, 0.0, 0.0, 0.0])]));
}

#[test]
fn a_night_without_a_report_is_not_told_as_one() {
    let company = Company::of(30);
    company.decide(1, IdentityState::Ended, Desired::None);
    company.lanes.fail_next(ports::Fault::retry("queue away"));
    let (told, finished) = heard(&company, || {
        company.try_run().expect_err("the queue is away");
    });
    assert_eq!((told, finished), (of(&[]), 0));
}
