//! The table: paid by request, restorable, hard to delete, under the customer's key, in the shape of
//! `store_dynamodb::SCHEMA`.

use store_dynamodb::SCHEMA;
use tests::aws::template::line;

use crate::templates;

#[tokio::test]
async fn it_can_be_restored_and_not_be_deleted_by_accident() {
    let shared = &templates().await.shared;
    assert_eq!(shared.all("AWS::DynamoDB::Table").len(), 1);
    let resource = &shared.resources()["Table"];
    assert_eq!(resource["DeletionPolicy"], "Retain");
    assert_eq!(resource["UpdateReplacePolicy"], "Retain");
    let table = shared.properties("Table");
    assert_eq!(table["BillingMode"], "PAY_PER_REQUEST");
    assert_eq!(table["DeletionProtectionEnabled"], true);
    assert_eq!(
        table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"],
        true
    );
    let sse = line(&table["SSESpecification"]);
    assert_eq!(
        sse,
        "{KMSMasterKeyId: {Key.Arn}, SSEEnabled: true, SSEType: KMS}"
    );
    let insights = line(&table["ContributorInsightsSpecification"]["Enabled"]);
    assert_eq!(insights, "if(Hardened, true, false)");
}

#[tokio::test]
async fn it_has_the_shape_that_the_code_wants() {
    let table = templates().await.shared.properties("Table");
    let keys = |hash: &str, range: &str| {
        format!(
            "[{{AttributeName: {hash}, KeyType: HASH}}, {{AttributeName: {range}, KeyType: RANGE}}]"
        )
    };
    assert_eq!(
        line(&table["KeySchema"]),
        keys(SCHEMA.partition_key, SCHEMA.sort_key)
    );
    let indexes = table["GlobalSecondaryIndexes"].as_array().expect("indexes");
    let [index] = &indexes[..] else {
        panic!("{indexes:?}");
    };
    assert_eq!(index["IndexName"], SCHEMA.wake_index);
    assert_eq!(
        line(&index["KeySchema"]),
        keys(SCHEMA.wake_partition_key, SCHEMA.wake_sort_key)
    );
    assert_eq!(index["Projection"]["ProjectionType"], "KEYS_ONLY");
    let attributes = [
        SCHEMA.partition_key,
        SCHEMA.sort_key,
        SCHEMA.wake_partition_key,
        SCHEMA.wake_sort_key,
    ]
    .map(|name| format!("{{AttributeName: {name}, AttributeType: S}}"));
    assert_eq!(
        line(&table["AttributeDefinitions"]),
        format!("[{}]", attributes.join(", "))
    );
    let ttl = line(&table["TimeToLiveSpecification"]);
    assert_eq!(
        ttl,
        format!("{{AttributeName: {}, Enabled: true}}", SCHEMA.ttl)
    );
    assert_eq!(
        table["StreamSpecification"]["StreamViewType"],
        SCHEMA.stream
    );
}
