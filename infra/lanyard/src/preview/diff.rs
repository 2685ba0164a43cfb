//! Everybody under two policies.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::plan::Compiled;
use domain::preview::{Delta, Growth, Person, Side, Tally, TargetTally, Verdict, compare, growth};
use domain::{EntitlementId, Hash, IdentityId, Pii, TargetId};
use jiff::Timestamp;
use ports::Store as _;
use serde::{Deserialize, Serialize};

use super::{Desk, name, settled};

/// Everybody under two policies.
pub struct Diff {
    /// The policy before.
    pub from: Arc<Compiled>,
    /// The policy after.
    pub to: Arc<Compiled>,
    /// The planned instant.
    pub at: Timestamp,
    /// What becomes different.
    pub tally: Tally,
    /// What the limits say.
    pub verdicts: Vec<Verdict>,
    /// Roles that everybody gets, or everybody of a kind, and that give more.
    pub grown: Vec<Grown>,
    /// Records that would belong to another human than now, or wait for one to say so. Whose
    /// accounts that concerns is decided one by one.
    pub recorrelated: u64,
}

/// A default role that gives more.
#[derive(Clone, Debug, Serialize)]
pub struct Grown {
    /// The role, and whose it is.
    #[serde(flatten)]
    pub growth: Growth,
    /// For how many people each of its new entitlements is new, in their order.
    pub people: Vec<(EntitlementId, u64)>,
}

/// One person for whom something becomes different.
#[derive(Clone, Debug, Serialize)]
pub struct Affected {
    /// Who.
    pub identity: IdentityId,
    /// Who, for people.
    pub name: Pii<Box<str>>,
    /// What.
    pub deltas: Vec<Delta>,
}

/// What a diff comes to.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The version before.
    pub from: Hash,
    /// The version after.
    pub to: Hash,
    /// The planned instant.
    pub at: Timestamp,
    /// People looked at.
    pub people: u64,
    /// People for whom something becomes different.
    pub affected: u64,
    /// People who lose something.
    pub losing: u64,
    /// People who gain something.
    pub gaining: u64,
    /// Records whose human would change.
    pub recorrelated: u64,
    /// What would be carried out, by target.
    pub targets: BTreeMap<TargetId, TargetTally>,
    /// What the limits say.
    pub limits: Vec<Verdict>,
    /// Default roles that give more.
    pub default_roles: Vec<Grown>,
    /// SHA-256 over who gains and loses what.
    pub digest: Hash,
}

/// What is kept of a diff for `lanyard publish`: ids and counts, no names and no values.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    /// Format version, 1.
    pub v: u8,
    /// The version before.
    pub from: Hash,
    /// The version after.
    pub to: Hash,
    /// The planned instant.
    pub at: Timestamp,
    /// People looked at.
    pub people: u64,
    /// People for whom something becomes different.
    pub affected: u64,
    /// Records whose human would change.
    pub recorrelated: u64,
    /// SHA-256 over who gains and loses what.
    pub digest: Hash,
}

/// Compares everybody. Each group keeps `most` people by name; `each` is told of everybody for
/// whom something becomes different.
pub async fn diff(
    desk: &Desk,
    from: &Arc<Compiled>,
    to: &Arc<Compiled>,
    most: usize,
    mut each: impl FnMut(Affected) -> anyhow::Result<()>,
) -> anyhow::Result<Diff> {
    let (before, after) = (desk.planner(from), desk.planner(to));
    let mut tally = Tally::new(most);
    let mut recorrelated = 0;
    desk.everybody(
        async |person| {
            let was = settled(
                Box::pin(before.preview(person.clone())).await?,
                &person,
                desk.at,
            );
            let want = settled(
                Box::pin(after.preview(person.clone())).await?,
                &person,
                desk.at,
            );
            let waits = was.plan.targets.is_empty() != want.plan.targets.is_empty();
            let elsewhere = [&was, &want]
                .into_iter()
                .any(|side| side.person.identity != person.identity);
            recorrelated += u64::from(waits || elsewhere);
            if elsewhere {
                return Ok(());
            }
            let of = Person {
                identity: &person.identity,
                records: &person.records,
                accounts: &person.accounts,
                at: desk.at,
            };
            let (a, b) = (
                Side {
                    compiled: from,
                    plan: &was.plan,
                },
                Side {
                    compiled: to,
                    plan: &want.plan,
                },
            );
            let deltas = compare(&of, &a, &b);
            let name = if deltas.is_empty() {
                Pii::new("".into())
            } else {
                name(to, &person, desk.at)
            };
            tally.add(&of, &name, &b, &deltas);
            if !deltas.is_empty() {
                each(Affected {
                    identity: person.identity.clone(),
                    name,
                    deltas,
                })?;
            }
            Ok(())
        },
        &before,
    )
    .await?;
    let mut meters = BTreeMap::new();
    for name in to.policy.targets.keys() {
        meters.insert(name.clone(), desk.state.meter(name).await?);
    }
    let grown = growth(&from.policy, &to.policy)
        .into_iter()
        .map(|growth| Grown {
            people: tally.gaining_by(&growth),
            growth,
        })
        .collect();
    Ok(Diff {
        grown,
        verdicts: tally.verdicts(&to.policy, &meters, desk.at),
        from: Arc::clone(from),
        to: Arc::clone(to),
        at: desk.at,
        tally,
        recorrelated,
    })
}

impl Diff {
    /// What it comes to.
    pub fn summary(&self) -> Summary {
        Summary {
            from: self.from.policy.version,
            to: self.to.policy.version,
            at: self.at,
            people: self.tally.people,
            affected: self.tally.affected,
            losing: self.tally.losing,
            gaining: self.tally.gaining,
            recorrelated: self.recorrelated,
            targets: self.tally.targets.clone(),
            limits: self.verdicts.clone(),
            default_roles: self.grown.clone(),
            digest: self.tally.digest(),
        }
    }

    /// What is kept of it.
    pub fn saved(&self) -> Saved {
        Saved {
            v: 1,
            from: self.from.policy.version,
            to: self.to.policy.version,
            at: self.at,
            people: self.tally.people,
            affected: self.tally.affected,
            recorrelated: self.recorrelated,
            digest: self.tally.digest(),
        }
    }

    /// Whether a limit would hold something.
    pub fn is_held(&self) -> bool {
        self.verdicts.iter().any(|verdict| verdict.held)
    }
}

#[cfg(test)]
mod tests {
    use super::Saved;

    #[test]
    fn what_is_kept_reads_back_in_later_versions() {
        let zero = "0".repeat(64);
        let saved: Saved = serde_json::from_str(&format!(
            r#"{{"v":1,"from":"{zero}","to":"{zero}","at":"2026-03-02T08:00:00Z","people":3,"affected":2,
            "recorrelated":0,"digest":"{zero}"}}"#
        ))
        .unwrap();
        assert_eq!(saved.affected, 2);
    }
}
