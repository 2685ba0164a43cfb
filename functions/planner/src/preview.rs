//! What a decision would be, without making it: the same reads, the same correlation, the same
//! choice of identifiers and the same plan as [`Planner::look`], and no write, claim or message.

use std::collections::BTreeMap;

use domain::plan;
use domain::{IdentityId, Pii, Plan, RecordKey};
use jiff::Timestamp;
use ports::{Cases, Clock, Fault, Lanes, Store};

use crate::Planner;
use crate::correlate::Weighed;
use crate::fetch::Person;

/// What a decision would be.
#[derive(Clone, Debug)]
pub struct Preview {
    /// Everything it rests on.
    pub person: Person,
    /// Reserved identifiers, and those that would be reserved with the decision.
    pub identifiers: BTreeMap<Box<str>, Pii<Box<str>>>,
    /// The plan.
    pub plan: Plan,
    /// When.
    pub at: Timestamp,
}

/// What a look at one worker record would come to.
#[derive(Clone, Debug)]
pub enum Previewed {
    /// A decision.
    Decision(Box<Preview>),
    /// It would wait for a human.
    Disputed {
        /// Who it could be.
        candidates: Vec<IdentityId>,
        /// Why a machine does not decide.
        why: Box<str>,
    },
}

impl<S: Store + Cases, L: Lanes, C: Clock> Planner<S, L, C> {
    /// Everything about the human behind a worker record, after what operators decided about it;
    /// `None` where there are no facts.
    pub async fn person(&self, record: &RecordKey) -> Result<Option<Person>, Fault> {
        self.foresee(record, self.clock.now()).await
    }

    /// What [`Planner::look`] would decide about a person now, under this planner's policy.
    pub async fn preview(&self, person: Person) -> Result<Previewed, Fault> {
        let at = self.clock.now();
        let folding = plan::identity_at(&self.policy.policy, &person.records, at);
        let person = match self.weigh(person, &folding, at).await? {
            Weighed::Known(person) => *person,
            Weighed::Case {
                candidates, why, ..
            } => {
                let mut candidates: Vec<IdentityId> =
                    candidates.into_iter().map(|one| one.identity).collect();
                candidates.sort();
                return Ok(Previewed::Disputed { candidates, why });
            }
        };
        let mut folding = if person.links.is_empty() {
            folding
        } else {
            plan::identity_at(&self.policy.policy, &person.records, at)
        };
        let taken = std::collections::BTreeSet::new();
        let names = self.identify(&person, &mut folding, &taken).await?;
        let input = plan::Input {
            identity: &person.identity,
            records: &person.records,
            recorded: person.recorded(),
            accounts: &person.accounts,
            identifiers: &names.identifiers,
            at,
        };
        let plan = plan::plan_folded(&self.policy, &input, folding);
        Ok(Previewed::Decision(Box::new(Preview {
            identifiers: names.identifiers,
            plan,
            at,
            person,
        })))
    }
}
