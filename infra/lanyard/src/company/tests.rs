use std::collections::{BTreeMap, BTreeSet};

use domain::Attr;
use jiff::ToSpan;

use super::*;

fn settings(seed: u64, people: usize, days: u16) -> Settings {
    Settings {
        seed,
        people,
        first_day: jiff::civil::date(2026, 1, 5),
        days,
        marker: None,
    }
}

#[test]
fn one_seed_gives_one_company() {
    let a = Company::new(settings(7, 120, 40));
    let b = Company::new(settings(7, 120, 40));
    assert_eq!(a.posts, b.posts);
    assert_ne!(a.posts, Company::new(settings(8, 120, 40)).posts);
}

#[test]
fn every_story_is_told_even_in_the_smallest_company() {
    for seed in 0..20 {
        let company = Company::new(settings(seed, 1, 1));
        assert_eq!(company.people.len(), FEWEST_PEOPLE);
        let told: BTreeSet<Story> = company.people.iter().map(|p| p.story).collect();
        assert_eq!(told.len(), Story::ALL.len(), "seed {seed}");
    }
}

#[test]
fn posts_arrive_in_order_and_before_the_end() {
    for seed in 0..10 {
        let company = Company::new(settings(seed, 100, 30));
        let first = company.settings.day(0);
        assert!(company.posts.is_sorted_by_key(|post| post.at));
        assert!(
            company
                .posts
                .iter()
                .all(|post| first <= post.at && post.at < company.settings.close())
        );
    }
}

#[test]
fn the_network_repeats_and_reorders() {
    let company = Company::new(settings(1, 300, 60));
    let again = company.posts.iter().filter(|post| post.again).count();
    let overtaken = company.posts.iter().filter(|post| post.overtaken).count();
    assert!(again >= 5, "{again}");
    assert!(overtaken >= 1, "{overtaken}");
    let mut bodies: BTreeMap<&str, &str> = BTreeMap::new();
    for post in &company.posts {
        let body = bodies.entry(&post.id).or_insert(&post.body);
        assert_eq!(*body, post.body, "a repetition says the same");
    }
}

#[test]
fn bodies_are_canonical_payloads() {
    let company = Company::new(settings(3, 200, 60));
    let mut kinds = BTreeSet::new();
    for post in &company.posts {
        let body: serde_json::Value = serde_json::from_str(&post.body).unwrap();
        assert_eq!(body["schema"], "lanyard.worker.v1");
        kinds.insert(body["type"].as_str().unwrap().to_owned());
        assert!(
            body["recorded_at"]
                .as_str()
                .unwrap()
                .parse::<Timestamp>()
                .unwrap()
                <= post.at
        );
        if let Some(attributes) = body["attributes"].as_object() {
            for (name, value) in attributes {
                assert!(Attr::from_name(name).is_some(), "{name}");
                assert!(value.is_string() || value.is_null());
            }
        }
    }
    assert_eq!(kinds.len(), 3);
}

#[test]
fn the_vocabulary_is_that_of_the_sample_policy() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy");
    let policy = policy::load(&dir).unwrap().policy;
    for site in &super::world::SITES {
        assert_eq!(
            policy.zones.get(site.location).map(|zone| &**zone),
            Some(site.zone)
        );
    }
    let known = &policy.standards[&Attr::Department].spellings;
    for department in &super::world::DEPARTMENTS {
        for spelling in department.spellings.iter().chain([&department.name]) {
            let key = domain::standardise::spelling(spelling);
            assert_eq!(
                known.get(&*key).map(|name| &**name),
                Some(department.name),
                "{spelling}"
            );
        }
    }
    assert!(!known.contains_key(&*domain::standardise::spelling(super::world::NO_DEPARTMENT)));
}

#[test]
fn every_personal_field_carries_the_marker() {
    let mut settings = settings(5, 80, 30);
    settings.marker = Some("zqxj".into());
    let company = Company::new(settings);
    for post in &company.posts {
        let body: serde_json::Value = serde_json::from_str(&post.body).unwrap();
        assert!(post.id.contains("zqxj"));
        assert!(body["worker_id"].as_str().unwrap().contains("zqxj"));
        for attr in [
            Attr::GivenName,
            Attr::FamilyName,
            Attr::PreferredGivenName,
            Attr::PersonalEmail,
            Attr::WorkEmail,
            Attr::WorkPhone,
            Attr::EmployeeNumber,
            Attr::ManagerId,
        ] {
            let value = &body["attributes"][attr.name()];
            assert!(
                value.is_null() || value.as_str().unwrap().contains("zqxj"),
                "{attr}"
            );
        }
    }
}

#[test]
fn the_truth_ends_a_contract_when_the_last_day_ends_at_the_site() {
    let company = Company::new(settings(2, 300, 60));
    let contractors: Vec<_> = company
        .people
        .iter()
        .filter(|p| p.story == Story::Contractor)
        .collect();
    assert!(!contractors.is_empty());
    for person in contractors {
        let contract = &person.contracts[0];
        let end = contract.ends_at().unwrap();
        assert_eq!(person.standing(end - 1.second()), Standing::AtWork);
        assert_eq!(person.standing(end), Standing::Ended);
        let morning = end.in_tz(contract.zone).unwrap();
        assert_eq!(morning.date(), contract.end.unwrap().tomorrow().unwrap());
        assert_eq!((morning.hour(), morning.minute()), (0, 0));
    }
}

#[test]
fn a_rehire_is_the_same_human_under_another_number() {
    let company = Company::new(settings(2, 300, 60));
    for person in company.people.iter().filter(|p| p.story == Story::Rehire) {
        let [old, new] = &person.contracts[..] else {
            panic!("two contracts");
        };
        assert_ne!(old.worker_id, new.worker_id);
        let close = company.settings.close() + 90.days().to_hours();
        assert_eq!(old.standing(close), Standing::Ended);
        assert_eq!(new.standing(close), Standing::AtWork);
        let email = |contract: &Contract| {
            contract
                .attrs(close)
                .text(Attr::WorkEmail)
                .map(str::to_owned)
        };
        assert_eq!(email(old), email(new));
        assert_eq!(person.contract(close).unwrap().worker_id, new.worker_id);
    }
}

#[test]
fn a_correction_leaves_no_trace_of_what_it_corrects() {
    let company = Company::new(settings(4, 300, 60));
    let mut seen = 0;
    for person in company
        .people
        .iter()
        .filter(|p| p.story == Story::Correction)
    {
        seen += 1;
        assert_eq!(person.contracts[0].history.len(), 2);
    }
    assert!(seen > 0);
}

trait Hours {
    fn to_hours(self) -> jiff::SignedDuration;
}

impl Hours for jiff::Span {
    fn to_hours(self) -> jiff::SignedDuration {
        jiff::SignedDuration::from_hours(i64::from(self.get_days()) * 24)
    }
}
