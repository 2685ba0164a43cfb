//! After any history, every index says what a scan of the resources says.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::members::Edit;
use crate::schema::Kind;
use crate::store::{Store, scramble};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = scramble(self.0);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick(&mut self, from: &[u64]) -> Option<u64> {
        if from.is_empty() {
            None
        } else {
            Some(from[self.roll(from.len())])
        }
    }
}

/// Few names, so that they collide, in both cases.
fn attrs(kind: Kind, dice: &mut Dice) -> Map<String, Value> {
    let name = format!("{}{}", ["n", "N"][dice.roll(2)], dice.roll(30));
    let mut attrs = Map::from_iter([(kind.label().to_owned(), json!(name))]);
    if dice.roll(2) == 0 {
        attrs.insert(
            "externalId".to_owned(),
            json!(format!("e{}", dice.roll(10))),
        );
    }
    attrs
}

fn edit(dice: &mut Dice, ids: &[String]) -> Edit {
    let ghost = "ghost".to_owned();
    let id = if ids.is_empty() {
        ghost
    } else {
        ids[dice.roll(ids.len())].clone()
    };
    match dice.roll(10) {
        0 => Edit::Clear,
        1..=6 => Edit::Put(id),
        _ => Edit::Drop(id),
    }
}

fn ids(store: &Store) -> Vec<String> {
    [Kind::User, Kind::Group]
        .into_iter()
        .flat_map(|kind| store.order(kind).iter().map(move |key| (kind, *key)))
        .map(|(kind, key)| store.at(kind, key).unwrap().id.clone())
        .collect()
}

/// Answers how many steps the store refused.
fn run(seed: u64, steps: usize) -> usize {
    let mut store = Store::new(seed, Timestamp::UNIX_EPOCH);
    let mut dice = Dice(seed);
    let mut refused = 0;
    for _ in 0..steps {
        let kind = [Kind::User, Kind::Group][dice.roll(2)];
        let key = dice.pick(store.order(kind));
        let known = ids(&store);
        let before = snapshot(&store);
        let done = match (dice.roll(6), key) {
            (0 | 1, _) | (_, None) => {
                let members: Vec<String> = known.iter().take(dice.roll(4)).cloned().collect();
                let members = if kind == Kind::Group {
                    members
                } else {
                    Vec::new()
                };
                store
                    .insert(kind, attrs(kind, &mut dice), &members)
                    .map(|_| ())
            }
            (2, Some(key)) => {
                let id = store.at(kind, key).unwrap().id.clone();
                store.remove(kind, &id).map(|_| ()).unwrap();
                assert!(store.any(&id).is_none() && store.groups_of(&id).is_empty());
                Ok(())
            }
            (_, Some(key)) => {
                let edits: Vec<Edit> = (0..dice.roll(4)).map(|_| edit(&mut dice, &known)).collect();
                store
                    .update(kind, key, attrs(kind, &mut dice), &edits)
                    .map(|_| ())
            }
        };
        if done.is_err() {
            refused += 1;
            assert_eq!(snapshot(&store), before, "a refused write leaves no trace");
        }
        check(&store);
    }
    refused
}

fn snapshot(store: &Store) -> Vec<String> {
    [Kind::User, Kind::Group]
        .into_iter()
        .flat_map(|kind| store.order(kind).iter().map(move |key| (kind, *key)))
        .map(|(kind, key)| {
            format!("{:?}", store.at(kind, key).unwrap().attrs) + &members(store, kind, key)
        })
        .collect()
}

fn members(store: &Store, kind: Kind, key: u64) -> String {
    store
        .at(kind, key)
        .unwrap()
        .members
        .iter()
        .collect::<Vec<_>>()
        .join(",")
}

fn check(store: &Store) {
    for kind in [Kind::User, Kind::Group] {
        let order = store.order(kind);
        assert!(order.is_sorted());
        let mut labels = BTreeSet::new();
        for key in order {
            let record = store.at(kind, *key).unwrap();
            assert_eq!(store.key(kind, &record.id), Some(*key));
            assert!(
                labels.insert(record.label().to_lowercase()),
                "{}",
                record.label()
            );
            assert_eq!(store.by_label(kind, record.label()), [*key]);
            let external = record.text("externalId");
            let same: Vec<u64> = order
                .iter()
                .copied()
                .filter(|other| store.at(kind, *other).unwrap().text("externalId") == external)
                .collect();
            if let Some(external) = external {
                assert_eq!(store.by_external_id(kind, external), same);
            }
            let listing: Vec<u64> = store
                .order(Kind::Group)
                .iter()
                .copied()
                .filter(|group| {
                    store
                        .at(Kind::Group, *group)
                        .unwrap()
                        .members
                        .contains(&record.id)
                })
                .collect();
            assert_eq!(store.groups_of(&record.id), listing);
            for member in record.members.iter() {
                assert!(store.any(member).is_some(), "{member} dangles");
            }
        }
    }
}

#[test]
fn indexes_say_what_a_scan_says() {
    let refused: usize = (0..20).map(|seed| run(seed, 150)).sum();
    assert!(
        refused > 100,
        "the histories have to meet refusals: {refused}"
    );
}
