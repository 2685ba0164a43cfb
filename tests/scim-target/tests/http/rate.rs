//! The target is not what a demo waits for.

use serde_json::json;

use crate::harness::{Fixture, user};

const USERS: usize = 100_000;

fn many(fixture: &Fixture) {
    for number in 0..USERS {
        let name = format!("user{number}@example.com");
        let user = json!({ "userName": name, "externalId": format!("e-{number}"), "title": "T" });
        fixture.target.insert_user(user).unwrap();
    }
}

/// Among so many, a scan would stand out by orders of magnitude on any machine.
#[tokio::test]
async fn lookups_and_pages_do_not_slow_down_with_the_population() {
    let fixture = Fixture::new().await;
    many(&fixture);
    let last = USERS - 1;
    let id = fixture.id(&format!("user{last}@example.com"));
    #[expect(clippy::disallowed_methods, reason = "measures the target")]
    let start = std::time::Instant::now();
    for _ in 0..100 {
        for filter in [
            format!("userName eq \"USER{last}@example.com\""),
            format!("externalId eq \"e-{last}\" and active eq true"),
            format!("id eq \"{id}\""),
        ] {
            assert_eq!(fixture.filter("/Users", &filter).await.names().len(), 1);
        }
    }
    let taken = start.elapsed();
    println!("300 filters among {USERS} users: {taken:?}");
    assert!(taken.as_secs() < 20, "{taken:?}");
    fixture.create("new").await.is(201);
    let renamed = fixture.with_body("PUT", &format!("/Users/{id}"), &user("x"));
    fixture.send(renamed).await.is(200);

    let (mut listed, mut cursor) = (0, String::new());
    loop {
        let page = fixture
            .get(&format!("/Users?count=1000&cursor={cursor}"))
            .await;
        listed += page.json["Resources"].as_array().unwrap().len();
        match page.json["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    let all = start.elapsed();
    println!("{listed} users in pages of 1000, {all:?} in all");
    assert_eq!(listed, USERS + 1);
}

#[tokio::test]
async fn members_join_a_large_group_one_by_one() {
    const MEMBERS: usize = 20_000;
    let fixture = Fixture::new().await;
    let group = fixture.target.add_group("all").unwrap().id;
    for number in 0..MEMBERS {
        let user = json!({ "userName": format!("user{number}") });
        let id = fixture.target.insert_user(user).unwrap().id;
        fixture.target.add_member(&group, &id).unwrap();
    }
    let id = fixture.create("new").await.id();
    let path = format!("/Groups/{group}");
    #[expect(clippy::disallowed_methods, reason = "measures the target")]
    let start = std::time::Instant::now();
    for _ in 0..100 {
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id }] }]);
        fixture.patch(&path, add).await.is(204);
        let remove = json!([{ "op": "remove", "path": format!("members[value eq \"{id}\"]") }]);
        fixture.patch(&path, remove).await.is(204);
    }
    println!("200 changes to a group of {MEMBERS}: {:?}", start.elapsed());
    assert_eq!(fixture.members(&group).len(), MEMBERS);
}
