//! The policies that the repository ships load without a word.

use std::path::Path;

pub(super) fn load(folder: &str) -> crate::Loaded {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../infra")
        .join(folder);
    match crate::load(&dir) {
        Ok(loaded) => loaded,
        Err(errors) => panic!("{}", errors.render()),
    }
}

#[test]
fn sample_organisation_loads_without_errors_or_warnings() {
    let loaded = load("policy");
    assert_eq!(crate::render(&loaded.warnings), "");
    let policy = loaded.policy;
    assert!(policy.roles.len() >= 14);
    assert!(policy.entitlements.len() >= 20);
    assert!(policy.zones.len() >= 10);
    let targets: Vec<&str> = policy
        .targets
        .keys()
        .map(domain::TargetId::as_str)
        .collect();
    assert_eq!(targets, ["crm", "directory", "wiki"]);
}

#[test]
fn minimal_policy_loads_without_errors_or_warnings() {
    let loaded = load("policy-minimal");
    assert_eq!(crate::render(&loaded.warnings), "");
    assert_eq!(loaded.policy.rules.len(), 2);
}
