use proptest::prelude::*;
use scim_v2::filter::{
    AttrExp, AttrPath, CompValue, CompareOp, PatchPath, PatchValuePath, ValFilter,
};

use super::*;

const FORMS: [Form; 6] = [
    Form::AddByPath,
    Form::AddPathless,
    Form::RemoveByFilter,
    Form::RemoveByValue,
    Form::PutIn,
    Form::PutOut,
];

/// The one member that a path names, by a grammar that is not ours.
fn named(path: &str) -> Option<String> {
    match path.parse().ok()? {
        PatchPath::Value(PatchValuePath {
            attr,
            filter: ValFilter::Attr(AttrExp::Comparison(by, CompareOp::Eq, CompValue::Str(id))),
            sub_attr: None,
        }) if attr == AttrPath::with_name("members") && by == AttrPath::with_name("value") => {
            Some(id)
        }
        PatchPath::Attr(_) | PatchPath::Value(_) => None,
    }
}

/// Whom an operation takes out of a group; an error where that is not a list of named members.
fn taken_out(operation: &Value) -> Result<Vec<String>, String> {
    if operation["op"] != "remove" {
        return Ok(Vec::new());
    }
    let path = operation["path"].as_str().ok_or("no path")?;
    if path != "members" {
        return Ok(vec![named(path).ok_or("no filter by value")?]);
    }
    let value = operation["value"].as_array().ok_or("no value")?;
    if value.is_empty() {
        return Err("an empty value".into());
    }
    let ids = value.iter().map(|one| one["value"].as_str());
    let ids: Option<Vec<String>> = ids.map(|id| id.map(str::to_owned)).collect();
    ids.ok_or_else(|| "a value without an id".into())
}

#[test]
fn the_check_of_removals_finds_what_would_empty_a_group() {
    for operation in [
        serde_json::json!({"op": "remove", "path": "members"}),
        serde_json::json!({"op": "remove", "path": "members", "value": []}),
        serde_json::json!({"op": "remove", "path": "members", "value": [{}]}),
        serde_json::json!({"op": "remove", "path": "members[value pr]"}),
        serde_json::json!({"op": "remove", "path": "members[value eq \"a\" or value pr]"}),
        serde_json::json!({"op": "remove"}),
    ] {
        assert!(taken_out(&operation).is_err(), "{operation}");
    }
}

proptest! {
    /// Whatever the form and the ids, a removal takes out exactly the members that it was given,
    /// each by name, and nothing else is replaced or removed.
    #[test]
    fn no_request_empties_a_group(ids in prop::collection::vec(any::<String>(), 0..8)) {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        for form in FORMS {
            let mut out = Vec::new();
            let mut put_in = Vec::new();
            for operation in form.operations(&ids) {
                let op = operation["op"].as_str().unwrap_or_default().to_owned();
                prop_assert!(op == "add" || op == "remove", "{}", operation);
                out.extend(taken_out(&operation).map_err(TestCaseError::fail)?);
                if op == "add" {
                    let list = match operation.get("path") {
                        Some(path) => {
                            prop_assert_eq!(path, "members");
                            &operation["value"]
                        }
                        None => &operation["value"]["members"],
                    };
                    let list = list.as_array().cloned().unwrap_or_default();
                    put_in.extend(list.iter().filter_map(|one| one["value"].as_str().map(str::to_owned)));
                }
            }
            match form {
                Form::RemoveByFilter | Form::RemoveByValue => {
                    prop_assert_eq!(&out, &ids);
                    prop_assert!(put_in.is_empty());
                }
                Form::AddByPath | Form::AddPathless => {
                    prop_assert!(out.is_empty());
                    prop_assert_eq!(&put_in, &ids);
                }
                Form::PutIn | Form::PutOut => prop_assert!(out.is_empty() && put_in.is_empty()),
            }
        }
    }
}
