//! What each event costs in requests.

use ports::Store;
use ports::store::{Acked, Claim, ClaimKey, Committed, Counters};
use store_dynamodb::{DynamoStore, embedded};

use crate::{ack, commit, delivery, fact, identity, record};

async fn open() -> DynamoStore {
    embedded::open_in_memory().await.unwrap()
}

/// Requests since the last call: reads, writes, transactions, refused.
fn spent(store: &DynamoStore, before: &mut Counters) -> [u64; 4] {
    let now = store.requests();
    let spent = [
        now.reads - before.reads,
        now.writes - before.writes,
        now.transactions - before.transactions,
        now.refused - before.refused,
    ];
    *before = now;
    spent
}

#[tokio::test]
async fn an_event_costs_the_floor() {
    let store = open().await;
    let mut before = Counters::default();
    store.accept(&delivery("e"), &[fact(1, "e")]).await.unwrap();
    assert_eq!(spent(&store, &mut before), [0, 0, 1, 0], "accept");
    store.accept(&delivery("e"), &[fact(1, "e")]).await.unwrap();
    assert_eq!(spent(&store, &mut before), [0, 0, 0, 1], "a duplicate");

    store.dossier(&record(1)).await.unwrap();
    let founding = commit(1, None, 1, &["a", "b", "c"]);
    assert_eq!(store.commit(&founding).await.unwrap(), Committed::Done);
    assert_eq!(spent(&store, &mut before), [1, 1, 0, 0], "a planner event");
    assert_eq!(store.commit(&founding).await.unwrap(), Committed::Done);
    assert_eq!(spent(&store, &mut before), [0, 0, 0, 1], "the same again");
    let late = commit(1, None, 2, &[]);
    assert_eq!(store.commit(&late).await.unwrap(), Committed::Stale);
    assert_eq!(spent(&store, &mut before), [0, 0, 0, 1], "a reordered one");

    for target in ["b", "a", "c"] {
        store.seat(&identity(1), &target.into()).await.unwrap();
        let acked = store.ack(&ack(1, target, None, 1)).await.unwrap();
        assert_eq!(acked, Acked::Done);
        assert_eq!(
            spent(&store, &mut before),
            [1, 1, 0, 0],
            "a connector message"
        );
    }

    let mut reserves = commit(1, Some(1), 2, &["a"]);
    reserves.claims = vec![Claim {
        key: ClaimKey {
            namespace: "user_name".into(),
            value: domain::Hash::of(b"ada"),
        },
        exclusive: true,
    }];
    assert_eq!(store.commit(&reserves).await.unwrap(), Committed::Done);
    assert_eq!(spent(&store, &mut before), [0, 0, 1, 0], "a reservation");
}

/// All connectors read before any of them writes: in one process the readings are kept up to
/// date, so that every acknowledgement is still one write.
#[tokio::test]
async fn overlapping_acknowledgements_of_one_process_cost_one_write_each() {
    let store = open().await;
    store
        .commit(&commit(1, None, 1, &["a", "b", "c"]))
        .await
        .unwrap();
    for target in ["a", "b", "c"] {
        store.seat(&identity(1), &target.into()).await.unwrap();
    }
    let mut before = store.requests();
    for target in ["a", "b", "c"] {
        store.ack(&ack(1, target, None, 1)).await.unwrap();
    }
    assert_eq!(spent(&store, &mut before), [0, 3, 0, 0]);
}

/// Connectors in other processes: whoever guesses wrong is told by the refusal, and what is
/// written is right.
#[tokio::test]
async fn a_wrong_guess_costs_one_refused_write_and_nothing_else() {
    let one = open().await;
    let other = DynamoStore::new(one.client().config(), one.table());
    let mut founding = commit(1, None, 1, &["a", "b"]);
    founding.wake_at = Some(jiff::Timestamp::UNIX_EPOCH);
    one.commit(&founding).await.unwrap();
    one.seat(&identity(1), &"a".into()).await.unwrap();
    other.seat(&identity(1), &"b".into()).await.unwrap();
    one.ack(&ack(1, "a", None, 1)).await.unwrap();
    let mut before = other.requests();
    // It believes that `a` is still owed.
    other.ack(&ack(1, "b", None, 1)).await.unwrap();
    assert_eq!(spent(&other, &mut before), [0, 1, 0, 1]);
    let (seat, _) = one.seat(&identity(1), &"a".into()).await.unwrap();
    let seat = seat.unwrap();
    assert!(seat.owed.is_empty());
    assert_eq!(seat.wake_at, None);
    assert_eq!(seat.accounts.len(), 2);
}
