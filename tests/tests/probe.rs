//! The prober against SCIM servers that we did not write. What is asserted of each was seen by
//! plain requests before there was a prober.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::sync::Arc;
use std::time::Duration;

use domain::Profile;
use domain::profile::{FindBy, MemberAdd, MemberRemove, Membership, Operation, Paging, PatchStyle};
use ports::Clock;
use ports::secrets::Secret;
use reqwest::Client;
use serde_json::{Value, json};
use target_scim::probe::{Report, Settings, probe};
use target_scim::{ScimConfig, ScimTarget, Tokens};
use tests::third_party::{Running, ThirdParty};

struct Midnight;

impl Clock for Midnight {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }
}

/// Users and groups by plain requests.
async fn resources(server: &Running, what: &str) -> Vec<Value> {
    let url = format!("{}/{what}?count=100", server.base_url());
    let request = Client::new().get(url).bearer_auth(server.token());
    let answer = request.send().await.expect("an answer");
    let mut list: Value = answer.json().await.expect("JSON");
    serde_json::from_value(list["Resources"].take()).unwrap_or_default()
}

async fn add(server: &Running, what: &str, body: Value) {
    let request = Client::new()
        .post(format!("{}/{what}", server.base_url()))
        .bearer_auth(server.token())
        .header("content-type", "application/scim+json")
        .body(body.to_string());
    let answer = request.send().await.expect("an answer");
    assert_eq!(answer.status(), 201, "{what}");
}

/// Probes a server that holds a person and a group; both are as before when it is over, and nothing
/// else is there.
async fn check(server: ThirdParty) -> Report {
    let server = server.start().await.unwrap_or_else(|e| panic!("{e}"));
    let user = "urn:ietf:params:scim:schemas:core:2.0:User";
    let person = json!({
        "schemas": [user],
        "userName": "ana@example.com",
        "name": { "givenName": "Ana", "familyName": "Souza" },
        "emails": [{ "value": "ana@example.com", "primary": true }],
        "active": true,
    });
    add(&server, "Users", person).await;
    let group = "urn:ietf:params:scim:schemas:core:2.0:Group";
    add(
        &server,
        "Groups",
        json!({ "schemas": [group], "displayName": "staff" }),
    )
    .await;
    let before = (
        resources(&server, "Users").await,
        resources(&server, "Groups").await,
    );
    let config = ScimConfig {
        timeout: Duration::from_secs(20),
        ..ScimConfig::new("theirs", server.base_url(), "token")
    };
    let tokens = Arc::new(Tokens::fixed([Secret::new(server.token())]));
    let target = ScimTarget::new(config, tokens, Arc::new(Midnight)).expect("a target");
    let report = probe(&target, &Settings::new("1a2b3c"), std::future::pending())
        .await
        .expect("settings that fit");
    assert_eq!(report.stopped, None, "{}", shown(&report));
    assert_eq!(report.left, [], "{}", shown(&report));
    let after = (
        resources(&server, "Users").await,
        resources(&server, "Groups").await,
    );
    assert_eq!(after, before, "the server is not as it was");
    assert!(report.requests <= 145, "{} requests", report.requests);
    report
}

fn shown(report: &Report) -> String {
    let lines = report.findings.iter().map(|finding| {
        let (how, note) = (&finding.how, &finding.note);
        format!("{} = {} ({how}) {note}\n", finding.key, finding.value)
    });
    format!("{}{} requests", lines.collect::<String>(), report.requests)
}

fn values(report: &Report, expected: &[(&str, &str)]) {
    for (key, want) in expected {
        let finding = report.finding(key);
        let finding = finding.unwrap_or_else(|| panic!("no finding {key}\n{}", shown(report)));
        assert_eq!(finding.value, *want, "{key}\n{}", shown(report));
    }
}

#[tokio::test]
async fn scim2_server() {
    let report = check(ThirdParty::Scim2Server).await;
    values(
        &report,
        &[
            ("create.unknown_attribute", "refused"),
            ("unique.user_name", "refused as taken"),
            ("unique.user_name_case", "refused as taken"),
            ("unique.external_id", "accepted"),
            ("filter.user_name_case", "works"),
            ("filter.no_match", "finds nothing"),
            ("filter.search", "works"),
            ("patch.path", "works"),
            ("patch.pathless", "works"),
            ("patch.value_path", "works"),
            ("patch.extension_path", "works"),
            ("members.add_twice", "accepted"),
            ("members.remove_filter", "works"),
            ("members.remove_values", "refused"),
            ("members.replace", "replaces"),
            ("delete.name", "free"),
        ],
    );
    let want = Profile {
        etag: true,
        ..Profile::rfc()
    };
    assert_eq!(report.profile, want, "{}", shown(&report));
}

#[tokio::test]
async fn scimmy() {
    let report = check(ThirdParty::Scimmy).await;
    values(
        &report,
        &[
            ("create.unknown_attribute", "dropped"),
            ("unique.user_name", "refused as taken"),
            ("unique.user_name_case", "refused as taken"),
            ("unique.external_id", "accepted"),
            ("filter.user_name_case", "finds nothing"),
            ("patch.path", "works"),
            ("patch.pathless", "works"),
            ("patch.value_path", "works"),
            ("patch.extension_path", "works"),
            ("members.add_twice", "listed twice"),
            ("members.remove_filter", "works"),
            ("members.replace", "replaces"),
            ("members.unknown", "kept"),
        ],
    );
    let profile = &report.profile;
    assert_eq!(profile.find_by, [FindBy::ExternalId, FindBy::UserName]);
    assert_eq!(profile.patch, PatchStyle::Path);
    assert_eq!(profile.member_remove, MemberRemove::Filter);
    assert_eq!(profile.membership, Membership::GroupMembers);
    assert_eq!(profile.paging, Paging::Index);
    assert!(!profile.etag, "it compares no versions");
    assert!(profile.exclude_members);
    assert!(profile.unproven.is_empty(), "{:?}", profile.unproven);
}

#[tokio::test]
async fn django_scim2() {
    let report = check(ThirdParty::DjangoScim2).await;
    values(
        &report,
        &[
            ("create.unknown_attribute", "dropped"),
            ("unique.user_name", "refused as taken"),
            ("unique.user_name_case", "accepted"),
            ("filter.user_name_case", "works"),
            ("patch.path", "works"),
            ("active.path", "blocks and lets in"),
            ("active.pathless", "blocks and lets in"),
            ("members.add_path", "works"),
            ("members.add_twice", "accepted"),
            ("members.remove_filter", "refused"),
            ("members.remove_values", "works"),
            ("members.replace", "refused"),
        ],
    );
    let profile = &report.profile;
    assert_eq!(profile.find_by, [FindBy::ExternalId, FindBy::UserName]);
    assert_eq!(profile.member_add, MemberAdd::Path);
    // The only form that it understands, and it takes one member out and not all.
    assert_eq!(profile.member_remove, MemberRemove::ValueArray);
    // It counts what it finds, so that naming somebody twice in a request is a mistake there.
    assert_eq!(profile.member_chunk, 100);
    assert!(!profile.etag, "it compares no versions");
    assert!(profile.proves(Operation::Disable) && profile.proves(Operation::Revoke));
}
