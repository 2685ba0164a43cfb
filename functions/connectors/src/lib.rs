//! The connectors' one loop, generic over a target: read what is wanted, look where needed,
//! converge, carry out, look back, record. The only place that writes to a target. It loads the
//! current state for every message and so never acts on an old one.
//!
//! A batch is worked through in steps that all its messages take together, so that memberships of
//! many people in one group go to the target in one request. Each message stays in flight until
//! its account is recorded: there is one writer per account, however many are written at once.

mod batch;
mod by_hand;
mod carry_out;
mod course;
mod each;
mod hand_over;
mod health;
mod last;
mod limits;
mod pace;
mod pool;
mod resolve;
mod settle;
mod stale;
mod verify;
mod work;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use contract::ConvergeRequest;
use domain::TargetId;
use domain::plan::Compiled;
use jiff::SignedDuration;
use ports::{Apply, Cases, Clock, Fault, Observe, Store};

use crate::batch::Asked;
pub use crate::course::{WORK_FOR, ends};
pub use crate::health::{FIRST_REST, LONGEST_REST, PAUSE};
pub use crate::work::Converged;

/// How long "not found" after our own create means "not yet", and any look may show what was before
/// our last change (replication in the target).
pub const NOT_YET: SignedDuration = SignedDuration::from_mins(5);

/// At this delivery of a message, a user name that the target calls taken and does not show to
/// anybody's look-up is a case for a human. Before, it may be our own account whose creation was
/// never answered and does not show yet: the waits until then add up to more than [`NOT_YET`].
///
/// A message is received [five times](ports::queue::MAX_RECEIVES), and is a dead letter then. So
/// whatever waits, for a turn, for the end of a pause, for an account to show, waits longer from
/// time to time, so that four waits are longer than what is waited for can last. Who still waits
/// at the last delivery is acknowledged unsettled, and the clock asks again with a new message. Dead
/// letters are what was attempted and failed.
pub const LAST_LOOK: u32 = 4;
/// The wait before each look but the first: 3 x 2 min = 6 min.
const LOOK_AGAIN: Duration = Duration::from_mins(2);

/// Most messages that are worked on together: as many memberships as the most generous of common
/// targets takes in one request (100, AWS IAM Identity Center).
pub const TOGETHER: usize = 100;

/// The connector function over targets of one kind.
pub struct Connector<S, T, C> {
    store: S,
    targets: BTreeMap<TargetId, T>,
    clock: C,
    policy: Arc<Compiled>,
    /// Who takes a place among those who work at once on a target.
    worker: Box<str>,
}

impl<S: Store + Cases, T: Observe + Apply, C: Clock> Connector<S, T, C> {
    /// A connector for these targets.
    pub fn new(store: S, targets: BTreeMap<TargetId, T>, clock: C, policy: Arc<Compiled>) -> Self {
        Self {
            store,
            targets,
            clock,
            policy,
            worker: "one".into(),
        }
    }

    /// Under a name of its own. Connectors that work at once on targets with a limit of workers
    /// need different ones.
    #[must_use]
    pub fn named(mut self, worker: impl Into<Box<str>>) -> Self {
        self.worker = worker.into();
        self
    }

    /// Brings one account to what is recorded as wanted. `receives` is how often the request was
    /// delivered, this time included.
    pub async fn converge(
        &self,
        request: &ConvergeRequest,
        receives: u32,
    ) -> Result<Converged, Fault> {
        let until = ends(self.clock.now());
        let asked = Asked {
            request: request.clone(),
            receives,
            trace: None,
            doubt: None,
        };
        let mut answers = self.together(vec![asked], false, until).await;
        answers
            .pop()
            .unwrap_or_else(|| Err(Fault::retry("the request was not worked on")))
    }
}
