//! The prober against SCIM servers that we did not write. What is asserted of each was seen by
//! plain requests before there was a prober.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use domain::Profile;
use domain::profile::{FindBy, MemberAdd, MemberRemove, Membership, Operation, Paging, PatchStyle};
use reqwest::Client;
use serde_json::{Value, json};
use target_scim::probe::Report;
use tests::found::{self, probed, shown};
use tests::third_party::{Running, ThirdParty, Variant};
use tests::world::{Address, Raw};

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
    let raw = Raw::new(Address::new(server.base_url(), server.token()));
    let before = (raw.users().await, raw.groups().await);
    let address = Address::new(server.base_url(), server.token());
    let report = probed(&address, &found::settings()).await;
    assert_eq!(report.left, [], "{}", shown(&report));
    let after = (raw.users().await, raw.groups().await);
    assert_eq!(after, before, "the server is not as it was");
    assert!(report.requests <= 145, "{} requests", report.requests);
    report
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

async fn variant(variant: Variant) -> Report {
    check(ThirdParty::Scim2ServerWith(variant)).await
}

#[tokio::test]
async fn scim2_server_with_cursor_pages() {
    let report = variant(Variant::CursorPages).await;
    let want = Profile {
        paging: Paging::Cursor,
        page_size: 4,
        etag: true,
        ..Profile::rfc()
    };
    assert_eq!(report.profile, want, "{}", shown(&report));
    values(&report, &[("paging.index", "does not work")]);
}

#[tokio::test]
async fn scim2_server_with_small_pages() {
    let report = variant(Variant::SmallPages).await;
    let want = Profile {
        page_size: 3,
        etag: true,
        ..Profile::rfc()
    };
    assert_eq!(report.profile, want, "{}", shown(&report));
}

#[tokio::test]
async fn scim2_server_without_filter() {
    let report = variant(Variant::NoFilter).await;
    let want = Profile {
        find_by: Vec::new(),
        etag: true,
        unproven: [Operation::Create, Operation::Grant, Operation::Revoke].into(),
        ..Profile::rfc()
    };
    assert_eq!(report.profile, want, "{}", shown(&report));
    values(&report, &[("group.by_name", "refused")]);
}

#[tokio::test]
async fn scim2_server_without_patch() {
    let report = variant(Variant::NoPatch).await;
    let want = Profile {
        patch: PatchStyle::Put,
        member_add: MemberAdd::Put,
        member_remove: MemberRemove::Put,
        ..Profile::rfc()
    };
    assert_eq!(report.profile, want, "{}", shown(&report));
    values(
        &report,
        &[("put.disable", "works"), ("put.not_mentioned", "cleared")],
    );
}
