//! Following the pointer, over the reference model of the objects: how often it is looked at, what
//! is taken, and what is left where it was.

#![allow(clippy::expect_used, reason = "tests stop at what does not hold")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use domain::Hash;
use domain::plan::Compiled;
use jiff::Timestamp;
use ports::model::{ManualClock, ModelObjects};
use ports::objects::{Put, Swap, Tag};
use ports::{Fault, Objects};
use publication::{KEPT, PublicationError, Published, Versioned as _};
use telemetry::{Lines, Sink, Telemetry};

const POLICY: &str = include_str!("../../../infra/policy-minimal/policy.toml");

/// The model, with its reads counted, and out of reach at will.
#[derive(Clone, Default)]
struct Bucket {
    objects: ModelObjects,
    reads: Arc<AtomicUsize>,
    gone: Arc<AtomicBool>,
}

impl Bucket {
    fn reads(&self) -> usize {
        self.reads.swap(0, Ordering::Relaxed)
    }

    fn read(&self) -> Result<(), Fault> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        if self.gone.load(Ordering::Relaxed) {
            return Err(Fault::retry("the bucket was not reached"));
        }
        Ok(())
    }

    /// Publishes the minimal policy with a line of its own.
    async fn publish(&self, more: &str, at: Timestamp) -> Hash {
        let files = vec![("policy.toml".to_owned(), format!("{POLICY}{more}"))];
        let loaded = policy::load_files(files.clone()).expect("a policy");
        let version = loaded.policy.version;
        let stored = publication::store(&self.objects, version, &files, at).await;
        stored.expect("a version");
        let was = publication::active(&self.objects).await.expect("a pointer");
        let flipped = publication::flip(&self.objects, was.as_ref(), version, None, at).await;
        flipped.expect("a flip");
        version
    }

    async fn damage(&self, version: Hash) {
        let key = format!("policy/{version}/policy.toml");
        let put = self.objects.put(&key, Bytes::from_static(b"no policy"));
        put.await.expect("a put");
    }
}

impl Objects for Bucket {
    async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, Fault> {
        self.objects.put_new(key, body).await
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        self.objects.put(key, body).await
    }

    async fn swap(&self, key: &str, was: &Tag, body: Bytes) -> Result<Swap, Fault> {
        self.objects.swap(key, was, body).await
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        self.read()?;
        self.objects.get(key).await
    }

    async fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, Tag)>, Fault> {
        self.read()?;
        self.objects.get_tagged(key).await
    }

    async fn discard(&self, key: &str) -> Result<(), Fault> {
        self.objects.discard(key).await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        self.objects.list(prefix).await
    }
}

type Wire = fn(&Arc<Compiled>) -> Result<(), Fault>;
type Following = Published<Bucket, ManualClock, (), Wire>;

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).expect("a time")
}

async fn open(bucket: &Bucket, clock: &ManualClock) -> Result<Following, PublicationError> {
    let wire: Wire = |_| Ok(());
    Published::open(bucket.clone(), clock.clone(), wire).await
}

async fn version(published: &Following) -> Hash {
    published.current().await.version()
}

/// What is said meanwhile.
fn listen() -> (Lines, impl Drop) {
    let lines = Lines::new();
    let telemetry = Telemetry {
        service: "test",
        level: tracing::level_filters::LevelFilter::INFO,
        sink: Sink::Memory(lines.clone()),
        now: Box::new(start),
        gathered: None,
    };
    (lines, telemetry.start_here())
}

fn alarms(lines: &Lines) -> usize {
    let lines = lines.take();
    let logged = lines.iter().filter(|line| line.contains(r#""ERROR""#));
    let counted = lines
        .iter()
        .filter(|line| line.contains("PolicyNotTaken\":1"));
    let (logged, counted) = (logged.count(), counted.count());
    assert_eq!(logged, counted, "each is logged and counted: {lines:?}");
    counted
}

#[tokio::test]
async fn the_pointer_is_looked_at_twice_a_minute_at_most() {
    let (bucket, clock) = (Bucket::default(), ManualClock::new(start()));
    let one = bucket.publish("", start()).await;
    let published = open(&bucket, &clock).await.expect("a start");
    assert_eq!(bucket.reads(), 3, "pointer, manifest, file");
    let two = bucket.publish("# two\n", start()).await;
    for _ in 0..29 {
        clock.advance(Duration::from_secs(1));
        assert_eq!(version(&published).await, one);
    }
    assert_eq!(bucket.reads(), 0);
    clock.advance(Duration::from_secs(1));
    assert_eq!(version(&published).await, two);
    assert_eq!(bucket.reads(), 3);
    clock.advance(Duration::from_secs(30));
    assert_eq!(version(&published).await, two);
    assert_eq!(bucket.reads(), 1, "the pointer alone");
}

#[tokio::test]
async fn without_a_published_policy_nothing_starts() {
    let (bucket, clock) = (Bucket::default(), ManualClock::new(start()));
    let refused = open(&bucket, &clock).await.expect_err("no policy");
    assert!(matches!(refused, PublicationError::Nothing));
    assert!(refused.to_string().contains("lanyard publish"), "{refused}");
}

#[tokio::test]
async fn a_damaged_version_is_not_taken_and_said_at_every_look() {
    let (bucket, clock) = (Bucket::default(), ManualClock::new(start()));
    let one = bucket.publish("", start()).await;
    let published = open(&bucket, &clock).await.expect("a start");
    let two = bucket.publish("# two\n", start()).await;
    bucket.damage(two).await;
    let (lines, _guard) = listen();
    for _ in 0..3 {
        clock.advance(Duration::from_secs(30));
        assert_eq!(version(&published).await, one);
        assert_eq!(alarms(&lines), 1);
    }
    assert_eq!(bucket.publish("# two\n", start()).await, two);
    clock.advance(Duration::from_secs(30));
    assert_eq!(version(&published).await, two, "put right");
    assert_eq!(alarms(&lines), 0);
}

#[tokio::test]
async fn whoever_starts_under_a_damaged_version_works_as_the_others_do() {
    let (bucket, clock) = (Bucket::default(), ManualClock::new(start()));
    let one = bucket.publish("", start()).await;
    let two = bucket.publish("# two\n", start()).await;
    bucket.damage(two).await;
    let (lines, _guard) = listen();
    let published = open(&bucket, &clock).await.expect("a start");
    assert_eq!(alarms(&lines), 1);
    assert_eq!(version(&published).await, one);
    bucket.damage(one).await;
    let refused = open(&bucket, &clock).await.expect_err("nothing is whole");
    assert!(matches!(refused, PublicationError::Damaged(..)));
}

/// Who publishes or rolls back compares with what is worked under, and a damaged version is the reason to.
#[tokio::test]
async fn operators_find_what_is_worked_under() {
    let bucket = Bucket::default();
    let one = bucket.publish("", start()).await;
    let two = bucket.publish("\n# two\n", start()).await;
    let active = publication::active(&bucket).await.expect("a pointer");
    let (active, _) = active.expect("a version");
    let whole = async || {
        let loaded = publication::load_whole(&bucket, &active).await;
        loaded.map(|loaded| loaded.policy.version)
    };
    assert_eq!(whole().await.ok(), Some(two));
    bucket.damage(two).await;
    assert_eq!(whole().await.ok(), Some(one));
    bucket.damage(one).await;
    let damaged = whole().await;
    assert!(
        matches!(damaged, Err(PublicationError::Damaged(..))),
        "{damaged:?}"
    );
    bucket.gone.store(true, Ordering::Relaxed);
    let gone = whole().await;
    assert!(
        matches!(gone, Err(PublicationError::Objects(_))),
        "{gone:?}"
    );
}

#[tokio::test]
async fn a_version_that_nothing_can_work_under_is_not_taken() {
    let (bucket, clock) = (Bucket::default(), ManualClock::new(start()));
    let one = bucket.publish("", start()).await;
    let wire = move |policy: &Arc<Compiled>| {
        if policy.policy.version == one {
            return Ok(());
        }
        Err(Fault::halt("target `wiki` cannot be called"))
    };
    let published = Published::open(bucket.clone(), clock.clone(), wire).await;
    let published = published.expect("a start");
    bucket.publish("# two\n", start()).await;
    let (lines, _guard) = listen();
    clock.advance(Duration::from_secs(30));
    assert_eq!(published.current().await.version(), one);
    assert!(lines.all().iter().any(|line| line.contains("`wiki`")));
    assert_eq!(alarms(&lines), 1);
}

#[tokio::test]
async fn while_the_bucket_is_out_of_reach_work_goes_on() {
    let (bucket, clock) = (Bucket::default(), ManualClock::new(start()));
    let one = bucket.publish("", start()).await;
    let published = open(&bucket, &clock).await.expect("a start");
    let two = bucket.publish("# two\n", start()).await;
    bucket.gone.store(true, Ordering::Relaxed);
    let (lines, _guard) = listen();
    clock.advance(Duration::from_secs(30));
    assert_eq!(version(&published).await, one);
    assert_eq!(alarms(&lines), 1);
    let asked = published.of(two).await;
    assert!(
        matches!(asked.map(|_| ()), Err(Fault::Retry { .. })),
        "what cannot be carried out as decided now comes back"
    );
    let refused = open(&bucket, &clock).await.expect_err("no bucket");
    assert!(matches!(refused, PublicationError::Objects(_)));
}

#[tokio::test]
async fn a_decision_finds_the_version_that_made_it() {
    let (bucket, clock) = (Bucket::default(), ManualClock::new(start()));
    let one = bucket.publish("", start()).await;
    let two = bucket.publish("# two\n", start()).await;
    let published = open(&bucket, &clock).await.expect("a start");
    bucket.reads();
    for _ in 0..2 {
        let found = published.of(one).await.expect("a version");
        assert_eq!(found.version(), one);
    }
    assert_eq!(bucket.reads(), 2, "read once");
    // Gone or damaged: the current one has to do.
    let found = published
        .of(Hash::default())
        .await
        .expect("the current one");
    assert_eq!(found.version(), two);
    // Back to the one before: it is at hand.
    bucket.publish("", start()).await;
    bucket.reads();
    clock.advance(Duration::from_secs(30));
    assert_eq!(version(&published).await, one);
    assert_eq!(bucket.reads(), 1);
}

#[tokio::test]
async fn only_the_latest_versions_are_kept() {
    let (bucket, clock) = (Bucket::default(), ManualClock::new(start()));
    let first = bucket.publish("", start()).await;
    let published = open(&bucket, &clock).await.expect("a start");
    for number in 0..=KEPT {
        bucket.publish(&format!("# {number}\n"), start()).await;
        clock.advance(Duration::from_secs(30));
        published.current().await;
    }
    bucket.reads();
    published.of(first).await.expect("a version");
    assert_eq!(bucket.reads(), 2, "it had to be read again");
}
