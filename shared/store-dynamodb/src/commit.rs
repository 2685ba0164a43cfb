//! Decisions: one conditional write, or a transaction where links or claims go with it.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsInput,
};
use aws_sdk_dynamodb::types::{Put, TransactWriteItem, Update};
use domain::{IdentityId, IdentityRecord};
use ports::Fault;
use ports::store::{Claim, ClaimKey, Commit, Committed, check_commit};

use crate::expression::Expression;
use crate::item::{
    EXCLUSIVE, claim_partition, identity_key, instant, key, link_key, number, owed_map,
    read_packed, text,
};
use crate::operations::TRANSACT_WRITE_ITEMS;
use crate::packed::packed;
use crate::{DynamoStore, Item, Written, fault};

/// A transaction that conditions refused, with one reason per action.
pub struct Cancelled(pub Vec<Reason>);

/// Why one action was refused.
pub struct Reason {
    /// Whether its own condition did it.
    pub refused: bool,
    /// The item as it stands, where the action asked for it.
    pub item: Option<Item>,
}

/// What an action of a decision's transaction stands for.
enum Part {
    /// The identity item or a link: refused, the decision is stale.
    Decision,
    /// A claim: refused, somebody else holds it.
    Claim(ClaimKey),
}

impl DynamoStore {
    pub(crate) async fn write_commit(&self, commit: &Commit) -> Result<Committed, Fault> {
        check_commit(commit)?;
        self.0.sightings.forget(&commit.identity);
        let identity = identity_update(commit)?;
        if commit.links.is_empty() && commit.claims.is_empty() {
            let written = self
                .update(identity_key(&commit.identity), identity)
                .await?;
            let there = |item: &Item| {
                read_packed::<IdentityRecord>(item, "plan").is_ok_and(|plan| plan == commit.record)
            };
            return Ok(match written {
                Written::Refused(item) if !item.as_ref().is_some_and(there) => Committed::Stale,
                Written::Refused(_) | Written::Done => Committed::Done,
            });
        }
        let (parts, actions) = self.actions(commit, &identity)?;
        let Err(Cancelled(reasons)) = self.transact(actions).await? else {
            return Ok(Committed::Done);
        };
        let mut taken = Vec::new();
        for (part, reason) in parts.into_iter().zip(&reasons) {
            match part {
                Part::Decision if reason.refused => return Ok(Committed::Stale),
                Part::Claim(key) if reason.refused => taken.push(key),
                Part::Decision | Part::Claim(_) => {}
            }
        }
        if taken.is_empty() {
            return Err(Fault::retry("the table was busy with the same items"));
        }
        Ok(Committed::Taken(taken))
    }

    /// The actions of a decision's transaction, and what each stands for.
    fn actions(
        &self,
        commit: &Commit,
        identity: &Expression,
    ) -> Result<(Vec<Part>, Vec<TransactWriteItem>), Fault> {
        let update = Update::builder()
            .table_name(self.table())
            .set_key(Some(identity_key(&commit.identity)))
            .update_expression(identity.update())
            .set_condition_expression(identity.condition())
            .set_expression_attribute_names(identity.names())
            .set_expression_attribute_values(identity.values())
            .build()
            .map_err(|_| Fault::halt("a request to the table cannot be built"))?;
        let mut parts = vec![Part::Decision];
        let mut actions = vec![TransactWriteItem::builder().update(update).build()];
        // One action per item and transaction.
        let mut links = BTreeSet::new();
        for link in commit.links.iter().filter(|link| links.insert(*link)) {
            parts.push(Part::Decision);
            actions.push(self.put_for(link_key(link), &commit.identity, true)?);
        }
        let mut claims = BTreeSet::new();
        for claim in commit.claims.iter().filter(|claim| claims.insert(*claim)) {
            let Claim {
                key: value,
                exclusive,
            } = claim;
            let sk = if *exclusive {
                EXCLUSIVE.to_owned()
            } else {
                format!("I#{}", commit.identity)
            };
            parts.push(Part::Claim(value.clone()));
            let key = key(claim_partition(value), sk);
            actions.push(self.put_for(key, &commit.identity, *exclusive)?);
        }
        Ok((parts, actions))
    }

    /// Writes an item that names the identity, `alone` only where nobody else is named.
    fn put_for(
        &self,
        mut item: Item,
        identity: &IdentityId,
        alone: bool,
    ) -> Result<TransactWriteItem, Fault> {
        item.insert("identity".to_owned(), text(identity.as_str()));
        let mut put = Put::builder().table_name(self.table()).set_item(Some(item));
        if alone {
            let mut expression = Expression::default();
            let holder = expression.name("identity");
            let own = expression.value(text(identity.as_str()));
            expression.require(format!(
                "attribute_not_exists({holder}) OR {holder} = {own}"
            ));
            put = put
                .set_condition_expression(expression.condition())
                .set_expression_attribute_names(expression.names())
                .set_expression_attribute_values(expression.values());
        }
        let put = put
            .build()
            .map_err(|_| Fault::halt("a request to the table cannot be built"))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    /// One `TransactWriteItems`. Where no condition refused it, the first reason decides what the
    /// caller does.
    pub(crate) async fn transact(
        &self,
        actions: Vec<TransactWriteItem>,
    ) -> Result<Result<(), Cancelled>, Fault> {
        let input = TransactWriteItemsInput::builder()
            .set_transact_items(Some(actions))
            .client_request_token(token()?)
            .build();
        let sent = self.client().send(&TRANSACT_WRITE_ITEMS, input).await;
        let Err(error) = sent else {
            self.0.transactions.fetch_add(1, Ordering::Relaxed);
            return Ok(Ok(()));
        };
        let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
            error.as_service_error()
        else {
            return Err(fault::of(&error));
        };
        let reasons = cancelled.cancellation_reasons();
        let code = reasons
            .iter()
            .filter_map(|reason| reason.code())
            .find(|code| *code != "None")
            .unwrap_or("TransactionCanceledException");
        let reasons: Vec<Reason> = reasons
            .iter()
            .map(|reason| Reason {
                refused: reason.code() == Some("ConditionalCheckFailed"),
                item: reason.item.clone(),
            })
            .collect();
        if reasons.iter().any(|reason| reason.refused) {
            self.0.refused.fetch_add(1, Ordering::Relaxed);
            return Ok(Err(Cancelled(reasons)));
        }
        Err(fault::of_code(code, 400))
    }
}

/// What tells a transaction from all others: sent again after its answer was lost, it is answered as
/// done instead of meeting its own conditions.
fn token() -> Result<String, Fault> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(|_| Fault::retry("the system gave no random numbers"))?;
    Ok(format!("{:032x}", u128::from_ne_bytes(random)))
}

fn identity_update(commit: &Commit) -> Result<Expression, Fault> {
    let record = &commit.record;
    let mut expression = Expression::default();
    expression.set("gen", number(record.generation.0));
    expression.set("plan", packed(record)?);
    let due_at = record.due_at.map(|at| text(instant(at)));
    expression.set_or_remove("due_at", due_at);
    expression.wake(&commit.identity, commit.wake_at);
    match commit.expect {
        None => {
            expression.set("o", owed_map(&commit.owe, record.generation));
            expression.require_absent("pk");
        }
        Some(seen) => {
            // Every name that is listed has to be used.
            if !commit.owe.is_empty() {
                let owed = expression.name("o");
                for target in &commit.owe {
                    let target = expression.name(target.as_str());
                    let path = format!("{owed}.{target}");
                    expression.set_path(&path, number(record.generation.0));
                }
            }
            expression.require_equal("gen", number(seen.0));
        }
    }
    Ok(expression)
}
