//! `lanyard demo`: a company's HR life in a minute.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use ports::model::ManualClock;
use telemetry::{Lines, Sink, Telemetry};

use super::{Exit, Screen};
use crate::company::{FEWEST_DAYS, FEWEST_PEOPLE};
use crate::demo::{self, Outcome, Progress, Settings};

/// The story to live through.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Humans of the company
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(FEWEST_PEOPLE as i64..=50_000))]
    people: u32,
    /// Days of the story
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(i64::from(FEWEST_DAYS)..=400))]
    days: u16,
    /// Same seed, same story
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Folder for the nightly reports and the log; every story gets a folder of its own in it
    #[arg(long, value_name = "DIR", default_value = "lanyard-demo")]
    out: PathBuf,
}

pub(super) fn run(args: &DemoArgs, screen: Screen) -> Exit {
    match live(args, screen) {
        Ok(outcome) => {
            screen.result(text(&outcome), &outcome);
            if outcome.ok {
                Exit::Fine
            } else {
                Exit::Findings
            }
        }
        Err(error) => {
            screen.error(&error);
            Exit::Failed
        }
    }
}

fn live(args: &DemoArgs, screen: Screen) -> anyhow::Result<Outcome> {
    let lines = Lines::new();
    let clock = ManualClock::new(jiff::Timestamp::UNIX_EPOCH);
    let times = clock.clone();
    Telemetry {
        service: "lanyard-demo",
        level: tracing::level_filters::LevelFilter::INFO,
        sink: Sink::Memory(lines.clone()),
        now: Box::new(move || ports::Clock::now(&times)),
        gathered: None,
    }
    .start()?;
    let began = ports::Clock::now(&crate::stack::SystemClock);
    let out = args.out.join(began.strftime("%Y%m%dT%H%M%SZ").to_string());
    let settings = Settings {
        people: usize::try_from(args.people)?,
        days: args.days,
        seed: args.seed,
        out: out.clone(),
        marker: None,
        clock,
        lines: Some(lines.clone()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let mut bar = Bar::new(screen, args.days);
    let outcome = runtime.block_on(demo::run(&settings, &mut bar));
    bar.bar.finish_and_clear();
    let log = out.join("log.jsonl");
    let mut text = lines.all().join("\n");
    text.push('\n');
    std::fs::write(&log, text).with_context(|| format!("cannot write {}", log.display()))?;
    outcome
}

struct Bar {
    bar: ProgressBar,
}

impl Bar {
    fn new(screen: Screen, days: u16) -> Self {
        let target = if screen.is_live() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(days.into()), target);
        let style = ProgressStyle::with_template("{bar:30} day {pos}/{len}  {msg}");
        if let Ok(style) = style {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }
}

impl Progress for Bar {
    fn day(&mut self, day: u16, _of: u16, words: &str) {
        self.bar.set_position(day.into());
        self.bar.set_message(words.to_owned());
    }

    fn closing(&mut self, words: &str) {
        self.bar.set_position(self.bar.length().unwrap_or_default());
        self.bar.set_message(words.to_owned());
    }
}

fn text(outcome: &Outcome) -> String {
    let numbers = &outcome.numbers;
    let counted = |map: &std::collections::BTreeMap<String, u64>| {
        let parts: Vec<String> = map.iter().map(|(name, n)| format!("{name} {n}")).collect();
        parts.join(", ")
    };
    let sizes = |map: &std::collections::BTreeMap<String, usize>| {
        let parts: Vec<String> = map.iter().map(|(name, n)| format!("{name} {n}")).collect();
        parts.join(", ")
    };
    let stories: Vec<String> = numbers
        .stories
        .iter()
        .map(|(name, n)| format!("{n} {name}"))
        .collect();
    let mut facts = table();
    for (name, value) in [
        (
            "people",
            format!("{} with {} worker records", numbers.people, numbers.records),
        ),
        ("stories", stories.join(", ")),
        (
            "webhook posts",
            format!(
                "{}, {} of them repeated, {} overtaken by a newer one",
                numbers.posts.values().sum::<usize>(),
                numbers.repeated,
                numbers.overtaken
            ),
        ),
        ("queue messages", numbers.messages.to_string()),
        (
            "requests to targets",
            format!("{}, {} of them writes", numbers.calls, numbers.writes),
        ),
        ("accounts, active", sizes(&numbers.active)),
        ("accounts, blocked", sizes(&numbers.blocked)),
        ("faults of targets", counted(&numbers.faults)),
        (
            "nightly runs",
            format!("{}, {} repairs", numbers.runs, numbers.repairs),
        ),
        ("drift by hand, found", sizes(&numbers.findings)),
        (
            "waiting for HR",
            format!("{} problems of records", numbers.parked),
        ),
    ] {
        facts.add_row([name.to_owned(), value]);
    }
    let mut checks = table();
    for check in &outcome.checks {
        let word = if check.holds { "ok" } else { "FAILED" };
        checks.add_row([word.to_owned(), check.name.to_owned(), check.detail.clone()]);
    }
    let verdict = if outcome.ok {
        "every check holds"
    } else {
        "NOT every check holds"
    };
    let more: String = outcome
        .checks
        .iter()
        .filter(|check| !check.holds)
        .flat_map(|check| check.differences.iter().take(20))
        .fold(String::new(), |text, line| text + "  " + line + "\n");
    format!(
        "{facts}\n{checks}\n{more}{verdict}, in {:.1} s\n\na change of policy        {}\nreport after the drift    {}\nlast report               {}",
        numbers.seconds,
        outcome.policy_change.display(),
        outcome.drift_report.display(),
        outcome.last_report.display()
    )
}

fn table() -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_width(110);
    table
}
