//! ETags: the version that a look-up saw guards the write that follows.

use domain::Change;
use domain::Profile;
use domain::profile::PatchStyle;
use ports::target::{Found, Lookup};
use ports::{Apply, Observe};
use scim_target::{Fault, FaultKind, Options};

use crate::fixture::{Real, id, line, update};

fn profile() -> Profile {
    Profile {
        etag: true,
        ..Profile::rfc()
    }
}

#[tokio::test]
async fn a_write_carries_the_version_that_was_looked_at() {
    let real = Real::with(profile(), Options::default()).await;
    let ana = real.user("ana");
    for lookup in [
        Lookup::Id(&ana),
        Lookup::Key("k-ana"),
        Lookup::UserName("ana"),
    ] {
        assert!(matches!(real.target.find(lookup).await, Ok(Found::One(_))));
        let title = format!("{lookup:?}").len().to_string();
        real.server
            .update_user(ana.as_str(), serde_json::json!({"title": title}))
            .unwrap();
        let boss = update(&[("title", Some("Boss"))]);
        let error = real.target.apply(&boss, Some(&ana)).await;
        assert_eq!(line(&error.unwrap_err()), "changed meanwhile");
        assert_eq!(real.json(&ana)["title"], title);
    }
    // Looked at again, it goes through; and so does the next write, with the version it left.
    real.target.find(Lookup::Id(&ana)).await.unwrap();
    let boss = update(&[("title", Some("Boss"))]);
    real.target.apply(&boss, Some(&ana)).await.unwrap();
    let division = update(&[("displayName", Some("Ana"))]);
    real.target.apply(&division, Some(&ana)).await.unwrap();
    assert_eq!(real.json(&ana)["title"], "Boss");
    assert_eq!(real.json(&ana)["displayName"], "Ana");
}

#[tokio::test]
async fn a_block_goes_through_whatever_was_changed_since_the_look() {
    for patch in [PatchStyle::Path, PatchStyle::Put] {
        let profile = Profile { patch, ..profile() };
        let real = Real::with(profile, Options::default()).await;
        let ana = real.user("ana");
        real.target.find(Lookup::Id(&ana)).await.unwrap();
        real.server
            .update_user(ana.as_str(), serde_json::json!({"title": "Boss"}))
            .unwrap();
        real.target
            .apply(&Change::Disable, Some(&ana))
            .await
            .unwrap();
        assert_eq!(real.json(&ana)["active"], false);
        assert_eq!(real.json(&ana)["title"], "Boss");
    }
}

#[tokio::test]
async fn a_faster_writer_wins() {
    let real = Real::with(profile(), Options::default()).await;
    let ana = real.user("ana");
    real.target.find(Lookup::Id(&ana)).await.unwrap();
    real.fault(Fault::StaleEtag.once());
    let error = real.target.apply(&Change::Delete, Some(&ana)).await;
    assert_eq!(line(&error.unwrap_err()), "changed meanwhile");
    assert_eq!(real.fired(FaultKind::StaleEtag), 1);
    assert!(real.server.user(ana.as_str()).is_some());
}

#[tokio::test]
async fn without_the_profile_no_version_is_sent() {
    let real = Real::new().await;
    let ana = real.user("ana");
    real.fault(Fault::StaleEtag);
    real.target.find(Lookup::Id(&ana)).await.unwrap();
    real.target
        .apply(&Change::Disable, Some(&ana))
        .await
        .unwrap();
    assert_eq!(real.fired(FaultKind::StaleEtag), 0);
    // Nor for an account that was never looked at.
    let real = Real::with(profile(), Options::default()).await;
    real.user("ana");
    let error = real
        .target
        .apply(&Change::Disable, Some(&id("nobody")))
        .await;
    assert_eq!(line(&error.unwrap_err()), "not found");
}
