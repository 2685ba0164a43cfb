//! Each server starts, keeps a user, finds it, and is gone afterwards.

use std::path::Path;

use reqwest::Client;
use serde_json::{Value, json};

use super::install::{Recipe, install_into, root};
use super::process::pause;
use super::{PRISM_ERROR, Running, ThirdParty, ThirdPartyError};

async fn list(server: &Running, filter: &str) -> Value {
    let url = format!("{}/Users?filter={filter}", server.base_url());
    let answer = Client::new()
        .get(url)
        .bearer_auth(server.token())
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{}", answer.status());
    answer.json().await.unwrap()
}

async fn check(server: ThirdParty) {
    let running = server.start().await.unwrap_or_else(|e| panic!("{e}"));
    let client = Client::new();
    let users = format!("{}/Users", running.base_url());
    let refused = client
        .get(&users)
        .bearer_auth("wrong")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": "ana@example.com",
        "name": { "givenName": "Ana", "familyName": "Souza" },
        "emails": [{ "value": "ana@example.com", "primary": true }],
        "active": true,
    });
    let created = client
        .post(&users)
        .bearer_auth(running.token())
        .header("content-type", "application/scim+json")
        .body(user.to_string())
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 201, "{}", created.text().await.unwrap());
    let found = list(&running, "userName%20eq%20%22ana%40example.com%22").await;
    assert_eq!(found["totalResults"], 1);
    assert_eq!(found["Resources"][0]["userName"], "ana@example.com");
    let nobody = list(&running, "userName%20eq%20%22bo%40example.com%22").await;
    assert_eq!(nobody["totalResults"], 0);

    let (id, scratch) = (running.process_id(), running.server.scratch().to_owned());
    assert!(group_lives(id) && scratch.exists());
    running.stop();
    for _ in 0..50 {
        if !group_lives(id) {
            break;
        }
        // Only the leader is waited for; the others die of the same signal, in their own time.
        pause().await;
    }
    assert!(!group_lives(id), "a process of group {id} is left");
    assert!(!scratch.exists());
    assert!(client.get(&users).send().await.is_err());
}

/// Whether any process of the group is more than a zombie.
fn group_lives(group: u32) -> bool {
    std::fs::read_dir("/proc").unwrap().filter_map(Result::ok).any(|entry| {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // `pid (name) state parent group ...`; the name may hold spaces and brackets.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        matches!(fields.as_slice(), [state, _, of, ..] if *state != "Z" && *of == group.to_string())
    })
}

#[tokio::test]
async fn scim2_server_serves_and_stops() {
    check(ThirdParty::Scim2Server).await;
}

#[tokio::test]
async fn scimmy_serves_and_stops() {
    check(ThirdParty::Scimmy).await;
}

#[tokio::test]
async fn django_scim2_serves_and_stops() {
    check(ThirdParty::DjangoScim2).await;
}

#[tokio::test]
async fn prism_refuses_and_stops() {
    // Nothing listens there, and nothing has to: the request is refused before it is passed on.
    let running = ThirdParty::prism("http://127.0.0.1:9/v1.0").await;
    let running = running.unwrap_or_else(|e| panic!("{e}"));
    let url = format!("{}/users?$top=many", running.base_url());
    let refused = Client::new().get(&url).send().await.unwrap();
    assert_eq!(refused.status(), 422);
    assert!(refused.text().await.unwrap().contains(PRISM_ERROR));
    running.stop();
    assert!(Client::new().get(&url).send().await.is_err());
}

#[tokio::test]
async fn prism_says_that_it_needs_an_upstream() {
    let error = ThirdParty::Prism.start().await.unwrap_err();
    assert!(matches!(error, ThirdPartyError::Start { .. }));
    assert!(error.to_string().contains("upstream"), "{error}");
}

#[tokio::test]
async fn two_of_a_kind_share_nothing() {
    let (one, two) =
        tokio::try_join!(ThirdParty::scim2_server(), ThirdParty::scim2_server()).unwrap();
    assert_ne!(one.base_url(), two.base_url());
    assert_ne!(one.token(), two.token());
    let url = format!("{}/Users", one.base_url());
    let refused = Client::new()
        .get(url)
        .bearer_auth(two.token())
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);
}

#[test]
fn a_failed_installation_says_why_and_is_tried_again() {
    const BROKEN: Recipe = Recipe::failing(&[&["sh", "-c", "echo no such version >&2; exit 3"]]);
    const MISSING: Recipe = Recipe::failing(&[&["no-such-program"]]);
    let root = root().join("run/failing");
    let attempt = |recipe: Recipe| install_into(ThirdParty::Scimmy, recipe, &root).unwrap_err();
    for _ in 0..2 {
        let error = attempt(BROKEN);
        assert!(matches!(error, ThirdPartyError::Install { .. }));
        let text = error.to_string();
        assert!(
            text.contains("no such version") && text.contains("exit status: 3"),
            "{text}"
        );
    }
    assert!(attempt(MISSING).to_string().contains("no-such-program"));
    super::install::remove(Path::new(&root)).unwrap();
}
