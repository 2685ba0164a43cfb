//! What a difference is called, how bad it is, and what would mend it.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::engine::{Scope, is_owned};
use super::fingerprint::slot_of;
use super::look::{Case, Evidence, Link, from_record};
use super::{Candidate, Class, Deviation, Repair, Severity, Situation};
use crate::converge::differs;
use crate::{Account, Desired, EntitlementId, IdentityId, IdentityState};

/// Whether an account is worth a look even if it equals what policy says.
pub(super) fn is_remarkable(scope: &Scope<'_>, account: &Account, now: Timestamp) -> bool {
    exemption(scope, account).is_some() || is_dormant(scope, account, now)
}

/// Every deviation of one case.
pub(super) fn case(scope: &Scope<'_>, evidence: Evidence, case: &Case) -> Vec<Deviation> {
    let link = case.by_id.first();
    let account = match (&case.account, link) {
        (Some(account), _) => account.clone(),
        (None, Some(link)) => from_record(link, case.present),
        (None, None) => return Vec::new(),
    };
    let mut out = Findings {
        scope,
        evidence,
        case,
        account: &account,
        list: Vec::new(),
    };
    out.classify();
    out.list
}

/// Why an account is not touched.
enum Exempt<'a> {
    Protected,
    Service(Option<&'a str>),
}

fn exemption<'a>(scope: &Scope<'a>, account: &Account) -> Option<Exempt<'a>> {
    let name = account.user_name.reveal();
    if scope.target.protects(name) {
        return Some(Exempt::Protected);
    }
    scope.target.service_account(name).map(Exempt::Service)
}

fn is_dormant(scope: &Scope<'_>, account: &Account, now: Timestamp) -> bool {
    let (Some(days), Some(last)) = (scope.target.dormant_days, account.last_sign_in) else {
        return false;
    };
    account.active && now.duration_since(last) >= SignedDuration::from_hours(i64::from(days) * 24)
}

pub(super) struct Findings<'a> {
    pub(super) scope: &'a Scope<'a>,
    pub(super) evidence: Evidence,
    pub(super) case: &'a Case,
    account: &'a Account,
    list: Vec<Deviation>,
}

/// What distinguishes one deviation of an account from another.
pub(super) struct Said {
    pub(super) class: Class,
    pub(super) severity: Severity,
    pub(super) situation: Situation,
    pub(super) detail: String,
    pub(super) proposed: &'static str,
    pub(super) repair: Option<Repair>,
}

impl<'a> Findings<'a> {
    fn classify(&mut self) {
        let case = self.case;
        if case.account.is_some()
            && let Some(exempt) = exemption(self.scope, self.account)
        {
            return match (&*case.by_id, &exempt) {
                ([link], Exempt::Protected) if is_owned(&link.record) => self.usurped(link),
                // Somebody was given it by a decision, and it ends with them.
                ([link], Exempt::Service(_)) if is_owned(&link.record) => self.linked(link, true),
                _ => self.exempt(&exempt),
            };
        }
        match (&*case.by_id, &*case.by_key) {
            ([link], _) if !case.present => self.missing(link),
            ([link], []) => self.linked(link, is_owned(&link.record)),
            ([], [link]) => self.keyed(link),
            ([link, ..], _) | ([], [link, ..]) => self.collision(link),
            ([], []) => self.unmatched(),
        }
    }

    fn exempt(&mut self, exempt: &Exempt<'_>) {
        let link = self.case.by_id.first().or(self.case.by_key.first());
        let situation = link.map_or(Situation::Unmatched, |_| Situation::Linked);
        let (class, severity, detail, proposed, owner) = match exempt {
            Exempt::Protected => (
                Class::O11,
                Severity::Info,
                "policy protects the account: it is never touched",
                "nothing",
                None,
            ),
            Exempt::Service(Some(owner)) => (
                Class::O11,
                Severity::Info,
                "a service account with an owner",
                "nothing",
                Some(*owner),
            ),
            Exempt::Service(None) => (
                Class::O10,
                Severity::Medium,
                "a service account that nobody answers for",
                "name its owner in the policy",
                None,
            ),
        };
        self.say(
            link,
            None,
            Said {
                class,
                severity,
                situation,
                detail: detail.to_owned(),
                proposed,
                repair: None,
            },
        );
        if let Some(said) = self.list.last_mut() {
            said.answers = owner.map(Into::into);
        }
    }

    /// A person's account, of ours, under a name that policy protects: nobody would end it.
    fn usurped(&mut self, link: &'a Link) {
        use IdentityState::{Archived, Ended};
        let over = matches!(link.owner.state, Ended | Archived) && self.account.active;
        let (class, severity, detail) = if over {
            (
                Class::O1,
                Severity::Critical,
                "can sign in although the last engagement is over, and is not blocked because policy \
                 protects its name",
            )
        } else {
            (
                Class::O5,
                Severity::High,
                "a person's account has a name that policy protects: nothing about it is changed, its \
                 end included",
            )
        };
        self.say(
            Some(link),
            None,
            Said {
                class,
                severity,
                situation: Situation::Collision,
                detail: detail.to_owned(),
                proposed: "rename the account, or take its name out of `protected`",
                repair: None,
            },
        );
    }

    fn missing(&mut self, link: &'a Link) {
        if !self.evidence.users {
            return;
        }
        // Nobody knows whether it is gone or only hidden.
        if self.scope.target.hides(&link.record) {
            return self.hidden(link);
        }
        let (situation, detail) = if link.record.id.is_some() {
            (Situation::Deleted, "the account on record is not there")
        } else if link.record.parked.is_some() {
            (
                Situation::Deleted,
                "no account: the target refused it, and it waits for a human",
            )
        } else {
            (Situation::Deleted, "no account was made yet")
        };
        self.say(
            Some(link),
            None,
            Said {
                class: Class::O7,
                severity: Severity::Medium,
                situation,
                detail: detail.to_owned(),
                proposed: "make the account",
                repair: Some(Repair::Create),
            },
        );
    }

    /// An account that we blocked, where blocked ones do not show.
    fn hidden(&mut self, link: &'a Link) {
        if link.projection.desired != Desired::Active {
            return;
        }
        self.say(
            Some(link),
            None,
            Said {
                class: Class::O8,
                severity: Severity::Low,
                situation: Situation::Linked,
                detail: "is blocked, or gone, although policy lets it sign in".to_owned(),
                proposed: "let it sign in",
                repair: is_owned(&link.record).then_some(Repair::Converge),
            },
        );
    }

    fn linked(&mut self, link: &'a Link, owned: bool) {
        // One that was dropped matched in everything but its memberships.
        if self.case.account.is_some() {
            self.sign_in(link, owned);
            self.attributes(link, owned);
        }
        self.memberships(link, owned);
        if is_dormant(self.scope, self.account, self.evidence.now)
            && self.list.iter().all(|said| said.class != Class::O1)
        {
            self.say(
                Some(link),
                None,
                Said {
                    class: Class::O9,
                    severity: Severity::Medium,
                    situation: Situation::Linked,
                    detail: "nobody has signed in for a long time".to_owned(),
                    proposed: "ask whether the account is still needed",
                    repair: None,
                },
            );
        }
    }

    fn sign_in(&mut self, link: &'a Link, owned: bool) {
        use IdentityState::{Active, Archived, Ended, Prehire, Suspended};
        let desired = link.projection.desired;
        if self.account.active == (desired == Desired::Active) && desired != Desired::Deleted {
            return;
        }
        let removal = match desired {
            Desired::Deleted => Repair::Delete,
            Desired::None | Desired::Disabled | Desired::Active => Repair::Disable,
        };
        let (class, severity, detail, proposed, repair) =
            match (self.account.active, link.owner.state) {
                (true, Ended | Archived) => (
                    Class::O1,
                    Severity::Critical,
                    "can sign in although the last engagement is over",
                    "block sign-in",
                    removal,
                ),
                (true, Suspended) => (
                    Class::O1,
                    Severity::High,
                    "can sign in although the person is on leave",
                    "block sign-in",
                    removal,
                ),
                (true, Prehire) => (
                    Class::O1,
                    Severity::High,
                    "can sign in before the first day",
                    "block sign-in",
                    removal,
                ),
                (true, Active) => (
                    Class::O8,
                    Severity::Medium,
                    "can sign in although policy wants no account here",
                    "block sign-in",
                    removal,
                ),
                (false, Active | Prehire | Suspended | Ended | Archived)
                    if desired == Desired::Deleted =>
                {
                    (
                        Class::O8,
                        Severity::Low,
                        "is still there although its retention is over",
                        "delete the account",
                        removal,
                    )
                }
                (false, Active | Prehire | Suspended | Ended | Archived) => (
                    Class::O8,
                    Severity::Low,
                    "cannot sign in although policy says so",
                    "let it sign in",
                    Repair::Converge,
                ),
            };
        let allowed = owned && (self.evidence.users || !repair.is_destructive());
        self.say(
            Some(link),
            None,
            Said {
                class,
                severity,
                situation: Situation::Linked,
                detail: detail.to_owned(),
                proposed,
                repair: allowed.then_some(repair),
            },
        );
    }

    fn attributes(&mut self, link: &'a Link, owned: bool) {
        let holds = matches!(link.projection.desired, Desired::Active | Desired::Disabled);
        if !holds {
            return;
        }
        let differing: Vec<&str> = link
            .projection
            .attrs
            .iter()
            .filter(|(path, _)| self.scope.spec.holds(path))
            .filter(|(path, mapped)| differs(path, mapped, slot_of(self.account, path).as_ref()))
            .map(|(path, _)| &**path)
            .collect();
        if differing.is_empty() {
            return;
        }
        self.say(
            Some(link),
            None,
            Said {
                class: Class::O8,
                severity: Severity::Low,
                situation: Situation::Linked,
                detail: format!("differs from policy: {}", differing.join(", ")),
                proposed: "write what policy says",
                repair: owned.then_some(Repair::Converge),
            },
        );
    }

    /// An account that carries an identity's key without being on record for it.
    fn keyed(&mut self, link: &'a Link) {
        if link.key_accounts > 1 || (link.record.id.is_some() && link.record_seen) {
            self.say(
                Some(link),
                None,
                Said {
                    class: Class::O5,
                    severity: Severity::High,
                    situation: Situation::Linked,
                    detail: "carries the key of an identity that has another account here"
                        .to_owned(),
                    proposed: "decide which account stays, and remove the other",
                    repair: None,
                },
            );
            return self.claimed([link]);
        }
        // Nobody but us writes that key, so that the account counts as ours. Where another one is
        // on record, only a complete listing tells that it is gone.
        let certain = link.record.id.is_none() || self.evidence.users;
        self.linked(link, certain);
        self.say(
            Some(link),
            None,
            Said {
                class: Class::O8,
                severity: Severity::Info,
                situation: Situation::Linked,
                detail: "carries our key and is not on record".to_owned(),
                proposed: "put it on record",
                repair: certain.then_some(Repair::Converge),
            },
        );
    }

    fn collision(&mut self, link: &'a Link) {
        self.say(
            Some(link),
            None,
            Said {
                class: Class::O5,
                severity: Severity::High,
                situation: Situation::Collision,
                detail: "two identities claim the account".to_owned(),
                proposed: "decide whose it is",
                repair: None,
            },
        );
        let case = self.case;
        self.claimed(case.by_id.iter().chain(&case.by_key));
    }

    /// Who claims the account that was spoken of last.
    fn claimed<'l>(&mut self, links: impl IntoIterator<Item = &'l Link>) {
        let claims: BTreeSet<IdentityId> = links
            .into_iter()
            .map(|link| link.owner.identity.clone())
            .collect();
        if let Some(said) = self.list.last_mut() {
            said.claims = claims.into_iter().collect();
        }
    }

    fn unmatched(&mut self) {
        let best = self
            .case
            .candidates
            .values()
            .map(Candidate::confidence)
            .max();
        let mut candidates = self
            .case
            .candidates
            .values()
            .filter(|candidate| Some(candidate.confidence()) == best);
        let (situation, candidate) = match (candidates.next(), candidates.next()) {
            (None, _) => (Situation::Unmatched, None),
            (Some(candidate), None) => (Situation::Unlinked, Some(candidate.clone())),
            (Some(_), Some(_)) => (Situation::Disputed, None),
        };
        let privileged = self
            .case
            .held
            .iter()
            .any(|entitlement| is_privileged(self.scope, entitlement));
        let (class, severity) = match (self.account.active, privileged, situation) {
            (true, true, _) => (Class::O2, Severity::Critical),
            (true, false, Situation::Unlinked | Situation::Disputed) => {
                (Class::O4, Severity::Medium)
            }
            (true, false, _) => (Class::O3, Severity::High),
            // An account that cannot sign in is no orphan; it is listed so that somebody tidies.
            (false, _, Situation::Unlinked | Situation::Disputed) => (Class::O4, Severity::Low),
            (false, _, _) => (Class::O3, Severity::Low),
        };
        let key = self
            .account
            .key
            .as_ref()
            .is_some_and(|key| !key.reveal().is_empty());
        let detail = match (situation, key) {
            (Situation::Disputed, _) => {
                "belongs to nobody on record, and several people match alike"
            }
            (Situation::Unlinked, _) => "belongs to nobody on record, and one person matches",
            (_, true) => "belongs to nobody on record; its key names nobody we know",
            (_, false) => "belongs to nobody on record, and nobody matches",
        };
        let proposed = if candidate.is_some() {
            "confirm the match or disable the account"
        } else {
            "find its owner or disable the account"
        };
        self.say(
            None,
            None,
            Said {
                class,
                severity,
                situation,
                detail: detail.to_owned(),
                proposed,
                repair: None,
            },
        );
        let mut candidates: Vec<Candidate> = self.case.candidates.values().cloned().collect();
        candidates.sort_by_key(|one| std::cmp::Reverse(one.confidence()));
        if let Some(said) = self.list.last_mut() {
            said.candidate = candidate;
            said.candidates = candidates;
        }
    }

    pub(super) fn say(
        &mut self,
        link: Option<&Link>,
        entitlement: Option<&EntitlementId>,
        said: Said,
    ) {
        self.list.push(Deviation {
            class: said.class,
            severity: said.severity,
            situation: said.situation,
            account: self.account.clone(),
            present: self.case.present,
            held: self.case.held.iter().cloned().collect(),
            privileged: self
                .case
                .held
                .iter()
                .any(|entitlement| is_privileged(self.scope, entitlement)),
            owner: link.map(|link| link.owner.clone()),
            entitlement: entitlement.cloned(),
            candidate: None,
            candidates: Vec::new(),
            claims: Vec::new(),
            answers: None,
            detail: said.detail.into(),
            proposed: said.proposed.into(),
            repair: said.repair,
        });
    }
}

pub(super) fn is_privileged(scope: &Scope<'_>, entitlement: &EntitlementId) -> bool {
    scope
        .policy
        .entitlements
        .get(entitlement)
        .is_some_and(|known| known.privileged)
}
