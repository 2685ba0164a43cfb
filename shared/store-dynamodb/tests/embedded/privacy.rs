//! Personal data stays inside items: never in a key, never in a fault.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_runtime_api::client::http::http_client_fn;
use ports::store::{Claim, ClaimKey};
use ports::{Fault, Store};
use store_dynamodb::{DynamoStore, embedded};

use crate::{ack, commit, delivery, fact, identity, record};

/// The SDK's own client of the store's engine, past the adapter.
fn sdk(store: &DynamoStore) -> Client {
    let connector = store.client().config().connector();
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::from_static("local"))
        .endpoint_url("http://dynamodb.embedded")
        .credentials_provider(Credentials::new("a", "b", None, None, "test"))
        .http_client(http_client_fn(move |_, _| connector.clone()));
    Client::from_conf(config.build())
}

#[tokio::test]
async fn keys_hold_no_personal_data() {
    let store = embedded::open_in_memory().await.unwrap();
    let post = delivery("MARKER-event");
    store
        .accept(&post, &[fact(1, "MARKER-event")])
        .await
        .unwrap();
    let mut founding = commit(1, None, 1, &["a"]);
    founding.links = vec![record(2)];
    founding.claims = [true, false]
        .map(|exclusive| Claim {
            key: ClaimKey {
                namespace: "work_email".into(),
                value: domain::Hash::of(b"MARKER-mail"),
            },
            exclusive,
        })
        .into();
    store.commit(&founding).await.unwrap();
    store.ack(&ack(1, "a", None, 1)).await.unwrap();

    let all = sdk(&store)
        .scan()
        .table_name(store.table())
        .send()
        .await
        .unwrap();
    assert_eq!(
        all.items().len(),
        6,
        "post, fact, identity, link, two claims"
    );
    let mut packed = 0;
    for (attribute, value) in all.items().iter().flatten() {
        assert!(!format!("{value:?}").contains("MARKER"), "{attribute}");
        packed += usize::from(value.is_b());
    }
    assert_eq!(packed, 3, "fact, plan and account, where it belongs");
    let dossier = store.dossier(&record(1)).await.unwrap();
    assert!(
        serde_json::to_string(&dossier.facts)
            .unwrap()
            .contains("MARKER")
    );
}

#[tokio::test]
async fn a_damaged_item_is_rejected_without_being_quoted() {
    let store = embedded::open_in_memory().await.unwrap();
    store.accept(&delivery("e"), &[fact(1, "e")]).await.unwrap();
    store.commit(&commit(1, None, 1, &[])).await.unwrap();
    store.ack(&ack(1, "a", None, 1)).await.unwrap();
    let all = sdk(&store)
        .scan()
        .table_name(store.table())
        .send()
        .await
        .unwrap();
    for attribute in ["plan", "c_a", "o", "fact"] {
        let intact = all.items().iter().find(|item| item.contains_key(attribute));
        let mut item = intact.unwrap().clone();
        let damage = r#"{"MARKER-name": "MARKER-name"}"#.to_owned();
        item.insert(
            attribute.to_owned(),
            aws_sdk_dynamodb::types::AttributeValue::S(damage),
        );
        let put = |item| {
            let put = sdk(&store).put_item().table_name(store.table());
            put.set_item(Some(item)).send()
        };
        put(item).await.unwrap();
        let fault = store.dossier(&record(1)).await.unwrap_err();
        assert!(
            matches!(fault, Fault::Reject { .. }),
            "{attribute}: {fault}"
        );
        let said = format!("{fault} {fault:?}");
        assert!(
            said.contains(attribute) && !said.contains("MARKER"),
            "{said}"
        );
        put(intact.unwrap().clone()).await.unwrap();
    }
    assert!(store.dossier(&record(1)).await.is_ok());
    let (seat, _) = store.seat(&identity(1), &"a".into()).await.unwrap();
    assert!(seat.is_some());
}

#[tokio::test]
async fn a_cursor_that_is_not_ours_is_rejected() {
    let store = embedded::open_in_memory().await.unwrap();
    let segment = ports::store::Segment { index: 0, of: 1 };
    let fault = store
        .scan(
            segment,
            ports::store::Reading::Latest,
            Some("MARKER-cursor"),
        )
        .await
        .unwrap_err();
    assert!(matches!(fault, Fault::Reject { .. }));
    assert!(!format!("{fault:?}").contains("MARKER"));
}

#[tokio::test]
async fn an_item_that_is_too_large_is_rejected() {
    let store = embedded::open_in_memory().await.unwrap();
    let mut heavy = commit(1, None, 1, &[]);
    // Nothing that could be written shorter.
    let digests = (0..20_000_u64).map(|n| domain::Hash::of(&n.to_be_bytes()));
    let name = digests.fold(String::from("MARKER"), |name, digest| {
        name + &digest.to_string()
    });
    let name = name.into_boxed_str();
    heavy
        .record
        .identifiers
        .insert("user_name".into(), domain::Pii::new(name));
    let fault = store.commit(&heavy).await.unwrap_err();
    assert!(matches!(fault, Fault::Reject { .. }), "{fault}");
    assert!(!format!("{fault:?}").contains("MARKER"));
}
