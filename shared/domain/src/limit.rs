//! Limits on what may be taken from people: they count effects, not causes. A target's meter
//! remembers every destructive change of a rolling window; what exceeds a limit is held until
//! somebody who has seen exactly that list says so.

mod line;
mod meter;

pub use line::{Beside, Class, Line, hold_back, is_ending, lines};
pub use meter::{
    Answered, Approval, Claim, Held, HeldLine, Hold, Meter, NoScope, Population, Scope, Verdict,
    Vote, Voted, list_hash,
};

use crate::policy::Limit;

/// The largest count that passes: up to the floor or the percentage of the population, whichever
/// is more, and never above the ceiling.
///
/// Of a small population the floor would be everybody, so that it is a quarter at most where the
/// population is known; one always passes. Where everybody may be concerned, only the ceiling
/// counts.
pub fn allowance(limit: Limit, population: Option<u64>) -> u64 {
    if limit.percent >= 100 {
        return u64::from(limit.ceiling);
    }
    let floor = u64::from(limit.floor);
    let most = population.map_or(floor, |population| {
        let share = u128::from(population) * u128::from(limit.percent) / 100;
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        floor.min((population / 4).max(1)).max(share)
    });
    most.min(u64::from(limit.ceiling))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trips_one_beyond_the_border() {
        let limit = Limit {
            floor: 5,
            percent: 5,
            ceiling: 50,
        };
        for (population, most) in [
            (0, 1),
            (4, 1),
            (10, 2),
            (19, 4),
            (20, 5),
            (119, 5),
            (120, 6),
            (999, 49),
            (100_000, 50),
        ] {
            assert_eq!(allowance(limit, Some(population)), most, "{population}");
            let is_over = |count: u64| count > allowance(limit, Some(population));
            assert!(!is_over(most), "{population}");
            assert!(is_over(most + 1), "{population}");
        }
        assert_eq!(allowance(limit, None), 5);
    }

    #[test]
    fn a_hundred_percent_leaves_the_ceiling() {
        let limit = Limit {
            floor: 5,
            percent: 100,
            ceiling: 50,
        };
        for population in [None, Some(0), Some(3), Some(1_000)] {
            assert_eq!(allowance(limit, population), 50);
        }
    }

    #[test]
    fn a_limit_of_nothing_lets_nothing_through() {
        let none = Limit {
            floor: 0,
            percent: 0,
            ceiling: 1,
        };
        assert_eq!(allowance(none, Some(1_000)), 0);
        assert_eq!(allowance(none, None), 0);
    }
}
