//! Reads against a stateful server.

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::Profile;
use domain::profile::{Membership, Paging, Search};
use domain::{AccountId, EntitlementId};
use ports::target::{Cursor, Found, Lookup};
use ports::{Fault as PortFault, Observe};
use proptest::prelude::*;
use scim_target::{Fault, FaultKind, Options};
use serde_json::json;
use target_scim::{ScimConfig, ScimTarget, Tokens};

use crate::fixture::{Midnight, Real, STAFF, config, line};

fn held_of() -> Vec<EntitlementId> {
    [STAFF, "wiki/admins"].map(EntitlementId::from).to_vec()
}

/// Every account id, in order, and the last declared total.
async fn ids(real: &Real) -> (Vec<AccountId>, Option<u64>) {
    let mut ids = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = real.target.users(cursor.as_ref()).await.unwrap();
        ids.extend(page.items.into_iter().map(|account| account.id));
        assert!(page.next.is_none() || page.next != cursor, "it moves");
        cursor = page.next;
        if cursor.is_none() {
            return (ids, page.declared);
        }
    }
}

fn paged(paging: Paging, page_size: u16) -> Profile {
    Profile {
        paging,
        page_size,
        ..Profile::rfc()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Whatever the page sizes of both sides, every account comes once and in order.
    #[test]
    fn a_listing_is_complete(users in 0_usize..12, size in 1_u16..5, max in 1_usize..5, by_cursor: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let paging = if by_cursor { Paging::Cursor } else { Paging::Index };
            let options = Options { max_page: max, ..Options::default() };
            let real = Real::with(paged(paging, size), options).await;
            for n in 0..users {
                real.user(&format!("user{n}"));
            }
            let (got, declared) = ids(&real).await;
            let expected: Vec<String> = real.server.users().into_iter().map(|u| u.id).collect();
            let got_ids: BTreeSet<&AccountId> = got.iter().collect();
            assert_eq!(got_ids.len(), users);
            assert_eq!(got.iter().map(AccountId::as_str).collect::<Vec<_>>(), expected);
            assert_eq!(declared, Some(users as u64));
            real.server.stop().await.unwrap();
        });
    }
}

#[tokio::test]
async fn short_pages_and_empty_pages_are_not_the_end() {
    let real = Real::with(paged(Paging::Index, 3), Options::default()).await;
    for n in 0..7 {
        real.user(&format!("user{n}"));
    }
    real.fault(Fault::ShortPages { max: 2 });
    assert_eq!(ids(&real).await.0.len(), 7);
    assert!(real.fired(FaultKind::ShortPages) > 0);
    let real = Real::with(paged(Paging::Cursor, 3), Options::default()).await;
    for n in 0..7 {
        real.user(&format!("user{n}"));
    }
    real.fault(Fault::EmptyPageWithCursor);
    assert_eq!(ids(&real).await.0.len(), 7);
    assert!(real.fired(FaultKind::EmptyPageWithCursor) > 0);
}

#[tokio::test]
async fn a_truncated_listing_shows_less_than_it_declares() {
    let real = Real::with(paged(Paging::Index, 3), Options::default()).await;
    for n in 0..7 {
        real.user(&format!("user{n}"));
    }
    real.fault(Fault::TruncatedList { deliver: 4 });
    let (got, declared) = ids(&real).await;
    assert_eq!((got.len(), declared), (4, Some(7)));
    assert!(real.fired(FaultKind::TruncatedList) > 0);
}

#[tokio::test]
async fn an_expired_cursor_asks_for_a_new_start() {
    let real = Real::with(paged(Paging::Cursor, 2), Options::default()).await;
    for n in 0..5 {
        real.user(&format!("user{n}"));
    }
    let first = real.target.users(None).await.unwrap();
    real.fault(Fault::ExpiredCursor.once());
    let error = real.target.users(first.next.as_ref()).await.unwrap_err();
    assert!(line(&error).starts_with("expired: page of users: 400 expiredCursor"));
    assert_eq!(ids(&real).await.0.len(), 5);
}

#[tokio::test]
async fn look_ups_survive_filters_that_are_refused_or_ignored() {
    let real = Real::new().await;
    real.user("ana");
    real.user("bo");
    for (fault, expected) in [
        (
            Fault::FilterUnsupported,
            "reject: look-up of a user by `externalId`: 400 invalidFilter",
        ),
        (Fault::FilterIgnored, "halt: the target ignores filters"),
    ] {
        let kind = fault.kind();
        real.fault(fault);
        let error = real.target.find(Lookup::Key("k-ana")).await.unwrap_err();
        assert!(line(&error).starts_with(expected), "{}", line(&error));
        assert_eq!(real.fired(kind), 1);
        real.server.faults().clear();
    }
}

#[tokio::test]
async fn look_ups_tell_none_from_one_from_many() {
    let real = Real::new().await;
    let ana = real.user("ana");
    let find = async |lookup| real.target.find(lookup).await.unwrap();
    assert_eq!(find(Lookup::Key("nobody")).await, Found::None);
    assert_eq!(find(Lookup::UserName("nobody")).await, Found::None);
    let nobody = AccountId::from("nobody");
    assert_eq!(find(Lookup::Id(&nobody)).await, Found::None);
    let Found::One(account) = find(Lookup::UserName("Ana")).await else {
        panic!("one");
    };
    assert_eq!(account.id, ana);
    // External ids need not be unique on the target's side.
    let twin = json!({"userName": "twin", "externalId": "k-ana"});
    real.server.insert_user(twin).unwrap();
    assert_eq!(find(Lookup::Key("k-ana")).await, Found::Many(2));
    real.fault(Fault::ResourcesAbsent);
    assert_eq!(find(Lookup::Key("nobody")).await, Found::None);
    assert_eq!(real.fired(FaultKind::ResourcesAbsent), 1);
}

#[tokio::test]
async fn a_name_stored_in_lower_case_is_still_the_one() {
    let real = Real::new().await;
    real.fault(Fault::LowercaseUserName);
    real.user("Ana");
    assert!(matches!(
        real.target.find(Lookup::UserName("Ana")).await,
        Ok(Found::One(_))
    ));
}

#[tokio::test]
async fn searching_by_post_keeps_names_out_of_urls() {
    let profile = Profile {
        search: Search::Post,
        ..Profile::rfc()
    };
    let real = Real::with(profile, Options::default()).await;
    let canary = real.user("canary");
    real.group("Staff", &[&canary]);
    let Found::One(account) = real.target.find(Lookup::UserName("canary")).await.unwrap() else {
        panic!("one");
    };
    assert_eq!(account.id, canary);
    assert_eq!(
        real.target.held(&canary, &held_of()[..1]).await.unwrap(),
        Some(vec![STAFF.into()])
    );
    let log = format!(
        "{:?}",
        real.server
            .log()
            .iter()
            .map(|r| r.path.clone())
            .collect::<Vec<_>>()
    );
    assert!(!log.contains("canary"), "{log}");
}

#[tokio::test]
async fn memberships_are_read_from_the_groups() {
    let real = Real::new().await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    real.group("Staff", &[&ana, &bo]);
    real.group("Admins", &[&bo]);
    real.group("Others", &[&ana]);
    let held = async |id| real.target.held(id, &held_of()).await.unwrap();
    assert_eq!(held(&ana).await, Some(vec![STAFF.into()]));
    assert_eq!(held(&bo).await, Some(held_of()));
    real.server.reset_calls();
    assert_eq!(
        real.target.held(&ana, &held_of()[..1]).await.unwrap(),
        Some(vec![STAFF.into()])
    );
    // Only the group that was asked about, and its id is known by now.
    assert_eq!(real.server.calls().total(), 1);
    assert_eq!(real.target.held(&ana, &[]).await.unwrap(), Some(vec![]));
}

#[tokio::test]
async fn memberships_are_read_from_the_user_where_the_profile_says_so() {
    let profile = Profile {
        membership: Membership::UserGroups,
        ..Profile::rfc()
    };
    let real = Real::with(profile, Options::default()).await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    real.group("Staff", &[&ana, &bo]);
    real.group("Admins", &[&bo]);
    let held = async |id| real.target.held(id, &held_of()).await.unwrap();
    assert_eq!(held(&ana).await, Some(vec![STAFF.into()]));
    assert_eq!(held(&bo).await, Some(held_of()));
    let hidden = Profile {
        membership: Membership::Hidden,
        ..Profile::rfc()
    };
    let real = Real::with(hidden, Options::default()).await;
    let ana = real.user("ana");
    assert_eq!(real.target.held(&ana, &held_of()).await.unwrap(), None);
    assert_eq!(real.server.calls().total(), 0);
}

#[tokio::test]
async fn the_last_member_leaves_an_empty_group_and_not_a_riddle() {
    let real = Real::new().await;
    let ana = real.user("ana");
    real.group("Staff", &[&ana]);
    let staff = &held_of()[..1];
    assert_eq!(
        real.target.held(&ana, staff).await.unwrap(),
        Some(staff.to_vec())
    );
    let change = crate::fixture::revoke(STAFF);
    ports::Apply::apply(&real.target, &change, Some(&ana))
        .await
        .unwrap();
    assert_eq!(real.target.held(&ana, staff).await.unwrap(), Some(vec![]));
}

#[tokio::test]
async fn groups_are_listed_with_their_members() {
    let real = Real::with(paged(Paging::Index, 1), Options::default()).await;
    let (ana, bo) = (real.user("ana"), real.user("bo"));
    real.group("Staff", &[&ana, &bo]);
    real.group("Empty", &[]);
    let first = real.target.groups(None).await.unwrap();
    assert_eq!(first.declared, Some(2));
    assert_eq!(&*first.items[0].name, "Staff");
    assert_eq!(first.items[0].members, Some(vec![ana, bo]));
    let second = real.target.groups(first.next.as_ref()).await.unwrap();
    assert_eq!(&*second.items[0].name, "Empty");
    assert_eq!(second.items[0].members, Some(vec![]));
    assert_eq!(second.next, None);
}

#[tokio::test]
async fn a_target_that_hides_members_is_not_a_target_without_members() {
    let real = Real::new().await;
    let ana = real.user("ana");
    real.group("Staff", &[&ana]);
    real.fault(Fault::ListWithoutMembers);
    let page = real.target.groups(None).await.unwrap();
    assert_eq!(page.items[0].members, None);
    assert!(real.fired(FaultKind::ListWithoutMembers) > 0);
}

#[tokio::test]
async fn a_disabled_user_may_be_hidden() {
    let real = Real::new().await;
    let ana = real.user("ana");
    real.fault(Fault::HideInactive);
    ports::Apply::apply(&real.target, &domain::Change::Disable, Some(&ana))
        .await
        .unwrap();
    assert_eq!(
        real.target.find(Lookup::Id(&ana)).await.unwrap(),
        Found::None
    );
    assert!(real.fired(FaultKind::HideInactive) > 0);
}

#[tokio::test]
async fn users_can_be_seen_without_copies() {
    let real = Real::with(paged(Paging::Index, 2), Options::default()).await;
    for name in ["ana", "bo", "cy"] {
        real.user(name);
    }
    let mut seen = Vec::new();
    let mut cursor = None;
    let place = real
        .target
        .mapped_paths()
        .position(|path| &**path == "userName");
    loop {
        let end = real
            .target
            .users_with(cursor.as_ref(), |user| {
                assert_eq!(user.mapped(place.unwrap()), Some(user.user_name()));
                assert!(user.active() && user.created().is_some());
                seen.push((user.id().to_owned(), user.key().map(str::to_owned)));
            })
            .await
            .unwrap();
        assert_eq!(end.declared, Some(3));
        cursor = end.next;
        if cursor.is_none() {
            break;
        }
    }
    let keys: Vec<&str> = seen.iter().filter_map(|(_, key)| key.as_deref()).collect();
    assert_eq!(keys, ["k-ana", "k-bo", "k-cy"]);
}

#[test]
fn a_configuration_that_cannot_work_is_refused_at_once() {
    let new = |config: ScimConfig| {
        let tokens = Arc::new(Tokens::fixed([]));
        ScimTarget::new(config, tokens, Arc::new(Midnight))
    };
    let base = "https://wiki.example.com/scim/v2";
    new(config(base)).unwrap();
    let mapped = |path: &str| ScimConfig {
        mapped: vec![path.into()],
        ..config(base)
    };
    let both = ScimConfig {
        mapped: vec!["manager".into(), "manager.value".into()],
        ..config(base)
    };
    for (config, expected) in [
        (
            config("http://wiki.example.com/"),
            "halt: `wiki`: base URL refused: `http` is for loopback hosts only",
        ),
        (config("wiki"), "halt: `wiki`: `wiki` is not a URL"),
        (
            mapped("active"),
            "halt: `wiki`: `active` is not for mappings: the desired state sets it",
        ),
        (mapped("emails"), "halt: `wiki`: `emails` names a list"),
        (
            mapped("e mail"),
            "halt: `wiki`: `e mail` is no attribute path",
        ),
        (
            both,
            "halt: `wiki`: `manager.value` does not fit beside the other paths",
        ),
    ] {
        let error: PortFault = new(config).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
}

#[tokio::test]
async fn a_value_that_would_fill_the_table_is_as_good_as_none_and_a_name_is_refused() {
    let real = Real::new().await;
    let ana = real.user("ana");
    for (bytes, kept) in [
        (4 * 1024, true),
        (4 * 1024 + 1, false),
        (1024 * 1024, false),
    ] {
        let title = json!({ "title": "x".repeat(bytes) });
        real.server.update_user(ana.as_str(), title).unwrap();
        for lookup in [Lookup::Id(&ana), Lookup::Key("k-ana")] {
            let found = real.target.find(lookup).await.unwrap();
            let Found::One(account) = found else {
                panic!("{found:?}")
            };
            assert_eq!(account.attrs.contains_key("title"), kept, "{bytes}");
        }
        let page = real.target.users(None).await.unwrap();
        assert_eq!(page.items[0].attrs.contains_key("title"), kept, "{bytes}");
    }
    // Without a name nobody knows whose it is.
    let name = json!({ "userName": "x".repeat(5_000) });
    real.server.update_user(ana.as_str(), name).unwrap();
    let error = real.target.find(Lookup::Id(&ana)).await.unwrap_err();
    let said = line(&error);
    assert!(said.starts_with("reject"), "{said}");
    assert!(said.contains("longer `userName`"), "{said}");
    assert!(!said.contains("xx"), "{said}");
    let error = real.target.users(None).await.unwrap_err();
    assert!(line(&error).contains("longer `userName`"), "{error}");
}
