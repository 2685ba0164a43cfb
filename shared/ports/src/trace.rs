//! The trace that work belongs to: AWS X-Ray's header, as it comes with an event or a message and
//! goes on with every message that is sent meanwhile.
//!
//! It says which lines and messages belong together and steers nothing. What a sender outside may
//! have put into the header besides is dropped.

use std::cell::RefCell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tracing::Instrument as _;
use tracing::instrument::Instrumented;

/// Longest value in a header: a root has 35 characters.
const LONGEST: usize = 40;

thread_local! {
    static CURRENT: RefCell<Option<Trace>> = const { RefCell::new(None) };
}

/// A trace's header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    header: Arc<str>,
    /// Where the root's value ends in the header.
    root: usize,
}

impl Trace {
    /// Reads `Root=…;Parent=…;Sampled=…`. `None` where there is no root.
    pub fn parse(header: &str) -> Option<Self> {
        let value = |name: &str| {
            let mut parts = header
                .split(';')
                .filter_map(|part| part.trim().split_once('='));
            let (_, value) = parts.find(|(key, _)| *key == name)?;
            let plain = |byte: u8| byte.is_ascii_hexdigit() || byte == b'-';
            let fits = (1..=LONGEST).contains(&value.len()) && value.bytes().all(plain);
            fits.then_some(value)
        };
        let root = value("Root")?;
        let mut header = format!("Root={root}");
        let root = header.len();
        for name in ["Parent", "Sampled"] {
            if let Some(value) = value(name) {
                header.extend([";", name, "=", value]);
            }
        }
        Some(Self {
            header: header.into(),
            root,
        })
    }

    /// For the next message.
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The part that all of a trace have in common.
    pub fn root(&self) -> &str {
        let root = self.header.get(..self.root).unwrap_or_default();
        root.strip_prefix("Root=").unwrap_or_default()
    }
}

impl fmt::Display for Trace {
    /// The root, for a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root())
    }
}

/// The trace of the work that is being done, if it has one.
pub fn current() -> Option<Trace> {
    CURRENT.with_borrow(Clone::clone)
}

/// Does something as part of a trace; without one, as part of the trace around it.
pub fn under<T>(trace: Option<&Trace>, act: impl FnOnce() -> T) -> T {
    let Some(trace) = trace else {
        return act();
    };
    let _entered = Entered::new(trace);
    tracing::info_span!("trace", %trace).in_scope(act)
}

/// Works as part of a trace; without one, as part of the trace around it.
pub fn within<F: Future>(trace: Option<Trace>, work: F) -> Within<F> {
    let span = trace.as_ref().map_or_else(
        tracing::Span::none,
        |trace| tracing::info_span!("trace", %trace),
    );
    Within {
        trace,
        work: Box::pin(work.instrument(span)),
    }
}

/// Work as part of a trace. On the heap, so that what waits for it stays small.
#[derive(Debug)]
pub struct Within<F> {
    trace: Option<Trace>,
    work: Pin<Box<Instrumented<F>>>,
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let _entered = this.trace.as_ref().map(Entered::new);
        this.work.as_mut().poll(context)
    }
}

/// Sets the trace of this thread, and the one before again when it is dropped, by a panic too.
struct Entered(Option<Trace>);

impl Entered {
    fn new(trace: &Trace) -> Self {
        Self(CURRENT.replace(Some(trace.clone())))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use futures::FutureExt as _;

    use super::*;

    const HEADER: &str =
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1";

    fn trace(root: &str) -> Trace {
        Trace::parse(&format!("Root={root}")).unwrap()
    }

    #[test]
    fn a_header_is_carried_as_it_came() {
        let trace = Trace::parse(HEADER).unwrap();
        assert_eq!(trace.header(), HEADER);
        assert_eq!(trace.to_string(), "1-5759e988-bd862e3fe1be46a994272793");
    }

    #[test]
    fn what_a_sender_added_is_dropped() {
        let header =
            format!("Self=1-67891234-12456789abcdef012345678;{HEADER};Name=Ana;Sampled=ana");
        assert_eq!(Trace::parse(&header).unwrap().header(), HEADER);
        let long = format!("Root={}", "a".repeat(LONGEST + 1));
        for none in [
            "",
            "Root=",
            "Root=ana@example.com",
            "Sampled=1",
            "Root",
            long.as_str(),
        ] {
            assert_eq!(Trace::parse(none), None, "{none}");
        }
    }

    #[test]
    fn work_has_the_trace_that_is_closest() {
        assert_eq!(current(), None);
        let inner = async {
            let seen = current();
            // Waits once, so that somebody else may work meanwhile.
            let mut waited = false;
            poll_fn(|context| {
                context.waker().wake_by_ref();
                if std::mem::replace(&mut waited, true) {
                    return Poll::Ready(());
                }
                Poll::Pending
            })
            .await;
            (seen, current())
        };
        let mut outer = within(Some(trace("1")), async {
            assert_eq!(under(Some(&trace("3")), current), Some(trace("3")));
            assert_eq!(under(None, current), Some(trace("1")));
            let seen = within(Some(trace("2")), inner).await;
            (seen, within(None, async { current() }).await)
        });
        assert_eq!((&mut outer).now_or_never(), None, "it waits");
        assert_eq!(current(), None, "and leaves nothing behind");
        let two = Some(trace("2"));
        let seen = outer.now_or_never();
        assert_eq!(seen, Some(((two.clone(), two), Some(trace("1")))));
    }

    #[test]
    fn a_panic_leaves_no_trace_behind() {
        let panics = within(Some(trace("1")), async { panic!("planted") });
        let caught = std::panic::AssertUnwindSafe(panics).catch_unwind();
        assert!(matches!(caught.now_or_never(), Some(Err(_))));
        assert_eq!(current(), None);
    }
}
