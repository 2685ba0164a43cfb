use super::*;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn paths(texts: &[&str]) -> Vec<Path> {
    texts
        .iter()
        .map(|text| Path::parse(text).unwrap())
        .collect()
}

const NONE: Lists<'static> = Lists(&[]);

/// A user as it was read.
fn read(mut user: Value) -> Resource {
    user["id"] = "u".into();
    Resource::read(crate::target::Kind::User, user.to_string().as_bytes()).unwrap()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn a_new_user_is_built_from_its_paths() {
    let department = format!("{ENTERPRISE}:department");
    let manager = format!("{ENTERPRISE}:manager.value");
    let paths = paths(&[
        "externalId",
        "userName",
        "displayName",
        "name.givenName",
        "name.familyName",
        "emails[type eq \"work\"].value",
        "phoneNumbers[type eq \"work\"].value",
        "title",
        &department,
        &manager,
    ]);
    let values = [
        Some("k1"),
        Some("ana"),
        Some("Ana \"A\" Souza"),
        Some("Ana"),
        Some("Souza"),
        Some("ana@example.com"),
        Some("+49 30 1"),
        None,
        Some("Ops"),
        Some("2819c223"),
    ];
    let writes: Vec<Write<'_>> = paths.iter().zip(values).collect();
    insta::assert_snapshot!(pretty(&create(true, &writes, NONE).unwrap()), @r#"
    {
      "active": true,
      "displayName": "Ana \"A\" Souza",
      "emails": [
        {
          "primary": true,
          "type": "work",
          "value": "ana@example.com"
        }
      ],
      "externalId": "k1",
      "name": {
        "familyName": "Souza",
        "givenName": "Ana"
      },
      "phoneNumbers": [
        {
          "type": "work",
          "value": "+49 30 1"
        }
      ],
      "schemas": [
        "urn:ietf:params:scim:schemas:core:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
      ],
      "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
        "department": "Ops",
        "manager": {
          "value": "2819c223"
        }
      },
      "userName": "ana"
    }
    "#);
}

#[test]
fn a_new_user_names_an_extension_only_where_it_uses_it() {
    let department = format!("{ENTERPRISE}:department");
    let paths = paths(&["userName", &department]);
    let writes: Vec<Write<'_>> = paths.iter().zip([Some("ana"), None]).collect();
    let user = create(false, &writes, NONE).unwrap();
    assert_eq!(user["schemas"], json!([CORE_USER]));
    assert_eq!(user["active"], json!(false));
    assert_eq!(user.get(ENTERPRISE), None);
}

#[test]
fn values_of_one_element_share_it_and_two_emails_have_no_primary() {
    let paths = paths(&[
        "addresses[type eq \"work\"].locality",
        "addresses[type eq \"work\"].country",
        "emails[type eq \"work\"].value",
        "emails[type eq \"home\"].value",
        "roles[primary eq true].value",
    ]);
    let values = ["Berlin", "DE", "a@w.example", "a@h.example", "staff"].map(Some);
    let writes: Vec<Write<'_>> = paths.iter().zip(values).collect();
    let user = create(true, &writes, NONE).unwrap();
    assert_eq!(
        user["addresses"],
        json!([{"type": "work", "locality": "Berlin", "country": "DE"}])
    );
    assert_eq!(
        user["emails"],
        json!([
            {"type": "work", "value": "a@w.example"},
            {"type": "home", "value": "a@h.example"}
        ])
    );
    assert_eq!(user["roles"], json!([{"primary": true, "value": "staff"}]));
}

#[test]
fn paths_that_exclude_each_other_are_refused() {
    for clashing in [
        ["name", "name.givenName"],
        ["name.givenName", "name"],
        ["title", "title"],
        ["tags", "tags[type eq \"work\"].value"],
        [
            "emails[type eq \"work\"].value",
            "emails[type eq \"work\"].type",
        ],
    ] {
        assert!(check_fit(paths(&clashing).iter()).is_err(), "{clashing:?}");
    }
    let fitting = paths(&["name.givenName", "name.familyName", "urn:example:name"]);
    check_fit(fitting.iter()).unwrap();
}

#[test]
fn a_change_is_one_patch_with_a_path_each() {
    let department = format!("{ENTERPRISE}:department");
    let paths = paths(&[
        "emails[type eq \"work\"].value",
        "name.familyName",
        "title",
        &department,
    ]);
    let values = [Some("a@x.example"), Some("Souza"), None, Some("Ops")];
    let writes: Vec<Write<'_>> = paths.iter().zip(values).collect();
    insta::assert_snapshot!(pretty(&patch(&path_operations(None, &writes, NONE).unwrap())), @r#"
    {
      "Operations": [
        {
          "op": "replace",
          "path": "emails[type eq \"work\"].value",
          "value": "a@x.example"
        },
        {
          "op": "replace",
          "path": "name.familyName",
          "value": "Souza"
        },
        {
          "op": "remove",
          "path": "title"
        },
        {
          "op": "replace",
          "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
          "value": "Ops"
        }
      ],
      "schemas": [
        "urn:ietf:params:scim:api:messages:2.0:PatchOp"
      ]
    }
    "#);
}

#[test]
fn the_pathless_form_nests_extensions_and_clears_with_null() {
    let department = format!("{ENTERPRISE}:department");
    let paths = paths(&["name.familyName", "title", &department]);
    let values = [Some("Souza"), None, Some("Ops")];
    let writes: Vec<Write<'_>> = paths.iter().zip(values).collect();
    assert_eq!(
        pathless_operations(None, &writes, NONE).unwrap(),
        [json!({
            "op": "replace",
            "value": {
                "name": {"familyName": "Souza"},
                "title": null,
                ENTERPRISE: {"department": "Ops"}
            }
        })]
    );
    assert!(!fits_pathless(&writes));
}

/// Targets merge an object into what is there, and `{"value": null}` changes nothing at some.
#[test]
fn the_pathless_form_clears_a_manager_as_a_whole() {
    let manager = format!("{ENTERPRISE}:manager.value");
    let name = format!("{ENTERPRISE}:manager.displayName");
    let paths = paths(&[&manager, &name, "title"]);
    let clear = |values: [Option<&str>; 3]| {
        let writes: Vec<Write<'_>> = paths.iter().zip(values).collect();
        let alone: Vec<Write<'_>> = vec![writes[0], writes[2]];
        (
            pathless_operations(None, &alone, NONE).unwrap(),
            pathless_operations(None, &writes, NONE).unwrap(),
        )
    };
    let (alone, beside) = clear([None, Some("Mia"), Some("Boss")]);
    assert_eq!(
        alone[0]["value"],
        json!({ "title": "Boss", ENTERPRISE: {"manager": null} })
    );
    // Where something else of it is set, there is something to keep.
    assert_eq!(
        beside[0]["value"],
        json!({ "title": "Boss", ENTERPRISE: {"manager": {"value": null, "displayName": "Mia"}} })
    );
    let (set, _) = clear([Some("m"), None, None]);
    assert_eq!(
        set[0]["value"][ENTERPRISE]["manager"],
        json!({"value": "m"})
    );
}

#[test]
fn the_only_way_to_take_a_member_out_names_the_member() {
    assert_eq!(
        remove_members_by_filter(&["a\"] or value pr"]),
        [json!({
            "op": "remove",
            "path": "members[value eq \"a\\\"] or value pr\"]"
        })]
    );
}

#[test]
fn what_is_not_there_is_added_whole_and_not_removed() {
    let user = json!({
        "Emails": [{"type": "Home", "value": "a@h.example"}],
        "phoneNumbers": [{"type": "WORK", "value": "1"}],
        "addresses": [{"type": "work", "locality": "Berlin"}],
        "title": "Boss"
    });
    let paths = paths(&[
        "emails[type eq \"work\"].value",
        "phoneNumbers[type eq \"work\"].value",
        "phoneNumbers[type eq \"fax\"].value",
        "addresses[type eq \"work\"].country",
        "ims[type eq \"work\"].value",
        "ims[type eq \"work\"].display",
        "title",
        "nickName",
        "name.middleName",
    ]);
    let values = [
        Some("a@w.example"),
        Some("2"),
        None,
        Some("DE"),
        Some("x"),
        Some("y"),
        None,
        None,
        None,
    ];
    let writes: Vec<Write<'_>> = paths.iter().zip(values).collect();
    assert_eq!(
        operations_on(&read(user), &writes, NONE).unwrap(),
        [
            json!({"op": "replace", "path": "phoneNumbers[type eq \"work\"].value", "value": "2"}),
            json!({"op": "replace", "path": "addresses[type eq \"work\"].country", "value": "DE"}),
            json!({"op": "remove", "path": "title"}),
            json!({"op": "add", "path": "emails",
                "value": [{"type": "work", "value": "a@w.example"}]}),
            json!({"op": "add", "path": "ims",
                "value": [{"type": "work", "value": "x", "display": "y"}]}),
        ]
    );
}

#[test]
fn the_first_email_that_is_added_is_the_primary_one() {
    let paths = paths(&["emails[type eq \"work\"].value"]);
    let writes: Vec<Write<'_>> = paths.iter().zip([Some("a@w.example")]).collect();
    assert_eq!(
        operations_on(&read(json!({"emails": []})), &writes, NONE).unwrap(),
        [json!({"op": "add", "path": "emails",
            "value": [{"type": "work", "value": "a@w.example", "primary": true}]})]
    );
}
