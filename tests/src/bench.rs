//! Measuring by ratio: a subject against its floor, in one run.
//!
//! Absolute times say more about the machine than about the code, so every goal is a ratio. The
//! cases of a [`Bench`] take turns (round 1: floor, subject; round 2: subject, floor; ...), each
//! turn is timed in CPU time, a ratio is formed within each round, and the median of the rounds
//! counts. A neighbour on the machine then slows both sides of a ratio.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use tests::bench::{Bench, Goal};
//!
//! fn main() -> ExitCode {
//!     let bytes = vec![7_u8; 1024];
//!     Bench::new("B0")
//!         .case("floor", || std::hint::black_box(bytes.iter().map(|b| u64::from(*b)).sum::<u64>()))
//!         .case("subject", || std::hint::black_box(bytes.clone()))
//!         .run()
//!         .finish(&[Goal::new("subject", "floor", 1.5)])
//! }
//! ```
//!
//! Heavy work (a million records) uses [`Bench::case_once`]: one iteration a turn. Work that uses
//! threads or a runtime with workers uses [`Bench::process_time`].

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Fewest rounds that give a median worth quoting.
pub const ROUNDS: usize = 7;

/// CPU time of one turn of a case whose iterations are counted automatically: long enough that
/// the clock's resolution and the first cache misses do not show.
const TURN: Duration = Duration::from_millis(30);

/// CPU time that this thread has used.
pub fn thread_cpu() -> Duration {
    cpu(ClockId::ThreadCPUTime)
}

/// CPU time that all threads of this process have used.
pub fn process_cpu() -> Duration {
    cpu(ClockId::ProcessCPUTime)
}

fn cpu(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(
        time.tv_sec.try_into().unwrap_or(0),
        time.tv_nsec.try_into().unwrap_or(0),
    )
}

/// CPU time that the living threads of another process have used; nothing where there is none.
pub fn cpu_of(process: u32) -> Duration {
    let threads = std::fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.into_iter().flatten().filter_map(Result::ok);
    let spent = threads.filter_map(|thread| {
        // Documentation/scheduler/sched-stats.rst: nanoseconds on a CPU come first.
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(spent.sum())
}

/// Largest resident memory of another process, in bytes; `None` where `/proc` does not say.
pub fn peak_memory_of(process: u32) -> Option<u64> {
    status_bytes(&format!("/proc/{process}/status"), "VmHWM:")
}

/// Largest resident memory of this process since [`forget_peak_memory`], in bytes; `None` where
/// `/proc` does not say.
pub fn peak_memory() -> Option<u64> {
    status_bytes("/proc/self/status", "VmHWM:")
}

/// Resident memory of this process now, in bytes; `None` where `/proc` does not say.
pub fn resident_memory() -> Option<u64> {
    status_bytes("/proc/self/status", "VmRSS:")
}

/// Starts [`peak_memory`] anew from what is resident now. Returns whether the kernel agreed.
pub fn forget_peak_memory() -> bool {
    // proc(5): writing 5 to clear_refs resets the peak resident set size.
    std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

fn status_bytes(file: &str, key: &str) -> Option<u64> {
    let status = std::fs::read_to_string(file).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// Cases that are measured against each other.
pub struct Bench<'a> {
    name: String,
    rounds: usize,
    clock: fn() -> Duration,
    cases: Vec<Case<'a>>,
}

struct Case<'a> {
    name: String,
    /// Per turn; 0 until it was found out.
    iterations: u64,
    work: Box<dyn FnMut() + 'a>,
}

impl<'a> Bench<'a> {
    /// No cases yet, [`ROUNDS`] rounds, CPU time of this thread.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            rounds: ROUNDS,
            clock: thread_cpu,
            cases: Vec::new(),
        }
    }

    /// More rounds. Fewer than [`ROUNDS`] are not taken.
    #[must_use]
    pub fn rounds(mut self, rounds: usize) -> Self {
        self.rounds = rounds.max(ROUNDS);
        self
    }

    /// Counts the CPU time of all threads.
    #[must_use]
    pub fn process_time(mut self) -> Self {
        self.clock = process_cpu;
        self
    }

    /// Adds short work; it is repeated until a turn is long enough to measure. What it returns is
    /// kept from the optimiser.
    #[must_use]
    pub fn case<T>(self, name: impl Into<String>, mut work: impl FnMut() -> T + 'a) -> Self {
        self.add(name.into(), 0, move || {
            std::hint::black_box(work());
        })
    }

    /// Adds long work: one iteration a turn.
    #[must_use]
    pub fn case_once<T>(self, name: impl Into<String>, mut work: impl FnMut() -> T + 'a) -> Self {
        self.add(name.into(), 1, move || {
            std::hint::black_box(work());
        })
    }

    fn add(mut self, name: String, iterations: u64, work: impl FnMut() + 'a) -> Self {
        self.cases.push(Case {
            name,
            iterations,
            work: Box::new(work),
        });
        self
    }

    /// Runs every round. One turn of each case before the first round warms caches and is not
    /// counted.
    pub fn run(mut self) -> Measured {
        for case in &mut self.cases {
            if case.iterations == 0 {
                case.iterations = case.find_iterations(self.clock);
            }
            case.turn(self.clock);
        }
        let mut nanoseconds = vec![Vec::with_capacity(self.rounds); self.cases.len()];
        for round in 0..self.rounds {
            let mut order: Vec<usize> = (0..self.cases.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for at in order {
                if let (Some(case), Some(samples)) =
                    (self.cases.get_mut(at), nanoseconds.get_mut(at))
                {
                    samples.push(case.turn(self.clock));
                }
            }
        }
        Measured {
            name: self.name,
            cases: self
                .cases
                .into_iter()
                .map(|case| case.name)
                .zip(nanoseconds)
                .collect(),
        }
    }
}

impl Case<'_> {
    /// Nanoseconds per iteration.
    fn turn(&mut self, clock: fn() -> Duration) -> f64 {
        let before = clock();
        for _ in 0..self.iterations {
            (self.work)();
        }
        let spent = clock().saturating_sub(before);
        per_iteration(spent, self.iterations)
    }

    fn find_iterations(&mut self, clock: fn() -> Duration) -> u64 {
        let mut iterations = 1_u64;
        loop {
            let before = clock();
            for _ in 0..iterations {
                (self.work)();
            }
            let spent = clock().saturating_sub(before);
            if spent >= TURN {
                return iterations;
            }
            iterations = iterations.saturating_mul(2);
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a turn is far below 2^52 nanoseconds and iterations"
)]
fn per_iteration(spent: Duration, iterations: u64) -> f64 {
    spent.as_nanos() as f64 / iterations as f64
}

/// What the rounds gave.
#[derive(Clone, Debug)]
pub struct Measured {
    name: String,
    /// Nanoseconds per iteration, by case and round.
    cases: Vec<(String, Vec<f64>)>,
}

/// A ratio that must not be exceeded.
#[derive(Clone, Debug)]
pub struct Goal {
    subject: String,
    floor: String,
    at_most: f64,
    missed_because: Option<String>,
}

impl Goal {
    /// `subject` costs at most `at_most` times `floor`.
    pub fn new(subject: impl Into<String>, floor: impl Into<String>, at_most: f64) -> Self {
        Self {
            subject: subject.into(),
            floor: floor.into(),
            at_most,
            missed_because: None,
        }
    }

    /// States why the goal is missed today and what would reach it; printed beside the ratio, and
    /// the miss does not fail the run. Meeting the goal all the same is reported too.
    #[must_use]
    pub fn missed_because(mut self, reason: impl Into<String>) -> Self {
        self.missed_because = Some(reason.into());
        self
    }
}

/// A ratio over the rounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// Median of the rounds' ratios.
    pub median: f64,
    /// Smallest.
    pub min: f64,
    /// Largest.
    pub max: f64,
}

impl Measured {
    /// Median nanoseconds per iteration of a case.
    pub fn nanoseconds(&self, case: &str) -> Option<f64> {
        self.samples(case).map(|samples| spread(samples).median)
    }

    /// How many times as much `subject` costs as `floor`; `None` where a name is not a case.
    pub fn ratio(&self, subject: &str, floor: &str) -> Option<Ratio> {
        let ratios: Vec<f64> = self
            .samples(subject)?
            .iter()
            .zip(self.samples(floor)?)
            .map(|(subject, floor)| subject / floor)
            .collect();
        Some(spread(&ratios))
    }

    /// Prints a table for people and a JSON line per goal for machines, and fails where a goal
    /// that is not excused is missed or names no case.
    pub fn finish(&self, goals: &[Goal]) -> ExitCode {
        let (text, met) = self.render(goals);
        // A closed pipe must not turn a measurement into a panic.
        let printed = std::io::stdout().lock().write_all(text.as_bytes());
        if met && printed.is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }

    fn samples(&self, case: &str) -> Option<&[f64]> {
        self.cases
            .iter()
            .find(|(name, _)| name == case)
            .map(|(_, samples)| samples.as_slice())
    }

    fn render(&self, goals: &[Goal]) -> (String, bool) {
        let mut text = String::new();
        let mut met = true;
        let name = &self.name;
        add(&mut text, format_args!("{name}: CPU time per iteration\n"));
        for (case, samples) in &self.cases {
            let Ratio { median, min, max } = spread(samples);
            add(
                &mut text,
                format_args!(
                    "  {case:<28} {median:>14.0} ns   ({min:.0} to {max:.0}, {} rounds)\n",
                    samples.len()
                ),
            );
        }
        for goal in goals {
            let Goal {
                subject,
                floor,
                at_most,
                missed_because,
            } = goal;
            let Some(Ratio { median, min, max }) = self.ratio(subject, floor) else {
                add(
                    &mut text,
                    format_args!("  no such case: `{subject}` or `{floor}`\n"),
                );
                met = false;
                continue;
            };
            let reached = median <= *at_most;
            let verdict = match (reached, missed_because) {
                (true, None) => "met".to_owned(),
                (true, Some(_)) => "met, though a reason for missing it is on file".to_owned(),
                (false, None) => "MISSED".to_owned(),
                (false, Some(reason)) => format!("missed: {reason}"),
            };
            met &= reached || missed_because.is_some();
            add(
                &mut text,
                format_args!(
                    "  {subject} / {floor}: {median:.2}x ({min:.2} to {max:.2}), goal {at_most:.2}x: {verdict}\n"
                ),
            );
            let line = serde_json::json!({
                "bench": name,
                "subject": subject,
                "floor": floor,
                "ratio": rounded(median),
                "min": rounded(min),
                "max": rounded(max),
                "goal": at_most,
                "met": reached,
                "subject_ns": self.nanoseconds(subject).map(f64::round),
                "floor_ns": self.nanoseconds(floor).map(f64::round),
                "missed_because": missed_because,
            });
            add(&mut text, format_args!("{line}\n"));
        }
        (text, met)
    }
}

fn add(text: &mut String, what: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    text.write_fmt(what).ok();
}

fn rounded(ratio: f64) -> f64 {
    (ratio * 1000.0).round() / 1000.0
}

/// The median of some samples.
pub fn median(samples: &[f64]) -> f64 {
    spread(samples).median
}

fn spread(samples: &[f64]) -> Ratio {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
    let last = sorted.len().saturating_sub(1);
    Ratio {
        median: f64::midpoint(at(last / 2), at(last.div_ceil(2))),
        min: at(0),
        max: at(last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(floor: &[f64], subject: &[f64]) -> Measured {
        Measured {
            name: "B0".into(),
            cases: vec![
                ("floor".into(), floor.to_vec()),
                ("subject".into(), subject.to_vec()),
            ],
        }
    }

    #[test]
    fn a_ratio_is_formed_within_each_round() {
        // Round 2 ran on a machine ten times as busy; it is no outlier as a ratio.
        let ratio = measured(&[10.0, 100.0, 10.0], &[12.0, 130.0, 14.0]).ratio("subject", "floor");
        assert_eq!(
            ratio,
            Some(Ratio {
                median: 1.3,
                min: 1.2,
                max: 1.4
            })
        );
    }

    #[test]
    fn a_missed_goal_fails_unless_its_reason_is_stated() {
        let measured = measured(&[10.0], &[20.0]);
        let goal = Goal::new("subject", "floor", 1.5);
        assert!(!measured.render(std::slice::from_ref(&goal)).1);
        let (text, met) = measured.render(&[goal.missed_because("a reason")]);
        assert!(met);
        assert!(text.contains("missed: a reason"));
        assert!(measured.render(&[Goal::new("subject", "floor", 2.0)]).1);
    }

    #[test]
    fn a_goal_that_names_no_case_fails() {
        assert!(
            !measured(&[10.0], &[10.0])
                .render(&[Goal::new("subjcet", "floor", 2.0)])
                .1
        );
    }

    #[test]
    fn every_case_gets_every_round_and_more_work_costs_more() {
        let work = |n: u64| (0..n).fold(1_u64, |sum, i| std::hint::black_box(sum ^ i));
        let measured = Bench::new("B0")
            .case("floor", || work(1_000))
            .case("subject", || work(8_000))
            .rounds(1)
            .run();
        assert!(
            measured
                .cases
                .iter()
                .all(|(_, rounds)| rounds.len() == ROUNDS)
        );
        let ratio = measured
            .ratio("subject", "floor")
            .map_or(0.0, |ratio| ratio.median);
        assert!((2.0..32.0).contains(&ratio), "{ratio}");
    }

    #[test]
    fn peak_memory_sees_an_allocation() {
        assert!(forget_peak_memory());
        let before = peak_memory().unwrap_or(u64::MAX);
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        let after = peak_memory().unwrap_or(0);
        assert!(
            after >= before + (block.len() as u64) / 2,
            "{before} {after}"
        );
    }
}
