//! What is said about accounts, one behaviour each.

use super::super::{Candidate, Class, Recorded, Repair, Severity, Situation};
use super::*;

use Class::{O1, O2, O3, O4, O5, O7, O8, O9, O10, O11};
use Severity::{Critical, High, Info, Low, Medium};

#[test]
fn a_faithful_target_says_nothing() {
    let scene = scene(vec![person(1).wants(READERS).records(READERS), person(2)])
        .member("Readers", "account-1");
    let compared = scene.compare();
    assert_eq!(compared.deviations, []);
    assert_eq!(
        (
            compared.numbers.matching(),
            compared.numbers.wanted,
            compared.numbers.managed
        ),
        (2, 2, 2)
    );
}

#[test]
fn case_of_user_names_and_addresses_is_no_drift() {
    let scene = scene(vec![person(1)]).account(|account| {
        account.user_name = Pii::new("USER1".into());
        account.attrs.insert(
            "emails[type eq \"work\"].value".into(),
            text("User1@Example.com"),
        );
    });
    assert_eq!(scene.found(), []);
}

#[test]
fn a_leaver_who_can_sign_in_is_critical() {
    let scene = scene(vec![person(1).state(IdentityState::Ended)]).account(|a| a.active = true);
    assert_eq!(scene.found(), [(O1, Critical, Some(Repair::Disable))]);
}

#[test]
fn does_not_disable_without_certificate() {
    let scene = scene(vec![person(1).state(IdentityState::Ended)])
        .account(|a| a.active = true)
        .uncertified();
    assert_eq!(scene.found(), [(O1, Critical, None)]);
}

#[test]
fn sign_in_on_leave_or_before_day_one_is_high() {
    for state in [IdentityState::Suspended, IdentityState::Prehire] {
        let scene = scene(vec![person(1).state(state)]).account(|a| a.active = true);
        assert_eq!(scene.found(), [(O1, High, Some(Repair::Disable))]);
    }
}

#[test]
fn sign_in_without_being_wanted_is_drift_to_be_blocked() {
    let mut mover = person(1);
    mover.projection().desired = Desired::None;
    let scene = scene(vec![mover]).account(|a| a.active = true);
    assert_eq!(scene.found(), [(O8, Medium, Some(Repair::Disable))]);
}

#[test]
fn disabled_by_hand_is_drift() {
    let scene = scene(vec![person(1)]).account(|a| a.active = false);
    assert_eq!(scene.found(), [(O8, Low, Some(Repair::Converge))]);
}

#[test]
fn what_is_over_its_retention_is_to_be_deleted() {
    let mut person = person(1).state(IdentityState::Archived);
    person.projection().desired = Desired::Deleted;
    let scene = scene(vec![person]);
    assert_eq!(scene.found(), [(O8, Low, Some(Repair::Delete))]);
    let scene = scene.account(|a| a.active = true);
    assert_eq!(scene.found(), [(O1, Critical, Some(Repair::Delete))]);
}

#[test]
fn an_attribute_that_differs_is_drift_and_its_value_is_not_repeated() {
    let scene = scene(vec![person(1)]).account(|a| {
        a.attrs.insert("title".into(), text("Emperor"));
    });
    let compared = scene.compare();
    let [said] = &*compared.deviations else {
        panic!("one deviation");
    };
    assert_eq!((said.class, said.repair), (O8, Some(Repair::Converge)));
    assert_eq!(&*said.detail, "differs from policy: title");
    assert_eq!(compared.numbers.matching(), 0);
}

#[test]
fn attributes_held_at_creation_only_do_not_drift() {
    let scene = scene(vec![person(1)]).account(|a| {
        a.attrs.insert("nickName".into(), text("Bob"));
    });
    assert_eq!(scene.found(), []);
}

#[test]
fn filling_asks_for_presence_only() {
    let mut filled = person(1);
    filled.projection().attrs.insert(
        "locale".into(),
        Mapped {
            value: text("de-DE"),
            strength: Strength::FillIfEmpty,
            refers: false,
        },
    );
    let other = scene(vec![filled.clone()]).account(|a| {
        a.attrs.insert("locale".into(), text("fr-FR"));
    });
    assert_eq!(other.found(), []);
    let empty = scene(vec![filled]).account(|a| {
        a.attrs.remove("locale");
    });
    assert_eq!(empty.found(), [(O8, Low, Some(Repair::Converge))]);
}

#[test]
fn cleared_and_never_set_are_the_same_and_absent_is_not_compared() {
    let mut cleared = person(1);
    cleared.projection().attrs.insert(
        "title".into(),
        Mapped {
            value: Pii::new(Slot::Null),
            strength: Strength::Always,
            refers: false,
        },
    );
    let scene_of = |person: Person, title: Option<&str>| {
        scene(vec![person])
            .account(|a| {
                a.attrs.remove("title");
                if let Some(title) = title {
                    a.attrs.insert("title".into(), text(title));
                }
            })
            .found()
    };
    assert_eq!(scene_of(cleared.clone(), None), []);
    assert_eq!(scene_of(cleared.clone(), Some("")), []);
    assert_eq!(
        scene_of(cleared, Some("Emperor")),
        [(O8, Low, Some(Repair::Converge))]
    );
    let mut unmentioned = person(1);
    unmentioned.projection().attrs.remove("title");
    assert_eq!(scene_of(unmentioned, Some("Emperor")), []);
}

#[test]
fn an_account_of_nobody_is_a_ghost() {
    let scene = scene(vec![person(1)]).plus(stranger("mallory"));
    assert_eq!(scene.found(), [(O3, High, None)]);
    // One that cannot sign in is no orphan.
    let mut asleep = stranger("mallory");
    asleep.active = false;
    let scene = super::scene(vec![person(1)]).plus(asleep);
    assert_eq!(scene.found(), [(O3, Low, None)]);
}

#[test]
fn a_privileged_ghost_is_critical() {
    let scene = scene(vec![person(1)])
        .plus(stranger("mallory"))
        .member("Admins", "id-of-mallory");
    assert_eq!(scene.found(), [(O2, Critical, None)]);
}

#[test]
fn a_ghost_with_a_known_name_has_a_candidate() {
    let mut ghost = stranger("USER1");
    let named = scene(vec![person(1).unplaced(), person(2)]).gone();
    let compared = named.clone().plus(ghost.clone()).compare();
    let said = compared
        .deviations
        .iter()
        .find(|said| said.class == O4)
        .expect("an O4");
    let candidate = said.candidate.as_ref().expect("a candidate");
    assert_eq!(candidate.identity.as_str(), "identity-1");
    assert_eq!(
        (candidate.confidence(), said.situation),
        (70, Situation::Unlinked)
    );
    ghost.attrs.insert(
        "emails[type eq \"work\"].value".into(),
        text("user1@example.com"),
    );
    let compared = named.plus(ghost).compare();
    let said = compared.deviations.iter().find(|said| said.class == O4);
    let candidate = said.and_then(|said| said.candidate.as_ref());
    assert_eq!(candidate.map(Candidate::confidence), Some(95));
}

#[test]
fn a_ghost_that_two_people_match_is_disputed() {
    let mut twin = person(2);
    twin.record
        .identifiers
        .insert("user_name".into(), Pii::new("user1".into()));
    let mut ghost = stranger("somebody");
    ghost.user_name = Pii::new("user1".into());
    let compared = scene(vec![person(1), twin]).plus(ghost).compare();
    let said = compared
        .deviations
        .iter()
        .find(|said| said.class == O4)
        .expect("an O4");
    assert_eq!(
        (said.situation, &said.candidate),
        (Situation::Disputed, &None)
    );
}

#[test]
fn a_second_account_of_one_identity_is_a_duplicate() {
    let owner = person(1);
    let mut second = owner.seen();
    second.id = AccountId::from("second");
    let compared = scene(vec![owner]).plus(second).compare();
    let [said] = &*compared.deviations else {
        panic!("one deviation");
    };
    assert_eq!((said.class, said.severity, said.repair), (O5, High, None));
    assert_eq!(said.account.id.as_str(), "second");
    assert_eq!(said.claims, ["identity-1".into()]);
    assert_eq!(compared.numbers.matching(), 1);
}

#[test]
fn an_account_that_two_identities_claim_is_a_collision() {
    let mut thief = person(2);
    thief.account.id = person(1).account.id;
    let mut scene = scene(vec![person(1), thief]);
    scene.accounts.pop();
    let compared = scene.compare();
    let [said] = &*compared.deviations else {
        panic!("one deviation");
    };
    assert_eq!(
        (said.class, said.situation, said.repair),
        (O5, Situation::Collision, None)
    );
    assert_eq!(said.claims, ["identity-1".into(), "identity-2".into()]);
}

#[test]
fn an_account_whose_key_names_another_is_a_collision_and_not_overwritten() {
    let scene = scene(vec![person(1), person(2)]).account(|a| {
        a.key = Some(Pii::new("identity-2".into()));
    });
    assert_eq!(scene.found(), [(O5, High, None)]);
    // A key that names nobody is drift.
    let scene = scene.account(|a| a.key = Some(Pii::new("nonsense".into())));
    assert_eq!(scene.found(), [(O8, Low, Some(Repair::Converge))]);
}

#[test]
fn an_account_with_our_key_goes_on_record() {
    let scene = scene(vec![person(1).unplaced()]);
    let compared = scene.compare();
    let [said] = &*compared.deviations else {
        panic!("one deviation, and nothing missing");
    };
    assert_eq!(
        (said.class, said.severity, said.repair),
        (O8, Info, Some(Repair::Converge))
    );
}

#[test]
fn an_account_with_our_key_replaces_one_that_is_gone_only_with_a_certificate() {
    let owner = person(1);
    let scene = scene(vec![owner]).account(|a| a.id = AccountId::from("again"));
    assert_eq!(scene.found(), [(O8, Info, Some(Repair::Converge))]);
    assert_eq!(scene.uncertified().found(), [(O8, Info, None)]);
}

#[test]
fn a_wanted_account_that_is_not_there_is_missing() {
    let gone = scene(vec![person(1)]).gone();
    assert_eq!(gone.found(), [(O7, Medium, Some(Repair::Create))]);
    assert_eq!(gone.uncertified().found(), []);
    let never = scene(vec![person(1).unplaced()]).gone();
    assert_eq!(never.found(), [(O7, Medium, Some(Repair::Create))]);
    assert_eq!(never.uncertified().found(), []);
}

#[test]
fn an_account_that_we_blocked_is_not_missing_where_blocked_ones_do_not_show() {
    let mut away = person(1).state(IdentityState::Suspended);
    away.projection().desired = Desired::Disabled;
    away.account.active = false;
    let shown = scene(vec![away.clone()]).gone();
    assert_eq!(shown.found(), [(O7, Medium, Some(Repair::Create))]);
    let hides = |person: Person| {
        scene(vec![person])
            .target(|target| target.profile.hides_inactive = true)
            .gone()
    };
    assert_eq!(hides(away.clone()).found(), []);
    // Whoever is back is let in, and not made again.
    let mut back = person(1);
    back.account.active = false;
    assert_eq!(hides(back).found(), [(O8, Low, Some(Repair::Converge))]);
    // One that was open and does not show is gone, or somebody blocked it.
    let open = hides(person(1));
    assert_eq!(open.found(), [(O7, Medium, Some(Repair::Create))]);
}

#[test]
fn a_leavers_account_that_is_gone_is_no_loss() {
    let mut leaver = person(1).state(IdentityState::Ended);
    assert_eq!(scene(vec![leaver.clone()]).gone().found(), []);
    leaver.projection().desired = Desired::Disabled;
    assert_eq!(scene(vec![leaver]).gone().found(), []);
}

#[test]
fn an_account_that_is_not_ours_is_only_reported() {
    let mut unmanaged = person(1).records(READERS);
    unmanaged.account.ownership = Some(Ownership::Unmanaged);
    let scene = scene(vec![unmanaged])
        .account(|a| {
            a.active = false;
            a.attrs.insert("title".into(), text("Emperor"));
        })
        .member("Readers", "account-1")
        .member("Strict", "account-1");
    let found = scene.found();
    assert!(found.len() >= 3);
    assert!(found.iter().all(|(_, _, repair)| repair.is_none()));
}

#[test]
fn dormant_accounts_are_asked_about() {
    let ago = |days: i64| now() - jiff::SignedDuration::from_hours(24 * days);
    let scene_of = |days| {
        scene(vec![person(1)])
            .account(|a| a.last_sign_in = Some(ago(days)))
            .found()
    };
    assert_eq!(scene_of(89), []);
    assert_eq!(scene_of(90), [(O9, Medium, None)]);
}

#[test]
fn protected_and_service_accounts_are_exempt() {
    let compared = scene(vec![])
        .plus(stranger("Root"))
        .plus(stranger("backup"))
        .plus(stranger("scanner"))
        .member("Admins", "id-of-Root");
    assert_eq!(
        compared.found(),
        [(O10, Medium, None), (O11, Info, None), (O11, Info, None)]
    );
    let mut drifted = person(1);
    drifted.projection().attrs.insert(
        "userName".into(),
        Mapped {
            value: text("root"),
            strength: Strength::Always,
            refers: false,
        },
    );
    // It is a person's, and nobody would end it.
    let blocked = scene(vec![drifted.clone()]).account(|a| a.active = false);
    assert_eq!(blocked.found(), [(O5, High, None)]);
    let mut leaver = drifted.clone();
    leaver.projection().desired = Desired::None;
    let leaver = leaver.state(IdentityState::Ended);
    let open = scene(vec![leaver]).account(|a| a.active = true);
    assert_eq!(open.found(), [(O1, Critical, None)]);
    drifted.account.ownership = None;
    let theirs = scene(vec![drifted]).account(|a| a.active = false);
    assert_eq!(theirs.found(), [(O11, Info, None)]);
}

#[test]
fn what_a_connector_wrote_meanwhile_is_not_judged() {
    let mut leaver = person(1).state(IdentityState::Ended);
    leaver.account.at = Some(now());
    let compared = scene(vec![leaver]).account(|a| a.active = true).compare();
    assert_eq!((compared.deviations.len(), compared.numbers.moved), (0, 1));
}

#[test]
fn says_when_a_change_is_on_its_way() {
    let mut leaver = person(1).state(IdentityState::Ended);
    leaver.owed = true;
    let compared = scene(vec![leaver]).account(|a| a.active = true).compare();
    let owner = compared
        .deviations
        .first()
        .and_then(|said| said.owner.as_ref());
    assert!(owner.is_some_and(|owner| owner.owed));
}

#[test]
fn ids_that_come_twice_are_told() {
    let people = [person(1), person(2)];
    let mut recorded = Recorded::new_for_test(&people);
    let account = person(1).seen();
    assert!(recorded.account(&account, now()));
    assert!(!recorded.account(&account, now()));
    assert!(recorded.account(&stranger("x"), now()));
    assert!(!recorded.account(&stranger("x"), now()));
}

impl Recorded<'static> {
    fn new_for_test(people: &[Person]) -> crate::compare::Comparison<'static> {
        let policy = Box::leak(Box::new(policy_of(target())));
        let mut recorded = Recorded::new(policy, &wiki()).expect("the target");
        for person in people {
            recorded.seat(&person.id, &person.record, Some(&person.account));
        }
        recorded.observe()
    }
}
