//! Lanes: the model and the embedded ones against the suite and against each other, and what a
//! folder keeps.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use contract::Lane;
use jiff::Timestamp;
use ports::embedded::{EmbeddedLanes, OpenError};
use ports::model::{ManualClock, ModelLanes, suite};
use ports::{Backlog as _, Lanes, Outgoing, Queues};

use crate::{Folder, block_on};

fn clock() -> ManualClock {
    ManualClock::new(Timestamp::from_second(1_767_225_600).unwrap())
}

fn open(folder: &Path, clock: &ManualClock) -> EmbeddedLanes {
    EmbeddedLanes::open(folder, Arc::new(clock.clone())).unwrap()
}

fn message(number: u64) -> Outgoing {
    Outgoing {
        group: "g".to_owned(),
        dedup: number.to_string(),
        body: number.to_string(),
    }
}

#[test]
fn the_model_of_the_lanes_keeps_the_contract() {
    block_on(suite::lanes::all(|clock| ModelLanes::new(Arc::new(clock))));
}

#[test]
fn lanes_in_memory_keep_the_contract() {
    block_on(suite::lanes::all(|clock| {
        EmbeddedLanes::in_memory(Arc::new(clock))
    }));
}

#[test]
fn lanes_in_a_folder_keep_the_contract() {
    let folder = Folder::new();
    let count = std::cell::Cell::new(0);
    block_on(suite::lanes::all(|clock| {
        count.set(count.get() + 1);
        open(&folder.path(&count.get().to_string()), &clock)
    }));
}

#[test]
fn lanes_in_memory_equal_their_model_over_random_operations() {
    for seed in 0..1_000 {
        let clock = clock();
        let lanes = EmbeddedLanes::in_memory(Arc::new(clock.clone()));
        block_on(suite::sequences::lanes(lanes, &clock, Err, seed, 80));
    }
}

#[test]
fn lanes_in_a_folder_equal_their_model_over_random_operations_and_restarts() {
    let folder = Folder::new();
    for seed in 0..60 {
        let clock = clock();
        let path = folder.path(&seed.to_string());
        let restart = |lanes| {
            drop::<EmbeddedLanes>(lanes);
            Ok(open(&path, &clock))
        };
        let lanes = open(&path, &clock);
        block_on(suite::sequences::lanes(lanes, &clock, restart, seed, 80));
    }
}

#[test]
fn a_folder_is_open_once() {
    let folder = Folder::new();
    let clock = clock();
    let lanes = open(&folder.path("x"), &clock);
    let second = EmbeddedLanes::open(&folder.path("x"), Arc::new(clock.clone()));
    assert!(matches!(second, Err(OpenError::InUse)));
    drop(lanes);
    open(&folder.path("x"), &clock);
}

#[test]
fn half_a_line_at_the_end_is_forgotten_and_damage_before_it_is_not() {
    let folder = Folder::new();
    let clock = clock();
    let path = folder.path("x");
    let journal = path.join("lanes.jsonl");
    block_on(open(&path, &clock).send(&Lane::Facts, &[message(1), message(2)])).unwrap();
    let whole = std::fs::read(&journal).unwrap();
    // Every length that a crash could leave: the messages whose lines are whole are there.
    let (first, ..) = whole
        .iter()
        .enumerate()
        .filter(|(_, b)| **b == b'\n')
        .nth(2)
        .unwrap();
    for length in 0..=whole.len() {
        std::fs::write(&journal, &whole[..length]).unwrap();
        let lanes = open(&path, &clock);
        let want = match length {
            _ if length == whole.len() => 2,
            _ if length > first => 1,
            _ => 0,
        };
        let visible = lanes.stats(&Lane::Facts).visible;
        assert_eq!(visible, want, "{length} bytes");
        block_on(lanes.send(&Lane::Facts, &[message(3)])).unwrap();
        drop(lanes);
        let after = open(&path, &clock).stats(&Lane::Facts).visible;
        assert_eq!(after, want + 1, "what follows half a line is not lost");
    }
    let mut damaged = whole;
    damaged[3] = b'#';
    std::fs::write(&journal, damaged).unwrap();
    let error = EmbeddedLanes::open(&path, Arc::new(clock))
        .map(|_| ())
        .unwrap_err();
    assert!(matches!(error, OpenError::Damaged { line: 1 }));
}

#[test]
fn what_was_given_up_is_settled_one_by_one_and_stays_settled() {
    let folder = Folder::new();
    let clock = clock();
    let path = folder.path("x");
    let lanes = open(&path, &clock);
    let lane = Lane::Facts;
    block_on(lanes.send(&lane, &[message(0), message(1), message(2)])).unwrap();
    for _ in 0..ports::queue::MAX_RECEIVES {
        assert_eq!(lanes.receive(&lane, 10, Duration::from_secs(1)).len(), 3);
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(
        block_on(lanes.dead(&lane, 2)).unwrap().len(),
        2,
        "at most so many"
    );
    let claimed = block_on(lanes.claim(&lane, 10)).unwrap();
    block_on(lanes.remove(&lane, &claimed[0])).unwrap();
    block_on(lanes.remove(&lane, &claimed[2])).unwrap();
    block_on(lanes.remove(&lane, &claimed[2])).unwrap();
    drop(lanes);
    let lanes = open(&path, &clock);
    let left = block_on(lanes.dead(&lane, 10)).unwrap();
    assert_eq!(left, [claimed[1].dead.clone()]);
    assert_eq!(block_on(lanes.depth(&lane)).unwrap().dead, 1);
}

#[test]
fn the_journal_stays_in_proportion() {
    let folder = Folder::new();
    let clock = clock();
    let path = folder.path("x");
    let lanes = open(&path, &clock);
    block_on(lanes.send(&Lane::Facts, &[message(0)])).unwrap();
    for _ in 0..30_000 {
        let received = lanes.receive(&Lane::Facts, 1, Duration::from_secs(1));
        let [one] = received.as_slice() else {
            // Dead after five times; back it goes.
            assert_eq!(lanes.redrive(&Lane::Facts), 1);
            continue;
        };
        assert!(lanes.set_visibility(&Lane::Facts, one.receipt, Duration::ZERO));
    }
    let count = || {
        let journal = std::fs::read_to_string(path.join("lanes.jsonl")).unwrap();
        journal.lines().count()
    };
    assert!(count() <= 20_002, "{} lines", count());
    drop(lanes);
    assert_eq!(open(&path, &clock).stats(&Lane::Facts).visible, 1);
    assert!(count() < 5, "compacted at the start");
}

/// Set in the process that is going to be killed, to the folder of the lanes.
const ROLE: &str = "LANYARD_TEST_LANES";

/// Sends without end, deletes every other message, and says how far it is.
fn send_for_ever(folder: &Path) {
    let lanes = open(folder, &clock());
    for number in 1.. {
        block_on(lanes.send(&Lane::Facts, &[message(number)])).unwrap();
        if number % 2 == 0 {
            let received = lanes.receive(&Lane::Facts, 1, Duration::from_hours(1));
            assert!(lanes.delete(&Lane::Facts, received[0].receipt));
        }
        println!("sent {number}");
    }
}

#[test]
fn what_was_sent_survives_a_kill_and_what_was_deleted_stays_away() {
    if let Some(folder) = std::env::var_os(ROLE) {
        return send_for_ever(folder.as_ref());
    }
    let folder = Folder::new();
    let path = folder.path("x");
    let name = "lanes::what_was_sent_survives_a_kill_and_what_was_deleted_stays_away";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name, "--nocapture"])
        .env(ROLE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut sent = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(number) = line.unwrap().strip_prefix("sent ") {
            sent = number.parse::<u64>().unwrap();
        }
        if sent == 25 {
            // SIGKILL, in the middle of whatever it does.
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(sent >= 25, "only {sent}");

    let lanes = open(&path, &clock());
    let mut bodies = Vec::new();
    for one in lanes.receive(&Lane::Facts, 1_000, Duration::from_mins(1)) {
        bodies.push(one.message.body.parse::<u64>().unwrap());
    }
    // The first half was deleted; at most one more message was sent, and one more deleted, than
    // the last line said.
    let first = sent / 2 + 1;
    assert!(
        bodies[0] == first || bodies[0] == first + 1,
        "{bodies:?} after {sent}"
    );
    let last = *bodies.last().unwrap();
    assert!(last == sent || last == sent + 1, "{bodies:?} after {sent}");
    assert!(
        bodies.windows(2).all(|two| two[0] + 1 == two[1]),
        "{bodies:?}"
    );
}

#[test]
fn a_runner_is_woken_by_what_happens_after_it_asked() {
    use futures::FutureExt;
    let lanes = EmbeddedLanes::in_memory(Arc::new(clock()));
    let first = lanes.notified();
    assert!(lanes.receive(&Lane::Facts, 1, Duration::ZERO).is_empty());
    block_on(lanes.send(&Lane::Facts, &[message(1)])).unwrap();
    assert_eq!(first.now_or_never(), Some(()));
    assert_eq!(lanes.notified().now_or_never(), None, "nothing new");
    let received = lanes.receive(&Lane::Facts, 1, Duration::from_secs(9));
    let deleted = lanes.notified();
    assert!(lanes.delete(&Lane::Facts, received[0].receipt));
    assert_eq!(deleted.now_or_never(), Some(()));
}
