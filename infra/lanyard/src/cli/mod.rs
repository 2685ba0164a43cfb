//! The commands: arguments in, a screen and an exit code out. What they do lies in the modules
//! beside this one, so that tests can do it without a command line.

mod check;
mod demo;
mod exit;
mod feed;
mod hold;
mod local;
mod operate;
mod preview;
mod probe;
mod publish;
mod screen;
mod stack;
mod words;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;
pub use screen::Screen;

const EXAMPLES: &str = "\
Examples:
  lanyard demo                              watch a company's HR life turn into accounts
  lanyard check --policy infra/policy       is the policy one that holds together?
  lanyard probe --policy DIR --target wiki  which dialect does a target speak?
  lanyard local --policy DIR --data DIR     serve webhooks and targets on this machine
  lanyard reconcile --data DIR              run the nightly job now
  lanyard feed --source hr --file workers.jsonl --data DIR
                                            take a full export of HR, and say who is missing
  lanyard status --data DIR --wait-idle 30  wait until nothing is in flight
  lanyard plan --all --data DIR             what would happen to everybody, and why
  lanyard diff --to policy --data DIR       who gains and who loses what under another policy
  lanyard explain E1001 --data DIR          why somebody has what they have
  lanyard why-not E1001 wiki-editors --data DIR
                                            which condition does not hold
  lanyard publish --policy DIR --diff HASH --data DIR
                                            make a compared policy the active one
  lanyard hold list --data DIR              what waits for somebody's yes
  lanyard case list --data DIR              what waits for a human's decision
  lanyard task list --data DIR              what waits for a human's hand

Exit codes:
  0  done, and everything is as it should be
  1  done, and something is not: a policy with errors, a self-check that does not hold, findings
     of a nightly run, a stack that is not idle in time, a probe that left something open,
     a comparison that a limit would hold, a publication that is refused,
     a feed that is incomplete
  2  the command line cannot be understood
  3  could not be done: a file, a port, another program in the way, an interrupt";

/// Hands every person the access their job needs, and takes all of it back when they leave.
#[derive(Parser, Debug)]
#[command(name = "lanyard", version, after_help = EXAMPLES, arg_required_else_help = true)]
struct Cli {
    /// Results as one line of JSON on standard output
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Watch a company's HR life turn into accounts in two SCIM applications, and check the end
    #[command(
        after_help = "Examples:\n  lanyard demo\n  lanyard demo --people 1000 --days 90 --seed 7 --out /tmp/story\n\nExit code 0 only if the closing self-check holds."
    )]
    Demo(demo::DemoArgs),
    /// Validate policy files
    #[command(after_help = "Example:\n  lanyard check --policy infra/policy --json")]
    Check(check::CheckArgs),
    /// Find out by trying which dialect a SCIM target speaks, and write its profile
    #[command(
        after_help = "Makes sandbox users and a sandbox group on the target, about 120 requests, and deletes them again;\nnothing else is touched. docs/probe.md says what is sent and how to read the outcome.\n\nExamples:\n  LANYARD_SECRET_WIKI_TOKEN=... lanyard probe --policy policy --target wiki\n  lanyard probe --policy policy --target crm --domain probe.example.com --group lanyard-sandbox \\\n    --attribute 'entitlements[type eq \"profile\"].value=00e...'\n\nExit code 0 if every experiment ran, every operation was shown to work and nothing is left behind;\n1 if the profile has unproven operations, the experiments ended early (no profile is written then),\nor sandbox objects could not be removed (they are listed); 3 if the probe could not start or be written."
    )]
    Probe(probe::ProbeArgs),
    /// Serve real webhooks and real SCIM targets from this machine
    #[command(
        after_help = "Examples:\n  LANYARD_SECRET_HR_SIGNING=whsec_... LANYARD_SECRET_WIKI_TOKEN=... \\\n    lanyard local --policy policy --data data\n  lanyard local --policy policy --data data --secrets /run/secrets --nightly 02:30 --zone Europe/Lisbon\n\nState survives a restart and kill -9. Ctrl-C takes no more posts and works off what is in flight."
    )]
    Local(local::LocalArgs),
    /// Run the nightly job now: observe every target, compare, repair, report
    #[command(
        after_help = "Examples:\n  lanyard reconcile --data data\n  LANYARD_CONTROL_TOKEN=... lanyard reconcile --url http://127.0.0.1:8080\n\nExit code 1 where a target was not observed in full, or something was found."
    )]
    Reconcile(stack::ReconcileArgs),
    /// Show what limits hold, and let exactly the list go on that was shown
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard hold list --data data\n  lanyard hold show --data data directory block\n  lanyard hold approve --data data directory block --list HASH --as ida\n  lanyard hold reject --data data crm revoke:crm-admins --list HASH --as ida\n\nExit code 1 where something waits, or where what was asked was not done."
    )]
    Hold(hold::HoldCommand),
    /// Take a full feed: a file with all worker records of a source
    #[command(
        after_help = "What the file states about a record counts as a post does. Who is not listed counts as gone only\nwhere the feed is complete by policy's measure, and only after it was missing before.\ndocs/feeds.md describes the files and the checks.\n\nExamples:\n  lanyard feed --source hr --file workers.jsonl --data data --dry-run --report\n  lanyard feed --source hr --file workers.csv --as-of 2026-03-02T05:00:00Z --data data\n\nExit code 0 for a complete feed; 1 for one that proves nothing about who is not listed; 3 where it\ncould not be taken at all."
    )]
    Feed(feed::FeedArgs),
    /// Decide what a machine does not: whose is this worker record, whose is this account?
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard case list --data data\n  lanyard case show --data data c-1f0c2ab99d0e7c44\n  lanyard case decide --data data c-1f0c2ab99d0e7c44 same --as kim --reason 'HR confirms'\n\nAn answer is kept and never asked for again; docs/cases.md says what comes of it."
    )]
    Case(operate::CaseCommand),
    /// List, inspect and repair links of worker records and accounts to identities
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard link show --data data 7a3938c8700aba32a8e7bef67bb57bcc\n  lanyard link repair --data data RECORD --to IDENTITY --as kim --reason 'one person, two hires'\n  lanyard link repair --data data RECORD --own --as kim --reason 'a namesake'\n  lanyard link repair --data data IDENTITY --unlink wiki --as kim --reason 'the account of a namesake'"
    )]
    Link(operate::LinkCommand),
    /// Work for people: targets without an API, and what leavers leave behind
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard task list --data data\n  lanyard task done --data data t-3713b41fd34d6853 --as kim --reason 'badge issued'"
    )]
    Task(operate::TaskCommand),
    /// Pause a target and call it again
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard target pause --data data wiki --as kim --reason 'moves to another host'\n  lanyard target resume --data data wiki --as kim --reason 'has moved'\n\n`lanyard status` shows how targets are. Blocks of leavers' sign-in reach a paused target all the same."
    )]
    Target(operate::TargetCommand),
    /// What waits because it cannot be done, and why; look at it again
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard parked list --data data\n  lanyard parked retry --data data 7a3938c8700aba32a8e7bef67bb57bcc\n  lanyard parked retry --data data --all"
    )]
    Parked(operate::ParkedCommand),
    /// Messages that were given up: whom they were about; plan those people again
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard dead-letter list --data data\n  lanyard dead-letter replan --data data\n\nNo message is ever sent again: what it said may be out of date."
    )]
    DeadLetter(operate::DeadLetterCommand),
    /// Reports of nightly runs, and where to open them
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard report list --data data\n  lanyard report open --data data\n  lanyard report open --data data 20260302T023000 --file findings.csv"
    )]
    Report(operate::ReportCommand),
    /// Examine a stack: functions, queues, time-outs, table, alarms, targets; what is wrong and how to mend it
    #[command(
        after_help = "Examples:\n  lanyard doctor --stack lanyard\n  lanyard doctor --data data\n\nExit code 1 where something is not as it should be."
    )]
    Doctor(stack::DoctorArgs),
    /// Show queues, what is owed, parked and dead, and the health of targets
    #[command(
        after_help = "Examples:\n  lanyard status --data data\n  lanyard status --data data --wait-idle 30 --json\n\nExit code 1 where the stack is not idle within --wait-idle."
    )]
    Status(stack::StatusArgs),
    /// Show what would happen, and why; writes nothing
    #[command(
        after_help = "Examples:\n  lanyard plan --person E1001 --data data\n  lanyard plan --all --policy policy --data data --json\n  lanyard plan --all --at 2026-03-01T00:00:00Z --state state.jsonl --policy policy\n\nThe stack may run or not. The plan is made by the planner's own code from what it would read."
    )]
    Plan(preview::PlanArgs),
    /// Show person by person who gains and who loses what between two policies; writes nothing
    #[command(
        after_help = "Examples:\n  lanyard diff --to policy --data data\n  lanyard diff --to policy --data data --save            for lanyard publish --diff\n  lanyard diff --from main/policy --to policy --state state.jsonl --format markdown --out diff.md\n  lanyard diff --from 3f2a --to 9c01 --data data --format html --out diff.html\n\nExit code 1 where a limit would hold some of it. docs/preview.md says how to read it."
    )]
    Diff(preview::DiffArgs),
    /// Explain why somebody has, or does not have, what they have: fact, rule, reason, change, answer
    #[command(
        after_help = "Examples:\n  lanyard explain E1001 --data data\n  lanyard explain E1001 wiki-editors --at 2026-02-01T00:00:00Z --data data\n  lanyard explain 0123456789abcdef0123456789abcdef --policy policy --data data --json"
    )]
    Explain(preview::ExplainArgs),
    /// Say which rules would give an entitlement, and which condition of each does not hold
    #[command(after_help = "Example:\n  lanyard why-not E1001 wiki-editors --data data")]
    WhyNot(preview::WhyNotArgs),
    /// Write the state to a file, for plans and comparisons elsewhere
    #[command(
        after_help = "Example:\n  lanyard export --data data --out state.jsonl\n\nThe file holds personal data; only its owner can read it."
    )]
    Export(preview::ExportArgs),
    /// Make a policy the active version, or go back to an earlier one
    #[command(
        after_help = "Examples:\n  lanyard publish --policy policy --data data                   the first version\n  lanyard diff --to policy --data data --save                   compare, and keep the comparison\n  lanyard publish --policy policy --diff 5b1e... --data data    publish what was compared\n  lanyard publish --rollback --data data                        back to the version before\n\nRefused (exit code 1) without a saved comparison of exactly these two versions, or where the people\nit concerns have changed since. `lanyard local` without --policy takes up a version within seconds."
    )]
    Publish(publish::PublishArgs),
    /// Look at published versions
    #[command(subcommand)]
    Policy(publish::PolicyCommand),
}

/// Runs the command line of this program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let screen = Screen::new(cli.json);
    let exit = match cli.command {
        Command::Demo(args) => demo::run(&args, screen),
        Command::Check(args) => check::run(&args, screen),
        Command::Probe(args) => probe::run(&args, screen),
        Command::Local(args) => local::run(&args, screen),
        Command::Feed(args) => feed::run(&args, screen),
        Command::Reconcile(args) => stack::reconcile(&args, screen),
        Command::Hold(command) => hold::run(&command, screen),
        Command::Case(command) => operate::case(&command, screen),
        Command::Link(command) => operate::link(&command, screen),
        Command::Task(command) => operate::task(&command, screen),
        Command::Target(command) => operate::target(&command, screen),
        Command::Parked(command) => operate::parked(&command, screen),
        Command::DeadLetter(command) => operate::dead_letter(&command, screen),
        Command::Report(command) => operate::report(&command, screen),
        Command::Doctor(args) => stack::doctor(&args, screen),
        Command::Status(args) => stack::status(&args, screen),
        Command::Plan(args) => preview::plan(&args, screen),
        Command::Diff(args) => preview::diff(&args, screen),
        Command::Explain(args) => preview::explain(&args, screen),
        Command::WhyNot(args) => preview::why_not(&args, screen),
        Command::Export(args) => preview::export(&args, screen),
        Command::Publish(args) => publish::publish(&args, screen),
        Command::Policy(command) => publish::policy(&command, screen),
    };
    exit.into()
}

/// An environment variable, if it is set and readable.
#[expect(
    clippy::disallowed_methods,
    reason = "the command line is the one place that reads the environment"
)]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    /// `lanyard hold --data DIR list` would be the only one of its kind.
    #[test]
    fn options_come_after_the_whole_command() {
        fn look(command: &clap::Command, groups: &mut usize) {
            let mut own = command.get_arguments().map(clap::Arg::get_id);
            if command.has_subcommands() {
                *groups += 1;
                let early = own.find(|id| !["json", "help", "version"].contains(&id.as_str()));
                assert_eq!(early, None, "{}", command.get_name());
            }
            for inner in command.get_subcommands() {
                look(inner, groups);
            }
        }
        let mut groups = 0;
        look(&super::Cli::command(), &mut groups);
        assert!(groups > 5, "{groups}");
    }
}
