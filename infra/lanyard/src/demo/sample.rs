//! The sample organisation's policy, inside the program, cut to the two targets of the demo.

use domain::{Policy, TargetId};

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        /// The policy files by name.
        pub const FILES: &[(&str, &str)] = &[
            $(($name, include_str!(concat!("../../../policy/", $name))),)*
        ];
    };
}

files!(
    "correlation.toml",
    "entitlements.toml",
    "examples.toml",
    "identifiers.toml",
    "roles.toml",
    "rules.toml",
    "sod.toml",
    "sources.toml",
    "standards.toml",
    "targets.toml",
);

/// The policy inside the program does not hold together.
#[derive(Debug, thiserror::Error)]
#[error("the sample policy does not hold together")]
pub struct SampleError(#[source] policy::Errors);

/// Policy files: name and text.
pub type Files = Vec<(String, String)>;

/// The files, to be edited.
pub fn files() -> Files {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    FILES.iter().map(owned).collect()
}

/// The sample policy without the targets that it only simulates, whose servers nobody plays.
pub fn policy() -> Result<Policy, SampleError> {
    policy_of(files())
}

/// The same of edited files.
pub fn policy_of(files: Files) -> Result<Policy, SampleError> {
    let mut policy = policy::load_files(files).map_err(SampleError)?.policy;
    let simulated: Vec<TargetId> = policy
        .targets
        .iter()
        .filter(|(_, target)| target.mode != domain::policy::Mode::Enforce)
        .map(|(name, _)| name.clone())
        .collect();
    policy.keep_targets(|name| !simulated.contains(name));
    Ok(policy)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_file_of_the_sample_policy_is_inside() {
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../policy");
        let there: BTreeSet<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "toml")
            })
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        let inside: BTreeSet<String> = FILES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(inside, there);
    }

    #[test]
    fn two_targets_are_left_and_every_name_resolves() {
        let policy = policy().unwrap();
        let targets: Vec<&str> = policy.targets.keys().map(TargetId::as_str).collect();
        assert_eq!(targets, ["directory", "wiki"]);
        for role in policy.roles.values() {
            assert!(
                role.entitlements
                    .keys()
                    .all(|id| policy.entitlements.contains_key(id))
            );
        }
    }
}
