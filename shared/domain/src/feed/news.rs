//! Whether a listed record says anything that is not known.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::fold::{Folded, fold};
use crate::{EventId, Fact, FactBody, Policy, RecordKey};

/// Whether a statement changes anything about a record, now or at any later instant: the fold with
/// it differs from the fold without it. A statement that is older than what is known, or that
/// repeats it, is no news.
pub fn news(
    policy: &Policy,
    record: &RecordKey,
    known: &[Fact],
    stated: &Fact,
    at: Timestamp,
) -> bool {
    if known.is_empty() {
        return true;
    }
    if repeats(known, stated) {
        return false;
    }
    let effective = stated.effective_at();
    let mut instants: BTreeSet<Timestamp> = known
        .iter()
        .map(Fact::effective_at)
        .filter(|instant| *instant > at && *instant > effective)
        .collect();
    instants.insert(at.max(effective));
    instants.insert(at);
    let mut with = known.to_vec();
    with.push(stated.clone());
    instants.into_iter().any(|instant| {
        let before = fold(policy, record, known, instant);
        let after = fold(policy, record, &with, instant);
        !same(&before, &after)
    })
}

/// Whether exactly this was stated before, and nothing else was at the same moment or takes
/// statements back: most of what a feed lists, and told without a fold.
fn repeats(known: &[Fact], stated: &Fact) -> bool {
    let mut at_once = known.iter().filter(|fact| {
        fact.effective == stated.effective
            && fact.recorded_at == stated.recorded_at
            && fact.version == stated.version
    });
    let before = at_once.next();
    let voids = |fact: &Fact| match fact.body {
        FactBody::Rescind { .. }
        | FactBody::Assert {
            corrects: Some(_), ..
        } => true,
        FactBody::Assert { corrects: None, .. } | FactBody::Delete => false,
    };
    at_once.next().is_none()
        && before.is_some_and(|before| {
            before.body == stated.body
                && before.zone == stated.zone
                && before.manager == stated.manager
        })
        && !known.iter().any(voids)
}

/// Whether two folds say the same. The instants at which something took effect are left out: who
/// repeats every night that somebody has left does not move the day of leaving.
fn same(before: &Folded, after: &Folded) -> bool {
    let (was, is) = (&before.engagement, &after.engagement);
    before.problems == after.problems
        && was.phase == is.phase
        && was.start == is.start
        && was.end == is.end
        && was.zone == is.zone
        && was.attrs == is.attrs
        && was.manager == is.manager
}

/// Deletions that were concluded from a feed in which a record was missing, told by their event
/// id, that the record's being listed now takes back.
pub fn undone(
    known: &[Fact],
    concluded: impl Fn(&EventId) -> bool,
    as_of: Timestamp,
) -> Vec<&Fact> {
    let rescinded: BTreeSet<&EventId> = known
        .iter()
        .filter_map(|fact| match &fact.body {
            FactBody::Rescind { event } => Some(event),
            FactBody::Assert { .. } | FactBody::Delete => None,
        })
        .collect();
    known
        .iter()
        .filter(|fact| matches!(fact.body, FactBody::Delete))
        .filter(|fact| concluded(&fact.event) && fact.recorded_at < as_of)
        .filter(|fact| !rescinded.contains(&fact.event))
        .collect()
}
