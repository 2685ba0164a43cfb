//! What an operation costs a target in requests, over real HTTP, and what a group costs that many
//! people get at once: a merger, a change of a rule, a repair.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a suite stops at what does not hold"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use contract::Lane;
use domain::TargetId;
use graph_target::{GraphTarget as Graph, Options};
use tests::world::{Address, Company, Says, World, policy_text, unlimited};

/// People of the merger.
const PEOPLE: u64 = 250;
/// Members of one PATCH of SCIM.
const SCIM: u64 = 100;
/// The same of Graph.
const GRAPH: u64 = 20;

fn names(number: u64) -> (String, String) {
    let word = |mut n: u64| {
        let mut text = String::from("K");
        for _ in 0..3 {
            text.push(char::from(b'a' + u8::try_from(n % 26).expect("a letter")));
            n /= 26;
        }
        text
    };
    (word(number), word(number + 7_000))
}

fn hires(number: u64, department: &str) -> Says {
    let (given, family) = names(number);
    Says::hires(
        &format!("E{number}"),
        (&given, &family),
        department,
        "2026-03-02",
    )
}

/// Everybody at once: everything is posted before anything is worked on.
async fn merger(world: &mut World) {
    for number in 0..PEOPLE {
        world.post(hires(number, "Sales")).await;
    }
    decide_and_settle(world).await;
}

/// Connectors find everybody in their lanes, as they do where more comes than they work off.
async fn decide_and_settle(world: &World) {
    while world.work(&Lane::Facts).await > 0 {}
    world.settle().await;
}

async fn look_at_everybody(world: &World) {
    for number in 0..PEOPLE {
        world.look(&format!("E{number}")).await;
    }
    world.settle().await;
}

#[tokio::test]
async fn scim_joiner_mover_and_leaver_cost_what_they_must() {
    let mut company = Company::with_policy(&unlimited(&policy_text())).await;
    // Somebody before them, so that groups are known.
    company.world.hr(hires(900, "Engineering")).await;
    company.reset_calls();
    company.world.hr(hires(1, "Engineering")).await;
    let (dir, wiki) = (company.dir.calls(), company.wiki.calls());
    // Looked up, made, one PATCH a group: `staff`; `editors` and `readers`.
    assert_eq!((dir.user_list, dir.user_post, dir.group_patch), (1, 1, 1));
    assert_eq!(
        (wiki.user_list, wiki.user_post, wiki.group_patch),
        (1, 1, 2)
    );
    assert_eq!((dir.total(), wiki.total()), (3, 4));
    company.reset_calls();
    let says = Says::about("E1").that("department", "Sales");
    company.world.hr(says.that("title", "Seller")).await;
    let (dir, wiki) = (company.dir.calls(), company.wiki.calls());
    assert_eq!(
        (dir.user_patch, dir.total()),
        (1, 1),
        "one PATCH, whatever changes"
    );
    // Out of `editors`, and looked at whether that is so.
    assert_eq!((wiki.group_patch, wiki.group_get, wiki.total()), (1, 1, 2));
    company.reset_calls();
    company
        .world
        .hr(Says::about("E1").that("end_date", "2026-03-01"))
        .await;
    let dir = company.dir.calls();
    assert_eq!((dir.user_patch, dir.group_patch), (1, 1));
    assert_eq!((dir.user_get, dir.group_get, dir.total()), (1, 1, 4));
    // Nothing changes any more: a night costs reads, and a second look nothing.
    company.world.night().await;
    company.reset_calls();
    company.world.night().await;
    assert_eq!(company.target_writes(), 0);
    company.reset_calls();
    company.world.look("E1").await;
    company.world.settle().await;
    assert_eq!(company.target_calls(), 0);
}

#[tokio::test]
async fn a_merger_and_a_rule_cost_scim_a_request_for_a_hundred_members() {
    let mut company = Company::with_policy(&unlimited(&policy_text())).await;
    merger(&mut company.world).await;
    let most = PEOPLE.div_ceil(SCIM);
    for server in [&company.dir, &company.wiki] {
        let calls = server.calls();
        assert_eq!((calls.user_post, calls.user_list), (PEOPLE, PEOPLE));
        assert_eq!(calls.group_patch, most);
    }
    assert_eq!(members(&company, "staff"), PEOPLE);
    // A rule gives everybody one more group.
    company.reset_calls();
    let wider = r#"entitlements = ["staff", "readers", "contractors"]"#;
    let text = unlimited(&policy_text()).replace(r#"entitlements = ["staff", "readers"]"#, wider);
    company.world = company.world.restarted(&text);
    look_at_everybody(&company.world).await;
    let calls = company.dir.calls();
    assert_eq!((calls.group_patch, calls.writes()), (most, most));
    assert_eq!(members(&company, "contractors"), PEOPLE);
    assert_eq!(company.wiki.calls().total(), 0);
    // And takes it back.
    company.reset_calls();
    company.world = company.world.restarted(&unlimited(&policy_text()));
    look_at_everybody(&company.world).await;
    let calls = company.dir.calls();
    assert_eq!((calls.group_patch, calls.writes()), (most, most));
    assert_eq!(members(&company, "contractors"), 0);
    assert_eq!(members(&company, "staff"), PEOPLE);
}

fn members(company: &Company, group: &str) -> u64 {
    let group = company.dir.group_by_display_name(group).expect("a group");
    group.members.len() as u64
}

/// A company with one target of Microsoft Graph: ten groups that departments give, and two more.
fn graph_policy() -> String {
    let text = policy_text();
    let people = text.split("[entitlements").next().expect("the first part");
    let mut text = people.to_owned();
    let groups: Vec<String> = (0..10).map(|n| format!("g{n}")).collect();
    for group in groups
        .iter()
        .map(String::as_str)
        .chain(["staff", "x0", "x1"])
    {
        writeln!(text, "[entitlements.{group}]\ntarget = \"m365\"").expect("text");
    }
    let quoted = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
        names.join(", ")
    };
    let all: Vec<&str> = groups.iter().map(String::as_str).collect();
    let roles = [
        ("engineering", "Engineering", quoted(&all)),
        (
            "finance",
            "Finance",
            quoted(&[&all[..9], &["x0", "x1"]].concat()),
        ),
        ("sales", "Sales", quoted(&["staff"])),
    ];
    for (role, department, entitlements) in roles {
        writeln!(
            text,
            "[roles.{role}]\nentitlements = [{entitlements}]\n\
             [[rules]]\nid = \"{role}\"\nwhen = {{ department = \"{department}\" }}\nroles = [\"{role}\"]"
        )
        .expect("text");
    }
    text + r#"
[targets.m365]
kind = "graph"
mode = "enforce"
auth = { bearer = "m365-token" }

[targets.m365.limits]
revoke = { floor = 1000000, percent = 100, ceiling = 1000000 }
members = { floor = 1000000, percent = 100, ceiling = 1000000 }

[targets.m365.attributes]
userName = { identifier = "upn" }
externalId = { key = true }
displayName = "{given_name} {family_name}"
mailNickname = "{given_name:slug}.{family_name:slug}"
givenName = "{given_name}"
surname = "{family_name}"
jobTitle = "{title}"
department = "{department}"

[identifiers.upn]
ladder = ["{given_name:slug}.{family_name:slug}", "{given_name:slug}.{family_name:slug}{n}"]
suffix = "@contoso.com"
"#
}

async fn graph_company(text: &str) -> (Graph, World) {
    let graph = Graph::start(Options::default()).await.expect("a server");
    let groups = (0..10).map(|n| format!("g{n}"));
    for group in groups.chain(["staff", "x0", "x1"].map(str::to_owned)) {
        graph.add_group(&group).expect("a group");
    }
    let address = Address::new(graph.base_url(), graph.token());
    let addresses = BTreeMap::from([(TargetId::from("m365"), address)]);
    let world = World::new(text, addresses).await;
    (graph, world)
}

/// Requests over the wire since the last time; the parts of a batch are one request.
fn requests(graph: &Graph) -> usize {
    let count = graph.log().iter().filter(|seen| !seen.batched).count();
    graph.reset_calls();
    count
}

#[tokio::test]
async fn graph_joiner_mover_and_leaver_cost_what_they_must() {
    let (graph, mut world) = graph_company(&graph_policy()).await;
    // Somebody before them, so that groups are known.
    world.hr(hires(900, "Engineering")).await;
    world.hr(hires(901, "Finance")).await;
    requests(&graph);
    world.hr(hires(1, "Engineering")).await;
    // Looked up among the living and the deleted, made, put into ten groups.
    assert!(requests(&graph) <= 3);
    let user = |world: &World| {
        let key = world.identity("E1");
        let all = graph.users().into_iter();
        let mut found = all.filter(|user| format!("{:?}", user.properties).contains(key.as_str()));
        let user = found.next().expect("a user");
        assert!(found.next().is_none(), "one user");
        user
    };
    let made = user(&world);
    // Three groups and four attributes.
    let (given, family) = names(5_000);
    let says = Says::about("E1")
        .that("department", "Finance")
        .that("title", "Clerk")
        .that("given_name", &given)
        .that("family_name", &family);
    world.hr(says).await;
    assert!(requests(&graph) <= 2);
    let moved = user(&world);
    assert_eq!(made.id, moved.id);
    assert_eq!(moved.text("department"), Some("Finance"));
    assert_eq!(moved.groups.len(), 11);
    world
        .hr(Says::about("E1").that("end_date", "2026-03-01"))
        .await;
    assert!(requests(&graph) <= 2);
    let left = user(&world);
    assert!(!left.account_enabled && left.groups.is_empty());
    assert_eq!(left.sessions_revoked, 1);
    // Delivered once more, nothing.
    world.look("E1").await;
    world.settle().await;
    assert_eq!(requests(&graph), 0);
}

#[tokio::test]
async fn a_merger_and_a_rule_cost_graph_a_write_for_twenty_members() {
    let text = graph_policy();
    let (graph, mut world) = graph_company(&text).await;
    merger(&mut world).await;
    assert_eq!(graph.calls().of("POST", "/users"), PEOPLE);
    let staff = graph.group_by_display_name("staff").expect("a group");
    assert_eq!(staff.members.len() as u64, PEOPLE);
    // The quota lets eighteen people in a second; they wait for each other, and nobody goes alone.
    let least = PEOPLE.div_ceil(GRAPH);
    assert_eq!(member_writes(&graph, &staff.id), least);
    // A rule gives everybody one more group: a hundred of a batch are five writes, fifty are three.
    graph.reset_calls();
    let wider = text.replace(
        "[roles.sales]\nentitlements = [\"staff\"]",
        "[roles.sales]\nentitlements = [\"staff\", \"x0\"]",
    );
    assert_ne!(wider, text);
    let world = world.restarted(&wider);
    // Some minutes later, when the merger's writes are forgotten.
    world.clock.advance(Duration::from_mins(5));
    for number in 0..PEOPLE {
        world.look(&format!("E{number}")).await;
    }
    world.settle().await;
    let more = graph.group_by_display_name("x0").expect("a group");
    assert_eq!(more.members.len() as u64, PEOPLE);
    assert_eq!(member_writes(&graph, &more.id), least);
    // And takes it back: a batch for twenty removals, one for twenty looks back; and the name of the
    // group, which a new process asks for.
    let world = world.restarted(&text);
    world.clock.advance(Duration::from_mins(5));
    requests(&graph);
    for number in 0..PEOPLE {
        world.look(&format!("E{number}")).await;
    }
    world.settle().await;
    let more = graph.group_by_display_name("x0").expect("a group");
    assert!(more.members.is_empty());
    assert_eq!(requests(&graph) as u64, 2 * least + 1);
}

/// Writes that name a group.
fn member_writes(graph: &Graph, id: &str) -> u64 {
    let log = graph.log();
    let writes = log
        .iter()
        .filter(|seen| seen.method != "GET" && seen.path.contains(id));
    writes.count() as u64
}
