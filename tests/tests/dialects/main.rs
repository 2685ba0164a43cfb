//! Every dialect that the SCIM target of the tests can stand for, lived in twice: with the profile
//! of that name that is shipped, and with the one that a probe finds. People join, move, change
//! their names, leave and come back; hands change things in the target, and the nightly run puts
//! them right and has nothing to do the next night. What a dialect cannot do is in `table`, with
//! the reason; so is where a shipped profile says otherwise than the probe.
//!
//! What is asserted is read from the target itself, beside its SCIM.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

mod table;

use std::collections::BTreeMap;

use contract::report::Class;
use contract::{Cause, ConvergeRequest};
use domain::{Profile, TargetId};
use jiff::SignedDuration;
use scim_target::{Deletion, Dialect, GroupWrite, Options, ScimTarget as Server};
use serde_json::{Value, json};
use target_scim::probe::{How, Report};
use tests::found::{probed, settings, shown};
use tests::world::{Address, GROUPS, Says, World, policy_text};

use table::{Row, otherwise, row};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The group that a probe may use where it can make none.
const SANDBOX: &str = "sandbox";
/// More than a page of any dialect holds.
const PEOPLE: usize = 130;

/// The suite's policy for one target, with the mapping that the dialect takes.
fn policy(row: &Row) -> String {
    let mut text = policy_text();
    if row.email_names {
        text = text.replacen(
            "userName = { identifier = \"user_name\" }",
            "userName = { identifier = \"email\" }",
            1,
        );
    }
    if row.no_lists {
        let list = "'emails[type eq \"work\"].value' = { identifier = \"email\" }\n";
        text = text.replacen(list, "", 1);
    }
    if let Some((path, value)) = row.needs {
        let section = "[targets.dir.attributes]\n";
        text = text.replacen(section, &format!("{section}'{path}' = \"{value}\"\n"), 1);
    }
    text
}

async fn server(dialect: Dialect) -> Server {
    let server = Server::start(Options::of(dialect)).await.expect("a server");
    for group in GROUPS[0].1 {
        server.add_group(group).expect("a group");
    }
    server
}

fn address(server: &Server) -> Address {
    Address::new(server.base_url(), server.token())
}

async fn found(server: &Server, dialect: Dialect) -> Report {
    let mut settings = settings();
    if let Some((path, value)) = row(dialect).needs {
        // Which profiles there are only the administrator knows.
        settings.attributes = vec![(path.into(), value.into())];
    }
    if dialect.truth().groups.write != GroupWrite::All {
        server.add_group(SANDBOX).expect("a group");
        settings.group = Some(SANDBOX.into());
    }
    let report = probed(&address(server), &settings).await;
    if dialect.truth().users.delete != Deletion::Deactivates {
        assert_eq!(report.left, [], "{}", shown(&report));
    }
    report
}

fn shipped(dialect: Dialect) -> Profile {
    policy::profile::named(dialect.name()).expect("a profile of the dialect's name")
}

/// A company in a dialect.
struct Site {
    world: World,
    dir: Server,
    row: Row,
    lists: bool,
}

impl Site {
    async fn new(dialect: Dialect, dir: Server, profile: Profile) -> Self {
        let row = row(dialect);
        let addresses = BTreeMap::from([(TargetId::from("dir"), address(&dir))]);
        let lists = profile.proves(domain::profile::Operation::List);
        Self {
            world: World::with_profile(&policy(&row), addresses, profile).await,
            dir,
            row,
            lists,
        }
    }

    fn account(&self, worker: &str) -> scim_target::User {
        let key = self.world.identity(worker);
        let mut users = self.dir.users();
        users.retain(|user| user.external_id.as_deref() == Some(key.as_str()));
        assert!(users.len() < 2, "several accounts with one key");
        users
            .pop()
            .unwrap_or_else(|| panic!("{worker} has no account"))
    }

    fn groups(&self, worker: &str) -> Vec<String> {
        let id = self.account(worker).id;
        let holds = |group: &scim_target::Group| group.members.contains(&id);
        let groups = self.dir.groups().into_iter().filter(holds);
        let mut names: Vec<String> = groups.map(|group| group.display_name).collect();
        names.sort();
        names
    }

    fn group(&self, name: &str) -> String {
        self.dir.group_by_display_name(name).expect("a group").id
    }

    async fn parked(&self, worker: &str) -> Option<String> {
        let seat = self.world.seat(worker).await.expect("an item");
        let account = seat.accounts.get(&TargetId::from("dir"))?;
        account.parked.as_deref().map(str::to_owned)
    }
}

async fn lives(mut site: Site) {
    joins(&mut site).await;
    moves(&mut site).await;
    leaves_and_comes_back(&mut site).await;
    nights(&mut site).await;
}

async fn joins(site: &mut Site) {
    let boss = Says::hires("M1", ("Mia", "Lind"), "Sales", "2026-03-02");
    site.world.hr(boss).await;
    let hire = Says::hires("E1", ("Ana", "Silva"), "Engineering", "2026-03-02")
        .that("title", "Engineer")
        .that("manager_id", "M1");
    site.world.hr(hire.clone().as_event("hire-1")).await;
    assert_eq!(site.parked("E1").await, None);
    let account = site.account("E1");
    let name = if site.row.email_names {
        "ana.silva@example.com"
    } else {
        "ana.silva"
    };
    assert!(account.user_name.eq_ignore_ascii_case(name), "{account:?}");
    assert!(account.active);
    let json = &account.json;
    assert_eq!(json["displayName"], "Ana Silva");
    assert_eq!(json["name"]["givenName"], "Ana");
    assert_eq!(json["name"]["familyName"], "Silva");
    assert_eq!(json["title"], "Engineer");
    if !site.row.no_lists {
        assert_eq!(json["emails"][0]["value"], "ana.silva@example.com");
    }
    assert_eq!(json[ENTERPRISE]["department"], "Engineering");
    assert_eq!(json[ENTERPRISE]["manager"]["value"], site.account("M1").id);
    assert_eq!(site.groups("E1"), ["staff"]);

    // The same event again writes nothing.
    let before = site.dir.digest();
    site.world.hr(hire.as_event("hire-1")).await;
    assert_eq!(site.dir.digest(), before);
}

async fn moves(site: &mut Site) {
    let before = site.account("E1");
    let mover = Says::about("E1")
        .that("department", "Finance")
        .that("family_name", "Souza")
        .that("title", "Controller");
    site.world.hr(mover).await;
    assert_eq!(site.parked("E1").await, None);
    let account = site.account("E1");
    assert_eq!(account.id, before.id);
    assert_eq!(
        account.user_name, before.user_name,
        "a name once given stays"
    );
    assert_eq!(account.json["name"]["givenName"], "Ana");
    assert_eq!(account.json["name"]["familyName"], "Souza");
    assert_eq!(account.json["displayName"], "Ana Souza");
    assert_eq!(account.json["title"], "Controller");
    assert_eq!(account.json[ENTERPRISE]["department"], "Finance");
    assert_eq!(account.json["emails"], before.json["emails"]);
    assert_eq!(site.groups("E1"), ["payables", "staff"]);

    // To the other side of an SoD pair; what HR clears is cleared.
    let mover = Says::about("E1")
        .that("department", "Treasury")
        .not("title")
        .not("manager_id");
    site.world.hr(mover).await;
    assert_eq!(site.parked("E1").await, None);
    let json = site.account("E1").json;
    assert!(is_empty(&json["title"]), "{json}");
    assert!(is_empty(&json[ENTERPRISE]["manager"]["value"]), "{json}");
    assert_eq!(site.groups("E1"), ["approvers", "staff"]);
    assert_eq!(site.groups("M1"), ["staff"], "others keep theirs");
}

async fn leaves_and_comes_back(site: &mut Site) {
    let ben = ("Ben", "Okafor");
    let hire = Says::hires("E2", ben, "Finance", "2026-03-02")
        .that("work_email", "ben.okafor@example.com");
    site.world.hr(hire).await;
    assert_eq!(site.groups("E2"), ["payables", "staff"]);
    let id = site.account("E2").id;
    leaves_now(site, "E2").await;
    assert!(!site.account("E2").active, "now means now");
    assert_eq!(site.groups("E2"), [""; 0]);
    assert_eq!(site.parked("E2").await, None);
    assert_eq!(site.account("E2").id, id, "disabled, not deleted");
    assert!(site.account("E1").active, "nobody else is touched");

    site.world.until("2026-03-20T09:00:00Z").await;
    let rehire =
        Says::hires("E20", ben, "Sales", "2026-03-20").that("work_email", "ben.okafor@example.com");
    site.world.hr(rehire).await;
    let account = site.account("E2");
    assert_eq!(account.id, id, "no second account");
    assert!(account.active);
    assert_eq!(account.json[ENTERPRISE]["department"], "Sales");
    assert_eq!(site.groups("E2"), ["staff"], "by the new job");
    assert_eq!(site.parked("E2").await, None);
}

async fn leaves_now(site: &mut Site, worker: &str) {
    let leaver = Says::about(worker)
        .that("worker_status", "terminated")
        .that("end_date", "2026-03-02")
        .that("end_mode", "now");
    site.world.hr(leaver).await;
}

async fn nights(site: &mut Site) {
    for (worker, names) in [("E3", ("Eva", "Berg")), ("E4", ("Tom", "Adler"))] {
        let hire = Says::hires(worker, names, "Sales", "2026-03-20");
        site.world.hr(hire.that("title", "Seller")).await;
    }
    leaves_now(site, "E4").await;
    let before = site.dir.digest();
    let night = site.world.night().await;
    assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
    assert_eq!(site.dir.digest(), before, "a night without drift");

    site.world.pass(SignedDuration::from_hours(2)).await;
    let [e1, e3, e4] = ["E1", "E3", "E4"].map(|worker| site.account(worker).id);
    let payables = site.group("payables");
    site.dir.add_member(&payables, &e3).expect("a member");
    site.dir
        .remove_member(&site.group("staff"), &e1)
        .expect("no member");
    let title = json!({ "title": "Emperor" });
    site.dir.update_user(&e3, title).expect("a change");
    let active = json!({ "active": true });
    site.dir.update_user(&e4, active).expect("a change");
    let ghost = site
        .dir
        .insert_user(json!({ "userName": "ghost@example.com", "active": true }))
        .expect("a user")
        .id;
    let ghost_before = site.dir.user(&ghost);

    let drifted = site.dir.digest();
    // A blocked account is hidden in some dialects.
    let hidden = site.dir.truth().users.inactive_hidden;
    let there = site.dir.users().into_iter();
    let there = there.filter(|user| user.active || !hidden).count();
    let night = site.world.night().await;
    let dir = &night.manifest.summary.targets[&TargetId::from("dir")];
    if !site.lists {
        assert!(dir.users.is_err(), "no certificate without a listing");
        assert_eq!(night.sent(), 0);
        assert_eq!(site.dir.digest(), drifted, "and nothing is written");
        return;
    }
    let users = dir.users.as_ref().expect("a certificate");
    assert_eq!(usize::try_from(users.received), Ok(there));
    let classes: Vec<Class> = dir.findings.keys().copied().collect();
    if site.row.members_unlisted.is_some() {
        assert!(dir.groups.is_err(), "no certificate for what is not shown");
        assert_eq!(classes, [Class::O1, Class::O3, Class::O8]);
        assert_eq!(site.groups("E1"), ["approvers"], "nobody can see it");
    } else {
        let groups = dir.groups.as_ref().expect("a certificate");
        assert_eq!(usize::try_from(groups.received), Ok(site.dir.group_count()));
        assert_eq!(
            classes,
            [Class::O1, Class::O3, Class::O6, Class::O8],
            "{:?}",
            dir.findings
        );
        assert_eq!(site.groups("E1"), ["approvers", "staff"], "given again");
    }
    assert_eq!(site.account("E3").json["title"], "Seller");
    assert_eq!(site.groups("E3"), ["payables", "staff"], "reported only");
    assert!(!site.account("E4").active, "a leaver stays out");
    assert_eq!(site.dir.user(&ghost), ghost_before);

    let before = site.dir.digest();
    let night = site.world.night().await;
    assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
    assert_eq!(site.dir.digest(), before, "the second night writes nothing");
}

/// Where blocked accounts do not show, nobody who is away is taken for gone.
#[tokio::test]
async fn who_does_not_show_while_away_keeps_the_account() {
    let dialect = Dialect::Atlassian;
    assert!(dialect.truth().users.inactive_hidden);
    let mut site = Site::new(dialect, server(dialect).await, shipped(dialect)).await;
    for (worker, names) in [("E1", ("Eva", "Berg")), ("E2", ("Tom", "Adler"))] {
        let email = format!("{worker}@example.com");
        let hire = Says::hires(worker, names, "Sales", "2026-03-02");
        site.world.hr(hire.that("work_email", &email)).await;
    }
    let ids = ["E1", "E2"].map(|worker| site.account(worker).id);
    let leave = Says::about("E1").that("worker_status", "leave");
    site.world.hr(leave).await;
    leaves_now(&mut site, "E2").await;
    for worker in ["E1", "E2"] {
        // The message comes a second time, as if its first worker had been lost.
        let seat = site.world.seat(worker).await.expect("an item");
        let again = ConvergeRequest {
            look: false,
            ..ConvergeRequest::look(
                site.world.identity(worker),
                TargetId::from("dir"),
                seat.record.generation,
                Cause::Plan,
            )
        };
        let answer = site.world.connector.converge(&again, 2).await;
        answer.expect("an answer");
        assert!(!site.account(worker).active);
    }
    for _ in 0..2 {
        site.world.pass(SignedDuration::from_hours(24)).await;
        let night = site.world.night().await;
        assert_eq!(night.sent(), 0, "{:?}", night.manifest.summary);
    }
    site.world
        .hr(Says::about("E1").that("worker_status", "active"))
        .await;
    let rehire = Says::hires("E20", ("Tom", "Adler"), "Sales", "2026-03-04");
    site.world
        .hr(rehire.that("work_email", "E2@example.com"))
        .await;
    for (worker, id) in ["E1", "E2"].iter().zip(ids) {
        let account = site.account(worker);
        assert_eq!((account.id, account.active), (id, true), "{worker}");
        assert_eq!(site.parked(worker).await, None);
        assert_eq!(site.groups(worker), ["staff"]);
    }
}

/// Null, absent or an empty text.
fn is_empty(value: &Value) -> bool {
    value.is_null() || value == ""
}

async fn lives_with_the_shipped_profile(dialect: Dialect) {
    let dir = server(dialect).await;
    let profile = shipped(dialect);
    let lists = profile.proves(domain::profile::Operation::List);
    assert_eq!(row(dialect).unlisted.is_none(), lists);
    lives(Site::new(dialect, dir, profile).await).await;
}

async fn lives_with_the_probed_profile(dialect: Dialect) {
    let dir = server(dialect).await;
    let report = found(&dir, dialect).await;
    assert!(report.profile.unproven.is_empty(), "{}", shown(&report));
    lives(Site::new(dialect, dir, report.profile).await).await;
}

/// Every key that the probe can see is as shipped, or the row says how not and why.
async fn the_shipped_profile_fits(dialect: Dialect) {
    let dir = server(dialect).await;
    for at in 0..PEOPLE {
        let user = json!({ "userName": format!("person{at}@example.com"), "externalId": format!("p-{at}") });
        dir.insert_user(user).expect("a user");
    }
    let report = found(&dir, dialect).await;
    let (ours, theirs) = (keys(&shipped(dialect)), keys(&report.profile));
    let mut departs = Vec::new();
    for (key, ours) in &ours {
        let seen = report.finding(key).expect("a finding for every key");
        if matches!(seen.how, How::Assumed(_)) {
            continue;
        }
        let theirs = &theirs[key];
        if ours != theirs {
            departs.push((key.as_str(), ours.to_string(), theirs.to_string()));
        }
    }
    let listed: Vec<_> = otherwise(dialect)
        .iter()
        .map(|(key, ours, theirs, why)| {
            assert!(!why.is_empty(), "{dialect}: {key}");
            (*key, (*ours).to_owned(), (*theirs).to_owned())
        })
        .collect();
    assert_eq!(departs, listed, "{dialect}\n{}", shown(&report));
}

fn keys(profile: &Profile) -> BTreeMap<String, Value> {
    let value = serde_json::to_value(profile).expect("a table");
    let mut keys: BTreeMap<String, Value> = serde_json::from_value(value).expect("a table");
    // In whatever order.
    if let Some(Value::Array(required)) = keys.get_mut("required") {
        required.sort_by_key(Value::to_string);
    }
    keys
}

macro_rules! dialects {
    ($($name:ident: $dialect:ident,)*) => {
        $(mod $name {
            use scim_target::Dialect::$dialect;

            #[tokio::test]
            async fn lives_with_the_shipped_profile() {
                super::lives_with_the_shipped_profile($dialect).await;
            }

            #[tokio::test]
            async fn lives_with_the_probed_profile() {
                super::lives_with_the_probed_profile($dialect).await;
            }

            #[tokio::test]
            async fn the_shipped_profile_fits() {
                super::the_shipped_profile_fits($dialect).await;
            }
        })*

        /// A dialect that the target learns is lived in too.
        #[test]
        fn none_is_left_out() {
            assert_eq!(Dialect::ALL, [$(Dialect::$dialect),*]);
        }
    };
}

dialects! {
    rfc: Rfc,
    okta: Okta,
    entra: Entra,
    aws_iam_identity_center: AwsIamIdentityCenter,
    slack: Slack,
    github_emu: GithubEmu,
    salesforce: Salesforce,
    atlassian: Atlassian,
    snowflake: Snowflake,
    databricks: Databricks,
    google_cloud_identity: GoogleCloudIdentity,
    zoom: Zoom,
}
