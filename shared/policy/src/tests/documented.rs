//! The reference says what the loader does.

use domain::Attr;

use crate::load_files;

const REFERENCE: &str = include_str!("../../../../docs/policy.md");
const MINIMAL: &str = include_str!("../../../../infra/policy-minimal/policy.toml");

/// Each example is some sections; what they refer to comes from here.
const BESIDE: &str = r#"
[sources.hr]
zone = "UTC"
format = "canonical"
verify = "gusto"
secrets = ["hr"]

[entitlements.finance-payables-clerk]
target = "directory"

[entitlements.finance-payments-approver]
target = "directory"

[roles.senior-engineering]
entitlements = ["finance-payables-clerk"]

[[rules]]
id = "other"
when = "everyone"
roles = ["senior-engineering"]

[targets.directory]
mode = "observe"
base_url = "https://directory.example.com"
token = "directory-token"
attributes = { userName = "{work_email}", externalId = { key = true } }
"#;

/// The TOML examples, in order.
fn examples() -> Vec<&'static str> {
    REFERENCE
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(example, _)| example))
        .collect()
}

#[test]
fn shows_the_minimal_policy_as_it_is() {
    assert_eq!(examples()[0], MINIMAL);
}

#[test]
fn examples_load_beside_what_they_name() {
    let beside = BESIDE;
    let examples = examples();
    assert!(examples.len() >= 6);
    for example in examples.into_iter().skip(1) {
        let files = if example.contains("[targets.directory.limits]") {
            vec![("all.toml", format!("{beside}\n{example}"))]
        } else {
            vec![
                ("beside.toml", beside.to_owned()),
                ("example.toml", example.to_owned()),
            ]
        };
        let files = files
            .into_iter()
            .map(|(name, text)| (name.to_owned(), text));
        if let Err(errors) = load_files(files) {
            panic!("{example}\n{}", errors.render());
        }
    }
}

#[test]
fn names_every_attribute_preset_and_profile() {
    let word = |name: &str| format!("`{name}`");
    for attr in Attr::ALL
        .iter()
        .filter(|attr| !attr.name().starts_with("extension_"))
    {
        assert!(REFERENCE.contains(&word(attr.name())), "{attr}");
    }
    for (name, _) in crate::preset::PRESETS {
        assert!(REFERENCE.contains(&format!("\"{name}\"")), "{name}");
    }
    for name in crate::PROFILES {
        assert!(REFERENCE.contains(&format!("`\"{name}\"`")), "{name}");
    }
}

#[test]
fn names_every_key_and_operation_of_a_profile() {
    let all = serde_json::to_value(domain::Profile::rfc()).unwrap();
    for key in all
        .as_object()
        .unwrap()
        .keys()
        .filter(|key| *key != "budget")
    {
        assert!(REFERENCE.contains(&format!("| `{key}` |")), "{key}");
    }
    for operation in domain::profile::Operation::ALL {
        let word = format!("`\"{}\"`", operation.name());
        assert!(REFERENCE.contains(&word), "{word}");
    }
}

#[test]
fn shows_every_kind_of_target_and_a_profile_of_its_own() {
    let examples = examples().concat();
    for shown in [
        "profile = \"slack\"",
        "profile = \"aws-iam-identity-center\"",
        "kind = \"graph\"",
        "kind = \"entra_bulk\"",
        "[profiles.",
    ] {
        assert!(examples.contains(shown), "{shown}");
    }
}

#[test]
fn names_every_function_and_test() {
    for function in crate::expression::FUNCTIONS {
        assert!(
            REFERENCE.contains(&format!("`{}`", function.form)),
            "{}",
            function.form
        );
    }
    for rule in domain::validate::Rule::ALL {
        assert!(REFERENCE.contains(&format!("`{}`", rule.name())));
    }
}

#[test]
fn examples_of_examples_hold() {
    let shown = examples()
        .into_iter()
        .find(|example| example.contains("[[examples]]"))
        .unwrap();
    let files = [("beside.toml", BESIDE), ("example.toml", shown)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
    if let Err(errors) = crate::check_files(files) {
        panic!("{}", errors.render());
    }
}
