//! What each dialect does, request by request. Vendors with rules of their own.

#![expect(
    clippy::needless_pass_by_value,
    reason = "tables of requests read better without borrows"
)]

use scim_target::Dialect;
use serde_json::{Value, json};

use crate::harness::GROUP;
use crate::steps::{
    delete, dialect, get, join, leave_by_list, less, mail, patch, person, plus, post, put, run, set,
};

const ANA: &str = "/Users/{ana}";
const STAFF: &str = "/Groups/{staff}";

fn group(members: Value) -> Value {
    json!({ "schemas": [GROUP], "displayName": "crew", "members": members })
}

#[tokio::test]
async fn aws_users() {
    let fixture = dialect(Dialect::AwsIamIdentityCenter).await;
    let two =
        json!([{ "value": "a@x.org", "type": "work" }, { "value": "b@x.org", "type": "home" }]);
    let mut steps = vec![
        get("/Users?filter=userName eq \"bo@x.org\"").lists(["bo@x.org"]),
        get("/Users?filter=externalId eq \"e-bo\" and userName eq \"bo@x.org\"")
            .lists(["bo@x.org"]),
        get("/Users?filter=id eq \"{bo}\"").lists(["bo@x.org"]),
        get("/Users?filter=groups.value eq \"{staff}\"").lists(["ana@x.org"]),
        get("/Users?filter=id eq \"{bo}\" and manager eq \"{ana}\"").lists([]),
        get("/Users?filter=manager eq \"{ana}\"").refused(400, "invalidFilter"),
        get("/Users?filter=emails.value eq \"a@x.org\"").refused(400, "invalidFilter"),
        get("/Users?filter=userName sw \"b\"").refused(400, "invalidFilter"),
        get("/Users?filter=userName eq \"a\" or userName eq \"b\"").refused(400, "invalidFilter"),
        get("/Users?attributes=userName").refused(400, "invalidValue"),
        get("/Groups?excludedAttributes=members").refused(400, "invalidValue"),
        get(ANA).shows("/groups", Value::Null),
        patch(ANA, set("title", "U"))
            .header("user-agent", None)
            .refused(403, ""),
        get(ANA).header("user-agent", None),
        post("/Users", person("bo")).refused(409, ""),
        post("/Users", plus(person("di"), json!({ "emails": two }))).refused(400, "invalidValue"),
        post("/Users", plus(person("di"), json!({ "shoeSize": 44 }))).refused(400, "invalidSyntax"),
        post("/Users", plus(person("di"), mail("di"))).keep("di"),
        patch(
            "/Users/{di}",
            json!([{ "op": "add", "path": "emails", "value": two }]),
        )
        .refused(400, "invalidValue"),
        put("/Users/{di}", person("di")).shows("/emails", Value::Null),
        delete("/Users/{di}"),
        get("/Users/{di}").answers(404),
    ];
    for name in ["displayName", "name"] {
        steps.push(post("/Users", less(person("di"), name)).refused(400, "invalidValue"));
    }
    for name in [
        "password",
        "photos",
        "ims",
        "groups",
        "entitlements",
        "roles",
    ] {
        let named = plus(person("di"), json!({ name: [{ "value": "v" }] }));
        steps.push(post("/Users", named).refused(400, "invalidValue"));
    }
    run(&fixture, steps).await;
}

#[tokio::test]
async fn aws_groups() {
    let fixture = dialect(Dialect::AwsIamIdentityCenter).await;
    let many = |count: usize| {
        let member = |n| json!({ "value": fixture.id(&format!("m-{n}")) });
        (0..count).map(member).collect::<Vec<Value>>()
    };
    for n in 0..101 {
        fixture.seed(&[&format!("m-{n}")]);
    }
    let add = |count| json!([{ "op": "add", "path": "members", "value": many(count) }]);
    let whole = json!([{ "op": "replace", "path": "members", "value": [{ "value": "{bo}" }] }]);
    let steps = vec![
        // Members are never shown, but can be asked for.
        get(STAFF).shows("/members", json!([])),
        get("/Groups").shows("/Resources/0/members", json!([])),
        get("/Groups?filter=displayName eq \"staff\"").lists(["staff"]),
        get("/Groups?filter=members eq \"{ana}\"").lists(["staff"]),
        get("/Groups?filter=members.value eq \"{ana}\"").lists(["staff"]),
        get("/Groups?filter=id eq \"{staff}\" and members eq \"{ana}\"").lists(["staff"]),
        get("/Groups?filter=id eq \"{staff}\" and members eq \"{bo}\"").lists([]),
        // 100 changes, and no change of all.
        patch(STAFF, add(101)).refused(400, "invalidValue"),
        patch(STAFF, add(100)),
        patch(STAFF, leave_by_list("{ana}")),
        patch(STAFF, whole).refused(400, "invalidValue"),
        patch(STAFF, json!([{ "op": "remove", "path": "members" }])).refused(400, "invalidValue"),
        put(STAFF, group(json!([]))).refused(501, ""),
        post("/Groups", group(many(101).into())).refused(400, "invalidValue"),
        post("/Groups", group(many(100).into())).shows("/members", json!([])),
    ];
    run(&fixture, steps).await;
    let staff = fixture.target.group_by_display_name("staff").unwrap();
    assert_eq!(staff.members.len(), 100);
    assert!(!staff.members.contains(&fixture.id("ana@x.org")));
}

#[tokio::test]
async fn aws_pages() {
    let fixture = dialect(Dialect::AwsIamIdentityCenter).await;
    for n in 3..150 {
        fixture.seed(&[&format!("m-{n}")]);
    }
    // Without a cursor, one page and no way on.
    for query in ["", "?startIndex=51", "?count=100"] {
        let page = fixture.get(&format!("/Users{query}")).await.is(200);
        assert_eq!(page.names().len(), 50, "{query}");
        assert_eq!(page.names()[0], "ana@x.org");
        assert!(page.json.get("nextCursor").is_none());
    }
    // With one, pages may be short before the last.
    let mut found = Vec::new();
    let mut sizes = Vec::new();
    let mut query = "cursor".to_owned();
    loop {
        let page = fixture
            .get(&format!("/Users?{query}&count=500"))
            .await
            .is(200);
        sizes.push(page.names().len());
        found.extend(page.names());
        match page.json["nextCursor"].as_str() {
            Some(next) => query = format!("cursor={next}"),
            None => break,
        }
    }
    assert_eq!(sizes, [99, 51]);
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 150);
}

#[tokio::test]
async fn salesforce() {
    let fixture = dialect(Dialect::Salesforce).await;
    let profile = json!([{ "value": "00e1" }, { "value": "0PS1" }]);
    let two = json!([{ "value": "00e1" }, { "value": "00e2" }]);
    let di = |entitlements: &Value| plus(person("di"), json!({ "entitlements": entitlements }));
    let both = "/Users?filter=userName eq \"ana@x.org\" or userName eq \"bo@x.org\"";
    let steps =
        vec![
        get("/ServiceProviderConfig").answers(404),
        get("/ServiceProviderConfigs"),
        // A 409 that is no conflict, and one that is.
        post("/Users", person("di"))
            .refused(409, "")
            .shows("/detail", "REQUIRED_FIELD_MISSING: required fields are missing: [entitlements]")
            .shows("/schemas", "urn:ietf:params:scim:api:messages:2.0:Error"),
        post("/Users", di(&two)).refused(409, ""),
        post("/Users", di(&profile)).keep("di"),
        post("/Users", di(&profile))
            .refused(409, "")
            .shows("/detail", "userName `di@x.org` is already in use"),
        post("/Users", plus(di(&profile), json!({ "userName": "di" })))
            .refused(400, "invalidValue"),
        patch("/Users/{di}", json!([{ "op": "remove", "path": "entitlements" }]))
            .refused(409, ""),
        // `or`, then `and`: not ana, whom RFC 7644 would find.
        get(&format!("{both} and userName eq \"bo@x.org\"")).lists(["bo@x.org"]),
        get("/Users?filter=userName eq \"ana@x.org\" or (userName eq \"bo@x.org\" and title pr)")
            .lists(["ana@x.org", "bo@x.org"]),
        delete("/Users/{di}"),
        get("/Users/{di}").shows("/active", false),
        patch("/Users/{di}", set("active", true)).shows("/active", true),
        // Groups are there to be used.
        post("/Groups", group(json!([]))).refused(403, ""),
        delete(STAFF).refused(403, ""),
        patch(STAFF, join("{bo}")),
        get(STAFF).shows("/members/1/value", "{bo}"),
    ];
    run(&fixture, steps).await;
}

#[tokio::test]
async fn snowflake() {
    let fixture = dialect(Dialect::Snowflake).await;
    let mut steps = vec![
        post("/Users", person("di"))
            .keep("di")
            .shows("/userName", "DI@X.ORG"),
        get("/Users?filter=userName eq \"di@x.org\"").lists(["DI@X.ORG"]),
        post("/Users", person("Di")).refused(409, "uniqueness"),
        patch("/Users/{di}", set("active", false)).shows("/active", false),
        patch(STAFF, join("{di}")),
        get("/Users/{di}").shows("/groups", Value::Null),
        get(STAFF).shows("/members/1/value", "{di}"),
        patch(
            ANA,
            json!([{ "op": "add", "path": "emails", "value": [{ "value": "a@x.org" }] }]),
        )
        .refused(400, "invalidValue"),
    ];
    for name in [
        "emails",
        "phoneNumbers",
        "ims",
        "photos",
        "entitlements",
        "roles",
    ] {
        let named = plus(person("ed"), json!({ name: [{ "value": "v" }] }));
        steps.push(post("/Users", named).refused(400, "invalidValue"));
    }
    run(&fixture, steps).await;
}

#[tokio::test]
async fn databricks() {
    let fixture = dialect(Dialect::Databricks).await;
    let ors = |count: usize| vec!["userName eq \"ana@x.org\""; count].join(" or ");
    let steps = vec![
        // 199 comparisons and their `or` are 200 nodes.
        get(&format!("/Users?filter={}", ors(199))).lists(["ana@x.org"]),
        get(&format!("/Users?filter={}", ors(200))).refused(400, "invalidFilter"),
        get("/Users?filter=title sw \"T\" and not (userName co \"o@\")")
            .lists(["ana@x.org", "cy@x.org"]),
        post("/Users", plus(person("di"), json!({ "shoeSize": 44 })))
            .shows("/shoeSize", Value::Null),
        delete(ANA),
        get(ANA).answers(404),
    ];
    run(&fixture, steps).await;
}

#[tokio::test]
async fn google_cloud_identity() {
    let fixture = dialect(Dialect::GoogleCloudIdentity).await;
    let steps = vec![
        get("/ServiceProviderConfig")
            .shows("/pagination", Value::Null)
            .shows("/etag/supported", false),
        get("/Users?startIndex=2&count=1").lists(["ana@x.org", "bo@x.org", "cy@x.org"]),
        get("/Users?cursor&count=1")
            .shows("/nextCursor", Value::Null)
            .shows("/itemsPerPage", 3),
        get(ANA).shows("/meta/version", Value::Null),
        patch(ANA, set("title", "U")).header("if-match", Some("W/\"99\"")),
        // A group inside a group is its users.
        post(
            "/Groups",
            group(json!([{ "value": "{bo}" }, { "value": "{staff}" }])),
        )
        .keep("crew")
        .shows("/members/0/value", "{bo}")
        .shows("/members/1/value", "{ana}")
        .shows("/members/2", Value::Null),
        patch(STAFF, join("{crew}")),
        get(STAFF)
            .shows("/members/1/value", "{bo}")
            .shows("/members/2", Value::Null),
    ];
    run(&fixture, steps).await;
}

#[tokio::test]
async fn zoom() {
    let fixture = dialect(Dialect::Zoom).await;
    let steps = vec![
        get(ANA)
            .header("accept", Some("application/json"))
            .refused(406, ""),
        get(ANA).header("accept", None).refused(406, ""),
        get(ANA).header(
            "accept",
            Some("application/scim+json, application/json;q=0.9"),
        ),
        post("/Users", plus(person("di"), json!({ "userType": "Basic" })))
            .shows("/userType", "Basic"),
        patch(STAFF, join("{bo}")),
        patch(STAFF, leave_by_list("{ana}")),
        get(STAFF)
            .shows("/members/0/value", "{bo}")
            .shows("/members/1", Value::Null),
    ];
    run(&fixture, steps).await;
}
