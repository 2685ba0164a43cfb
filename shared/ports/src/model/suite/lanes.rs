//! Queues, sending and receiving.

use std::time::Duration;

use contract::Lane;

use super::made::at;
use super::ok;
use crate::lanes::{BatchAnswer, Failed};
use crate::model::ManualClock;
use crate::queue::{BATCH, MAX_RECEIVES, Received, Stats, run};
use crate::{Clock, Lanes, Outgoing, Queues};

const LANE: Lane = Lane::Facts;
const MINUTE: Duration = Duration::from_mins(1);

/// Everything that the ports document. `make` gives empty lanes on the clock each time.
pub async fn all<Q: Queues + Lanes>(make: impl Fn(ManualClock) -> Q) {
    let fresh = || {
        let clock = ManualClock::new(at(0));
        (make(clock.clone()), clock)
    };
    messages_come_in_order_and_one_group_at_a_time(&fresh()).await;
    lanes_are_apart(&fresh()).await;
    a_batch_takes_the_oldest_of_all_groups(&fresh()).await;
    what_is_not_deleted_comes_again(&fresh()).await;
    a_receipt_counts_for_one_delivery(&fresh()).await;
    visibility_moves_both_ways(&fresh()).await;
    duplicates_are_dropped_for_five_minutes(&fresh()).await;
    the_fifth_failure_is_the_last(&fresh()).await;
    dead_letters_can_be_redriven(&fresh()).await;
    a_dead_letter_can_be_discarded(&fresh()).await;
    a_dead_message_unblocks_its_group(&fresh()).await;
    a_run_deletes_what_is_done_and_puts_off_what_is_not(&fresh()).await;
    an_answer_that_names_a_stranger_brings_the_batch_back(&fresh()).await;
}

fn message(group: &str, number: u64) -> Outgoing {
    Outgoing {
        group: group.to_owned(),
        dedup: format!("{group}-{number}"),
        body: number.to_string(),
    }
}

async fn send<Q: Lanes>(lanes: &Q, messages: &[(&str, u64)]) {
    let messages: Vec<Outgoing> = messages.iter().map(|(g, n)| message(g, *n)).collect();
    ok(lanes.send(&LANE, &messages).await);
}

fn bodies(received: &[Received]) -> Vec<&str> {
    received
        .iter()
        .map(|one| one.message.body.as_str())
        .collect()
}

fn delete_all<Q: Queues>(lanes: &Q, received: &[Received]) {
    for one in received {
        assert!(lanes.delete(&LANE, one.receipt));
    }
}

const fn stats(visible: usize, in_flight: usize, dead: usize) -> Stats {
    Stats {
        visible,
        in_flight,
        dead,
    }
}

async fn messages_come_in_order_and_one_group_at_a_time<Q: Queues + Lanes>(
    (lanes, _): &(Q, ManualClock),
) {
    assert!(lanes.is_idle());
    send(lanes, &[("a", 1), ("a", 2), ("b", 3)]).await;
    assert!(!lanes.is_idle());
    let first = lanes.receive(&LANE, 1, MINUTE);
    assert_eq!(bodies(&first), ["1"]);
    assert_eq!(lanes.stats(&LANE), stats(2, 1, 0));
    let second = lanes.receive(&LANE, 10, MINUTE);
    assert_eq!(bodies(&second), ["3"], "the rest of group a waits");
    assert!(lanes.receive(&LANE, 10, MINUTE).is_empty());
    delete_all(lanes, &first);
    let third = lanes.receive(&LANE, 10, MINUTE);
    assert_eq!(bodies(&third), ["2"]);
    delete_all(lanes, &second);
    delete_all(lanes, &third);
    assert_eq!(lanes.stats(&LANE), stats(0, 0, 0));
    assert!(lanes.is_idle());
    assert_eq!(lanes.next_visible_at(), None);
}

async fn lanes_are_apart<Q: Queues + Lanes>((lanes, _): &(Q, ManualClock)) {
    send(lanes, &[("a", 1)]).await;
    ok(lanes.send(&Lane::Terminations, &[message("a", 1)]).await);
    let first = lanes.receive(&LANE, 10, MINUTE);
    let other = lanes.receive(&Lane::Terminations, 10, MINUTE);
    assert_eq!(
        (first.len(), other.len()),
        (1, 1),
        "same group, same id, two lanes"
    );
    let wiki = Lane::Target("wiki".into());
    assert!(lanes.receive(&wiki, 10, MINUTE).is_empty());
    assert_eq!(lanes.stats(&wiki), Stats::default());
    for one in &other {
        assert!(
            !lanes.delete(&LANE, one.receipt),
            "a receipt of another lane"
        );
    }
}

async fn a_batch_takes_the_oldest_of_all_groups<Q: Queues + Lanes>((lanes, _): &(Q, ManualClock)) {
    let many: Vec<(&str, u64)> = (0..14)
        .map(|n| {
            (
                ["a", "b", "c"]
                    .get((n % 3) as usize)
                    .copied()
                    .unwrap_or("a"),
                n,
            )
        })
        .collect();
    send(lanes, &many).await;
    let first = lanes.receive(&LANE, 10, MINUTE);
    let want: Vec<String> = (0..10).map(|n| n.to_string()).collect();
    assert_eq!(bodies(&first), want, "several of a group in one batch");
    assert!(lanes.receive(&LANE, 10, MINUTE).is_empty());
    for one in &first {
        assert_eq!((one.message.receives, one.receipt.receives), (1, 1));
    }
}

async fn what_is_not_deleted_comes_again<Q: Queues + Lanes>((lanes, clock): &(Q, ManualClock)) {
    send(lanes, &[("a", 1), ("a", 2)]).await;
    let first = lanes.receive(&LANE, 10, MINUTE);
    assert_eq!(lanes.next_visible_at(), Some(at(60)));
    clock.set(at(59));
    assert!(lanes.receive(&LANE, 10, MINUTE).is_empty());
    clock.set(at(60));
    assert_eq!(lanes.stats(&LANE), stats(2, 0, 0));
    let second = lanes.receive(&LANE, 10, MINUTE);
    assert_eq!(bodies(&second), ["1", "2"]);
    for (one, two) in first.iter().zip(&second) {
        assert_eq!(one.message.id, two.message.id);
        assert_eq!(two.message.receives, 2);
    }
}

async fn a_receipt_counts_for_one_delivery<Q: Queues + Lanes>((lanes, clock): &(Q, ManualClock)) {
    send(lanes, &[("a", 1)]).await;
    let Some(first) = lanes.receive(&LANE, 1, MINUTE).pop() else {
        panic!("nothing came");
    };
    clock.advance(MINUTE);
    assert!(!lanes.delete(&LANE, first.receipt), "its time ran out");
    assert!(!lanes.set_visibility(&LANE, first.receipt, MINUTE));
    let Some(second) = lanes.receive(&LANE, 1, MINUTE).pop() else {
        panic!("nothing came");
    };
    assert!(
        !lanes.delete(&LANE, first.receipt),
        "the second delivery's message"
    );
    assert!(!lanes.set_visibility(&LANE, first.receipt, Duration::ZERO));
    assert_eq!(lanes.stats(&LANE), stats(0, 1, 0));
    assert!(lanes.delete(&LANE, second.receipt));
    assert!(!lanes.delete(&LANE, second.receipt), "once");
}

async fn visibility_moves_both_ways<Q: Queues + Lanes>((lanes, clock): &(Q, ManualClock)) {
    send(lanes, &[("a", 1), ("a", 2)]).await;
    let first = lanes.receive(&LANE, 1, MINUTE);
    for one in &first {
        assert!(lanes.set_visibility(&LANE, one.receipt, 10 * MINUTE));
    }
    clock.advance(9 * MINUTE);
    assert!(
        lanes.receive(&LANE, 10, MINUTE).is_empty(),
        "its group waits with it"
    );
    assert_eq!(lanes.next_visible_at(), Some(at(600)));
    clock.advance(MINUTE);
    let second = lanes.receive(&LANE, 1, MINUTE);
    assert_eq!(bodies(&second), ["1"]);
    for one in &second {
        assert!(lanes.set_visibility(&LANE, one.receipt, Duration::ZERO));
    }
    assert_eq!(
        bodies(&lanes.receive(&LANE, 10, MINUTE)),
        ["1", "2"],
        "at once"
    );
}

async fn duplicates_are_dropped_for_five_minutes<Q: Queues + Lanes>(
    (lanes, clock): &(Q, ManualClock),
) {
    send(lanes, &[("a", 1), ("a", 1)]).await;
    send(lanes, &[("a", 1)]).await;
    let first = lanes.receive(&LANE, 10, MINUTE);
    assert_eq!(first.len(), 1);
    delete_all(lanes, &first);
    clock.set(at(299));
    send(lanes, &[("a", 1)]).await;
    assert!(lanes.is_idle(), "also after the first one is gone");
    clock.set(at(300));
    send(lanes, &[("a", 1)]).await;
    assert_eq!(lanes.receive(&LANE, 10, MINUTE).len(), 1);
}

async fn the_fifth_failure_is_the_last<Q: Queues + Lanes>((lanes, clock): &(Q, ManualClock)) {
    send(lanes, &[("a", 1), ("b", 2)]).await;
    for receives in 1..=MAX_RECEIVES {
        let received = lanes.receive(&LANE, 10, MINUTE);
        assert_eq!(bodies(&received), ["1", "2"]);
        assert!(received.iter().all(|one| one.message.receives == receives));
        assert_eq!(
            lanes.stats(&LANE),
            stats(0, 2, 0),
            "not dead while it is worked on"
        );
        if let (MAX_RECEIVES, [_, second]) = (receives, received.as_slice()) {
            assert!(
                lanes.delete(&LANE, second.receipt),
                "the fifth time can succeed"
            );
        }
        clock.advance(MINUTE);
    }
    assert!(lanes.receive(&LANE, 10, MINUTE).is_empty());
    assert_eq!(lanes.stats(&LANE), stats(0, 0, 1));
    assert!(lanes.is_idle(), "a dead letter waits for nobody");
    let dead = lanes.dead_letters(&LANE);
    let said: Vec<_> = dead
        .iter()
        .map(|d| (&*d.group, &*d.body, d.receives))
        .collect();
    assert_eq!(said, [("a", "1", MAX_RECEIVES)]);
}

async fn dead_letters_can_be_redriven<Q: Queues + Lanes>((lanes, clock): &(Q, ManualClock)) {
    send(lanes, &[("a", 1), ("a", 2)]).await;
    for _ in 0..MAX_RECEIVES {
        assert_eq!(lanes.receive(&LANE, 10, MINUTE).len(), 2);
        clock.advance(MINUTE);
    }
    clock.advance(10 * MINUTE);
    send(lanes, &[("a", 3)]).await;
    assert_eq!(lanes.redrive(&LANE), 2);
    assert_eq!(lanes.redrive(&LANE), 0);
    let again = lanes.receive(&LANE, 10, MINUTE);
    assert_eq!(bodies(&again), ["3", "1", "2"]);
    assert!(
        again.iter().all(|one| one.message.receives == 1),
        "as new messages"
    );
}

async fn a_dead_letter_can_be_discarded<Q: Queues + Lanes>((lanes, clock): &(Q, ManualClock)) {
    send(lanes, &[("a", 1), ("b", 2)]).await;
    for _ in 0..MAX_RECEIVES {
        assert_eq!(lanes.receive(&LANE, 10, MINUTE).len(), 2);
        clock.advance(MINUTE);
    }
    let mut dead = lanes.dead_letters(&LANE);
    let first = dead.remove(0).sequence;
    assert!(lanes.discard(&LANE, first));
    assert!(!lanes.discard(&LANE, first), "it is gone");
    assert_eq!(lanes.dead_letters(&LANE), dead);
    assert_eq!(lanes.redrive(&LANE), 1);
}

async fn a_dead_message_unblocks_its_group<Q: Queues + Lanes>((lanes, clock): &(Q, ManualClock)) {
    send(lanes, &[("a", 1), ("a", 2)]).await;
    for _ in 0..MAX_RECEIVES {
        assert_eq!(bodies(&lanes.receive(&LANE, 1, MINUTE)), ["1"]);
        clock.advance(MINUTE);
    }
    assert_eq!(bodies(&lanes.receive(&LANE, 1, MINUTE)), ["2"]);
}

async fn a_run_deletes_what_is_done_and_puts_off_what_is_not<Q: Queues + Lanes>(
    (lanes, clock): &(Q, ManualClock),
) {
    assert_eq!(
        run(lanes, &LANE, MINUTE, async |_| BatchAnswer::default()).await,
        0
    );
    let groups = ["a", "b", "c"];
    let many: Vec<_> = groups
        .iter()
        .zip(1..)
        .map(|(group, n)| (*group, n))
        .collect();
    send(lanes, &many).await;
    let ran = run(lanes, &LANE, MINUTE, async |batch| {
        let failed = batch.records.iter().skip(1).map(|record| Failed {
            id: record.id.clone(),
            after: (record.group == "c").then(|| Duration::from_secs(5)),
        });
        BatchAnswer {
            failed: failed.collect(),
        }
    });
    assert_eq!(ran.await, 3);
    assert_eq!(lanes.stats(&LANE), stats(0, 2, 0));
    clock.advance(Duration::from_secs(5));
    assert_eq!(
        bodies(&lanes.receive(&LANE, BATCH, MINUTE)),
        ["3"],
        "when it said"
    );
    clock.advance(Duration::from_secs(55));
    assert_eq!(
        bodies(&lanes.receive(&LANE, BATCH, MINUTE)),
        ["2"],
        "when its time ran out"
    );
}

async fn an_answer_that_names_a_stranger_brings_the_batch_back<Q: Queues + Lanes>(
    (lanes, clock): &(Q, ManualClock),
) {
    send(lanes, &[("a", 1), ("b", 2)]).await;
    let ran = run(lanes, &LANE, MINUTE, async |_| BatchAnswer {
        failed: vec![Failed {
            id: String::new(),
            after: None,
        }],
    });
    assert_eq!(ran.await, 2);
    assert_eq!(lanes.stats(&LANE), stats(0, 2, 0));
    clock.set(clock.now() + MINUTE);
    assert_eq!(lanes.stats(&LANE), stats(2, 0, 0));
}
