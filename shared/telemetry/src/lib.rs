//! What the functions say about themselves: JSON log lines and metrics. It refuses to print what
//! nobody listed.
//!
//! Every line leaves through one [`Sink`], so that a test or the demo can read all of it:
//!
//! - **Logs**: `tracing` events of our own crates become one JSON line each. Only fields that are
//!   named in [`Field`] are printed; any other is counted in `withheld`. Events of foreign crates
//!   are printed from `WARN` up and without their text, because an HTTP client's error may quote
//!   a URL with an e-mail address in it.
//! - **Metrics**: [`emit`] writes one line in CloudWatch's embedded metric format, or adds to what is
//!   [`Gathered`] for the lines of an event. Names are the enum [`Metric`]; the only dimensions are
//!   service, source and target.
//!
//! What the types cannot prevent: a message that formats personal data into its text. Messages
//! are therefore constant text and values go into fields; values of personal data are
//! [`Pii`], whose `Debug` redacts; and the personal-data canary reads every line of the demo.

mod field;
mod gathered;
mod line;
mod metric;
mod sink;

pub use domain::Pii;
pub use field::Field;
pub use gathered::Gathered;
pub use metric::{Dimensions, Metric, emit};
pub use sink::{Lines, Sink};

use std::sync::OnceLock;

use jiff::Timestamp;
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::{DefaultGuard, NoSubscriber, set_default, set_global_default};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{Registry, layer::Layer as _};

/// Tells the time of a line; a function passes its `ports::Clock`.
pub type Now = Box<dyn Fn() -> Timestamp + Send + Sync>;

/// Where lines go and what is on them.
pub struct Telemetry {
    /// The function's name, on every line and as a dimension of every metric.
    pub service: &'static str,
    /// Our own events below this level are not printed. Metrics are always printed.
    pub level: LevelFilter,
    /// Where lines go.
    pub sink: Sink,
    /// The time on the lines.
    pub now: Now,
    /// Where metrics wait until they are [written](write_gathered); where there is none, each is a line at once.
    pub gathered: Option<Gathered>,
}

/// Writes what has been gathered, a line for each source or target. Whoever loses its process before then
/// loses the counts of the event that it was at, and nothing else.
pub fn write_gathered(gathered: &Gathered, service: &str, sink: &Sink, at: Timestamp) {
    for (by, metrics) in gathered.take() {
        sink.write(gathered::line(service, &by, &metrics, at).to_string());
    }
}

/// Somebody else set the process's subscriber before.
#[derive(Debug, thiserror::Error)]
#[error("telemetry was started twice in one process")]
pub struct AlreadyStarted(#[source] tracing::dispatcher::SetGlobalDefaultError);

impl Telemetry {
    /// Serves the whole process from now on, panics included: a panic's text may quote a person's
    /// data, so that only its place is told.
    pub fn start(self) -> Result<(), AlreadyStarted> {
        set_global_default(self.lines()).map_err(AlreadyStarted)?;
        std::panic::set_hook(Box::new(|panic| {
            let place = panic
                .location()
                .map_or_else(String::new, |at| format!("{}:{}", at.file(), at.line()));
            tracing::error!(reason = place, "panicked");
        }));
        Ok(())
    }

    /// Serves this thread until the guard is dropped, in place of the process's telemetry.
    #[must_use]
    pub fn start_here(self) -> DefaultGuard {
        set_default(self.subscriber())
    }

    /// The subscriber itself, for `tracing::Instrument` and `with_default`.
    ///
    /// While there is one subscriber in a process, `tracing` asks that of the thread which happens to come by
    /// an event first whether anybody wants it, and keeps the answer for all: a thread without one says no.
    /// A second one, which wants nothing, has it ask all of them.
    pub fn subscriber(self) -> impl tracing::Subscriber + Send + Sync {
        static SECOND: OnceLock<Dispatch> = OnceLock::new();
        SECOND.get_or_init(|| Dispatch::new(NoSubscriber::new()));
        self.lines()
    }

    fn lines(self) -> impl tracing::Subscriber + Send + Sync {
        let level = self.level;
        Registry::default().with(line::LineLayer::new(self).with_filter(line::Wanted(level)))
    }
}

#[cfg(test)]
mod tests;
