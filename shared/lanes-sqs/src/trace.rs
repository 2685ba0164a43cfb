//! The trace that messages are sent on behalf of.

use std::future::Future;

/// Most bytes of a header. X-Ray's have some 100.
const MOST: usize = 256;

tokio::task_local! {
    static TRACE: Option<Box<str>>;
}

/// Does the work; every message that it sends carries that `X-Amzn-Trace-Id` on, so that a person's
/// change can be followed from the post to the account. Something else than such a header is left
/// out: a message is worth more than its trace. What the work spawns as a task of its own sends
/// without.
pub async fn traced<F: Future>(header: Option<&str>, work: F) -> F::Output {
    let header = header.filter(|header| is_header(header)).map(Box::from);
    TRACE.scope(header, work).await
}

/// The trace of the work that runs.
pub fn current() -> Option<String> {
    TRACE
        .try_with(|header| header.as_deref().map(str::to_owned))
        .ok()
        .flatten()
}

fn is_header(header: &str) -> bool {
    header.len() <= MOST
        && header
            .split(';')
            .any(|part| part.trim_start().starts_with("Root=1-"))
        && header
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ')
}
