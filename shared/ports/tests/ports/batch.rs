//! The batch runner, over every pattern of success and failure.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::Duration;

use crate::block_on;
use contract::PlanRequest;
use ports::batch::{parse, work, work_and_finish, work_together};
use ports::lanes::{Batch, BatchAnswer, Failed, Incoming};
use ports::{Fault, Trace};

fn record(number: usize, group: &str) -> Incoming {
    Incoming {
        id: format!("m{number}"),
        group: group.to_owned(),
        body: number.to_string(),
        receives: 1,
        trace: None,
    }
}

fn batch(groups: &[&str]) -> Batch {
    let records = groups.iter().enumerate();
    Batch {
        records: records.map(|(n, group)| record(n, group)).collect(),
    }
}

fn failed(id: usize, after: Option<Duration>) -> Failed {
    Failed {
        id: format!("m{id}"),
        after,
    }
}

/// Ten records of three groups, every mask of failures: a record is worked exactly when no
/// earlier one of its group failed, and comes back exactly when it or an earlier one did.
#[test]
fn every_mask_keeps_the_order_inside_groups_and_lets_other_groups_go_on() {
    let groups = ["a", "b", "a", "a", "c", "b", "c", "a", "b", "c"];
    for mask in 0_u32..1 << groups.len() {
        let fails = |number: usize| mask & (1 << number) != 0;
        let worked = RefCell::new(Vec::new());
        let answer = block_on(work(batch(&groups), |record| {
            let number: usize = record.body.parse().unwrap();
            worked.borrow_mut().push(number);
            async move {
                if fails(number) {
                    return Err(Fault::retry("test"));
                }
                Ok(())
            }
        }));
        let mut stopped = BTreeSet::new();
        let mut want_worked = Vec::new();
        let mut want_failed = Vec::new();
        for (number, group) in groups.iter().enumerate() {
            if !stopped.contains(group) {
                want_worked.push(number);
                if fails(number) {
                    stopped.insert(group);
                }
            }
            if stopped.contains(group) {
                want_failed.push(failed(number, None));
            }
        }
        assert_eq!(worked.into_inner(), want_worked, "mask {mask:010b}");
        assert_eq!(answer.failed, want_failed, "mask {mask:010b}");
    }
}

/// One record after the other, each with its own end.
#[test]
fn every_kind_of_end_means_one_thing_to_the_queue() {
    let second = Some(Duration::from_secs(7));
    let groups = [
        "ok", "retry", "retry", "reject", "halt", "panic", "panic", "late",
    ];
    let worked = RefCell::new(Vec::new());
    let answer = block_on(work(batch(&groups), |record| {
        worked.borrow_mut().push(record.id.clone());
        assert!(record.group != "panic", "before the first await: Ada");
        async move {
            match record.group.as_str() {
                "retry" => Err(Fault::Retry {
                    after: second,
                    why: "429".into(),
                }),
                "reject" => Err(Fault::reject("parked")),
                "halt" => Err(Fault::halt("401")),
                "late" => panic!("inside the future: Ada"),
                _ => Ok(()),
            }
        }
    }));
    // Nobody of `retry` or `panic` is worked after the first one; both later ones come back
    // together with it.
    assert_eq!(worked.into_inner(), ["m0", "m1", "m3", "m4", "m5", "m7"]);
    let want = vec![
        failed(1, second),
        failed(2, second),
        failed(5, None),
        failed(6, None),
        failed(7, None),
    ];
    assert_eq!(answer, BatchAnswer { failed: want });
}

#[test]
fn an_empty_batch_is_answered_with_nothing() {
    let answer = block_on(work(Batch::default(), |_| async { Ok(()) }));
    assert_eq!(answer, BatchAnswer::default());
}

#[test]
fn a_message_that_is_not_ours_is_rejected_without_repeating_it() {
    let mut record = record(0, "g");
    record.body = r#"{"v":1,"record":"k","cause":"fact","name":"Lovelace"}"#.to_owned();
    let fault = parse::<PlanRequest>(&record).unwrap_err();
    assert!(matches!(&fault, Fault::Reject { .. }));
    assert!(!format!("{fault}{fault:?}").contains("Lovelace"));
    record.body = r#"{"v":1,"record":"k","cause":"fact"}"#.to_owned();
    assert_eq!(parse::<PlanRequest>(&record).unwrap().record.as_str(), "k");
}

/// A runner hands batches to tasks of a runtime with several threads.
#[test]
fn working_a_batch_can_be_spawned() {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let worked = runtime.spawn(async {
        work(batch(&["a", "b"]), |record| async move {
            tokio::task::yield_now().await;
            if record.group == "a" {
                return Err(Fault::retry("test"));
            }
            Ok(())
        })
        .await
    });
    let answer = runtime.block_on(worked).unwrap();
    assert_eq!(answer.failed, [failed(0, None)]);
}

/// Ten records of three groups handed over together, every mask of failures: the same ones are
/// worked and come back as when each goes alone, and no group is twice in one round.
#[test]
fn together_every_mask_keeps_the_order_inside_groups() {
    let groups = ["a", "b", "a", "a", "c", "b", "c", "a", "b", "c"];
    for mask in 0_u32..1 << groups.len() {
        let fails = |number: usize| mask & (1 << number) != 0;
        let worked = RefCell::new(BTreeSet::new());
        let answer = block_on(work_together(batch(&groups), |records| {
            let in_round: BTreeSet<String> = records.iter().map(|r| r.group.clone()).collect();
            assert_eq!(in_round.len(), records.len(), "one of each group");
            let answers = records.iter().map(|record| {
                let number: usize = record.body.parse().unwrap();
                assert!(worked.borrow_mut().insert(number), "once each");
                if fails(number) {
                    return Err(Fault::retry("test"));
                }
                Ok(())
            });
            let answers: Vec<_> = answers.collect();
            async move { answers }
        }));
        let mut stopped = BTreeSet::new();
        let (mut want_worked, mut want_failed) = (BTreeSet::new(), BTreeSet::new());
        for (number, group) in groups.iter().enumerate() {
            if !stopped.contains(group) {
                want_worked.insert(number);
                if fails(number) {
                    stopped.insert(*group);
                }
            }
            if stopped.contains(group) {
                want_failed.insert(format!("m{number}"));
            }
        }
        let failed: BTreeSet<String> = answer.failed.into_iter().map(|one| one.id).collect();
        assert_eq!((worked.into_inner(), failed), (want_worked, want_failed));
    }
}

#[test]
fn together_a_panic_costs_its_own_record_only() {
    let rounds = RefCell::new(Vec::new());
    let answer = block_on(work_together(batch(&["a", "b", "c", "b"]), |records| {
        let bodies: Vec<String> = records.iter().map(|record| record.body.clone()).collect();
        rounds.borrow_mut().push(bodies.clone());
        async move {
            assert!(!bodies.contains(&"1".to_owned()), "a poisonous record");
            vec![Ok(()); bodies.len()]
        }
    }));
    // All at once, then one by one; the second of its group is not tried after it.
    let want: [&[&str]; 4] = [&["0", "1", "2"], &["0"], &["1"], &["2"]];
    assert_eq!(rounds.into_inner(), want);
    assert_eq!(answer.failed, [failed(1, None), failed(3, None)]);
}

#[test]
fn together_a_record_without_an_answer_comes_back() {
    let answer = block_on(work_together(batch(&["a", "b"]), |_| async {
        vec![Ok(())]
    }));
    assert_eq!(answer.failed, [failed(1, None)]);
}

#[test]
fn each_record_is_worked_on_as_part_of_its_own_trace() {
    let traces = ["Root=1-a;Parent=2;Sampled=1", "Root=1-b", ""];
    let mut batch = batch(&["a", "b", "c"]);
    for (record, trace) in batch.records.iter_mut().zip(traces) {
        record.trace = Trace::parse(trace);
    }
    let seen = RefCell::new(Vec::new());
    let answer = block_on(work(batch, |_| async {
        let trace = ports::trace::current();
        let header = trace.map_or_else(String::new, |trace| trace.header().to_owned());
        seen.borrow_mut().push(header);
        Ok(())
    }));
    assert_eq!(answer, BatchAnswer::default());
    assert_eq!(seen.into_inner(), traces);
}

#[test]
fn what_is_done_together_at_the_end_can_bring_records_back() {
    let soon = Duration::from_secs(3);
    let steps = RefCell::new(Vec::new());
    let work = |record: Incoming| {
        steps.borrow_mut().push(record.id.clone());
        async move {
            match record.id.as_str() {
                "m1" => Err(Fault::retry("test")),
                _ => Ok(()),
            }
        }
    };
    let finish = || async {
        steps.borrow_mut().push("finish".to_owned());
        let later = || Fault::Retry {
            after: Some(soon),
            why: "test".into(),
        };
        vec![
            ("m0".to_owned(), later()),
            // It comes back already, as it said itself.
            ("m1".to_owned(), later()),
            ("m2".to_owned(), Fault::reject("test")),
            ("nobody".to_owned(), later()),
        ]
    };
    let answer = block_on(work_and_finish(batch(&["a", "b", "c", "d"]), work, finish));
    assert_eq!(answer.failed, [failed(1, None), failed(0, Some(soon))]);
    assert_eq!(steps.into_inner(), ["m0", "m1", "m2", "m3", "finish"]);
}
