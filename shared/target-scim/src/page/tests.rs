use crate::path::Path;

use super::*;

fn ids(body: &str) -> Result<(Vec<String>, Listing), Unreadable> {
    let plan = ReadPlan::new(&[Path::parse("title").unwrap()]);
    let mut ids = Vec::new();
    let listing = users(&plan, body.as_bytes(), &mut |user| {
        ids.push(user.id().to_owned());
    })?;
    Ok((ids, listing))
}

#[test]
fn reads_a_page_in_any_order_and_case() {
    let (ids, listing) = ids(
        r#"{"resources":[{"id":"1"},{"id":"2","title":"\n"}],"TOTALRESULTS":"7",
            "schemas":"urn:ietf:params:scim:api:messages:2.0:ListResponse","nextCursor":"c"}"#,
    )
    .unwrap();
    assert_eq!(ids, ["1", "2"]);
    assert_eq!(listing.total, Some(7));
    assert_eq!(listing.received, 2);
    assert_eq!(listing.next_cursor.as_deref(), Some("c"));
}

#[test]
fn an_empty_list_may_leave_its_resources_out() {
    for body in [
        r#"{"totalResults":0}"#,
        r#"{"totalResults":0,"Resources":null}"#,
        r#"{"Resources":[]}"#,
        r#"{"Resources":[],"nextCursor":""}"#,
    ] {
        let (ids, listing) = ids(body).unwrap();
        assert!(ids.is_empty() && listing.next_cursor.is_none(), "{body}");
    }
}

#[test]
fn what_is_no_list_is_not_an_empty_list() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "\"\"",
        "<html></html>",
        r#"{"id":"1","userName":"a"}"#,
        r#"{"Resources":"none"}"#,
        r#"{"Resources":{}}"#,
        r#"{"totalResults":"many"}"#,
        r#"{"totalResults":1,"Resources":[{"id":"1"}"#,
        r#"{"totalResults":1,"Resources":[{"id":"1"}]} x"#,
        r#"{"totalResults":1,"Resources":[{"userName":"no id"}]}"#,
        r#"{"totalResults":1,"Resources":["1"]}"#,
        r#"{"totalResults":1,"Resources":[null]}"#,
    ] {
        assert_eq!(ids(body).unwrap_err(), Unreadable::Malformed, "{body}");
    }
    let plan = ReadPlan::new(&[]);
    let not_utf8 = b"{\"Resources\":[{\"id\":\"\xff\"}]}";
    assert!(users(&plan, not_utf8, &mut |_| {}).is_err());
}

#[test]
fn does_not_read_more_than_ten_thousand() {
    let body = |count: usize| {
        let items = vec![r#"{"id":"1"}"#; count].join(",");
        format!("{{\"Resources\":[{items}]}}")
    };
    assert_eq!(ids(&body(10_000)).unwrap().1.received, 10_000);
    assert_eq!(ids(&body(10_001)).unwrap_err(), Unreadable::TooMany);
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let body = format!("{{\"Resources\":[{{\"id\":\"1\",\"title\":{deep},\"x\":{deep}}}]}}");
    // Whether the depth is refused or skipped, it does not bring the function down.
    let _either = ids(&body);
    let body = format!("{{\"Resources\":{deep}}}");
    assert!(ids(&body).is_err());
    assert_eq!(&*error(deep.as_bytes()).detail, "");
}

#[test]
fn groups_show_their_members_or_do_not() {
    let (groups, _) = groups(
        br#"{"Resources":[
            {"id":"g1","displayName":"A","members":[{"value":"1"},{"VALUE":"2","type":"User"},
                {"value":"g2","type":"Group"},{"type":"Group","value":"g3"},"4",{}]},
            {"id":"g2","displayName":"B","members":[]},
            {"id":"g3","displayName":"C"},
            {"id":"g4","displayName":"D","members":{"value":"1"}},
            {"id":"g5","displayName":"E","members":null}]}"#,
    )
    .unwrap();
    let shown: Vec<Option<Vec<&str>>> = groups
        .iter()
        .map(|g| {
            g.refers
                .as_ref()
                .map(|ids| ids.iter().map(|id| &**id).collect())
        })
        .collect();
    assert_eq!(
        shown,
        [
            Some(vec!["1", "2", "4"]),
            Some(vec![]),
            None,
            Some(vec!["1"]),
            None
        ]
    );
    assert_eq!(&*groups[0].name, "A");
}

#[test]
fn a_member_listed_twice_counts_once() {
    let group =
        br#"{"id":"g","displayName":"A","members":[{"value":"2"},{"value":"1"},{"value":"2"}]}"#;
    let group = holder(Refers::Members, group).unwrap().into_group();
    assert_eq!(group.members, Some(vec!["2".into(), "1".into()]));
}

#[test]
fn groups_of_a_user_are_its_own() {
    let user =
        br#"{"id":"1","displayName":"x","groups":[{"value":"g1","type":"Group"},{"value":"g2"}],
        "members":[{"value":"z"}]}"#;
    let user = holder(Refers::Groups, user).unwrap();
    assert_eq!(user.refers, Some(vec!["g1".into(), "g2".into()]));
}

#[test]
fn errors_are_read_leniently() {
    for body in [
        r#"{"status":"409","scimType":"uniqueness","detail":"x"}"#,
        r#"{"status":409,"ScimType":"uniqueness","Detail":"x","schemas":"s"}"#,
    ] {
        let error = error(body.as_bytes());
        assert_eq!((&*error.scim_type, &*error.detail), ("uniqueness", "x"));
    }
    for body in [
        "",
        "<html>502</html>",
        "[]",
        "null",
        "{\"detail\":",
        "{\"detail\":{}}",
    ] {
        let error = error(body.as_bytes());
        assert_eq!((&*error.scim_type, &*error.detail), ("", ""), "{body}");
    }
}
