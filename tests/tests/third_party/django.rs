//! django-scim2 with its stock adapters knows few attributes, answers 501 to what it does not know
//! and carries out a PATCH operation by operation. With a mapping that fits it and the profile
//! that the probe finds, it lives through everything. With the profile `rfc` it cannot take a
//! member out of a group; what it cannot do is parked with a reason, and nobody else loses anything.

use contract::report::Class;
use domain::profile::PatchStyle;

use super::*;

/// How the mappings begin that django-scim2 cannot change.
const UNKNOWN: [&str; 4] = [
    "title = ",
    "displayName = ",
    "'emails[",
    "\"urn:ietf:params:scim:schemas:extension:enterprise",
];

/// The policy without the lines that begin like this.
fn policy_without(starts: &[&str]) -> String {
    let text = policy_text();
    let lines = text
        .lines()
        .filter(|line| !starts.iter().any(|start| line.starts_with(start)));
    lines.collect::<Vec<_>>().join("\n")
}

async fn fitting_site() -> Site {
    Site::with_policy(ThirdParty::DjangoScim2, &policy_without(&UNKNOWN)).await
}

/// The same in the words of the RFC, which nobody tried.
async fn unprobed_site() -> Site {
    Site::unprobed(ThirdParty::DjangoScim2, &policy_without(&UNKNOWN)).await
}

async fn leaves_now(site: &mut Site, worker: &str) {
    let leaver = Says::about(worker)
        .that("worker_status", "terminated")
        .that("end_date", "2026-03-02")
        .that("end_mode", "now");
    site.world.hr(leaver).await;
}

#[tokio::test]
async fn with_a_mapping_that_fits_people_join_change_names_leave_and_come_back() {
    let mut site = fitting_site().await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02").as_event("hire-1");
    site.world.hr(hire.clone()).await;
    let account = site.account("E1").await;
    assert_eq!(account["userName"], "ana.silva");
    assert_eq!(account["active"], true);
    assert_eq!(site.groups("E1").await, ["staff"]);
    assert_eq!(site.parked("E1").await, None);

    let everything = site.everything().await;
    site.world.hr(hire).await;
    assert_eq!(site.everything().await, everything);

    site.world
        .hr(Says::about("E1").that("family_name", "Souza"))
        .await;
    assert_eq!(site.account("E1").await["id"], account["id"]);
    assert_eq!(site.account("E1").await["name"]["familyName"], "Souza");
    assert_eq!(site.account("E1").await["name"]["givenName"], "Ana");

    let moved = Says::about("E2")
        .that("department", "Finance")
        .from("2026-03-02")
        .recorded("2026-03-01T12:00:00Z");
    let hired = Says::hires("E2", BEN, "Sales", "2026-03-02")
        .that("work_email", "ben.okafor@example.com")
        .recorded("2026-03-01T09:00:00Z");
    site.world.hr(moved).await;
    site.world.hr(hired).await;
    assert_eq!(site.groups("E2").await, ["payables", "staff"]);

    names_in_other_scripts(&mut site).await;

    // From one group to another, and to the other side of an SoD pair.
    site.world
        .hr(Says::about("E1").that("department", "Finance"))
        .await;
    assert_eq!(site.groups("E1").await, ["payables", "staff"]);
    site.world
        .hr(Says::about("E1").that("department", "Treasury"))
        .await;
    assert_eq!(site.groups("E1").await, ["approvers", "staff"]);
    assert_eq!(site.parked("E1").await, None);
    assert_eq!(site.groups("E2").await, ["payables", "staff"]);

    leaves_now(&mut site, "E2").await;
    let id = site.id("E2").await;
    assert!(!site.active("E2").await, "the block waits for nothing");
    assert_eq!(site.groups("E2").await, [""; 0]);
    assert_eq!(site.groups("E1").await, ["approvers", "staff"]);
    site.world.until("2026-03-20T09:00:00Z").await;
    let rehire = Says::hires("E20", BEN, "Finance", "2026-03-20")
        .that("work_email", "ben.okafor@example.com");
    site.world.hr(rehire).await;
    assert_eq!(site.id("E2").await, id);
    assert!(site.active("E2").await);
    assert_eq!(site.groups("E2").await, ["payables", "staff"]);

    a_contract_ends_by_itself(&mut site).await;

    let everything = site.everything().await;
    let night = site.world.night().await;
    assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
    let dir = &night.manifest.summary.targets[&TargetId::from("dir")];
    assert_eq!(dir.users.as_ref().map(|proof| proof.received), Ok(7));
    assert_eq!(dir.groups.as_ref().map(|proof| proof.received), Ok(4));
    assert_eq!(site.everything().await, everything);
}

/// It takes a PUT of whoever has an e-mail address, which the probe's users have not. By PUT it
/// changes the address too, which it does not know in a PATCH.
#[tokio::test]
async fn by_put_addresses_change_too() {
    let mapped = "'emails[type eq \"work\"].value'";
    let policy = policy_without(&[UNKNOWN[0], UNKNOWN[1], UNKNOWN[3]]).replacen(
        mapped,
        "'emails[primary eq true].value'",
        1,
    );
    let by_put = |profile: &mut Profile| profile.patch = PatchStyle::Put;
    let mut site = Site::departing(ThirdParty::DjangoScim2, &policy, by_put).await;
    let hire = Says::hires("E1", ANA, "Finance", "2026-03-02");
    site.world.hr(hire).await;
    let address = |account: &Value| account["emails"][0]["value"].clone();
    assert_eq!(address(&site.account("E1").await), "ana.silva@example.com");
    let mover = Says::about("E1")
        .that("family_name", "Souza")
        .that("department", "Treasury")
        .that("work_email", "ana.souza@example.com");
    site.world.hr(mover).await;
    assert_eq!(site.parked("E1").await, None);
    let account = site.account("E1").await;
    assert_eq!(address(&account), "ana.souza@example.com");
    assert_eq!(account["name"]["familyName"], "Souza");
    assert_eq!(account["userName"], "ana.silva");
    assert_eq!(site.groups("E1").await, ["approvers", "staff"]);

    leaves_now(&mut site, "E1").await;
    assert!(!site.active("E1").await);
    assert_eq!(site.groups("E1").await, [""; 0]);
    let everything = site.everything().await;
    let night = site.world.night().await;
    assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
    assert_eq!(site.everything().await, everything);
}

#[tokio::test]
async fn unprobed_a_removal_that_it_cannot_do_is_parked_and_takes_nothing_from_anybody() {
    let mut site = unprobed_site().await;
    for (worker, names) in [("E1", ANA), ("E2", BEN)] {
        site.world
            .hr(Says::hires(worker, names, "Finance", "2026-03-02"))
            .await;
    }
    let everything = site.everything().await;

    // To the other side of an SoD pair: what cannot be taken keeps the other from being given.
    site.world
        .hr(Says::about("E1").that("department", "Treasury"))
        .await;
    let why = site.parked("E1").await.expect("a reason");
    assert_eq!(
        why,
        "revoke of `payables`: 501, the target does not support this"
    );
    assert_eq!(site.everything().await, everything, "nothing half-done");

    // The block of a leaver and what fails after it.
    leaves_now(&mut site, "E1").await;
    assert!(!site.active("E1").await);
    // What the parked move might have given is taken first, whatever a look shows.
    let why = site.parked("E1").await.expect("a reason");
    assert_eq!(
        why,
        "revoke of `approvers`: 501, the target does not support this"
    );
    assert_eq!(site.groups("E1").await, ["payables", "staff"]);
    assert_eq!(site.groups("E2").await, ["payables", "staff"]);
    let seat = site.world.seat("E1").await.expect("an item");
    assert!(seat.owed.is_empty(), "nothing runs round in circles");

    // Nights repeat what is open and write nothing that was not there before.
    for _ in 0..2 {
        site.world.pass(SignedDuration::from_hours(24)).await;
        let everything = site.everything().await;
        let night = site.world.night().await;
        let dir = &night.manifest.summary.targets[&TargetId::from("dir")];
        assert!(dir.users.is_ok() && dir.groups.is_ok());
        assert_eq!(dir.findings.get(&Class::O6), Some(&2), "{:?}", dir.findings);
        assert_eq!(site.everything().await, everything);
    }
}

#[tokio::test]
async fn unprobed_a_contract_ends_by_itself_and_its_group_stays_for_a_human() {
    let mut site = unprobed_site().await;
    let contract = Says::contracts("C1", ("Zoe", "Park"), "2026-03-02", Some("2026-03-31"));
    site.world.hr(contract).await;
    assert_eq!(site.groups("C1").await, ["contractors"]);
    site.world.until("2026-03-31T22:59:59Z").await;
    assert!(site.active("C1").await, "the last working day is not over");
    site.world.until("2026-03-31T23:00:00Z").await;
    assert!(!site.active("C1").await);
    let why = site.parked("C1").await.expect("a reason");
    assert_eq!(
        why,
        "revoke of `contractors`: 501, the target does not support this"
    );
}

#[tokio::test]
async fn an_account_that_is_there_already_is_adopted_or_left_alone() {
    let mut site = fitting_site().await;
    let other = json!({ "userName": "eva.berg", "externalId": "other", "active": true });
    let other = site.scim.add_user(other).await;
    let before = site.scim.user(&other).await;
    let hire = Says::hires("E7", ("Eva", "Berg"), "Sales", "2026-03-02");
    site.world.hr(hire).await;
    assert!(!site.has_account("E7").await);
    let why = site.parked("E7").await.expect("a reason");
    assert!(why.contains("somebody else's key"), "{why}");
    assert_eq!(site.scim.user(&other).await, before);

    let own = json!({ "userName": "tom.adler", "active": false });
    let id = site.scim.add_user(own).await;
    let hire = Says::hires("E8", ("Tom", "Adler"), "Sales", "2026-03-02");
    site.world.hr(hire).await;
    let account = site.account("E8").await;
    assert_eq!(account["id"], Value::from(id));
    assert_eq!(account["active"], true);
    assert_eq!(account["name"]["familyName"], "Adler");
    assert_eq!(site.groups("E8").await, ["staff"]);
}

#[tokio::test]
async fn a_leaver_who_was_let_in_again_by_hand_is_blocked_again() {
    let mut site = fitting_site().await;
    site.world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    leaves_now(&mut site, "E1").await;
    let id = site.id("E1").await;
    site.scim.change_user(&id, "active", json!(true)).await;
    assert!(site.active("E1").await);
    let night = site.world.night().await;
    let dir = &night.manifest.summary.targets[&TargetId::from("dir")];
    assert_eq!(dir.findings.get(&Class::O1), Some(&1), "{:?}", dir.findings);
    assert!(!site.active("E1").await);
}

#[tokio::test]
async fn what_hands_did_is_repaired_or_reported() {
    let mut site = fitting_site().await;
    for (n, department) in (0..6).zip(["Engineering", "Finance"].into_iter().cycle()) {
        let names = (format!("Person{n}"), "Silva");
        let hire = Says::hires(
            &format!("E{n}"),
            (&names.0, names.1),
            department,
            "2026-03-02",
        );
        site.world.hr(hire).await;
    }
    site.world.pass(SignedDuration::from_hours(2)).await;
    let [e0, e1, e2, e3] = [
        site.id("E0").await,
        site.id("E1").await,
        site.id("E2").await,
        site.id("E3").await,
    ];
    site.scim.add_member("approvers", &e0).await;
    site.scim.remove_member("payables", &e1).await;
    site.scim
        .change_user(&e2, "name.familyName", json!("Emperor"))
        .await;
    site.scim.delete_user(&e3).await;
    let ghost = site
        .scim
        .add_user(json!({ "userName": "ghost", "active": true }))
        .await;
    let ghost_before = site.scim.user(&ghost).await;

    let night = site.world.night().await;
    let dir = &night.manifest.summary.targets[&TargetId::from("dir")];
    let classes: Vec<Class> = dir.findings.keys().copied().collect();
    assert_eq!(classes, [Class::O3, Class::O6, Class::O7, Class::O8]);
    assert_eq!(site.groups("E0").await, ["approvers", "staff"]);
    assert_eq!(site.groups("E1").await, ["payables", "staff"]);
    assert_eq!(site.account("E2").await["name"]["familyName"], "Silva");
    assert_ne!(site.id("E3").await, e3);
    assert_eq!(site.groups("E3").await, ["payables", "staff"]);
    assert_eq!(site.scim.user(&ghost).await, ghost_before);

    let everything = site.everything().await;
    let night = site.world.night().await;
    assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
    assert_eq!(site.everything().await, everything);
}

#[tokio::test]
async fn attributes_that_it_does_not_know_are_parked_by_name() {
    let mut site = Site::open(ThirdParty::DjangoScim2).await;
    // On create it drops them without a word.
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02").that("title", "Engineer");
    site.world.hr(hire).await;
    assert!(site.account("E1").await["title"].is_null());
    assert_eq!(site.groups("E1").await, ["staff"]);

    // On change it says so.
    let everything = site.everything().await;
    let mover = Says::about("E1")
        .that("title", "Lead")
        .that("family_name", "Souza");
    site.world.hr(mover).await;
    let why = site.parked("E1").await.expect("a reason");
    assert_eq!(
        why,
        "update of `displayName`, `name.familyName`, `title`: 501, the target does not support this"
    );
    assert_eq!(site.everything().await, everything, "nothing half-done");

    // A sign-in block does not wait for what it does not know.
    leaves_now(&mut site, "E1").await;
    assert!(!site.active("E1").await);
}

/// RFC 7644 section 3.5.2: a PATCH is done as a whole or not at all.
#[tokio::test]
async fn a_change_of_which_it_knows_the_first_half_is_not_half_done() {
    let policy = policy_without(&UNKNOWN[1..]);
    let mut site = Site::with_policy(ThirdParty::DjangoScim2, &policy).await;
    site.world
        .hr(Says::hires("E1", ANA, "Engineering", "2026-03-02"))
        .await;
    let everything = site.everything().await;
    let mover = Says::about("E1")
        .that("family_name", "Souza")
        .that("title", "Lead");
    site.world.hr(mover).await;
    let why = "update of `name.familyName`, `title`: 501, the target does not support this";
    assert_eq!(site.parked("E1").await.as_deref(), Some(why));
    assert_eq!(site.everything().await, everything);
}
