//! Whose is an account that belongs to nobody? Where somebody matches, a human is asked, once; what
//! the human answered is respected by every run after.

use std::collections::{BTreeMap, BTreeSet};

use contract::report::{Evidence, EvidenceRow};
use domain::case::{Candidate, Case, CaseState, Clue, Subject, Verdict};
use domain::compare::{self, Class, Deviation, Severity, Situation};
use domain::policy::Mode;
use domain::{CaseId, IdentityState, Policy, TargetId};
use jiff::Timestamp;
use ports::cases::{self, Which};
use ports::{Cases, Fault, Store};

use crate::propose::Proposal;

/// New cases of one run. A human works off a few a day; a first look at a target may find
/// thousands, which are findings all the same and become cases in the nights that follow.
const NEW_CASES: usize = 1_000;

/// What people were asked so far.
pub(crate) struct Asked {
    cases: BTreeMap<CaseId, Case>,
    /// The cases of accounts that this run saw.
    seen: BTreeSet<CaseId>,
    /// New cases of this run.
    fresh: usize,
    now: Timestamp,
}

impl Asked {
    /// Every case. Those that begin with the run are of it: it asked before and was interrupted.
    pub(crate) async fn load<S: Cases>(store: &S, now: Timestamp) -> Result<Self, Fault> {
        let cases = store.cases(Which::All).await?.into_iter();
        let cases: BTreeMap<CaseId, Case> = cases.map(|case| (case.id.clone(), case)).collect();
        let is_fresh = |case: &&Case| {
            let of_an_account = !matches!(case.subject, Subject::Record { .. });
            case.since == now && of_an_account
        };
        Ok(Self {
            fresh: cases.values().filter(is_fresh).count(),
            seen: BTreeSet::new(),
            cases,
            now,
        })
    }

    /// How many wait for an answer.
    pub(crate) fn open(&self) -> u64 {
        self.cases.values().filter(|case| case.is_open()).count() as u64
    }

    /// Notes that the account of a case was seen.
    pub(crate) fn see(&mut self, id: &CaseId) -> CaseId {
        self.seen.insert(id.clone());
        id.clone()
    }

    /// What somebody decided about an account makes of its finding: one that is left alone, and
    /// one that is its owner's second, are no orphans and no duplicates any more. Returns who
    /// decided.
    pub(crate) fn settle(&self, target: &TargetId, deviation: &mut Deviation) -> Option<Box<str>> {
        if !is_orphan(deviation) && !is_double(deviation) {
            return None;
        }
        let case = self.cases.get(&subject(target, deviation).case())?;
        let CaseState::Decided { verdict, by, .. } = &case.state else {
            return None;
        };
        // Whose it is has to be decided all the same, whatever was said about fewer people.
        if deviation.situation == Situation::Collision {
            return None;
        }
        let owner = deviation.owner.as_ref();
        let detail = match verdict {
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

/// Asks about an account with a candidate, or one too many, that nobody was asked about yet. Gives
/// back the case that the account waits for.
pub(crate) async fn ask<S: Store + Cases>(
    store: &S,
    policy: &Policy,
    asked: &mut Asked,
    proposal: &Proposal,
) -> Result<Option<CaseId>, Fault> {
    let target = policy.targets.get(&proposal.target);
    let enforced = target.is_some_and(|target| target.mode == Mode::Enforce);
    let double = is_double(&proposal.deviation);
    if !enforced || !(double || is_orphan(&proposal.deviation)) {
        return Ok(None);
    }
    if !double && proposal.deviation.candidates.is_empty() {
        // Asked for another reason, an operator's; it waits as long as the account is nobody's.
        let id = subject(&proposal.target, &proposal.deviation).case();
        let waits = asked.cases.get(&id).is_some_and(Case::is_open);
        return Ok(waits.then(|| asked.see(&id)));
    }
    let mut case = about(&proposal.target, &proposal.deviation, asked.now);
    asked.see(&case.id);
    let known = asked.cases.get(&case.id);
    if let Some(known) = known.filter(|known| known.is_open()) {
        case.since = known.since;
    }
    let settled = known.is_some_and(|known| *known == case || known.answers(&case));
    if !settled {
        let is_new = known.is_none();
        if is_new && asked.fresh >= NEW_CASES {
            return Ok(None);
        }
        asked.fresh += usize::from(is_new);
        case = cases::ask(store, case).await?;
        asked.cases.insert(case.id.clone(), case.clone());
    }
    Ok(Some(case.id))
}

/// Closes the cases of accounts that a complete listing does not show as such any more, once
/// everything was asked.
pub(crate) async fn close<S: Cases>(
    store: &S,
    asked: &mut Asked,
    is_certified: impl Fn(&TargetId) -> bool,
) -> Result<(), Fault> {
    for case in asked.cases.values_mut() {
        let (Subject::Account { target, .. } | Subject::Double { target, .. }) = &case.subject
        else {
            continue;
        };
        // What an operator let go has nobody who matches; it waits for an operator.
        let matches = case.candidates.iter().any(|one| one.confidence > 0);
        if case.is_open() && is_certified(target) && matches && !asked.seen.contains(&case.id) {
            cases::close(store, &case.id, asked.now).await?;
            case.state = CaseState::Closed { at: asked.now };
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

fn about(target: &TargetId, deviation: &Deviation, now: Timestamp) -> Case {
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
