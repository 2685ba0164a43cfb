//! Runs the target on its own, to try a client against it by hand.

use std::io;

use clap::Parser;
use graph_target::{GraphTarget, Options};
use jiff::Timestamp;

/// A Microsoft Graph on 127.0.0.1, in memory, with its token endpoint.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// A bearer token that is good without the token endpoint.
    #[arg(long, default_value = "graph-target-token")]
    token: String,
    /// Groups to create, by display name.
    #[arg(long, value_delimiter = ',')]
    seed_groups: Vec<String>,
    /// Answer requests above the limits with 429.
    #[arg(long)]
    enforce_limits: bool,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let options = Options {
        port: arguments.port,
        token: arguments.token,
        enforce_limits: arguments.enforce_limits,
        start_time: now(),
        ..Options::default()
    };
    let target = GraphTarget::start(options).await?;
    for name in &arguments.seed_groups {
        target.add_group(name).map_err(io::Error::other)?;
    }
    announce(&target);
    tokio::signal::ctrl_c().await?;
    target.stop().await
}

#[expect(
    clippy::disallowed_methods,
    reason = "by hand the target begins at the machine's time; the library has no clock"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

#[expect(
    clippy::print_stdout,
    reason = "scripts read the addresses from standard output"
)]
fn announce(target: &GraphTarget) {
    println!(
        "{} {} {}",
        target.base_url(),
        target.token(),
        target.token_url()
    );
}
