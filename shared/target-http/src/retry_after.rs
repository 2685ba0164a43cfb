//! The `Retry-After` header.

use std::time::Duration;

use jiff::Timestamp;

/// The longest wait that is believed: twelve hours, the longest a queue can hide a message.
const LONGEST: Duration = Duration::from_hours(12);

/// How long to wait: seconds, or an HTTP date relative to `now` (RFC 9110 section 10.2.3). A date
/// in the past is no wait; what cannot be read is `None`; nothing exceeds twelve hours.
pub fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a u64 holds is more than the longest wait, too.
        let seconds = value.parse().unwrap_or(u64::MAX);
        return Some(Duration::from_secs(seconds).min(LONGEST));
    }
    let at = jiff::fmt::rfc2822::parse(value).ok()?.timestamp();
    let wait = Duration::try_from(at.duration_since(now)).unwrap_or(Duration::ZERO);
    Some(wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn reads_seconds() {
        let now = at("2026-03-01T00:00:00Z");
        assert_eq!(retry_after("120", now), Some(Duration::from_mins(2)));
        assert_eq!(retry_after(" 0 ", now), Some(Duration::ZERO));
    }

    #[test]
    fn reads_http_dates_relative_to_now() {
        let now = at("2026-03-01T00:00:00Z");
        let date = "Sun, 01 Mar 2026 00:01:30 GMT";
        assert_eq!(retry_after(date, now), Some(Duration::from_secs(90)));
        assert_eq!(
            retry_after(date, at("2026-03-01T00:05:00Z")),
            Some(Duration::ZERO)
        );
    }

    #[test]
    fn does_not_believe_more_than_twelve_hours() {
        let now = at("2026-03-01T00:00:00Z");
        for value in [
            "99999999",
            "99999999999999999999999999",
            "Mon, 01 Mar 2027 00:00:00 GMT",
        ] {
            assert_eq!(retry_after(value, now), Some(LONGEST), "{value}");
        }
    }

    #[test]
    fn does_not_guess_at_nonsense() {
        let now = at("2026-03-01T00:00:00Z");
        for value in ["", "soon", "-5", "1.5", "Sun, 99 Mar 2026 00:00:00 GMT"] {
            assert_eq!(retry_after(value, now), None, "{value}");
        }
    }
}
