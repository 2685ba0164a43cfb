//! Paging without faults.

use scim_target::{Options, Paging};

use crate::harness::Fixture;

async fn five() -> Fixture {
    Fixture::of(&["a", "b", "c", "d", "e"]).await
}

#[tokio::test]
async fn index_pages_start_at_one() {
    let fixture = five().await;
    let cases: &[(&str, &[&str], u64)] = &[
        ("", &["a", "b", "c", "d", "e"], 1),
        ("?startIndex=1&count=2", &["a", "b"], 1),
        ("?startIndex=0&count=2", &["a", "b"], 1),
        ("?startIndex=-3&count=2", &["a", "b"], 1),
        ("?startIndex=5&count=2", &["e"], 5),
        ("?startIndex=6&count=2", &[], 6),
        ("?count=0", &[], 1),
        ("?count=-1", &[], 1),
        ("?startIndex=4", &["d", "e"], 4),
    ];
    for (query, names, start) in cases {
        let page = fixture.get(&format!("/Users{query}")).await.is(200);
        assert_eq!(page.names(), *names, "{query}");
        assert_eq!(page.json["totalResults"], 5, "{query}");
        assert_eq!(page.json["startIndex"], *start, "{query}");
        assert_eq!(page.json["itemsPerPage"], names.len(), "{query}");
    }
    fixture
        .get("/Users?count=x")
        .await
        .refuses(400, "invalidCount");
}

#[tokio::test]
async fn the_server_bounds_the_page() {
    let options = Options {
        default_page: 2,
        max_page: 3,
        ..Options::default()
    };
    let fixture = Fixture::with(options).await;
    fixture.seed(&["a", "b", "c", "d", "e"]);
    assert_eq!(fixture.get("/Users").await.names(), ["a", "b"]);
    assert_eq!(
        fixture.get("/Users?count=99").await.names(),
        ["a", "b", "c"]
    );
}

async fn walk(fixture: &Fixture, path: &str) -> Vec<Vec<String>> {
    let mut pages = Vec::new();
    let mut cursor = Some(String::new());
    while let Some(sent) = cursor {
        let page = fixture.get(&format!("{path}&cursor={sent}")).await.is(200);
        assert!(page.json.get("startIndex").is_none());
        pages.push(page.names());
        cursor = page.json["nextCursor"].as_str().map(str::to_owned);
    }
    pages
}

#[tokio::test]
async fn cursor_pages_cover_everyone_once() {
    let fixture = five().await;
    let pages = walk(&fixture, "/Users?count=2").await;
    assert_eq!(pages, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    let pages = walk(&fixture, "/Users?count=5").await;
    assert_eq!(pages.len(), 1, "a full last page has no next cursor");
    let pages = walk(&fixture, "/Users?count=1&filter=userName%20gt%20%22c%22").await;
    assert_eq!(pages, [["d"], ["e"]]);
}

#[tokio::test]
async fn cursor_pages_hold_still_when_someone_leaves() {
    let fixture = five().await;
    let first = fixture.get("/Users?count=2&cursor").await;
    let next = first.json["nextCursor"].as_str().unwrap();
    fixture.target.delete_user(&fixture.id("a"));
    assert_eq!(
        fixture
            .get(&format!("/Users?count=2&cursor={next}"))
            .await
            .names(),
        ["c", "d"]
    );
    // Index pages do not: the same change makes them skip `c`.
    let fixture = five().await;
    assert_eq!(fixture.get("/Users?count=2").await.names(), ["a", "b"]);
    fixture.target.delete_user(&fixture.id("a"));
    assert_eq!(
        fixture.get("/Users?count=2&startIndex=3").await.names(),
        ["d", "e"]
    );
}

#[tokio::test]
async fn cursors_that_are_not_ours_are_refused() {
    let fixture = five().await;
    fixture
        .get("/Users?cursor=zz")
        .await
        .refuses(400, "invalidCursor");
    fixture
        .get("/Users?cursor&count=0")
        .await
        .refuses(400, "invalidCount");
}

#[tokio::test]
async fn the_paging_method_can_be_fixed() {
    let fixture = five().await;
    fixture.target.set_paging(Paging::CursorOnly);
    let page = fixture.get("/Users?startIndex=4&count=2").await;
    assert_eq!(page.names(), ["a", "b"]);
    assert!(page.json["nextCursor"].is_string());
    let config = fixture.get("/ServiceProviderConfig").await.json;
    assert_eq!(config["pagination"]["index"], false);
    fixture.target.set_paging(Paging::IndexOnly);
    let page = fixture.get("/Users?cursor&startIndex=4&count=2").await;
    assert_eq!(page.names(), ["d", "e"]);
    assert!(page.json.get("nextCursor").is_none());
}

#[tokio::test]
async fn cursor_pages_may_leave_the_total_out() {
    let options = Options {
        cursor_total: false,
        ..Options::default()
    };
    let fixture = Fixture::with(options).await;
    fixture.seed(&["a"]);
    assert!(
        fixture
            .get("/Users?cursor")
            .await
            .json
            .get("totalResults")
            .is_none()
    );
    assert_eq!(fixture.get("/Users").await.json["totalResults"], 1);
}
