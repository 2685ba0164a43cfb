//! Laws over random companies and fault schedules.

use std::collections::BTreeSet;

use domain::{Desired, IdentityState};
use proptest::prelude::*;

use crate::company::{Company, account_id, identity, wiki};
use crate::target::Misbehaviour;

pub const PEOPLE: usize = 30;

#[derive(Clone, Debug)]
pub enum Event {
    Leaves(usize),
    Goes(usize),
    Drifts(usize),
    Disabled(usize),
    Deleted(usize),
    Joins(usize),
    LosesGroup(usize),
    GainsGroup(usize),
}

pub fn event() -> impl Strategy<Value = Event> {
    let who = 0..PEOPLE;
    prop_oneof![
        who.clone().prop_map(Event::Leaves),
        who.clone().prop_map(Event::Goes),
        who.clone().prop_map(Event::Drifts),
        who.clone().prop_map(Event::Disabled),
        who.clone().prop_map(Event::Deleted),
        (PEOPLE..PEOPLE + 3).prop_map(Event::Joins),
        who.clone().prop_map(Event::LosesGroup),
        who.prop_map(Event::GainsGroup),
    ]
}

pub fn happen(company: &Company, event: &Event) {
    let wiki = company.wiki();
    let exists = |n: usize| {
        let id = domain::AccountId::from(account_id(n));
        wiki.contents().0.iter().any(|account| account.id == id)
    };
    match *event {
        Event::Leaves(n) => company.decide(n, IdentityState::Ended, Desired::None),
        Event::Goes(n) => company.decide(n, IdentityState::Suspended, Desired::Disabled),
        Event::Drifts(n) if exists(n) => wiki.edit(&account_id(n), |a| a.attrs.clear()),
        Event::Disabled(n) if exists(n) => wiki.edit(&account_id(n), |a| a.active = false),
        Event::Deleted(n) => wiki.delete(&account_id(n)),
        Event::Joins(n) => company.decide(n, IdentityState::Active, Desired::Active),
        Event::LosesGroup(n) => wiki.member("Readers", &account_id(n), false),
        Event::GainsGroup(n) if exists(n) => wiki.member("Admins", &account_id(n), true),
        Event::Drifts(_) | Event::Disabled(_) | Event::GainsGroup(_) => {}
    }
}

pub fn misbehaviour() -> impl Strategy<Value = Misbehaviour> {
    prop_oneof![
        (1..4_usize).prop_map(|page| Misbehaviour::Fails { page }),
        Just(Misbehaviour::Empty),
        (1..3_usize).prop_map(|page| Misbehaviour::LosesCursor { page }),
        (0..20_usize).prop_map(|keeps| Misbehaviour::Partial { keeps }),
        (1..3_usize).prop_map(|page| Misbehaviour::RepeatsCursor { page }),
        (1..3_usize).prop_map(|page| Misbehaviour::Shifts { page }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Law 4: what one run takes away rests on a certificate.
    #[test]
    fn law_04_nothing_is_taken_away_without_a_certificate(
        events in prop::collection::vec(event(), 0..12),
        users in prop::option::of(misbehaviour()),
        groups in prop::option::of(misbehaviour()),
    ) {
        let company = Company::of(PEOPLE);
        for event in &events {
            happen(&company, event);
        }
        company.wiki().users_do(users);
        company.wiki().groups_do(groups);
        let night = company.run();
        let result = &night.manifest.summary.targets[&wiki()];
        if result.users.is_err() {
            prop_assert_eq!(night.finished.sent(), 0);
            prop_assert!(night.rows.iter().all(|row| &*row.decision == "open"));
        }
        if result.groups.is_err() {
            let revoked = night.rows.iter().any(|row| {
                row.class.as_str() == "O6" && &*row.decision == "queued"
                    && !night.rows.iter().any(|other| {
                        other.account_id == row.account_id && other.class.as_str() != "O6"
                    })
            });
            prop_assert!(!revoked, "a membership alone was reason enough");
        }
    }

    /// Law 3: after the repairs of one run the next one writes nothing, and the target is as
    /// policy says but for what a limit held.
    #[test]
    fn law_03_the_second_run_writes_nothing(events in prop::collection::vec(event(), 0..5)) {
        let company = Company::of(PEOPLE);
        for event in &events {
            happen(&company, event);
        }
        let first = company.run();
        prop_assert!(first.has_certificate());
        prop_assume!(first.finished.held == 0);
        company.mend(&first);
        let second = company.run();
        prop_assert_eq!(second.finished.sent(), 0);
        prop_assert_eq!(second.said(), vec![]);
        // Whoever left cannot sign in; everybody else can, where policy says so.
        let (accounts, _) = company.wiki().contents();
        for (id, seat) in company.store.everybody() {
            let projection = &seat.record.projections[&wiki()];
            let n = usize::from_str_radix(id.as_str(), 16).expect("our ids");
            let account = accounts.iter().find(|a| a.id.as_str() == account_id(n));
            let active = account.is_some_and(|account| account.active);
            prop_assert_eq!(active, projection.desired == Desired::Active);
        }
    }

    /// The same world gives the same rows, whatever the size of the target's pages.
    #[test]
    fn the_page_size_changes_nothing(
        events in prop::collection::vec(event(), 0..12),
        size in 1..70_usize,
    ) {
        let said = |size: usize| {
            let company = Company::paged(PEOPLE, size);
            for event in &events {
                happen(&company, event);
            }
            let night = company.run();
            let requests: BTreeSet<usize> = night.repaired().into_iter().collect();
            let rows: Vec<_> = night.rows.iter().map(|row| {
                (row.finding, row.severity, row.detail.clone(), row.decision.clone())
            }).collect();
            (rows, requests)
        };
        prop_assert_eq!(said(size), said(1000));
    }
}

#[test]
fn identities_are_opaque() {
    assert_eq!(identity(1).as_str().len(), 32);
}
