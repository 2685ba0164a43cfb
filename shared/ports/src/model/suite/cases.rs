//! Cases, decisions and tasks.

use domain::case::{Candidate, Case, CaseState, Clue, Decision, Ruling, Subject, Verdict};
use domain::task::{Owner, Task, TaskState, Work};
use domain::{AccountId, RecordKey};

use super::made::{at, commit, identity, record, target};
use super::ok;
use crate::cases::{Which, ask, close};
use crate::store::{Committed, Reading, Segment};
use crate::{Cases, Store};

/// Everything that the port documents. `make` gives an empty table each time.
pub async fn all<S: Store + Cases>(make: impl AsyncFn() -> S) {
    decisions_come_with_their_record(&make().await).await;
    a_link_is_taken_only_from_whom_it_leads_to(&make().await).await;
    a_case_is_written_by_whoever_read_it_last(&make().await).await;
    an_answered_case_is_never_asked_again(&make().await).await;
    a_task_is_written_by_whoever_read_it_last(&make().await).await;
    lists_are_whole_and_in_order(&make().await).await;
    they_are_in_nobody_s_way(&make().await).await;
}

fn decision(second: i64, rules: Ruling) -> Decision {
    Decision {
        rules,
        by: "kim".into(),
        reason: "asked HR".into(),
        at: at(second),
    }
}

fn case(number: u64) -> Case {
    let clue = Clue::new("salt", "work_email", "a", "b", false);
    let candidate = Candidate {
        identity: identity(number),
        confidence: 60,
        clues: vec![clue],
    };
    let subject = Subject::Account {
        target: target(3),
        account: AccountId::from(format!("account {number}")),
    };
    Case::open(subject, at(1), "the keys disagree", vec![candidate])
}

fn task(number: u64) -> Task {
    Task {
        id: format!("t-{number:04}").into(),
        identity: identity(number),
        work: Work::Handover,
        owner: Owner::Manager(record(number)),
        steps: vec!["take over mail".into()],
        since: at(1),
        due: at(2),
        state: TaskState::Open,
    }
}

fn answered(case: &Case) -> Case {
    Case {
        state: CaseState::Decided {
            verdict: Verdict::LeaveAlone,
            by: "kim".into(),
            reason: "a test account".into(),
            at: at(5),
        },
        ..case.clone()
    }
}

async fn decisions_come_with_their_record<S: Store + Cases>(store: &S) {
    let first = decision(1, Ruling::Own);
    let second = decision(
        2,
        Ruling::Different {
            identity: identity(9),
        },
    );
    ok(store.decide(&record(1), &first).await);
    ok(store.decide(&record(1), &second).await);
    ok(store.decide(&record(1), &first).await);
    let mut decisions = ok(store.dossier(&record(1)).await).decisions;
    decisions.sort_by_key(|decision| decision.at);
    assert_eq!(decisions, [first, second], "each once");
    assert_eq!(ok(store.dossier(&record(2)).await).decisions, []);
}

async fn a_link_is_taken_only_from_whom_it_leads_to<S: Store + Cases>(store: &S) {
    let linked = RecordKey::from("00000000000000000000000000000abc");
    let mut first = commit(1, None, 1);
    first.links = vec![linked.clone()];
    assert_eq!(ok(store.commit(&first).await), Committed::Done);
    assert!(!ok(store.unlink(&linked, &identity(2)).await));
    assert_eq!(ok(store.dossier(&linked).await).link, Some(identity(1)));
    assert!(ok(store.unlink(&linked, &identity(1)).await));
    assert!(!ok(store.unlink(&linked, &identity(1)).await), "once");
    assert_eq!(ok(store.dossier(&linked).await).link, None);
    let mut second = commit(2, None, 1);
    second.links = vec![linked.clone()];
    assert_eq!(ok(store.commit(&second).await), Committed::Done);
    assert_eq!(ok(store.dossier(&linked).await).link, Some(identity(2)));
}

async fn a_case_is_written_by_whoever_read_it_last<S: Cases>(store: &S) {
    let first = case(1);
    assert_eq!(ok(store.case(&first.id).await), None);
    assert!(!ok(store.put_case(&first, Some(&first)).await), "not there");
    assert!(ok(store.put_case(&first, None).await));
    assert!(!ok(store.put_case(&case(1), None).await), "there");
    let second = answered(&first);
    assert!(ok(store.put_case(&second, Some(&first)).await));
    assert!(!ok(store.put_case(&first, Some(&first)).await), "stale");
    assert_eq!(ok(store.case(&first.id).await), Some(second));
}

async fn an_answered_case_is_never_asked_again<S: Cases>(store: &S) {
    let asked = ok(ask(store, case(1)).await);
    let later = Case {
        since: at(9),
        why: "something else".into(),
        ..case(1)
    };
    let again = ok(ask(store, later.clone()).await);
    assert_eq!(
        (again.since, &*again.why),
        (asked.since, "something else"),
        "asked since the first time"
    );
    ok(close(store, &asked.id, at(10)).await);
    let closed = ok(store.case(&asked.id).await).map(|case| case.state);
    assert_eq!(closed, Some(CaseState::Closed { at: at(10) }));
    assert_eq!(ok(ask(store, later.clone()).await), later, "asked anew");
    let answer = answered(&later);
    assert!(ok(store.put_case(&answer, Some(&later)).await));
    assert_eq!(ok(ask(store, case(1)).await), answer);
    ok(close(store, &asked.id, at(11)).await);
    assert_eq!(ok(store.case(&asked.id).await), Some(answer));
}

async fn a_task_is_written_by_whoever_read_it_last<S: Cases>(store: &S) {
    let first = task(1);
    assert_eq!(ok(store.task(&first.id).await), None);
    assert!(ok(store.put_task(&first, None).await));
    assert!(!ok(store.put_task(&first, None).await), "there");
    let done = Task {
        state: TaskState::Done {
            by: "kim".into(),
            note: "".into(),
            at: at(4),
        },
        ..first.clone()
    };
    assert!(ok(store.put_task(&done, Some(&first)).await));
    assert!(!ok(store.put_task(&first, Some(&first)).await), "stale");
    assert_eq!(ok(store.task(&first.id).await), Some(done));
}

/// With 4 KB each more than a page of 1 MB.
const MANY: u64 = 300;

async fn lists_are_whole_and_in_order<S: Cases>(store: &S) {
    assert_eq!(ok(store.cases(Which::All).await), []);
    let long = "why ".repeat(1_000);
    for number in (0..MANY).rev() {
        let one = Case {
            why: long.as_str().into(),
            ..case(number)
        };
        let one = if number % 3 == 0 { answered(&one) } else { one };
        assert!(ok(store.put_case(&one, None).await));
        let one = task(number);
        assert!(ok(store.put_task(&one, None).await));
    }
    let all = ok(store.cases(Which::All).await);
    assert_eq!(all.len() as u64, MANY);
    assert!(all.is_sorted_by_key(|case| case.id.clone()));
    let open = ok(store.cases(Which::Open).await);
    assert_eq!(open.len() as u64, MANY - MANY / 3);
    assert!(open.iter().all(Case::is_open));
    let tasks = ok(store.tasks(Which::Open).await);
    assert_eq!(tasks.len() as u64, MANY);
    assert!(tasks.is_sorted_by_key(|task| task.id.clone()));
    let first = task(0);
    let gone = Task {
        state: TaskState::Replaced {
            by: None,
            at: at(3),
        },
        ..first.clone()
    };
    assert!(ok(store.put_task(&gone, Some(&first)).await));
    assert_eq!(ok(store.tasks(Which::Open).await).len() as u64, MANY - 1);
    assert_eq!(ok(store.tasks(Which::All).await).len() as u64, MANY);
}

async fn they_are_in_nobody_s_way<S: Store + Cases>(store: &S) {
    ok(store.decide(&record(1), &decision(1, Ruling::Own)).await);
    assert!(ok(store.put_case(&case(1), None).await));
    assert!(ok(store.put_task(&task(1), None).await));
    let dossier = ok(store.dossier(&record(1)).await);
    assert_eq!((dossier.facts.len(), dossier.seat), (0, None));
    let all = Segment { index: 0, of: 1 };
    assert_eq!(ok(store.scan(all, Reading::Latest, None).await).rows, []);
    assert_eq!(ok(store.due(at(100), 10).await), []);
    assert_eq!(
        ok(store.commit(&commit(1, None, 1)).await),
        Committed::Done,
        "a decision does not found an identity"
    );
}
