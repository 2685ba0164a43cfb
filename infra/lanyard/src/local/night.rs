//! When the nightly run is due.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

/// A time of day at which the nightly run begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nightly {
    /// When.
    pub time: Time,
    /// Where.
    pub zone: TimeZone,
}

/// Not a time of day.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a time of day such as 02:30")]
pub struct NotATime(String);

impl Nightly {
    /// From `HH:MM` and a zone.
    pub fn new(time: &str, zone: TimeZone) -> Result<Self, NotATime> {
        let wrong = || NotATime(time.to_owned());
        let (hour, minute) = time.split_once(':').ok_or_else(wrong)?;
        let hour = i8::from_str(hour).map_err(|_| wrong())?;
        let minute = i8::from_str(minute).map_err(|_| wrong())?;
        let time = Time::new(hour, minute, 0, 0).map_err(|_| wrong())?;
        Ok(Self { time, zone })
    }

    /// The first beginning after an instant, and the day it belongs to. On a day whose clock
    /// skips that time, it is the next time that exists; on a day that has it twice, the first.
    pub fn after(&self, now: Timestamp) -> Option<(Timestamp, Date)> {
        let today = now.to_zoned(self.zone.clone()).date();
        [0, 1, 2].into_iter().find_map(|ahead| {
            let day = today.checked_add(ahead.days()).ok()?;
            let begins = day
                .to_datetime(self.time)
                .to_zoned(self.zone.clone())
                .ok()?
                .timestamp();
            (begins > now).then_some((begins, day))
        })
    }

    /// The company's day at an instant.
    pub fn day(&self, now: Timestamp) -> Date {
        now.to_zoned(self.zone.clone()).date()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin(time: &str) -> Nightly {
        Nightly::new(time, TimeZone::get("Europe/Berlin").unwrap()).unwrap()
    }

    fn after(nightly: &Nightly, now: &str) -> String {
        let (at, day) = nightly.after(now.parse().unwrap()).unwrap();
        format!("{at} {day}")
    }

    #[test]
    fn it_is_today_or_tomorrow() {
        let nightly = berlin("02:30");
        assert_eq!(
            after(&nightly, "2026-01-10T01:29:59Z"),
            "2026-01-10T01:30:00Z 2026-01-10"
        );
        assert_eq!(
            after(&nightly, "2026-01-10T01:30:00Z"),
            "2026-01-11T01:30:00Z 2026-01-11"
        );
    }

    #[test]
    fn there_is_one_night_on_the_days_when_clocks_change() {
        let nightly = berlin("02:30");
        assert_eq!(
            after(&nightly, "2026-03-29T00:00:00Z"),
            "2026-03-29T01:30:00Z 2026-03-29"
        );
        assert_eq!(
            after(&nightly, "2026-10-25T00:00:00Z"),
            "2026-10-25T00:30:00Z 2026-10-25"
        );
        assert_eq!(
            after(&nightly, "2026-10-25T00:30:00Z"),
            "2026-10-26T01:30:00Z 2026-10-26"
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "24:00", "2", "02:60", "aa:bb", "-1:00"] {
            assert!(Nightly::new(text, TimeZone::UTC).is_err(), "{text}");
        }
    }
}
