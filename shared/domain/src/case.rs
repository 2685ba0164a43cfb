//! Questions that a machine does not decide, what speaks for each answer, and the answers. An
//! answer is data: it is kept with the worker record that it is about, and never asked for again.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::project::Ties;
use crate::{AccountId, CaseId, Hash, IdentityId, RecordKey, TargetId};

/// What a case is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "about")]
pub enum Subject {
    /// A worker record that may belong to somebody who is known already.
    Record {
        /// Which.
        record: RecordKey,
    },
    /// An account that belongs to nobody and may be somebody's.
    Account {
        /// Where.
        target: TargetId,
        /// Which.
        account: AccountId,
    },
    /// An account that somebody has beside another one, or that several people claim.
    Double {
        /// Where.
        target: TargetId,
        /// Which.
        account: AccountId,
    },
}

impl Subject {
    /// The id of the case about it.
    pub fn case(&self) -> CaseId {
        let parts = match self {
            Self::Record { record } => ["record", "", record.as_str()],
            Self::Account { target, account } => ["account", target.as_str(), account.as_str()],
            Self::Double { target, account } => ["double", target.as_str(), account.as_str()],
        };
        short_id('c', parts)
    }

    /// The kind in words.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Record { .. } => "record",
            Self::Account { .. } => "account",
            Self::Double { .. } => "double",
        }
    }
}

/// A letter and 16 hex digits that say nothing.
pub(crate) fn short_id<T: From<String>, const N: usize>(letter: char, parts: [&str; N]) -> T {
    let digest = Hash::of_parts(parts.map(str::as_bytes)).to_string();
    let digits: String = digest.chars().take(16).collect();
    T::from(format!("{letter}-{digits}"))
}

/// One attribute that both sides state. Digests are salted with the subject, so that equal ones
/// can be told within a case and nowhere else; values are never kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clue {
    /// Which attribute, or what kind of name.
    pub attr: Box<str>,
    /// Whether both say the same.
    pub agrees: bool,
    /// Digest of what the subject says.
    pub subject: Box<str>,
    /// Digest of what the candidate says.
    pub candidate: Box<str>,
}

impl Clue {
    /// Compares two values as they are compared for correlation.
    pub fn new(salt: &str, attr: &str, subject: &str, candidate: &str, agrees: bool) -> Self {
        let digest = |value: &str| {
            let parts = [salt, attr, value].map(str::as_bytes);
            Hash::of_parts(parts).short().into()
        };
        Self {
            attr: attr.into(),
            agrees,
            subject: digest(subject),
            candidate: digest(if agrees { subject } else { candidate }),
        }
    }
}

/// Somebody to whom the subject may belong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Who.
    pub identity: IdentityId,
    /// 0 to 100.
    pub confidence: u8,
    /// What agrees and what contradicts.
    pub clues: Vec<Clue>,
}

/// A question put to a human.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its name.
    pub id: CaseId,
    /// What it is about.
    pub subject: Subject,
    /// When it was first asked.
    pub since: Timestamp,
    /// Why a machine does not decide, in words and without values.
    pub why: Box<str>,
    /// To whom the subject may belong, the likeliest first.
    pub candidates: Vec<Candidate>,
    /// Whether it is still asked.
    pub state: CaseState,
}

/// Whether a case is still asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum CaseState {
    /// It is.
    Open,
    /// A human answered.
    Decided {
        /// What.
        verdict: Verdict,
        /// The operator's name.
        by: Box<str>,
        /// Why, in the operator's words.
        reason: Box<str>,
        /// When.
        at: Timestamp,
    },
    /// The question went away by itself: a candidate left, HR mended the record, the account is
    /// gone.
    Closed {
        /// When.
        at: Timestamp,
    },
}

impl Case {
    /// A question that nobody has answered.
    pub fn open(
        subject: Subject,
        since: Timestamp,
        why: impl Into<Box<str>>,
        candidates: Vec<Candidate>,
    ) -> Self {
        Self {
            id: subject.case(),
            subject,
            since,
            why: why.into(),
            candidates,
            state: CaseState::Open,
        }
    }

    /// Whether it waits for a human.
    pub fn is_open(&self) -> bool {
        self.state == CaseState::Open
    }

    /// Whether a human answered this one, so that another about the same account is not asked: what
    /// was said about who claims one too many does not hold for other people who do.
    pub fn answers(&self, other: &Self) -> bool {
        let same = match &self.subject {
            Subject::Double { .. } => {
                let who = |case: &Self| -> BTreeSet<IdentityId> {
                    let candidates = case.candidates.iter();
                    candidates.map(|one| one.identity.clone()).collect()
                };
                who(self) == who(other)
            }
            Subject::Account { .. } => true,
            Subject::Record { .. } => false,
        };
        same && self.subject == other.subject && self.verdict().is_some()
    }

    /// The answer, if there is one.
    pub const fn verdict(&self) -> Option<&Verdict> {
        match &self.state {
            CaseState::Decided { verdict, .. } => Some(verdict),
            CaseState::Open | CaseState::Closed { .. } => None,
        }
    }
}

/// What a human answered to a case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    /// The record, or the account that others claim too, belongs to that identity.
    Same {
        /// Which.
        identity: IdentityId,
    },
    /// The record belongs to nobody of the candidates.
    Different,
    /// The account is taken over for that identity.
    Adopt {
        /// Which.
        identity: IdentityId,
    },
    /// The account stays as it is, and is not asked about again.
    LeaveAlone,
}

impl Verdict {
    /// In words.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Same { .. } => "same",
            Self::Different => "different",
            Self::Adopt { .. } => "adopt",
            Self::LeaveAlone => "leave alone",
        }
    }
}

/// What an operator decided about a worker record, or about accounts of the identity that it
/// founded. Never changed, only added to; the latest about one thing counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What.
    pub rules: Ruling,
    /// The operator's name.
    pub by: Box<str>,
    /// Why, in the operator's words.
    pub reason: Box<str>,
    /// When.
    pub at: Timestamp,
}

/// What was decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ruling")]
pub enum Ruling {
    /// The record belongs to that identity.
    Same {
        /// Which.
        identity: IdentityId,
    },
    /// The record never belongs to that identity.
    Different {
        /// Which.
        identity: IdentityId,
    },
    /// The record is somebody nobody knows yet.
    Own,
    /// An account is the identity's, whatever policy says about adoption.
    Adopt {
        /// Where.
        target: TargetId,
        /// Which.
        account: AccountId,
    },
    /// An account is not the identity's.
    Release {
        /// Where.
        target: TargetId,
        /// Which.
        account: AccountId,
    },
}

/// What holds after all decisions about one record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// To whom it belongs, and who said so.
    pub same: Option<(IdentityId, Box<str>)>,
    /// Whether it founds an identity.
    pub own: bool,
    /// To whom it never belongs.
    pub different: BTreeSet<IdentityId>,
    /// Whose accounts are whose, by target.
    pub ties: BTreeMap<TargetId, Ties>,
}

/// Folds decisions, whatever order they came in.
pub fn standing(decisions: &[Decision]) -> Standing {
    let mut ordered: Vec<&Decision> = decisions.iter().collect();
    ordered.sort_by(|a, b| (a.at, &a.rules).cmp(&(b.at, &b.rules)));
    let mut standing = Standing::default();
    for decision in ordered {
        match &decision.rules {
            Ruling::Same { identity } => {
                standing.different.remove(identity);
                standing.own = false;
                standing.same = Some((identity.clone(), decision.by.clone()));
            }
            Ruling::Different { identity } => {
                let withdrawn = |(same, _): &(IdentityId, Box<str>)| same == identity;
                standing.same = standing.same.filter(|same| !withdrawn(same));
                standing.different.insert(identity.clone());
            }
            Ruling::Own => {
                standing.same = None;
                standing.own = true;
            }
            Ruling::Adopt { target, account } => {
                let ties = standing.ties.entry(target.clone()).or_default();
                ties.released.remove(account);
                ties.adopt = Some(account.clone());
            }
            Ruling::Release { target, account } => {
                let ties = standing.ties.entry(target.clone()).or_default();
                ties.adopt = ties.adopt.take().filter(|adopt| adopt != account);
                ties.released.insert(account.clone());
            }
        }
    }
    standing
}

/// Digest over decisions, whatever order they came in; zero where there are none.
pub fn digest<'a>(decisions: impl IntoIterator<Item = &'a Decision>) -> Hash {
    let mut texts: Vec<Vec<u8>> = decisions
        .into_iter()
        .filter_map(|decision| serde_json::to_vec(decision).ok())
        .collect();
    if texts.is_empty() {
        return Hash::default();
    }
    texts.sort_unstable();
    texts.dedup();
    Hash::of_parts(texts.iter().map(Vec::as_slice))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(at: i64, rules: Ruling) -> Decision {
        Decision {
            rules,
            by: "kim".into(),
            reason: "asked HR".into(),
            at: Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(at),
        }
    }

    fn same(identity: &str) -> Ruling {
        Ruling::Same {
            identity: identity.into(),
        }
    }

    fn different(identity: &str) -> Ruling {
        Ruling::Different {
            identity: identity.into(),
        }
    }

    #[test]
    fn an_answer_about_who_claims_an_account_holds_for_these_people() {
        let asked = |of: &str, double: bool, whom: &[&str], at: i64| {
            let (target, account) = ("dir".into(), of.into());
            let subject = if double {
                Subject::Double { target, account }
            } else {
                Subject::Account { target, account }
            };
            let candidate = |identity: &&str| Candidate {
                identity: (*identity).into(),
                confidence: 100,
                clues: Vec::new(),
            };
            let since = Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(at);
            let candidates = whom.iter().map(candidate).collect();
            Case::open(subject, since, "why", candidates)
        };
        let decided = |case: Case| Case {
            state: CaseState::Decided {
                verdict: Verdict::LeaveAlone,
                by: "kim".into(),
                reason: "known".into(),
                at: Timestamp::UNIX_EPOCH,
            },
            ..case
        };
        let double = asked("a1", true, &["a", "b"], 0);
        assert!(!double.answers(&double), "nobody answered");
        let double = decided(double);
        assert!(double.answers(&asked("a1", true, &["b", "a"], 9)));
        assert!(!double.answers(&asked("a1", true, &["a"], 9)));
        assert!(!double.answers(&asked("a2", true, &["a", "b"], 9)));
        // Whoever may own one of nobody's, it is left alone.
        let orphan = decided(asked("a1", false, &["a"], 0));
        assert!(orphan.answers(&asked("a1", false, &["b"], 9)));
        assert!(!orphan.answers(&asked("a1", true, &["b"], 9)));
    }

    #[test]
    fn the_latest_decision_about_a_pair_counts_in_whatever_order_they_are_read() {
        let mut all = vec![
            said(1, different("a")),
            said(2, same("a")),
            said(3, different("b")),
        ];
        let forward = standing(&all);
        all.reverse();
        assert_eq!(standing(&all), forward);
        assert_eq!(forward.same, Some(("a".into(), "kim".into())));
        assert_eq!(forward.different, BTreeSet::from(["b".into()]));
        assert_eq!(
            digest(&all),
            digest(&[all[2].clone(), all[1].clone(), all[0].clone()])
        );
    }

    #[test]
    fn a_pair_that_is_told_apart_later_is_no_longer_one() {
        let standing = standing(&[said(1, same("a")), said(2, different("a"))]);
        assert_eq!(standing.same, None);
        assert!(standing.different.contains("a"));
    }

    #[test]
    fn an_account_that_was_let_go_is_not_adopted_and_the_other_way_round() {
        let account = || AccountId::from("7");
        let adopt = Ruling::Adopt {
            target: "dir".into(),
            account: account(),
        };
        let release = Ruling::Release {
            target: "dir".into(),
            account: account(),
        };
        let gone = standing(&[said(1, adopt.clone()), said(2, release.clone())]);
        assert_eq!(gone.ties["dir"].adopt, None);
        assert!(gone.ties["dir"].released.contains("7"));
        let back = standing(&[said(1, release), said(2, adopt)]);
        assert_eq!(back.ties["dir"].adopt, Some(account()));
        assert!(back.ties["dir"].released.is_empty());
    }

    #[test]
    fn no_decision_has_no_digest() {
        assert!(digest(&[]).is_zero());
        assert!(!digest(&[said(1, Ruling::Own)]).is_zero());
    }

    #[test]
    fn clues_say_whether_values_are_equal_and_not_which_they_are() {
        let clue = Clue::new(
            "r1",
            "work_email",
            "ana@example.com",
            "rui@example.com",
            false,
        );
        assert_ne!(clue.subject, clue.candidate);
        let told = format!("{clue:?}{}", serde_json::to_string(&clue).unwrap());
        assert!(!told.contains("ana@"), "{told}");
        let elsewhere = Clue::new("r2", "work_email", "ana@example.com", "x", false);
        assert_ne!(clue.subject, elsewhere.subject, "salted with the subject");
    }
}
