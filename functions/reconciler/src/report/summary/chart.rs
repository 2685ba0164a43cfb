//! Geometry of the summary's charts. The template draws what these say; every chart also says
//! itself in words, for those who do not see it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use contract::report::{Class, RunSummary};
use domain::TargetId;

use super::text::shown;
use crate::report::tally::{AGES, Age, Tally};
use crate::report::words::{self, counted, number, short_date};

/// Width of every chart, in the units of its view box.
const WIDTH: u64 = 540;

/// Targets with a colour of their own; the rest share one.
const TONES: usize = 6;

/// Runs that the trend shows, this one included.
const RUNS: usize = 30;

/// Horizontal bars: findings by class, split by target.
pub(super) struct Bars {
    pub(super) height: u64,
    pub(super) rows: Vec<Bar>,
    pub(super) legend: Vec<Legend>,
    pub(super) words: String,
}

/// One class.
pub(super) struct Bar {
    pub(super) top: u64,
    pub(super) middle: u64,
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) segments: Vec<Segment>,
    pub(super) end: u64,
    pub(super) total: String,
}

/// The part of one target.
pub(super) struct Segment {
    pub(super) left: u64,
    pub(super) width: u64,
    pub(super) tone: usize,
    pub(super) words: String,
}

/// What a colour means.
pub(super) struct Legend {
    pub(super) tone: usize,
    pub(super) name: String,
}

impl Bars {
    /// Left edge of the bars; the names are before it.
    pub(super) const LEFT: u64 = 220;
    /// Height of a bar.
    pub(super) const THICK: u64 = 18;
    const ROW: u64 = 36;
    /// Room for a total after the longest bar.
    const TOTAL: u64 = 66;

    pub(super) fn new(tally: &Tally) -> Self {
        let tones = tones(tally);
        let largest = tally
            .classes()
            .values()
            .map(|targets| targets.values().sum::<u64>())
            .max()
            .unwrap_or(0);
        let mut rows = Vec::new();
        let mut sentences = Vec::new();
        for (at, (class, targets)) in (0..).zip(tally.classes()) {
            let name = words::class(*class).name;
            let by_tone = by_tone(targets, &tones);
            let mut left = Self::LEFT;
            let mut parts = Vec::new();
            let mut segments = Vec::new();
            for (tone, count) in by_tone {
                let width = scaled(count, largest, WIDTH - Self::LEFT - Self::TOTAL).max(2);
                let words = format!("{} {}", tone_name(&tones, tone), number(count));
                segments.push(Segment {
                    left,
                    width,
                    tone,
                    words: format!("{class} {name}: {words}"),
                });
                parts.push(words);
                left += width + 1;
            }
            let total = number(targets.values().sum());
            sentences.push(format!("{class} {name}: {total} ({})", parts.join(", ")));
            let top = 4 + at * Self::ROW;
            rows.push(Bar {
                top,
                middle: top + Self::THICK / 2 + 5,
                code: class.as_str(),
                name,
                segments,
                end: left + 7,
                total,
            });
        }
        let used: BTreeSet<usize> = rows
            .iter()
            .flat_map(|bar| bar.segments.iter().map(|segment| segment.tone))
            .collect();
        Self {
            height: 4 + rows.len() as u64 * Self::ROW,
            rows,
            legend: used
                .into_iter()
                .map(|tone| Legend {
                    tone,
                    name: tone_name(&tones, tone).into_owned(),
                })
                .collect(),
            words: sentences.join(". "),
        }
    }
}

/// The targets with the most findings, by name; each gets the colour of its place.
fn tones(tally: &Tally) -> Vec<TargetId> {
    let mut totals: BTreeMap<&TargetId, u64> = BTreeMap::new();
    for (target, count) in tally.classes().values().flatten() {
        *totals.entry(target).or_default() += count;
    }
    let mut ranked: Vec<(&TargetId, u64)> = totals.into_iter().collect();
    ranked.sort_by_key(|(target, count)| (std::cmp::Reverse(*count), *target));
    let keep = if ranked.len() > TONES {
        TONES - 1
    } else {
        TONES
    };
    let mut names: Vec<TargetId> = ranked
        .into_iter()
        .take(keep)
        .map(|(target, _)| target.clone())
        .collect();
    names.sort();
    names
}

fn by_tone(targets: &BTreeMap<TargetId, u64>, tones: &[TargetId]) -> BTreeMap<usize, u64> {
    let mut counts = BTreeMap::new();
    for (target, count) in targets {
        let tone = tones.binary_search(target).unwrap_or(TONES - 1);
        *counts.entry(tone).or_default() += count;
    }
    counts
}

fn tone_name(tones: &[TargetId], tone: usize) -> Cow<'_, str> {
    tones
        .get(tone)
        .map_or("other targets".into(), |target| shown(target.as_str()))
}

/// Lines: open findings over the last runs.
pub(super) struct Trend {
    pub(super) points: Vec<Point>,
    /// `x,y` pairs.
    pub(super) all_line: String,
    pub(super) critical_line: String,
    pub(super) ticks: Vec<Tick>,
    pub(super) days: Vec<Day>,
    pub(super) words: String,
}

/// One run.
pub(super) struct Point {
    pub(super) x: u64,
    pub(super) all: u64,
    pub(super) critical: u64,
    pub(super) complete: bool,
    pub(super) words: String,
}

/// A horizontal line with its number.
pub(super) struct Tick {
    pub(super) y: u64,
    pub(super) label: String,
}

/// A day under the line.
pub(super) struct Day {
    pub(super) x: u64,
    pub(super) label: String,
    pub(super) anchor: &'static str,
}

impl Trend {
    pub(super) const LEFT: u64 = 52;
    pub(super) const RIGHT: u64 = WIDTH - 14;
    pub(super) const TOP: u64 = 12;
    pub(super) const BOTTOM: u64 = 162;

    pub(super) fn new(history: &[RunSummary], now: &RunSummary) -> Self {
        let earlier = history.get(history.len().saturating_sub(RUNS - 1)..);
        let runs: Vec<&RunSummary> = earlier
            .unwrap_or_default()
            .iter()
            .chain(std::iter::once(now))
            .collect();
        let counts: Vec<(u64, u64)> = runs.iter().map(|run| open(run)).collect();
        let top = nice(counts.iter().map(|(all, _)| *all).max().unwrap_or(0));
        let y = |count| Self::BOTTOM - scaled(count, top, Self::BOTTOM - Self::TOP);
        let last = runs.len().saturating_sub(1) as u64;
        let points: Vec<Point> = (0..)
            .zip(runs.iter().zip(&counts))
            .map(|(at, (run, (all, critical)))| Point {
                x: Self::LEFT + 8 + scaled(at, last, Self::RIGHT - Self::LEFT - 16),
                all: y(*all),
                critical: y(*critical),
                complete: complete(run),
                words: format!(
                    "{}: {} open, {} of class O1 or O2{}",
                    run.date,
                    number(*all),
                    number(*critical),
                    if complete(run) {
                        ""
                    } else {
                        "; run incomplete"
                    }
                ),
            })
            .collect();
        Self {
            all_line: line(points.iter().map(|point| (point.x, point.all))),
            critical_line: line(points.iter().map(|point| (point.x, point.critical))),
            ticks: [0, top / 2, top]
                .into_iter()
                .collect::<BTreeSet<u64>>()
                .into_iter()
                .map(|count| Tick {
                    y: y(count),
                    label: number(count),
                })
                .collect(),
            days: days(&runs, &points),
            words: points
                .iter()
                .map(|point| point.words.as_str())
                .collect::<Vec<_>>()
                .join(". "),
            points,
        }
    }

    /// Whether there is more than this run to show.
    pub(super) fn has_past(&self) -> bool {
        self.points.len() > 1
    }

    pub(super) fn has_incomplete(&self) -> bool {
        self.points.iter().any(|point| !point.complete)
    }
}

/// First, middle and last day.
fn days(runs: &[&RunSummary], points: &[Point]) -> Vec<Day> {
    let last = points.len().saturating_sub(1);
    let middle = (last >= 4).then_some((last / 2, "middle"));
    let ends = [
        Some((0, "start")),
        middle,
        (last > 0).then_some((last, "end")),
    ];
    ends.into_iter()
        .flatten()
        .filter_map(|(at, anchor)| {
            Some(Day {
                x: points.get(at)?.x,
                label: short_date(runs.get(at)?.date),
                anchor,
            })
        })
        .collect()
}

/// All findings of a run, and those of the classes that can be critical: O1 and O2.
fn open(run: &RunSummary) -> (u64, u64) {
    run.targets
        .values()
        .flat_map(|target| &target.findings)
        .fold((0, 0), |(all, critical), (class, count)| {
            let worst = matches!(class, Class::O1 | Class::O2);
            (all + count, critical + if worst { *count } else { 0 })
        })
}

fn complete(run: &RunSummary) -> bool {
    words::is_complete(run)
}

fn line(points: impl Iterator<Item = (u64, u64)>) -> String {
    points
        .map(|(x, y)| format!("{x},{y}"))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Columns: findings by age.
pub(super) struct Ages {
    pub(super) columns: Vec<Column>,
    pub(super) words: String,
}

/// One age group.
pub(super) struct Column {
    pub(super) left: u64,
    pub(super) middle: u64,
    pub(super) label: String,
    pub(super) critical_top: u64,
    pub(super) critical_height: u64,
    pub(super) other_top: u64,
    pub(super) other_height: u64,
    pub(super) number_y: u64,
    pub(super) number: String,
    pub(super) words: String,
}

impl Ages {
    pub(super) const BOTTOM: u64 = 146;
    pub(super) const COLUMN: u64 = 46;
    const TOP: u64 = 22;
    const LEFT: u64 = 12;

    pub(super) fn new(ages: &[Age]) -> Self {
        let largest = ages.iter().map(|age| age.critical + age.other).max();
        let largest = largest.unwrap_or(0);
        let pitch = (WIDTH - Self::LEFT) / AGES.len().saturating_add(1) as u64;
        let room = Self::BOTTOM - Self::TOP;
        let columns: Vec<Column> = (0..)
            .zip(labels().into_iter().zip(ages))
            .map(|(at, (label, age))| {
                let height = |count| match scaled(count, largest, room) {
                    0 if count > 0 => 2,
                    height => height,
                };
                let (critical_height, other_height) = (height(age.critical), height(age.other));
                let other_top = Self::BOTTOM - other_height;
                let critical_top = other_top - critical_height;
                let left = Self::LEFT + at * pitch;
                let total = age.critical + age.other;
                Column {
                    left,
                    middle: left + Self::COLUMN / 2,
                    critical_top,
                    critical_height,
                    other_top,
                    other_height,
                    number_y: critical_top - 6,
                    number: number(total),
                    words: format!(
                        "{label}: {}, {} critical",
                        counted(total, "finding", "findings"),
                        number(age.critical)
                    ),
                    label,
                }
            })
            .collect();
        Self {
            words: columns
                .iter()
                .map(|column| column.words.as_str())
                .collect::<Vec<_>>()
                .join(". "),
            columns,
        }
    }
}

/// `new`, `1-2 d`, ..., `90 d +`.
fn labels() -> Vec<String> {
    let mut labels = vec!["new".to_owned()];
    let mut from = 1;
    for end in AGES.into_iter().skip(1) {
        labels.push(format!("{from}–{end} d"));
        from = end + 1;
    }
    labels.push(format!("{from} d +"));
    labels
}

/// `count` of `largest` as a length of at most `room`, rounded.
fn scaled(count: u64, largest: u64, room: u64) -> u64 {
    if largest == 0 {
        return 0;
    }
    let wide =
        (u128::from(count) * u128::from(room) + u128::from(largest) / 2) / u128::from(largest);
    u64::try_from(wide).unwrap_or(room).min(room)
}

/// The smallest 2, 4, 6, 8 or 10 times a power of ten that is not below `n`; at least 2.
fn nice(n: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for step in [2, 4, 6, 8, 10] {
            let top = power.saturating_mul(step);
            if top >= n {
                return top;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn axes_end_at_round_numbers() {
        assert_eq!(
            [0, 1, 2, 3, 5, 11, 37, 100, 101, 999_999].map(nice),
            [2, 2, 2, 4, 6, 20, 40, 100, 200, 1_000_000]
        );
        assert_eq!(nice(u64::MAX), u64::MAX);
    }

    #[test]
    fn lengths_never_leave_their_room() {
        assert_eq!(scaled(0, 0, 100), 0);
        assert_eq!(scaled(1, 3, 100), 33);
        assert_eq!(scaled(u64::MAX, u64::MAX, 100), 100);
        assert_eq!(scaled(5, 1, 100), 100);
    }

    #[test]
    fn many_targets_share_the_last_colour() {
        let mut tally = Tally::default();
        for n in 0..110_u32 {
            let mut row = sample::row(n);
            row.target = format!("target-{:02}", n % 10).as_str().into();
            tally.add(&row);
        }
        let bars = Bars::new(&tally);
        assert_eq!(bars.legend.len(), TONES);
        assert_eq!(bars.legend[TONES - 1].name, "other targets");
    }

    #[test]
    fn bars_and_columns_stay_inside_their_charts() {
        let mut tally = Tally::default();
        for row in sample::rows(10_000) {
            tally.add(&row);
        }
        let bars = Bars::new(&tally);
        assert!(bars.rows.iter().all(|bar| bar.end < WIDTH - 30));
        let ages = Ages::new(tally.ages());
        assert_eq!(ages.columns.len(), AGES.len() + 1);
        assert!(ages.columns.iter().all(|column| column.number_y >= 10));
        let last = ages.columns.last().unwrap();
        assert!(last.left + Ages::COLUMN <= WIDTH);
    }
}
