//! Whose is an account that belongs to nobody? Where somebody matches, a human is asked, once; what
//! the human answered is respected by every run after.

use std::collections::{BTreeMap, BTreeSet};

use contract::report::{Evidence, EvidenceRow, TargetResult};
use domain::case::{Candidate, Case, CaseState, Clue, Subject, Verdict};
use domain::compare::{self, Class, Deviation, Severity, Situation};
use domain::policy::Mode;
use domain::{CaseId, IdentityState, TargetId};
use ports::cases::{self, Which};
use ports::{Cases, Clock, Fault, Lanes, Objects, Observe, Store};

use crate::Reconciler;
use crate::propose::Proposal;

/// New cases of one run. A human works off a few a day; a first look at a target may find
/// thousands, which are findings all the same and become cases in the nights that follow.
const NEW_CASES: usize = 1_000;

/// What people were asked so far.
pub(crate) struct Asked(BTreeMap<CaseId, Case>);

impl Asked {
    /// Every case.
    pub(crate) async fn load<S: Cases>(store: &S) -> Result<Self, Fault> {
        let cases = store.cases(Which::All).await?.into_iter();
        Ok(Self(cases.map(|case| (case.id.clone(), case)).collect()))
    }

    /// How many wait for an answer.
    pub(crate) fn open(&self) -> u64 {
        self.0.values().filter(|case| case.is_open()).count() as u64
    }

    /// What somebody decided about an account makes of its finding: one that is left alone, and
    /// one that is its owner's second, are no orphans and no duplicates any more. Returns who
    /// decided.
    pub(crate) fn settle(&self, target: &TargetId, deviation: &mut Deviation) -> Option<Box<str>> {
        if !is_orphan(deviation) && !is_double(deviation) {
            return None;
        }
        let case = self.0.get(&subject(target, deviation).case())?;
        let CaseState::Decided { verdict, by, .. } = &case.state else {
            return None;
        };
        let owner = deviation.owner.as_ref();
        let detail = match verdict {
            // Whose it is has to be decided all the same.
            Verdict::LeaveAlone if deviation.situation == Situation::Collision => return None,
            Verdict::LeaveAlone if owner.is_some() => {
                "another account of its owner, and an operator leaves it alone"
            }
            Verdict::LeaveAlone => "belongs to nobody on record, and an operator leaves it alone",
            Verdict::Same { identity } if owner.is_some_and(|o| o.identity == *identity) => {
                "another account of its owner, as an operator decided"
            }
            Verdict::Same { .. } | Verdict::Different | Verdict::Adopt { .. } => return None,
        };
        let left = matches!(verdict, Verdict::Same { .. })
            && deviation.account.active
            && owner.is_some_and(|owner| {
                matches!(owner.state, IdentityState::Ended | IdentityState::Archived)
            });
        if left {
            deviation.class = Class::O1;
            deviation.severity = Severity::Critical;
            deviation.detail =
                "another account of its owner can sign in although the last engagement is over"
                    .into();
            deviation.proposed = "block sign-in by hand, and look at what else it opens".into();
            return None;
        }
        deviation.class = Class::O11;
        deviation.severity = Severity::Info;
        deviation.detail = detail.into();
        deviation.proposed = "nothing".into();
        Some(by.clone())
    }
}

/// Asks about every account with a candidate, and every one too many, that nobody was asked about
/// yet, and closes the cases of accounts that a complete listing does not show as such any more.
pub(crate) async fn ask<S, L, B, C, O>(
    reconciler: &Reconciler<'_, S, L, B, C, O>,
    asked: &mut Asked,
    proposals: &mut [Proposal],
    results: &BTreeMap<TargetId, TargetResult>,
) -> Result<(), Fault>
where
    S: Store + Cases,
    L: Lanes,
    B: Objects,
    C: Clock,
    O: Observe,
{
    let now = reconciler.clock.now();
    let (mut seen, mut fresh) = (BTreeSet::new(), 0);
    for proposal in proposals {
        let target = reconciler.policy.targets.get(&proposal.target);
        let enforced = target.is_some_and(|target| target.mode == Mode::Enforce);
        let double = is_double(&proposal.deviation);
        if !enforced || !(double || is_orphan(&proposal.deviation)) {
            continue;
        }
        if !double && proposal.deviation.candidates.is_empty() {
            // Asked for another reason, an operator's; it waits as long as the account is nobody's.
            let id = subject(&proposal.target, &proposal.deviation).case();
            if asked.0.get(&id).is_some_and(Case::is_open) {
                seen.insert(id.clone());
                proposal.case = Some(id);
            }
            continue;
        }
        let mut case = about(&proposal.target, &proposal.deviation, now);
        seen.insert(case.id.clone());
        let known = asked.0.get(&case.id);
        if let Some(known) = known.filter(|known| known.is_open()) {
            case.since = known.since;
        }
        let settled = known.is_some_and(|known| *known == case || known.verdict().is_some());
        if !settled {
            if known.is_none() && fresh == NEW_CASES {
                continue;
            }
            fresh += usize::from(known.is_none());
            case = cases::ask(reconciler.store, case).await?;
            asked.0.insert(case.id.clone(), case.clone());
        }
        proposal.case = Some(case.id);
    }
    for case in asked.0.values_mut() {
        let (Subject::Account { target, .. } | Subject::Double { target, .. }) = &case.subject
        else {
            continue;
        };
        let certified = results
            .get(target)
            .is_some_and(|result| result.users.is_ok());
        // What an operator let go has nobody who matches; it waits for an operator.
        let matches = case.candidates.iter().any(|one| one.confidence > 0);
        if case.is_open() && certified && matches && !seen.contains(&case.id) {
            cases::close(reconciler.store, &case.id, now).await?;
            case.state = CaseState::Closed { at: now };
        }
    }
    Ok(())
}

/// The candidates of a finding, as evidence.
pub(crate) fn evidence(proposal: &Proposal) -> Option<EvidenceRow> {
    let case = proposal.case.clone()?;
    Some(EvidenceRow {
        id: format!("case:{case}").into(),
        body: Evidence::Case {
            candidates: candidates(&proposal.deviation, &case),
            case,
        },
    })
}

fn is_orphan(deviation: &Deviation) -> bool {
    deviation.owner.is_none()
        && matches!(
            deviation.situation,
            Situation::Unlinked | Situation::Disputed | Situation::Unmatched
        )
        && matches!(deviation.class, Class::O2 | Class::O3 | Class::O4)
}

/// Whether it is an account that somebody has beside another one, or that several people claim.
fn is_double(deviation: &Deviation) -> bool {
    deviation.class == Class::O5 && !deviation.claims.is_empty()
}

fn subject(target: &TargetId, deviation: &Deviation) -> Subject {
    let (target, account) = (target.clone(), deviation.account.id.clone());
    if is_double(deviation) {
        Subject::Double { target, account }
    } else {
        Subject::Account { target, account }
    }
}

fn about(target: &TargetId, deviation: &Deviation, now: jiff::Timestamp) -> Case {
    let subject = subject(target, deviation);
    let candidates = candidates(deviation, &subject.case());
    let why = match deviation.situation {
        Situation::Collision => "several people claim the account",
        Situation::Linked => "the account carries the key of somebody who has another one",
        Situation::Disputed => "the account is on nobody's record, and several people match alike",
        Situation::Unlinked | Situation::Unmatched | Situation::Deleted => {
            "the account is on nobody's record, and one person matches"
        }
    };
    Case::open(subject, now, why, candidates)
}

fn candidates(deviation: &Deviation, case: &CaseId) -> Vec<Candidate> {
    let name = &**deviation.account.user_name.reveal();
    let clue = |attr, agrees| Clue::new(case.as_str(), attr, name, "", agrees);
    if is_double(deviation) {
        // By the record of the account's id, or by our key in it; neither is a value of HR.
        let claims = deviation.claims.iter();
        return claims
            .map(|one| Candidate {
                identity: one.clone(),
                confidence: 100,
                clues: Vec::new(),
            })
            .collect();
    }
    let candidates = deviation.candidates.iter();
    candidates
        .map(|one: &compare::Candidate| Candidate {
            identity: one.identity.clone(),
            confidence: one.confidence(),
            clues: vec![clue("email", one.email), clue("user_name", one.user_name)],
        })
        .collect()
}
