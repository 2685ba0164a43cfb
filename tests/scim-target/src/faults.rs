//! Misbehaviours of real service providers, switched on while the target runs. Each counts how often it made a
//! difference, so that a test can prove that its fault fired.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use crate::answers::{
    AddPresent, ConflictStyle, PatchAnswer, PatchForm, RemoveAbsent, RetryAfter,
};
use crate::store::scramble;
use crate::truth::Truth;

macro_rules! faults {
    ($($(#[$doc:meta])* $name:ident $({ $($(#[$field_doc:meta])* $field:ident: $ty:ty),* $(,)? })?,)*) => {
        /// One misbehaviour, with its parameters.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Fault {
            $($(#[$doc])* $name $({ $($(#[$field_doc])* $field: $ty),* })?,)*
        }

        /// Names a [`Fault`] without its parameters.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum FaultKind {
            $($(#[$doc])* $name,)*
        }

        impl Fault {
            /// Which misbehaviour this is.
            pub fn kind(&self) -> FaultKind {
                match self {
                    $(Fault::$name $({ $($field: _),* })? => FaultKind::$name,)*
                }
            }
        }

        impl FaultKind {
            /// Every misbehaviour that the target knows.
            pub const ALL: &'static [FaultKind] = &[$(FaultKind::$name),*];
        }
    };
}

faults! {
    // Create.
    /// POST is refused with 409 and nothing is stored.
    CreateConflict {
        /// Whether the 409 means "exists" or something else.
        style: ConflictStyle,
    },
    /// A user's `userName` is stored in lower case.
    LowercaseUserName,
    /// The first reads of a resource after its creation answer 404.
    ReadAfterCreate {
        /// How many reads, for each resource.
        misses: u32,
    },

    // Transport.
    /// The connection closes before the request has had any effect.
    DropBeforeCommit,
    /// A write takes effect, then the connection closes without an answer.
    DropAfterCommit,
    /// No answer, no effect, until the client gives up or the target stops.
    HangBeforeCommit,
    /// A write takes effect, then no answer comes.
    HangAfterCommit,
    /// Another status, with a SCIM error body, before any effect.
    Status {
        /// The HTTP status.
        code: u16,
    },
    /// Another status, whose `detail` quotes the whole request, before any effect.
    StatusQuoting {
        /// The HTTP status.
        code: u16,
    },
    /// A write takes effect, then the answer is an error.
    StatusAfterCommit {
        /// The HTTP status.
        code: u16,
    },
    /// 429.
    TooManyRequests {
        /// The form of the header.
        retry_after: RetryAfter,
    },
    /// 401 although the token is right.
    Unauthorized,
    /// 502 with an HTML page, as a gateway in front of the target would send.
    HtmlBadGateway,
    /// The connection closes after half of the body of an answer; a write has taken effect.
    CutBody,
    /// 429 with `Retry-After` once a rate of the dialect is exceeded. Time is the target's own: `set_time` moves it.
    EnforceRates,

    // Filters and lists.
    /// Filters are refused: 400 `invalidFilter`.
    FilterUnsupported,
    /// Filters are ignored: the list holds everything.
    FilterIgnored,
    /// Pages hold fewer resources than asked for.
    ShortPages {
        /// Resources in a page at most.
        max: usize,
    },
    /// Cursor paging: an empty page that has a next cursor comes before the first page with resources.
    EmptyPageWithCursor,
    /// 400 `expiredCursor` for a cursor that the target gave out.
    ExpiredCursor,
    /// The next cursor is the cursor that was sent.
    RepeatedCursor,
    /// Index paging: a page after the first has the resources of the page before it.
    RepeatedPage,
    /// One list holds everything, whatever was asked for.
    NoPaging,
    /// A page answers with an error; the others are well.
    PageError {
        /// The first page is 1.
        page: usize,
        /// The HTTP status, such as 503.
        status: u16,
    },
    /// 200 with no resources and `totalResults` 0.
    EmptyList,
    /// Lists end early; `totalResults` tells the truth.
    TruncatedList {
        /// Resources that are delivered over all pages.
        deliver: usize,
    },
    /// Lists of groups leave `members` out.
    ListWithoutMembers,
    /// Reads and lists answer from the state before the last write.
    StaleReads {
        /// How many, after each write.
        reads: u32,
    },

    // PATCH.
    /// What a successful PATCH answers.
    PatchAnswer {
        /// The answer.
        style: PatchAnswer,
    },
    /// PATCH understands one form of operation only; others are 400.
    PatchForm {
        /// The form that is understood.
        form: PatchForm,
    },
    /// `active` is accepted by PATCH and PUT, and not changed.
    IgnoreActive {
        /// The answer shows the value that was sent, not the one that is stored.
        echo: bool,
    },
    /// PATCH succeeds and changes nothing.
    IgnorePatch,
    /// Removing a member that is not in the group.
    RemoveAbsentMember {
        /// The answer.
        answer: RemoveAbsent,
    },
    /// Adding a member that is in the group.
    AddPresentMember {
        /// The answer.
        answer: AddPresent,
    },
    /// Removing some members removes all of them.
    RemoveClearsGroup,
    /// 400 for a PATCH that adds and removes more members than this.
    GroupChangeLimit {
        /// Members that one PATCH may name.
        max: usize,
    },
    /// 400 for a PATCH or PUT that changes an inactive user in anything but `active`.
    RefuseInactiveEdits,
    /// Another writer is faster: the resource changes just before a request with `If-Match`, which then answers 412.
    StaleEtag,

    // Life cycle.
    /// Inactive users are not listed and answer 404, but their `userName` stays taken.
    HideInactive,
    /// DELETE of a user answers 204 and sets `active` to false.
    SoftDelete,

    // Shape of answers.
    /// The `status` of an error body is a number.
    IntegerStatus,
    /// `schemas` is a string, not a list.
    SchemasAsString,
    /// An empty list has no `Resources`.
    ResourcesAbsent,
}

impl Fault {
    /// On, until it is removed.
    pub fn always(self) -> Rule {
        Rule {
            fault: self,
            method: None,
            path: None,
            query: None,
            no_query: None,
            skip: 0,
            left: None,
            chance: None,
        }
    }

    /// On for the next `n` requests that it would make a difference to.
    pub fn times(self, n: u64) -> Rule {
        self.always().times(n)
    }

    /// On for the next request that it would make a difference to.
    pub fn once(self) -> Rule {
        self.times(1)
    }
}

/// A fault and the requests that it is for. Conditions add up.
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    method: Option<String>,
    path: Option<String>,
    query: Option<String>,
    no_query: Option<String>,
    skip: u64,
    left: Option<u64>,
    chance: Option<Chance>,
}

#[derive(Debug, Clone, Copy)]
struct Chance {
    /// Fires when the next random number is below.
    below: u64,
    state: u64,
}

impl Rule {
    /// Only requests with this method, such as `PATCH`.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_ascii_uppercase());
        self
    }

    /// Only paths that start like this, below the base: `/Users`, `/Groups/<id>`.
    #[must_use]
    pub fn path(mut self, prefix: &str) -> Self {
        self.path = Some(prefix.to_owned());
        self
    }

    /// Only query strings that hold this, percent-encoded as clients send it: `filter=`, `startIndex=101`.
    #[must_use]
    pub fn query(mut self, part: &str) -> Self {
        self.query = Some(part.to_owned());
        self
    }

    /// Only query strings that do not hold this: `filter=` keeps a fault to whole lists.
    #[must_use]
    pub fn no_query(mut self, part: &str) -> Self {
        self.no_query = Some(part.to_owned());
        self
    }

    /// Lets the first `n` occasions pass.
    #[must_use]
    pub fn after(mut self, n: u64) -> Self {
        self.skip = n;
        self
    }

    /// Fires at most `n` times.
    #[must_use]
    pub fn times(mut self, n: u64) -> Self {
        self.left = Some(n);
        self
    }

    /// Fires on this many of 1,000 occasions; the same seed gives the same sequence.
    #[must_use]
    pub fn per_mille(mut self, rate: u16, seed: u64) -> Self {
        let below = (u64::MAX / 1000).saturating_mul(u64::from(rate.min(1000)));
        let below = if rate >= 1000 { u64::MAX } else { below };
        self.chance = Some(Chance {
            below,
            state: scramble(seed),
        });
        self
    }

    fn is_for(&self, kind: FaultKind, seen: Occasion<'_>) -> bool {
        let fits = |condition: &Option<String>, test: &dyn Fn(&str) -> bool| {
            condition.as_deref().is_none_or(test)
        };
        self.fault.kind() == kind
            && fits(&self.method, &|method| method == seen.method)
            && fits(&self.path, &|prefix| seen.path.starts_with(prefix))
            && fits(&self.query, &|part| seen.query.contains(part))
            && fits(&self.no_query, &|part| !seen.query.contains(part))
    }

    fn fires(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        if self.left == Some(0) {
            return false;
        }
        if let Some(chance) = &mut self.chance {
            chance.state = scramble(chance.state);
            if chance.state > chance.below || chance.below == 0 {
                return false;
            }
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        true
    }
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        fault.always()
    }
}

/// The request that a fault may be for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occasion<'a> {
    pub(crate) method: &'a str,
    /// Below the base.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
}

#[derive(Debug, Default)]
struct State {
    rules: Vec<Rule>,
    fired: BTreeMap<FaultKind, u64>,
}

#[derive(Debug, Default)]
struct Inner {
    armed: AtomicBool,
    state: Mutex<State>,
}

/// The switches of a running target. Clones switch the same target.
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<Inner>);

impl Faults {
    /// Switches a fault on: a [`Fault`] for every request, or a [`Rule`] that narrows it. Where several rules of one
    /// kind fit a request, the oldest that fires wins.
    pub fn add(&self, rule: impl Into<Rule>) {
        self.state().rules.push(rule.into());
        self.0.armed.store(true, Ordering::Release);
    }

    /// Switches one kind off. Its count stays.
    pub fn remove(&self, kind: FaultKind) {
        self.state().rules.retain(|rule| rule.fault.kind() != kind);
    }

    /// Switches everything off. Counts stay.
    pub fn clear(&self) {
        self.state().rules.clear();
        self.0.armed.store(false, Ordering::Release);
    }

    /// How often the fault has made a difference.
    pub fn fired(&self, kind: FaultKind) -> u64 {
        self.state().fired.get(&kind).copied().unwrap_or(0)
    }

    /// The counts of all that fired.
    pub fn all_fired(&self) -> BTreeMap<FaultKind, u64> {
        self.state().fired.clone()
    }

    /// Sets every count to 0.
    pub fn reset_fired(&self) {
        self.state().fired.clear();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fault, when a rule of its kind fires now.
    fn fire(
        &self,
        kind: FaultKind,
        seen: Occasion<'_>,
        matters: &dyn Fn(&Fault) -> bool,
    ) -> Option<Fault> {
        if !self.0.armed.load(Ordering::Acquire) {
            return None;
        }
        let mut state = self.state();
        let state = &mut *state;
        let rule = state
            .rules
            .iter_mut()
            .filter(|rule| rule.is_for(kind, seen) && matters(&rule.fault))
            .find_map(|rule| rule.fires().then_some(rule))?;
        *state.fired.entry(kind).or_default() += 1;
        Some(rule.fault.clone())
    }
}

/// What the target does about one request: its dialect, and the faults on top.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quirks<'a> {
    pub(crate) faults: &'a Faults,
    pub(crate) truth: &'a Truth,
    pub(crate) seen: Occasion<'a>,
}

impl Quirks<'_> {
    pub(crate) fn fire(&self, kind: FaultKind) -> Option<Fault> {
        self.fire_if(kind, &|_| true)
    }

    /// Only where the parameters make it matter to this request.
    pub(crate) fn fire_if(
        &self,
        kind: FaultKind,
        matters: &dyn Fn(&Fault) -> bool,
    ) -> Option<Fault> {
        self.faults.fire(kind, self.seen, matters)
    }

    /// Whether it is worth finding out if the fault matters.
    pub(crate) fn armed(&self, kind: FaultKind) -> bool {
        let inner = &self.faults.0;
        inner.armed.load(Ordering::Acquire)
            && self
                .faults
                .state()
                .rules
                .iter()
                .any(|rule| rule.is_for(kind, self.seen))
    }

    /// Whether any request could meet the fault.
    pub(crate) fn set(&self, kind: FaultKind) -> bool {
        self.faults.0.armed.load(Ordering::Acquire)
            && self
                .faults
                .state()
                .rules
                .iter()
                .any(|rule| rule.fault.kind() == kind)
    }

    pub(crate) fn has(&self, kind: FaultKind) -> bool {
        self.fire(kind).is_some()
    }
}
