//! Lanes: the model and the embedded ones against the suite and against each other, and what a
//! folder keeps.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use contract::Lane;
use jiff::Timestamp;
use ports::embedded::{EmbeddedLanes, OpenError};
use ports::model::{ManualClock, ModelLanes, suite};
use ports::{Lanes, Outgoing, Queues};

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
