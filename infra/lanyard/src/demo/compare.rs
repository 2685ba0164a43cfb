//! Looks at every account of a target, from the outside, and holds it against what it should be.
//! What differs is said by the person's number and the attribute's name, never by its value.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::{Policy, SourceId, TargetId};
use hr_webhook::{Salt, record_key};
use jiff::Timestamp;
use scim_target::{ScimTarget, User};
use serde_json::Value;

use super::oracle::{self, Expected, Look};
use crate::company::{Company, Person};

/// Everything a comparison needs to know.
pub struct Witness<'a> {
    /// The truth.
    pub company: &'a Company,
    /// The policy under test.
    pub policy: Arc<Policy>,
    /// From which worker records get their opaque names.
    pub salt: &'a Salt,
    /// Who posts.
    pub source: &'a SourceId,
}

/// What a comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Compared {
    /// Accounts that should be there and are.
    pub matching: usize,
    /// What is not as it should be.
    pub differences: Vec<String>,
    /// Ids of accounts that belong to nobody in the company.
    pub nobodys: BTreeSet<String>,
}

impl Witness<'_> {
    /// The key that we write into a person's accounts: the opaque name of their first record.
    pub fn key(&self, person: &Person) -> String {
        let first = person.contracts.first();
        let worker_id = first.map_or("", |contract| contract.worker_id.as_str());
        record_key(self.salt, self.source, worker_id)
            .as_str()
            .to_owned()
    }

    /// A person's account on a target.
    pub fn account(&self, target: &ScimTarget, person: &Person) -> Option<User> {
        target.user_by_external_id(&self.key(person))
    }

    /// Holds every account of a target against what it should be at an instant, but for the ids
    /// in `reported`.
    pub fn compare(
        &self,
        name: &TargetId,
        target: &ScimTarget,
        at: Timestamp,
        reported: &BTreeSet<&str>,
    ) -> Compared {
        let mut found = Compared::default();
        let Some(known) = self.policy.targets.get(name) else {
            found
                .differences
                .push(format!("the policy has no target `{name}`"));
            return found;
        };
        let mut theirs: BTreeMap<String, Vec<User>> = BTreeMap::new();
        let people: BTreeSet<String> = self.company.people.iter().map(|p| self.key(p)).collect();
        for user in target.users() {
            match &user.external_id {
                Some(key) if people.contains(key) => {
                    theirs.entry(key.clone()).or_default().push(user);
                }
                Some(_) | None => {
                    found.nobodys.insert(user.id);
                }
            }
        }
        for person in &self.company.people {
            let expected = oracle::expected(&self.policy, name, known, person, at);
            let accounts = theirs.remove(&self.key(person)).unwrap_or_default();
            if accounts
                .iter()
                .any(|account| reported.contains(account.id.as_str()))
            {
                continue;
            }
            let mut wrong = Vec::new();
            if accounts.len() > 1 {
                wrong.push(format!("has {} accounts", accounts.len()));
            }
            match (&expected, accounts.first()) {
                (Expected::Nothing | Expected::NothingLive, None) => {}
                (Expected::Nothing, Some(_)) => wrong.push("has an account".into()),
                (Expected::NothingLive | Expected::Blocked, Some(user)) => {
                    blocked(user, &mut wrong);
                }
                (Expected::Blocked | Expected::Account(_), None) => {
                    wrong.push("has no account".into());
                }
                (Expected::Account(look), Some(user)) => {
                    self.same(target, look, user, &mut wrong);
                }
            }
            if wrong.is_empty() {
                found.matching += usize::from(!accounts.is_empty());
            }
            for what in wrong {
                found.differences.push(format!(
                    "{name}: person {} ({}) {what}",
                    person.number,
                    person.story.label()
                ));
            }
        }
        found
    }

    fn same(&self, target: &ScimTarget, look: &Look, user: &User, wrong: &mut Vec<String>) {
        if user.active != look.active {
            let can = if user.active { "can" } else { "cannot" };
            wrong.push(format!("{can} sign in"));
        }
        for (path, want) in &look.values {
            let have = read(&user.json, path);
            if have.as_deref().unwrap_or_default() != want {
                wrong.push(format!("has another `{path}`"));
            }
        }
        for path in &look.present {
            if read(&user.json, path).is_none_or(|text| text.is_empty()) {
                wrong.push(format!("has no `{path}`"));
            }
        }
        if let Some((path, worker_id)) = &look.manager {
            let manager = oracle::whose(self.company, worker_id)
                .and_then(|manager| self.account(target, manager))
                .map(|account| account.id);
            if read(&user.json, path) != manager {
                wrong.push(format!("has another `{path}`"));
            }
        }
        let groups: BTreeSet<&str> = user.groups.iter().map(String::as_str).collect();
        let wanted: BTreeSet<&str> = look
            .grants
            .iter()
            .filter_map(|id| self.policy.entitlements.get(id))
            .map(|entitlement| &*entitlement.group)
            .collect();
        for group in groups.difference(&wanted) {
            wrong.push(format!("is in `{group}`"));
        }
        for group in wanted.difference(&groups) {
            wrong.push(format!("is not in `{group}`"));
        }
    }
}

fn blocked(user: &User, wrong: &mut Vec<String>) {
    if user.active {
        wrong.push("can sign in".into());
    }
    for group in &user.groups {
        wrong.push(format!("is in `{group}`"));
    }
}

/// The text at a SCIM path: `a`, `a.b`, `a[type eq "t"].b`, or a schema's URN and a path.
fn read(resource: &Value, path: &str) -> Option<String> {
    let (holder, path) = match path.rsplit_once(":User:") {
        Some((urn, path)) => (resource.get(format!("{urn}:User"))?, path),
        None => (resource, path),
    };
    let found = if let Some((list, rest)) = path.split_once("[type eq \"") {
        let (kind, field) = rest.split_once("\"].")?;
        holder
            .get(list)?
            .as_array()?
            .iter()
            .find(|one| one.get("type").and_then(Value::as_str) == Some(kind))?
            .get(field)?
    } else {
        path.split('.').try_fold(holder, |at, name| at.get(name))?
    };
    found.as_str().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use scim_target::Options;
    use serde_json::json;

    use super::*;
    use crate::company::{Settings, Standing};
    use crate::demo::policy;

    #[tokio::test]
    async fn what_is_not_as_it_should_be_is_noticed() {
        let company = Company::new(Settings {
            seed: 1,
            people: 50,
            first_day: jiff::civil::date(2026, 1, 5),
            days: 20,
            marker: None,
        });
        let at = company.settings.close();
        let policy = policy().unwrap();
        let witness = Witness {
            company: &company,
            policy: Arc::new(policy),
            salt: &Salt::new(b"salt").unwrap(),
            source: &SourceId::from("hr"),
        };
        let name = TargetId::from("directory");
        let target = ScimTarget::start(Options::default()).await.unwrap();
        let none = BTreeSet::new();

        // Nobody has an account.
        let at_work = |person: &&Person| person.standing(at) == Standing::AtWork;
        let people: Vec<&Person> = company.people.iter().filter(at_work).collect();
        let found = witness.compare(&name, &target, at, &none);
        assert_eq!(found.matching, 0);
        let lacking = |person: &&&Person| {
            let said = format!("person {} (", person.number);
            found
                .differences
                .iter()
                .any(|d| d.contains(&said) && d.ends_with("has no account"))
        };
        assert_eq!(people.iter().filter(lacking).count(), people.len());

        // Somebody's account is wrong in every way, and one belongs to nobody.
        let person = people[0];
        let user = json!({
            "userName": "x", "externalId": witness.key(person), "active": false, "title": "Grand Vizier"
        });
        let user = target.insert_user(user).unwrap();
        let ghost = target.insert_user(json!({ "userName": "ghost" })).unwrap();
        let group = target.add_group("crew").unwrap();
        target.add_member(&group.id, &user.id).unwrap();
        let found = witness.compare(&name, &target, at, &none);
        let said = format!("person {} (", person.number);
        let about: Vec<&String> = found
            .differences
            .iter()
            .filter(|d| d.contains(&said))
            .collect();
        for what in [
            "cannot sign in",
            "another `title`",
            "is in `crew`",
            "is not in `all-directory-member`",
        ] {
            assert!(
                about.iter().any(|d| d.contains(what)),
                "{what} in {about:?}"
            );
        }
        assert!(
            !about.iter().any(|d| d.contains("Vizier")),
            "values are not repeated"
        );
        assert_eq!(found.nobodys, BTreeSet::from([ghost.id]));
        let found = witness.compare(&name, &target, at, &BTreeSet::from([user.id.as_str()]));
        assert!(!found.differences.iter().any(|d| d.contains(&said)));
    }

    #[test]
    fn reads_the_paths_that_mappings_use() {
        let user = json!({
            "title": "Boss",
            "name": { "givenName": "Ana" },
            "emails": [{ "type": "home", "value": "h" }, { "type": "work", "value": "w" }],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
                "department": "Data", "manager": { "value": "7" }
            }
        });
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert_eq!(read(&user, "title").as_deref(), Some("Boss"));
        assert_eq!(read(&user, "name.givenName").as_deref(), Some("Ana"));
        assert_eq!(
            read(&user, "emails[type eq \"work\"].value").as_deref(),
            Some("w")
        );
        assert_eq!(
            read(&user, &format!("{urn}:department")).as_deref(),
            Some("Data")
        );
        assert_eq!(
            read(&user, &format!("{urn}:manager.value")).as_deref(),
            Some("7")
        );
        assert_eq!(read(&user, "name.familyName"), None);
    }
}
