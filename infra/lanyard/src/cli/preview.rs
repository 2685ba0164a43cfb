//! `lanyard plan`, `diff`, `explain`, `why-not` and `export`: reading, and nothing else.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, ValueEnum};
use domain::EntitlementId;
use domain::plan::Compiled;
use jiff::Timestamp;
use planner::Preview;
use ports::{Clock as _, Store as _};

use super::stack::{Place, block_on};
use super::{Exit, Screen};
use crate::home::{Home, policy};
use crate::preview::{self, Desk, FORMAT, Header, Named, Planned, Saved, State, StateFile, report};
use crate::stack::SystemClock;

/// Which state.
#[derive(Args, Debug)]
#[group(required = true, multiple = true)]
pub struct StateArgs {
    /// Data folder of a stack, whether it runs or not
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// A deployed stack
    #[arg(long, value_name = "NAME", conflicts_with = "data")]
    stack: Option<String>,
    /// Exported state instead of that of the stack
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

/// What to plan.
#[derive(Args, Debug)]
pub struct PlanArgs {
    #[command(flatten)]
    who: Who,
    /// Source of the worker id, where several sources know it
    #[arg(long, value_name = "NAME", requires = "person")]
    source: Option<String>,
    /// Folder with policy files, or a published version; by default the active one
    #[arg(long, value_name = "DIR|VERSION")]
    policy: Option<String>,
    #[command(flatten)]
    state: StateArgs,
    /// Plan for another instant than now
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
}

#[derive(Args, Debug)]
#[group(required = true, multiple = false)]
struct Who {
    /// A worker id as its source states it, or an identity id
    #[arg(long, value_name = "ID")]
    person: Option<String>,
    /// Everybody for whom something would happen
    #[arg(long)]
    all: bool,
}

/// What to compare.
#[derive(Args, Debug)]
pub struct DiffArgs {
    /// The policy before: a folder or a published version; by default the active one
    #[arg(long, value_name = "DIR|VERSION")]
    from: Option<String>,
    /// The policy after: a folder or a published version
    #[arg(long, value_name = "DIR|VERSION")]
    to: String,
    #[command(flatten)]
    state: StateArgs,
    /// Compare for another instant than now
    #[arg(long, value_name = "TIME", conflicts_with = "save")]
    at: Option<Timestamp>,
    /// How it is written; --json is the same as --format json
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Where it is written, instead of standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// How many people of each group are shown by name (JSON has them all)
    #[arg(long, default_value_t = 200, value_name = "N")]
    most: usize,
    /// Keep the comparison with the stack, for lanyard publish --diff
    #[arg(long, conflicts_with = "state")]
    save: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Markdown,
    Html,
    Json,
}

/// What to explain.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A worker id as its source states it, or an identity id
    #[arg(value_name = "PERSON")]
    person: String,
    /// One entitlement; without it, everything
    #[arg(value_name = "ENTITLEMENT")]
    entitlement: Option<String>,
    #[command(flatten)]
    more: ExplainMore,
}

/// What is missing.
#[derive(Args, Debug)]
pub struct WhyNotArgs {
    /// A worker id as its source states it, or an identity id
    #[arg(value_name = "PERSON")]
    person: String,
    /// The entitlement
    #[arg(value_name = "ENTITLEMENT")]
    entitlement: String,
    #[command(flatten)]
    more: ExplainMore,
}

#[derive(Args, Debug)]
struct ExplainMore {
    /// Source of the worker id, where several sources know it
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    /// Another instant than now; facts as they are known today
    #[arg(long, value_name = "TIME")]
    at: Option<Timestamp>,
    /// Folder with policy files, or a published version; by default the active one
    #[arg(long, value_name = "DIR|VERSION")]
    policy: Option<String>,
    #[command(flatten)]
    state: StateArgs,
}

/// What to export.
#[derive(Args, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    which: Place,
    /// The file to write
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl StateArgs {
    /// The state, and where published policy is.
    async fn open(&self, at: Option<Timestamp>) -> anyhow::Result<(Desk, Option<Home>)> {
        let at = at.unwrap_or_else(|| SystemClock.now());
        let home = Home::of(self.data.as_deref(), self.stack.as_deref()).await?;
        if let Some(file) = &self.state {
            let desk = Desk {
                state: State::File(StateFile::open(file)?),
                salt: None,
                at,
            };
            return Ok((desk, home));
        }
        let Some(home) = home else {
            bail!("none of --data, --stack and --state");
        };
        Ok((home.desk(at).await?, Some(home)))
    }
}

fn done<T>(screen: Screen, result: anyhow::Result<T>, show: impl FnOnce(T) -> Exit) -> Exit {
    match result {
        Ok(value) => show(value),
        Err(error) => {
            screen.error(&error);
            Exit::Failed
        }
    }
}

pub(super) fn plan(args: &PlanArgs, screen: Screen) -> Exit {
    let plans = block_on(async {
        let (desk, home) = args.state.open(args.at).await?;
        let policy = policy(args.policy.as_deref(), home.as_ref()).await?;
        let planner = desk.planner(&policy);
        let mut people = 0_u64;
        let mut plans: Vec<Planned> = Vec::new();
        if let Some(id) = &args.who.person {
            let named = Named {
                id: id.clone(),
                source: args.source.clone(),
            };
            let person = desk.find(&named, &policy, &planner).await?;
            let decision = Box::pin(planner.preview(person.clone())).await?;
            let decision = preview::settled(decision, &person, desk.at);
            plans.push(preview::planned(&policy, &decision));
            people = 1;
        } else {
            let each = async |person: planner::Person| {
                people += 1;
                let decision = Box::pin(planner.preview(person.clone())).await?;
                let decision = preview::settled(decision, &person, desk.at);
                let one = preview::planned(&policy, &decision);
                if !one.is_quiet() {
                    plans.push(one);
                }
                Ok(())
            };
            desk.everybody(each, &planner).await?;
        }
        Ok((people, plans, policy.policy.version))
    });
    done(screen, plans, |(people, plans, version)| {
        let mut texts: Vec<String> = plans.iter().map(Planned::text).collect();
        if args.who.all {
            texts.push(format!(
                "{} of {people} people have something to tell, under policy {}",
                plans.len(),
                version.short()
            ));
        }
        let text = texts.join("\n");
        let value = serde_json::json!({ "people": people, "policy": version, "plans": plans });
        screen.result(text, &value);
        Exit::Fine
    })
}

pub(super) fn diff(args: &DiffArgs, screen: Screen) -> Exit {
    let format = if screen.is_json() {
        Format::Json
    } else {
        args.format
    };
    let compared = block_on(async {
        let (desk, home) = args.state.open(args.at).await?;
        let from = policy(args.from.as_deref(), home.as_ref()).await?;
        let to = policy(Some(&args.to), home.as_ref()).await?;
        let mut out = output(args.out.as_deref())?;
        let mut json = match format {
            Format::Json => Some(report::Json::new(&mut out)?),
            Format::Text | Format::Markdown | Format::Html => None,
        };
        let most = if json.is_some() { 0 } else { args.most };
        let diff = preview::diff(&desk, &from, &to, most, |person| {
            if let Some(json) = &mut json {
                json.add(&person)?;
            }
            Ok(())
        })
        .await?;
        let saved = match (&home, args.save) {
            (Some(home), true) => {
                let saved: Saved = diff.saved();
                Some(publication::save_diff(&home.objects()?, &saved).await?)
            }
            (Some(_) | None, false) | (None, true) => None,
        };
        if let Some(json) = json {
            json.finish(&diff, saved)?;
        } else {
            let text = match format {
                Format::Markdown => report::markdown(&diff),
                Format::Html => report::html(&diff)?,
                Format::Text | Format::Json => report::text(&diff),
            };
            out.write_all(text.as_bytes())?;
            if let (Some(saved), Format::Text) = (saved, format) {
                writeln!(out, "saved  {saved}")?;
            }
        }
        out.flush()?;
        Ok((diff, saved))
    });
    done(screen, compared, |(diff, saved)| {
        if let Some(saved) = saved.filter(|_| format != Format::Text || args.out.is_some()) {
            screen.note(format!("saved as {saved}"));
        }
        if diff.is_held() {
            Exit::Findings
        } else {
            Exit::Fine
        }
    })
}

/// Standard output, or a file that only its owner can read.
fn output(path: Option<&Path>) -> anyhow::Result<Box<dyn std::io::Write>> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let Some(path) = path else {
        return Ok(Box::new(std::io::BufWriter::new(std::io::stdout())));
    };
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Box::new(std::io::BufWriter::new(file)))
}

impl ExplainMore {
    async fn look(&self, person: &str) -> anyhow::Result<(Arc<Compiled>, Preview)> {
        let (desk, home) = self.state.open(self.at).await?;
        let policy = policy(self.policy.as_deref(), home.as_ref()).await?;
        let planner = desk.planner(&policy);
        let named = Named {
            id: person.to_owned(),
            source: self.source.clone(),
        };
        let person = desk.find(&named, &policy, &planner).await?;
        let previewed = Box::pin(planner.preview(person.clone())).await?;
        let preview = preview::settled(previewed, &person, desk.at);
        Ok((policy, preview))
    }
}

pub(super) fn explain(args: &ExplainArgs, screen: Screen) -> Exit {
    shown(
        &args.more,
        &args.person,
        args.entitlement.as_deref(),
        screen,
    )
}

pub(super) fn why_not(args: &WhyNotArgs, screen: Screen) -> Exit {
    shown(&args.more, &args.person, Some(&args.entitlement), screen)
}

fn shown(more: &ExplainMore, person: &str, entitlement: Option<&str>, screen: Screen) -> Exit {
    let explained = block_on(async {
        let (policy, preview) = more.look(person).await?;
        let one = entitlement.map(EntitlementId::from);
        let known = &policy.policy.entitlements;
        if let Some(one) = &one {
            let held = preview.person.accounts.values();
            ensure!(
                known.contains_key(one) || held.into_iter().any(|held| held.grants.contains(one)),
                "neither the policy nor this person's accounts know an entitlement `{one}`"
            );
        }
        Ok(preview::explain(&policy, &preview, one.as_ref()))
    });
    done(screen, explained, |explained| {
        screen.result(explained.text(), &explained);
        Exit::Fine
    })
}

pub(super) fn export(args: &ExportArgs, screen: Screen) -> Exit {
    let exported = block_on(async {
        let home = args.which.home().await?;
        let desk = home.desk(SystemClock.now()).await?;
        let policy = home.in_force().await?;
        let mut meters = BTreeMap::new();
        for name in policy
            .iter()
            .flat_map(|policy| policy.policy.targets.keys())
        {
            meters.insert(name.clone(), desk.state.meter(name).await?);
        }
        let header = Header {
            format: FORMAT.into(),
            at: desk.at,
            policy: policy.map(|policy| policy.policy.version),
            meters,
        };
        let count = preview::export_to(&desk.state, &header, &args.out).await?;
        Ok((count, header))
    });
    done(screen, exported, |(count, header)| {
        let out = args.out.display();
        screen.result(
            format!("{count} identities at {} in {out}", header.at),
            &serde_json::json!({ "identities": count, "at": header.at, "out": out.to_string() }),
        );
        Exit::Fine
    })
}
