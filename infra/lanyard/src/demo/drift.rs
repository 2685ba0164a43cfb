//! What somebody does by hand in a target, and what the nightly run has to say about it.

use std::collections::BTreeSet;

use anyhow::{Context as _, anyhow};
use contract::report::{Class, FindingRow};
use domain::{EntitlementId, TargetId};
use jiff::Timestamp;
use scim_target::ScimTarget;
use serde_json::json;

use super::Targets;
use super::compare::Witness;
use crate::company::{Person, Standing};

/// A finding that has to be in the report.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planted {
    /// Its class.
    pub class: Class,
    /// Where.
    pub target: TargetId,
    /// The account, or the identity where the account is gone.
    pub about: String,
}

impl Planted {
    /// What a row of the report is about.
    pub fn of(row: &FindingRow) -> Self {
        let about = if row.class == Class::O7 {
            &row.identity
        } else {
            &row.account_id
        };
        Self {
            class: row.class,
            target: row.target.clone(),
            about: about.to_string(),
        }
    }
}

/// Accounts of machines, which are there from the beginning.
pub fn machines(targets: &Targets) -> anyhow::Result<BTreeSet<Planted>> {
    let mut planted = BTreeSet::new();
    let mut add = |target: &str, user: &str, class| -> anyhow::Result<()> {
        let (name, server) = targets.get(target)?;
        let user = server.insert_user(json!({ "userName": user, "active": true }))?;
        planted.insert(Planted {
            class,
            target: name.clone(),
            about: user.id,
        });
        Ok(())
    };
    add("directory", "svc-scanner", Class::O10)?;
    add("directory", "svc-backup", Class::O11)?;
    add("directory", "breakglass", Class::O11)?;
    add("wiki", "wiki-bot", Class::O11)?;
    Ok(planted)
}

/// Goes through the targets by hand: one thing of every kind.
pub fn plant(
    witness: &Witness<'_>,
    targets: &Targets,
    at: Timestamp,
) -> anyhow::Result<BTreeSet<Planted>> {
    let mut hand = Hand {
        witness,
        targets,
        at,
        used: BTreeSet::new(),
        planted: BTreeSet::new(),
    };
    let (_, directory) = targets.get("directory")?;
    let (_, wiki) = targets.get("wiki")?;

    // Members that nobody granted: one where policy alone decides, one where it does not.
    let id = hand.somebody(directory, Standing::AtWork)?;
    hand.join("directory", "finance-payments-approver", &id)?;
    hand.expect(Class::O6, "directory", id)?;
    let id = hand.somebody(directory, Standing::AtWork)?;
    hand.join("directory", "it-directory-helpdesk", &id)?;
    hand.expect(Class::O6, "directory", id)?;

    // A member who was taken out.
    let id = hand.somebody(directory, Standing::AtWork)?;
    let group = hand.group("directory", "all-directory-member")?;
    directory.remove_member(&group, &id)?;
    hand.expect(Class::O8, "directory", id)?;

    // Accounts that belong to nobody: one that nobody matches, one with a colleague's address,
    // one with administrative rights.
    let ghost = directory.insert_user(json!({ "userName": "casper", "active": true }))?;
    hand.expect(Class::O3, "directory", ghost.id)?;
    let twin = hand.somebody(directory, Standing::AtWork)?;
    let address = directory
        .user(&twin)
        .and_then(|user| user.json.pointer("/emails/0/value").cloned())
        .context("an account has no address")?;
    let ghost = directory.insert_user(json!({
        "userName": "half.known",
        "active": true,
        "emails": [{ "type": "work", "value": address }],
    }))?;
    hand.expect(Class::O4, "directory", ghost.id)?;
    let ghost = directory.insert_user(json!({ "userName": "root2", "active": true }))?;
    hand.join("directory", "it-directory-admin", &ghost.id)?;
    hand.expect(Class::O2, "directory", ghost.id)?;

    // An attribute that somebody overwrote.
    let id = hand.somebody(directory, Standing::AtWork)?;
    directory.update_user(&id, json!({ "title": "Grand Vizier" }))?;
    hand.expect(Class::O8, "directory", id)?;

    // A leaver who was let in again.
    let id = hand.somebody(directory, Standing::Ended)?;
    directory.update_user(&id, json!({ "active": true }))?;
    hand.expect(Class::O1, "directory", id)?;

    // An account that somebody deleted.
    let (identity, id) = hand.person(wiki, Standing::AtWork)?;
    wiki.delete_user(&id);
    hand.expect(Class::O7, "wiki", identity)?;
    Ok(hand.planted)
}

struct Hand<'a> {
    witness: &'a Witness<'a>,
    targets: &'a Targets,
    at: Timestamp,
    /// Nobody gets two things, so that every finding has one cause.
    used: BTreeSet<usize>,
    planted: BTreeSet<Planted>,
}

impl Hand<'_> {
    fn expect(&mut self, class: Class, target: &str, about: String) -> anyhow::Result<()> {
        let (name, _) = self.targets.get(target)?;
        self.planted.insert(Planted {
            class,
            target: name.clone(),
            about,
        });
        Ok(())
    }

    /// The account of somebody who stands so, and whom nothing was done to yet.
    fn somebody(&mut self, server: &ScimTarget, standing: Standing) -> anyhow::Result<String> {
        Ok(self.person(server, standing)?.1)
    }

    fn person(
        &mut self,
        server: &ScimTarget,
        standing: Standing,
    ) -> anyhow::Result<(String, String)> {
        let people = self.witness.company.people.iter();
        let plain = |person: &&Person| {
            let contract = person.contract(self.at);
            let department = contract.and_then(|contract| {
                let attrs = contract.attrs(self.at);
                attrs.text(domain::Attr::Department).map(str::to_owned)
            });
            person.standing(self.at) == standing
                && !self.used.contains(&person.number)
                && !matches!(department.as_deref(), Some("Finance" | "IT"))
        };
        for person in people.filter(plain) {
            if let Some(account) = self.witness.account(server, person) {
                self.used.insert(person.number);
                return Ok((self.witness.key(person), account.id));
            }
        }
        Err(anyhow!(
            "nobody in the company is {standing:?} with an account"
        ))
    }

    fn group(&self, target: &str, entitlement: &str) -> anyhow::Result<String> {
        let (_, server) = self.targets.get(target)?;
        let known = self
            .witness
            .policy
            .entitlements
            .get(&EntitlementId::from(entitlement));
        let known =
            known.with_context(|| format!("the policy has no entitlement `{entitlement}`"))?;
        let group = server.group_by_display_name(&known.group);
        Ok(group
            .with_context(|| format!("`{target}` has no such group"))?
            .id)
    }

    fn join(&self, target: &str, entitlement: &str, member: &str) -> anyhow::Result<()> {
        let group = self.group(target, entitlement)?;
        self.targets.get(target)?.1.add_member(&group, member)?;
        Ok(())
    }
}
