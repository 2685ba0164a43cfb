//! `lanyard probe`: which dialect does a target speak?

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use comfy_table::{ContentArrangement, Table};
use domain::profile::Operation;
use serde::Serialize;
use target_scim::probe::{Finding, How, Report};

use super::{Exit, Screen, environment, local};
use crate::probe::{Plan, Ready};

/// What to probe.
#[derive(Args, Debug)]
pub struct ProbeArgs {
    /// Folder with the policy's *.toml files
    #[arg(long, value_name = "DIR")]
    policy: PathBuf,
    /// Target to probe; its profile in policy is the base
    #[arg(long, value_name = "NAME")]
    target: String,
    /// File for the profile [default: profile-NAME.toml in the policy folder]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Overwrite the file
    #[arg(long)]
    force: bool,
    /// Folder with one file per secret, named like the secret; without one, a variable such as
    /// LANYARD_SECRET_WIKI_TOKEN for wiki-token
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// Let the target have a private address (10.0.0.0/8 and so on)
    #[arg(long)]
    private_network: bool,
    /// Existing, empty group, made for this, where the target lets nobody make one
    #[arg(long, value_name = "NAME")]
    group: Option<String>,
    /// Mail domain of sandbox users, where the target wants a verified one
    #[arg(long, value_name = "DOMAIN", default_value = "example.com")]
    domain: String,
    /// Attribute that every user needs there and nobody can guess, such as a licence; repeatable
    #[arg(long = "attribute", value_name = "PATH=VALUE", value_parser = attribute)]
    attributes: Vec<(String, String)>,
    /// Most requests of the experiments; clearing up comes on top
    #[arg(long, default_value_t = 120, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    requests: u32,
}

/// A path may hold an equals sign in no place, so that the first one ends it.
fn attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((path, value)) if !path.is_empty() && !value.is_empty() => {
            Ok((path.trim().to_owned(), value.to_owned()))
        }
        Some(_) | None => Err("write PATH=VALUE, as in userType=Employee".to_owned()),
    }
}

#[derive(Serialize)]
struct Probed<'a> {
    #[serde(flatten)]
    report: &'a Report,
    /// Where the profile was written.
    file: Option<String>,
}

pub(super) fn run(args: &ProbeArgs, screen: Screen) -> Exit {
    match find_out(args, screen) {
        Ok((report, file)) => {
            let text = text(&report, file.as_deref(), args);
            let file = file.map(|path| path.display().to_string());
            let exit = if report.is_complete() && report.profile.unproven.is_empty() {
                Exit::Fine
            } else {
                Exit::Findings
            };
            let report = &report;
            screen.result(text, &Probed { report, file });
            exit
        }
        Err(error) => {
            screen.error(&error);
            Exit::Failed
        }
    }
}

fn find_out(args: &ProbeArgs, screen: Screen) -> anyhow::Result<(Report, Option<PathBuf>)> {
    let plan = Plan {
        policy: args.policy.clone(),
        target: args.target.clone(),
        secrets: args.secrets.clone(),
        private_network: args.private_network,
        group: args.group.clone(),
        domain: args.domain.clone(),
        attributes: args.attributes.clone(),
        most_requests: args.requests,
    };
    let ready = plan.prepare(&environment)?;
    let out = args.out.clone().unwrap_or_else(|| {
        args.policy
            .join(format!("profile-{}.toml", ready.file().name()))
    });
    // Before anything is sent: a probe whose outcome cannot be kept is not worth its requests.
    may_write(&out, args.force)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let report = runtime.block_on(probe(&ready, screen))?;
    if report.stopped.is_some() {
        return Ok((report, None));
    }
    std::fs::write(&out, ready.file().text(&report))
        .with_context(|| format!("cannot write {}", out.display()))?;
    Ok((report, Some(out)))
}

async fn probe(ready: &Ready, screen: Screen) -> anyhow::Result<Report> {
    let marker = ready.marker();
    screen.note(format!(
        "sandbox objects are called {marker}...; Ctrl-C ends the experiments and clears up"
    ));
    let until = async {
        local::signal().await;
        screen.note(format!(
            "clearing up; once more to leave everything called {marker}... where it is"
        ));
        tokio::spawn(async {
            local::signal().await;
            std::process::exit(3);
        });
    };
    ready.run(until).await
}

fn may_write(out: &Path, force: bool) -> anyhow::Result<()> {
    if out.exists() && !force {
        bail!(
            "{} exists; --force overwrites it, --out names another",
            out.display()
        );
    }
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        bail!("the folder of {} does not exist", out.display());
    }
    Ok(())
}

fn text(report: &Report, file: Option<&Path>, args: &ProbeArgs) -> String {
    let is_key = |finding: &&Finding| !finding.key.contains('.');
    let found = |finding: &&Finding| !matches!(finding.how, How::Assumed(_));
    let mut keys = table(["key", "value", "how", "evidence"]);
    for finding in report.findings.iter().filter(is_key).filter(found) {
        let how = finding.how.to_string();
        keys.add_row([finding.key, &finding.value, &how, &finding.note]);
    }
    let mut more = table(["also seen", "value", "evidence"]);
    for finding in report.findings.iter().filter(|finding| !is_key(finding)) {
        more.add_row([finding.key, &finding.value, &finding.note]);
    }
    let mut open = table(["not found out", "as in the base", "why"]);
    for finding in report.not_found_out() {
        let How::Assumed(why) = &finding.how else {
            continue;
        };
        open.add_row([finding.key, &finding.value, why]);
    }
    let unproven: Vec<&str> = report
        .profile
        .unproven
        .iter()
        .copied()
        .map(Operation::name)
        .collect();
    let mut parts = vec![more.to_string(), keys.to_string(), open.to_string()];
    if !unproven.is_empty() {
        parts.push(format!(
            "not shown to work, and so not done: {}",
            unproven.join(", ")
        ));
    }
    if !report.left.is_empty() {
        // Lines, not a table: ids are there to be copied.
        let mut left = vec!["left behind:".to_owned()];
        for one in &report.left {
            let id = one.id.as_deref().unwrap_or("of unknown id");
            left.push(format!(
                "  {} {id}, called {}: {}",
                one.kind, one.name, one.why
            ));
            left.push(format!("    {}", one.by_hand));
        }
        parts.push(left.join("\n"));
    }
    parts.push(match (&report.stopped, file) {
        (Some(why), _) => format!(
            "the experiments ended early: {why}\n{} requests; no profile was written",
            report.requests
        ),
        (None, Some(file)) => format!(
            "{} requests; the profile is in {}\n\nTo use it, write in policy:\n\n  [targets.{}]\n  profile = \"{}\"",
            report.requests,
            file.display(),
            args.target,
            args.target
        ),
        (None, None) => format!("{} requests", report.requests),
    });
    parts.join("\n\n")
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(110);
    table.set_header(header);
    table
}
