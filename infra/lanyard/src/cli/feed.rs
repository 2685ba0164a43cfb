//! `lanyard feed`: a full feed of a source, to a running stack or to one that does not run.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use hr_webhook::feed::Report;
use jiff::Timestamp;

use super::stack::{Found, Which, block_on};
use super::{Exit, Screen, environment};
use crate::local::{self, Delivered, work_until_idle};

/// How long what follows from a feed may take on a stack that does not run.
const FOLLOWS: Duration = Duration::from_mins(10);

/// Which feed, and to whom.
#[derive(Args, Debug)]
pub struct FeedArgs {
    /// The source, as policy names it
    #[arg(long, value_name = "NAME")]
    source: String,
    /// The file with all of its worker records
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    which: Which,
    /// The instant that the feed speaks about, where the file does not say
    #[arg(long, value_name = "TIME")]
    as_of: Option<Timestamp>,
    /// How many records it has, where the file does not say
    #[arg(long, value_name = "COUNT")]
    total: Option<u64>,
    /// Somebody has checked that so many records are right, whatever the limits of policy say
    #[arg(long, value_name = "COUNT")]
    population: Option<u64>,
    /// Test the connection: read, judge and report; write nothing
    #[arg(long)]
    dry_run: bool,
    /// List every record that is new, changed, missing or ended, and every line that is unreadable
    #[arg(long)]
    report: bool,
}

pub(super) fn run(args: &FeedArgs, screen: Screen) -> Exit {
    match block_on(take(args, screen)) {
        Ok(report) => {
            if args.report {
                screen.result(report.in_full(), &report);
            } else {
                screen.result(&report, &report);
            }
            if report.is_complete() {
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

async fn take(args: &FeedArgs, screen: Screen) -> anyhow::Result<Report> {
    let file = std::path::absolute(&args.file)
        .with_context(|| format!("cannot open {}", args.file.display()))?;
    let delivered = Delivered {
        source: args.source.as_str().into(),
        file,
        as_of: args.as_of,
        total: args.total,
        population: args.population,
        dry_run: args.dry_run,
    };
    match args.which.find().await? {
        Found::Running(mut connection) => connection.feed(&delivered).await,
        Found::Resting(data, described) => {
            let secrets = (!args.dry_run).then_some(&environment as local::Environment<'_>);
            let stack = local::open(&data, &described, secrets).await?;
            let report = delivered.take(&stack.feeds()).await?;
            if !args.dry_run && !work_until_idle(&stack, FOLLOWS).await {
                screen.note("not everything that follows is done; the next start goes on with it");
            }
            Ok(report)
        }
        Found::Deployed(cloud) => delivered.take(&cloud.feeds().await?).await,
    }
}
