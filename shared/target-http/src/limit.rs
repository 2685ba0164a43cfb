//! The time that whoever calls has left: what a function asks a target for must not outlive the
//! function.

use std::time::Duration;

use tokio::time::Instant;

tokio::task_local! {
    static UNTIL: Instant;
}

/// Does work of which no request lasts longer than this from now on. One that is under way then is cut
/// off as by its own time-out; none is sent afterwards.
pub async fn within<F: Future>(time: Duration, work: F) -> F::Output {
    UNTIL.scope(Instant::now() + time, work).await
}

/// How long a request may take that could take so long; `None` where there is no time left.
pub(crate) fn left(timeout: Duration) -> Option<Duration> {
    let until = UNTIL.try_with(|until| *until);
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let left = left.map_or(timeout, |left| left.min(timeout));
    (!left.is_zero()).then_some(left)
}
