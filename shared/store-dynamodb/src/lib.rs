//! The table in Amazon DynamoDB. The only crate that imports its SDK; it decides nothing and
//! retries nothing beyond what the client does by itself.
//!
//! One table, partition key `pk`, sort key `sk`:
//!
//! | `pk` | `sk` | Holds |
//! |---|---|---|
//! | `R#<record>` | `F#<sha256 of event id>` | a fact of the worker record, packed |
//! | `R#<record>` | `A` | the identity that the record founded |
//! | `R#<record>` | `L` | the identity that the record was linked to later |
//! | `E#<sha256 of source and event id>` | `E` | a post, until `ttl` |
//! | `K#<namespace>#<sha256 of value>` | `X` | who holds a claim alone |
//! | `K#<namespace>#<sha256 of value>` | `I#<identity>` | somebody who shares a claim |
//! | `T#<target>` | `H` | a target's health |
//! | `T#<target>` | `B` | a target's gauge: how much of its budget is used |
//! | `T#<target>` | `M` | a target's meter: what was taken from people lately, what is held, what was approved |
//! | `R#<record>` | `D#<sha256 of decision>` | what an operator decided about the worker record |
//! | `Q#cases` | `<case>` | a question put to a human |
//! | `Q#tasks` | `<task>` | work for a human |
//!
//! The identity item has `gen`, `plan` (the planner's record, packed), `due_at`, per target
//! `c_<target>` (the connector's record, packed) and `g_<target>` (the generation applied last),
//! the map `o` (target to generation owed; a map, so that a condition can ask for its size), and
//! `wake_shard` with `wake_at`, the keys of the sparse index `wake`.

mod accept;
mod ack;
mod cases;
mod commit;
#[cfg(feature = "embedded")]
pub mod embedded;
mod expression;
mod fault;
mod inspect;
mod item;
mod operations;
mod packed;
mod read;
mod table;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_client::{Client, Config, Service};
use aws_sdk_dynamodb::operation::update_item::{UpdateItemError, UpdateItemInput};
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use domain::budget::Gauge;
use domain::limit::Meter;
use domain::{AccountRecord, Fact, Generation, IdentityId, RecordKey, TargetId};
use jiff::Timestamp;
use ports::store::{
    Accepted, Ack, Acked, ClaimKey, Commit, Committed, Counters, Delivery, Dossier, Health, Pause,
    Reading, ScanPage, Seats, Segment,
};
use ports::{Fault, Store};

use crate::ack::Sightings;
use crate::expression::Expression;
pub use crate::inspect::inspect;
use crate::operations::UPDATE_ITEM;
pub use crate::table::{SCHEMA, Schema, create_table};

/// An item as the SDK has it.
type Item = HashMap<String, AttributeValue>;

/// The table. Clones share connections and counters.
#[derive(Clone, Debug)]
pub struct DynamoStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    client: Client,
    table: String,
    reads: AtomicU64,
    writes: AtomicU64,
    transactions: AtomicU64,
    refused: AtomicU64,
    sightings: Sightings,
}

/// What became of a conditional write.
enum Written {
    Done,
    /// A condition refused it; the item as it stands, if there is one.
    Refused(Option<Item>),
}

impl DynamoStore {
    /// A table by its name. Nothing is sent.
    pub fn new(aws: &Config, table: impl Into<String>) -> Self {
        packed::prime();
        Self(Arc::new(Inner {
            client: Client::new(aws, Service::new("dynamodb")),
            table: table.into(),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            transactions: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            sightings: Sightings::default(),
        }))
    }

    /// What requests are sent with.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.0.table
    }

    /// Requests so far. A read that takes several pages counts each of them.
    pub fn requests(&self) -> Counters {
        Counters {
            reads: self.0.reads.load(Ordering::Relaxed),
            writes: self.0.writes.load(Ordering::Relaxed),
            transactions: self.0.transactions.load(Ordering::Relaxed),
            refused: self.0.refused.load(Ordering::Relaxed),
        }
    }

    /// Writes an item that workers share, if its version is still the one that was read.
    async fn replace(
        &self,
        key: Item,
        attribute: &'static str,
        value: AttributeValue,
        read: u64,
    ) -> Result<bool, Fault> {
        let mut expression = Expression::default();
        expression.set(attribute, value);
        expression.set("version", item::number(read + 1));
        if read == 0 {
            expression.require_absent("version");
        } else {
            expression.require_equal("version", item::number(read));
        }
        let written = self.update(key, expression).await?;
        Ok(matches!(written, Written::Done))
    }

    /// One conditional `UpdateItem`.
    async fn update(&self, key: Item, expression: Expression) -> Result<Written, Fault> {
        let input = UpdateItemInput::builder()
            .table_name(&self.0.table)
            .set_key(Some(key))
            .update_expression(expression.update())
            .set_condition_expression(expression.condition())
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        match self.client().send(&UPDATE_ITEM, input).await {
            Ok(_) => {
                self.0.writes.fetch_add(1, Ordering::Relaxed);
                Ok(Written::Done)
            }
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(refused)) => {
                    self.0.refused.fetch_add(1, Ordering::Relaxed);
                    Ok(Written::Refused(refused.item.clone()))
                }
                Some(_) | None => Err(fault::of(&error)),
            },
        }
    }
}

impl Store for DynamoStore {
    async fn accept(&self, delivery: &Delivery, facts: &[Fact]) -> Result<Accepted, Fault> {
        self.accept_post(delivery, facts).await
    }

    async fn dossier(&self, key: &RecordKey) -> Result<Dossier, Fault> {
        self.read_dossier(key).await
    }

    async fn seats(
        &self,
        identities: &[IdentityId],
        target: &TargetId,
    ) -> Result<(Seats, Health), Fault> {
        self.read_seats(identities, target).await
    }

    async fn holders(&self, keys: &[ClaimKey]) -> Result<Vec<(ClaimKey, IdentityId)>, Fault> {
        self.read_holders(keys).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Committed, Fault> {
        self.write_commit(commit).await
    }

    async fn rest(
        &self,
        identity: &IdentityId,
        generation: Generation,
        wake_at: Option<Timestamp>,
    ) -> Result<bool, Fault> {
        let mut expression = Expression::default();
        expression.wake(identity, wake_at);
        expression.require_equal("gen", item::number(generation.0));
        let written = self
            .update(item::identity_key(identity), expression)
            .await?;
        Ok(matches!(written, Written::Done))
    }

    async fn ack(&self, ack: &Ack) -> Result<Acked, Fault> {
        self.write_ack(ack).await
    }

    async fn amend(
        &self,
        identity: &IdentityId,
        target: &TargetId,
        was: &AccountRecord,
        now: &AccountRecord,
    ) -> Result<bool, Fault> {
        self.write_amendment(identity, target, was, now).await
    }

    async fn due(&self, now: Timestamp, limit: usize) -> Result<Vec<IdentityId>, Fault> {
        self.read_due(now, limit).await
    }

    async fn scan(
        &self,
        segment: Segment,
        reading: Reading,
        after: Option<&str>,
    ) -> Result<ScanPage, Fault> {
        self.read_scan(segment, reading, after).await
    }

    async fn health(&self, target: &TargetId) -> Result<Health, Fault> {
        self.read_health(target).await
    }

    async fn set_health(&self, target: &TargetId, health: &Health) -> Result<(), Fault> {
        let mut expression = Expression::default();
        expression.set("health", item::json(health)?);
        self.update(item::target_key(target), expression).await?;
        Ok(())
    }

    async fn set_pause(&self, target: &TargetId, pause: Option<&Pause>) -> Result<(), Fault> {
        let pause = pause.map(item::json).transpose()?;
        let mut expression = Expression::default();
        expression.set_or_remove("pause", pause);
        self.update(item::target_key(target), expression).await?;
        Ok(())
    }

    async fn gauge(&self, target: &TargetId) -> Result<Gauge, Fault> {
        self.read_gauge(target).await
    }

    async fn set_gauge(&self, target: &TargetId, gauge: &Gauge) -> Result<bool, Fault> {
        let written = item::json(&gauge.at_version(gauge.version + 1))?;
        self.replace(item::gauge_key(target), "gauge", written, gauge.version)
            .await
    }

    async fn meter(&self, target: &TargetId) -> Result<Meter, Fault> {
        self.read_meter(target).await
    }

    async fn set_meter(&self, target: &TargetId, meter: &Meter) -> Result<bool, Fault> {
        let written = item::json(&meter.at_version(meter.version + 1))?;
        self.replace(item::meter_key(target), "meter", written, meter.version)
            .await
    }
}
