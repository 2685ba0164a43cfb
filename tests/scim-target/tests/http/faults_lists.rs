//! Faults of filters and lists.

use scim_target::{Fault, FaultKind, Options, Paging};
use serde_json::json;

use crate::harness::Fixture;

async fn five() -> Fixture {
    Fixture::of(&["a", "b", "c", "d", "e"]).await
}

#[tokio::test]
async fn filters_are_refused() {
    let fixture = five().await;
    fixture.fault(Fault::FilterUnsupported);
    fixture.get("/Users").await.is(200);
    assert_eq!(fixture.fired_kind(FaultKind::FilterUnsupported), 0);
    fixture
        .filter("/Users", "userName eq \"a\"")
        .await
        .refuses(400, "invalidFilter");
    assert_eq!(fixture.fired_kind(FaultKind::FilterUnsupported), 1);
}

#[tokio::test]
async fn filters_are_ignored() {
    let fixture = five().await;
    fixture.fault(Fault::FilterIgnored);
    let found = fixture.filter("/Users", "userName eq \"a\"").await.is(200);
    assert_eq!(found.names().len(), 5);
    assert_eq!(fixture.fired_kind(FaultKind::FilterIgnored), 1);
}

#[tokio::test]
async fn pages_are_short() {
    let fixture = five().await;
    fixture.fault(Fault::ShortPages { max: 2 });
    let page = fixture.get("/Users?count=4").await;
    assert_eq!(page.names(), ["a", "b"]);
    assert_eq!(page.json["totalResults"], 5);
    assert_eq!(page.json["itemsPerPage"], 2);
    assert_eq!(
        fixture.get("/Users?count=4&startIndex=3").await.names(),
        ["c", "d"]
    );
    assert_eq!(fixture.fired_kind(FaultKind::ShortPages), 2);
    assert_eq!(
        fixture.get("/Users?count=4&startIndex=5").await.names(),
        ["e"]
    );
    assert_eq!(fixture.fired_kind(FaultKind::ShortPages), 2);
    // By cursor, nobody is lost.
    let page = fixture.get("/Users?cursor&count=4").await;
    let next = page.json["nextCursor"].as_str().unwrap();
    assert_eq!(
        fixture
            .get(&format!("/Users?cursor={next}&count=4"))
            .await
            .names(),
        ["c", "d"]
    );
}

#[tokio::test]
async fn an_empty_page_has_a_next_cursor() {
    let fixture = five().await;
    fixture.fault(Fault::EmptyPageWithCursor);
    let page = fixture.get("/Users?cursor&count=9").await;
    assert!(page.names().is_empty());
    let next = page.json["nextCursor"].as_str().unwrap();
    assert_eq!(
        fixture
            .get(&format!("/Users?cursor={next}"))
            .await
            .names()
            .len(),
        5
    );
    assert_eq!(fixture.fired_kind(FaultKind::EmptyPageWithCursor), 1);
}

#[tokio::test]
async fn a_cursor_expires() {
    let fixture = five().await;
    fixture.fault(Fault::ExpiredCursor.once());
    let page = fixture.get("/Users?cursor&count=2").await;
    let path = format!(
        "/Users?count=2&cursor={}",
        page.json["nextCursor"].as_str().unwrap()
    );
    fixture.get(&path).await.refuses(400, "expiredCursor");
    assert_eq!(fixture.fired_kind(FaultKind::ExpiredCursor), 1);
    assert_eq!(fixture.get(&path).await.names(), ["c", "d"]);
}

#[tokio::test]
async fn a_cursor_repeats() {
    let fixture = five().await;
    fixture.fault(Fault::RepeatedCursor);
    let page = fixture.get("/Users?cursor&count=2").await;
    let first = page.json["nextCursor"].as_str().unwrap();
    let page = fixture.get(&format!("/Users?count=2&cursor={first}")).await;
    assert_eq!(page.json["nextCursor"], first);
    assert_eq!(fixture.fired_kind(FaultKind::RepeatedCursor), 1);
}

#[tokio::test]
async fn there_is_no_paging_at_all() {
    let fixture = five().await;
    fixture.fault(Fault::NoPaging);
    for query in ["?startIndex=3&count=1", "?cursor&count=1"] {
        let page = fixture.get(&format!("/Users{query}")).await;
        assert_eq!(page.names().len(), 5);
        assert!(page.json.get("nextCursor").is_none());
    }
    assert_eq!(fixture.fired_kind(FaultKind::NoPaging), 2);
}

#[tokio::test]
async fn one_page_fails() {
    let fixture = five().await;
    fixture.fault(
        Fault::PageError {
            page: 2,
            status: 503,
        }
        .once(),
    );
    fixture.get("/Users?count=2").await.is(200);
    fixture
        .get("/Users?count=2&startIndex=3")
        .await
        .refuses(503, "");
    fixture.get("/Users?count=2&startIndex=5").await.is(200);
    assert_eq!(fixture.fired_kind(FaultKind::PageError), 1);
    fixture.fault(Fault::PageError {
        page: 3,
        status: 500,
    });
    let page = fixture.get("/Users?count=2&cursor").await;
    let next = page.json["nextCursor"].as_str().unwrap();
    let page = fixture
        .get(&format!("/Users?count=2&cursor={next}"))
        .await
        .is(200);
    let next = page.json["nextCursor"].as_str().unwrap();
    fixture
        .get(&format!("/Users?count=2&cursor={next}"))
        .await
        .refuses(500, "");
    assert_eq!(fixture.fired_kind(FaultKind::PageError), 2);
}

#[tokio::test]
async fn a_list_is_empty_with_success() {
    let fixture = five().await;
    fixture.fault(Fault::EmptyList.always().path("/Users"));
    let page = fixture.get("/Users").await.is(200);
    assert_eq!(page.json["totalResults"], 0);
    assert_eq!(page.json["Resources"], json!([]));
    fixture.get("/Groups").await.is(200);
    assert_eq!(fixture.fired_kind(FaultKind::EmptyList), 1);
}

#[tokio::test]
async fn a_list_delivers_less_than_its_total() {
    let fixture = five().await;
    fixture.fault(Fault::TruncatedList { deliver: 3 });
    assert_eq!(fixture.get("/Users?count=2").await.names(), ["a", "b"]);
    assert_eq!(fixture.fired_kind(FaultKind::TruncatedList), 0);
    let page = fixture.get("/Users?count=2&startIndex=3").await.is(200);
    assert_eq!(page.names(), ["c"]);
    assert_eq!(page.json["totalResults"], 5);
    assert!(
        fixture
            .get("/Users?count=2&startIndex=4")
            .await
            .names()
            .is_empty()
    );
    assert_eq!(fixture.fired_kind(FaultKind::TruncatedList), 2);
    let page = fixture.get("/Users?cursor&count=9").await;
    assert_eq!(page.names(), ["a", "b", "c"]);
    assert!(page.json.get("nextCursor").is_none());
}

#[tokio::test]
async fn groups_are_listed_without_members() {
    let fixture = five().await;
    let id = fixture.group("staff", &["a"]);
    fixture.fault(Fault::ListWithoutMembers);
    let listed = fixture.get("/Groups").await;
    assert!(listed.json["Resources"][0].get("members").is_none());
    assert_eq!(fixture.fired_kind(FaultKind::ListWithoutMembers), 1);
    assert!(
        fixture
            .get(&format!("/Groups/{id}"))
            .await
            .json
            .get("members")
            .is_some()
    );
}

#[tokio::test]
async fn an_empty_list_has_no_resources() {
    let fixture = five().await;
    fixture.fault(Fault::ResourcesAbsent);
    assert!(fixture.get("/Users").await.json.get("Resources").is_some());
    assert_eq!(fixture.fired_kind(FaultKind::ResourcesAbsent), 0);
    let empty = fixture.filter("/Users", "userName eq \"x\"").await.is(200);
    assert!(empty.json.get("Resources").is_none());
    assert_eq!(fixture.fired_kind(FaultKind::ResourcesAbsent), 1);
}

#[tokio::test]
async fn cursor_faults_work_where_cursors_are_the_only_way() {
    let fixture = Fixture::with(Options {
        paging: Paging::CursorOnly,
        ..Options::default()
    })
    .await;
    fixture.seed(&["a", "b"]);
    fixture.fault(Fault::EmptyPageWithCursor.once());
    assert!(fixture.get("/Users").await.names().is_empty());
    assert_eq!(fixture.get("/Users").await.names(), ["a", "b"]);
}
