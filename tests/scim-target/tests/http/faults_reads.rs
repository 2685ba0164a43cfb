//! Faults of what a client believes that it read or wrote: stale reads, answers that break off, writes that are
//! ignored, pages that repeat, rates.

use jiff::SignedDuration;
use scim_target::{Dialect, Fault, FaultKind, Options};
use serde_json::json;

use crate::harness::{Fixture, patch_body, user};
use crate::steps::{join, mail, person, plus, set};

#[tokio::test]
async fn reads_are_behind_the_last_write() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    fixture.fault(Fault::StaleReads { reads: 2 });
    // Without a write there is no past.
    fixture.get(&path).await.is(200);
    assert_eq!(fixture.fired_kind(FaultKind::StaleReads), 0);
    fixture.patch(&path, set("active", false)).await.is(200);
    assert_eq!(fixture.get(&path).await.json["active"], true);
    // Bo has not changed, so reading Bo is not behind.
    fixture
        .get(&format!("/Users/{}", fixture.id("bo")))
        .await
        .is(200);
    assert_eq!(fixture.fired_kind(FaultKind::StaleReads), 1);
    let list = fixture.filter("/Users", "active eq false").await;
    assert!(list.names().is_empty());
    assert_eq!(fixture.fired_kind(FaultKind::StaleReads), 2);
    assert_eq!(fixture.get(&path).await.json["active"], false);
    // The next write starts anew, whoever is created or deleted.
    let cy = fixture.create("cy").await.is(201).id();
    fixture.get(&format!("/Users/{cy}")).await.refuses(404, "");
    assert_eq!(fixture.get("/Users").await.names(), ["ana", "bo"]);
    assert_eq!(fixture.get("/Users").await.names(), ["ana", "bo", "cy"]);
    fixture.delete(&format!("/Users/{cy}")).await.is(204);
    fixture.get(&format!("/Users/{cy}")).await.is(200);
    assert_eq!(fixture.get("/Users").await.names(), ["ana", "bo", "cy"]);
    fixture.get(&format!("/Users/{cy}")).await.refuses(404, "");
    assert_eq!(fixture.fired_kind(FaultKind::StaleReads), 6);
}

#[tokio::test]
async fn stale_reads_keep_to_their_requests() {
    let fixture = Fixture::of(&["ana"]).await;
    let group = fixture.group("staff", &[]);
    let stale = Fault::StaleReads { reads: 9 };
    fixture.fault(stale.once().method("GET").path("/Groups"));
    let path = format!("/Groups/{group}");
    fixture.patch(&path, join(&fixture.id("ana"))).await.is(204);
    let user = fixture.get(&format!("/Users/{}", fixture.id("ana"))).await;
    assert_eq!(user.json["groups"][0]["display"], "staff");
    assert!(fixture.get(&path).await.json.get("members").is_none());
    assert_eq!(
        fixture.get(&path).await.json["members"][0]["display"],
        "ana"
    );
    assert_eq!(fixture.fired_kind(FaultKind::StaleReads), 1);
}

#[tokio::test]
async fn an_answer_breaks_off() {
    let fixture = Fixture::new().await;
    fixture.fault(Fault::CutBody.times(2));
    // The write has happened, and the head of the answer says so.
    let response = fixture
        .with_body("POST", "/Users", &user("ana"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 201);
    let promised = response.content_length().unwrap();
    let mut response = response;
    let mut came = 0;
    let broken = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => came += chunk.len() as u64,
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken);
    assert_eq!(came, promised / 2);
    assert_eq!(fixture.target.user_count(), 1);
    let list = fixture.try_send(fixture.request("GET", "/Users")).await;
    assert!(list.is_err(), "{list:?}");
    assert_eq!(fixture.fired_kind(FaultKind::CutBody), 2);
    assert_eq!(fixture.target.log()[1].status, Some(200));
    assert_eq!(fixture.get("/Users").await.names(), ["ana"]);
}

#[tokio::test]
async fn an_answer_without_a_body_cannot_break_off() {
    let fixture = Fixture::of(&["ana"]).await;
    fixture.fault(Fault::CutBody);
    fixture
        .delete(&format!("/Users/{}", fixture.id("ana")))
        .await
        .is(204);
    assert_eq!(fixture.fired_kind(FaultKind::CutBody), 0);
}

#[tokio::test]
async fn a_large_answer_breaks_off_too() {
    let fixture = Fixture::new().await;
    for n in 0..900 {
        fixture
            .target
            .insert_user(plus(person(&format!("u-{n}")), mail("u")))
            .unwrap();
    }
    fixture.fault(Fault::CutBody);
    let list = fixture
        .try_send(fixture.request("GET", "/Users?count=900"))
        .await;
    assert!(list.is_err(), "{list:?}");
    assert_eq!(fixture.fired_kind(FaultKind::CutBody), 1);
}

#[tokio::test]
async fn a_patch_succeeds_and_changes_nothing() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    let path = format!("/Users/{}", fixture.id("ana"));
    let group = fixture.group("staff", &["ana"]);
    let staff = format!("/Groups/{group}");
    fixture.fault(Fault::IgnorePatch);
    // Nothing to ignore.
    fixture.patch(&path, set("active", true)).await.is(200);
    fixture
        .patch(&staff, join(&fixture.id("ana")))
        .await
        .is(204);
    assert_eq!(fixture.fired_kind(FaultKind::IgnorePatch), 0);
    let answer = fixture.patch(&path, set("title", "T")).await.is(200);
    assert!(answer.json.get("title").is_none());
    assert_eq!(fixture.fired_kind(FaultKind::IgnorePatch), 1);
    fixture.patch(&staff, join(&fixture.id("bo"))).await.is(204);
    assert_eq!(fixture.fired_kind(FaultKind::IgnorePatch), 2);
    assert_eq!(fixture.members(&group), ["ana"]);
    // What would be refused still is, and PUT works.
    fixture
        .patch(&path, set("shoeSize", "44"))
        .await
        .refuses(400, "invalidPath");
    let mut body = user("ana");
    body["title"] = json!("T");
    fixture.put(&path, body).await.is(200);
    assert_eq!(fixture.get(&path).await.json["title"], "T");
    assert_eq!(fixture.fired_kind(FaultKind::IgnorePatch), 2);
}

#[tokio::test]
async fn a_page_repeats() {
    let fixture = Fixture::of(&["a", "b", "c", "d", "e"]).await;
    fixture.fault(Fault::RepeatedPage.once());
    assert_eq!(fixture.get("/Users?count=2").await.names(), ["a", "b"]);
    assert_eq!(fixture.fired_kind(FaultKind::RepeatedPage), 0);
    let page = fixture.get("/Users?count=2&startIndex=3").await;
    assert_eq!(page.names(), ["a", "b"]);
    assert_eq!(
        (&page.json["startIndex"], &page.json["totalResults"]),
        (&json!(3), &json!(5))
    );
    assert_eq!(fixture.fired_kind(FaultKind::RepeatedPage), 1);
    assert_eq!(
        fixture.get("/Users?count=2&startIndex=3").await.names(),
        ["c", "d"]
    );
}

#[tokio::test]
async fn rates_bind_once_they_are_enforced() {
    let fixture = Fixture::with(Options::of(Dialect::Slack)).await;
    let create = |n: usize| {
        let name = format!("u-{n}");
        fixture.post("/Users", plus(person(&name), mail(&name)))
    };
    // Off, nothing happens: more than the burst of 20.
    for n in 0..25 {
        create(n).await.is(201);
    }
    fixture.fault(Fault::EnforceRates);
    for n in 25..45 {
        create(n).await.is(201);
    }
    assert_eq!(fixture.fired_kind(FaultKind::EnforceRates), 0);
    let refused = create(45).await.is(429);
    // 180 a minute are 3 a second, so that the next is due within a second.
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(fixture.fired_kind(FaultKind::EnforceRates), 1);
    assert_eq!(fixture.target.user_count(), 45);
    // Other requests have rates of their own.
    let path = format!("/Users/{}", fixture.id("u-1@x.org"));
    let body = patch_body(&set("title", "T"));
    fixture
        .send(fixture.with_body("PATCH", &path, &body))
        .await
        .is(200);
    fixture.get("/Users").await.is(200);
    // A refused request does not count, and a second makes room for three.
    let start = Options::default().start_time;
    let later = |seconds| {
        start
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap()
    };
    fixture.target.set_time(later(2));
    for n in 45..48 {
        create(n).await.is(201);
    }
    fixture.target.set_time(later(600));
    for n in 51..71 {
        create(n).await.is(201);
    }
    create(71).await.is(429);
}
