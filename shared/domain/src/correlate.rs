//! Which human a new worker record belongs to. Decided once and pinned.

use std::collections::BTreeSet;

use crate::case::{self, Clue};
use crate::policy::{CorrelationRule, MatchAction, Policy, WeightedKey, Weights};
use crate::standardise::correlation_value;
use crate::{Attr, Attrs, Engagement, IdentityId, IdentityState, IdentityView};

/// An identity that shares a value with the record.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// Which.
    pub identity: IdentityId,
    /// The attributes of which it holds, or once held, the record's value.
    pub shares: BTreeSet<Attr>,
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
        /// Who it could be, the likeliest first.
        candidates: Vec<case::Candidate>,
        /// Why, without personal data.
        why: Box<str>,
    },
}

/// The name under which a link by [`Weights`] is recorded.
pub const BY_WEIGHTS: &str = "weights";

/// The attributes by whose values somebody is found.
pub fn found_by(policy: &Policy) -> BTreeSet<Attr> {
    let weighted = policy.weights.iter().flat_map(|weights| &weights.keys);
    weighted
        .filter(|key| key.finds)
        .map(|key| key.attr)
        .chain(policy.correlation.iter().map(|rule| rule.on))
        .collect()
}

/// Decides by weights where policy has them; otherwise by its rules in order, the first of which
/// that says something has the last word.
pub fn correlate(policy: &Policy, record: &Engagement, candidates: &[Candidate<'_>]) -> Decision {
    match &policy.weights {
        Some(weights) => by_weights(weights, record, candidates),
        None => by_rules(policy, record, candidates),
    }
}

fn by_rules(policy: &Policy, record: &Engagement, candidates: &[Candidate<'_>]) -> Decision {
    for rule in &policy.correlation {
        let mut link = Vec::new();
        let mut case = Vec::new();
        let mut why = "";
        for candidate in candidates
            .iter()
            .filter(|candidate| candidate.shares.contains(&rule.on))
        {
            let (action, because) = weigh(rule, record, candidate.view);
            match action {
                MatchAction::Link => link.push(candidate),
                MatchAction::Case => {
                    why = because;
                    case.push(candidate);
                }
                MatchAction::Ignore => {}
            }
        }
        match (link.as_slice(), case.as_slice()) {
            ([], []) => {}
            ([one], []) => {
                return Decision::Link {
                    identity: one.identity.clone(),
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
                let suspects = link.into_iter().chain(case);
                let suspects = suspects.map(|one| suspect(policy, rule, record, one));
                return Decision::Case {
                    candidates: likeliest_first(suspects.collect()),
                    why: format!("{} ({})", why, rule.on).into(),
                };
            }
        }
    }
    Decision::Found
}

/// A candidate of a rule, with what agrees and what does not.
fn suspect(
    policy: &Policy,
    rule: &CorrelationRule,
    record: &Engagement,
    candidate: &Candidate<'_>,
) -> case::Candidate {
    let attrs: BTreeSet<Attr> = policy
        .correlation
        .iter()
        .flat_map(|rule| std::iter::once(&rule.on).chain(&rule.confirm))
        .copied()
        .collect();
    let clues = clues(attrs, record, candidate);
    let contradicts =
        |clue: &Clue| !clue.agrees && rule.confirm.iter().any(|attr| attr.name() == &*clue.attr);
    let confidence = if clues.iter().any(contradicts) {
        rule.confidence / 2
    } else {
        rule.confidence
    };
    case::Candidate {
        identity: candidate.identity.clone(),
        confidence,
        clues,
    }
}

/// A candidate by weights and what may be done with it.
struct Weighed {
    suspect: case::Candidate,
    ceiling: MatchAction,
    why: &'static str,
}

fn by_weights(weights: &Weights, record: &Engagement, candidates: &[Candidate<'_>]) -> Decision {
    let mut strong: Vec<Weighed> = Vec::new();
    let mut weak: Vec<Weighed> = Vec::new();
    for candidate in candidates {
        let (ceiling, why) = ceiling(weights, record, candidate.view);
        if ceiling == MatchAction::Ignore {
            continue;
        }
        let clues = clues(weights.keys.iter().map(|key| key.attr), record, candidate);
        let suspect = case::Candidate {
            identity: candidate.identity.clone(),
            confidence: confidence(weights, &clues),
            clues,
        };
        let weighed = Weighed {
            suspect,
            ceiling,
            why,
        };
        if weighed.suspect.confidence >= weights.link {
            strong.push(weighed);
        } else if weighed.suspect.confidence >= weights.case {
            weak.push(weighed);
        }
    }
    let why = match (strong.as_slice(), weak.as_slice()) {
        ([], []) => return Decision::Found,
        ([one], _) if one.ceiling == MatchAction::Link => {
            return Decision::Link {
                identity: one.suspect.identity.clone(),
                rule: BY_WEIGHTS.into(),
                confidence: one.suspect.confidence,
            };
        }
        ([one], _) => one.why,
        ([], _) => "the keys agree too little to be sure",
        _ => "several identities match alike",
    };
    let suspects = strong.into_iter().chain(weak).map(|one| one.suspect);
    Decision::Case {
        candidates: likeliest_first(suspects.collect()),
        why: why.into(),
    }
}

/// The sum of what agrees less the sum of what contradicts.
fn confidence(weights: &Weights, clues: &[Clue]) -> u8 {
    let weight = |key: &WeightedKey| {
        let clue = clues.iter().find(|clue| &*clue.attr == key.attr.name());
        clue.map_or(0, |clue| {
            if clue.agrees {
                i32::from(key.agree)
            } else {
                -i32::from(key.contradict)
            }
        })
    };
    let sum: i32 = weights.keys.iter().map(weight).sum();
    u8::try_from(sum.clamp(0, 100)).unwrap_or_default()
}

/// The most that may be done with a candidate, and why no more.
fn ceiling(
    weights: &Weights,
    record: &Engagement,
    candidate: &IdentityView,
) -> (MatchAction, &'static str) {
    let Some(speaker) = candidate.speaker() else {
        return (MatchAction::Ignore, "");
    };
    if is_over(record, candidate, speaker) {
        return (weights.ended, "somebody who worked here matches");
    }
    let kind = speaker.attrs.text(Attr::EmploymentType).unwrap_or_default();
    let action = weights.active.get(kind).copied();
    (
        action.unwrap_or(MatchAction::Case),
        "somebody who works here matches",
    )
}

/// Every attribute that both sides state. A value that the candidate once held agrees, whatever
/// it holds now.
fn clues(
    attrs: impl IntoIterator<Item = Attr>,
    record: &Engagement,
    candidate: &Candidate<'_>,
) -> Vec<Clue> {
    let Some(speaker) = candidate.view.speaker() else {
        return Vec::new();
    };
    attrs
        .into_iter()
        .filter_map(|attr| {
            let ours = correlation_value(&record.attrs, attr)?;
            let theirs = correlation_value(&speaker.attrs, attr);
            let shares = candidate.shares.contains(&attr);
            let theirs = match theirs {
                None if !shares => return None,
                theirs => theirs.unwrap_or_default(),
            };
            let agrees = shares || ours == theirs;
            let salt = record.record.as_str();
            Some(Clue::new(salt, attr.name(), &ours, &theirs, agrees))
        })
        .collect()
}

fn likeliest_first(mut candidates: Vec<case::Candidate>) -> Vec<case::Candidate> {
    candidates.sort_by(|a, b| (b.confidence, &a.identity).cmp(&(a.confidence, &b.identity)));
    candidates.dedup_by(|a, b| a.identity == b.identity);
    candidates
}

/// Whether the candidate's work here is over when the record's begins.
fn is_over(record: &Engagement, candidate: &IdentityView, speaker: &Engagement) -> bool {
    match candidate.state {
        IdentityState::Ended | IdentityState::Archived => true,
        IdentityState::Prehire | IdentityState::Active | IdentityState::Suspended => {
            // An ending that is known to come before the new beginning counts as one.
            matches!((speaker.ends_at, record.starts_at), (Some(end), Some(start)) if end <= start)
        }
    }
}

fn weigh(
    rule: &CorrelationRule,
    record: &Engagement,
    candidate: &IdentityView,
) -> (MatchAction, &'static str) {
    let Some(speaker) = candidate.speaker() else {
        return (MatchAction::Ignore, "");
    };
    let action = if is_over(record, candidate, speaker) {
        rule.ended
    } else {
        let kind = speaker.attrs.text(Attr::EmploymentType).unwrap_or_default();
        rule.active.get(kind).copied().unwrap_or(MatchAction::Case)
    };
    match action {
        MatchAction::Link if !confirmed(rule, &record.attrs, &speaker.attrs) => (
            MatchAction::Case,
            "the value agrees, and what should confirm it does not",
        ),
        MatchAction::Case => (
            MatchAction::Case,
            "somebody who works here has the same value",
        ),
        MatchAction::Link | MatchAction::Ignore => (action, ""),
    }
}

/// Whether every confirming attribute agrees. What one side does not state confirms nothing.
fn confirmed(rule: &CorrelationRule, a: &Attrs, b: &Attrs) -> bool {
    rule.confirm.iter().all(|attr| {
        let stated = correlation_value(a, *attr);
        stated.is_some() && stated == correlation_value(b, *attr)
    })
}
