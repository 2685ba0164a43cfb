//! The adapter against the port's suite and against the model.

use ports::model::suite;
use store_dynamodb::embedded;

#[tokio::test]
async fn the_adapter_keeps_the_contract() {
    suite::store::all(async || embedded::open_in_memory().await.unwrap()).await;
}

#[tokio::test]
async fn the_adapter_keeps_the_contract_of_cases() {
    suite::cases::all(async || embedded::open_in_memory().await.unwrap()).await;
}

#[tokio::test]
async fn the_adapter_equals_the_model_over_random_operations() {
    for seed in 0..1_000 {
        let store = embedded::open_in_memory().await.unwrap();
        // Short ones are cheap and many; long ones reach deeper states.
        let length = if seed % 20 == 0 { 80 } else { 12 };
        suite::sequences::store(&store, seed, length).await;
    }
}
