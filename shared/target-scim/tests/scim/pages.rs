//! Listings, answer by answer.

use domain::Profile;
use domain::profile::Paging;
use ports::Observe;
use ports::target::{Cursor, Page};
use serde_json::json;

use crate::fixture::{Scripted, error, line, list};
use crate::script::Turn;

fn page(total: Option<u64>, ids: &[&str], next: Option<&str>) -> Turn {
    let resources: Vec<_> = ids
        .iter()
        .map(|id| json!({"id": id, "userName": id}))
        .collect();
    let mut body = json!({"Resources": resources});
    if let Some(total) = total {
        body["totalResults"] = total.into();
    }
    if let Some(next) = next {
        body["nextCursor"] = next.into();
    }
    Turn::body(200, body.to_string())
}

fn profile(paging: Paging) -> Profile {
    Profile {
        paging,
        page_size: 2,
        ..Profile::rfc()
    }
}

/// Reads to the end; the ids, the last declared total and the queries.
async fn all(paging: Paging, turns: Vec<Turn>) -> (Vec<String>, Option<u64>, Vec<String>) {
    let requests = turns.len();
    let scripted = Scripted::with(profile(paging), turns).await;
    let mut ids = Vec::new();
    let mut cursor: Option<Cursor> = None;
    let declared = loop {
        let Page {
            items,
            next,
            declared,
        } = scripted.target.users(cursor.as_ref()).await.unwrap();
        ids.extend(items.iter().map(|account| account.id.as_str().to_owned()));
        cursor = next;
        if cursor.is_none() {
            break declared;
        }
    };
    scripted.is_over(requests);
    let seen = scripted.script.seen().into_iter().map(|s| s.target);
    (ids, declared, seen.collect())
}

#[tokio::test]
async fn the_next_index_counts_what_came() {
    let turns = vec![
        page(Some(4), &["1", "2"], None),
        page(Some(4), &["3"], None),
        page(Some(4), &["4"], None),
    ];
    let (ids, declared, seen) = all(Paging::Index, turns).await;
    assert_eq!(ids, ["1", "2", "3", "4"]);
    assert_eq!(declared, Some(4));
    assert_eq!(
        seen,
        [
            "/Users?startIndex=1&count=2",
            "/Users?startIndex=3&count=2",
            "/Users?startIndex=4&count=2"
        ]
    );
}

#[tokio::test]
async fn an_empty_page_ends_index_paging_whatever_the_total_says() {
    let turns = vec![page(Some(4), &["1", "2"], None), page(Some(4), &[], None)];
    let (ids, declared, _) = all(Paging::Index, turns).await;
    // The caller sees two of four declared, and has no certificate.
    assert_eq!((ids.len(), declared), (2, Some(4)));
    let turns = vec![page(None, &["1"], None), page(None, &[], None)];
    let (ids, declared, _) = all(Paging::Index, turns).await;
    assert_eq!((ids.len(), declared), (1, None));
    let (ids, declared, _) = all(Paging::Index, vec![page(Some(0), &[], None)]).await;
    assert_eq!((ids.len(), declared), (0, Some(0)));
}

#[tokio::test]
async fn cursors_are_followed_through_empty_pages() {
    let turns = vec![
        page(None, &["1", "2"], Some("a+b/=&c")),
        page(None, &[], Some("d")),
        page(Some(3), &["3"], None),
    ];
    let (ids, declared, seen) = all(Paging::Cursor, turns).await;
    assert_eq!(ids, ["1", "2", "3"]);
    assert_eq!(declared, Some(3));
    assert_eq!(
        seen,
        [
            "/Users?cursor=&count=2",
            "/Users?cursor=a%2Bb%2F%3D%26c&count=2",
            "/Users?cursor=d&count=2"
        ]
    );
}

#[tokio::test]
async fn without_paging_there_is_one_page() {
    let (ids, _, seen) = all(Paging::None, vec![page(Some(9), &["1"], Some("x"))]).await;
    assert_eq!(ids, ["1"]);
    assert_eq!(seen, ["/Users"]);
}

#[tokio::test]
async fn a_page_that_fails_is_an_error_and_not_the_end() {
    for (turn, expected) in [
        (
            error(400, "expiredCursor", ""),
            "expired: page of users: 400 expiredCursor: the place in the listing is gone; the \
             listing starts again",
        ),
        (
            error(400, "invalidCursor", ""),
            "expired: page of users: 400 invalidCursor: the place in the listing is gone; the \
             listing starts again",
        ),
        (
            error(400, "invalidCount", ""),
            "reject: page of users: 400 invalidCount: the target does not take the page size",
        ),
        (Turn::status(503), "retry: page of users: 503"),
        (
            Turn::status(403),
            "halt: page of users: 403, not allowed: the token's rights, a licence limit or a \
             protected account",
        ),
        (
            Turn::status(404),
            "halt: page of users: 404, nothing is at `/Users` below the base URL; correct the \
             base URL",
        ),
        (Turn::Cut, "retry: answer lost: the connection broke"),
        (
            Turn::body(200, "<html>canary</html>"),
            "retry: page of users: the answer is not what SCIM says",
        ),
        (
            list(&json!([{"id": "1"}, {"userName": "canary"}])),
            "retry: page of users: the answer is not what SCIM says",
        ),
    ] {
        let scripted = Scripted::with(profile(Paging::Index), [turn]).await;
        let error = scripted.target.users(None).await.unwrap_err();
        assert_eq!(line(&error), expected);
    }
}

#[tokio::test]
async fn a_foreign_cursor_is_refused_unsent() {
    for (paging, cursor) in [
        (Paging::Index, "c:abc"),
        (Paging::Index, "i:-1"),
        (Paging::Cursor, "i:3"),
        (Paging::Cursor, "canary"),
    ] {
        let scripted = Scripted::with(profile(paging), []).await;
        let cursor = Cursor(cursor.to_owned());
        let error = scripted.target.users(Some(&cursor)).await.unwrap_err();
        assert!(line(&error).starts_with("reject: the cursor"));
        scripted.is_over(0);
    }
}
