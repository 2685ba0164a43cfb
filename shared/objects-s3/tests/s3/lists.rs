//! Lists, page by page.

use ports::Objects;

use crate::{Turn, World};

fn page(keys: &[&str], truncated: bool, next: Option<&str>) -> Turn {
    let contents = keys
        .iter()
        .map(|key| format!("<Contents><Key>{key}</Key></Contents>"))
        .collect::<Vec<_>>()
        .concat();
    let next = next.map_or(String::new(), |next| {
        format!("<NextContinuationToken>{next}</NextContinuationToken>")
    });
    Turn::ok(&format!(
        "<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{contents}{next}</ListBucketResult>"
    ))
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let turns = [
        page(&["r/a", "r/b"], true, Some("t1")),
        page(&[], true, Some("t2")),
        page(&["r/c"], false, None),
    ];
    let world = World::new(turns);
    let keys = world.objects.list("r/").await.unwrap();
    assert_eq!(keys, ["r/a", "r/b", "r/c"]);
    let requests = world.requests();
    assert!(!requests[0].uri.contains("continuation-token"));
    assert!(requests[1].uri.contains("continuation-token=t1"));
    assert!(requests[2].uri.contains("continuation-token=t2"));
    assert!(
        requests
            .iter()
            .all(|seen| seen.uri.contains("/the-reports/?"))
    );
}

#[tokio::test]
async fn a_list_that_breaks_off_is_not_taken_for_whole() {
    for turns in [
        vec![page(&["r/a"], true, None)],
        vec![
            page(&["r/a"], true, Some("t")),
            page(&["r/b"], true, Some("t")),
        ],
        vec![page(&["r/a"], true, Some("t")), Turn::IsNotReached],
    ] {
        let fault = World::new(turns).objects.list("r/").await.unwrap_err();
        assert_eq!(fault.error_type(), "Retry");
    }
}

#[tokio::test]
async fn both_buckets_are_listed_where_both_can_have_such_keys() {
    let turns = [
        page(&["policy/1", "policy/2"], false, None),
        page(&["a", "policy/of-somebody-else", "z"], false, None),
    ];
    let world = World::new(turns);
    let keys = world.objects.list("").await.unwrap();
    assert_eq!(keys, ["a", "policy/1", "policy/2", "z"]);
    let world = World::new([page(&["policy/1"], false, None)]);
    assert_eq!(world.objects.list("policy/").await.unwrap(), ["policy/1"]);
    assert!(world.requests()[0].uri.contains("/the-policy/?"));
}

#[tokio::test]
async fn what_is_no_object_of_ours_is_not_listed() {
    let world = World::new([page(&["r/", "r/a", "r/b c", "r/.x"], false, None)]);
    assert_eq!(world.objects.list("r/").await.unwrap(), ["r/a"]);
}
