//! What the summary tells about the findings, gathered while they stream past. It grows with
//! the number of targets and of critical accounts, never with the number of rows.

use std::collections::{BTreeMap, BTreeSet};

use contract::report::{Class, FindingRow, Severity};
use domain::{Hash, TargetId};

/// Rows of one class that are kept for the summary; also the number that it shows of all classes
/// together.
pub(super) const SHOWN: usize = 200;

/// Critical rows that the summary shows on its first screen.
pub(super) const CRITICALS: usize = 100;

/// New rows that the summary lists.
pub(super) const NEW_ROWS: usize = 5;

/// The decision of a row whose repair was sent.
const QUEUED: &str = "queued";

/// Upper ends of the age groups, in days; the last group has none.
pub(super) const AGES: [u32; 6] = [0, 2, 6, 13, 29, 89];

/// Numbers and selected rows.
#[derive(Default)]
pub(super) struct Tally {
    total: u64,
    severities: BTreeMap<Severity, u64>,
    classes: BTreeMap<Class, BTreeMap<TargetId, u64>>,
    samples: BTreeMap<Class, Vec<FindingRow>>,
    ages: [Age; AGES.len() + 1],
    criticals: Vec<FindingRow>,
    fresh: Vec<FindingRow>,
    decisions: BTreeMap<Box<str>, u64>,
    urgent: BTreeSet<Hash>,
    repairing: BTreeSet<Hash>,
}

/// Findings of one age group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Age {
    pub(super) critical: u64,
    pub(super) other: u64,
}

impl Tally {
    pub(super) fn add(&mut self, row: &FindingRow) {
        self.total += 1;
        *self.severities.entry(row.severity).or_default() += 1;
        *self
            .classes
            .entry(row.class)
            .or_default()
            .entry(row.target.clone())
            .or_default() += 1;
        let samples = self.samples.entry(row.class).or_default();
        if samples.len() < SHOWN {
            samples.push(row.clone());
        }
        if row.runs_seen <= 1 && self.fresh.len() < NEW_ROWS {
            self.fresh.push(row.clone());
        }
        let critical = row.severity == Severity::Critical;
        let group = AGES.partition_point(|end| *end < row.age_days);
        if let Some(age) = self.ages.get_mut(group) {
            *if critical {
                &mut age.critical
            } else {
                &mut age.other
            } += 1;
        }
        *self.decisions.entry(row.decision.clone()).or_default() += 1;
        if critical {
            self.add_critical(row);
        }
    }

    fn add_critical(&mut self, row: &FindingRow) {
        let name = if row.account_id.is_empty() {
            &row.user_name
        } else {
            &row.account_id
        };
        let account = Hash::of_parts([row.target.as_str().as_bytes(), name.as_bytes()]);
        if &*row.decision == QUEUED {
            self.repairing.insert(account);
        } else {
            self.urgent.insert(account);
        }
        self.criticals.push(row.clone());
        if self.criticals.len() >= 2 * CRITICALS {
            self.criticals = pressing(&self.criticals);
        }
    }

    /// All findings.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn of_severity(&self, severity: Severity) -> u64 {
        self.severities.get(&severity).copied().unwrap_or(0)
    }

    /// Findings by class and target.
    pub(super) fn classes(&self) -> &BTreeMap<Class, BTreeMap<TargetId, u64>> {
        &self.classes
    }

    /// Findings by age group.
    pub(super) fn ages(&self) -> &[Age] {
        &self.ages
    }

    /// Critical findings, at most [`CRITICALS`]: those that wait for somebody first, the oldest
    /// first.
    pub(super) fn criticals(&self) -> Vec<FindingRow> {
        pressing(&self.criticals)
    }

    /// The first new findings in the order of a report.
    pub(super) fn fresh(&self) -> &[FindingRow] {
        &self.fresh
    }

    pub(super) fn of_decision(&self, decision: &str) -> u64 {
        self.decisions.get(decision).copied().unwrap_or(0)
    }

    /// Accounts with a critical finding that nobody deals with yet.
    pub(super) fn urgent(&self) -> u64 {
        self.urgent.len() as u64
    }

    /// Accounts whose every critical finding has a repair under way.
    pub(super) fn repairing(&self) -> u64 {
        self.repairing.difference(&self.urgent).count() as u64
    }

    /// The first rows of every class, so that all together are at most [`SHOWN`] and no class
    /// takes the room of a smaller one.
    pub(super) fn samples(&self) -> BTreeMap<Class, &[FindingRow]> {
        let mut left = SHOWN;
        let mut classes: Vec<(&Class, &Vec<FindingRow>)> = self.samples.iter().collect();
        classes.sort_by_key(|(class, rows)| (rows.len(), **class));
        let mut shown = BTreeMap::new();
        let waiting = classes.len();
        for (at, (class, rows)) in classes.into_iter().enumerate() {
            let share = left / (waiting - at);
            let take = rows.len().min(share);
            left -= take;
            shown.insert(*class, rows.get(..take).unwrap_or_default());
        }
        shown
    }
}

/// The most pressing of some rows that come in the order of a report; among equals that order
/// stays.
fn pressing(rows: &[FindingRow]) -> Vec<FindingRow> {
    let mut rows = rows.to_vec();
    rows.sort_by_key(|row| (&*row.decision == QUEUED, std::cmp::Reverse(row.age_days)));
    rows.truncate(CRITICALS);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn tally(rows: &[FindingRow]) -> Tally {
        let mut tally = Tally::default();
        for row in rows {
            tally.add(row);
        }
        tally
    }

    #[test]
    fn every_finding_is_counted_once_everywhere() {
        let tally = tally(&sample::rows(5_000));
        let by_class: u64 = tally.classes.values().flat_map(BTreeMap::values).sum();
        let by_age: u64 = tally.ages.iter().map(|age| age.critical + age.other).sum();
        assert_eq!(tally.total(), 5_000);
        assert_eq!(by_class, 5_000);
        assert_eq!(by_age, 5_000);
        assert_eq!(tally.severities.values().sum::<u64>(), 5_000);
    }

    #[test]
    fn ages_fall_into_the_group_that_ends_at_or_after_them() {
        let groups = |age_days| {
            let row = FindingRow {
                age_days,
                ..sample::row(2)
            };
            tally(&[row]).ages.map(|age| age.other)
        };
        assert_eq!(groups(0), [1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(groups(1), [0, 1, 0, 0, 0, 0, 0]);
        assert_eq!(groups(89), [0, 0, 0, 0, 0, 1, 0]);
        assert_eq!(groups(90), [0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn many_rows_of_one_class_leave_room_for_the_others() {
        let tally = tally(&sample::rows(5_000));
        let shown = tally.samples();
        assert_eq!(shown.len(), 11);
        assert_eq!(shown.values().map(|rows| rows.len()).sum::<usize>(), SHOWN);
        assert!(shown.values().all(|rows| rows.len() >= SHOWN / 11));
    }

    #[test]
    fn a_single_class_gets_all_the_room() {
        let rows: Vec<FindingRow> = (0..300).map(|n| sample::row(n * 11 + 2)).collect();
        assert_eq!(tally(&rows).samples()[&Class::O3].len(), SHOWN);
    }

    #[test]
    fn the_oldest_criticals_are_kept() {
        let rows: Vec<FindingRow> = (0..1_000)
            .map(|n| FindingRow {
                age_days: n,
                ..sample::row(n * 11)
            })
            .collect();
        let criticals = tally(&rows).criticals();
        assert_eq!(criticals.len(), CRITICALS);
        assert_eq!(criticals[0].age_days, 999);
        assert_eq!(criticals[99].age_days, 900);
    }

    #[test]
    fn criticals_under_repair_come_after_those_that_wait() {
        let row = |n: u32, decision: &str| FindingRow {
            age_days: n,
            decision: decision.into(),
            ..sample::row(n * 11)
        };
        let tally = tally(&[row(9, "queued"), row(1, "open"), row(2, "held")]);
        let ages: Vec<u32> = tally.criticals().iter().map(|row| row.age_days).collect();
        assert_eq!(ages, [2, 1, 9]);
    }

    #[test]
    fn an_account_with_two_critical_findings_is_one_account() {
        let first = sample::row(0);
        let second = FindingRow {
            class: Class::O2,
            finding: Hash::of(b"other"),
            decision: "queued".into(),
            ..first.clone()
        };
        let tally = tally(&[first, second]);
        assert_eq!((tally.urgent(), tally.repairing()), (1, 0));
    }
}
