use proptest::prelude::*;

use super::*;

fn parts(text: &str) -> (Option<String>, String, Option<String>, Option<String>) {
    let path = Path::parse(text).unwrap();
    let which = path
        .which
        .map(|which| format!("{}={:?}", which.by, which.equals));
    (
        path.schema.map(Into::into),
        path.attr.into(),
        which,
        path.sub.map(Into::into),
    )
}

#[test]
fn reads_the_paths_that_mappings_use() {
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(parts("title"), (None, "title".into(), None, None));
    assert_eq!(
        parts("name.givenName"),
        (None, "name".into(), None, some("givenName"))
    );
    assert_eq!(
        parts("emails[type eq \"work\"].value"),
        (
            None,
            "emails".into(),
            some("type=Text(\"work\")"),
            some("value")
        )
    );
    assert_eq!(
        parts("emails[primary EQ true].value"),
        (
            None,
            "emails".into(),
            some("primary=Bool(true)"),
            some("value")
        )
    );
    assert_eq!(
        parts(&format!("{ENTERPRISE}:department")),
        (some(ENTERPRISE), "department".into(), None, None)
    );
    assert_eq!(
        parts(&format!("{ENTERPRISE}:manager.value")),
        (some(ENTERPRISE), "manager".into(), None, some("value"))
    );
    assert_eq!(
        parts("urn:example:tags[kind eq \"a].b:c\"].text"),
        (
            some("urn:example"),
            "tags".into(),
            some("kind=Text(\"a].b:c\")"),
            some("text")
        )
    );
    assert_eq!(
        parts(&format!("{CORE_USER}:title")),
        (None, "title".into(), None, None)
    );
}

#[test]
fn does_not_take_what_is_no_path() {
    for text in [
        "",
        ".",
        "name.",
        ".givenName",
        "name.given.name",
        "given name",
        "x:y",
        "urn:",
        "urn:example:",
        "emails[",
        "emails[].value",
        "emails[type].value",
        "emails[type eq work].value",
        "emails[type ne \"work\"].value",
        "emails[type eq \"work\" and primary eq true].value",
        "emails[type eq 1].value",
        "emails[type eq \"work\"]",
        "emails[type eq \"work\"]value",
        "title\" or id pr",
    ] {
        let error = Path::parse(text).unwrap_err();
        assert!(matches!(error, PathError::Malformed { .. }), "{text}");
    }
}

#[test]
fn does_not_take_what_others_set() {
    for text in [
        "active",
        "Groups",
        "id",
        "meta.created",
        "schemas",
        "password",
    ] {
        let error = Path::parse(text).unwrap_err();
        assert!(matches!(error, PathError::NotMappable { .. }), "{text}");
    }
    for text in ["emails", "emails.value", "PhoneNumbers.value"] {
        let error = Path::parse(text).unwrap_err();
        assert!(matches!(error, PathError::WholeList { .. }), "{text}");
    }
    // An extension may call its own attribute what it likes.
    Path::parse("urn:example:active").unwrap();
}

#[test]
fn filters_are_encoded_for_a_query() {
    let filter = eq_filter("userName", "ana+x y@example.com");
    assert_eq!(
        encode(&filter).to_string(),
        "userName%20eq%20%22ana%2Bx%20y%40example.com%22"
    );
}

proptest! {
    /// Whatever the value, a parser that is not ours reads one comparison with that value.
    #[test]
    fn a_filter_value_stays_one_literal(value in any::<String>()) {
        use scim_v2::filter::{AttrExp, CompValue, CompareOp, Filter};
        let filter = eq_filter("userName", &value);
        let parsed: Filter = filter.parse().map_err(|e| {
            TestCaseError::fail(format!("{filter:?}: {e:?}"))
        })?;
        let expected = Filter::Attr(AttrExp::Comparison(
            scim_v2::filter::AttrPath::with_name("userName"),
            CompareOp::Eq,
            CompValue::Str(value),
        ));
        prop_assert_eq!(parsed, expected);
    }

    #[test]
    fn a_member_path_names_one_member(id in any::<String>()) {
        use scim_v2::filter::{
            AttrExp, AttrPath, CompValue, CompareOp, PatchPath, PatchValuePath, ValFilter,
        };
        let path = member_path(&id);
        let parsed: PatchPath = path.parse().map_err(|e| {
            TestCaseError::fail(format!("{path:?}: {e:?}"))
        })?;
        let expected = PatchPath::Value(PatchValuePath {
            attr: AttrPath::with_name("members"),
            filter: ValFilter::Attr(AttrExp::Comparison(
                AttrPath::with_name("value"),
                CompareOp::Eq,
                CompValue::Str(id),
            )),
            sub_attr: None,
        });
        prop_assert_eq!(parsed, expected);
    }

    #[test]
    fn encoding_leaves_nothing_that_a_url_reads_otherwise(value in any::<String>()) {
        let encoded = encode(&value).to_string();
        prop_assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        let decoded = percent_encoding::percent_decode_str(&encoded).decode_utf8().unwrap();
        prop_assert_eq!(decoded, value);
    }

    #[test]
    fn reading_a_path_never_fails_otherwise(text in "[a-z:.\\[\\]\" eq$0-9]{0,40}") {
        if let Ok(path) = Path::parse(&text) {
            prop_assert_eq!(&*path.text, text);
        }
    }
}
