//! What has to hold in the end.

use std::collections::{BTreeMap, BTreeSet};

use domain::{RecordKey, plan};
use ports::{Objects as _, Store as _};
use scim_target::User;

use crate::run::Run;
use crate::story::Wanted;
use crate::world::{identity, now};

/// Everything that does not hold, in words.
pub async fn violations(run: &Run) -> Vec<String> {
    let mut wrong = Vec::new();
    queues(run, &mut wrong).await;
    facts(run, &mut wrong).await;
    accounts(run, &mut wrong);
    creations(run, &mut wrong);
    reports(run, &mut wrong).await;
    wrong
}

async fn queues(run: &Run, wrong: &mut Vec<String>) {
    for (lane, (visible, hidden, dead)) in ["facts", "lane", "terminations"]
        .iter()
        .zip(run.counts().await)
    {
        if visible + hidden > 0 {
            wrong.push(format!("{lane}: {} messages are left", visible + hidden));
        }
        if dead > 0 {
            wrong.push(format!("{lane}: {dead} dead letters"));
        }
    }
    for worker in run.is_due_by(now()).await {
        wrong.push(format!("{worker}: the clock was not heard"));
    }
}

/// Every post that was accepted is kept, the planner has heard all of it, and nothing is owed.
async fn facts(run: &Run, wrong: &mut Vec<String>) {
    for (worker, accepted) in &run.accepted {
        let record = RecordKey::from(&identity(worker));
        let dossier = run.world.store.dossier(&record).await.expect("a dossier");
        let kept: BTreeSet<String> = dossier
            .facts
            .iter()
            .map(|fact| fact.event.as_str().to_owned())
            .collect();
        if kept.len() != dossier.facts.len() {
            wrong.push(format!("{worker}: an event was kept twice"));
        }
        for event in accepted.difference(&kept) {
            wrong.push(format!("{worker}: {event} was accepted and is not kept"));
        }
        let Some(seat) = dossier.seat else {
            wrong.push(format!("{worker}: no fact was heard"));
            continue;
        };
        if seat.record.facts != plan::facts_digest(&[(record, dossier.facts)]) {
            wrong.push(format!("{worker}: a fact was not heard"));
        }
        if !seat.owed.is_empty() {
            wrong.push(format!("{worker}: {:?} is owed", seat.owed));
        }
    }
}

/// Everybody has what the newest fact demands, and nobody else has anything.
fn accounts(run: &Run, wrong: &mut Vec<String>) {
    let mut accounts: BTreeMap<String, Vec<User>> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for user in run.world.target.users() {
        if !names.insert(user.user_name.clone()) {
            wrong.push(format!("`{}` is there twice", user.user_name));
        }
        let key = user.external_id.clone().unwrap_or_default();
        accounts.entry(key).or_default().push(user);
    }
    for (worker, wanted) in &run.wanted {
        let have = accounts.remove(identity(worker).as_str());
        let have = have.unwrap_or_default();
        if !is_fulfilled(wanted, &have) {
            let have: Vec<_> = have
                .iter()
                .map(|user| (user.active, &user.groups, &user.json["emails"]))
                .collect();
            wrong.push(format!("{worker}: wanted {wanted:?}, has {have:?}"));
        }
    }
    for key in accounts.keys() {
        wrong.push(format!("{key}: an account of nobody"));
    }
}

fn is_fulfilled(wanted: &Wanted, have: &[User]) -> bool {
    match (wanted, have) {
        (Wanted::Active { groups, email }, [user]) => {
            user.active
                && user.groups.iter().eq(groups_in_order(groups))
                && user.json["emails"][0]["value"] == *email
        }
        (Wanted::Gone, [user]) => !user.active && user.groups.is_empty(),
        (Wanted::Gone | Wanted::Nothing, []) => true,
        (Wanted::Active { .. } | Wanted::Gone | Wanted::Nothing, _) => false,
    }
}

/// As the target shows them: in the order in which they were made.
fn groups_in_order(groups: &BTreeSet<String>) -> impl Iterator<Item = &String> {
    groups.iter().rev()
}

/// Nobody's account was made twice: no more than there are, and none was ever deleted.
fn creations(run: &Run, wrong: &mut Vec<String>) {
    let log = run.world.target.log();
    let made = log
        .iter()
        .filter(|one| one.method == "POST" && one.template == "/Users" && one.status == Some(201));
    let (made, there) = (made.count(), run.world.target.user_count());
    if made != there {
        wrong.push(format!("{made} accounts were made, {there} are there"));
    }
    if log.iter().any(|one| one.method == "DELETE") {
        wrong.push("something was deleted".to_owned());
    }
}

/// Every nightly run has one report, however often its steps were killed.
async fn reports(run: &Run, wrong: &mut Vec<String>) {
    let keys = run.world.objects.list("reports/").await.expect("a list");
    let manifests = keys.iter().filter(|key| key.ends_with("/manifest.json"));
    let manifests = manifests.count();
    if manifests != run.nights {
        wrong.push(format!("{} runs; {manifests} have a report", run.nights));
    }
}
