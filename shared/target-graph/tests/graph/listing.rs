//! Listings of users, groups and changes.

use std::collections::BTreeSet;

use domain::{AccountId, Change};
use graph_target::{Fault, FaultKind, Options};
use ports::target::Cursor;
use ports::{Apply, Observe};
use serde_json::json;
use target_graph::{Changed, DeltaCursor, Removed};

use crate::fixture::{World, update};

async fn all_users(world: &World) -> Result<Vec<AccountId>, String> {
    let mut found = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = world.target.users(cursor.as_ref()).await;
        let page = page.map_err(|error| error.into_fault().to_string())?;
        found.extend(page.items.into_iter().map(|account| account.id));
        match page.next {
            None => return Ok(found),
            Some(next) if cursor.as_ref() == Some(&next) => return Err("a circle".to_owned()),
            Some(next) => cursor = Some(next),
        }
    }
}

#[tokio::test]
async fn users_come_999_a_page_and_cost_one_unit_each() {
    let world = World::with(Options::default(), 0, |config| {
        config.mapped.retain(|path| &**path != "manager");
    })
    .await;
    for number in 0..1_500 {
        world.user(&format!("p{number}"));
    }
    let (found, calls, writes) = world.cost(all_users(&world)).await;
    let found: BTreeSet<AccountId> = found.unwrap().into_iter().collect();
    assert_eq!((found.len(), calls, writes), (1_500, 2, 0));
    assert_eq!(world.graph.usage().resource_units, 2);
}

#[tokio::test]
async fn short_pages_are_followed_to_the_end() {
    let world = World::new().await;
    for number in 0..25 {
        world.user(&format!("p{number}"));
    }
    world.fault(Fault::ShortPages { max: 10 }.always());
    assert_eq!(all_users(&world).await.unwrap().len(), 25);
    assert!(world.fired(FaultKind::ShortPages) >= 2);
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let world = World::new().await;
    for number in 0..25 {
        world.user(&format!("p{number}"));
    }
    world.fault(Fault::ShortPages { max: 10 }.always());
    world.fault(Fault::ForeignNextLink.always());
    let error = all_users(&world).await.unwrap_err();
    assert!(error.starts_with("halt: ") && error.contains("leaves the configured origin"));
    assert!(!error.contains("http"), "{error}");
    assert_eq!(world.fired(FaultKind::ForeignNextLink), 1);
}

#[tokio::test]
async fn a_page_that_fails_is_no_end() {
    let world = World::new().await;
    for number in 0..25 {
        world.user(&format!("p{number}"));
    }
    world.fault(Fault::ShortPages { max: 10 }.always());
    world.fault(
        Fault::PageError {
            page: 2,
            status: 503,
        }
        .once(),
    );
    assert_eq!(
        all_users(&world).await.unwrap_err(),
        "retry: read of users: 503 UnknownError"
    );
    assert_eq!(world.fired(FaultKind::PageError), 1);
}

#[tokio::test]
async fn a_group_of_25_000_members_is_listed_whole() {
    let world = World::groups(2).await;
    let group = &world.groups["entra/g0"];
    for number in 0..25_000 {
        let user = json!({"userPrincipalName": format!("p{number}@contoso.com")});
        let user = world.graph.insert_user(user).unwrap();
        world.graph.add_member(group, &user.id).unwrap();
    }
    let (page, calls, _) = world.cost(world.target.groups(None)).await;
    let page = page.unwrap();
    let members = page.items[0].members.as_ref().unwrap();
    let unique: BTreeSet<&AccountId> = members.iter().collect();
    assert_eq!((members.len(), unique.len()), (25_000, 25_000));
    // The look-up, the first pages of both groups, and 25 more of the large one.
    assert_eq!(calls, 2 + 25);
    assert_eq!(page.next, None);
}

#[tokio::test]
async fn only_groups_that_entitlements_name_are_listed_20_a_page() {
    let world = World::groups(25).await;
    let id = world.user("ana");
    world.member("entra/g24", &id);
    let other = world.graph.add_group("another").unwrap();
    world.graph.add_member(&other.id, id.as_str()).unwrap();
    // A group is a member, too, and no account.
    world
        .graph
        .add_member(&world.groups["entra/g24"], &other.id)
        .unwrap();
    world.graph.delete_group(&world.groups["entra/g7"]).unwrap();
    let first = world.target.groups(None).await.unwrap();
    let second = world.target.groups(first.next.as_ref()).await.unwrap();
    assert_eq!((first.items.len(), second.items.len()), (20, 4));
    assert_eq!(second.next, None);
    let all: Vec<_> = first.items.into_iter().chain(second.items).collect();
    assert!(
        all.iter()
            .all(|group| &*group.name != "another" && &*group.name != "g7")
    );
    let found = all.iter().find(|group| &*group.name == "g24").unwrap();
    assert_eq!(found.members.as_deref(), Some(&[id][..]));
    assert_eq!(*found.id, world.groups["entra/g24"]);
    let foreign = world.target.groups(Some(&Cursor("i:1".into()))).await;
    assert!(foreign.is_err());
}

#[tokio::test]
async fn members_whose_links_lead_in_a_circle_end() {
    let world = World::groups(1).await;
    for number in 0..5 {
        let id = world.user(&format!("p{number}"));
        world.member("entra/g0", &id);
    }
    world.fault(Fault::ShortPages { max: 2 }.always().path_part("/members"));
    world.fault(Fault::RepeatedNextLink.always().path_part("/members"));
    let error = world.target.groups(None).await.unwrap_err().into_fault();
    assert!(error.to_string().contains("circle"), "{error}");
    assert!(world.fired(FaultKind::RepeatedNextLink) >= 1);
}

async fn changes(world: &World, from: Option<&DeltaCursor>) -> (Vec<Changed>, DeltaCursor, bool) {
    let mut items = Vec::new();
    let mut at: Option<DeltaCursor> = from.cloned();
    let mut restarted = false;
    loop {
        let page = world.target.users_delta(at.as_ref()).await.unwrap();
        items.extend(page.items);
        restarted |= page.restarted;
        match page.next {
            done @ DeltaCursor::Done(_) => return (items, done, restarted),
            more @ DeltaCursor::More(_) => at = Some(more),
        }
    }
}

#[tokio::test]
async fn changes_come_from_the_stored_place_on() {
    let world = World::new().await;
    let people: Vec<AccountId> = (0..150).map(|n| world.user(&format!("p{n}"))).collect();
    let (all, done, restarted) = changes(&world, None).await;
    assert_eq!((all.len(), restarted), (150, false));
    let (none, done, _) = changes(&world, Some(&done)).await;
    assert_eq!(none, []);
    let job = update(&[("jobTitle", Some("Analyst"))]);
    world.target.apply_all(&[job], &people[3]).await;
    world.target.apply_all(&[Change::Disable], &people[4]).await;
    world.graph.delete_user(people[5].as_str()).unwrap();
    let stored = serde_json::to_string(&done).unwrap();
    let done: DeltaCursor = serde_json::from_str(&stored).unwrap();
    let (seen, done, _) = changes(&world, Some(&done)).await;
    let ids: BTreeSet<&AccountId> = seen
        .iter()
        .map(|one| match one {
            Changed::Account(account) => &account.id,
            Changed::Part(id) | Changed::Removed(id, _) => id,
        })
        .collect();
    assert_eq!(ids, people[3..6].iter().collect());
    assert!(seen.contains(&Changed::Removed(people[5].clone(), Removed::Deleted)));
    assert!(seen.iter().any(|one| matches!(
        one,
        Changed::Account(account) if account.id == people[4] && !account.active
    )));
    world.graph.purge_user(people[5].as_str()).unwrap();
    let (seen, _, _) = changes(&world, Some(&done)).await;
    assert_eq!(seen, [Changed::Removed(people[5].clone(), Removed::Purged)]);
}

#[tokio::test]
async fn a_lost_place_starts_from_nothing_and_says_so() {
    for fault in [Fault::DeltaGone, Fault::DeltaLost] {
        let world = World::new().await;
        world.user("ana");
        let (_, done, _) = changes(&world, None).await;
        world.fault(fault.clone().once());
        let (all, _, restarted) = changes(&world, Some(&done)).await;
        assert_eq!((all.len(), restarted), (1, true), "{fault:?}");
        assert_eq!(world.fired(fault.kind()), 1);
    }
}

#[tokio::test]
async fn a_place_that_is_too_old_is_a_lost_one() {
    let world = World::new().await;
    world.user("ana");
    let (_, done, _) = changes(&world, None).await;
    let later = world.graph.time() + jiff::SignedDuration::from_hours(24 * 8);
    world.graph.set_time(later);
    let (all, _, restarted) = changes(&world, Some(&done)).await;
    assert_eq!((all.len(), restarted), (1, true));
}
