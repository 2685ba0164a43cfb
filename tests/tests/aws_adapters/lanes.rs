//! Lanes: the model, the embedded ones and SQS.

use std::cell::RefCell;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::time::Duration;

use contract::Lane;
use jiff::Timestamp;
use ports::embedded::EmbeddedLanes;
use ports::lanes::{Batch, BatchAnswer, Failed};
use ports::model::{ManualClock, ModelLanes};
use ports::queue::{Stats, run_up_to};
use ports::{Backlog as _, Clock, Lanes, Outgoing, Queues};
use tests::ministack::Ministack;

use crate::platform::{Platform, VISIBILITY};
use crate::{Random, sequences};

const LANES: [Lane; 2] = [Lane::Facts, Lane::Terminations];

/// The same lanes three times, on one clock.
struct Sides<'a> {
    clock: ManualClock,
    server: &'a Ministack,
    model: ModelLanes,
    embedded: EmbeddedLanes,
    aws: Platform<'a>,
}

/// What a function does with the message at a place of its batch.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Done,
    Fails(Option<Duration>),
}

/// A message as a function sees it. Ids are the queue's own and differ.
type Seen = (String, String, u32);

impl<'a> Sides<'a> {
    async fn new(server: &'a Ministack, name: &str, lanes: &[Lane], start: Timestamp) -> Self {
        let clock = ManualClock::new(start);
        server.set_time(start);
        Self {
            model: ModelLanes::new(Arc::new(clock.clone())),
            embedded: EmbeddedLanes::in_memory(Arc::new(clock.clone())),
            aws: Platform::new(server, name, lanes).await,
            clock,
            server,
        }
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
        self.server.set_time(self.clock.now());
    }

    async fn send(&self, lane: &Lane, messages: &[Outgoing]) {
        self.model.send(lane, messages).await.unwrap();
        self.embedded.send(lane, messages).await.unwrap();
        self.aws.lanes.send(lane, messages).await.unwrap();
    }

    /// One invocation of a function that may receive up to `most` messages.
    async fn invoke(&self, lane: &Lane, most: usize, deeds: &[Deed], stranger: bool, told: &str) {
        let visibility = Duration::from_secs(VISIBILITY);
        let seen = RefCell::new(Vec::new());
        let work = async |batch: Batch| {
            *seen.borrow_mut() = batch
                .records
                .iter()
                .map(|one| (one.group.clone(), one.body.clone(), one.receives))
                .collect::<Vec<Seen>>();
            answer(&batch, deeds, stranger)
        };
        run_up_to(&self.model, lane, most, visibility, work).await;
        let want = seen.take();
        run_up_to(&self.embedded, lane, most, visibility, work).await;
        assert_eq!(seen.take(), want, "{told}: embedded");
        self.aws.invoke(lane, most, work).await;
        assert_eq!(seen.take(), want, "{told}: SQS");
    }

    /// SQS buries a message when it would be received once more, the others when it becomes
    /// visible; until then it counts as visible there.
    async fn compare(&self, lane: &Lane, told: &str) {
        let left = |stats: Stats| (stats.visible + stats.dead, stats.in_flight);
        let want = self.model.stats(lane);
        assert_eq!(self.embedded.stats(lane), want, "{told}: embedded");
        let stats = self.aws.lanes.depth(lane).await.unwrap();
        assert_eq!(left(stats), left(want), "{told}: SQS");
    }

    /// The dead letters, which are the same everywhere once somebody tried to receive.
    async fn compare_dead(&self, lane: &Lane, told: &str) -> Vec<(String, String)> {
        let want = self.model.dead_letters(lane);
        assert_eq!(self.embedded.dead_letters(lane), want, "{told}: embedded");
        let want: Vec<(String, String)> =
            want.into_iter().map(|one| (one.group, one.body)).collect();
        let dead = self.aws.lanes.dead(lane, usize::MAX).await.unwrap();
        let dead = dead.into_iter().map(|one| (one.group, one.body));
        let stats = self.aws.lanes.depth(lane).await.unwrap();
        assert_eq!(stats.dead, want.len(), "{told}: SQS counts");
        assert_eq!(stats, self.model.stats(lane), "{told}: SQS");
        // SQS has them by when they died.
        let sorted = |dead: &[(String, String)]| {
            let mut dead = dead.to_vec();
            dead.sort();
            dead
        };
        assert_eq!(
            sorted(&dead.collect::<Vec<_>>()),
            sorted(&want),
            "{told}: SQS"
        );
        want
    }

    /// An operator has the subjects of all dead letters planned again, by messages as before.
    async fn replan(&self, lane: &Lane, letters: Vec<(String, String)>, told: &str) {
        let count = letters.len();
        assert_eq!(self.model.redrive(lane), count, "{told}: model");
        assert_eq!(self.embedded.redrive(lane), count, "{told}: embedded");
        let mut removed = 0;
        // Of a group no more than ten are shown at once.
        loop {
            let claimed = self.aws.lanes.claim(lane, usize::MAX).await.unwrap();
            if claimed.is_empty() {
                break;
            }
            for one in &claimed {
                self.aws.lanes.remove(lane, one).await.unwrap();
                removed += 1;
            }
        }
        assert_eq!(removed, count, "{told}: SQS");
        let now = self.clock.now().as_microsecond();
        let messages: Vec<Outgoing> = letters
            .into_iter()
            .enumerate()
            .map(|(number, (group, body))| Outgoing {
                group,
                dedup: format!("replanned-{now}-{number}"),
                body,
            })
            .collect();
        self.aws.lanes.send(lane, &messages).await.unwrap();
    }
}

fn answer(batch: &Batch, deeds: &[Deed], stranger: bool) -> BatchAnswer {
    let mut failed: Vec<Failed> = batch
        .records
        .iter()
        .zip(deeds)
        .filter_map(|(record, deed)| match deed {
            Deed::Done => None,
            Deed::Fails(after) => Some(Failed {
                id: record.id.clone(),
                after: *after,
            }),
        })
        .collect();
    if stranger {
        failed.push(Failed {
            id: "nobody".to_owned(),
            after: None,
        });
    }
    BatchAnswer { failed }
}

fn deeds(random: &mut Random, soonest: u64) -> Vec<Deed> {
    let failing = random.below(101);
    (0..100)
        .map(|_| {
            if !random.percent(failing) {
                return Deed::Done;
            }
            let after = soonest + random.below(90);
            Deed::Fails(random.percent(60).then(|| Duration::from_secs(after)))
        })
        .collect()
}

/// One random sequence of operations.
async fn sequence(server: &Ministack, seed: u64, length: usize, forgets_answers: bool) {
    let mut random = Random(seed);
    let start = 1_767_225_600 + i64::try_from(seed).unwrap() * 86_400;
    let start = Timestamp::from_second(start).unwrap();
    // Every fourth has two lanes, which have to stay apart.
    let count = if seed % 8 < 2 { 2 } else { 1 };
    let lanes = &LANES[..count];
    let mut sides = Sides::new(server, &format!("s{seed}"), lanes, start).await;
    sides.aws.forgets_answers = forgets_answers;
    for step in 0..length {
        let lane = &lanes[usize::from(random.percent(20)) % count];
        let told = format!("seed {seed}, step {step}, {lane}");
        let most = [1, 7, 10, 10, 25, 100][usize::try_from(random.below(6)).unwrap()];
        match random.below(100) {
            0..35 => {
                let messages: Vec<Outgoing> = (0..=random.below(14))
                    .map(|_| Outgoing {
                        group: format!("g{}", random.below(6)),
                        dedup: format!("d{}", random.below(60)),
                        body: format!("{{\"n\":{}}}", random.below(1000)),
                    })
                    .collect();
                sides.send(lane, &messages).await;
            }
            35..75 => {
                let deeds = deeds(&mut random, 0);
                let stranger = random.percent(5);
                sides.invoke(lane, most, &deeds, stranger, &told).await;
                if random.percent(40) {
                    sides.compare(lane, &told).await;
                }
            }
            75..80 => {
                // Nothing becomes visible at once, so that what is dead now is dead everywhere.
                let deeds = deeds(&mut random, 1);
                sides.invoke(lane, most, &deeds, false, &told).await;
                let letters = sides.compare_dead(lane, &told).await;
                sides.replan(lane, letters, &told).await;
            }
            80..85 => sides.advance(300),
            _ => sides.advance(random.below(60)),
        }
    }
    for lane in lanes {
        let told = format!("seed {seed}, in the end, {lane}");
        sides.advance(3_600);
        let fails = [Deed::Fails(Some(Duration::from_mins(1))); 100];
        sides.invoke(lane, 100, &fails, false, &told).await;
        sides.compare_dead(lane, &told).await;
    }
}

#[test]
fn a_thousand_sequences_give_the_answers_of_the_model_and_of_the_embedded_lanes() {
    sequences(async |server, seed| {
        // Short ones are cheap and many; long ones reach deeper states.
        let length = if seed % 40 < 2 { 60 } else { 8 };
        sequence(server, seed, length, false).await;
    });
}

/// The comparison can fail.
#[test]
fn the_sequences_find_a_platform_that_deletes_what_failed() {
    let run = || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let server = Ministack::start().await;
            for seed in 0..20 {
                sequence(&server, seed, 20, true).await;
            }
        });
    };
    assert!(catch_unwind(run).is_err());
}

#[tokio::test]
async fn ids_that_no_queue_takes_go_as_digests() {
    let server = Ministack::start().await;
    let platform = Platform::new(&server, "one", &LANES[..1]).await;
    let long = "x".repeat(129);
    let messages = [long.clone(), "g".to_owned(), long.clone()].map(|group| Outgoing {
        dedup: format!("{group}\u{e4}"),
        body: "{}".to_owned(),
        group,
    });
    platform.lanes.send(&Lane::Facts, &messages).await.unwrap();
    let received = platform.receive(&Lane::Facts, 10).await;
    let groups: Vec<&str> = received
        .iter()
        .map(|one| one["Attributes"]["MessageGroupId"].as_str().unwrap())
        .collect();
    let digest = domain::Hash::of(long.as_bytes()).to_string();
    assert_eq!(
        groups,
        [&*digest, "g"],
        "the third has the first one's deduplication id"
    );
}

#[tokio::test]
async fn a_queue_that_does_not_exist_halts() {
    let server = Ministack::start().await;
    let platform = Platform::new(&server, "one", &[]).await;
    let message = Outgoing {
        group: "g".to_owned(),
        dedup: "d".to_owned(),
        body: "{}".to_owned(),
    };
    let lanes = &platform.lanes;
    for fault in [
        lanes.send(&Lane::Facts, &[message]).await.unwrap_err(),
        lanes.depth(&Lane::Facts).await.unwrap_err(),
        lanes.dead(&Lane::Facts, 10).await.unwrap_err(),
    ] {
        assert_eq!(fault.error_type(), "Halt");
        let said = fault.to_string();
        assert!(said.contains("the queue `one-facts.fifo`"), "{said}");
        assert!(
            said.ends_with("and that `LANYARD_QUEUE_PREFIX` is its"),
            "{said}"
        );
    }
}

/// Twenty-five messages of groups of their own reach one invocation, and each goes with its own
/// receipt.
#[tokio::test]
async fn a_function_with_a_full_batch_gets_more_and_all_of_it_is_settled() {
    let server = Ministack::start().await;
    let platform = Platform::new(&server, "one", &LANES[..1]).await;
    let messages: Vec<Outgoing> = (0..25)
        .map(|number| Outgoing {
            group: format!("g{number}"),
            dedup: format!("d{number}"),
            body: number.to_string(),
        })
        .collect();
    platform.lanes.send(&Lane::Facts, &messages).await.unwrap();
    let seen = RefCell::new(0);
    let work = async |batch: Batch| {
        *seen.borrow_mut() = batch.records.len();
        BatchAnswer::default()
    };
    platform.invoke(&Lane::Facts, 100, work).await;
    assert_eq!(seen.take(), 25);
    let stats = platform.lanes.depth(&Lane::Facts).await.unwrap();
    assert_eq!(stats, Stats::default());
}
