//! Posts and their facts.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::operation::put_item::{PutItemError, PutItemInput};
use aws_sdk_dynamodb::types::{
    Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};
use domain::Fact;
use ports::Fault;
use ports::store::{Accepted, Delivery};

use crate::commit::Cancelled;
use crate::expression::Expression;
use crate::item::{delivery_key, fact_key, number, read_text, text};
use crate::operations::PUT_ITEM;
use crate::packed::{packed, size};
use crate::{DynamoStore, Item, fault};

/// Facts of one transaction. The service takes 100 actions and 4 MB; a post is read up to 1 MB.
const FACTS: usize = 90;

/// Bytes of facts in one transaction, with room for keys and names below the service's 4 MB.
const BYTES: usize = 3 * 1024 * 1024;

/// How long the row that remembers a post is kept. Time to live only collects garbage.
const REMEMBERED_SECONDS: i64 = 30 * 24 * 60 * 60;

impl DynamoStore {
    pub(crate) async fn accept_post(
        &self,
        delivery: &Delivery,
        facts: &[Fact],
    ) -> Result<Accepted, Fault> {
        let mut seen = BTreeSet::new();
        let mut updates = Vec::with_capacity(facts.len());
        let mut bytes = 0;
        for fact in facts {
            // One action per item and transaction; the first of two equal facts stays.
            if seen.insert((&fact.record, &fact.event)) {
                let (size, update) = self.fact_update(fact)?;
                bytes += size;
                updates.push((size, update));
            }
        }
        if updates.is_empty() {
            return self.put_delivery(delivery).await;
        }
        if updates.len() <= FACTS && bytes <= BYTES {
            return self.accept_at_once(delivery, updates).await;
        }
        self.accept_in_parts(delivery, updates).await
    }

    /// The usual case: the post's row and all facts in one transaction.
    async fn accept_at_once(
        &self,
        delivery: &Delivery,
        updates: Vec<(usize, TransactWriteItem)>,
    ) -> Result<Accepted, Fault> {
        let put = Put::builder()
            .table_name(self.table())
            .set_item(Some(delivery_item(delivery)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(|_| Fault::halt("a request to the table cannot be built"))?;
        let mut actions = vec![TransactWriteItem::builder().put(put).build()];
        actions.extend(updates.into_iter().map(|(_, update)| update));
        match self.transact(actions).await? {
            Ok(()) => Ok(Accepted::New),
            Err(Cancelled(mut reasons)) => {
                let own = (!reasons.is_empty()).then(|| reasons.swap_remove(0));
                match own {
                    Some(own) if own.refused => self.compare(delivery, own.item).await,
                    Some(_) | None => Err(Fault::retry("the table was busy with the same items")),
                }
            }
        }
    }

    /// Too many facts for one transaction: the facts first, in any number of parts, the post's
    /// row last. A crash in between leaves facts that the sender posts again.
    async fn accept_in_parts(
        &self,
        delivery: &Delivery,
        updates: Vec<(usize, TransactWriteItem)>,
    ) -> Result<Accepted, Fault> {
        if let Some(row) = self.read_item(delivery_key(delivery)).await? {
            return self.compare(delivery, Some(row)).await;
        }
        let mut part = Vec::new();
        let mut bytes = 0;
        for (size, update) in updates {
            if part.len() == FACTS || (bytes + size > BYTES && !part.is_empty()) {
                self.transact_facts(std::mem::take(&mut part)).await?;
                bytes = 0;
            }
            bytes += size;
            part.push(update);
        }
        self.transact_facts(part).await?;
        self.put_delivery(delivery).await
    }

    async fn transact_facts(&self, actions: Vec<TransactWriteItem>) -> Result<(), Fault> {
        self.transact(actions)
            .await?
            .map_err(|_| Fault::retry("the table was busy with the same items"))
    }

    /// The post's row alone.
    async fn put_delivery(&self, delivery: &Delivery) -> Result<Accepted, Fault> {
        let input = PutItemInput::builder()
            .table_name(self.table())
            .set_item(Some(delivery_item(delivery)))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build();
        match self.client().send(&PUT_ITEM, input).await {
            Ok(_) => {
                self.0.writes.fetch_add(1, Ordering::Relaxed);
                Ok(Accepted::New)
            }
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(refused)) => {
                    self.0.refused.fetch_add(1, Ordering::Relaxed);
                    self.compare(delivery, refused.item.clone()).await
                }
                Some(_) | None => Err(fault::of(&error)),
            },
        }
    }

    /// Which of the two a known post is. An engine that leaves out the row costs a read.
    async fn compare(&self, delivery: &Delivery, row: Option<Item>) -> Result<Accepted, Fault> {
        let row = match row {
            Some(row) => Some(row),
            None => self.read_item(delivery_key(delivery)).await?,
        };
        let Some(row) = row else {
            return Err(Fault::retry("a post's row went away meanwhile"));
        };
        if read_text(&row, "body") == Some(&delivery.body.to_string()) {
            return Ok(Accepted::Duplicate);
        }
        Ok(Accepted::Conflict)
    }

    /// The write of one fact, unless it is there, and its size.
    fn fact_update(&self, fact: &Fact) -> Result<(usize, TransactWriteItem), Fault> {
        let fact_packed = packed(fact)?;
        let size = size(&fact_packed);
        let mut expression = Expression::default();
        expression.set_once("fact", fact_packed);
        let update = Update::builder()
            .table_name(self.table())
            .set_key(Some(fact_key(fact)))
            .update_expression(expression.update())
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .build()
            .map_err(|_| Fault::halt("a request to the table cannot be built"))?;
        Ok((size, TransactWriteItem::builder().update(update).build()))
    }
}

fn delivery_item(delivery: &Delivery) -> Item {
    let ttl = delivery.received_at.as_second() + REMEMBERED_SECONDS;
    let mut item = delivery_key(delivery);
    item.insert("body".to_owned(), text(delivery.body.to_string()));
    item.insert("ttl".to_owned(), number(ttl));
    item
}
