//! Whether, and when, a request is sent again. Which answers pass by themselves is what AWS's SDKs
//! agree on: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::retry::ErrorKind;

/// Tokens of a service's budget. They are used up by what is sent again while a service is down, so
/// that a service that comes back does not meet three times its load.
const TOKENS: u32 = 500;

/// The first wait, before chance shortens it, after what may pass at once.
const SHORT: Duration = Duration::from_millis(50);

/// The first wait where the service has too much to do.
const LONG: Duration = Duration::from_secs(1);

/// How much longer than we would the service may have us wait.
const LONGER: Duration = Duration::from_secs(5);

/// Codes that say that there is too much at once.
const THROTTLING: &[&str] = &[
    "BandwidthLimitExceeded",
    "EC2ThrottledException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
];

/// Codes of what passes. S3 says the last one under a status of 200 as well.
const TRANSIENT: &[&str] = &["RequestTimeout", "RequestTimeoutException", "InternalError"];

/// Codes that a request may get because its time is wrong.
const SKEWED: &[&str] = &[
    "AccessDeniedException",
    "AuthFailure",
    "InvalidSignatureException",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
];

/// Statuses of what passes.
const STATUSES: &[u16] = &[500, 502, 503, 504];

/// Why a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There is too much at once.
    Throttled,
    /// A connection or an answer was lost, or the service failed.
    Lost,
    /// It was signed at the wrong time.
    Skewed,
}

impl Reason {
    /// Of an answer with that code; whether its clock is another one is found out elsewhere.
    pub fn of_answer(code: Option<&str>, status: u16) -> Option<Self> {
        let one_of = |codes: &[&str]| code.is_some_and(|code| codes.contains(&code));
        if one_of(THROTTLING) {
            Some(Self::Throttled)
        } else if one_of(TRANSIENT) || STATUSES.contains(&status) {
            Some(Self::Lost)
        } else {
            None
        }
    }

    /// Of an error of the connection.
    pub fn of_connection(error: &ConnectorError) -> Option<Self> {
        let passes = error.is_timeout()
            || error.is_io()
            || matches!(
                error.as_other(),
                Some(ErrorKind::TransientError | ErrorKind::ServerError)
            );
        passes.then_some(Self::Lost)
    }

    /// Tokens that sending it again takes.
    const fn cost(self) -> u32 {
        match self {
            Self::Throttled | Self::Skewed => 5,
            Self::Lost => 10,
        }
    }

    /// How long to wait after so many attempts: twice as long each time, some part of it by chance,
    /// and at least as long as the service asks for, within reason.
    pub fn wait(self, attempts: u32, asked: Option<Duration>, chance: f64) -> Duration {
        let first = match self {
            Self::Throttled => LONG,
            Self::Lost => SHORT,
            Self::Skewed => return Duration::ZERO,
        };
        let doubled = first.saturating_mul(1 << attempts.saturating_sub(1).min(16));
        let wait = doubled.mul_f64(chance.clamp(0.0, 1.0));
        asked.map_or(wait, |asked| asked.clamp(wait, wait + LONGER))
    }
}

/// Whether a code may mean that the clocks differ.
pub fn may_be_skewed(code: Option<&str>) -> bool {
    code.is_some_and(|code| SKEWED.contains(&code))
}

/// How long an answer asks to wait: `x-amz-retry-after` in milliseconds, else `Retry-After` in
/// seconds.
pub fn asked(answer: &HttpResponse) -> Option<Duration> {
    let number = |name| answer.headers().get(name)?.trim().parse::<u64>().ok();
    let exact = number("x-amz-retry-after").map(Duration::from_millis);
    exact.or_else(|| number("retry-after").map(Duration::from_secs))
}

/// What a service may still be asked again.
#[derive(Debug)]
pub struct Budget(AtomicU32);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicU32::new(TOKENS))
    }
}

impl Budget {
    /// Takes what it costs to try again; gives what was taken.
    pub fn take(&self, reason: Reason) -> Option<u32> {
        let cost = reason.cost();
        let taken = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(cost)
            });
        taken.is_ok().then_some(cost)
    }

    /// After a success: what its last attempt had taken comes back, or one token where it was the
    /// first.
    pub fn put_back(&self, taken: Option<u32>) {
        let back = taken.unwrap_or(1);
        // A budget that is full stays so.
        if self.0.load(Ordering::Relaxed) < TOKENS {
            let put = |left: u32| Some(left.saturating_add(back).min(TOKENS));
            self.0
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, put)
                .ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses_say_what_passes() {
        for code in THROTTLING {
            let reason = Reason::of_answer(Some(code), 400);
            assert_eq!(reason, Some(Reason::Throttled), "{code}");
        }
        // A code says more than a status.
        let throttled = Reason::of_answer(Some("SlowDown"), 503);
        assert_eq!(throttled, Some(Reason::Throttled));
        for (code, status) in [
            (Some("RequestTimeout"), 400),
            (Some("InternalError"), 200),
            (Some("Anything"), 500),
            (None, 502),
            (None, 503),
            (None, 504),
        ] {
            let reason = Reason::of_answer(code, status);
            assert_eq!(reason, Some(Reason::Lost), "{code:?} {status}");
        }
        for (code, status) in [
            (Some("ValidationException"), 400),
            (Some("RequestTimeTooSkewed"), 403),
            (None, 400),
            (None, 404),
            (None, 501),
        ] {
            assert_eq!(Reason::of_answer(code, status), None, "{code:?} {status}");
        }
    }

    #[test]
    fn waits_double_and_chance_shortens_them() {
        let ms = Duration::from_millis;
        for (reason, attempts, chance, want) in [
            (Reason::Lost, 1, 1.0, ms(50)),
            (Reason::Lost, 2, 1.0, ms(100)),
            (Reason::Lost, 2, 0.25, ms(25)),
            (Reason::Lost, 1, 0.0, ms(0)),
            (Reason::Throttled, 1, 1.0, ms(1_000)),
            (Reason::Throttled, 3, 0.5, ms(2_000)),
            (Reason::Skewed, 1, 1.0, ms(0)),
        ] {
            assert_eq!(reason.wait(attempts, None, chance), want);
        }
        // The service may have us wait for longer, but not for ever, and not for less.
        for (asked, want) in [(10, 50), (700, 700), (999_000, 5_050)] {
            let wait = Reason::Lost.wait(1, Some(ms(asked)), 1.0);
            assert_eq!(wait, ms(want), "{asked}");
        }
        assert!(Reason::Throttled.wait(u32::MAX, None, 1.0) > ms(1_000));
    }

    #[test]
    fn a_wait_that_is_no_number_is_not_asked_for() {
        let asks = |name: &'static str, value: &'static str| {
            let mut answer = HttpResponse::new(503.try_into().unwrap(), "".into());
            answer.headers_mut().insert(name, value);
            asked(&answer)
        };
        let half = Some(Duration::from_millis(500));
        assert_eq!(asks("x-amz-retry-after", "500"), half);
        assert_eq!(asks("retry-after", "2"), Some(Duration::from_secs(2)));
        assert_eq!(asks("retry-after", "Sun, 01 Mar 2026 12:00:00 GMT"), None);
        assert_eq!(asks("date", "2"), None);
    }
}
