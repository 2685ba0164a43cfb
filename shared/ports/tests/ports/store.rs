//! The model of the table against the port's suite.

use ports::model::{ModelStore, suite};

use crate::block_on;

#[test]
fn the_model_of_the_table_keeps_the_contract() {
    block_on(suite::store::all(async || ModelStore::new()));
}
