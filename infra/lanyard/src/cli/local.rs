//! `lanyard local`: the stack as a service on this machine.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use jiff::tz::TimeZone;
use telemetry::{Sink, Telemetry};
use tracing::level_filters::LevelFilter;

use store_dynamodb::DynamoStore;

use super::{Exit, Screen, environment};
use crate::local::{self, DataFolder, Described, Follow, Nightly, Served, Settings};
use crate::stack::Stack;

/// What to serve, and where.
#[derive(Args, Debug)]
pub struct LocalArgs {
    /// Folder with the policy's *.toml files; without it the published version is worked under,
    /// and whatever is published later
    #[arg(long, value_name = "DIR")]
    policy: Option<PathBuf>,
    /// Folder for everything that has to survive; made if need be
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Where webhooks come in: POST /hr/{source}
    #[arg(long, default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// Folder with one file per secret, named like the secret; without one, variables such as
    /// LANYARD_SECRET_HR_SIGNING for hr-signing
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Time of day of the nightly run; without it, `lanyard reconcile` runs it
    #[arg(long, value_name = "HH:MM")]
    nightly: Option<String>,
    /// Time zone of --nightly, and of the day that a run belongs to
    #[arg(long, default_value = "UTC", value_name = "ZONE")]
    zone: String,
    /// Let targets have private addresses (10.0.0.0/8 and so on)
    #[arg(long)]
    private_network: bool,
    /// Seconds that the end may take before what is under way is left to the next start
    #[arg(long, default_value_t = 30, value_name = "SECONDS")]
    drain: u64,
}

pub(super) fn run(args: &LocalArgs, screen: Screen) -> Exit {
    match serve(args, screen) {
        Ok(Served::Drained) => Exit::Fine,
        Ok(Served::LeftOver) => {
            screen.note("not everything was done in time; the next start goes on with it");
            Exit::Findings
        }
        Err(error) => {
            screen.error(&error);
            Exit::Failed
        }
    }
}

fn serve(args: &LocalArgs, screen: Screen) -> anyhow::Result<Served> {
    let zone = TimeZone::get(&args.zone)
        .with_context(|| format!("`{}` is not a time zone such as Europe/Lisbon", args.zone))?;
    let nightly = args.nightly.as_deref();
    let nightly = nightly.map(|time| Nightly::new(time, zone)).transpose()?;
    Telemetry {
        service: "lanyard-local",
        level: LevelFilter::INFO,
        sink: Sink::Stderr,
        now: Box::new(|| ports::Clock::now(&crate::stack::SystemClock)),
        gathered: None,
    }
    .start()?;
    let data = DataFolder::create(&args.data)?;
    let absolute = |path: &PathBuf| std::path::absolute(path);
    let mut described = Described {
        version: None,
        policy: args.policy.as_ref().map(absolute).transpose()?,
        secrets: args.secrets.as_ref().map(absolute).transpose()?,
        private_network: args.private_network,
    };
    let settings = Settings {
        listen: args.listen,
        nightly,
        follow: args.policy.is_none().then(|| Follow {
            secrets: described.secrets.clone(),
            environment,
        }),
        drain: Duration::from_secs(args.drain),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let stack = local::open(&data, &described, Some(&environment)).await?;
        let version = stack.policy().version;
        if let Some(folder) = &described.policy {
            keep(&stack, folder, version).await?;
            described.version = Some(version);
        }
        data.describe(&described)?;
        let sources: Vec<String> = stack
            .policy()
            .sources
            .keys()
            .map(ToString::to_string)
            .collect();
        let ready = |address: SocketAddr| {
            let posts: Vec<String> = sources
                .iter()
                .map(|source| format!("POST http://{address}/hr/{source}"))
                .collect();
            screen.result(
                format!("policy {}\n{}", version.short(), posts.join("\n")),
                &serde_json::json!({
                    "listening": format!("http://{address}"),
                    "policy": version.to_string(),
                    "sources": sources,
                }),
            );
        };
        local::serve(stack, &data, &settings, ready, interrupted(screen)).await
    })
}

/// Keeps the files that the stack runs under, so that a later policy can be compared with them
/// whatever becomes of the folder. That publishes nothing.
async fn keep(
    stack: &Stack<DynamoStore>,
    folder: &Path,
    version: domain::Hash,
) -> anyhow::Result<()> {
    let read = policy::read(folder).and_then(|files| {
        let loaded = policy::load_files(files.clone())?;
        Ok((files, loaded.policy.version))
    });
    let (files, found) = read.map_err(|errors| anyhow::anyhow!("{}", errors.render()))?;
    anyhow::ensure!(
        found == version,
        "the policy in {} was changed while the stack started; start it again",
        folder.display()
    );
    let now = ports::Clock::now(stack.clock());
    Ok(publication::store(stack.objects(), version, &files, now).await?)
}

/// Completes at the first interrupt or termination signal; the second one ends the program.
async fn interrupted(screen: Screen) {
    signal().await;
    screen.note("working off what is in flight; once more to stop at once");
    tokio::spawn(async {
        signal().await;
        std::process::exit(3);
    });
}

/// Completes at an interrupt or a termination signal.
pub(super) async fn signal() {
    let terminated = async {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => drop(interrupted),
        _ = terminated => {}
    }
}
