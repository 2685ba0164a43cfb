//! The commands: arguments in, a screen and an exit code out. What they do lies in the modules
//! beside this one, so that tests can do it without a command line.

mod check;
mod demo;
mod exit;
mod screen;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use exit::Exit;
pub use screen::Screen;

const EXAMPLES: &str = "\
Examples:
  lanyard demo                              watch a company's HR life turn into accounts
  lanyard check --policy infra/policy       is the policy one that holds together?

Exit codes:
  0  done, and everything is as it should be
  1  done, and something is not: a policy with errors, a self-check that does not hold
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
}

/// Runs the command line of this program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let screen = Screen::new(cli.json);
    let exit = match cli.command {
        Command::Demo(args) => demo::run(&args, screen),
        Command::Check(args) => check::run(&args, screen),
    };
    exit.into()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
