//! The order of time-outs: what a function begins ends before the function does, and the function before its
//! messages are visible again. Otherwise a request could take effect after another worker took its
//! message.

use std::time::Duration;

use crate::environment::Wrong;

pub const FUNCTION: &str = "LANYARD_FUNCTION_TIMEOUT_S";
pub const VISIBILITY: &str = "LANYARD_VISIBILITY_TIMEOUT_S";

/// What a function has left after the longest that it begins, to record what came of it.
pub const BEFORE_FUNCTION: Duration = Duration::from_secs(3);

/// For how long messages stay hidden after the function was ended.
pub const BEFORE_VISIBLE: Duration = Duration::from_secs(5);

/// What is in the wrong order. `longest` is the longest that the function begins: one request, or the
/// time for which it begins some and the last of them.
pub fn wrong(longest: Duration, function: Duration, visibility: Option<Duration>) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let least = longest + BEFORE_FUNCTION;
    if function < least {
        wrong.push(Wrong {
            variable: FUNCTION,
            what: format!(
                "is {} s, and what it begins may take {} s",
                function.as_secs(),
                longest.as_secs()
            )
            .into(),
            fix: format!("give the function {} s at least", least.as_secs()).into(),
        });
    }
    let least = function + BEFORE_VISIBLE;
    if let Some(visibility) = visibility
        && visibility < least
    {
        wrong.push(Wrong {
            variable: VISIBILITY,
            what: format!(
                "is {} s, and the function may run for {} s",
                visibility.as_secs(),
                function.as_secs()
            )
            .into(),
            fix: format!(
                "hide messages for {} s at least, or for six times the function's time-out as AWS \
                 advises",
                least.as_secs()
            )
            .into(),
        });
    }
    wrong
}
