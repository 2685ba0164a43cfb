//! The functions' real binaries are killed between any two of their requests, while 200 posts of
//! HR come in. Nothing gets lost, and nothing happens twice.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a suite stops at what does not hold"
)]

mod check;
mod fleet;
mod gate;
mod run;
mod story;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use crate::check::violations;
use crate::fleet::Role;
use crate::gate::Met;
use crate::run::{Flaw, Run};
use crate::story::{Cast, Wanted};
use crate::world::identity;

/// What everything is drawn from. A failure says which seed it was, and who was killed at what.
const SEED: u64 = 20_261_130;

/// How often each function is killed.
const KILLS: usize = 10;

/// Two runs, side by side.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_anywhere_everything_converges() {
    tokio::join!(Box::pin(survive(SEED)), Box::pin(survive(SEED + 1)));
}

async fn survive(seed: u64) {
    let mut run = Run::new(seed, Cast::WHOLE, KILLS, None).await;
    run.live().await;
    let rests = run.rest().await;
    let met: BTreeMap<Role, &[Met]> = run
        .fleet
        .iter()
        .map(|(role, member)| (*role, member.met.as_slice()))
        .collect();
    let which = format!("seed {seed}, killed at {met:#?}");
    assert!(rests, "{:?}, {which}", run.counts().await);
    let wrong = violations(&run).await;
    assert!(wrong.is_empty(), "{wrong:#?}, {which}");

    for (role, met) in &met {
        assert_eq!(met.len(), KILLS, "{role:?}, {which}");
        let kinds: BTreeSet<&Met> = met.iter().collect();
        assert!(kinds.len() > 2, "{role:?} always at the same, {which}");
    }
    let of = |what: &[&str], done: bool| {
        let all = met.values().copied().flatten();
        let mut those = all.filter(|met| met.done == done);
        those.any(|met| what.iter().any(|what| met.request.ends_with(what)))
    };
    for done in [false, true] {
        assert!(of(&["TransactWriteItems", "UpdateItem"], done), "{which}");
        assert!(of(&["SendMessageBatch"], done), "{which}");
    }
    let target = [
        "POST /scim/v2/Users",
        "PATCH /scim/v2/Users",
        "PATCH /scim/v2/Groups",
    ];
    assert!(of(&target, false) || of(&target, true), "{which}");
    let starting: usize = run.fleet.values().map(|member| member.starting).sum();
    assert!(starting > 0, "no start was met, {which}");
    assert!(run.redelivered > 0, "no message was met, {which}");
    assert!(run.repeated > 0, "nothing was asked for again, {which}");

    // The night agrees, and there is nothing to do for it.
    let target = &run.world.target;
    let (state, writes) = (target.digest(), target.calls().writes());
    run.night().await;
    assert!(run.rest().await);
    let night = run.night().await;
    let found = ["new", "closed", "held", "repairs", "replanned"].map(|name| &night[name]);
    assert_eq!(found, [&json!(0); 5], "{night}, seed {seed}");
    assert_eq!(run.world.target.digest(), state);
    assert_eq!(run.world.target.calls().writes(), writes);
    assert_eq!(violations(&run).await, [""; 0]);
}

/// That the checks can fail: a platform that takes the killed for done loses what they had.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_wrong_platform_loses_is_found() {
    let seed = 4;
    let mut run = Run::new(seed, Cast::SMALL, 4, Some(Flaw::KilledIsDone)).await;
    run.live().await;
    run.rest().await;
    let wrong = violations(&run).await;
    for what in ["was accepted and is not kept", "heard"] {
        let found = wrong.iter().any(|one| one.contains(what));
        assert!(found, "seed {seed}: `{what}` is not found in {wrong:#?}");
    }
}

/// That the checks can fail: each of these is found, and nothing else.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_planted_is_found() {
    let mut run = Run::new(7, Cast::SMALL, 0, None).await;
    run.live().await;
    assert!(run.rest().await, "{:?}", run.counts().await);
    assert_eq!(violations(&run).await, [""; 0]);
    let before = run.world.target.user_count();
    let working = run.those(|wanted| matches!(wanted, Wanted::Active { .. }));
    let gone = run.those(|wanted| *wanted == Wanted::Gone);
    let account = |worker: &str| {
        let key = identity(worker);
        let account = run.world.target.user_by_external_id(key.as_str());
        account.unwrap_or_else(|| panic!("{worker} has an account"))
    };
    let [twice, without, lost, asleep] = &working[..4] else {
        panic!("there are four");
    };
    let target = &run.world.target;
    let second = json!({"userName": "second", "externalId": identity(twice).as_str()});
    target.insert_user(second).expect("a second account");
    let left = gone.iter().find(|one| {
        let key = identity(one);
        target.user_by_external_id(key.as_str()).is_some()
    });
    let left = left.expect("a leaver with an account");
    let back = json!({"active": true});
    target.update_user(&account(left).id, back).expect("access");
    let staff = target.group_by_display_name("staff").expect("a group");
    let taken = target.remove_member(&staff.id, &account(without).id);
    assert!(taken.expect("a member"));
    let seat = run.world.seat(asleep).await;
    assert!(run.world.wake(&identity(asleep), &seat).await);
    for queue in ["lanyard-facts.fifo", "lanyard-terminations-dead.fifo"] {
        run.world.send(queue).await;
    }
    run.accepted
        .get_mut(lost)
        .expect("posts")
        .insert("msg".to_owned());

    let wrong = violations(&run).await;
    let expected = [
        "facts: 1 messages are left".to_owned(),
        "terminations: 1 dead letters".to_owned(),
        format!("{asleep}: the clock was not heard"),
        format!("{lost}: msg was accepted and is not kept"),
        format!("{left}: wanted Gone"),
        format!("{twice}: wanted Active"),
        format!("{without}: wanted Active"),
        format!("{before} accounts were made, {} are there", before + 1),
    ];
    for expected in &expected {
        let found = wrong.iter().any(|one| one.starts_with(expected));
        assert!(found, "{expected}: {wrong:#?}");
    }
    assert_eq!(wrong.len(), expected.len(), "{wrong:#?}");
}
