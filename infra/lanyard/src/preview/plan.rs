//! What the next look at a person would do, with the reason of every change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use domain::plan::{Compiled, changed_targets};
use domain::preview::{Ground, Person, Side, no_account, obstacles};
use domain::rollout;
use domain::{Change, Desired, Finding, Generation, Hash, IdentityId, Pii, TargetId};
use jiff::Timestamp;
use planner::Preview;
use serde::Serialize;

use super::report::words;
use super::{name, short};

/// What the next look at a person would do.
#[derive(Clone, Debug, Serialize)]
pub struct Planned {
    /// Who.
    pub identity: IdentityId,
    /// Who, for people.
    pub name: Pii<Box<str>>,
    /// Under which policy.
    pub policy: Hash,
    /// When.
    pub at: Timestamp,
    /// The state.
    pub state: domain::IdentityState,
    /// Joiner, mover, leaver, ...
    pub jml: domain::change::Jml,
    /// By target of the policy.
    pub targets: BTreeMap<TargetId, PlannedTarget>,
    /// What is seen and not acted on.
    pub findings: Vec<Finding>,
    /// When planning again gives something else.
    pub due_at: Option<Timestamp>,
    /// SHA-256 of the plan, as the decision would record it.
    pub plan: Hash,
}

/// What would happen on one target.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedTarget {
    /// The account that is wanted.
    pub desired: Desired,
    /// Whether the changes are carried out, and when.
    pub carried_out: CarriedOut,
    /// Whether they travel in the termination lane.
    pub urgent: bool,
    /// The changes in their order.
    pub steps: Vec<Step>,
}

/// Whether changes are carried out, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CarriedOut {
    /// With this decision.
    Now,
    /// A connector was asked before and has not answered.
    Owed(Generation),
    /// Nothing new is wanted; the nightly run sees to what differs.
    Nightly,
    /// The target is not written to.
    Not,
    /// There is nothing to do.
    Nothing,
}

/// One change and its reason.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The change.
    #[serde(flatten)]
    pub change: Change,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Ground>,
}

/// What a preview comes to, for people and programs.
pub fn planned(compiled: &Arc<Compiled>, preview: &Preview) -> Planned {
    let recorded = preview.person.recorded();
    let changed = changed_targets(recorded, &preview.plan);
    let targets = preview
        .plan
        .targets
        .iter()
        .map(|(name, target)| {
            let steps = steps(compiled, preview, name);
            let writes = rollout::writes(&compiled.policy, name, &target.projection);
            let owed = preview.person.seat.as_ref();
            let owed = owed.and_then(|seat| seat.owed.get(name).copied());
            let carried_out = if steps.is_empty() && !changed.contains(name) {
                CarriedOut::Nothing
            } else if !writes {
                CarriedOut::Not
            } else if changed.contains(name) {
                CarriedOut::Now
            } else {
                owed.map_or(CarriedOut::Nightly, CarriedOut::Owed)
            };
            let one = PlannedTarget {
                desired: target.projection.desired,
                carried_out,
                urgent: target.urgent,
                steps,
            };
            (name.clone(), one)
        })
        .collect();
    Planned {
        identity: preview.person.identity.clone(),
        name: name(compiled, &preview.person, preview.at),
        policy: compiled.policy.version,
        at: preview.at,
        state: preview.plan.state,
        jml: preview.plan.jml,
        targets,
        findings: preview.plan.findings.clone(),
        due_at: preview.plan.due_at,
        plan: preview.plan.digest(),
    }
}

fn steps(compiled: &Compiled, preview: &Preview, name: &TargetId) -> Vec<Step> {
    let Some(target) = preview.plan.targets.get(name) else {
        return Vec::new();
    };
    let before = preview
        .person
        .recorded()
        .and_then(|recorded| recorded.projections.get(name));
    let side = Side {
        compiled,
        plan: &preview.plan,
    };
    let person = Person {
        identity: &preview.person.identity,
        records: &preview.person.records,
        accounts: &preview.person.accounts,
        at: preview.at,
    };
    let mut steps = Vec::new();
    for change in &target.changes {
        let mut change = change.clone();
        if let Change::Update { attrs } = &mut change {
            // A manager is wanted by record and written by account: the same manager is no change.
            attrs.retain(|path, _| {
                let wanted = target.projection.attrs.get(path);
                let known = before.and_then(|before| before.attrs.get(path));
                !(wanted.is_some_and(|mapped| mapped.refers) && wanted == known)
            });
            if attrs.is_empty() {
                continue;
            }
        }
        let because = match &change {
            Change::Grant { entitlement } => target
                .projection
                .grants
                .get(entitlement)
                .cloned()
                .map(Ground::Given),
            Change::Revoke { entitlement } => {
                let given = before.and_then(|before| before.grants.get(entitlement));
                let given = given.cloned().unwrap_or_default();
                let found = obstacles(&side, &person, entitlement, &given);
                Some(Ground::NotGiven(found))
            }
            Change::Disable | Change::Delete => {
                Some(Ground::NotGiven(no_account(&side, &person, name)))
            }
            Change::Create { .. }
            | Change::Adopt { .. }
            | Change::Restore
            | Change::Update { .. }
            | Change::Enable
            | Change::RevokeSessions => None,
        };
        steps.push(Step { change, because });
    }
    steps
}

impl Planned {
    /// Whether there is anything to tell.
    pub fn is_quiet(&self) -> bool {
        let mut targets = self.targets.values();
        targets.all(|target| target.carried_out == CarriedOut::Nothing) && self.findings.is_empty()
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let who = self.name.reveal();
        let state = words::lower(&self.state);
        let jml = if self.jml == domain::change::Jml::None {
            String::new()
        } else {
            format!(", {}", words::lower(&self.jml))
        };
        // Writing to a text cannot fail.
        writeln!(out, "{who}  {}  {state}{jml}", short(&self.identity)).ok();
        for (name, target) in &self.targets {
            let how = match target.carried_out {
                CarriedOut::Now if target.urgent => "at once, in the termination lane".to_owned(),
                CarriedOut::Now => "with the next look".to_owned(),
                CarriedOut::Owed(generation) => {
                    format!("asked for with decision {generation}, not answered yet")
                }
                CarriedOut::Nightly => "with the next nightly run".to_owned(),
                CarriedOut::Not => "not carried out: the target is not written to".to_owned(),
                CarriedOut::Nothing => continue,
            };
            writeln!(out, "  {name}: {how}").ok();
            for step in &target.steps {
                writeln!(out, "    {}", words::change(&step.change)).ok();
                if let Some(ground) = &step.because {
                    for line in words::ground(ground) {
                        writeln!(out, "      because {line}").ok();
                    }
                }
            }
            if target.steps.is_empty() {
                let desired = words::lower(&target.desired);
                writeln!(out, "    wanted: {desired}; the account is so already").ok();
            }
        }
        let findings: BTreeSet<String> = self.findings.iter().map(words::finding).collect();
        for finding in findings {
            writeln!(out, "  ! {finding}").ok();
        }
        if let Some(due) = self.due_at {
            writeln!(out, "  looked at again by {due}").ok();
        }
        if self.is_quiet() {
            writeln!(out, "  nothing would change").ok();
        }
        out
    }
}
