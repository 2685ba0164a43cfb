//! The model of the table against the port's suite.

use ports::model::{ModelStore, suite};

use crate::block_on;

#[test]
fn the_model_of_the_table_keeps_the_contract() {
    block_on(suite::store::all(async || ModelStore::new()));
}

/// The random sequences have to meet every answer, or they prove little.
#[test]
fn the_random_sequences_equal_themselves_and_meet_every_answer() {
    let store = ModelStore::new();
    block_on(suite::sequences::store(&store, 0, 30));
    let counters = store.counters();
    assert!(counters.writes > 0 && counters.transactions > 0 && counters.refused > 0);
}
