//! From proposals to the rows of the report, and what they rest on.

use std::collections::BTreeMap;

use contract::report::{Class, Evidence, EvidenceRow, FindingRow, ParkedRow, Severity};
use domain::fold::fold;
use domain::policy::Criticality;
use domain::{Fact, Generation, Hash, IdentityId, Policy, Problem, RecordKey, SourceId, compare};
use jiff::Timestamp;
use jiff::civil::Date;
use ports::{Fault, Store};

use crate::propose::{Decision, Proposal};
use crate::report::snapshot_id;
use crate::tasks::Late;
use crate::{Reconciler, Run, asked};

/// The decision of a row that a limit stopped.
pub(crate) const HELD: &str = "held";

/// Entitlements named in a row.
const NAMED: usize = 5;

/// What HR said about the identity of a finding.
#[derive(Clone, Default)]
struct Story {
    end: Option<Date>,
    owner: Option<IdentityId>,
    fact: Option<EvidenceRow>,
}

/// What the report is written from, while proposal after proposal goes by.
#[derive(Default)]
pub(crate) struct Rows {
    findings: BTreeMap<Hash, FindingRow>,
    evidence: BTreeMap<Box<str>, EvidenceRow>,
    stories: BTreeMap<IdentityId, Story>,
}

impl Rows {
    /// Adds one row for a finding; several differences of one class about one account are one.
    pub(crate) async fn add<S, L, B, C, O>(
        &mut self,
        reconciler: &Reconciler<'_, S, L, B, C, O>,
        run: &Run,
        proposal: &Proposal,
    ) -> Result<(), Fault>
    where
        S: Store,
    {
        if proposal.decision == Decision::Dropped {
            return Ok(());
        }
        let deviation = &proposal.deviation;
        let mut story = Story::default();
        if let Some(owner) = &deviation.owner {
            if tells(deviation) {
                if !self.stories.contains_key(&owner.identity) {
                    let told = tell(reconciler, &owner.identity, run.at).await?;
                    self.stories.insert(owner.identity.clone(), told);
                }
                let told = self.stories.get(&owner.identity);
                story = told.cloned().unwrap_or_default();
            }
            for row in [Some(plan(owner)), story.fact.clone()]
                .into_iter()
                .flatten()
            {
                self.evidence.entry(row.id.clone()).or_insert(row);
            }
        }
        if let Some(row) = asked::evidence(proposal) {
            self.evidence.entry(row.id.clone()).or_insert(row);
        }
        let row = row(reconciler, run, proposal, &story);
        match self.findings.get_mut(&row.finding) {
            Some(first) => merge(first, row),
            None => {
                self.findings.insert(row.finding, row);
            }
        }
        Ok(())
    }

    /// Findings and what they rest on, with those about work of people.
    pub(crate) fn finish(self, late: Late) -> (Vec<FindingRow>, Vec<EvidenceRow>) {
        let (rows, evidence) = (self.findings.into_values(), self.evidence.into_values());
        (
            rows.chain(late.findings).collect(),
            evidence.chain(late.evidence).collect(),
        )
    }
}

/// Whether the row says when the person left and who answers for the account: where somebody has
/// to act. The others are spared the read.
fn tells(deviation: &compare::Deviation) -> bool {
    matches!(
        deviation.severity,
        compare::Severity::Critical | compare::Severity::High
    )
}

async fn tell<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    identity: &IdentityId,
    now: Timestamp,
) -> Result<Story, Fault>
where
    S: Store,
{
    let record = RecordKey::from(identity);
    let facts = facts(reconciler, &record, now).await?;
    let Some(last) = facts.iter().max_by_key(|fact| fact.recorded_at) else {
        return Ok(Story::default());
    };
    let engagement = fold(reconciler.policy, &record, &facts, now).engagement;
    Ok(Story {
        end: engagement.end,
        owner: engagement.manager.as_ref().map(IdentityId::from),
        fact: Some(fact(last)),
    })
}

/// What had come of a record's facts when the run began: one that came later is not of this night,
/// nor of one half of a report.
async fn facts<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    record: &RecordKey,
    began: Timestamp,
) -> Result<Vec<Fact>, Fault>
where
    S: Store,
{
    let mut facts = reconciler.store.dossier(record).await?.facts;
    facts.retain(|fact| fact.received_at <= began);
    Ok(facts)
}

fn fact(fact: &Fact) -> EvidenceRow {
    EvidenceRow {
        id: format!("fact:{}", fact.payload.short()).into(),
        body: Evidence::Fact {
            source: fact.source.clone(),
            record: fact.record.clone(),
            effective_at: fact.effective_at(),
            recorded_at: fact.recorded_at,
            payload: fact.payload,
        },
    }
}

fn plan(owner: &compare::Owner) -> EvidenceRow {
    let Generation(generation) = owner.generation;
    EvidenceRow {
        id: format!("plan:{}:{generation}", owner.identity).into(),
        body: Evidence::Plan {
            identity: owner.identity.clone(),
            generation,
            policy: owner.policy,
            plan: owner.plan,
        },
    }
}

fn row<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    run: &Run,
    proposal: &Proposal,
    story: &Story,
) -> FindingRow {
    let deviation = &proposal.deviation;
    let account = &deviation.account;
    let owner = deviation.owner.as_ref();
    let candidate = deviation.candidate.as_ref();
    let names: Vec<&str> = deviation
        .held
        .iter()
        .take(NAMED)
        .map(|id| {
            let known = reconciler.policy.entitlements.get(id);
            known.map_or(id.as_str(), |entitlement| &entitlement.group)
        })
        .collect();
    let mut evidence = vec![snapshot_id(&proposal.target, "users")];
    if deviation.entitlement.is_some() || deviation.privileged {
        evidence.push(snapshot_id(&proposal.target, "groups"));
    }
    evidence.extend(owner.map(|owner| plan(owner).id.into()));
    evidence.extend(story.fact.as_ref().map(|fact| fact.id.clone().into()));
    evidence.extend(proposal.case.as_ref().map(|case| format!("case:{case}")));
    let on_its_way = owner.is_some_and(|owner| owner.owed) && deviation.repair.is_some();
    let (decision, decided_by) = match proposal.decision {
        Decision::Queued => ("queued", "policy"),
        Decision::Held => (HELD, "limit"),
        Decision::Decided => ("decided", &*proposal.by),
        Decision::Open | Decision::Send | Decision::Dropped => ("open", ""),
    };
    FindingRow {
        finding: proposal.finding,
        severity: severity(deviation.severity),
        class: class(deviation.class),
        target: proposal.target.clone(),
        account_id: account.id.as_str().into(),
        user_name: account.user_name.reveal().clone(),
        status: match (deviation.present, account.active) {
            (false, _) => "missing",
            (true, true) => "active",
            (true, false) => "disabled",
        }
        .into(),
        privileged: deviation.privileged,
        criticality: criticality(reconciler.policy, deviation).into(),
        entitlement_count: u32::try_from(deviation.held.len()).unwrap_or(u32::MAX),
        entitlements: names.join("; ").into(),
        created: account.created,
        last_sign_in: account.last_sign_in,
        first_seen: run.date,
        age_days: 0,
        runs_seen: 1,
        identity: owner.map_or("", |owner| owner.identity.as_str()).into(),
        identity_state: owner
            .map_or("", |owner| crate::recorded::state_name(owner.state))
            .into(),
        end_date: story.end,
        candidate: candidate.map_or("", |c| c.identity.as_str()).into(),
        candidate_rule: candidate.map_or("", compare::Candidate::rule).into(),
        candidate_confidence: candidate.map(compare::Candidate::confidence),
        owner: match (&deviation.answers, &story.owner) {
            (Some(answers), _) => answers.clone(),
            (None, Some(manager)) => manager.as_str().into(),
            (None, None) => "".into(),
        },
        detail: if on_its_way {
            format!("{} (a change is on its way)", deviation.detail).into()
        } else {
            deviation.detail.clone()
        },
        evidence: evidence.join("; ").into(),
        proposed_action: deviation.proposed.clone(),
        decision: decision.into(),
        decided_by: decided_by.into(),
    }
}

/// Of the entitlement that a difference is about, otherwise of the most critical one that is held.
fn criticality(policy: &Policy, deviation: &compare::Deviation) -> &'static str {
    let about = deviation.entitlement.iter();
    let held = deviation
        .held
        .iter()
        .filter(|_| deviation.entitlement.is_none());
    let known = about.chain(held).filter_map(|one| policy.holding(one));
    let most = known.map(|holding| holding.criticality).max();
    most.map_or("", Criticality::name)
}

/// Two differences of one class about one account: the worse severity, both details.
fn merge(first: &mut FindingRow, other: FindingRow) {
    first.severity = first.severity.min(other.severity);
    let rank = |name: &str| Criticality::ALL.iter().position(|one| one.name() == name);
    if rank(&other.criticality) > rank(&first.criticality) {
        first.criticality.clone_from(&other.criticality);
    }
    first.detail = format!("{}; {}", first.detail, other.detail).into();
    if first.proposed_action != other.proposed_action {
        first.proposed_action =
            format!("{}; {}", first.proposed_action, other.proposed_action).into();
    }
    // A request mends everything about an account, so that it speaks for all parts.
    if &*first.decision == "open" {
        first.decision = other.decision;
        first.decided_by = other.decided_by;
    }
}

pub(crate) async fn parked_row<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    began: Timestamp,
    (record, problem): (&RecordKey, &Problem),
) -> Result<ParkedRow, Fault>
where
    S: Store,
{
    let facts = facts(reconciler, record, began).await?;
    let last = facts.iter().max_by_key(|fact| fact.received_at);
    Ok(ParkedRow {
        record: record.clone(),
        source: last.map_or_else(|| SourceId::from(""), |fact| fact.source.clone()),
        worker: last.map_or("", |fact| fact.worker.as_str()).into(),
        why: problem.clone(),
        since: last.map(|fact| fact.received_at),
    })
}

/// The class in the report's words.
pub(crate) const fn class(class: compare::Class) -> Class {
    match class {
        compare::Class::O1 => Class::O1,
        compare::Class::O2 => Class::O2,
        compare::Class::O3 => Class::O3,
        compare::Class::O4 => Class::O4,
        compare::Class::O5 => Class::O5,
        compare::Class::O6 => Class::O6,
        compare::Class::O7 => Class::O7,
        compare::Class::O8 => Class::O8,
        compare::Class::O9 => Class::O9,
        compare::Class::O10 => Class::O10,
        compare::Class::O11 => Class::O11,
    }
}

/// The severity in the report's words.
const fn severity(severity: compare::Severity) -> Severity {
    match severity {
        compare::Severity::Critical => Severity::Critical,
        compare::Severity::High => Severity::High,
        compare::Severity::Medium => Severity::Medium,
        compare::Severity::Low => Severity::Low,
        compare::Severity::Info => Severity::Info,
    }
}
