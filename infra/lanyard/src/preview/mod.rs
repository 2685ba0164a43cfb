//! What policy would do, and why: plans, comparisons and explanations over state that is only
//! read. Everything is decided by `planner::Planner::preview` and `domain::preview`; this module
//! brings people and policies to them and shows what they say.

mod diff;
mod explain;
mod file;
mod person;
mod plan;
pub mod report;
mod state;

use std::sync::Arc;

use anyhow::{Context as _, bail};
use domain::plan::{Compiled, identity_at};
use domain::{Attr, Hash, IdentityId, Pii, Plan, RecordKey};
use hr_webhook::{Salt, record_key};
use jiff::Timestamp;
use planner::{Person, Planner, Preview, Previewed};
use ports::Walk;

pub use diff::{Affected, Diff, Grown, Saved, Summary, diff};
pub use explain::{Explained, Link, explain};
pub use file::{FORMAT, Header, StateFile, export, export_to};
pub use person::Named;
pub use plan::{Planned, PlannedTarget, Step, planned};
pub use state::{At, NoLanes, State};

/// A planner that cannot write.
pub type Dry = Planner<State, NoLanes, At>;

/// State, an instant and a policy: what every preview rests on.
pub struct Desk {
    /// The state.
    pub state: State,
    /// For worker ids, where the state is a stack's.
    pub salt: Option<Salt>,
    /// The planned instant.
    pub at: Timestamp,
}

impl Desk {
    /// A planner under a policy.
    pub fn planner(&self, policy: &Arc<Compiled>) -> Dry {
        Planner::new(self.state.clone(), NoLanes, At(self.at), Arc::clone(policy))
    }

    /// Everybody, in the order of the store.
    pub async fn everybody(
        &self,
        mut each: impl AsyncFnMut(Person) -> anyhow::Result<()>,
        planner: &Dry,
    ) -> anyhow::Result<()> {
        if let State::File(file) = &self.state {
            for identity in file.everybody() {
                if let Some(person) = planner.person(&RecordKey::from(identity)).await? {
                    each(person).await?;
                }
            }
            return Ok(());
        }
        let mut walk = Walk::over(&self.state);
        while let Some(rows) = walk.page().await? {
            for (identity, seat) in rows {
                // A place that was given up, or an identity that is gone since.
                if seat.record.records.is_empty() {
                    continue;
                }
                if let Some(person) = planner.person(&RecordKey::from(&identity)).await? {
                    each(person).await?;
                }
            }
        }
        Ok(())
    }

    /// One person, by identity id or by a source's own id of the worker.
    pub async fn find(
        &self,
        named: &Named,
        policy: &Compiled,
        planner: &Dry,
    ) -> anyhow::Result<Person> {
        let mut found = Vec::new();
        if named.source.is_none() {
            found.extend(planner.person(&RecordKey::from(named.id.as_str())).await?);
        }
        let sources = policy.policy.sources.keys();
        let sources = sources.filter(|source| {
            named
                .source
                .as_deref()
                .is_none_or(|named| named == source.as_str())
        });
        if let Some(salt) = &self.salt {
            for source in sources {
                let key = record_key(salt, source, &named.id);
                found.extend(planner.person(&key).await?);
            }
        }
        for identity in self.state.by_worker(named.source.as_deref(), &named.id) {
            found.extend(planner.person(&RecordKey::from(&identity)).await?);
        }
        found.sort_by(|a, b| a.identity.cmp(&b.identity));
        found.dedup_by(|a, b| a.identity == b.identity);
        let several = found.len() > 1;
        match found.pop() {
            Some(person) if !several => Ok(person),
            Some(_) => bail!("several sources know somebody by this id; name one with --source"),
            None => bail!(
                "nobody is known by this id; give a worker id as the source states it, or an \
                 identity id"
            ),
        }
    }
}

/// A person under one policy: what is known, and the plan. A record that waits for a human has a
/// plan without targets.
pub fn settled(previewed: Previewed, person: &Person, at: Timestamp) -> Preview {
    match previewed {
        Previewed::Decision(preview) => *preview,
        Previewed::Disputed { candidates, why } => Preview {
            plan: Plan {
                identity: person.identity.clone(),
                state: person
                    .recorded()
                    .map_or(domain::IdentityState::Prehire, |record| record.state),
                jml: domain::change::Jml::None,
                targets: std::collections::BTreeMap::new(),
                findings: vec![domain::Finding::Parked {
                    record: RecordKey::from(&person.identity),
                    problem: domain::Problem::Disputed { candidates, why },
                }],
                due_at: None,
            },
            identifiers: std::collections::BTreeMap::new(),
            person: person.clone(),
            at,
        },
    }
}

/// Who it is, for people: a name and the source's own id.
pub(crate) fn name(policy: &Compiled, person: &Person, at: Timestamp) -> Pii<Box<str>> {
    let folding = identity_at(&policy.policy, &person.records, at);
    let said = folding.view.speaker().map(|speaker| {
        let attrs = &speaker.attrs;
        let first = |options: [Attr; 2]| {
            let mut texts = options.into_iter().filter_map(|attr| attrs.text(attr));
            texts.find(|text| !text.is_empty())
        };
        let names = [
            first([Attr::PreferredGivenName, Attr::GivenName]),
            first([Attr::PreferredFamilyName, Attr::FamilyName]),
        ];
        names.into_iter().flatten().collect::<Vec<_>>().join(" ")
    });
    let worker = person
        .records
        .iter()
        .flat_map(|(_, facts)| facts)
        .next_back()
        .map(|fact| format!("{} {}", fact.source, fact.worker.as_str()));
    let text = match (said.filter(|said| !said.is_empty()), worker) {
        (Some(said), Some(worker)) => format!("{said} ({worker})"),
        (Some(text), None) | (None, Some(text)) => text,
        (None, None) => person.identity.to_string(),
    };
    Pii::new(report::words::plain(&text).into())
}

/// A policy to preview with.
pub fn compiled(loaded: policy::Loaded) -> Arc<Compiled> {
    Arc::new(Compiled::new(loaded.policy))
}

/// A hash from its text.
pub fn hash(text: &str) -> anyhow::Result<Hash> {
    serde_json::from_value(serde_json::Value::String(text.to_owned()))
        .with_context(|| format!("`{text}` is not a hash of 64 hex digits"))
}

/// Whose identity an id is, shortened for a table.
pub(crate) fn short(identity: &IdentityId) -> &str {
    identity.as_str().get(..12).unwrap_or(identity.as_str())
}
