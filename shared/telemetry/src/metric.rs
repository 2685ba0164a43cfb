//! Metrics by enum, as lines in CloudWatch's embedded metric format.

use domain::{SourceId, TargetId};

/// The `tracing` target by which the line layer tells a metric from a log event.
pub(crate) const METRIC: &str = "lanyard::metric";

macro_rules! metrics {
    ($($(#[$doc:meta])* $variant:ident ($unit:literal),)*) => {
        /// A metric's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric { $($(#[$doc])* $variant,)* }

        impl Metric {
            /// Every metric.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in CloudWatch.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }

            /// The unit in CloudWatch.
            pub const fn unit(self) -> &'static str {
                match self { $(Self::$variant => $unit,)* }
            }

            /// Whether it may wait for the end of the event: what comes with every message does. What an
            /// alarm waits for is written at once, and a time is a number on a line of its own, as the
            /// filters of alarms read it.
            pub(crate) const fn waits(self) -> bool {
                matches!(
                    self,
                    Self::WebhookAccepted
                        | Self::WebhookDuplicate
                        | Self::FactsAccepted
                        | Self::PlannerDecisions
                        | Self::PlannerUnchanged
                        | Self::ConnectorChanges
                        | Self::MessagesRetried
                )
            }

            pub(crate) fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|metric| metric.name() == name)
            }
        }
    };
}

metrics! {
    /// A post became durable.
    WebhookAccepted("Count"),
    /// A post that was durable already.
    WebhookDuplicate("Count"),
    /// The same event id with another body. Somebody should look.
    WebhookConflict("Count"),
    /// A post that did not prove itself. Many at once mean a lost secret, and lost events.
    WebhookUnauthorized("Count"),
    /// A post that proved itself and cannot be read.
    WebhookRejected("Count"),
    /// Store, queue or secrets failed; the sender comes again.
    WebhookUnavailable("Count"),
    /// Entries of a post that could not be read beside others that could.
    WebhookEntriesSkipped("Count"),
    /// A full feed that counts as complete.
    FeedAccepted("Count"),
    /// A full feed that proves nothing. Somebody should look.
    FeedIncomplete("Count"),
    /// Facts made durable.
    FactsAccepted("Count"),
    /// Decisions about identities.
    PlannerDecisions("Count"),
    /// Looks at an identity that found nothing to decide.
    PlannerUnchanged("Count"),
    /// Worker records that wait for HR or for a human.
    Parked("Count"),
    /// Changes written to a target.
    ConnectorChanges("Count"),
    /// Changes that a target will not have.
    ConnectorRejected("Count"),
    /// Writes whose answer was lost.
    ConnectorUnknown("Count"),
    /// Writes that were answered as done and are not seen in the target.
    NotVerified("Count"),
    /// Endings of access, from the fact's receipt, or the end of the last day, to the block of
    /// sign-in that was seen in a target.
    EndingLatency("Milliseconds"),
    /// A target that is no longer called.
    TargetQuarantined("Count"),
    /// Destructive changes that wait for an approval.
    Held("Count"),
    /// Limits that were reached: somebody has to look at what waits.
    HoldOpened("Count"),
    /// Identities woken by the clock.
    ClockWoken("Count"),
    /// Accounts observed.
    ReconcileObserved("Count"),
    /// Accounts that need a repair.
    ReconcileDrift("Count"),
    /// Orphan accounts.
    ReconcileOrphans("Count"),
    /// An observation without a certificate.
    ReconcileIncomplete("Count"),
    /// Nightly runs whose report is written. A step that comes twice says it twice.
    ReconcileFinished("Count"),
    /// A published policy that cannot be taken up; work goes on under another. Somebody should look.
    PolicyNotTaken("Count"),
    /// Messages that came back.
    MessagesRetried("Count"),
    /// A record whose handling panicked.
    Panicked("Count"),
}

/// What a metric is counted by, besides the service. Ids of people are not among it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dimensions<'a> {
    /// By source.
    pub source: Option<&'a SourceId>,
    /// By target.
    pub target: Option<&'a TargetId>,
}

impl Dimensions<'static> {
    /// By service only.
    pub const NONE: Self = Self {
        source: None,
        target: None,
    };
}

impl<'a> Dimensions<'a> {
    /// By source.
    pub const fn source(source: &'a SourceId) -> Self {
        Self {
            source: Some(source),
            target: None,
        }
    }

    /// By target.
    pub const fn target(target: &'a TargetId) -> Self {
        Self {
            source: None,
            target: Some(target),
        }
    }
}

/// One metric through the current telemetry; without telemetry it costs nothing and does nothing.
pub fn emit(metric: Metric, value: f64, dimensions: Dimensions<'_>) {
    tracing::event!(
        target: METRIC,
        tracing::Level::INFO,
        metric = metric.name(),
        value,
        source = dimensions.source.map(SourceId::as_str),
        target = dimensions.target.map(TargetId::as_str),
    );
}
