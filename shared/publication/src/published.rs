//! Following the pointer: what works under the active version, and under the versions whose
//! decisions are still carried out.

use std::fmt;
use std::sync::Arc;

use domain::Hash;
use domain::plan::Compiled;
use futures::lock::Mutex;
use jiff::{SignedDuration, Timestamp};
use ports::{Clock, Fault, Objects};
use telemetry::{Dimensions, Metric};

use crate::edition::{Editions, Versioned};
use crate::versions::{self, PublicationError};

/// The pointer is looked at no more often than this.
pub const LOOK_EVERY: SignedDuration = SignedDuration::from_secs(30);

/// How many versions are kept beside the current one.
pub const KEPT: usize = 4;

/// How many earlier versions are tried at a start whose active version is damaged.
pub(crate) const TRIED: usize = 3;

/// What works under one version of policy.
pub struct Edition<E> {
    /// The policy.
    pub policy: Arc<Compiled>,
    /// What works under it.
    pub parts: E,
}

impl<E> Versioned for Edition<E> {
    fn version(&self) -> Hash {
        self.policy.policy.version
    }
}

/// Follows the pointer. A version that cannot be taken whole is not taken: work goes on under the
/// one before, which a log line and [`Metric::PolicyNotTaken`] say at every look.
pub struct Published<B, C, E, W> {
    objects: B,
    clock: C,
    wire: W,
    state: Mutex<State<E>>,
}

struct State<E> {
    editions: Editions<Edition<E>>,
    looked_at: Timestamp,
}

impl<B, C, E, W> fmt::Debug for Published<B, C, E, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Published")
    }
}

impl<B, C, E, W> Published<B, C, E, W>
where
    B: Objects,
    C: Clock,
    W: Fn(&Arc<Compiled>) -> Result<E, Fault>,
{
    /// Takes up the active version. Where that is damaged, the latest earlier one that is whole,
    /// as those do that were at work before it was published. `wire` makes what works under a version.
    pub async fn open(objects: B, clock: C, wire: W) -> Result<Self, PublicationError> {
        let looked_at = clock.now();
        let Some((active, _)) = versions::active(&objects).await? else {
            return Err(PublicationError::Nothing);
        };
        let edition = match take(&objects, &wire, active.version).await {
            Ok(edition) => edition,
            Err(PublicationError::Objects(fault)) => return Err(fault.into()),
            Err(error) => {
                not_taken(&active.version.short(), &error);
                let before = active.before.iter().map(|earlier| earlier.version);
                let before = before.filter(|version| *version != active.version);
                first_whole(&objects, &wire, before).await.ok_or(error)?
            }
        };
        let state = State {
            editions: Editions::new(Arc::new(edition)),
            looked_at,
        };
        Ok(Self {
            objects,
            clock,
            wire,
            state: Mutex::new(state),
        })
    }

    /// What new work begins under. Whoever begins takes it along, so that what was begun under one
    /// version ends under it.
    pub async fn current(&self) -> Arc<Edition<E>> {
        let mut state = self.state.lock().await;
        let now = self.clock.now();
        if now.duration_since(state.looked_at) >= LOOK_EVERY {
            state.looked_at = now;
            self.look(&mut state.editions).await;
        }
        Arc::clone(&state.editions.current)
    }

    /// What carries out decisions of a version: that version, or the current one where it is gone
    /// or damaged. [`Fault::Retry`] where the objects cannot be read at the moment.
    pub async fn of(&self, version: Hash) -> Result<Arc<Edition<E>>, Fault> {
        let mut state = self.state.lock().await;
        let editions = &mut state.editions;
        if let Some(edition) = editions.get(version) {
            return Ok(Arc::clone(edition));
        }
        match take(&self.objects, &self.wire, version).await {
            Ok(edition) => {
                let edition = Arc::new(edition);
                editions.keep(Arc::clone(&edition));
                editions.keep_last(KEPT);
                Ok(edition)
            }
            Err(PublicationError::Objects(fault)) => Err(fault),
            Err(error) => {
                tracing::warn!(
                    policy = %version.short(),
                    error = &error as &(dyn std::error::Error + 'static),
                    "decisions of another policy are carried out under the current one"
                );
                Ok(Arc::clone(&editions.current))
            }
        }
    }

    async fn look(&self, editions: &mut Editions<Edition<E>>) {
        let active = match versions::active(&self.objects).await {
            Ok(Some((active, _))) => active.version,
            Ok(None) => return not_taken("none", &PublicationError::Nothing),
            Err(error) => return not_taken("unknown", &error),
        };
        if active == editions.current.version() {
            return;
        }
        let next = match editions.get(active) {
            Some(edition) => Arc::clone(edition),
            None => match take(&self.objects, &self.wire, active).await {
                Ok(edition) => Arc::new(edition),
                Err(error) => return not_taken(&active.short(), &error),
            },
        };
        editions.switch(next);
        editions.keep_last(KEPT);
        tracing::info!(policy = %active.short(), "work begins under another policy");
    }
}

/// A version, whole.
async fn take<B: Objects, E>(
    objects: &B,
    wire: &impl Fn(&Arc<Compiled>) -> Result<E, Fault>,
    version: Hash,
) -> Result<Edition<E>, PublicationError> {
    let loaded = versions::load(objects, version).await?;
    let policy = Arc::new(Compiled::new(loaded.policy));
    let parts =
        wire(&policy).map_err(|fault| PublicationError::Unusable(version.short(), fault))?;
    Ok(Edition { policy, parts })
}

async fn first_whole<B: Objects, E>(
    objects: &B,
    wire: &impl Fn(&Arc<Compiled>) -> Result<E, Fault>,
    versions: impl Iterator<Item = Hash>,
) -> Option<Edition<E>> {
    for version in versions.take(TRIED) {
        match take(objects, wire, version).await {
            Ok(edition) => {
                tracing::warn!(policy = %version.short(), "work begins under an earlier policy");
                return Some(edition);
            }
            Err(error) => not_taken(&version.short(), &error),
        }
    }
    None
}

fn not_taken(version: &str, error: &PublicationError) {
    tracing::error!(
        policy = version,
        error = error as &(dyn std::error::Error + 'static),
        "the published policy cannot be taken up; work goes on under another one"
    );
    telemetry::emit(Metric::PolicyNotTaken, 1.0, Dimensions::NONE);
}
