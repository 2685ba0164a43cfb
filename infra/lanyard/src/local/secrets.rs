//! Secrets of a policy, from files or the environment. They never stand in the policy.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use domain::Policy;
use domain::policy::{Target, TargetKind};
use ports::embedded::StaticSecrets;
use ports::secrets::Secret;

/// Reads an environment variable.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Some secrets that the policy names are nowhere.
#[derive(Debug, thiserror::Error)]
#[error("no value for {}", list(.0))]
pub struct Missing(Vec<String>);

fn list(names: &[String]) -> String {
    let names: Vec<String> = names
        .iter()
        .map(|name| {
            format!(
                "`{name}` (file `{name}` in --secrets, or variable {})",
                variable(name)
            )
        })
        .collect();
    names.join(", ")
}

/// The variable that holds a secret: `hr-signing` is in `LANYARD_SECRET_HR_SIGNING`.
pub fn variable(name: &str) -> String {
    let upper = name.chars().map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    });
    "LANYARD_SECRET_".chars().chain(upper).collect()
}

/// Every secret that the policy names. A file is named like the secret and has one version per
/// line, the current one first; a certificate with its key (PEM) is one version, over all lines.
/// The file goes before the variable. A source with several secrets needs one of them.
pub fn gather(
    policy: &Policy,
    folder: Option<&Path>,
    environment: Environment<'_>,
) -> Result<StaticSecrets, Missing> {
    let mut found: BTreeMap<String, Vec<Secret>> = BTreeMap::new();
    let mut missing: BTreeSet<String> = BTreeSet::new();
    let mut look = |name: &str| -> bool {
        let versions = versions(name, folder, environment);
        let there = !versions.is_empty();
        if there {
            found.insert(name.to_owned(), versions);
        }
        there
    };
    for source in policy.sources.values() {
        let names = source.verify.secrets.iter();
        let there: Vec<bool> = names.map(|name| look(name)).collect();
        if !there.contains(&true) {
            missing.extend(source.verify.secrets.iter().map(ToString::to_string));
        }
    }
    let by_hand = |target: &Target| matches!(target.kind, TargetKind::Manual(_));
    for target in policy.targets.values().filter(|target| !by_hand(target)) {
        if !look(target.auth.secret()) {
            missing.insert(target.auth.secret().to_owned());
        }
    }
    if missing.is_empty() {
        Ok(StaticSecrets::new(found))
    } else {
        Err(Missing(missing.into_iter().collect()))
    }
}

/// One secret, for a command that needs no other.
pub fn gather_one(
    name: &str,
    folder: Option<&Path>,
    environment: Environment<'_>,
) -> Result<StaticSecrets, Missing> {
    let versions = versions(name, folder, environment);
    if versions.is_empty() {
        return Err(Missing(vec![name.to_owned()]));
    }
    Ok(StaticSecrets::new(BTreeMap::from([(
        name.to_owned(),
        versions,
    )])))
}

fn versions(name: &str, folder: Option<&Path>, environment: Environment<'_>) -> Vec<Secret> {
    let from_file = folder.and_then(|folder| std::fs::read_to_string(folder.join(name)).ok());
    let Some(text) = from_file.or_else(|| environment(&variable(name))) else {
        return Vec::new();
    };
    if text.contains("-----BEGIN ") {
        return vec![Secret::new(text)];
    }
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(Secret::new)
        .collect()
}

#[cfg(test)]
mod tests {
    use ports::Secrets as _;

    use super::*;
    use crate::demo;

    fn policy() -> Policy {
        demo::policy().unwrap()
    }

    #[test]
    fn a_variable_has_a_name_that_shells_take() {
        assert_eq!(variable("hr-signing"), "LANYARD_SECRET_HR_SIGNING");
    }

    #[test]
    fn says_everything_that_is_missing_and_where_it_may_be() {
        let error = gather(&policy(), None, &|_| None).unwrap_err().to_string();
        for name in [
            "hr-signing",
            "bamboo-signing",
            "wiki-token",
            "LANYARD_SECRET_WIKI_TOKEN",
        ] {
            assert!(error.contains(name), "{error}");
        }
    }

    #[tokio::test]
    async fn a_file_goes_before_a_variable_and_holds_several_versions() {
        let dir = std::env::temp_dir().join(format!("lanyard-secrets-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("wiki-token"), "new\nold\n").unwrap();
        let secrets = gather(&policy(), Some(&dir), &|_| Some("from-environment".into())).unwrap();
        let wiki = secrets.get("wiki-token").await.unwrap();
        assert_eq!(wiki, [Secret::new("new"), Secret::new("old")]);
        let directory = secrets.get("directory-token").await.unwrap();
        assert_eq!(directory, [Secret::new("from-environment")]);
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[tokio::test]
    async fn a_certificate_with_its_key_is_one_version() {
        let pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n\n\
                   -----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
        let secrets = gather(&policy(), None, &|_| Some(pem.to_owned())).unwrap();
        let wiki = secrets.get("wiki-token").await.unwrap();
        assert_eq!(wiki, [Secret::new(pem)]);
    }

    #[test]
    fn one_of_a_source_s_secrets_is_enough() {
        let only = |name: &str| (!name.ends_with("PREVIOUS")).then(|| "value".to_owned());
        assert!(gather(&policy(), None, &only).is_ok());
    }
}
