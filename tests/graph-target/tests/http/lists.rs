//! Lists, filters and pages.

use graph_target::{Fault, FaultKind, Options, Refusal};
use serde_json::json;

use crate::harness::{Answer, Fixture, encoded, upn};

/// Follows next links. Answers the ids, and the number of pages.
async fn all(fixture: &Fixture, path: &str) -> (Vec<String>, usize) {
    let (mut ids, mut pages) = (Vec::new(), 0);
    let mut next = Some(path.to_owned());
    while let Some(path) = next {
        let page = fixture.get(&path).await.is(200);
        ids.extend(page.all("id"));
        pages += 1;
        next = page.json["@odata.nextLink"].as_str().map(str::to_owned);
    }
    (ids, pages)
}

async fn crowd(size: usize) -> Fixture {
    let fixture = Fixture::new().await;
    for number in 0..size {
        fixture.seed(&format!("u{number}"));
    }
    fixture
}

#[tokio::test]
async fn pages_hold_everybody_once() {
    let fixture = crowd(25).await;
    let mut expected: Vec<_> = fixture.target.users().into_iter().map(|u| u.id).collect();
    expected.sort();
    for (path, pages) in [
        ("/users?$select=id&$top=10", 3),
        ("/users?$select=id&$top=25", 1),
        ("/users", 1),
        ("/users?$top=999", 1),
    ] {
        assert_eq!(
            all(&fixture, path).await,
            (expected.clone(), pages),
            "{path}"
        );
    }
    for top in ["0", "1000", "ten"] {
        let refused = fixture.get(&format!("/users?$top={top}")).await;
        refused.refuses(400, "Request_UnsupportedQuery");
    }
    let refused = fixture.get("/users?$skiptoken=nonsense").await;
    refused.refuses(400, "Directory_ExpiredPageToken");
    let small = Options {
        default_page: 2,
        ..Options::default()
    };
    let fixture = Fixture::with(small).await;
    for name in ["a1", "a2", "a3"] {
        fixture.seed(name);
    }
    assert_eq!(all(&fixture, "/users?$select=displayName").await.1, 2);
}

#[tokio::test]
async fn filters_find_by_key() {
    let fixture = Fixture::of(&["ana", "o'neil"]).await;
    let set = json!({
        "onPremisesImmutableId": "im1", "mail": "ana@mail.com", "displayName": "Ana",
        "onPremisesExtensionAttributes": { "extensionAttribute15": "k" },
    });
    fixture.target.update_user(&upn("ana"), set).unwrap();
    let (ana, neil) = (fixture.id("ana"), fixture.id("o'neil"));
    for (filter, found) in [
        (format!("id eq '{ana}'"), &ana),
        ("employeeId eq 'E-ana'".to_owned(), &ana),
        ("userPrincipalName eq 'ANA@contoso.com'".to_owned(), &ana),
        ("mail eq 'ana@mail.com'".to_owned(), &ana),
        ("displayName eq 'ana'".to_owned(), &ana),
        ("employeeId eq 'E-o''neil'".to_owned(), &neil),
        (
            "accountEnabled eq true and employeeId eq 'E-ana'".to_owned(),
            &ana,
        ),
    ] {
        let answer = fixture.filter("/users", &filter).await.is(200);
        assert_eq!(answer.all("id"), [found.as_str()], "{filter}");
    }
    let none = fixture
        .filter("/users", "employeeId eq 'E-x'")
        .await
        .is(200);
    assert!(none.all("id").is_empty());
    let broken = fixture.filter("/users", "employeeId eq 'E-o'neil'").await;
    broken.refuses(400, "BadRequest");
    for filter in [
        "onPremisesImmutableId eq 'im1'",
        "onPremisesExtensionAttributes/extensionAttribute15 eq 'k'",
    ] {
        let plain = fixture.filter("/users", filter).await;
        plain.refuses(400, "Request_UnsupportedQuery");
        let path = format!("/users?$filter={}&$count=true", encoded(filter));
        let eventual = |path: &str| {
            let request = fixture.request("GET", path);
            fixture.send(request.header("ConsistencyLevel", "eventual"))
        };
        let answer = eventual(&path).await.is(200);
        assert_eq!(answer.all("id"), [ana.as_str()], "{filter}");
        let expanded = eventual(&format!("{path}&$expand=manager($select=id)")).await;
        expanded.refuses(400, "Request_UnsupportedQuery");
    }
}

#[tokio::test]
async fn advanced_queries_need_their_header() {
    let fixture = Fixture::of(&["ana", "bo"]).await;
    for filter in [
        "employeeId ne 'E-bo'",
        "not(employeeId eq 'E-bo')",
        "endsWith(userPrincipalName,'ana@contoso.com')",
    ] {
        let refused = fixture.filter("/users", filter).await;
        refused.refuses(400, "Request_UnsupportedQuery");
        let query = format!("/users?$count=true&$filter={}", encoded(filter));
        let advanced = || fixture.request("GET", &query);
        fixture.send(advanced()).await.is(400);
        let answer = fixture
            .send(advanced().header("ConsistencyLevel", "eventual"))
            .await
            .is(200);
        assert_eq!(answer.all("displayName"), ["ana"], "{filter}");
        assert_eq!(answer.json["@odata.count"], 1);
    }
    assert_eq!(fixture.refused(Refusal::UnsupportedQuery), 6);
    for query in ["$search=x", "$skip=1", "$filter=jobTitle%20eq%20'x'"] {
        let refused = fixture.get(&format!("/users?{query}")).await;
        refused.refuses(400, "Request_UnsupportedQuery");
    }
    fixture
        .get("/users?$frobnicate=1")
        .await
        .refuses(400, "BadRequest");
}

#[tokio::test]
async fn lists_go_wrong() {
    let fixture = crowd(10).await;
    let list = "/users?$select=id&$top=4";
    fixture.fault(Fault::ShortPages { max: 3 });
    assert_eq!(all(&fixture, list).await.1, 4);
    assert_eq!(fixture.fired(FaultKind::ShortPages), 3);
    fixture.target.faults().clear();
    fixture.fault(Fault::PageError {
        page: 2,
        status: 503,
    });
    let first = fixture.get(list).await.is(200);
    let next = |page: &Answer| page.json["@odata.nextLink"].as_str().unwrap().to_owned();
    fixture.get(&next(&first)).await.is(503);
    assert_eq!(fixture.fired(FaultKind::PageError), 1);
    fixture.target.faults().clear();
    fixture.fault(Fault::TruncatedList { deliver: 6 });
    assert_eq!(all(&fixture, list).await.0.len(), 6);
    assert_eq!(fixture.fired(FaultKind::TruncatedList), 1);
    fixture.target.faults().clear();
    fixture.fault(Fault::EmptyList.once());
    assert!(fixture.get(list).await.is(200).all("id").is_empty());
    fixture.fault(Fault::RepeatedNextLink.once());
    let first = fixture.get(list).await.is(200);
    let again = fixture.get(&next(&first)).await.is(200);
    assert_eq!(first.all("id"), again.all("id"));
    fixture.fault(Fault::ForeignNextLink.once());
    let first = fixture.get(list).await.is(200);
    assert!(!next(&first).starts_with(fixture.target.base_url()));
    for kind in [
        FaultKind::EmptyList,
        FaultKind::RepeatedNextLink,
        FaultKind::ForeignNextLink,
    ] {
        assert_eq!(fixture.fired(kind), 1, "{kind:?}");
    }
    assert_eq!(all(&fixture, list).await.0.len(), 10);
}
