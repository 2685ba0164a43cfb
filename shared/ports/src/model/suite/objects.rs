//! Objects.

use bytes::Bytes;
use futures::future::join_all;

use super::{Random, ok, rejected};
use crate::Objects;
use crate::model::ModelObjects;
use crate::objects::{Put, Swap, Tag};

/// Everything that the port documents. `make` gives an empty bucket each time.
pub async fn all<O: Objects>(make: impl AsyncFn() -> O) {
    a_key_is_written_once(&make().await).await;
    one_of_many_writers_wins(&make().await).await;
    what_was_read_is_written_over(&make().await).await;
    one_of_many_swaps_wins(&make().await).await;
    bodies_are_bytes(&make().await).await;
    keys_are_listed_by_prefix(&make().await).await;
    keys_are_plain_paths(&make().await).await;
    what_is_discarded_may_stay_and_nothing_else_goes(&make().await).await;
}

async fn what_is_discarded_may_stay_and_nothing_else_goes<O: Objects>(objects: &O) {
    let (one, two) = (Bytes::from("one"), Bytes::from("two"));
    for key in ["runs/r/a", "runs/r/ab", "runs/r/b"] {
        ok(objects.put(key, one.clone()).await);
    }
    // Twice, because nobody may mind.
    for _ in 0..2 {
        ok(objects.discard("runs/r/a").await);
        let left = ok(objects.get("runs/r/a").await);
        assert!(left.is_none_or(|left| left == one), "gone, or as it was");
    }
    for key in ["runs/r/ab", "runs/r/b"] {
        assert_eq!(ok(objects.get(key).await), Some(one.clone()), "{key}");
    }
    ok(objects.put("runs/r/a", two.clone()).await);
    assert_eq!(ok(objects.get("runs/r/a").await), Some(two));
    ok(objects.discard("runs/r/never-there").await);
    rejected(&objects.discard("../a").await);
}

async fn a_key_is_written_once<O: Objects>(objects: &O) {
    let (one, two) = (Bytes::from("one"), Bytes::from("two"));
    assert_eq!(ok(objects.get("a/b").await), None);
    assert_eq!(ok(objects.put_new("a/b", one.clone()).await), Put::Written);
    assert_eq!(ok(objects.put_new("a/b", two.clone()).await), Put::Exists);
    assert_eq!(ok(objects.get("a/b").await), Some(one));
    ok(objects.put("a/b", two.clone()).await);
    assert_eq!(ok(objects.get("a/b").await), Some(two.clone()));
    ok(objects.put("a/c", two.clone()).await);
    assert_eq!(ok(objects.put_new("a/c", two).await), Put::Exists);
}

async fn one_of_many_writers_wins<O: Objects>(objects: &O) {
    let puts = (0..8_u8).map(|n| objects.put_new("contended", Bytes::from(vec![n])));
    let puts: Vec<Put> = join_all(puts).await.into_iter().map(ok).collect();
    let written = puts.iter().filter(|put| **put == Put::Written).count();
    assert_eq!(written, 1);
    let winner = puts.iter().position(|put| *put == Put::Written);
    let body = ok(objects.get("contended").await);
    let body = body.and_then(|body| body.first().copied()).map(usize::from);
    assert_eq!(body, winner);
}

async fn what_was_read_is_written_over<O: Objects>(objects: &O) {
    let (one, two, three) = (Bytes::from("1"), Bytes::from("2"), Bytes::from("3"));
    let never = Tag("never".into());
    assert_eq!(ok(objects.get_tagged("p").await), None);
    assert_eq!(
        ok(objects.swap("p", &never, one.clone()).await),
        Swap::Moved
    );
    assert_eq!(ok(objects.get("p").await), None, "a swap makes nothing");
    ok(objects.put_new("p", one.clone()).await);
    let tag = tag_of(objects, "p", &one).await;
    assert_eq!(
        ok(objects.swap("p", &tag, two.clone()).await),
        Swap::Written
    );
    assert_eq!(
        ok(objects.swap("p", &tag, three.clone()).await),
        Swap::Moved,
        "what was read is gone"
    );
    assert_eq!(ok(objects.get("p").await), Some(two.clone()));
    let tag = tag_of(objects, "p", &two).await;
    ok(objects.put("p", three.clone()).await);
    assert_eq!(ok(objects.swap("p", &tag, one).await), Swap::Moved);
    assert_eq!(ok(objects.get("p").await), Some(three));
    rejected(&objects.swap("../p", &never, Bytes::new()).await);
    rejected(&objects.get_tagged("../p").await);
}

async fn one_of_many_swaps_wins<O: Objects>(objects: &O) {
    let mut body = Bytes::from("none");
    ok(objects.put("p", body.clone()).await);
    for round in 0..4_u8 {
        let tag = tag_of(objects, "p", &body).await;
        let bodies: Vec<Bytes> = (0..8_u8).map(|n| Bytes::from(vec![round, n])).collect();
        let swaps = bodies
            .iter()
            .map(|new| objects.swap("p", &tag, new.clone()));
        let swaps: Vec<Swap> = join_all(swaps).await.into_iter().map(ok).collect();
        let won: Vec<&Bytes> = swaps
            .iter()
            .zip(&bodies)
            .filter(|(swap, _)| **swap == Swap::Written)
            .map(|(_, body)| body)
            .collect();
        assert_eq!(won.len(), 1, "one of eight");
        assert_eq!(ok(objects.get("p").await).as_ref(), won.first().copied());
        body = won.first().map(|won| (*won).clone()).unwrap_or_default();
    }
}

async fn tag_of<O: Objects>(objects: &O, key: &str, want: &Bytes) -> Tag {
    let read = ok(objects.get_tagged(key).await);
    let (body, tag) = read.unwrap_or_else(|| panic!("`{key}` is there"));
    assert_eq!(body, *want);
    tag
}

async fn bodies_are_bytes<O: Objects>(objects: &O) {
    let all = (0..=255).collect::<Bytes>();
    ok(objects.put("bytes", all.clone()).await);
    assert_eq!(ok(objects.get("bytes").await), Some(all));
    ok(objects.put("empty", Bytes::new()).await);
    assert_eq!(ok(objects.get("empty").await), Some(Bytes::new()));
    let large = Bytes::from(vec![7; 3 << 20]);
    ok(objects.put("large", large.clone()).await);
    assert_eq!(ok(objects.get("large").await), Some(large));
}

async fn keys_are_listed_by_prefix<O: Objects>(objects: &O) {
    assert_eq!(ok(objects.list("").await), Vec::<String>::new());
    // `-` and `.` sort before `/`, so that folders are not the order of keys.
    let keys = [
        "r/a-b/1",
        "r/a.b",
        "r/a/1",
        "r/a/2",
        "r/b",
        "s/date=2026-01-01/run=1/x.csv",
    ];
    for key in keys.iter().rev() {
        ok(objects.put(key, Bytes::from(*key)).await);
    }
    assert_eq!(ok(objects.list("").await), keys);
    assert_eq!(
        ok(objects.list("r/a").await),
        ["r/a-b/1", "r/a.b", "r/a/1", "r/a/2"]
    );
    assert_eq!(ok(objects.list("r/a/").await), ["r/a/1", "r/a/2"]);
    assert_eq!(ok(objects.list("r/a/2").await), ["r/a/2"]);
    assert_eq!(ok(objects.list("../").await), Vec::<String>::new());
}

async fn keys_are_plain_paths<O: Objects>(objects: &O) {
    let long = "x".repeat(513);
    let bad = [
        "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", ".a", "a/.b", "a b",
        "a\\b", "a\0", "\u{e4}", "a:b", "a%2e", "~", &long,
    ];
    for key in bad {
        rejected(&objects.put_new(key, Bytes::new()).await);
        rejected(&objects.put(key, Bytes::new()).await);
        rejected(&objects.get(key).await);
    }
    assert_eq!(ok(objects.list("").await), Vec::<String>::new());
    for key in [
        "a..b",
        "a/b=c",
        "A-_.=9",
        &"x/".repeat(255),
        &"x".repeat(200),
    ] {
        let key = key.trim_end_matches('/');
        ok(objects.put(key, Bytes::new()).await);
        assert_eq!(ok(objects.get(key).await), Some(Bytes::new()));
    }
}

/// One random sequence of `length` operations on an empty bucket, beside the model.
pub async fn sequence<O: Objects>(objects: &O, seed: u64, length: usize) {
    let model = ModelObjects::new();
    let mut random = Random(seed);
    for step in 0..length {
        let names = ["a", "b", "a-b", "c.d"];
        let name = |random: &mut Random| {
            let at = usize::try_from(random.below(4)).unwrap_or_default();
            names.get(at).copied().unwrap_or("a")
        };
        // Leaves are named apart from folders, which a file system cannot mix.
        let folder = (0..random.below(3)).map(|_| format!("{}/", name(&mut random)));
        let key = format!("{}leaf-{}", folder.collect::<String>(), name(&mut random));
        let body = Bytes::from(random.next().to_be_bytes().to_vec());
        let told = format!("seed {seed}, step {step}: {key}");
        match random.below(5) {
            0 => {
                let want = ok(model.put_new(&key, body.clone()).await);
                assert_eq!(ok(objects.put_new(&key, body).await), want, "{told}");
            }
            1 => {
                ok(model.put(&key, body.clone()).await);
                ok(objects.put(&key, body).await);
            }
            2 => {
                let mut read = [None, None];
                if random.below(2) == 0 {
                    read = [
                        ok(model.get_tagged(&key).await),
                        ok(objects.get_tagged(&key).await),
                    ];
                }
                let [want, have] = read.map(|read| {
                    let (body, tag) = read.unzip();
                    (body, tag.unwrap_or(Tag("stale".into())))
                });
                assert_eq!(have.0, want.0, "{told}");
                let swapped = ok(objects.swap(&key, &have.1, body.clone()).await);
                let want = ok(model.swap(&key, &want.1, body).await);
                assert_eq!(swapped, want, "{told}");
            }
            3 => assert_eq!(
                ok(objects.get(&key).await),
                ok(model.get(&key).await),
                "{told}"
            ),
            _ => {
                let prefix: String = key.chars().take(2).collect();
                let want = ok(model.list(&prefix).await);
                assert_eq!(ok(objects.list(&prefix).await), want, "{told}");
            }
        }
    }
}
