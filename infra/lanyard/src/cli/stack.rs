//! `lanyard status` and `lanyard reconcile`: on a running stack through its control routes, on
//! one that does not run through its data folder.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use ports::Clock as _;
use stack_aws::Execution;

use super::{Exit, Screen, environment};
use crate::cloud::Cloud;
use crate::home::Home;
use crate::local::{self, Connection, Control, DataFolder, Described, Night, work_until_idle};
use crate::operations::{self, Finding, Status};

/// The variable with the token of a stack that is named by URL.
const TOKEN: &str = "LANYARD_CONTROL_TOKEN";

/// How long repairs of a run on a stack that does not run may take.
const REPAIRS: Duration = Duration::from_mins(10);

/// Which stack.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// Data folder of the stack, whether it runs or not
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Name of a deployed stack
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// URL of a running stack; its token (control.json in its data folder) in LANYARD_CONTROL_TOKEN
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// What to show.
#[derive(Args, Debug)]
pub struct StatusArgs {
    #[command(flatten)]
    which: Which,
    /// Wait until nothing is in flight, owed or due, at most so many seconds
    #[arg(long, value_name = "SECONDS")]
    wait_idle: Option<u64>,
}

/// What to reconcile.
#[derive(Args, Debug)]
pub struct ReconcileArgs {
    #[command(flatten)]
    which: Which,
    /// Time zone of the day that the run belongs to, for a stack that does not run
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    zone: String,
}

/// Where a stack's state and policy are.
#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
pub struct Place {
    /// Data folder of the stack, whether it runs or not; made if need be
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Name of a deployed stack
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
}

impl Place {
    pub(super) async fn home(&self) -> anyhow::Result<Home> {
        let home = Home::of(self.data.as_deref(), self.stack.as_deref()).await?;
        home.context("neither --data nor --stack")
    }

    /// The data folder, if it is one.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.data.as_deref()
    }
}

pub(super) enum Found {
    Running(Connection),
    Resting(DataFolder, Described),
    Deployed(Box<Cloud>),
}

impl Which {
    pub(super) async fn find(&self) -> anyhow::Result<Found> {
        if let Some(url) = &self.url {
            let token = environment(TOKEN).with_context(|| format!("{TOKEN} is not set"))?;
            let control = Control {
                url: url.clone(),
                token,
            };
            return Ok(Found::Running(Connection::new(&control)?));
        }
        if let Some(name) = &self.stack {
            return Ok(Found::Deployed(Box::new(Cloud::find(name).await?)));
        }
        let Some(path) = &self.data else {
            bail!("none of --data, --stack and --url");
        };
        in_folder(path).await
    }
}

pub(super) async fn in_folder(path: &Path) -> anyhow::Result<Found> {
    let data = DataFolder::existing(path)?;
    if let Some(control) = data.control() {
        let mut connection = Connection::new(&control)?;
        if connection.status().await.is_ok() {
            return Ok(Found::Running(connection));
        }
    }
    let described = data.described()?;
    Ok(Found::Resting(data, described))
}

pub(super) fn status(args: &StatusArgs, screen: Screen) -> Exit {
    let shown = block_on(async {
        let waits = args.wait_idle.map(Duration::from_secs);
        match args.which.find().await? {
            Found::Running(mut connection) => {
                wait(waits, Duration::from_millis(200), async || {
                    connection.status().await
                })
                .await
            }
            Found::Resting(data, described) => {
                let environment = waits.map(|_| &environment as local::Environment<'_>);
                let stack = local::open(&data, &described, environment).await?;
                if let Some(patience) = waits {
                    stack.tick().await?;
                    work_until_idle(&stack, patience).await;
                }
                Ok(stack.operations().status().await?)
            }
            Found::Deployed(cloud) => {
                let operations = cloud.operations().await?;
                let look = async || Ok(operations.status().await?);
                wait(waits, Duration::from_secs(2), look).await
            }
        }
    });
    match shown {
        Ok(status) => {
            screen.result(&status, &status);
            if args.wait_idle.is_none() || status.idle {
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

/// Looks until the stack is idle or patience is over; once, where there is none.
async fn wait(
    patience: Option<Duration>,
    every: Duration,
    mut look: impl AsyncFnMut() -> anyhow::Result<Status>,
) -> anyhow::Result<Status> {
    let began = tokio::time::Instant::now();
    let mut looks = tokio::time::interval(every);
    loop {
        looks.tick().await;
        let status = look().await?;
        if status.idle || patience.is_none_or(|patience| began.elapsed() >= patience) {
            return Ok(status);
        }
    }
}

pub(super) fn reconcile(args: &ReconcileArgs, screen: Screen) -> Exit {
    let night = block_on(async {
        match args.which.find().await? {
            Found::Running(mut connection) => connection.reconcile().await,
            Found::Resting(data, described) => {
                let zone = jiff::tz::TimeZone::get(&args.zone)
                    .with_context(|| format!("`{}` is not a time zone", args.zone))?;
                let stack = local::open(&data, &described, Some(&environment)).await?;
                let day = stack.clock().now().to_zoned(zone).date();
                let finished = stack.reconcile(day).await?;
                if !work_until_idle(&stack, REPAIRS).await {
                    screen.note("some repairs are not done yet; the next start goes on with them");
                }
                Ok(Night::new(&stack, &finished)?)
            }
            Found::Deployed(cloud) => deployed_night(&cloud, &args.zone).await,
        }
    });
    match night {
        Ok(night) => {
            screen.result(text(&night), &night);
            if night.is_complete() && night.findings() == 0 {
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

/// Runs the state machine, and reads what it wrote.
async fn deployed_night(cloud: &Cloud, zone: &str) -> anyhow::Result<Night> {
    let zone =
        jiff::tz::TimeZone::get(zone).with_context(|| format!("`{zone}` is not a time zone"))?;
    let day = crate::stack::SystemClock.now().to_zoned(zone).date();
    match cloud.reconcile(day).await? {
        Execution::Succeeded(_) => cloud.night().await,
        Execution::Failed { state, error } => bail!(
            "the run ended as {state} {error}; `night-failed` in docs/runbook.md says what to look at"
        ),
        Execution::Running => bail!("the run is still under way"),
    }
}

fn text(night: &Night) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header([
        "target", "complete", "accounts", "findings", "repairs", "held",
    ]);
    for (name, target) in &night.summary.targets {
        let complete = match (&target.users, &target.groups) {
            (Ok(_), Ok(_)) => "yes",
            (Ok(_), Err(_)) => "users only",
            (Err(_), _) => "no",
        };
        let findings: Vec<String> = target
            .findings
            .iter()
            .map(|(class, count)| format!("{class:?} {count}"))
            .collect();
        table.add_row([
            name.to_string(),
            complete.to_owned(),
            format!("{} of {}", target.matching, target.wanted),
            findings.join(", "),
            target.repairs.to_string(),
            target.held.to_string(),
        ]);
    }
    let waiting = night.summary.waiting;
    format!(
        "{table}\nwaiting  {} cases, {} tasks, {} of them overdue\nreport  {}",
        waiting.cases, waiting.tasks, waiting.overdue, night.report
    )
}

pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Which stack to examine.
#[derive(Args, Debug)]
pub struct DoctorArgs {
    #[command(flatten)]
    which: Which,
}

pub(super) fn doctor(args: &DoctorArgs, screen: Screen) -> Exit {
    let examined = block_on(async {
        Ok(match args.which.find().await? {
            Found::Running(mut connection) => operations::findings(&connection.status().await?),
            Found::Resting(data, described) => {
                let stack = local::open(&data, &described, None).await?;
                operations::findings(&stack.operations().status().await?)
            }
            Found::Deployed(cloud) => {
                let mut found = cloud.examine().await?;
                if let Ok(operations) = cloud.operations().await {
                    found.extend(operations::findings(&operations.status().await?));
                }
                found
            }
        })
    });
    match examined {
        Ok(found) => {
            let fine = found.iter().all(|finding| finding.fine);
            screen.result(examination(&found), &found);
            if fine { Exit::Fine } else { Exit::Findings }
        }
        Err(error) => {
            screen.error(&error);
            Exit::Failed
        }
    }
}

fn examination(found: &[Finding]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(["", "what", "how it is", "what to do"]);
    for one in found {
        table.add_row([
            if one.fine { "ok" } else { "WRONG" }.to_owned(),
            one.what.clone(),
            one.how.clone(),
            one.fix.clone().unwrap_or_default(),
        ]);
    }
    let wrong = found.iter().filter(|one| !one.fine).count();
    format!(
        "{table}\n{wrong} of {} are not as they should be",
        found.len()
    )
}
