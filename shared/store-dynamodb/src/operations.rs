//! The operations that the adapter asks for, with what the SDK knows of each.

aws_client::operations! { aws_sdk_dynamodb:
    BATCH_GET_ITEM = batch_get_item::{
        BatchGetItem, BatchGetItemInput, BatchGetItemOutput, BatchGetItemError
    };
    CREATE_TABLE = create_table::{
        CreateTable, CreateTableInput, CreateTableOutput, CreateTableError
    };
    DELETE_ITEM = delete_item::{DeleteItem, DeleteItemInput, DeleteItemOutput, DeleteItemError};
    DESCRIBE_CONTINUOUS_BACKUPS = describe_continuous_backups::{
        DescribeContinuousBackups, DescribeContinuousBackupsInput,
        DescribeContinuousBackupsOutput, DescribeContinuousBackupsError
    };
    DESCRIBE_TABLE = describe_table::{
        DescribeTable, DescribeTableInput, DescribeTableOutput, DescribeTableError
    };
    GET_ITEM = get_item::{GetItem, GetItemInput, GetItemOutput, GetItemError};
    PUT_ITEM = put_item::{PutItem, PutItemInput, PutItemOutput, PutItemError};
    QUERY = query::{Query, QueryInput, QueryOutput, QueryError};
    SCAN = scan::{Scan, ScanInput, ScanOutput, ScanError};
    TRANSACT_WRITE_ITEMS = transact_write_items::{
        TransactWriteItems, TransactWriteItemsInput, TransactWriteItemsOutput,
        TransactWriteItemsError
    };
    UPDATE_ITEM = update_item::{UpdateItem, UpdateItemInput, UpdateItemOutput, UpdateItemError};
    UPDATE_TIME_TO_LIVE = update_time_to_live::{
        UpdateTimeToLive, UpdateTimeToLiveInput, UpdateTimeToLiveOutput, UpdateTimeToLiveError
    };
}
