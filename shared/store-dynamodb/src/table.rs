//! The table's shape.

use aws_sdk_dynamodb::operation::create_table::{CreateTableError, CreateTableInput};
use aws_sdk_dynamodb::operation::update_time_to_live::UpdateTimeToLiveInput;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType,
    TimeToLiveSpecification,
};
use ports::Fault;

use crate::operations::{CREATE_TABLE, UPDATE_TIME_TO_LIVE};
use crate::{DynamoStore, fault};

/// Names and settings that code and template have to agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The partition key, a string.
    pub partition_key: &'static str,
    /// The sort key, a string.
    pub sort_key: &'static str,
    /// The sparse index of identities that the clock looks at; keys only.
    pub wake_index: &'static str,
    /// Its partition key, a string.
    pub wake_partition_key: &'static str,
    /// Its sort key, a string.
    pub wake_sort_key: &'static str,
    /// Unix seconds from which an item is garbage.
    pub ttl: &'static str,
    /// What the stream carries, for the ledger.
    pub stream: &'static str,
}

/// The table's shape.
pub const SCHEMA: Schema = Schema {
    partition_key: "pk",
    sort_key: "sk",
    wake_index: "wake",
    wake_partition_key: "wake_shard",
    wake_sort_key: "wake_at",
    ttl: "ttl",
    stream: "NEW_AND_OLD_IMAGES",
};

/// Creates the table, paid by request, unless it is there. For engines on one machine and for
/// tests; in the cloud the template creates it.
pub async fn create_table(store: &DynamoStore, stream: bool) -> Result<(), Fault> {
    let unbuilt = |_| Fault::halt("a request to the table cannot be built");
    let mut request = CreateTableInput::builder()
        .table_name(store.table())
        .billing_mode(BillingMode::PayPerRequest);
    for name in [
        SCHEMA.partition_key,
        SCHEMA.sort_key,
        SCHEMA.wake_partition_key,
        SCHEMA.wake_sort_key,
    ] {
        let attribute = AttributeDefinition::builder()
            .attribute_name(name)
            .attribute_type(ScalarAttributeType::S);
        request = request.attribute_definitions(attribute.build().map_err(unbuilt)?);
    }
    let key = |name: &str, kind: KeyType| {
        let element = KeySchemaElement::builder().attribute_name(name);
        element.key_type(kind).build()
    };
    let keys_only = Projection::builder()
        .projection_type(ProjectionType::KeysOnly)
        .build();
    let wake = GlobalSecondaryIndex::builder()
        .index_name(SCHEMA.wake_index)
        .key_schema(key(SCHEMA.wake_partition_key, KeyType::Hash).map_err(unbuilt)?)
        .key_schema(key(SCHEMA.wake_sort_key, KeyType::Range).map_err(unbuilt)?)
        .projection(keys_only)
        .build()
        .map_err(unbuilt)?;
    request = request
        .key_schema(key(SCHEMA.partition_key, KeyType::Hash).map_err(unbuilt)?)
        .key_schema(key(SCHEMA.sort_key, KeyType::Range).map_err(unbuilt)?)
        .global_secondary_indexes(wake);
    if stream {
        let specification = StreamSpecification::builder()
            .stream_enabled(true)
            .stream_view_type(StreamViewType::from(SCHEMA.stream));
        request = request.stream_specification(specification.build().map_err(unbuilt)?);
    }
    match store.client().send(&CREATE_TABLE, request.build()).await {
        Ok(_) => {}
        Err(error) => {
            let there = error
                .as_service_error()
                .is_some_and(CreateTableError::is_resource_in_use_exception);
            if there {
                return Ok(());
            }
            return Err(fault::of(&error));
        }
    }
    let ttl = TimeToLiveSpecification::builder()
        .enabled(true)
        .attribute_name(SCHEMA.ttl)
        .build()
        .map_err(unbuilt)?;
    let input = UpdateTimeToLiveInput::builder()
        .table_name(store.table())
        .time_to_live_specification(ttl)
        .build();
    let sent = store.client().send(&UPDATE_TIME_TO_LIVE, input).await;
    sent.map_err(|error| fault::of(&error))?;
    Ok(())
}
