//! Which human a new worker record belongs to. Decided once and pinned.

use crate::policy::{CorrelationRule, MatchAction, Policy};
use crate::standardise::correlation_value;
use crate::{Attr, Attrs, Engagement, IdentityId, IdentityState, IdentityView};

/// An identity that shares a value with the record.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Which.
    pub identity: IdentityId,
    /// The rule whose attribute agrees, as an index into [`Policy::correlation`].
    pub rule: usize,
    /// The candidate as it is now.
    pub view: &'a IdentityView,
}

/// To whom a record belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Nobody known: the record founds an identity.
    Found,
    /// That identity.
    Link {
        /// Which.
        identity: IdentityId,
        /// By which rule.
        rule: Box<str>,
        /// 0 to 100.
        confidence: u8,
    },
    /// A human decides.
    Case {
        /// Who it could be.
        candidates: Vec<IdentityId>,
        /// Why, without personal data.
        why: Box<str>,
    },
}

/// Decides by the policy's rules in order; the first rule that says something has the last word.
pub fn correlate(policy: &Policy, record: &Engagement, candidates: &[Candidate<'_>]) -> Decision {
    for (index, rule) in policy.correlation.iter().enumerate() {
        let mut link = Vec::new();
        let mut case = Vec::new();
        let mut why = "";
        for candidate in candidates
            .iter()
            .filter(|candidate| candidate.rule == index)
        {
            let (action, because) = weigh(rule, record, candidate.view);
            match action {
                MatchAction::Link => link.push(candidate.identity.clone()),
                MatchAction::Case => {
                    why = because;
                    case.push(candidate.identity.clone());
                }
                MatchAction::Ignore => {}
            }
        }
        link.sort();
        link.dedup();
        match (link.as_slice(), case.as_slice()) {
            ([], []) => {}
            ([identity], []) => {
                return Decision::Link {
                    identity: identity.clone(),
                    rule: rule.name.clone(),
                    confidence: rule.confidence,
                };
            }
            _ => {
                let why = if link.len() > 1 {
                    "several identities share the value"
                } else {
                    why
                };
                link.append(&mut case);
                link.sort();
                link.dedup();
                return Decision::Case {
                    candidates: link,
                    why: format!("{} ({})", why, rule.on).into(),
                };
            }
        }
    }
    Decision::Found
}

fn weigh(
    rule: &CorrelationRule,
    record: &Engagement,
    candidate: &IdentityView,
) -> (MatchAction, &'static str) {
    let Some(speaker) = candidate.speaker() else {
        return (MatchAction::Ignore, "");
    };
    let over = match candidate.state {
        IdentityState::Ended | IdentityState::Archived => true,
        IdentityState::Prehire | IdentityState::Active | IdentityState::Suspended => {
            // An ending that is known to come before the new beginning counts as one.
            matches!((speaker.ends_at, record.starts_at), (Some(end), Some(start)) if end <= start)
        }
    };
    let action = if over {
        rule.ended
    } else {
        let kind = speaker.attrs.text(Attr::EmploymentType).unwrap_or_default();
        rule.active.get(kind).copied().unwrap_or(MatchAction::Case)
    };
    match action {
        MatchAction::Link if !confirmed(rule, &record.attrs, &speaker.attrs) => {
            (MatchAction::Case, "the value agrees and the names do not")
        }
        MatchAction::Case => (
            MatchAction::Case,
            "somebody who works here has the same value",
        ),
        MatchAction::Link | MatchAction::Ignore => (action, ""),
    }
}

/// Whether every confirming attribute that both sides state agrees.
fn confirmed(rule: &CorrelationRule, a: &Attrs, b: &Attrs) -> bool {
    rule.confirm.iter().all(|attr| {
        match (correlation_value(a, *attr), correlation_value(b, *attr)) {
            (Some(a), Some(b)) => a == b,
            (None, _) | (_, None) => true,
        }
    })
}
