//! The commands: arguments in, a screen and an exit code out. What they do lies in the modules
//! beside this one, so that tests can do it without a command line.

mod check;
mod demo;
mod exit;
mod local;
mod operate;
mod probe;
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
  lanyard status --data DIR --wait-idle 30  wait until nothing is in flight
  lanyard case list --data DIR              what waits for a human's decision
  lanyard task list --data DIR              what waits for a human's hand

Exit codes:
  0  done, and everything is as it should be
  1  done, and something is not: a policy with errors, a self-check that does not hold, findings
     of a nightly run, a stack that is not idle in time, a probe that left something open
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
    /// Show queues, what is owed, parked and dead, and the health of targets
    #[command(
        after_help = "Examples:\n  lanyard status --data data\n  lanyard status --data data --wait-idle 30 --json\n\nExit code 1 where the stack is not idle within --wait-idle."
    )]
    Status(stack::StatusArgs),
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
        Command::Reconcile(args) => stack::reconcile(&args, screen),
        Command::Case(command) => operate::case(&command, screen),
        Command::Link(command) => operate::link(&command, screen),
        Command::Task(command) => operate::task(&command, screen),
        Command::Status(args) => stack::status(&args, screen),
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
}
