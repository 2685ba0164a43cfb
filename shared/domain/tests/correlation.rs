//! Who is who by several keys with weights.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "tests stop at what does not hold"
)]

use std::collections::{BTreeMap, BTreeSet};

use domain::correlate::{BY_WEIGHTS, Candidate, Decision, correlate, found_by};
use domain::policy::{MatchAction, WeightedKey, Weights};
use domain::{
    Attr, Attrs, Engagement, IdentityId, IdentityState, IdentityView, Phase, Policy, RecordKey,
};
use proptest::prelude::*;

mod support;

fn weights() -> Weights {
    let key = |attr, finds, agree, contradict| WeightedKey {
        attr,
        finds,
        agree,
        contradict,
    };
    Weights {
        keys: vec![
            key(Attr::GivenName, false, 15, 20),
            key(Attr::FamilyName, false, 25, 30),
            key(Attr::WorkEmail, true, 55, 0),
            key(Attr::PersonalEmail, true, 50, 10),
        ],
        link: 80,
        case: 50,
        ended: MatchAction::Link,
        active: BTreeMap::from([
            ("contractor".into(), MatchAction::Link),
            ("employee".into(), MatchAction::Case),
            ("intern".into(), MatchAction::Ignore),
        ]),
    }
}

fn policy() -> Policy {
    Policy {
        correlation: Vec::new(),
        weights: Some(weights()),
        ..support::policy()
    }
}

fn engagement(record: &str, stated: &[(Attr, &str)]) -> Engagement {
    let mut attrs = Attrs::new();
    for (attr, text) in stated {
        attrs.set(*attr, *text);
    }
    Engagement {
        record: RecordKey::from(record),
        phase: Phase::Active,
        start: None,
        end: None,
        starts_at: None,
        ends_at: None,
        zone: "UTC".into(),
        attrs,
        manager: None,
        next_fact_at: None,
    }
}

fn view(state: IdentityState, stated: &[(Attr, &str)]) -> IdentityView {
    IdentityView {
        state,
        engagements: vec![engagement("known", stated)],
        primary: 0,
    }
}

fn candidate<'a>(id: &str, view: &'a IdentityView, shares: &[Attr]) -> Candidate<'a> {
    Candidate {
        identity: IdentityId::from(id),
        shares: shares.iter().copied().collect(),
        view,
    }
}

type Stated<'a> = &'a [(Attr, &'a str)];

const ANA: Stated<'_> = &[
    (Attr::GivenName, "Ana"),
    (Attr::FamilyName, "Silva"),
    (Attr::WorkEmail, "ana@example.com"),
];

#[test]
fn people_are_found_by_the_keys_that_find() {
    assert_eq!(
        found_by(&policy()),
        BTreeSet::from([Attr::WorkEmail, Attr::PersonalEmail])
    );
}

#[test]
fn what_agrees_counts_for_and_what_contradicts_against() {
    let record = engagement("new", ANA);
    let cases: &[(Stated, &[Attr], u8)] = &[
        (ANA, &[Attr::WorkEmail], 95),
        // Case and blanks do not matter; what one side does not state counts for nothing.
        (
            &[
                (Attr::FamilyName, " SILVA "),
                (Attr::WorkEmail, "ANA@example.com"),
            ],
            &[Attr::WorkEmail],
            80,
        ),
        (
            &[(Attr::GivenName, "Rui"), (Attr::FamilyName, "Silva")],
            &[Attr::WorkEmail],
            60,
        ),
    ];
    for (stated, shares, confidence) in cases {
        let known = view(IdentityState::Ended, stated);
        let found = [candidate("a", &known, shares)];
        let have = match correlate(&policy(), &record, &found) {
            Decision::Link {
                confidence, rule, ..
            } => {
                assert_eq!(&*rule, BY_WEIGHTS);
                confidence
            }
            Decision::Case { candidates, .. } => candidates[0].confidence,
            Decision::Found => 0,
        };
        assert_eq!(have, *confidence, "{stated:?}");
    }
}

#[test]
fn a_value_that_somebody_held_before_agrees() {
    let record = engagement("new", ANA);
    let mut stated = ANA.to_vec();
    stated[2].1 = "other@example.com";
    let known = view(IdentityState::Ended, &stated);
    let found = [candidate("a", &known, &[Attr::WorkEmail])];
    assert!(matches!(
        correlate(&policy(), &record, &found),
        Decision::Link { confidence: 95, .. }
    ));
}

#[test]
fn somebody_who_works_here_is_linked_only_where_policy_says_so() {
    let record = engagement("new", ANA);
    let decided = |kind: &str| {
        let mut stated = ANA.to_vec();
        stated.push((Attr::EmploymentType, kind));
        let known = view(IdentityState::Active, &stated);
        correlate(
            &policy(),
            &record,
            &[candidate("a", &known, &[Attr::WorkEmail])],
        )
    };
    assert!(matches!(decided("contractor"), Decision::Link { .. }));
    assert!(matches!(decided("employee"), Decision::Case { .. }));
    assert!(
        matches!(decided("acquired"), Decision::Case { .. }),
        "by default"
    );
    assert_eq!(decided("intern"), Decision::Found);
}

#[test]
fn one_who_is_sure_wins_over_one_who_is_not_and_two_are_a_case() {
    let record = engagement("new", ANA);
    let ana = view(IdentityState::Ended, ANA);
    let relative = [(Attr::GivenName, "Rui"), (Attr::FamilyName, "Silva")];
    let relative = view(IdentityState::Ended, &relative);
    let sure = candidate("z", &ana, &[Attr::WorkEmail]);
    let other = candidate("a", &relative, &[Attr::WorkEmail]);
    let decided = correlate(&policy(), &record, &[other.clone(), sure.clone()]);
    assert!(matches!(decided, Decision::Link { identity, .. } if identity.as_str() == "z"));
    let twin = candidate("b", &ana, &[Attr::WorkEmail]);
    let Decision::Case { candidates, why } = correlate(&policy(), &record, &[other, sure, twin])
    else {
        panic!("decided between two who match alike");
    };
    assert_eq!(&*why, "several identities match alike");
    let order: Vec<&str> = candidates.iter().map(|one| one.identity.as_str()).collect();
    assert_eq!(order, ["b", "z", "a"], "the likeliest first");
}

/// The clues name attributes and hold no values.
#[test]
fn evidence_holds_no_values() {
    let record = engagement("new", ANA);
    let known = view(IdentityState::Active, ANA);
    let found = [candidate("a", &known, &[Attr::WorkEmail])];
    let Decision::Case { candidates, .. } = correlate(&policy(), &record, &found) else {
        panic!("no case");
    };
    let told = serde_json::to_string(&candidates).unwrap() + &format!("{candidates:?}");
    for (_, value) in ANA {
        assert!(!told.contains(value), "{told}");
    }
    assert!(told.contains("work_email"));
}

/// Somebody with some of a few names and addresses.
fn anybody() -> impl Strategy<Value = (IdentityState, Vec<(Attr, &'static str)>, BTreeSet<Attr>)> {
    let state = prop_oneof![
        Just(IdentityState::Active),
        Just(IdentityState::Ended),
        Just(IdentityState::Prehire)
    ];
    let attr = prop_oneof![
        Just(Attr::GivenName),
        Just(Attr::FamilyName),
        Just(Attr::WorkEmail),
        Just(Attr::PersonalEmail)
    ];
    let value = prop_oneof![Just("a"), Just("b"), Just("")];
    let kind = prop_oneof![Just("employee"), Just("contractor"), Just("intern")];
    let stated = proptest::collection::vec((attr, value), 0..6);
    let shares = proptest::collection::btree_set(
        prop_oneof![Just(Attr::WorkEmail), Just(Attr::PersonalEmail)],
        1..3,
    );
    (state, stated, kind, shares).prop_map(|(state, mut stated, kind, shares)| {
        stated.push((Attr::EmploymentType, kind));
        (state, stated, shares)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// In whatever order candidates are found, the decision is the same, and it keeps to the
    /// thresholds.
    #[test]
    fn the_order_of_candidates_does_not_matter(
        people in proptest::collection::vec(anybody(), 0..5),
        mine in proptest::collection::vec(
            (prop_oneof![Just(Attr::GivenName), Just(Attr::FamilyName), Just(Attr::WorkEmail)], prop_oneof![Just("a"), Just("b")]),
            0..4,
        ),
    ) {
        let record = engagement("new", &mine);
        let views: Vec<IdentityView> = people
            .iter()
            .map(|(state, stated, _)| view(*state, stated))
            .collect();
        let mut found: Vec<Candidate<'_>> = views
            .iter()
            .zip(&people)
            .enumerate()
            .map(|(n, (view, (_, _, shares)))| Candidate {
                identity: IdentityId::from(format!("i{n}")),
                shares: shares.clone(),
                view,
            })
            .collect();
        let policy = policy();
        let forward = correlate(&policy, &record, &found);
        found.reverse();
        prop_assert_eq!(&correlate(&policy, &record, &found), &forward);
        match forward {
            Decision::Found => {}
            Decision::Link { confidence, .. } => prop_assert!(confidence >= 80),
            Decision::Case { candidates, .. } => {
                prop_assert!(!candidates.is_empty());
                prop_assert!(candidates.iter().all(|one| one.confidence >= 50));
                prop_assert!(candidates.is_sorted_by_key(|one| 100 - one.confidence));
            }
        }
    }
}
