//! The table.

use std::collections::{BTreeMap, BTreeSet};

use domain::budget::{Gauge, Tally};
use domain::limit::{Class, Meter, Scope};
use domain::{Fact, Generation, Hash};
use futures::future::join_all;
use jiff::Timestamp;

use super::made::{ack, at, claim, claim_key, commit, delivery, fact, identity, record, target};
use super::{ok, rejected};
use crate::Store;
use crate::store::{
    Accepted, Acked, Committed, Dossier, Health, MAX_COMMIT_PARTS, Pause, Reading, Seat, Segment,
};

/// Everything that the port documents. `make` gives an empty table each time.
pub async fn all<S: Store>(make: impl AsyncFn() -> S) {
    posts_are_remembered(&make().await).await;
    a_fact_is_never_overwritten(&make().await).await;
    large_posts_arrive_whole(&make().await).await;
    decisions_rest_on_their_generation(&make().await).await;
    what_is_owed_stays_owed(&make().await).await;
    one_of_many_writers_wins(&make().await).await;
    links_lead_to_one_identity(&make().await).await;
    exclusive_claims_have_one_holder(&make().await).await;
    shared_claims_have_many(&make().await).await;
    a_refused_decision_writes_nothing(&make().await).await;
    impossible_decisions_are_rejected(&make().await).await;
    a_look_is_moved_by_who_knows_the_generation(&make().await).await;
    acknowledgements_are_fenced(&make().await).await;
    an_account_is_amended_only_as_it_was_read(&make().await).await;
    acknowledgements_settle_up_to_what_they_applied(&make().await).await;
    the_last_acknowledgement_moves_the_look(&make().await).await;
    due_identities_come_in_order(&make().await).await;
    a_scan_meets_everybody_once(&make().await).await;
    seats_come_in_the_order_asked_for(&make().await).await;
    health_is_kept_by_target(&make().await).await;
    a_pause_outlasts_what_connectors_record(&make().await).await;
    a_gauge_is_written_by_whoever_read_it_last(&make().await).await;
    a_meter_is_written_by_whoever_read_it_last(&make().await).await;
}

async fn dossier<S: Store>(store: &S, of: u64) -> Dossier {
    let mut dossier = ok(store.dossier(&record(of)).await);
    dossier.facts.sort_by(|a, b| a.event.cmp(&b.event));
    dossier
}

async fn seat<S: Store>(store: &S, of: u64) -> Option<Seat> {
    ok(store.seat(&identity(of), &target(0)).await).0
}

async fn facts<S: Store>(store: &S, of: u64) -> Vec<Fact> {
    dossier(store, of).await.facts
}

async fn posts_are_remembered<S: Store>(store: &S) {
    let post = delivery("hr", "e1", "body");
    let one = [fact(1, "e1", "Ada")];
    assert_eq!(ok(store.accept(&post, &one).await), Accepted::New);
    assert_eq!(ok(store.accept(&post, &one).await), Accepted::Duplicate);
    let other = [fact(1, "e2", "Grace")];
    assert_eq!(ok(store.accept(&post, &other).await), Accepted::Duplicate);
    let forged = delivery("hr", "e1", "another body");
    assert_eq!(ok(store.accept(&forged, &other).await), Accepted::Conflict);
    assert_eq!(facts(store, 1).await, one, "neither writes anything");

    let elsewhere = delivery("payroll", "e1", "another body");
    assert_eq!(ok(store.accept(&elsewhere, &other).await), Accepted::New);
    assert_eq!(facts(store, 1).await, [one, other].concat());

    let empty = delivery("hr", "e3", "nobody");
    assert_eq!(ok(store.accept(&empty, &[]).await), Accepted::New);
    assert_eq!(ok(store.accept(&empty, &[]).await), Accepted::Duplicate);
    let forged = delivery("hr", "e3", "somebody");
    assert_eq!(ok(store.accept(&forged, &[]).await), Accepted::Conflict);
}

async fn a_fact_is_never_overwritten<S: Store>(store: &S) {
    let first = fact(1, "e", "first");
    let twice = [
        first.clone(),
        fact(1, "e", "second"),
        fact(2, "e", "other record"),
    ];
    assert_eq!(
        ok(store.accept(&delivery("hr", "p1", "1"), &twice).await),
        Accepted::New
    );
    let later = [fact(1, "e", "third")];
    assert_eq!(
        ok(store.accept(&delivery("hr", "p2", "2"), &later).await),
        Accepted::New
    );
    assert_eq!(facts(store, 1).await, [first]);
    assert_eq!(facts(store, 2).await, [fact(2, "e", "other record")]);
    assert_eq!(facts(store, 3).await, []);
}

async fn large_posts_arrive_whole<S: Store>(store: &S) {
    let event = |number: u64| format!("e{number:04}");
    let many: Vec<Fact> = (0..205).map(|n| fact(n % 3, &event(n), "x")).collect();
    let post = delivery("hr", "many", "body");
    assert_eq!(ok(store.accept(&post, &many).await), Accepted::New);
    assert_eq!(ok(store.accept(&post, &many).await), Accepted::Duplicate);
    let forged = delivery("hr", "many", "forged");
    assert_eq!(ok(store.accept(&forged, &many).await), Accepted::Conflict);
    for of in 0..3 {
        let want: Vec<Fact> = many
            .iter()
            .filter(|f| f.record == record(of))
            .cloned()
            .collect();
        assert_eq!(facts(store, of).await, want);
    }
    // Over a megabyte in one partition: a page of the table is smaller.
    let heavy = unpackable(60_000);
    let many: Vec<Fact> = (0..30).map(|n| fact(9, &event(n), &heavy)).collect();
    let post = delivery("hr", "heavy", "body");
    assert_eq!(ok(store.accept(&post, &many).await), Accepted::New);
    assert_eq!(facts(store, 9).await, many);
}

async fn decisions_rest_on_their_generation<S: Store>(store: &S) {
    assert_eq!(seat(store, 1).await, None);
    let early = commit(1, Some(1), 2);
    assert_eq!(
        ok(store.commit(&early).await),
        Committed::Stale,
        "nobody is there yet"
    );
    assert_eq!(seat(store, 1).await, None);

    let first = commit(1, None, 1);
    assert_eq!(ok(store.commit(&first).await), Committed::Done);
    let same = ok(store.commit(&first).await);
    assert_eq!(same, Committed::Done, "it is there already");
    let other = ok(store.commit(&commit(1, None, 3)).await);
    assert_eq!(other, Committed::Stale, "somebody is there");
    let want = Seat {
        record: first.record,
        accounts: BTreeMap::new(),
        owed: BTreeMap::new(),
        wake_at: None,
    };
    assert_eq!(seat(store, 1).await.as_ref(), Some(&want));
    assert_eq!(dossier(store, 1).await.seat, Some(want));

    let next = commit(1, Some(1), 5);
    assert_eq!(ok(store.commit(&next).await), Committed::Done);
    assert_eq!(
        ok(store.commit(&commit(1, Some(1), 6)).await),
        Committed::Stale
    );
    assert_eq!(
        ok(store.commit(&commit(1, Some(4), 6)).await),
        Committed::Stale
    );
    assert_eq!(
        seat(store, 1).await.map(|seat| seat.record),
        Some(next.record)
    );
    assert_eq!(seat(store, 2).await, None, "nobody else is touched");
}

async fn what_is_owed_stays_owed<S: Store>(store: &S) {
    let mut first = commit(1, None, 1);
    first.owe = BTreeSet::from([target(0), target(1)]);
    first.wake_at = Some(at(10));
    assert_eq!(ok(store.commit(&first).await), Committed::Done);
    assert_eq!(ok(store.ack(&ack(1, 3, None, 1)).await), Acked::Done);
    let mut second = commit(1, Some(1), 2);
    second.owe = BTreeSet::from([target(1), target(2), target(3)]);
    assert_eq!(ok(store.commit(&second).await), Committed::Done);
    let seat = seat(store, 1).await.unwrap_or_else(|| panic!("no seat"));
    let want = [
        (target(0), Generation(1)),
        (target(1), Generation(2)),
        (target(2), Generation(2)),
        (target(3), Generation(2)),
    ];
    assert_eq!(seat.owed, BTreeMap::from(want));
    assert_eq!(seat.wake_at, None, "the look is the decision's");
    let accounts = BTreeMap::from([(target(3), ack(1, 3, None, 1).account)]);
    assert_eq!(
        seat.accounts, accounts,
        "a decision leaves the connectors' parts"
    );
}

async fn one_of_many_writers_wins<S: Store>(store: &S) {
    assert_eq!(ok(store.commit(&commit(1, None, 1)).await), Committed::Done);
    let commits: Vec<_> = (2..10)
        .map(|generation| commit(1, Some(1), generation))
        .collect();
    let answers = join_all(commits.iter().map(|commit| store.commit(commit))).await;
    let answers: Vec<Committed> = answers.into_iter().map(ok).collect();
    let done = answers.iter().filter(|answer| **answer == Committed::Done);
    assert_eq!(done.count(), 1, "{answers:?}");

    let acks: Vec<_> = (0..8).map(|applied| ack(1, 0, None, applied)).collect();
    let answers = join_all(acks.iter().map(|ack| store.ack(ack))).await;
    let answers: Vec<Acked> = answers.into_iter().map(ok).collect();
    let done = answers.iter().filter(|answer| **answer == Acked::Done);
    assert_eq!(done.count(), 1, "{answers:?}");
}

async fn links_lead_to_one_identity<S: Store>(store: &S) {
    let mut first = commit(1, None, 1);
    first.links = vec![record(11), record(12), record(11)];
    assert_eq!(ok(store.commit(&first).await), Committed::Done);
    for linked in [11, 12] {
        assert_eq!(dossier(store, linked).await.link, Some(identity(1)));
    }
    assert_eq!(dossier(store, 1).await.link, None, "the founder is no link");

    let mut again = commit(1, Some(1), 2);
    again.links = vec![record(12)];
    assert_eq!(
        ok(store.commit(&again).await),
        Committed::Done,
        "its own link"
    );
    let mut other = commit(2, None, 1);
    other.links = vec![record(13), record(12)];
    assert_eq!(ok(store.commit(&other).await), Committed::Stale);
    assert_eq!(dossier(store, 13).await.link, None);
    assert_eq!(seat(store, 2).await, None);
}

async fn exclusive_claims_have_one_holder<S: Store>(store: &S) {
    let mut first = commit(1, None, 1);
    first.claims = vec![claim(1, true), claim(2, true)];
    assert_eq!(ok(store.commit(&first).await), Committed::Done);
    let mut other = commit(2, None, 1);
    other.claims = vec![
        claim(3, true),
        claim(2, true),
        claim(1, true),
        claim(2, true),
    ];
    let taken = Committed::Taken(vec![claim_key(2), claim_key(1)]);
    assert_eq!(
        ok(store.commit(&other).await),
        taken,
        "in the decision's order, once each"
    );
    let mut again = commit(1, Some(1), 2);
    again.claims = vec![claim(2, true), claim(4, true)];
    assert_eq!(
        ok(store.commit(&again).await),
        Committed::Done,
        "its own claims"
    );
    other.claims = vec![claim(3, true)];
    assert_eq!(ok(store.commit(&other).await), Committed::Done);

    let keys = [3, 9, 1, 4].map(claim_key);
    let want = vec![
        (claim_key(3), identity(2)),
        (claim_key(1), identity(1)),
        (claim_key(4), identity(1)),
    ];
    assert_eq!(ok(store.holders(&keys).await), want);
    assert_eq!(ok(store.holders(&[]).await), []);
}

async fn shared_claims_have_many<S: Store>(store: &S) {
    for of in [3, 1, 2] {
        let mut one = commit(of, None, 1);
        one.claims = vec![claim(5, false)];
        assert_eq!(ok(store.commit(&one).await), Committed::Done);
    }
    // One holder of a key in both ways is one holder.
    let mut both = commit(2, Some(1), 2);
    both.claims = vec![claim(5, true), claim(5, false)];
    assert_eq!(ok(store.commit(&both).await), Committed::Done);
    let want: Vec<_> = [1, 2, 3].map(|of| (claim_key(5), identity(of))).into();
    assert_eq!(ok(store.holders(&[claim_key(5)]).await), want);
}

async fn a_refused_decision_writes_nothing<S: Store>(store: &S) {
    let mut first = commit(1, None, 1);
    first.claims = vec![claim(1, true)];
    assert_eq!(ok(store.commit(&first).await), Committed::Done);
    assert_eq!(ok(store.commit(&commit(2, None, 1)).await), Committed::Done);
    let before = (seat(store, 1).await, seat(store, 2).await);

    let mut loses = commit(2, Some(1), 2);
    loses.owe = BTreeSet::from([target(0)]);
    loses.wake_at = Some(at(1));
    loses.links = vec![record(12)];
    loses.claims = vec![claim(1, true), claim(2, true), claim(3, false)];
    let taken = Committed::Taken(vec![claim_key(1)]);
    assert_eq!(ok(store.commit(&loses).await), taken);
    loses.expect = Some(Generation(0));
    assert_eq!(
        ok(store.commit(&loses).await),
        Committed::Stale,
        "before what is taken"
    );

    assert_eq!((seat(store, 1).await, seat(store, 2).await), before);
    assert_eq!(dossier(store, 12).await.link, None);
    assert_eq!(ok(store.holders(&[claim_key(2), claim_key(3)]).await), []);
    assert_eq!(ok(store.due(at(9), 9).await), []);
}

async fn impossible_decisions_are_rejected<S: Store>(store: &S) {
    assert_eq!(ok(store.commit(&commit(1, None, 3)).await), Committed::Done);
    rejected(&store.commit(&commit(1, Some(3), 3)).await);
    rejected(&store.commit(&commit(1, Some(3), 2)).await);
    let mut wide = commit(1, Some(3), 4);
    wide.claims = (0..=MAX_COMMIT_PARTS as u64)
        .map(|n| claim(n, false))
        .collect();
    rejected(&store.commit(&wide).await);
    wide.claims.pop();
    assert_eq!(
        ok(store.commit(&wide).await),
        Committed::Done,
        "as many as there may be"
    );
}

async fn a_look_is_moved_by_who_knows_the_generation<S: Store>(store: &S) {
    let look = Some(at(7));
    assert!(
        !ok(store.rest(&identity(1), Generation(1), look).await),
        "nobody is there"
    );
    assert_eq!(seat(store, 1).await, None);
    assert_eq!(ok(store.commit(&commit(1, None, 1)).await), Committed::Done);
    assert!(ok(store.rest(&identity(1), Generation(1), look).await));
    assert_eq!(seat(store, 1).await.map(|seat| seat.wake_at), Some(look));
    assert!(!ok(store.rest(&identity(1), Generation(2), None).await));
    assert_eq!(seat(store, 1).await.map(|seat| seat.wake_at), Some(look));
    assert!(ok(store.rest(&identity(1), Generation(1), None).await));
    assert_eq!(seat(store, 1).await.map(|seat| seat.wake_at), Some(None));
    assert_eq!(ok(store.due(Timestamp::MAX, 9).await), []);
}

async fn acknowledgements_are_fenced<S: Store>(store: &S) {
    assert_eq!(
        ok(store.ack(&ack(1, 0, None, 1)).await),
        Acked::Fenced,
        "nobody is there"
    );
    assert_eq!(seat(store, 1).await, None);
    assert_eq!(ok(store.commit(&commit(1, None, 1)).await), Committed::Done);
    assert_eq!(
        ok(store.ack(&ack(1, 0, Some(1), 1)).await),
        Acked::Fenced,
        "no part yet"
    );
    assert_eq!(ok(store.ack(&ack(1, 0, None, 2)).await), Acked::Done);
    for wrong in [None, Some(1), Some(3)] {
        let mut late = ack(1, 0, wrong, 9);
        assert_eq!(ok(store.ack(&late).await), Acked::Fenced);
        late.settles = false;
        assert_eq!(ok(store.ack(&late).await), Acked::Fenced);
    }
    rejected(&store.ack(&ack(1, 0, Some(2), 1)).await);
    let mut same = ack(1, 0, Some(2), 2);
    same.account.active = false;
    assert_eq!(
        ok(store.ack(&same).await),
        Acked::Done,
        "a repair at the same generation"
    );
    let accounts = seat(store, 1).await.map(|seat| seat.accounts);
    assert_eq!(accounts, Some(BTreeMap::from([(target(0), same.account)])));
}

async fn an_account_is_amended_only_as_it_was_read<S: Store>(store: &S) {
    let mut one = commit(1, None, 1);
    one.owe = BTreeSet::from([target(0)]);
    assert_eq!(ok(store.commit(&one).await), Committed::Done);
    let first = ack(1, 0, None, 1);
    assert_eq!(ok(store.ack(&first).await), Acked::Done);
    let before = seat(store, 1).await;
    let (was, mut marked) = (first.account.clone(), first.account.clone());
    marked.parked = Some("marked".into());
    let amend = async |was, now| ok(store.amend(&identity(1), &target(0), was, now).await);

    // A connector wrote in between, at the same generation.
    let mut second = ack(1, 0, Some(1), 1);
    second.account.active = !was.active;
    assert_eq!(ok(store.ack(&second).await), Acked::Done);
    assert!(!amend(&was, &marked).await);
    assert!(amend(&second.account, &marked).await);
    assert!(!amend(&second.account, &was).await, "it was amended since");
    let want = before.map(|mut seat| {
        seat.accounts.insert(target(0), marked);
        seat
    });
    assert_eq!(seat(store, 1).await, want, "nothing else");
    assert!(!ok(store.amend(&identity(1), &target(1), &was, &was).await));
    assert!(!ok(store.amend(&identity(2), &target(0), &was, &was).await));
}

async fn acknowledgements_settle_up_to_what_they_applied<S: Store>(store: &S) {
    let mut first = commit(1, None, 5);
    first.owe = BTreeSet::from([target(0), target(1), target(3)]);
    first.wake_at = Some(at(10));
    first.record.due_at = Some(at(99));
    assert_eq!(ok(store.commit(&first).await), Committed::Done);
    let owed = async |generations: &[(u64, u64)], wake: i64| {
        let seat = seat(store, 1).await.unwrap_or_else(|| panic!("no seat"));
        let want = generations.iter();
        let want = want.map(|(on, generation)| (target(*on), Generation(*generation)));
        assert_eq!(seat.owed, want.collect());
        assert_eq!(seat.wake_at, Some(at(wake)));
    };

    let mut open = ack(1, 0, None, 5);
    open.settles = false;
    assert_eq!(ok(store.ack(&open).await), Acked::Done);
    owed(&[(0, 5), (1, 5), (3, 5)], 10).await;
    assert_eq!(ok(store.ack(&ack(1, 0, Some(5), 5)).await), Acked::Done);
    owed(&[(1, 5), (3, 5)], 10).await;
    assert_eq!(ok(store.ack(&ack(1, 1, None, 4)).await), Acked::Done);
    owed(&[(1, 5), (3, 5)], 10).await;
    assert_eq!(ok(store.ack(&ack(1, 2, None, 7)).await), Acked::Done);
    owed(&[(1, 5), (3, 5)], 10).await;
    let mut frees = ack(1, 1, Some(4), 6);
    frees.wake = Some(at(7));
    assert_eq!(ok(store.ack(&frees).await), Acked::Done);
    owed(&[(3, 5)], 7).await;
    let mut frees = ack(1, 3, None, 4);
    frees.wake = Some(at(6));
    assert_eq!(ok(store.ack(&frees).await), Acked::Done);
    owed(&[(3, 5)], 6).await;
    let mut last = ack(1, 3, Some(4), 5);
    last.wake = Some(at(5));
    assert_eq!(ok(store.ack(&last).await), Acked::Done);
    owed(&[], 99).await;
    let accounts = seat(store, 1).await.map(|seat| seat.accounts.len());
    assert_eq!(accounts, Some(4));
}

async fn the_last_acknowledgement_moves_the_look<S: Store>(store: &S) {
    for (of, due_at) in [(1, None), (2, Some(at(50)))] {
        let mut first = commit(of, None, 1);
        first.owe = BTreeSet::from([target(0)]);
        first.wake_at = Some(at(10));
        first.record.due_at = due_at;
        assert_eq!(ok(store.commit(&first).await), Committed::Done);
        assert_eq!(ok(store.ack(&ack(of, 0, None, 1)).await), Acked::Done);
        assert_eq!(seat(store, of).await.map(|seat| seat.wake_at), Some(due_at));
        // Nothing was owed before this one; the look is the record's all the same.
        assert!(ok(store
            .rest(&identity(of), Generation(1), Some(at(20)))
            .await));
        assert_eq!(ok(store.ack(&ack(of, 0, Some(1), 1)).await), Acked::Done);
        assert_eq!(seat(store, of).await.map(|seat| seat.wake_at), Some(due_at));
    }
    assert_eq!(ok(store.due(at(60), 9).await), [identity(2)]);
}

async fn due_identities_come_in_order<S: Store>(store: &S) {
    // Whole seconds and parts of one sort as times, not as text of different length.
    let second = at(100);
    let nanos = |n: i64| Timestamp::from_nanosecond(second.as_nanosecond() + i128::from(n));
    for of in 0..40 {
        let mut one = commit(of, None, 1);
        let nanosecond = i64::try_from(of).unwrap_or_default() * 7_000_001;
        one.wake_at = nanos(nanosecond).ok();
        assert_eq!(ok(store.commit(&one).await), Committed::Done);
    }
    assert_eq!(
        ok(store.commit(&commit(99, None, 1)).await),
        Committed::Done
    );
    let all: Vec<_> = (0..40).map(identity).collect();
    assert_eq!(ok(store.due(at(101), 100).await), all);
    assert_eq!(
        ok(store.due(at(101), 7).await).as_slice(),
        all.get(..7).unwrap_or_default()
    );
    assert_eq!(
        ok(store.due(second, 9).await),
        [identity(0)],
        "at that instant is due"
    );
    assert_eq!(ok(store.due(at(99), 9).await), []);
    assert_eq!(ok(store.due(at(101), 0).await), []);
    assert!(ok(store
        .rest(&identity(0), Generation(1), Some(at(500)))
        .await));
    assert_eq!(ok(store.due(second, 9).await), []);
}

/// Text of so many bytes after whatever an adapter does to write it shorter, and of more before.
fn unpackable(bytes: u64) -> String {
    let digests = (0..bytes.div_ceil(32)).map(|n| Hash::of(&n.to_be_bytes()));
    digests.fold(String::new(), |text, digest| text + &digest.to_string())
}

async fn a_scan_meets_everybody_once<S: Store>(store: &S) {
    let heavy = unpackable(20_000);
    for of in 0..150 {
        let mut one = commit(of, None, 1);
        one.links = vec![record(of + 1000)];
        one.claims = vec![claim(of, false)];
        assert_eq!(ok(store.commit(&one).await), Committed::Done);
        let event = format!("e{of}");
        let body = [fact(of, &event, &heavy)];
        ok(store.accept(&delivery("hr", &event, &event), &body).await);
    }
    ok(store.set_health(&target(0), &Health::Healthy).await);
    for of in [1, 4] {
        let mut met = BTreeMap::new();
        for index in 0..of {
            let mut after = None;
            loop {
                let page = ok(store
                    .scan(Segment { index, of }, Reading::Latest, after.as_deref())
                    .await);
                for (identity, seat) in page.rows {
                    assert!(met.insert(identity, seat).is_none(), "met twice");
                }
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
        }
        assert_eq!(met.len(), 150);
        for of in 0..150 {
            assert_eq!(met.get(&identity(of)), seat(store, of).await.as_ref());
        }
    }
}

async fn seats_come_in_the_order_asked_for<S: Store>(store: &S) {
    for of in 0..120 {
        let one = commit(of, None, of + 1);
        assert_eq!(ok(store.commit(&one).await), Committed::Done);
    }
    let limited = Health::Throttled { until: at(60) };
    ok(store.set_health(&target(0), &limited).await);
    // More than a request takes, somebody twice, nobody, and the last first.
    let asked: Vec<u64> = (0..120).rev().chain([7, 500, 7]).collect();
    let identities: Vec<_> = asked.iter().copied().map(identity).collect();
    let (seats, health) = ok(store.seats(&identities, &target(0)).await);
    assert_eq!(health, limited);
    assert_eq!(seats.len(), asked.len());
    for (of, seat) in asked.into_iter().zip(seats) {
        let generation = ok(seat).map(|seat| seat.record.generation.0);
        assert_eq!(generation, (of < 120).then_some(of + 1), "{of}");
    }
    let (nobody, health) = ok(store.seats(&[], &target(1)).await);
    assert_eq!((nobody.len(), health), (0, Health::default()));
}

async fn a_gauge_is_written_by_whoever_read_it_last<S: Store>(store: &S) {
    let untouched = ok(store.gauge(&target(0)).await);
    assert_eq!(untouched, Gauge::default());
    let mut used = untouched.clone();
    used.window.count(at(0), Tally { well: 3, ill: 1 });
    assert!(ok(store.set_gauge(&target(0), &used).await));
    // Whoever read before is too late, with the same and with another content.
    assert!(!ok(store.set_gauge(&target(0), &untouched).await));
    let kept = ok(store.gauge(&target(0)).await);
    assert_eq!((kept.version, kept.window), (1, used.window));
    assert!(ok(store.set_gauge(&target(0), &kept).await));
    assert!(!ok(store.set_gauge(&target(0), &kept).await));
    assert_eq!(ok(store.gauge(&target(0)).await).version, 2);
    // Other targets and a target's health have nothing to do with it.
    assert_eq!(ok(store.gauge(&target(1)).await), Gauge::default());
    assert_eq!(ok(store.health(&target(0)).await), Health::Healthy);
}

async fn a_meter_is_written_by_whoever_read_it_last<S: Store>(store: &S) {
    let untouched = ok(store.meter(&target(0)).await);
    assert_eq!(untouched, Meter::default());
    let mut used = untouched.clone();
    used.open(Scope::class(Class::Rename), 1, at(0));
    assert!(ok(store.set_meter(&target(0), &used).await));
    assert!(!ok(store.set_meter(&target(0), &untouched).await));
    let kept = ok(store.meter(&target(0)).await);
    assert_eq!(kept, used.at_version(1));
    assert!(ok(store.set_meter(&target(0), &kept).await));
    assert!(!ok(store.set_meter(&target(0), &kept).await));
    assert_eq!(ok(store.meter(&target(0)).await).version, 2);
    // Neither other targets nor the gauge have anything to do with it.
    assert_eq!(ok(store.meter(&target(1)).await), Meter::default());
    assert_eq!(ok(store.gauge(&target(0)).await), Gauge::default());
}

async fn health_is_kept_by_target<S: Store>(store: &S) {
    assert_eq!(ok(store.health(&target(0)).await), Health::Healthy);
    let ill = Health::Quarantined {
        reason: "401".into(),
        since: at(1),
        next_attempt: at(2),
        attempts: 3,
    };
    ok(store.set_health(&target(0), &ill).await);
    assert_eq!(ok(store.health(&target(0)).await), ill);
    assert_eq!(ok(store.health(&target(1)).await), Health::Healthy);
    assert_eq!(ok(store.seat(&identity(1), &target(0)).await), (None, ill));
    assert_eq!(ok(store.commit(&commit(1, None, 1)).await), Committed::Done);
    let (seat, health) = ok(store.seat(&identity(1), &target(1)).await);
    assert_eq!((seat.is_some(), health), (true, Health::Healthy));
    ok(store.set_health(&target(0), &Health::Healthy).await);
    assert_eq!(ok(store.health(&target(0)).await), Health::Healthy);
}

async fn a_pause_outlasts_what_connectors_record<S: Store>(store: &S) {
    let pause = Pause {
        by: "ida".into(),
        reason: "moves to another host".into(),
        since: at(1),
    };
    // Nothing was ever recorded about the first; something is about the second.
    let throttled = Health::Throttled { until: at(9) };
    ok(store.set_health(&target(1), &throttled).await);
    for number in [0, 1] {
        let target = target(number);
        ok(store.set_pause(&target, Some(&pause)).await);
        assert_eq!(
            ok(store.health(&target).await),
            Health::Paused(pause.clone())
        );
        ok(store.set_health(&target, &throttled).await);
        assert_eq!(
            ok(store.seat(&identity(1), &target).await),
            (None, Health::Paused(pause.clone()))
        );
        ok(store.set_pause(&target, None).await);
        assert_eq!(ok(store.health(&target).await), throttled);
    }
    assert_eq!(ok(store.health(&target(2)).await), Health::Healthy);
    ok(store.set_pause(&target(2), None).await);
    assert_eq!(ok(store.health(&target(2)).await), Health::Healthy);
}
