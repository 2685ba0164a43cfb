//! Objects: the model, a folder and S3.

use std::cell::Cell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use objects_s3::{Buckets, LINK, S3Objects};
use ports::Objects;
use ports::embedded::FolderObjects;
use ports::model::suite;
use ports::objects::{Put, Swap, Tag};
use tests::ministack::Ministack;

use crate::sequences;

/// Empty buckets.
async fn make(server: &Ministack, name: &str) -> S3Objects {
    let buckets = Buckets {
        policy: format!("{name}-policy"),
        reports: format!("{name}-reports"),
    };
    server.create_bucket(&buckets.policy).await;
    server.create_bucket(&buckets.reports).await;
    S3Objects::new(&server.aws(), buckets)
}

#[tokio::test]
async fn the_adapter_keeps_the_contract() {
    let server = Ministack::start().await;
    let count = Cell::new(0);
    let make = async || {
        count.set(count.get() + 1);
        make(&server, &format!("b{}", count.get())).await
    };
    suite::objects::all(make).await;
}

#[test]
fn a_thousand_sequences_give_the_answers_of_the_model_and_so_does_a_folder() {
    sequences(async |server, seed| {
        let objects = make(server, &format!("s{seed}")).await;
        let length = if seed % 40 < 2 { 40 } else { 7 };
        suite::objects::sequence(&objects, seed, length).await;
        let folder = Folder::new();
        let objects = FolderObjects::open(&folder.0).unwrap();
        suite::objects::sequence(&objects, seed, length).await;
    });
}

/// A folder of one test, gone after it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("objects-{}-{count}", std::process::id());
        Self(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Three parts: whole afterwards, written once, written over on its tag, and read with its
/// checksum.
#[tokio::test]
async fn a_large_body_goes_in_parts_on_the_same_conditions() {
    let server = Ministack::start().await;
    let objects = make(&server, "large").await.in_parts_of(5 * 1024 * 1024);
    let body = |byte: u8| Bytes::from(vec![byte; 11 * 1024 * 1024]);
    let key = "reports/findings.parquet";
    assert_eq!(objects.put_new(key, body(1)).await.unwrap(), Put::Written);
    assert_eq!(objects.put_new(key, body(2)).await.unwrap(), Put::Exists);
    let (there, tag) = objects.get_tagged(key).await.unwrap().unwrap();
    assert!(there == body(1));
    let never = Tag("\"0\"".into());
    let swapped = objects.swap(key, &never, body(2)).await.unwrap();
    assert_eq!(swapped, Swap::Moved);
    let swapped = objects.swap(key, &tag, body(2)).await.unwrap();
    assert_eq!(swapped, Swap::Written);
    assert!(objects.get(key).await.unwrap() == Some(body(2)));
}

#[tokio::test]
async fn more_keys_than_a_page_holds_are_listed_in_order() {
    let server = Ministack::start().await;
    let objects = make(&server, "many").await;
    let mut want = Vec::new();
    for number in 0..1_100 {
        let key = format!("reports/{number:04}");
        objects.put(&key, Bytes::new()).await.unwrap();
        want.push(key);
    }
    objects.put("policy/x", Bytes::new()).await.unwrap();
    assert_eq!(objects.list("reports/").await.unwrap(), want);
    assert_eq!(objects.list("policy/").await.unwrap(), ["policy/x"]);
    want.insert(0, "policy/x".to_owned());
    assert_eq!(objects.list("").await.unwrap(), want);
}

#[tokio::test]
async fn a_link_opens_the_object_for_somebody_without_rights() {
    let server = Ministack::start().await;
    let objects = make(&server, "linked").await;
    let key = "reports/summary.html";
    objects.put(key, Bytes::from("<p>")).await.unwrap();
    let link = objects.link(key, LINK).await.unwrap();
    let answer = reqwest::get(link.reveal()).await.unwrap();
    let kind = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        (answer.status().as_u16(), &*kind),
        (200, "text/html; charset=utf-8")
    );
    assert_eq!(answer.bytes().await.unwrap(), "<p>");
}

#[tokio::test]
async fn a_bucket_that_does_not_exist_halts() {
    let server = Ministack::start().await;
    let buckets = Buckets {
        policy: "none-policy".to_owned(),
        reports: "none-reports".to_owned(),
    };
    let objects = S3Objects::new(&server.aws(), buckets);
    for fault in [
        objects.put_new("a", Bytes::new()).await.unwrap_err(),
        objects.put("a", Bytes::new()).await.unwrap_err(),
        objects.get("a").await.unwrap_err(),
        objects.list("a").await.unwrap_err(),
    ] {
        let want = "halt: the bucket `none-reports` answered 404 `NoSuchBucket`; \
                    check the bucket's name and that it is in the stack's region";
        assert_eq!(fault.to_string(), want);
    }
}
