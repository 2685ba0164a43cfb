//! Runs the target on its own, to try a client against it by hand.

use std::io;

use clap::Parser;
use scim_target::{Dialect, Options, ScimTarget};

/// A SCIM 2.0 service provider on 127.0.0.1, in memory.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// The bearer token that requests have to carry.
    #[arg(long, default_value = "scim-target-token")]
    token: String,
    /// Whose behaviour, such as `slack`; another name lists them.
    #[arg(long, default_value_t)]
    dialect: Dialect,
    /// Groups to create, by display name.
    #[arg(long, value_delimiter = ',')]
    seed_groups: Vec<String>,
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let options = Options {
        port: arguments.port,
        token: arguments.token,
        dialect: arguments.dialect,
        ..Options::default()
    };
    let target = ScimTarget::start(options).await?;
    for name in &arguments.seed_groups {
        target.add_group(name).map_err(io::Error::other)?;
    }
    announce(&target);
    tokio::signal::ctrl_c().await?;
    target.stop().await
}

#[expect(
    clippy::print_stdout,
    reason = "scripts read the address from standard output"
)]
fn announce(target: &ScimTarget) {
    println!("{} {}", target.base_url(), target.token());
}
