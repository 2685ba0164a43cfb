//! Limits and holds: a bad feed, a bad rule, a trickle over hours. What exceeds a limit waits for
//! somebody who has seen exactly that list.

use std::collections::{BTreeMap, BTreeSet};

use domain::limit::Scope;
use domain::{Hash, IdentityId, TargetId};
use jiff::SignedDuration;
use lanyard::holds::{Answer, Chosen, Holds, List, Request};
use scim_target::ScimTarget;
use tests::world::{Address, Says, World, policy_text};

const TODAY: &str = "2026-03-02";
/// The index at which a burst stops.
const LIMIT: usize = 3;

/// Three targets, each of which lets three blocks, three disables and three removals through.
fn policy() -> String {
    let text = policy_text();
    let wiki = text.get(text.find("[targets.wiki]").unwrap()..).unwrap();
    let crm = wiki.replace("[targets.wiki", "[targets.crm");
    let crm = crm.replace("account_for = \"entitled\"", "account_for = \"scope\"");
    let tight = format!("{{ floor = {LIMIT}, percent = 0, ceiling = 1000 }}");
    let classes = ["block", "disable", "revoke", "delete", "rename"];
    let limits = classes.map(|class| format!("{class} = {tight}")).join("\n");
    let members = "members = { floor = 1000, percent = 100, ceiling = 1000 }\n";
    (text.clone() + "\n" + &crm)
        .lines()
        .filter(|line| !line.starts_with("disable = {"))
        .map(|line| {
            if line.starts_with("revoke = {") {
                format!("{limits}\n{members}")
            } else {
                format!("{line}\n")
            }
        })
        .collect()
}

struct Company {
    world: World,
    servers: BTreeMap<&'static str, ScimTarget>,
}

impl Company {
    /// With so many employees of engineering.
    async fn of(people: usize, text: &str) -> Self {
        let mut servers = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for name in ["dir", "wiki", "crm"] {
            let server = ScimTarget::start(scim_target::Options::default())
                .await
                .unwrap();
            for group in [
                "staff",
                "contractors",
                "payables",
                "approvers",
                "editors",
                "readers",
            ] {
                server.add_group(group).unwrap();
            }
            let address = Address::new(server.base_url(), server.token());
            addresses.insert(TargetId::from(name), address);
            servers.insert(name, server);
        }
        let mut world = World::new(text, addresses).await;
        for n in 0..people {
            let name = given_name(n);
            let says = Says::hires(&worker(n), (&name, "Silva"), "Engineering", "2026-02-02");
            world.post(says).await;
        }
        world.settle().await;
        let company = Self { world, servers };
        for name in ["dir", "wiki", "crm"] {
            assert_eq!(company.active(name), people, "{name}");
        }
        company
    }

    fn active(&self, name: &str) -> usize {
        let users = self.servers[name].users();
        users.iter().filter(|user| user.active).count()
    }

    async fn answer(&self, request: Request) -> Answer {
        let world = &self.world;
        let policy = world.policy.policy.clone();
        Holds::new(&world.store, &world.lanes, &world.clock, policy)
            .answer(&request)
            .await
            .unwrap()
    }

    async fn list(&self, target: &str, scope: &str, only: &[IdentityId]) -> List {
        let Answer::List(list) = self
            .answer(Request::Show(chosen(target, scope, only)))
            .await
        else {
            panic!("no list")
        };
        list
    }

    async fn approve(&self, target: &str, scope: &str, only: &[IdentityId], list: Hash) -> Answer {
        let answer = self
            .answer(Request::Approve {
                chosen: chosen(target, scope, only),
                list,
                by: "ida".into(),
            })
            .await;
        self.world.settle().await;
        answer
    }

    /// Where something waits.
    async fn holds(&self) -> Vec<String> {
        let Answer::Holds { holds, .. } = self.answer(Request::List).await else {
            panic!("no holds")
        };
        holds
            .iter()
            .map(|hold| format!("{} {} {}", hold.target, hold.scope, hold.lines))
            .collect()
    }
}

fn given_name(n: usize) -> String {
    let letter = char::from(b'a' + u8::try_from(n).unwrap());
    format!("Nor{letter}")
}

fn worker(n: usize) -> String {
    format!("E{n}")
}

fn chosen(target: &str, scope: &str, only: &[IdentityId]) -> Chosen {
    Chosen {
        target: target.into(),
        scope: scope.parse::<Scope>().unwrap(),
        only: only.iter().cloned().collect(),
    }
}

fn leaves(n: usize) -> Says {
    Says::about(&worker(n))
        .that("worker_status", "terminated")
        .that("end_mode", "now")
        .that("end_date", TODAY)
}

#[tokio::test]
async fn a_burst_of_terminations_stops_at_the_limit_on_every_target() {
    for many in [LIMIT - 1, LIMIT, LIMIT + 1, 8] {
        let mut company = Company::of(9, &policy()).await;
        for n in 0..many {
            company.world.post(leaves(n)).await;
        }
        company.world.settle().await;
        let waits = many.saturating_sub(LIMIT);
        for name in ["dir", "wiki", "crm"] {
            assert_eq!(company.active(name), 9 - many + waits, "{many} at {name}");
            let list = company.list(name, "block", &[]).await;
            assert_eq!(list.entries.len(), waits);
        }
        // Nights and days repeat nothing and let nothing through.
        for _ in 0..3 {
            company.world.pass(SignedDuration::from_hours(24)).await;
            company.world.night().await;
            assert_eq!(company.active("dir"), 9 - many + waits);
        }
        // Additions go on all the while.
        let says = Says::hires("E100", ("Zoe", "Quill"), "Engineering", TODAY);
        company.world.hr(says).await;
        assert_eq!(company.active("dir"), 10 - many + waits);
    }
}

#[tokio::test]
async fn a_trickle_over_a_day_stops_at_the_same_index() {
    let mut company = Company::of(9, &policy()).await;
    for n in 0..8 {
        company.world.hr(leaves(n)).await;
        company.world.pass(SignedDuration::from_hours(3)).await;
    }
    assert_eq!(company.active("dir"), 9 - LIMIT);
    // Slower than the limit, everybody passes.
    let mut company = Company::of(9, &policy()).await;
    for n in 0..8 {
        company.world.hr(leaves(n)).await;
        company.world.pass(SignedDuration::from_hours(9)).await;
    }
    assert_eq!(company.active("dir"), 1);
    assert_eq!(
        company
            .holds()
            .await
            .iter()
            .filter(|hold| hold.contains("block"))
            .count(),
        0
    );
}

#[tokio::test]
async fn a_release_of_half_all_or_none_does_exactly_that() {
    for released in [0, 3, 5] {
        let mut company = Company::of(9, &policy()).await;
        for n in 0..8 {
            company.world.post(leaves(n)).await;
        }
        company.world.settle().await;
        let whole = company.list("dir", "block", &[]).await;
        assert_eq!(whole.entries.len(), 5);
        let only: Vec<IdentityId> = whole.entries.keys().take(released).cloned().collect();
        if released > 0 {
            let part = company.list("dir", "block", &only).await;
            // The hash of another list releases nothing.
            if released < 5 {
                let answer = company.approve("dir", "block", &only, whole.hash).await;
                assert_eq!(answer, Answer::Changed { now: part.hash });
                assert_eq!(company.active("dir"), 6);
            }
            let answer = company.approve("dir", "block", &only, part.hash).await;
            assert!(matches!(answer, Answer::Released { people, .. } if people == released as u64));
        }
        assert_eq!(company.active("dir"), 6 - released);
        let blocked: BTreeSet<IdentityId> = company
            .world
            .seats()
            .await
            .into_iter()
            .filter(|(_, seat)| !seat.accounts[&TargetId::from("dir")].active)
            .map(|(identity, _)| identity)
            .collect();
        assert!(only.iter().all(|identity| blocked.contains(identity)));
        let left = company.list("dir", "block", &[]).await;
        assert_eq!(left.entries.len(), 5 - released);
        // Other targets have holds of their own.
        assert_eq!(company.active("crm"), 6);
    }
}

#[tokio::test]
async fn a_list_that_changed_is_not_released() {
    let mut company = Company::of(9, &policy()).await;
    for n in 0..8 {
        company.world.post(leaves(n)).await;
    }
    company.world.settle().await;
    let seen = company.list("dir", "block", &[]).await;
    // HR takes one of them back: nothing waits of that person any more.
    let back = (0..8).map(worker).find(|worker| {
        let identity = company.world.identity(worker);
        seen.entries.contains_key(&identity)
    });
    let back = Says::about(&back.unwrap())
        .that("worker_status", "active")
        .not("end_date")
        .not("end_mode");
    company.world.hr(back).await;
    let now = company.list("dir", "block", &[]).await;
    assert_eq!(now.entries.len(), 4);
    let answer = company.approve("dir", "block", &[], seen.hash).await;
    assert_eq!(answer, Answer::Changed { now: now.hash });
    assert_eq!(company.active("dir"), 6);
    let answer = company.approve("dir", "block", &[], now.hash).await;
    assert!(matches!(answer, Answer::Released { people: 4, .. }));
    assert_eq!(company.active("dir"), 2);
}

#[tokio::test]
async fn what_is_rejected_stays_and_holds_nobody_else() {
    let mut company = Company::of(9, &policy()).await;
    for n in 0..5 {
        company.world.post(leaves(n)).await;
    }
    company.world.settle().await;
    let list = company.list("dir", "block", &[]).await;
    let answer = company
        .answer(Request::Reject {
            chosen: chosen("dir", "block", &[]),
            list: list.hash,
            by: "ida".into(),
        })
        .await;
    assert_eq!(answer, Answer::Rejected { people: 2 });
    let Answer::Holds { answered, .. } = company.answer(Request::List).await else {
        panic!("no holds")
    };
    let [(target, said)] = &*answered else {
        panic!("{answered:?}")
    };
    assert_eq!((target.as_str(), &*said.vote.by), ("dir", "ida"));
    assert_eq!(
        (said.vote.list, said.lines, said.yes),
        (list.hash, list.lines(), false)
    );
    company.world.pass(SignedDuration::from_hours(25)).await;
    company.world.night().await;
    assert_eq!(company.active("dir"), 6);
    // A day later the limit lets three others through.
    company.world.hr(leaves(7)).await;
    assert_eq!(company.active("dir"), 5);
}

/// A rule that is lost takes a group from everybody: the removals wait, the person who joins
/// meanwhile is let in.
#[tokio::test]
async fn t28_a_rule_edit_that_takes_from_many_waits_and_a_reorganisation_is_released() {
    let mut company = Company::of(9, &policy()).await;
    let text = policy().replace(
        "when = { department = \"Engineering\", employment_type = \"employee\" }",
        "when = { department = \"Sales\", employment_type = \"employee\" }",
    );
    let Company { world, servers } = company;
    company = Company {
        world: world.restarted(&text),
        servers,
    };
    for n in 0..9 {
        company.world.look(&worker(n)).await;
    }
    company.world.settle().await;
    let editors = |company: &Company| {
        let group = company.servers["wiki"].group_by_display_name("editors");
        group.unwrap().members.len()
    };
    // Three lost it before the limit was reached; the other six keep it until somebody agrees.
    assert_eq!(company.holds().await, ["wiki revoke 6"]);
    assert_eq!(editors(&company), 6);
    assert_eq!(company.active("wiki"), 9);
    // The edit is taken back: nothing is left of it, and nobody has to approve anything.
    let Company { world, servers } = company;
    company = Company {
        world: world.restarted(&policy()),
        servers,
    };
    for n in 0..9 {
        company.world.look(&worker(n)).await;
    }
    company.world.settle().await;
    company.world.pass(SignedDuration::from_hours(1)).await;
    company.world.night().await;
    company.world.night().await;
    assert_eq!(company.active("wiki"), 9);
    assert_eq!(editors(&company), 9);
    assert_eq!(company.holds().await, [""; 0]);
}

#[tokio::test]
async fn leavers_are_blocked_while_other_changes_are_held() {
    let mut company = Company::of(9, &policy()).await;
    // Six people move; what they lose waits from the fourth on.
    for n in 0..6 {
        company
            .world
            .post(Says::about(&worker(n)).that("department", "Sales"))
            .await;
    }
    company.world.settle().await;
    let holds = company.holds().await;
    assert!(!holds.is_empty());
    company.world.hr(leaves(8)).await;
    let seat = company.world.seat(&worker(8)).await.unwrap();
    for name in ["dir", "wiki", "crm"] {
        assert!(!seat.accounts[&TargetId::from(name)].active, "{name}");
    }
}
