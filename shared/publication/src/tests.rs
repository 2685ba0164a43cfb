//! Versions, the pointer, and following it, over the reference model of the objects.

use ports::model::ModelObjects;

use super::*;
use bytes::Bytes;
use domain::Hash;
use jiff::Timestamp;
use ports::Objects as _;

const POLICY: &str = include_str!("../../../infra/policy-minimal/policy.toml");

fn at(n: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + n).unwrap()
}

fn files(more: &str) -> (Hash, Vec<(String, String)>) {
    let files = vec![("policy.toml".to_owned(), format!("{POLICY}{more}"))];
    let loaded = policy::load_files(files.clone()).unwrap();
    (loaded.policy.version, files)
}

async fn published(objects: &ModelObjects, more: &str, n: i64) -> Hash {
    let (version, files) = files(more);
    store(objects, version, &files, at(n)).await.unwrap();
    version
}

#[tokio::test]
async fn a_version_reads_back_as_it_was_and_is_written_once() {
    let objects = ModelObjects::new();
    let version = published(&objects, "", 0).await;
    assert_eq!(published(&objects, "", 9).await, version);
    let known = versions(&objects).await.unwrap();
    assert_eq!(known.len(), 1);
    assert_eq!(known[0].published_at, at(0), "the first time counts");
    let loaded = load(&objects, version).await.unwrap();
    assert_eq!(loaded.policy.version, version);
    let digits = version.to_string();
    assert_eq!(
        resolve(&objects, digits.get(..8).unwrap()).await.unwrap(),
        version
    );
    for name in ["", "abc", "zzzz", digits.get(1..).unwrap()] {
        let found = resolve(&objects, name).await;
        assert!(matches!(found, Err(PublicationError::Unknown(_))), "{name}");
    }
}

#[tokio::test]
async fn what_was_changed_by_hand_is_found_out_and_put_right_by_publishing_again() {
    let objects = ModelObjects::new();
    let version = published(&objects, "", 0).await;
    let key = format!("policy/{version}/policy.toml");
    let other = format!("{POLICY}# another\n");
    for body in [other.as_str(), "no policy", "\u{0}"] {
        let body = Bytes::from(body.to_owned());
        objects.put(&key, body).await.unwrap();
        let found = load(&objects, version).await;
        assert!(matches!(found, Err(PublicationError::Damaged(..))));
    }
    published(&objects, "", 1).await;
    assert!(load(&objects, version).await.is_ok());
}

#[tokio::test]
async fn half_a_version_is_none() {
    let objects = ModelObjects::new();
    let (version, _) = files("");
    let key = format!("policy/{version}/policy.toml");
    objects.put(&key, Bytes::from(POLICY)).await.unwrap();
    assert_eq!(versions(&objects).await.unwrap(), []);
    let found = load(&objects, version).await;
    assert!(matches!(found, Err(PublicationError::Unknown(_))));
}

#[tokio::test]
async fn a_file_name_that_no_object_can_have_is_refused() {
    let objects = ModelObjects::new();
    for name in ["a b.toml", "\u{e4}.toml", "a/b.toml", ".toml"] {
        let files = [(name.to_owned(), POLICY.to_owned())];
        let stored = store(&objects, Hash::default(), &files, at(0)).await;
        assert!(matches!(stored, Err(PublicationError::Name(_))), "{name}");
    }
    assert_eq!(objects.list("").await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn of_two_who_flip_at_once_one_is_refused() {
    let objects = ModelObjects::new();
    let one = published(&objects, "", 0).await;
    let two = published(&objects, "# two\n", 1).await;
    assert_eq!(active(&objects).await.unwrap(), None);
    flip(&objects, None, one, None, at(2)).await.unwrap();
    let second = flip(&objects, None, two, None, at(3)).await;
    assert!(matches!(second, Err(PublicationError::Moved)));

    let seen = active(&objects).await.unwrap().unwrap();
    let first = flip(&objects, Some(&seen), two, None, at(4)).await.unwrap();
    assert_eq!((first.serial, first.version), (2, two));
    let second = flip(&objects, Some(&seen), one, None, at(5)).await;
    assert!(matches!(second, Err(PublicationError::Moved)));
    // There and back: a pointer that looks the same is another one.
    let there = active(&objects).await.unwrap().unwrap();
    let back = flip(&objects, Some(&there), one, None, at(6))
        .await
        .unwrap();
    assert_eq!((back.serial, back.version), (3, one));
    let late = flip(&objects, Some(&seen), two, None, at(7)).await;
    assert!(matches!(late, Err(PublicationError::Moved)));
}

#[tokio::test]
async fn the_way_back_leads_to_the_version_before() {
    let objects = ModelObjects::new();
    let one = published(&objects, "", 0).await;
    let two = published(&objects, "# two\n", 1).await;
    let only = flip(&objects, None, one, None, at(2)).await.unwrap();
    let none = earlier(&objects, &only, None).await;
    assert!(matches!(none, Err(PublicationError::NothingBefore)));
    let seen = active(&objects).await.unwrap();
    let now = flip(&objects, seen.as_ref(), two, None, at(3))
        .await
        .unwrap();
    assert_eq!(earlier(&objects, &now, None).await.unwrap(), one);
    let named = two.to_string();
    assert_eq!(earlier(&objects, &now, Some(&named)).await.unwrap(), two);
    assert_eq!(
        now.before,
        [Earlier {
            version: one,
            since: at(2),
            until: at(3)
        }]
    );
}

#[tokio::test]
async fn a_saved_comparison_is_named_by_its_content() {
    let objects = ModelObjects::new();
    let hash = save_diff(&objects, &"a comparison").await.unwrap();
    let read: Option<String> = saved_diff(&objects, hash).await.unwrap();
    assert_eq!(read.as_deref(), Some("a comparison"));
    let key = format!("policy/diffs/{hash}.json");
    objects.put(&key, Bytes::from("\"another\"")).await.unwrap();
    let read = saved_diff::<String, _>(&objects, hash).await;
    assert!(matches!(read, Err(PublicationError::Damaged(..))));
    let none = saved_diff::<String, _>(&objects, Hash::default()).await;
    assert_eq!(none.unwrap(), None);
}

#[test]
fn what_is_stored_reads_back_in_later_versions() {
    let zero = "0".repeat(64);
    let active: Active = serde_json::from_str(&format!(
        r#"{{"v":1,"serial":2,"version":"{zero}","since":"2026-03-02T08:00:00Z","diff":"{zero}",
        "before":[{{"version":"{zero}","since":"2026-03-01T08:00:00Z","until":"2026-03-02T08:00:00Z"}}]}}"#
    ))
    .unwrap();
    assert_eq!((active.serial, active.before.len()), (2, 1));
    let manifest: Manifest = serde_json::from_str(&format!(
        r#"{{"v":1,"version":"{zero}","published_at":"2026-03-02T08:00:00Z","files":["rules.toml"]}}"#
    ))
    .unwrap();
    assert_eq!(&*manifest.files[0], "rules.toml");
}
