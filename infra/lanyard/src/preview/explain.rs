//! Why somebody has, or does not have, what they have: fact, rule, reason, change, answer of the
//! target, verification.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use domain::fold::live_facts;
use domain::limit::HeldLine;
use domain::plan::{Compiled, identity_at};
use domain::preview::{Held, Obstacle, Person, Side, Trial, WhyNot, no_account, why_not};
use domain::{
    AccountRecord, Attr, Change, Desired, EntitlementId, EventId, Fact, FactBody, Generation, Hash,
    IdentityId, Outcome, Pii, Reason, SourceId, TargetId,
};
use jiff::Timestamp;
use planner::Preview;
use serde::Serialize;

use super::report::words;
use super::{name, short};

/// Everything that explains one person's access.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// Who.
    pub identity: IdentityId,
    /// Who, for people.
    pub name: Pii<Box<str>>,
    /// The explained instant.
    pub at: Timestamp,
    /// Under which policy.
    pub policy: Hash,
    /// The state.
    pub state: domain::IdentityState,
    /// The last recorded decision.
    pub decided: Option<Decided>,
    /// The accounts.
    pub accounts: Vec<AccountLink>,
    /// The entitlements.
    pub entitlements: Vec<Link>,
    /// What was seen and not acted on.
    pub findings: Vec<domain::Finding>,
    /// Whether one entitlement was asked about, and not everything.
    #[serde(skip)]
    pub one: bool,
}

/// A recorded decision.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    /// Which.
    pub generation: Generation,
    /// Under which policy.
    pub policy: Hash,
    /// The hash of its plan.
    pub plan: Hash,
}

/// One account.
#[derive(Clone, Debug, Serialize)]
pub struct AccountLink {
    /// Where.
    pub target: TargetId,
    /// What is wanted.
    pub desired: Desired,
    /// Why it cannot sign in, where it cannot.
    pub obstacles: Vec<Obstacle>,
    /// What the target answered.
    pub answer: Answer,
}

/// One entitlement, from the facts to the target.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    /// Each rule that could give it, its conditions, and what stands in the way.
    #[serde(flatten)]
    pub why: WhyNot,
    /// The fact behind each condition, in the order of rules and conditions.
    pub facts: Vec<Behind>,
    /// What the plan would do about it: `give`, `take` or nothing.
    pub change: Option<&'static str>,
    /// What the target answered.
    pub answer: Answer,
}

/// The fact behind the value of an attribute.
#[derive(Clone, Debug, Serialize)]
pub struct Behind {
    /// The attribute.
    pub attr: Attr,
    /// Who stated it.
    pub source: SourceId,
    /// In which event.
    pub event: EventId,
    /// From when it holds.
    pub effective_at: Timestamp,
    /// When the source recorded it.
    pub recorded_at: Timestamp,
    /// When we received it.
    pub received_at: Timestamp,
}

/// What the target answered, as the account's record remembers it now.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// Whether there is an account.
    pub exists: bool,
    /// Whether it can sign in.
    pub active: bool,
    /// Whether it holds the entitlement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<bool>,
    /// The decision that was applied last.
    pub applied: Generation,
    /// The decision that wants what is wanted now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted_by: Option<Generation>,
    /// The decision that a connector still owes an answer for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owed: Option<Generation>,
    /// What the last attempt came to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Why the account waits for a human.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parked: Option<Box<str>>,
    /// What a limit holds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<HeldLine>,
    /// What is not given yet, and what has to be gone before it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub waiting: BTreeMap<EntitlementId, BTreeSet<EntitlementId>>,
}

/// Explains one entitlement, or everything that somebody has or should have.
pub fn explain(
    compiled: &Arc<Compiled>,
    preview: &Preview,
    entitlement: Option<&EntitlementId>,
) -> Explained {
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
    let mut shown: BTreeSet<EntitlementId> = BTreeSet::new();
    let mut targets: BTreeSet<TargetId> = BTreeSet::new();
    if let Some(one) = entitlement {
        shown.insert(one.clone());
        let known = compiled.policy.entitlements.get(one);
        targets.extend(known.map(|known| known.target.clone()));
    } else {
        let plans = preview.plan.targets.values();
        shown.extend(plans.flat_map(|plan| plan.projection.grants.keys().cloned()));
        let accounts = preview.person.accounts.values();
        shown.extend(accounts.flat_map(|account| account.grants.iter().cloned()));
        targets.extend(preview.plan.targets.keys().cloned());
    }
    let accounts = targets
        .into_iter()
        .filter_map(|target| {
            let plan = preview.plan.targets.get(&target)?;
            let desired = plan.projection.desired;
            let answer = answer(preview, Some(&target), None);
            if desired == Desired::None && !answer.exists && entitlement.is_none() {
                return None;
            }
            let obstacles = if desired == Desired::Active {
                Vec::new()
            } else {
                no_account(&side, &person, &target)
            };
            Some(AccountLink {
                target,
                desired,
                obstacles,
                answer,
            })
        })
        .collect();
    let entitlements = shown
        .iter()
        .map(|one| {
            let why = why_not(&person, &side, one);
            Link {
                facts: behind(compiled, preview, &why),
                change: change(preview, why.target.as_ref(), one),
                answer: answer(preview, why.target.as_ref(), Some(one)),
                why,
            }
        })
        .collect();
    Explained {
        identity: preview.person.identity.clone(),
        name: name(compiled, &preview.person, preview.at),
        at: preview.at,
        policy: compiled.policy.version,
        state: preview.plan.state,
        decided: preview.person.recorded().map(|record| Decided {
            generation: record.generation,
            policy: record.policy,
            plan: record.plan,
        }),
        accounts,
        entitlements,
        findings: preview.plan.findings.clone(),
        one: entitlement.is_some(),
    }
}

fn change(
    preview: &Preview,
    target: Option<&TargetId>,
    entitlement: &EntitlementId,
) -> Option<&'static str> {
    let changes = target.and_then(|target| preview.plan.targets.get(target))?;
    for change in &changes.changes {
        if let Change::Grant { entitlement: one } = change
            && one == entitlement
        {
            return Some("give");
        }
        if let Change::Revoke { entitlement: one } = change
            && one == entitlement
        {
            return Some("take");
        }
    }
    None
}

fn answer(
    preview: &Preview,
    target: Option<&TargetId>,
    entitlement: Option<&EntitlementId>,
) -> Answer {
    let none = AccountRecord::default();
    let account = target
        .and_then(|target| preview.person.accounts.get(target))
        .unwrap_or(&none);
    let seat = preview.person.seat.as_ref();
    let of = |from: Option<&BTreeMap<TargetId, Generation>>| {
        target.and_then(|target| from?.get(target).copied())
    };
    Answer {
        exists: account.id.is_some(),
        active: account.active,
        holds: entitlement.map(|one| account.grants.contains(one)),
        applied: account.applied,
        wanted_by: of(seat.map(|seat| &seat.record.changed)),
        owed: of(seat.map(|seat| &seat.owed)),
        outcome: account.outcome,
        at: account.at,
        parked: account.parked.clone(),
        held: account
            .held
            .iter()
            .flat_map(|held| held.lines.iter().cloned())
            .collect(),
        waiting: account
            .waiting
            .iter()
            .filter(|(waits, _)| entitlement.is_none_or(|one| *waits == one))
            .map(|(waits, until)| (waits.clone(), until.clone()))
            .collect(),
    }
}

/// The fact behind each attribute that a rule looks at.
fn behind(compiled: &Compiled, preview: &Preview, why: &WhyNot) -> Vec<Behind> {
    let folding = identity_at(&compiled.policy, &preview.person.records, preview.at);
    let Some(speaker) = folding.view.speaker() else {
        return Vec::new();
    };
    let records = preview.person.records.iter();
    let facts = records
        .filter(|(record, _)| *record == speaker.record)
        .flat_map(|(_, facts)| live_facts(facts))
        .filter(|fact| fact.effective_at() <= preview.at)
        .collect::<Vec<&Fact>>();
    let attrs: BTreeSet<Attr> = why
        .rules
        .iter()
        .flat_map(|trial| {
            let filter = trial.filter.iter().flat_map(|filter| filter.values.keys());
            let conditions = trial.conditions.iter().map(|held| held.attr);
            conditions.chain(filter.copied())
        })
        .collect();
    attrs
        .into_iter()
        .filter_map(|attr| {
            let fact = facts.iter().rev().find(|fact| match &fact.body {
                FactBody::Assert { attrs, .. } => attrs.reveal().get(attr).is_some(),
                FactBody::Rescind { .. } | FactBody::Delete => false,
            })?;
            Some(Behind {
                attr,
                source: fact.source.clone(),
                event: fact.event.clone(),
                effective_at: fact.effective_at(),
                recorded_at: fact.recorded_at,
                received_at: fact.received_at,
            })
        })
        .collect()
}

impl Explained {
    /// For people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a text cannot fail.
        writeln!(
            out,
            "{}  {}  {}",
            self.name.reveal(),
            short(&self.identity),
            words::lower(&self.state)
        )
        .ok();
        writeln!(out, "at {} under policy {}", self.at, self.policy.short()).ok();
        if let Some(decided) = &self.decided {
            writeln!(
                out,
                "last decision {} under policy {}",
                decided.generation,
                decided.policy.short()
            )
            .ok();
        }
        for account in &self.accounts {
            writeln!(
                out,
                "\naccount on {}: wanted {}",
                account.target,
                words::lower(&account.desired)
            )
            .ok();
            for obstacle in &account.obstacles {
                writeln!(out, "  because {obstacle}").ok();
            }
            account.answer.text(&mut out);
        }
        for link in &self.entitlements {
            link.text(self.one, &mut out);
        }
        let findings: BTreeSet<String> = self.findings.iter().map(words::finding).collect();
        for finding in findings {
            writeln!(out, "! {finding}").ok();
        }
        out
    }
}

impl Link {
    fn text(&self, whole: bool, out: &mut String) {
        let wanted = if self.why.reasons.is_empty() {
            "not wanted"
        } else {
            "wanted"
        };
        let place = self.why.target.as_ref().map_or("", TargetId::as_str);
        let entitlement = &self.why.entitlement;
        writeln!(out, "\n{entitlement} on {place}: {wanted}").ok();
        for reason in &self.why.reasons {
            writeln!(out, "  granted: {}", words::reason(reason)).ok();
        }
        let given = !self.why.reasons.is_empty();
        let (shown, others): (Vec<&Trial>, Vec<&Trial>) = self
            .why
            .rules
            .iter()
            .partition(|trial| whole || !given || trial.gives);
        for trial in shown {
            self.trial(trial, out);
        }
        if !others.is_empty() {
            writeln!(out, "  {} other rules could give it too", others.len()).ok();
        }
        for behind in self.facts.iter().filter(|_| whole || !given) {
            writeln!(
                out,
                "  fact: `{}` was stated by {} in event {}, in effect from {}, recorded {}, \
                 received {}",
                behind.attr,
                behind.source,
                words::plain(behind.event.as_str()),
                behind.effective_at,
                behind.recorded_at,
                behind.received_at
            )
            .ok();
        }
        for obstacle in &self.why.obstacles {
            writeln!(out, "  in the way: {obstacle}").ok();
        }
        match self.change {
            Some(change) => writeln!(out, "  change: {change} it").ok(),
            None => writeln!(out, "  change: none").ok(),
        };
        self.answer.text(out);
    }

    fn gives(&self, rule: &domain::RuleId) -> bool {
        let by = |reason: &Reason| match &reason.cause {
            domain::project::Cause::Rule { rule: by, .. } => by == rule,
            // It gave it until the person moved, and gives it no more.
            domain::project::Cause::Overlap { .. } | domain::project::Cause::Adopted => false,
        };
        self.why.reasons.iter().any(by)
    }

    fn trial(&self, trial: &Trial, out: &mut String) {
        let verdict = match (trial.gives, self.gives(&trial.rule)) {
            (true, true) => "gives it",
            (true, false) => "would give it",
            (false, _) => "does not give it",
        };
        let state = match &*trial.state {
            "enforce" => String::new(),
            state => format!(", state {state}"),
        };
        let lapses = trial
            .until
            .filter(|_| trial.conditions.iter().all(|held| held.holds));
        let until = match (lapses, trial.lapsed) {
            (Some(until), true) => format!(", lapsed at {until}"),
            (Some(until), false) => format!(", until {until}"),
            (None, _) => String::new(),
        };
        writeln!(out, "  rule `{}` {verdict}{state}{until}", trial.rule).ok();
        for held in &trial.conditions {
            writeln!(out, "    {}", condition(held)).ok();
        }
        if let Some(filter) = &trial.filter {
            let mark = if filter.holds { "yes" } else { "NO " };
            writeln!(out, "    {mark} {}", filter.expression.trim()).ok();
            for (attr, value) in &filter.values {
                writeln!(out, "        `{attr}` {}", said(value.as_ref())).ok();
            }
        }
    }
}

fn condition(held: &Held) -> String {
    let mark = if held.holds { "yes" } else { "NO " };
    let value = said(held.value.as_ref());
    format!("{mark} `{}` {}: it {value}", held.attr, held.test)
}

fn said(value: Option<&Pii<Box<str>>>) -> String {
    match value {
        Some(value) => format!("is `{}`", words::plain(value.reveal())),
        None => "is not stated".to_owned(),
    }
}

impl Answer {
    fn text(&self, out: &mut String) {
        let account = match (self.exists, self.active) {
            (false, _) => "no account",
            (true, true) => "an account that can sign in",
            (true, false) => "an account that cannot sign in",
        };
        let holds = match self.holds {
            Some(true) => ", which holds it",
            Some(false) if self.exists => ", which does not hold it",
            Some(false) | None => "",
        };
        writeln!(out, "  recorded: {account}{holds}").ok();
        let outcome = match self.outcome {
            None => "nothing was asked of the target yet",
            Some(Outcome::Applied) => "written",
            Some(Outcome::Unchanged) => "nothing to do",
            Some(Outcome::Adopted) => "taken over",
            Some(Outcome::Deferred) if self.waiting.is_empty() => {
                "put off, because the target rests"
            }
            Some(Outcome::Deferred) => "put off",
            Some(Outcome::Rejected) => "the target will not have it",
            Some(Outcome::Unknown) => "the answer was lost",
            Some(Outcome::Verified) => "written, and seen in the target",
            Some(Outcome::NotVerified) => "answered as done, and not seen in the target",
        };
        let at = self.at.filter(|_| self.outcome.is_some());
        let at = at.map_or_else(String::new, |at| {
            format!(" at {at}, decision {}", self.applied)
        });
        writeln!(out, "  answer: {outcome}{at}").ok();
        if let Some(owed) = self.owed {
            writeln!(out, "  owed: decision {owed} is not answered yet").ok();
        }
        if let Some(parked) = &self.parked {
            writeln!(out, "  parked: {parked}").ok();
        }
        for held in &self.held {
            let (line, scope) = (&held.line, &held.scope);
            writeln!(out, "  held: {line} waits for the limit `{scope}`").ok();
        }
        for (waits, until) in &self.waiting {
            let until: Vec<String> = until.iter().map(|one| format!("`{one}`")).collect();
            let until = until.join(", ");
            writeln!(
                out,
                "  waits: `{waits}` is not given before {until} is gone"
            )
            .ok();
        }
    }
}
