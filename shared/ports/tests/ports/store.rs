//! The model of the table against the port's suite.

use ports::model::{ModelStore, suite};
use ports::store::Health;
use ports::{Fault, Store};

use crate::block_on;

#[test]
fn the_model_of_the_table_keeps_the_contract() {
    block_on(suite::store::all(async || ModelStore::new()));
}

#[test]
fn the_model_of_cases_keeps_the_contract() {
    block_on(suite::cases::all(async || ModelStore::new()));
}

/// The random sequences have to meet every answer, or they prove little.
#[test]
fn the_random_sequences_equal_themselves_and_meet_every_answer() {
    let store = ModelStore::new();
    block_on(suite::sequences::store(&store, 0, 30));
    let counters = store.counters();
    assert!(counters.writes > 0 && counters.transactions > 0 && counters.refused > 0);
}

#[test]
fn injected_faults_come_before_or_after_the_effect() {
    let store = ModelStore::new();
    let target = "wiki".into();
    let ill = Health::Quarantined {
        reason: "401".into(),
        since: jiff::Timestamp::UNIX_EPOCH,
        next_attempt: jiff::Timestamp::UNIX_EPOCH,
        attempts: 1,
    };
    store.fail_next(Fault::retry("throttled"));
    assert_eq!(store.pending_faults(), 1);
    assert!(block_on(store.set_health(&target, &ill)).is_err());
    assert_eq!(store.pending_faults(), 0);
    assert_eq!(block_on(store.health(&target)).unwrap(), Health::Healthy);
    store.lose_next(Fault::retry("answer lost"));
    assert!(block_on(store.set_health(&target, &ill)).is_err());
    assert_eq!(block_on(store.health(&target)).unwrap(), ill);
    assert_eq!(store.counters().writes, 1);
}
