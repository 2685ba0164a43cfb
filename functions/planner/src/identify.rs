//! Choosing generated identifiers. A candidate counts as chosen once the decision that reserves
//! it is written.

use std::collections::{BTreeMap, BTreeSet};

use domain::identifier::{candidates, claim_value, is_reserved};
use domain::plan::Folding;
use domain::policy::IdentifierRule;
use domain::standardise::spelling;
use domain::{Finding, Pii, Problem};
use ports::store::{Claim, ClaimKey};
use ports::{Cases, Clock, Fault, Lanes, Store};

use crate::correlate::claim_name;
use crate::fetch::Person;
use crate::{Planner, has_accounts};

/// How many candidates are looked up at once.
const LOOK_UP: usize = 8;
/// How far the ladder is climbed in one decision.
const CLIMB: usize = 64;

/// Identifiers for a plan, and the claims that reserve the new ones.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// By namespace.
    pub identifiers: BTreeMap<Box<str>, Pii<Box<str>>>,
    /// To be written with the decision.
    pub claims: Vec<Claim>,
}

impl<S: Store + Cases, L: Lanes, C: Clock> Planner<S, L, C> {
    /// Keeps what is reserved and chooses what is missing. `taken` are claims that turned out to
    /// be somebody else's.
    pub(crate) async fn identify(
        &self,
        person: &Person,
        folding: &mut Folding,
        taken: &BTreeSet<ClaimKey>,
    ) -> Result<Names, Fault> {
        let mut names = Names {
            identifiers: person
                .recorded()
                .map(|record| record.identifiers.clone())
                .unwrap_or_default(),
            claims: Vec::new(),
        };
        if !has_accounts(folding.view.state) || folding.blocked {
            return Ok(names);
        }
        let Some(speaker) = folding.view.speaker() else {
            return Ok(names);
        };
        let attrs = speaker.attrs.clone();
        let record = speaker.record.clone();
        for (namespace, rule) in &self.policy.policy.identifiers {
            let stated = rule
                .stated
                .and_then(|attr| attrs.text(attr))
                .filter(|text| !text.is_empty());
            let current = names.identifiers.get(namespace).map(Pii::reveal);
            let mut options: Vec<String> = match (stated, current) {
                (Some(stated), Some(current)) if spelling(stated) == spelling(current) => continue,
                (None, Some(_)) => continue,
                (Some(stated), _) => vec![stated.to_owned()],
                (None, None) => ladder(rule, &attrs, person),
            };
            options.retain(|option| !is_reserved(&self.policy.policy, option));
            let Some((value, key)) = self.first_free(namespace, &options, person, taken).await?
            else {
                folding.blocked = true;
                folding.parked.push(Finding::Parked {
                    record: record.clone(),
                    problem: Problem::NoIdentifier,
                });
                continue;
            };
            let claim = Claim {
                key,
                exclusive: true,
            };
            names
                .identifiers
                .insert(namespace.clone(), Pii::new(value.into()));
            names.claims.push(claim);
        }
        for claim in self.shared_claims(&attrs) {
            let known = person
                .recorded()
                .is_some_and(|r| r.claims.contains(&claim_name(&claim)));
            if !known {
                names.claims.push(claim);
            }
        }
        Ok(names)
    }

    /// The first option that nobody else holds.
    async fn first_free(
        &self,
        namespace: &str,
        options: &[String],
        person: &Person,
        taken: &BTreeSet<ClaimKey>,
    ) -> Result<Option<(String, ClaimKey)>, Fault> {
        let keyed: Vec<(&String, ClaimKey)> = options
            .iter()
            .map(|option| {
                let key = ClaimKey {
                    namespace: namespace.into(),
                    value: claim_value(option),
                };
                (option, key)
            })
            .filter(|(_, key)| !taken.contains(key))
            .collect();
        for some in keyed.chunks(LOOK_UP) {
            let keys: Vec<ClaimKey> = some.iter().map(|(_, key)| key.clone()).collect();
            let holders = self.store.holders(&keys).await?;
            let free = some.iter().find(|(_, key)| {
                holders
                    .iter()
                    .all(|(held, holder)| held != key || *holder == person.identity)
            });
            if let Some((option, key)) = free {
                return Ok(Some(((*option).clone(), key.clone())));
            }
        }
        Ok(None)
    }
}

fn ladder(rule: &IdentifierRule, attrs: &domain::Attrs, person: &Person) -> Vec<String> {
    candidates(rule, attrs, &person.identity)
        .take(CLIMB)
        .collect()
}
