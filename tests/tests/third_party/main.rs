//! SCIM servers that we did not write, over real HTTP. Each is probed first, and spoken to in the
//! dialect that the probe found. The same company life runs on each; what is asserted is read by
//! plain requests and not through our client.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a suite stops at what does not hold"
)]

mod django;
mod site;
mod variants;

use domain::{Profile, TargetId};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::third_party::ThirdParty;
use tests::world::{Says, policy_text};

use site::Site;

const ANA: (&str, &str) = ("Ana", "Silva");
const BEN: (&str, &str) = ("Ben", "Okafor");
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

#[tokio::test]
async fn scim2_server_lives_through_joining_moving_leaving_and_coming_back() {
    people_come_and_go(ThirdParty::Scim2Server).await;
}

#[tokio::test]
async fn scimmy_lives_through_joining_moving_leaving_and_coming_back() {
    people_come_and_go(ThirdParty::Scimmy).await;
}

#[tokio::test]
async fn scim2_server_is_mended_at_night_and_left_alone_the_next() {
    nights(ThirdParty::Scim2Server).await;
}

#[tokio::test]
async fn scimmy_is_mended_at_night_and_left_alone_the_next() {
    nights(ThirdParty::Scimmy).await;
}

/// What `docs/scim-servers.md` says about look-ups with personal data in a body instead of a URL.
#[tokio::test]
async fn every_server_takes_a_search_by_post() {
    for server in [
        ThirdParty::Scim2Server,
        ThirdParty::Scimmy,
        ThirdParty::DjangoScim2,
    ] {
        let site = Site::unprobed(server, &policy_text()).await;
        let user = json!({ "userName": "ana.silva", "active": true });
        let id = site.scim.add_user(user).await;
        for (name, hits) in [("ana.silva", 1), ("nobody", 0)] {
            let search = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                "filter": format!("userName eq \"{name}\""),
            });
            let path = "/Users/.search";
            let answer = site
                .scim
                .send(reqwest::Method::POST, path, Some(&search))
                .await;
            assert_eq!(answer.status, 200, "{server:?}: {:?}", answer.body);
            assert_eq!(answer.body["totalResults"], hits, "{server:?}");
            if hits == 1 {
                assert_eq!(answer.body["Resources"][0]["id"], id, "{server:?}");
            }
        }
    }
}

/// Answers the dialect that it was lived in.
async fn people_come_and_go(server: ThirdParty) -> Profile {
    let mut site = Site::open(server).await;
    joins(&mut site).await;
    events_come_twice_and_out_of_order(&mut site).await;
    moves(&mut site).await;
    names_in_other_scripts(&mut site).await;
    an_account_is_there_already(&mut site, server).await;
    leaves_and_comes_back(&mut site).await;
    a_contract_ends_by_itself(&mut site).await;
    the_night_finds_what_was_cleared_up(&mut site).await;
    site.profile
}

async fn joins(site: &mut Site) {
    let boss = Says::hires("M1", ("Mia", "Lind"), "Sales", "2026-03-02");
    site.world.hr(boss).await;
    let hire = Says::hires("E1", ANA, "Engineering", "2026-03-02")
        .that("title", "Engineer")
        .that("manager_id", "M1");
    site.world.hr(hire.as_event("hire-1")).await;
    let account = site.account("E1").await;
    assert_eq!(account["userName"], "ana.silva");
    assert_eq!(account["displayName"], "Ana Silva");
    assert_eq!(account["name"]["givenName"], "Ana");
    assert_eq!(account["name"]["familyName"], "Silva");
    assert_eq!(account["title"], "Engineer");
    assert_eq!(account["active"], true);
    assert_eq!(account["emails"][0]["value"], "ana.silva@example.com");
    assert_eq!(account["emails"][0]["type"], "work");
    assert_eq!(account[ENTERPRISE]["department"], "Engineering");
    assert_eq!(site.parked("E1").await, None);
    let boss = site.id("M1").await;
    assert_eq!(account[ENTERPRISE]["manager"]["value"], boss);
    assert_eq!(site.groups("E1").await, ["staff"]);
}

async fn events_come_twice_and_out_of_order(site: &mut Site) {
    let everything = site.everything().await;
    let again = Says::hires("E1", ANA, "Engineering", "2026-03-02")
        .that("title", "Engineer")
        .that("manager_id", "M1");
    site.world.hr(again.as_event("hire-1")).await;
    assert_eq!(site.everything().await, everything);

    // The move before the hire, the title that was corrected before the one that was wrong.
    let moved = Says::about("E2")
        .that("department", "Finance")
        .that("title", "Clerk")
        .from("2026-03-02")
        .recorded("2026-03-01T12:00:00Z");
    let hired = Says::hires("E2", BEN, "Sales", "2026-03-02")
        .that("work_email", "ben.okafor@example.com")
        .that("title", "Klerk")
        .recorded("2026-03-01T09:00:00Z");
    site.world.hr(moved).await;
    assert!(!site.has_account("E2").await, "not enough to act on");
    site.world.hr(hired).await;
    assert_eq!(site.account("E2").await["title"], "Clerk");
    assert_eq!(site.groups("E2").await, ["payables", "staff"]);
}

async fn moves(site: &mut Site) {
    let before = site.account("E1").await;
    let mover = Says::about("E1")
        .that("department", "Finance")
        .that("family_name", "Souza")
        .that("title", "Controller");
    site.world.hr(mover).await;
    let account = site.account("E1").await;
    assert_eq!(account["id"], before["id"]);
    assert_eq!(account["userName"], "ana.silva", "a name once given stays");
    assert_eq!(account["name"]["givenName"], "Ana");
    assert_eq!(account["name"]["familyName"], "Souza");
    assert_eq!(account["displayName"], "Ana Souza");
    assert_eq!(account["title"], "Controller");
    assert_eq!(account[ENTERPRISE]["department"], "Finance");
    assert_eq!(account["emails"], before["emails"], "and nothing else");
    assert_eq!(
        account[ENTERPRISE]["manager"]["value"], before[ENTERPRISE]["manager"]["value"],
        "and nothing else"
    );
    assert_eq!(site.groups("E1").await, ["payables", "staff"]);

    // To the other side of an SoD pair; what HR clears is cleared.
    let mover = Says::about("E1")
        .that("department", "Treasury")
        .not("title")
        .not("manager_id");
    site.world.hr(mover).await;
    let account = site.account("E1").await;
    assert!(is_empty(&account["title"]), "{account}");
    assert!(
        is_empty(&account[ENTERPRISE]["manager"]["value"]),
        "{account}"
    );
    assert_eq!(account[ENTERPRISE]["department"], "Treasury");
    assert_eq!(site.groups("E1").await, ["approvers", "staff"]);
    // Others keep theirs.
    assert_eq!(site.groups("E2").await, ["payables", "staff"]);
    assert_eq!(site.groups("M1").await, ["staff"]);
}

async fn names_in_other_scripts(site: &mut Site) {
    let people = [
        ("N1", ("Nguyễn", "Thị Hồng")),
        ("N2", ("محمد", "علي")),
        ("N3", ("小明", "王")),
        ("N4", ("Robert\"); DROP", "or userName pr")),
    ];
    for (worker, names) in people {
        let hire = Says::hires(worker, names, "Engineering", "2026-03-02");
        site.world.hr(hire).await;
        let account = site.account(worker).await;
        assert_eq!(account["name"]["givenName"], names.0);
        assert_eq!(account["name"]["familyName"], names.1);
        let user_name = account["userName"].as_str().expect("a name");
        assert!(user_name.is_ascii() && !user_name.is_empty(), "{user_name}");
        assert_eq!(site.groups(worker).await, ["staff"]);
    }
}

/// User names are compared in any case (RFC 7643 section 4.1.1), also by SCIMMY when it refuses a
/// second one; but its filters compare them exactly, so that it does not show whose name it is.
async fn an_account_is_there_already(site: &mut Site, server: ThirdParty) {
    let shows_any_case = server != ThirdParty::Scimmy;

    // By somebody with another key: not ours to take over.
    let other = json!({ "userName": "Eva.Berg", "externalId": "other", "active": true });
    let other = site.scim.add_user(other).await;
    let before = site.scim.user(&other).await;
    let hire = Says::hires("E7", ("Eva", "Berg"), "Sales", "2026-03-02");
    site.world.hr(hire).await;
    assert!(!site.has_account("E7").await);
    let why = site.parked("E7").await.expect("a reason");
    let expected = if shows_any_case {
        "somebody else's key"
    } else {
        "taken by an account that the target does not show"
    };
    assert!(why.contains(expected), "{why}");
    assert_eq!(site.scim.user(&other).await, before);
    let seat = site.world.seat("E7").await.expect("an item");
    assert!(seat.owed.is_empty(), "nothing runs round in circles");

    // By an account without a key: adopted, as policy says.
    let spelling = if shows_any_case {
        "Tom.Adler"
    } else {
        "tom.adler"
    };
    let own = json!({ "userName": spelling, "active": false, "title": "Founder" });
    let id = site.scim.add_user(own).await;
    let hire = Says::hires("E8", ("Tom", "Adler"), "Sales", "2026-03-02");
    site.world.hr(hire.that("title", "Seller")).await;
    let account = site.account("E8").await;
    assert_eq!(account["id"], Value::from(id));
    assert_eq!(account["active"], true);
    assert_eq!(account["title"], "Seller");
    assert_eq!(site.groups("E8").await, ["staff"]);
}

async fn the_night_finds_what_was_cleared_up(site: &mut Site) {
    // Somebody renames the account that stood in the way.
    let mut users = site.scim.users().await;
    users.retain(|user| user["externalId"] == "other");
    let other = users[0]["id"].as_str().expect("an id").to_owned();
    let name = json!("someone.else");
    site.scim.change_user(&other, "userName", name).await;
    let other_before = site.scim.user(&other).await;
    let before = site.scim.users().await;

    let night = site.world.night().await;
    assert_eq!(night.sent(), 1, "{:?}", night.manifest.summary);
    assert!(site.active("E7").await);
    assert_eq!(site.groups("E7").await, ["staff"]);
    assert_eq!(site.parked("E7").await, None);
    assert_eq!(site.scim.user(&other).await, other_before);
    let mut after = site.scim.users().await;
    after.retain(|user| before.iter().all(|old| old["id"] != user["id"]));
    assert_eq!(after.len(), 1, "one more account");

    let everything = site.everything().await;
    let night = site.world.night().await;
    assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
    assert_eq!(site.everything().await, everything);
}

async fn leaves_and_comes_back(site: &mut Site) {
    let id = site.id("E2").await;
    let leaver = Says::about("E2")
        .that("worker_status", "terminated")
        .that("end_date", "2026-03-02")
        .that("end_mode", "now");
    site.world.hr(leaver).await;
    assert!(!site.active("E2").await, "now means now");
    assert_eq!(site.groups("E2").await, [""; 0]);
    assert_eq!(site.id("E2").await, id, "disabled, not deleted");
    assert!(site.active("E1").await, "nobody else is touched");

    site.world.until("2026-03-20T09:00:00Z").await;
    let rehire =
        Says::hires("E20", BEN, "Sales", "2026-03-20").that("work_email", "ben.okafor@example.com");
    site.world.hr(rehire).await;
    assert!(!site.has_account("E20").await, "no second account");
    assert_eq!(site.id("E2").await, id);
    assert!(site.active("E2").await);
    assert_eq!(site.groups("E2").await, ["staff"], "by the new job");
}

async fn a_contract_ends_by_itself(site: &mut Site) {
    let contract = Says::contracts("C1", ("Zoe", "Park"), "2026-03-20", Some("2026-03-31"));
    site.world.hr(contract).await;
    assert!(site.active("C1").await);
    assert_eq!(site.groups("C1").await, ["contractors"]);
    // Lisbon keeps summer time by then.
    site.world.until("2026-03-31T22:59:59Z").await;
    assert!(site.active("C1").await, "the last working day is not over");
    site.world.until("2026-03-31T23:00:00Z").await;
    assert!(!site.active("C1").await);
    assert_eq!(site.groups("C1").await, [""; 0]);
}

/// Answers the dialect that it was mended in.
async fn nights(server: ThirdParty) -> Profile {
    let mut site = Site::open(server).await;
    for (n, department) in (0..9).zip(["Engineering", "Finance", "Treasury"].into_iter().cycle()) {
        let given = format!("Person{n}");
        let hire = Says::hires(
            &format!("E{n}"),
            (&given, "Silva"),
            department,
            "2026-03-02",
        );
        site.world.hr(hire.that("title", "Specialist")).await;
    }
    site.world.hr(Says::deletes("E8")).await;
    assert!(!site.active("E8").await);

    let everything = site.everything().await;
    let there = everything.1.len() as u64;
    let night = site.world.night().await;
    let dir = &night.manifest.summary.targets[&TargetId::from("dir")];
    let users = dir.users.as_ref().expect("a certificate");
    let groups = dir.groups.as_ref().expect("a certificate");
    assert_eq!((users.received, users.declared), (9, Some(9)));
    assert_eq!((groups.received, groups.declared), (there, Some(there)));
    assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
    assert_eq!(site.everything().await, everything);

    // A month of other people's hands.
    site.world.pass(SignedDuration::from_hours(2)).await;
    let [e0, e1, e2, e3, e4, e8] = [
        site.id("E0").await,
        site.id("E1").await,
        site.id("E2").await,
        site.id("E3").await,
        site.id("E4").await,
        site.id("E8").await,
    ];
    site.scim.add_member("approvers", &e0).await;
    site.scim.remove_member("payables", &e1).await;
    let title = json!("Emperor");
    site.scim.change_user(&e2, "title", title).await;
    site.scim.delete_user(&e3).await;
    site.scim.change_user(&e8, "active", json!(true)).await;
    let ghost = json!({ "userName": "ghost", "active": true });
    let ghost = site.scim.add_user(ghost).await;
    site.scim.add_member("staff", &ghost).await;
    let ghost_before = site.scim.user(&ghost).await;
    let e4_before = site.scim.user(&e4).await;

    let night = site.world.night().await;
    let dir = &night.manifest.summary.targets[&TargetId::from("dir")];
    let classes: Vec<String> = dir
        .findings
        .keys()
        .map(|class| format!("{class:?}"))
        .collect();
    assert_eq!(dir.users.as_ref().map(|proof| proof.received), Ok(9));
    assert_eq!(dir.groups.as_ref().map(|proof| proof.received), Ok(there));
    assert_eq!(
        classes,
        ["O1", "O3", "O6", "O7", "O8"],
        "{:?}",
        dir.findings
    );
    // Added by hand: reported, and left alone.
    assert_eq!(site.groups("E0").await, ["approvers", "staff"]);
    assert_eq!(site.scim.user(&ghost).await, ghost_before);
    assert_eq!(site.scim.groups_of(&ghost).await, ["staff"]);
    // Taken by hand: given again, once.
    assert_eq!(site.groups("E1").await, ["payables", "staff"]);
    assert_eq!(site.account("E2").await["title"], "Specialist");
    assert_ne!(site.id("E3").await, e3);
    assert!(site.active("E3").await);
    assert_eq!(site.groups("E3").await, ["staff"]);
    // A leaver who could sign in again cannot.
    assert!(!site.active("E8").await);
    // And nobody else was written to.
    assert_eq!(site.scim.user(&e4).await, e4_before);

    let everything = site.everything().await;
    let night = site.world.night().await;
    assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
    assert_eq!(site.everything().await, everything);
    site.profile
}

/// Null, absent or an empty text.
fn is_empty(value: &Value) -> bool {
    value.is_null() || value == ""
}
