//! What connectors write while a target is observed.

use jiff::SignedDuration;

use super::super::Look;
use super::*;

/// What is recorded when the run begins, what the target shows then, and what is recorded when it
/// is looked at.
fn compared(before: &Person, seen: &Scene, after: &Person) -> Compared {
    let recorded = Recorded::new(&seen.policy, &wiki()).expect("the target");
    let mut recorded = recorded.before(now());
    recorded.seat(&before.id, &before.record, Some(&before.account));
    // Written down between two steps.
    let stretch = serde_json::to_string(&recorded.take_stretch()).expect("json");
    recorded.add(serde_json::from_str(&stretch).expect("json"));
    let mut comparison = recorded.observe();
    for account in &seen.accounts {
        comparison.account(account, now());
    }
    for (name, members) in &seen.members {
        comparison.group(&Group {
            id: (*name).into(),
            name: (*name).into(),
            members: Some(members.clone()),
        });
    }
    let mut look: Look<'_> = comparison.look(seen.evidence());
    look.seat(&after.id, &after.record, Some(&after.account), false);
    look.finish()
}

fn worked(mut person: Person, ago: SignedDuration) -> Person {
    person.account.at = Some(now() - ago);
    person
}

/// A block that a connector began before the run and finished after the account was read.
#[test]
fn work_that_began_just_before_a_run_leaves_nothing_to_say() {
    let leaver = person(1).state(IdentityState::Ended);
    let before = worked(leaver.clone(), SignedDuration::from_hours(1));
    let seen = scene(vec![leaver.clone()]).account(|account| account.active = true);
    for (began, said) in [
        (SignedDuration::from_secs(-5), 0),
        (SignedDuration::from_secs(2), 0),
        (SignedDuration::from_mins(3), 0),
        (SignedDuration::from_secs(181), 1),
    ] {
        let mut after = worked(leaver.clone(), began);
        after.account.active = false;
        let found = compared(&before, &seen, &after);
        assert_eq!(found.deviations.len(), said, "{began:?}");
        assert_eq!(found.numbers.moved, u64::from(said == 0), "{began:?}");
    }
}

#[test]
fn work_that_was_over_before_a_run_is_judged() {
    let leaver = person(1).state(IdentityState::Ended);
    let leaver = worked(leaver, SignedDuration::from_secs(2));
    let seen = scene(vec![leaver.clone()]).account(|account| account.active = true);
    let found = compared(&leaver, &seen, &leaver);
    assert_eq!(found.deviations.len(), 1);
    assert_eq!(found.deviations[0].class, Class::O1);
    assert_eq!(found.numbers.moved, 0);
}

/// A membership was given after the records were collected, and before the group was read.
#[test]
fn what_was_seen_is_not_lacking() {
    let before = person(1);
    let after = person(1).wants(READERS).records(READERS);
    let seen = scene(vec![before.clone()]).member("Readers", "account-1");
    assert_eq!(compared(&before, &seen, &after).deviations, []);
    // Not seen is lacking all the same.
    let seen = scene(vec![before.clone()]);
    assert_eq!(compared(&before, &seen, &before).deviations, []);
    let seen = seen.member("Admins", "account-1");
    let found = compared(&before, &seen, &after).deviations;
    let classes: BTreeSet<Class> = found.iter().map(|one| one.class).collect();
    assert_eq!(classes, BTreeSet::from([Class::O6, Class::O8]));
}
