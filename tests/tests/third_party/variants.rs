//! scim2-server with a feature switched off, or paging in another way. What is left out is either
//! done in another way that the probe finds, or not proven, and then not sent.

use std::collections::BTreeSet;

use contract::report::Class;
use domain::profile::{MemberAdd, MemberRemove, Operation, Paging, PatchStyle};
use tests::third_party::Variant;

use super::*;

#[tokio::test]
async fn cursor_pages_live_and_are_mended() {
    let server = ThirdParty::Scim2ServerWith(Variant::CursorPages);
    let profile = people_come_and_go(server).await;
    assert_eq!(profile.paging, Paging::Cursor);
    assert_eq!(nights(server).await, profile);
}

#[tokio::test]
async fn small_pages_live_and_are_mended() {
    let server = ThirdParty::Scim2ServerWith(Variant::SmallPages);
    let profile = people_come_and_go(server).await;
    assert_eq!((profile.paging, profile.page_size), (Paging::Index, 3));
    assert_eq!(nights(server).await, profile);
}

/// A target that has never shown a member may be one that hides them, and what is sent back whole
/// would take them all out: the person waits for a human, and the others of the account go on.
#[tokio::test]
async fn without_patch_the_first_member_is_put_in_by_hand() {
    let server = ThirdParty::Scim2ServerWith(Variant::NoPatch);
    let mut site = Site::open(server).await;
    let founders = site.scim.members("founders").await;
    site.scim.remove_member("founders", &founders[0]).await;
    site.world
        .hr(Says::hires("E1", ANA, "Finance", "2026-03-02"))
        .await;
    assert!(site.active("E1").await);
    assert_eq!(site.groups("E1").await, [""; 0]);
    let why = site.parked("E1").await.expect("a reason");
    assert!(
        why.contains("put one member into some group by hand"),
        "{why}"
    );

    let founder = json!({ "userName": "founder", "active": true });
    let founder = site.scim.add_user(founder).await;
    site.scim.add_member("founders", &founder).await;
    site.world.pass(SignedDuration::from_hours(24)).await;
    let night = site.world.night().await;
    assert_eq!(
        site.parked("E1").await,
        None,
        "{:?}",
        night.manifest.summary
    );
    assert_eq!(site.groups("E1").await, ["payables", "staff"]);
    assert_eq!(site.scim.groups_of(&founder).await, ["founders"]);
}

/// Everything is done by PUT: attributes, blocks, and members in both directions.
#[tokio::test]
async fn without_patch_people_live_and_are_mended() {
    let server = ThirdParty::Scim2ServerWith(Variant::NoPatch);
    let profile = people_come_and_go(server).await;
    assert_eq!(profile.patch, PatchStyle::Put);
    assert_eq!(profile.member_add, MemberAdd::Put);
    assert_eq!(profile.member_remove, MemberRemove::Put);
    assert!(profile.unproven.is_empty(), "{:?}", profile.unproven);
    assert_eq!(nights(server).await, profile);
}

/// Nobody can ask there whether an account exists, nor where a group is. Each person waits with the
/// reason, and the nightly run still reads everything and reports it.
#[tokio::test]
async fn nobody_is_made_where_nobody_can_look_and_the_night_still_reads_all() {
    let server = ThirdParty::Scim2ServerWith(Variant::NoFilter);
    let mut site = Site::open(server).await;
    let unproven = [Operation::Create, Operation::Grant, Operation::Revoke];
    assert_eq!(site.profile.unproven, BTreeSet::from(unproven));
    assert_eq!(site.profile.find_by, []);
    let ghost = json!({ "userName": "ghost", "active": true });
    let ghost = site.scim.add_user(ghost).await;
    site.scim.add_member("staff", &ghost).await;
    let everything = site.everything().await;

    site.world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    let why = site.parked("E1").await.expect("a reason");
    assert_eq!(
        why,
        "the profile does not prove `create`; run `lanyard probe`, or say in the profile that it works"
    );
    let leaver = Says::about("E1")
        .that("worker_status", "terminated")
        .that("end_date", "2026-03-02")
        .that("end_mode", "now");
    site.world.hr(leaver).await;
    assert_eq!(site.everything().await, everything, "nothing was sent");
    let seat = site.world.seat("E1").await.expect("an item");
    assert!(seat.owed.is_empty(), "nothing runs round in circles");

    for _ in 0..2 {
        let night = site.world.night().await;
        let dir = &night.manifest.summary.targets[&TargetId::from("dir")];
        assert_eq!(dir.users.as_ref().map(|proof| proof.received), Ok(1));
        assert_eq!(dir.groups.as_ref().map(|proof| proof.received), Ok(4));
        assert_eq!(dir.findings.get(&Class::O3), Some(&1), "{:?}", dir.findings);
        assert_eq!(site.everything().await, everything);
    }
}
