//! `lanyard check`: is the policy one that holds together?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Exit, Screen};

/// What to check.
#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Folder with the policy's *.toml files
    #[arg(long, value_name = "DIR")]
    policy: PathBuf,
}

#[derive(Serialize)]
struct Checked {
    ok: bool,
    version: Option<String>,
    sources: usize,
    targets: usize,
    roles: usize,
    rules: usize,
    entitlements: usize,
    diagnostics: Vec<policy::Diagnostic>,
}

pub(super) fn run(args: &CheckArgs, screen: Screen) -> Exit {
    match policy::load(&args.policy) {
        Ok(loaded) => {
            let found = &loaded.policy;
            let result = Checked {
                ok: true,
                version: Some(found.version.to_string()),
                sources: found.sources.len(),
                targets: found.targets.len(),
                roles: found.roles.len(),
                rules: found.rules.len(),
                entitlements: found.entitlements.len(),
                diagnostics: loaded.warnings.clone(),
            };
            let counted = [
                (result.sources, "source"),
                (result.targets, "target"),
                (result.roles, "role"),
                (result.rules, "rule"),
                (result.entitlements, "entitlement"),
            ];
            let counted: Vec<String> = counted
                .into_iter()
                .map(|(n, noun)| format!("{n} {noun}{}", if n == 1 { "" } else { "s" }))
                .collect();
            let text = format!(
                "{}policy {}: {}",
                policy::render(&loaded.warnings),
                found.version.short(),
                counted.join(", "),
            );
            screen.result(text, &result);
            Exit::Fine
        }
        Err(errors) => {
            let result = Checked {
                ok: false,
                version: None,
                sources: 0,
                targets: 0,
                roles: 0,
                rules: 0,
                entitlements: 0,
                diagnostics: errors.diagnostics().to_vec(),
            };
            screen.result(errors.render(), &result);
            Exit::Findings
        }
    }
}
