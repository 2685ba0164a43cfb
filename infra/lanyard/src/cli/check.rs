//! `lanyard check`: is the policy one that holds together, and does it what its examples say?

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

    /// Warn of what everybody gets now and did not get under the policy in this folder
    #[arg(long, value_name = "DIR")]
    against: Option<PathBuf>,

    /// Count warnings as errors
    #[arg(long)]
    strict: bool,
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
    examples: usize,
    diagnostics: Vec<policy::Diagnostic>,
}

pub(super) fn run(args: &CheckArgs, screen: Screen) -> Exit {
    let checked = match &args.against {
        None => policy::check(&args.policy),
        Some(before) => policy::load(before)
            .and_then(|before| policy::check_against(&args.policy, &before.policy)),
    };
    match checked {
        Ok(mut loaded) => {
            let strict = args.strict && !loaded.warnings.is_empty();
            if strict {
                for warning in &mut loaded.warnings {
                    warning.severity = policy::Severity::Error;
                }
            }
            let found = &loaded.policy;
            let result = Checked {
                ok: !strict,
                version: Some(found.version.to_string()),
                sources: found.sources.len(),
                targets: found.targets.len(),
                roles: found.roles.len(),
                rules: found.rules.len(),
                entitlements: found.entitlements.len(),
                examples: loaded.examples,
                diagnostics: loaded.warnings.clone(),
            };
            let counted = [
                (result.sources, "source"),
                (result.targets, "target"),
                (result.roles, "role"),
                (result.rules, "rule"),
                (result.entitlements, "entitlement"),
                (result.examples, "example"),
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
            if strict { Exit::Findings } else { Exit::Fine }
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
                examples: 0,
                diagnostics: errors.diagnostics().to_vec(),
            };
            screen.result(errors.render(), &result);
            Exit::Findings
        }
    }
}
