//! The engine against a naive comparison that knows nothing of hashes, order or early exits.

use proptest::prelude::*;

use super::super::{Class, Repair};
use super::*;

use Class::{O1, O3, O4, O5, O6, O7, O8};

/// What was done to one person's account by hand.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    Same,
    Retitled,
    Disabled,
    Enabled,
    Gone,
    Rekeyed(u32),
    Copied,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "every combination is wanted")]
pub(super) struct Life {
    state: IdentityState,
    placed: bool,
    wants: bool,
    records: bool,
    holds: bool,
    fate: Fate,
}

pub(super) fn life() -> impl Strategy<Value = Life> {
    let state = prop_oneof![
        4 => Just(IdentityState::Active),
        1 => Just(IdentityState::Ended),
        1 => Just(IdentityState::Suspended),
        1 => Just(IdentityState::Prehire),
    ];
    let fate = prop_oneof![
        6 => Just(Fate::Same),
        1 => Just(Fate::Retitled),
        1 => Just(Fate::Disabled),
        1 => Just(Fate::Enabled),
        1 => Just(Fate::Gone),
        1 => (0..40_u32).prop_map(Fate::Rekeyed),
        1 => Just(Fate::Copied),
    ];
    (state, prop::bool::weighted(0.85), any::<[bool; 3]>(), fate).prop_map(
        |(state, placed, [wants, records, holds], fate)| Life {
            state,
            placed,
            wants,
            records,
            holds,
            fate,
        },
    )
}

pub(super) fn populate(lives: &[Life], ghosts: &[u32], certified: (bool, bool)) -> Scene {
    let mut world = scene(Vec::new());
    (world.users, world.groups) = certified;
    for (n, life) in (0..).zip(lives) {
        let mut one = person(n).state(life.state);
        if life.wants {
            one = one.wants(READERS);
        }
        if life.placed && life.records {
            one = one.records(READERS);
        }
        let mut account = one.seen();
        if !life.placed {
            one = one.unplaced();
        }
        let mut copies = 1;
        match life.fate {
            Fate::Same => {}
            Fate::Retitled => {
                account.attrs.insert("title".into(), text("Emperor"));
            }
            Fate::Disabled => account.active = false,
            Fate::Enabled => account.active = true,
            Fate::Gone => copies = 0,
            Fate::Rekeyed(other) => {
                account.key = Some(Pii::new(format!("identity-{other}").into()));
            }
            Fate::Copied => copies = 2,
        }
        if life.holds && copies > 0 {
            world
                .members
                .entry("Readers")
                .or_default()
                .push(account.id.clone());
        }
        for copy in 0..copies {
            let mut account = account.clone();
            if copy > 0 {
                account.id = AccountId::from(format!("copy-{n}"));
            }
            world.accounts.push(account);
        }
        world.people.push(one);
    }
    for ghost in ghosts {
        // Some ghosts bear the name of a person.
        let mut account = stranger(&format!("user{ghost}"));
        account.id = AccountId::from(format!("ghost-{}", world.accounts.len()));
        world.accounts.push(account);
    }
    world
}

/// What a row is about, for comparing two comparisons: class, account or identity, entitlement,
/// repair.
type Naive = BTreeSet<(Class, String, bool, Option<Repair>)>;

/// The same question answered by walking everything for everybody, without hashes, order or
/// early exits. Knows one entitlement, `READERS`.
#[expect(
    clippy::too_many_lines,
    reason = "naive on purpose: one walk, no parts to get wrong"
)]
fn naive(world: &Scene) -> (Naive, u64) {
    let mut out = Naive::new();
    let mut matching = 0;
    let certified = world.users && world.groups;
    let empty = Vec::new();
    let members = world.members.get("Readers").unwrap_or(&empty);
    let key = |account: &Account| {
        let key = account.key.as_ref().map(|key| key.reveal().to_string());
        key.unwrap_or_default()
    };
    let on_record = |account: &Account| -> Vec<&Person> {
        let people = world.people.iter();
        people
            .filter(|p| p.account.id.as_ref() == Some(&account.id))
            .collect()
    };
    // Judges a linked account; says whether it is clean.
    let judge = |out: &mut Naive, account: &Account, person: &Person| {
        let projection = &person.record.projections[&wiki()];
        let before = out.len();
        let about = account.id.as_str().to_owned();
        let active = projection.desired == Desired::Active;
        if account.active && !active {
            let class = O1;
            let repair = world.users.then_some(Repair::Disable);
            out.insert((class, about.clone(), false, repair));
        }
        if !account.active && active {
            out.insert((O8, about.clone(), false, Some(Repair::Converge)));
        }
        if projection.desired != Desired::None {
            let title = account.attrs.get("title").and_then(|t| t.reveal().text());
            let differs = title != Some("Engineer") || key(account) != person.id.as_str();
            if differs {
                out.insert((O8, about.clone(), false, Some(Repair::Converge)));
            }
        }
        let want = active
            && projection
                .grants
                .contains_key(&EntitlementId::from(READERS));
        let have = members.contains(&account.id);
        let recorded = person
            .account
            .grants
            .contains(&EntitlementId::from(READERS));
        match (want, recorded, have) {
            (true, true, true) | (false, false, false) => {}
            (true, false, true) => {
                out.insert((O8, about, true, Some(Repair::Converge)));
            }
            (false, true, true) => {
                out.insert((O6, about, true, certified.then_some(Repair::Revoke)));
            }
            (false, false, true) => {
                out.insert((O6, about, true, None));
            }
            (_, _, false) => {
                if certified {
                    out.insert((O8, about, true, Some(Repair::Converge)));
                }
            }
        }
        out.len() == before
    };
    for account in &world.accounts {
        let about = account.id.as_str().to_owned();
        let owners = on_record(account);
        let keyed: Vec<&Person> = world
            .people
            .iter()
            .filter(|p| p.id.as_str() == key(account))
            .filter(|p| p.account.id.as_ref() != Some(&account.id))
            .collect();
        if let [owner] = &*owners {
            if keyed.is_empty() {
                matching += u64::from(judge(&mut out, account, owner));
            } else {
                out.insert((O5, about, false, None));
            }
        } else if let [owner] = &*keyed {
            let same_key = world
                .accounts
                .iter()
                .filter(|other| key(other) == key(account))
                .filter(|other| owner.account.id.as_ref() != Some(&other.id))
                .count();
            let recorded_is_there = world
                .accounts
                .iter()
                .any(|other| owner.account.id.as_ref() == Some(&other.id));
            if same_key > 1 || recorded_is_there {
                out.insert((O5, about, false, None));
            } else {
                let certain = owner.account.id.is_none() || world.users;
                let mut found = Naive::new();
                judge(&mut found, account, owner);
                for (class, about, entitlement, repair) in found {
                    out.insert((class, about, entitlement, repair.filter(|_| certain)));
                }
                out.insert((O8, about, false, certain.then_some(Repair::Converge)));
            }
        } else {
            let name = account.user_name.reveal();
            let known = world
                .people
                .iter()
                .any(|p| p.record.identifiers["user_name"].reveal() == name);
            out.insert((if known { O4 } else { O3 }, about, false, None));
        }
    }
    for person in &world.people {
        let projection = &person.record.projections[&wiki()];
        let there = world.accounts.iter().any(|account| {
            person.account.id.as_ref() == Some(&account.id) || key(account) == person.id.as_str()
        });
        if world.users && !there && projection.desired != Desired::None {
            let about = person.account.id.as_ref();
            let about = about
                .map_or(person.id.as_str(), |id| id.as_str())
                .to_owned();
            out.insert((O7, about, false, Some(Repair::Create)));
        }
    }
    (out, matching)
}

proptest! {
    #[test]
    fn agrees_with_the_naive_comparison(
        lives in prop::collection::vec(life(), 0..40),
        ghosts in prop::collection::vec(0..80_u32, 0..4),
        users in any::<bool>(),
        groups in any::<bool>(),
    ) {
        let world = populate(&lives, &ghosts, (users, groups));
        let compared = world.compare();
        let ours: Naive = compared
            .deviations
            .iter()
            .map(|said| {
                let id = said.account.id.as_str();
                let about = match &said.owner {
                    Some(owner) if id.is_empty() => owner.identity.as_str(),
                    _ => id,
                };
                (said.class, about.to_owned(), said.entitlement.is_some(), said.repair)
            })
            .collect();
        let (naive, matching) = naive(&world);
        prop_assert_eq!(ours, naive);
        prop_assert_eq!(compared.numbers.matching(), matching);
    }

    #[test]
    fn steps_and_parts_change_nothing(
        lives in prop::collection::vec(life(), 0..40),
        ghosts in prop::collection::vec(0..80_u32, 0..4),
        users in any::<bool>(),
        groups in any::<bool>(),
        stride in 1..12_usize,
        parts in 1..6_u64,
    ) {
        let world = populate(&lives, &ghosts, (users, groups));
        let whole = world.compare();
        let (found, numbers) = world.compare_in_steps(stride, parts);
        let by_name = |mut all: Vec<crate::compare::Deviation>| {
            all.sort_by_key(|said| format!("{}{said:?}", said.account.id.as_str()));
            all
        };
        prop_assert_eq!(by_name(found), by_name(whole.deviations));
        prop_assert_eq!(numbers, whole.numbers);
    }

    #[test]
    fn takes_nothing_away_without_a_certificate(
        lives in prop::collection::vec(life(), 0..40),
        users in any::<bool>(),
        groups in any::<bool>(),
    ) {
        let compared = populate(&lives, &[], (users, groups)).compare();
        for said in compared.deviations {
            match said.repair {
                Some(Repair::Disable | Repair::Delete | Repair::Create) => prop_assert!(users),
                Some(Repair::Revoke) => prop_assert!(users && groups),
                Some(Repair::Converge) | None => {}
            }
        }
    }
}
