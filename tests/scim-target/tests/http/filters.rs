//! Filters over HTTP.

use serde_json::json;

use crate::harness::{ENTERPRISE, Fixture, USER};

async fn people() -> Fixture {
    let fixture = Fixture::new().await;
    for user in [
        json!({ "userName": "ana", "externalId": "E-1", "title": "Boss", "active": true,
            "name": { "familyName": "Souza" },
            "emails": [{ "value": "ana@work.example", "type": "work" }, { "value": "a@home.example", "type": "home" }],
            ENTERPRISE: { "department": "Ops", "manager": { "value": "m-1" } } }),
        json!({ "userName": "Bo", "externalId": "e-1", "active": false,
            "emails": [{ "value": "bo@home.example", "type": "work" }] }),
        json!({ "userName": "c\"or userName pr", "externalId": "x\\y", "title": "" }),
    ] {
        fixture.target.insert_user(user).unwrap();
    }
    fixture
}

#[tokio::test]
async fn filters_find_who_they_should() {
    let fixture = people().await;
    let c = "c\"or userName pr";
    let cases: &[(&str, &[&str])] = &[
        (r#"userName eq "ANA""#, &["ana"]),
        (r#"USERNAME Eq "ana""#, &["ana"]),
        (r#"userName eq "an""#, &[]),
        (r#"externalId eq "e-1""#, &["Bo"]),
        (r#"userName eq "c\"or userName pr""#, &[c]),
        (r#"externalId eq "x\\y""#, &[c]),
        (r#"userName eq "\u0061na""#, &["ana"]),
        (r#"userName ne "ana""#, &["Bo", c]),
        (r#"userName co "O""#, &["Bo", c]),
        (r#"userName sw "b""#, &["Bo"]),
        (r#"userName ew "na""#, &["ana"]),
        ("title pr", &["ana"]),
        ("not (title pr)", &["Bo", c]),
        ("active eq false", &["Bo"]),
        ("active eq true and title pr", &["ana"]),
        (
            r#"userName eq "ana" or userName eq "bo" and active eq true"#,
            &["ana"],
        ),
        (
            r#"(userName eq "ana" or userName eq "bo") and active eq false"#,
            &["Bo"],
        ),
        (r#"name.familyName eq "souza""#, &["ana"]),
        (r#"emails eq "bo@home.example""#, &["Bo"]),
        (r#"emails.value co "home.example""#, &["ana", "Bo"]),
        (r#"emails[type eq "work" and value co "home"]"#, &["Bo"]),
        (
            r#"emails.type eq "work" and emails.value co "home""#,
            &["ana", "Bo"],
        ),
        (
            r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ana""#,
            &["ana"],
        ),
        (
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department eq "ops""#,
            &["ana"],
        ),
        (
            r#"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value eq "m-1""#,
            &["ana"],
        ),
        (r#"userName gt "b" and userName lt "c""#, &["Bo"]),
        (r#"userName ge "bo" and userName le "bo""#, &["Bo"]),
        (
            r#"meta.created ge "2026-01-01T01:00:00.002+01:00""#,
            &["Bo", c],
        ),
        (r#"meta.created lt "2026-01-01T00:00:00.002Z""#, &["ana"]),
        // An empty string is a value, though not present.
        ("title eq null", &["Bo"]),
        (
            r#"meta.resourceType eq "User" and not (active eq false)"#,
            &["ana", c],
        ),
    ];
    for (filter, expected) in cases {
        let found = fixture.filter("/Users", filter).await.is(200);
        assert_eq!(found.names(), *expected, "{filter}");
        assert_eq!(found.json["totalResults"], expected.len(), "{filter}");
    }
}

#[tokio::test]
async fn an_id_finds_one() {
    let fixture = people().await;
    let filter = format!("id eq \"{}\"", fixture.id("bo"));
    assert_eq!(fixture.filter("/Users", &filter).await.names(), ["Bo"]);
    let filter = filter.to_uppercase().replace("ID EQ", "id eq");
    assert!(fixture.filter("/Users", &filter).await.names().is_empty());
}

#[tokio::test]
async fn memberships_are_found_from_both_sides() {
    let fixture = people().await;
    let staff = fixture.group("staff", &["ana", "bo"]);
    fixture.group("other", &["bo"]);
    let ana = fixture.id("ana");
    for filter in [
        format!("members.value eq \"{ana}\""),
        format!("members eq \"{ana}\""),
        format!("members[value eq \"{ana}\"]"),
        format!("id eq \"{staff}\" and members eq \"{ana}\""),
        "displayName eq \"STAFF\"".to_owned(),
        "members[display eq \"ana\" and type eq \"User\"]".to_owned(),
    ] {
        assert_eq!(
            fixture.filter("/Groups", &filter).await.names(),
            ["staff"],
            "{filter}"
        );
    }
    let filter = format!("groups.value eq \"{staff}\"");
    assert_eq!(
        fixture.filter("/Users", &filter).await.names(),
        ["ana", "Bo"]
    );
    let filter = format!("groups.value eq \"{staff}\" and not (groups.display eq \"other\")");
    assert_eq!(fixture.filter("/Users", &filter).await.names(), ["ana"]);
}

#[tokio::test]
async fn bad_filters_are_refused() {
    let fixture = Fixture::new().await;
    for filter in [
        "userName",
        "userName eq ana",
        "userName eq \"ana",
        "userName is \"ana\"",
        "shoeSize eq \"7\"",
        "active gt true",
        "userName eq 7",
        "userName[value eq \"x\"]",
        "name eq \"x\"",
        "emails[shoe eq \"x\"]",
        "",
    ] {
        fixture
            .filter("/Users", filter)
            .await
            .refuses(400, "invalidFilter");
    }
}

#[tokio::test]
async fn search_takes_the_same_in_a_body() {
    let fixture = people().await;
    let body = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
        "filter": "userName eq \"ana\"",
        "attributes": ["userName"],
    });
    let found = fixture.post("/Users/.search", body).await.is(200);
    assert_eq!(found.names(), ["ana"]);
    assert!(found.json["Resources"][0].get("title").is_none());
    assert_eq!(fixture.target.calls().user_list, 1);
    assert_eq!(fixture.target.calls().user_post, 0);
    assert_eq!(fixture.target.log()[0].template, "/Users/.search");
    assert_eq!(found.json["Resources"][0]["schemas"][0], USER);
}
