//! Index and merge: exact, and of one mind with each other and with convergence.

use proptest::prelude::*;

use super::oracle::{life, populate};
use super::*;
use crate::compare::fingerprint::Spec;
use crate::compare::index::{IndexBuilder, Probe};
use crate::compare::merge::{Entry, Merge};

proptest! {
    /// The ordered engine says of every account what the unordered one says.
    #[test]
    fn merging_and_probing_agree(lives in prop::collection::vec(life(), 0..40)) {
        let world = populate(&lives, &[], (true, true));
        let spec = Spec::of(&target());
        let mut scratch = Vec::new();
        let mut builder = IndexBuilder::default();
        let mut entries = Vec::new();
        for person in &world.people {
            let projection = &person.record.projections[&wiki()];
            builder.add(&spec, &person.id, projection, &person.account);
            if let Some(id) = &person.account.id {
                entries.push(Entry {
                    id: id.clone(),
                    wanted: spec.wanted(&person.id, projection, &person.account, &mut scratch),
                });
            }
        }
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        let mut index = builder.build();
        let mut merge = Merge::new(entries.into_iter());
        let mut accounts = world.accounts.clone();
        accounts.sort_by(|a, b| a.id.cmp(&b.id));
        let mut missing = BTreeSet::new();
        for account in &accounts {
            let merged = merge.probe(&spec, account, |id| { missing.insert(id); });
            prop_assert_eq!(merged, Ok(index.probe(&spec, account).0));
        }
        missing.extend(merge.rest());
        prop_assert_eq!(missing.len(), index.unseen());
        for id in missing {
            prop_assert!(!index.saw(crate::certify::hash(id.as_str())));
        }
    }

    /// Equal fingerprints exactly where convergence would write nothing.
    #[test]
    fn fingerprints_and_convergence_agree(
        was in prop::option::of("[aAbäÄ]{0,2}"),
        want in prop::option::of("[aAbäÄ]{0,2}"),
        path in prop::sample::select(vec!["title", "emails[type eq \"work\"].value"]),
    ) {
        let mut one = person(1);
        let want = want.map_or(Slot::Null, |text| Slot::from(&*text));
        one.projection().attrs.insert(path.into(), Mapped {
            value: Pii::new(want.clone()),
            strength: Strength::Always,
            refers: false,
        });
        let mut account = one.seen();
        account.attrs.remove(path);
        if let Some(was) = &was {
            account.attrs.insert(path.into(), text(was));
        }
        let spec = Spec::of(&target());
        let mut builder = IndexBuilder::default();
        builder.add(&spec, &one.id, &one.record.projections[&wiki()], &one.account);
        let same = builder.build().probe(&spec, &account).0 == Probe::Same;
        let slot = was.as_deref().map(Slot::from);
        prop_assert_eq!(same, crate::converge::same(path, slot.as_ref(), &want));
    }
}

#[test]
fn the_ordered_engine_refuses_disorder() {
    let spec = Spec::of(&target());
    let mut merge = Merge::new(std::iter::empty());
    let (first, second) = (person(1).seen(), person(2).seen());
    assert!(merge.probe(&spec, &second, |_| {}).is_ok());
    assert!(merge.probe(&spec, &second, |_| {}).is_err());
    assert!(merge.probe(&spec, &first, |_| {}).is_err());
}

#[test]
fn a_large_index_finds_everything_and_nothing_else() {
    let spec = Spec::of(&target());
    let mut builder = IndexBuilder::default();
    let people: Vec<Person> = (0..5000).map(person).collect();
    for person in people.iter().filter(|p| p.id.as_str() != "identity-77") {
        builder.add(
            &spec,
            &person.id,
            &person.record.projections[&wiki()],
            &person.account,
        );
    }
    let mut index = builder.build();
    for person in &people {
        let expected = if person.id.as_str() == "identity-77" {
            Probe::Unknown
        } else {
            Probe::Same
        };
        assert_eq!(index.probe(&spec, &person.seen()), (expected, true));
    }
    assert_eq!(index.unseen(), 0);
}
