//! What holds for every text: the loader does not panic, an error has a place, and a policy that
//! loads names nothing that it does not define.

use domain::Policy;
use domain::policy::Apart;
use proptest::prelude::*;

use crate::{Severity, check_files};

const SAMPLE: [(&str, &str); 9] = [
    (
        "correlation.toml",
        include_str!("../../../../infra/policy/correlation.toml"),
    ),
    (
        "entitlements.toml",
        include_str!("../../../../infra/policy/entitlements.toml"),
    ),
    (
        "examples.toml",
        include_str!("../../../../infra/policy/examples.toml"),
    ),
    (
        "identifiers.toml",
        include_str!("../../../../infra/policy/identifiers.toml"),
    ),
    (
        "roles.toml",
        include_str!("../../../../infra/policy/roles.toml"),
    ),
    (
        "rules.toml",
        include_str!("../../../../infra/policy/rules.toml"),
    ),
    (
        "sod.toml",
        include_str!("../../../../infra/policy/sod.toml"),
    ),
    (
        "standards.toml",
        include_str!("../../../../infra/policy/standards.toml"),
    ),
    (
        "targets.toml",
        include_str!("../../../../infra/policy/targets.toml"),
    ),
];

fn check(files: &[(String, String)]) {
    let lines = |name: &str| {
        files
            .iter()
            .find(|(file, _)| file == name)
            .map(|(_, text)| text.split('\n').count())
    };
    match check_files(files.to_vec()) {
        Ok(loaded) => resolves(&loaded.policy),
        Err(errors) => {
            assert!(errors.count() > 0);
            assert_eq!(errors.diagnostics()[0].severity, Severity::Error);
            for diagnostic in errors.diagnostics() {
                assert!(!diagnostic.message.is_empty() && !diagnostic.help.is_empty());
                let within = lines(&diagnostic.file).is_some_and(|all| diagnostic.line <= all);
                assert!(diagnostic.line == 0 || (within && diagnostic.column > 0));
            }
        }
    }
}

fn resolves(policy: &Policy) {
    for entitlement in policy.entitlements.values() {
        assert!(policy.targets.contains_key(&entitlement.target));
    }
    for (id, role) in &policy.roles {
        assert!(!role.includes.contains(id));
        for included in &role.includes {
            let inner = &policy.roles[included];
            assert!(
                inner
                    .entitlements
                    .keys()
                    .all(|e| role.entitlements.contains_key(e))
            );
        }
        for (entitlement, lister) in &role.entitlements {
            assert!(policy.entitlements.contains_key(entitlement));
            assert!(policy.roles[lister].entitlements.contains_key(entitlement));
        }
    }
    for rule in &policy.rules {
        assert!(
            rule.roles
                .iter()
                .all(|role| policy.roles.contains_key(role))
        );
        assert!(!rule.roles.is_empty());
    }
    for sod in policy.sod.iter().filter(|sod| sod.prevents()) {
        let known = &policy.entitlements;
        for role in policy.roles.values() {
            let held = role.entitlements.keys().cloned().collect();
            assert!(sod.broken_by(known, &held).is_empty());
        }
        match &sod.apart {
            Apart::Pair { left, right } => {
                assert!(left.iter().chain(right).all(|id| known.contains_key(id)));
            }
            Apart::Set { of, .. } => assert!(of.iter().all(|id| known.contains_key(id))),
        }
    }
    for tier in &policy.tiers {
        assert!(tier.entitlements.len() > 1);
        assert!(
            tier.entitlements
                .iter()
                .all(|id| policy.entitlements.contains_key(id))
        );
    }
    assert!(policy.rules.is_sorted_by(|a, b| a.id < b.id));
}

/// Words of the format in any order: closer to a policy than any text.
fn words() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ",",
        "\n",
        " ",
        ".",
        "\"",
        "'",
        "#",
        "\\u00e9",
        "é",
        "roles",
        "rules",
        "targets",
        "sources",
        "standards",
        "zones",
        "correlation",
        "sod",
        "tiers",
        "identifiers",
        "entitlements",
        "required",
        "base",
        "id",
        "when",
        "includes",
        "values",
        "closed",
        "department",
        "lifecycle",
        "true",
        "false",
        "7",
        "-1",
        "0.5",
        "2027-01-01",
        "\"everyone\"",
        "\"{given_name|title?:slug}\"",
        "\"{n}\"",
        "\"{\"",
        "\"Europe/Lisbon\"",
        "attributes",
        "limits",
        "floor",
        "ladder",
        "verify",
        "preset",
        "\"bamboohr\"",
        "first_of",
        "lookup",
        "table",
        "in",
        "not_in",
        "prefix",
        "present",
        "\"http://localhost\"",
        "profiles",
        "kind",
        "\"graph\"",
        "\"entra_bulk\"",
        "auth",
        "tenant",
        "oauth",
        "rates",
        "unproven",
        "\"okta\"",
        "where",
        "expr",
        "\"title == 'x'\"",
        "validate",
        "max_length",
        "required_when",
        "given",
        "examples",
        "name",
    ]);
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn any_text_is_refused_or_loads(text in any::<String>()) {
        check(&[("any.toml".to_owned(), text)]);
    }

    #[test]
    fn any_words_are_refused_or_load(one in words(), two in words()) {
        check(&[("one.toml".to_owned(), one), ("two.toml".to_owned(), two)]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_damaged_sample_is_refused_or_loads(
        file in 0..SAMPLE.len(),
        at in 0.0..1.0f64,
        cut in 0..40usize,
        put in prop_oneof![words(), any::<String>(), Just(String::new())],
    ) {
        let mut files: Vec<(String, String)> = SAMPLE
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect();
        let chars: Vec<char> = files[file].1.chars().collect();
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place somewhere in the text"
        )]
        let start = (at * chars.len() as f64) as usize;
        let end = (start + cut).min(chars.len());
        files[file].1 = chars[..start]
            .iter()
            .copied()
            .chain(put.chars())
            .chain(chars[end..].iter().copied())
            .collect();
        // The sources are left out of the sample here, so that the policy needs its own.
        files.push(("sources.toml".to_owned(), include_str!("../../../../infra/policy/sources.toml").to_owned()));
        check(&files);
    }
}

#[test]
fn the_sample_itself_passes_the_check() {
    resolves(&super::samples::load("policy").policy);
}
