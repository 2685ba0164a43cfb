//! Limits on destructive proposals: they count effects, not causes.

use crate::policy::Limit;

/// Whether a count is over a limit: above both the floor and the percentage of the population, or
/// above the ceiling.
pub fn is_over(limit: Limit, count: u64, population: u64) -> bool {
    let over_share = u128::from(count) * 100 > u128::from(population) * u128::from(limit.percent);
    (count > u64::from(limit.floor) && over_share) || count > u64::from(limit.ceiling)
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
        for (count, population, over) in [
            (5, 10, false),
            (6, 10, true),
            (6, 120, false),
            (7, 120, true),
            (50, 100_000, false),
            (51, 100_000, true),
            (0, 0, false),
        ] {
            assert_eq!(
                is_over(limit, count, population),
                over,
                "{count} of {population}"
            );
        }
    }
}
