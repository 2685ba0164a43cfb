//! What each dialect does, request by request. The kinds of server that one client was tried with.

#![expect(
    clippy::needless_pass_by_value,
    reason = "tables of requests read better without borrows"
)]

use scim_target::{Dialect, Options};
use serde_json::{Value, json};

use crate::harness::{GROUP, USER};
use crate::steps::{
    delete, dialect, get, join, leave, leave_by_list, less, mail, patch, person, plus, post, put,
    run, set, set_pathless,
};

const ANA: &str = "/Users/{ana}";
const CY: &str = "/Users/{cy}";
const STAFF: &str = "/Groups/{staff}";

fn group(members: Value) -> Value {
    json!({ "schemas": [GROUP], "displayName": "crew", "members": members })
}

#[test]
fn names_are_read_back() {
    for dialect in Dialect::ALL {
        assert_eq!(dialect.name().parse(), Ok(*dialect));
        assert_eq!(dialect.to_string(), dialect.name());
        assert_eq!(Options::of(*dialect).effective_truth(), dialect.truth());
    }
    let error = "vax".parse::<Dialect>().unwrap_err().to_string();
    assert!(
        error.starts_with("no dialect `vax`; there are rfc, okta,"),
        "{error}"
    );
}

#[tokio::test]
async fn rfc() {
    let fixture = dialect(Dialect::Rfc).await;
    let steps = vec![
        get("/ServiceProviderConfig")
            .shows("/etag/supported", true)
            .shows("/pagination/cursor", true),
        get("/ServiceProviderConfigs").answers(404),
        get("/Users?filter=title sw \"T\" and active eq false").lists(["cy@x.org"]),
        get("/Users?cursor&count=2").shows("/totalResults", 3),
        patch(ANA, set("active", "False")).refused(400, "invalidValue"),
        patch(ANA, set("active", false)).shows("/active", false),
        patch(ANA, set_pathless(json!({ "active": true }))).shows("/active", true),
        patch(ANA, set("shoeSize", "44")).refused(400, "invalidPath"),
        post("/Users", plus(person("di"), json!({ "shoeSize": 44 }))).refused(400, "invalidSyntax"),
        patch(STAFF, join("{bo}")),
        patch(STAFF, leave("{bo}")),
        patch(STAFF, leave_by_list("{ana}")).refused(400, "invalidSyntax"),
        get(STAFF)
            .shows("/members/0/value", "{ana}")
            .shows("/members/1", Value::Null),
        patch(STAFF, json!([{ "op": "remove", "path": "members" }])),
        get(STAFF).shows("/members", Value::Null),
        delete(ANA),
        get(ANA).answers(404),
    ];
    run(&fixture, steps).await;
}

#[tokio::test]
async fn okta() {
    let fixture = dialect(Dialect::Okta).await;
    let steps = vec![
        get("/ServiceProviderConfig")
            .answers(404)
            .shows("/status", 404),
        get("/Schemas").answers(404),
        // Look-ups by name; anything else is everyone.
        get("/Users?startIndex=1&count=2").lists(["ana@x.org", "bo@x.org"]),
        get("/Users?filter=userName eq \"bo@x.org\"").lists(["bo@x.org"]),
        get("/Users?filter=userName eq \"no@x.org\"")
            .shows("/totalResults", 0)
            .shows("/Resources", Value::Null),
        get("/Users?filter=externalId eq \"e-bo\"").shows("/totalResults", 3),
        get("/Groups?filter=displayName eq \"staff\"&excludedAttributes=members")
            .shows("/Resources/0/members/0/value", "{ana}"),
        // PATCH has no path, and real booleans.
        patch(ANA, set("active", false)).refused(400, "invalidPath"),
        patch(ANA, set_pathless(json!({ "active": "False" }))).refused(400, "invalidValue"),
        patch(
            ANA,
            set_pathless(json!({ "active": false, "shoeSize": 44 })),
        )
        .shows("/active", false)
        .shows("/title", "T"),
        patch(ANA, set("title", "U")).refused(400, "invalidPath"),
        patch(ANA, set_pathless(json!({ "active": true, "title": "U" }))).shows("/title", "U"),
        // PUT clears, and suspends whoever it does not call active.
        put(ANA, json!({ "schemas": [USER], "userName": "ana@x.org" }))
            .shows("/title", Value::Null)
            .shows("/active", false),
        put(
            ANA,
            json!({ "schemas": [USER], "userName": "ana@x.org", "active": true }),
        )
        .shows("/active", true),
        post("/Users", person("di"))
            .header("content-type", Some("application/json"))
            .answers(415),
        post("/Users", person("di"))
            .header("content-type", Some("application/scim+json; charset=utf-8")),
        post("/Users", person("di")).refused(409, "uniqueness"),
        // Members are added with a path and removed by filter; a value list empties the group.
        patch(STAFF, set("displayName", "x")).refused(400, "invalidPath"),
        patch(STAFF, set_pathless(json!({ "displayName": "staff" }))),
        patch(
            STAFF,
            json!([{ "op": "add", "value": { "members": [{ "value": "{bo}" }] } }]),
        )
        .refused(400, "invalidPath"),
        patch(STAFF, join("nobody")),
        patch(STAFF, join("{bo}")),
        patch(STAFF, join("{cy}")),
        patch(STAFF, leave("{cy}")),
        get(STAFF)
            .shows("/members/1/value", "{bo}")
            .shows("/members/2", Value::Null),
        patch(STAFF, leave_by_list("{bo}")),
        get(STAFF).shows("/members", Value::Null),
        patch(
            STAFF,
            json!([{ "op": "replace", "path": "members", "value": [{ "value": "{bo}" }] }]),
        ),
        get(STAFF)
            .shows("/members/0/value", "{bo}")
            .shows("/meta/version", Value::Null),
    ];
    run(&fixture, steps).await;
}

#[tokio::test]
async fn entra() {
    let fixture = dialect(Dialect::Entra).await;
    let replace = |path, value| json!([{ "op": "Replace", "path": path, "value": value }]);
    let steps = vec![
        // What is promised, and what there is.
        get("/ServiceProviderConfig")
            .shows("/etag/supported", true)
            .shows("/pagination/cursor", true),
        get("/Users?cursor&count=1")
            .shows("/nextCursor", Value::Null)
            .shows("/Resources/0/meta/version", Value::Null),
        patch(ANA, replace("title", json!("U"))).header("if-match", Some("W/\"99\"")),
        get("/Users?filter=userName eq \"no@x.org\"")
            .lists([])
            .shows("/totalResults", 0),
        get("/Users?filter=externalId eq \"e-bo\" and userName eq \"bo@x.org\"")
            .lists(["bo@x.org"]),
        get("/Users?filter=title eq \"T\"").refused(400, "invalidFilter"),
        get("/Groups?filter=displayName eq \"staff\"&excludedAttributes=members")
            .lists(["staff"])
            .shows("/Resources/0/members", Value::Null),
        // Paths only, booleans as text.
        patch(ANA, replace("active", json!("False"))).shows("/active", "False"),
        patch(ANA, set("active", true)).shows("/active", "True"),
        patch(ANA, set_pathless(json!({ "active": false }))).refused(400, "invalidPath"),
        patch(
            ANA,
            json!([{ "op": "Add", "path": "shoeSize", "value": "44" }]),
        ),
        post("/Users", plus(person("di"), mail("di"))),
        put(ANA, person("ana")).refused(501, ""),
        // Groups start empty; members leave by value list only.
        post("/Groups", group(json!([{ "value": "{ana}" }])))
            .keep("crew")
            .shows("/members", Value::Null),
        patch(
            "/Groups/{crew}",
            json!([{
                "op": "Add", "path": "members", "value": [{ "value": "{ana}" }, { "value": "{bo}" }]
            }]),
        ),
        patch("/Groups/{crew}", leave("{ana}")).refused(400, "invalidPath"),
        patch("/Groups/{crew}", leave_by_list("{ana}")),
        get("/Groups/{crew}")
            .shows("/members/0/value", "{bo}")
            .shows("/members/1", Value::Null),
        put("/Groups/{crew}", group(json!([]))).refused(501, ""),
        post("/Groups", group(json!([]))).refused(409, "uniqueness"),
        delete(ANA),
        get(ANA).answers(404),
    ];
    run(&fixture, steps).await;
    let answer = fixture.get("/Users").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        fixture
            .get(&format!("/Users/{}", fixture.id("bo@x.org")))
            .await
            .header("etag"),
        ""
    );
}

#[tokio::test]
async fn slack() {
    let fixture = dialect(Dialect::Slack).await;
    let di = || plus(person("Di"), mail("di"));
    let steps = vec![
        get("/ServiceProviderConfig").answers(404),
        get("/ServiceProviderConfigs")
            .shows("/pagination/defaultPageSize", 10)
            .shows("/pagination/maxPageSize", 1000)
            .shows("/etag/supported", false),
        post("/Users", person("Di")).refused(400, "invalidValue"),
        post("/Users", plus(person("a-name-beyond-limits"), mail("di")))
            .refused(400, "invalidValue"),
        post("/Users", di())
            .keep("di")
            .shows("/userName", "di@x.org"),
        patch("/Users/{di}", set("userName", "DI@x.org")).shows("/userName", "di@x.org"),
        delete("/Users/{di}"),
        get("/Users/{di}").shows("/active", false),
        get("/Users?filter=userName eq \"di@x.org\"").lists(["di@x.org"]),
        post("/Users", di()).refused(409, "uniqueness"),
        patch("/Users/{di}", set("active", true)).shows("/active", true),
        delete(STAFF),
        get(STAFF).answers(404),
    ];
    run(&fixture, steps).await;
    for n in 0..10 {
        fixture.seed(&[&format!("more-{n}")]);
    }
    assert_eq!(fixture.get("/Users").await.names().len(), 10);
}

#[tokio::test]
async fn github_emu() {
    let fixture = dialect(Dialect::GithubEmu).await;
    let steps = vec![
        get(ANA).header("user-agent", None).refused(403, ""),
        get("/ServiceProviderConfig")
            .header("user-agent", None)
            .refused(403, ""),
        get("/Users?filter=externalId eq \"e-cy\"").lists(["cy@x.org"]),
        get("/Users?count=500").shows("/itemsPerPage", 3),
        post("/Users", less(person("di"), "externalId")).refused(400, "invalidValue"),
        post(
            "/Users",
            plus(person("di"), json!({ "externalId": "e-bo" })),
        )
        .refused(409, "uniqueness"),
        post("/Users", plus(person("di"), json!({ "shoeSize": 44 }))).refused(400, "invalidSyntax"),
        post(
            "/Users",
            plus(person("di"), json!({ "roles": [{ "value": "user" }] })),
        ),
        put(ANA, less(person("ana"), "externalId")).refused(400, "invalidValue"),
        patch(ANA, json!([{ "op": "remove", "path": "externalId" }])).refused(400, "invalidValue"),
        post("/Groups", group(json!([{ "value": "nobody" }]))).refused(400, "invalidValue"),
        // Suspended, and back.
        patch(ANA, set("active", false)),
        get("/Users").lists(["ana@x.org", "bo@x.org", "cy@x.org", "di@x.org"]),
        patch(ANA, set("active", true)).shows("/active", true),
        // Suspended for ever.
        delete(ANA),
        get(ANA).answers(404),
        patch(ANA, set("active", true)).answers(404),
        get("/Users").lists(["bo@x.org", "cy@x.org", "di@x.org"]),
    ];
    run(&fixture, steps).await;
    assert_eq!(fixture.target.suspended(), ["ana@x.org"]);
}

#[tokio::test]
async fn atlassian() {
    let fixture = dialect(Dialect::Atlassian).await;
    let steps = vec![
        get("/Users?filter=externalId eq \"e-bo\"").lists(["bo@x.org"]),
        get("/Users?filter=userName eq \"bo@x.org\" and externalId eq \"e-bo\"")
            .refused(400, "invalidFilter"),
        // Inactive users are hidden; the PATCH that activates finds them.
        get(CY).answers(404),
        get("/Users").lists(["ana@x.org", "bo@x.org"]),
        get("/Users?filter=userName eq \"cy@x.org\"").lists([]),
        post("/Users", person("cy")).refused(409, "uniqueness"),
        patch(CY, set("title", "U")).answers(404),
        put(CY, person("cy")).answers(404),
        patch(CY, set("active", true)).shows("/active", true),
        get(CY).shows("/title", "T"),
        put(CY, person("cy")).shows("/title", Value::Null),
        delete(CY),
        get(CY).answers(404),
        delete(CY).answers(404),
        patch(CY, set_pathless(json!({ "active": true }))),
        get("/Users").lists(["ana@x.org", "bo@x.org", "cy@x.org"]),
    ];
    run(&fixture, steps).await;
}
