//! Is a table the one that this adapter writes to?

use aws_sdk_dynamodb::operation::describe_continuous_backups::DescribeContinuousBackupsInput;
use aws_sdk_dynamodb::operation::describe_table::DescribeTableInput;
use aws_sdk_dynamodb::types::PointInTimeRecoveryStatus;
use ports::Fault;

use crate::operations::{DESCRIBE_CONTINUOUS_BACKUPS, DESCRIBE_TABLE};
use crate::{DynamoStore, SCHEMA, fault};

/// What of a table is not as it should be, in words; nothing if all of it is.
pub async fn inspect(store: &DynamoStore) -> Result<Vec<String>, Fault> {
    let input = DescribeTableInput::builder().table_name(store.table());
    let described = store.client().send(&DESCRIBE_TABLE, input.build()).await;
    let described = described.map_err(|error| fault::of(&error))?;
    let mut wrong = Vec::new();
    let Some(described) = described.table() else {
        return Err(Fault::retry("the table was not described"));
    };
    let keys: Vec<&str> = described
        .key_schema()
        .iter()
        .map(aws_sdk_dynamodb::types::KeySchemaElement::attribute_name)
        .collect();
    if keys != [SCHEMA.partition_key, SCHEMA.sort_key] {
        wrong.push(format!("its keys are {}", keys.join(", ")));
    }
    let indexes = described.global_secondary_indexes();
    let index = indexes
        .iter()
        .find(|index| index.index_name() == Some(SCHEMA.wake_index));
    if index.is_none() {
        wrong.push(format!("it has no index `{}`", SCHEMA.wake_index));
    }
    let stream = described.stream_specification();
    let view = stream.and_then(|stream| stream.stream_view_type());
    if view.map(aws_sdk_dynamodb::types::StreamViewType::as_str) != Some(SCHEMA.stream) {
        wrong.push(format!("its stream does not carry {}", SCHEMA.stream));
    }
    if !described.deletion_protection_enabled().unwrap_or(false) {
        wrong.push("anybody with the right can delete it: deletion protection is off".to_owned());
    }
    let input = DescribeContinuousBackupsInput::builder().table_name(store.table());
    let asked = store
        .client()
        .send(&DESCRIBE_CONTINUOUS_BACKUPS, input.build());
    let backups = asked.await.map_err(|error| fault::of(&error))?;
    let recovery = backups
        .continuous_backups_description()
        .and_then(|backups| backups.point_in_time_recovery_description())
        .and_then(|recovery| recovery.point_in_time_recovery_status());
    if recovery != Some(&PointInTimeRecoveryStatus::Enabled) {
        wrong.push("it cannot be brought back to a minute: recovery is off".to_owned());
    }
    Ok(wrong)
}
