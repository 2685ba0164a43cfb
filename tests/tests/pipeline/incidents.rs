//! What happened to the nearest relatives, as far as it reaches from HR to a target. Those that are
//! about reading a target (an empty list, a 503 between pages, short pages, partial success,
//! accounts that are not ours) are told in the reconciler's suite too.

use contract::Lane;
use hr_webhook::feed::Asked;
use scim_target::{Fault, FaultKind};
use serde_json::{Value, json};
use tests::world::feed::{Export, listed, records};
use tests::world::{Company, Says, policy_text, unlimited};

const ANA: (&str, &str) = ("Ana", "Silva");

fn with_feed() -> String {
    policy_text() + "\n[sources.hr.feed]\nformat = \"jsonl\"\nsentinels = [\"E0\"]\n"
}

async fn with_ana() -> Company {
    let mut company = Company::new().await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    company
}

fn people(count: usize) -> Vec<Value> {
    let person = |n: usize| {
        let attributes = json!({
            "given_name": format!("Ana{n}"), "family_name": "Silva", "department": "Sales",
            "employment_type": "employee", "worker_status": "active", "start_date": "2026-01-05",
        });
        listed(&format!("E{n}"), "2026-01-02T09:00:00Z", &attributes)
    };
    (0..count).map(person).collect()
}

/// A company of eight that came by a feed.
async fn fed() -> Company {
    let company = Company::with_policy(&with_feed()).await;
    let first = Export::of(&people(8), "2026-03-02T07:00:00Z", 3).text();
    let report = company.world.deliver(&first, Asked::default()).await;
    assert!(report.expect("a feed").is_complete());
    company.world.settle().await;
    assert_eq!(company.dir.user_count(), 8);
    company
}

/// The same feed on three days in a row: nobody loses anything.
async fn takes_nothing_away(company: &Company, feed: impl Fn(&str) -> String) {
    for day in 3..6 {
        let as_of = format!("2026-03-0{day}T07:00:00Z");
        let at = format!("2026-03-0{day}T08:00:00Z");
        company.world.until(&at).await;
        company.reset_calls();
        let report = company.world.deliver(&feed(&as_of), Asked::default()).await;
        let report = report.expect("a feed");
        assert!(!report.is_complete() && report.ended.is_empty(), "{report}");
        company.world.settle().await;
        assert_eq!(company.target_writes(), 0);
    }
}

#[tokio::test]
async fn inc_empty_source_list() {
    let company = fed().await;
    takes_nothing_away(&company, |as_of| Export::of(&[], as_of, 3).text()).await;
    // A check for zero alone would let this pass.
    takes_little_for_everything(&company).await;
}

async fn takes_little_for_everything(company: &Company) {
    let text = Export::of(&people(1), "2026-03-06T07:00:00Z", 3).text();
    company.world.until("2026-03-06T08:00:00Z").await;
    let report = company.world.deliver(&text, Asked::default()).await;
    assert!(!report.expect("a feed").is_complete());
}

#[tokio::test]
async fn inc_mid_read_503() {
    let company = fed().await;
    takes_nothing_away(&company, |as_of| {
        let mut export = Export::of(&people(8), as_of, 3);
        // What an exporter writes that goes on after an error.
        let at = export.lines.len() - 4;
        export.lines[at] = "<html><h1>503 Service Unavailable</h1></html>".to_owned();
        export.text()
    })
    .await;
}

#[tokio::test]
async fn inc_short_pagination() {
    let company = fed().await;
    takes_nothing_away(&company, |as_of| {
        let whole = Export::of(&people(8), as_of, 3);
        let read = Export::of(&people(6), as_of, 3);
        let lines = [&whole.lines[..1], &read.lines[1..]].concat();
        Export { lines }.text()
    })
    .await;
}

#[tokio::test]
async fn inc_partial_success() {
    let company = fed().await;
    // Everything agrees with itself, and two thirds of the people are not there.
    takes_nothing_away(&company, |as_of| Export::of(&people(2), as_of, 3).text()).await;
}

#[tokio::test]
async fn inc_checkpoint_past_gap() {
    let company = fed().await;
    // A feed without its middle, whose changes count; the next one is measured against the last
    // that was whole, and what the gap hid is heard then.
    let mut next = people(8);
    for (n, title) in [(1, "First"), (4, "Middle"), (7, "Last")] {
        next[n]["attributes"]["title"] = title.into();
        next[n]["recorded_at"] = "2026-03-03T06:00:00Z".into();
    }
    company.world.until("2026-03-03T08:00:00Z").await;
    let mut gap = Export::of(&next, "2026-03-03T07:00:00Z", 3);
    gap.lines.drain(5..9);
    let report = company.world.deliver(&gap.text(), Asked::default()).await;
    let report = report.expect("a feed");
    company.world.settle().await;
    assert!(!report.is_complete());
    assert_eq!(report.changed, records(["E1", "E7"]));
    let whole = Export::of(&next, "2026-03-03T07:00:00Z", 3).text();
    let report = company.world.deliver(&whole, Asked::default()).await;
    let report = report.expect("a feed");
    company.world.settle().await;
    assert!(report.is_complete(), "the gap was not remembered: {report}");
    assert_eq!(report.changed, records(["E4"]));
    let title = company.on_dir("E4").expect("an account").json["title"].clone();
    assert_eq!(title, "Middle");
}

#[tokio::test]
async fn inc_fixed_handler_replay() {
    // For months an ending was not understood: HR's word for it was not in the standards, and the
    // record waited. The facts are still there, so that correcting the policy is enough.
    let mut company = with_ana().await;
    let ends = Says::about("E1").that("worker_status", "departed");
    company.world.hr(ends).await;
    assert_eq!(company.active("E1"), (true, true));
    company.world.until("2026-09-01T00:00:00Z").await;
    let corrected = policy_text().replace("\"terminated\" = []", "\"terminated\" = [\"departed\"]");
    assert_ne!(corrected, policy_text());
    let Company { world, dir, wiki } = company;
    let company = Company {
        world: world.restarted(&unlimited(&corrected)),
        dir,
        wiki,
    };
    company.world.night().await;
    assert_eq!(company.active("E1"), (false, false));
    assert_eq!(company.groups("E1"), [""; 0]);
}

#[tokio::test]
async fn inc_fixed_handler_replay_by_a_feed() {
    // Webhooks of an ending that never arrived, and are long gone at the sender.
    let company = fed().await;
    for (day, ended) in [(3, 0), (4, 1)] {
        company
            .world
            .until(&format!("2026-03-0{day}T08:00:00Z"))
            .await;
        let text = Export::of(&people(7), &format!("2026-03-0{day}T07:00:00Z"), 3).text();
        let report = company.world.deliver(&text, Asked::default()).await;
        assert_eq!(report.expect("a feed").ended.len(), ended);
        company.world.settle().await;
    }
    assert_eq!(company.active("E7"), (false, false));
    assert_eq!(company.active("E6"), (true, true));
}

#[tokio::test]
async fn inc_rename_and_disable() {
    // The ending comes with a new name, a new address and a new employee number.
    let mut company = with_ana().await;
    let before = company.on_dir("E1").expect("an account");
    let ends = Says::about("E1")
        .that("family_name", "Souza")
        .that("work_email", "ana.souza@example.com")
        .that("employee_number", "999")
        .that("worker_status", "terminated")
        .that("end_mode", "now");
    company.world.hr(ends).await;
    let after = company.on_dir("E1").expect("an account");
    assert_eq!(after.id, before.id);
    assert_eq!(company.active("E1"), (false, false));
    assert_eq!(company.groups("E1"), [""; 0]);
    assert_eq!(
        (company.dir.user_count(), company.wiki.user_count()),
        (1, 1)
    );
}

#[tokio::test]
async fn inc_unmanaged_touch() {
    let mut company = Company::new().await;
    let native = json!({ "userName": "native", "active": true, "title": "Native" });
    let native = company.dir.insert_user(native).expect("inserted");
    // One with the name that we would give, bearing somebody else's key.
    let other = json!({ "userName": "ana.silva", "externalId": "theirs", "active": true });
    let other = company.dir.insert_user(other).expect("inserted");
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02");
    company.world.hr(hire).await;
    let ends = Says::about("E1").that("end_mode", "now");
    company
        .world
        .hr(ends.that("worker_status", "terminated"))
        .await;
    company.world.night().await;
    company.world.night().await;
    for theirs in [native, other] {
        let now = company.dir.user(&theirs.id).expect("still there");
        assert_eq!(now.json, theirs.json, "untouched");
    }
}

#[tokio::test]
async fn inc_email_change() {
    let mut company = with_ana().await;
    let stated = Says::about("E1").that("work_email", "ana@example.com");
    company.world.hr(stated).await;
    let before = company.on_dir("E1").expect("an account").id;
    let renamed = Says::about("E1").that("work_email", "ana.souza@example.com");
    company.world.hr(renamed).await;
    company.world.night().await;
    let after = company.on_dir("E1").expect("an account");
    assert_eq!(after.id, before, "renamed, not deleted and made anew");
    assert_eq!(company.active("E1"), (true, true));
    assert_eq!(company.groups("E1"), ["editors", "readers", "staff"]);
    assert_eq!(
        (company.dir.user_count(), company.wiki.user_count()),
        (1, 1)
    );
}

#[tokio::test]
async fn inc_disable_noop_200() {
    let mut company = with_ana().await;
    let ignores = Fault::IgnoreActive { echo: true };
    company.dir.faults().add(ignores.always());
    let ends = Says::about("E1").that("worker_status", "terminated");
    company.world.post(ends.that("end_mode", "now")).await;
    company.world.work(&Lane::Facts).await;
    company.world.work(&Lane::Terminations).await;
    assert!(company.dir.faults().fired(FaultKind::IgnoreActive) > 0);
    assert!(company.on_dir("E1").expect("an account").active);
    let seat = company.world.seat("E1").await.expect("an item");
    assert!(
        seat.owed.contains_key("dir"),
        "200 is not believed: it stays owed"
    );
    company.dir.faults().clear();
    company.world.settle().await;
    assert_eq!(company.active("E1"), (false, false));
}
