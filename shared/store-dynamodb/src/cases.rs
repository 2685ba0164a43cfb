//! Cases, decisions and tasks. Cases lie in one partition and tasks in another: they come at the
//! speed of people (a partition takes 1,000 writes a second), and whoever lists them wants all.

use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::operation::delete_item::{DeleteItemError, DeleteItemInput};
use aws_sdk_dynamodb::operation::query::QueryInput;
use domain::case::{Case, Decision};
use domain::task::Task;
use domain::{CaseId, IdentityId, RecordKey, TaskId};
use ports::cases::Which;
use ports::{Cases, Fault};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::expression::Expression;
use crate::item::{decision_key, json, key, link_key, read_json, text};
use crate::operations::{DELETE_ITEM, QUERY};
use crate::{DynamoStore, Item, Written, fault};

/// The partition of cases.
const CASES: &str = "Q#cases";
/// The partition of tasks.
const TASKS: &str = "Q#tasks";
/// The attribute with the whole of one.
const BODY: &str = "body";
/// Present on what waits for a human, so that a list of those need not carry the others along.
const OPEN: &str = "open";

impl Cases for DynamoStore {
    async fn decide(&self, record: &RecordKey, decision: &Decision) -> Result<(), Fault> {
        let body = json(decision)?;
        let name = body.as_s().cloned().unwrap_or_default();
        let mut expression = Expression::default();
        expression.set_once("decision", body);
        self.update(decision_key(record, &name), expression).await?;
        Ok(())
    }

    async fn unlink(&self, record: &RecordKey, from: &IdentityId) -> Result<bool, Fault> {
        let mut expression = Expression::default();
        expression.require_equal("identity", text(from.as_str()));
        let input = DeleteItemInput::builder()
            .table_name(self.table())
            .set_key(Some(link_key(record)))
            .set_condition_expression(expression.condition())
            .set_expression_attribute_names(expression.names())
            .set_expression_attribute_values(expression.values())
            .build();
        match self.client().send(&DELETE_ITEM, input).await {
            Ok(_) => {
                self.0.writes.fetch_add(1, Ordering::Relaxed);
                Ok(true)
            }
            Err(error) => {
                let refused = error
                    .as_service_error()
                    .is_some_and(DeleteItemError::is_conditional_check_failed_exception);
                if refused {
                    self.0.refused.fetch_add(1, Ordering::Relaxed);
                    return Ok(false);
                }
                Err(fault::of(&error))
            }
        }
    }

    async fn case(&self, id: &CaseId) -> Result<Option<Case>, Fault> {
        self.read_one(CASES, id.as_str()).await
    }

    async fn cases(&self, which: Which) -> Result<Vec<Case>, Fault> {
        self.read_all(CASES, which).await
    }

    async fn put_case(&self, case: &Case, was: Option<&Case>) -> Result<bool, Fault> {
        self.put(CASES, case.id.as_str(), case, was, case.is_open())
            .await
    }

    async fn task(&self, id: &TaskId) -> Result<Option<Task>, Fault> {
        self.read_one(TASKS, id.as_str()).await
    }

    async fn tasks(&self, which: Which) -> Result<Vec<Task>, Fault> {
        self.read_all(TASKS, which).await
    }

    async fn put_task(&self, task: &Task, was: Option<&Task>) -> Result<bool, Fault> {
        self.put(TASKS, task.id.as_str(), task, was, task.is_open())
            .await
    }
}

impl DynamoStore {
    async fn read_one<T: DeserializeOwned>(
        &self,
        partition: &str,
        id: &str,
    ) -> Result<Option<T>, Fault> {
        let item = self.read_item(key(partition.to_owned(), id)).await?;
        item.map(|item| read_json(&item, BODY)).transpose()
    }

    /// Writes the whole of one on condition that its text is still what it was.
    async fn put<T: Serialize + Sync>(
        &self,
        partition: &str,
        id: &str,
        next: &T,
        was: Option<&T>,
        open: bool,
    ) -> Result<bool, Fault> {
        let mut expression = Expression::default();
        expression.set(BODY, json(next)?);
        expression.set_or_remove(OPEN, open.then(|| text("yes")));
        match was {
            Some(was) => expression.require_equal(BODY, json(was)?),
            None => expression.require_absent(BODY),
        }
        let written = self
            .update(key(partition.to_owned(), id), expression)
            .await?;
        Ok(matches!(written, Written::Done))
    }

    async fn read_all<T: DeserializeOwned>(
        &self,
        partition: &str,
        which: Which,
    ) -> Result<Vec<T>, Fault> {
        let mut all = Vec::new();
        let mut after: Option<Item> = None;
        loop {
            self.0.reads.fetch_add(1, Ordering::Relaxed);
            let mut query = QueryInput::builder()
                .table_name(self.table())
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(partition))
                .consistent_read(true)
                .set_exclusive_start_key(after);
            if which == Which::Open {
                query = query
                    .filter_expression("attribute_exists(#open)")
                    .expression_attribute_names("#open", OPEN);
            }
            let page = self.client().send(&QUERY, query.build()).await;
            let page = page.map_err(|error| fault::of(&error))?;
            for item in page.items() {
                all.push(read_json(item, BODY)?);
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(all);
            }
        }
    }
}
