//! Reads policy files and turns them into [`domain::Policy`], or says everything that is wrong
//! with them at once.
//!
//! The format is documented in `docs/policy.md`. Reading is strict: a key that nothing asks for,
//! a name that resolves to nothing, a value that can never occur, and a secret in the text are
//! errors, each with file, line, column and what to do about it.
//!
//! What it refuses to do: fetch anything, decide anything about a person, or guess. [`read`] alone
//! touches the file system, for [`load`] and [`check`]; [`load_files`] and [`check_files`] are pure.
//!
//! A caller that needs other addresses than the files name (a demonstration, a test) changes the
//! result: [`Loaded::policy`] is plain data, for example
//! `loaded.policy.targets.get_mut(&target).map(|t| t.base_url = url)`.

mod address;
mod auth;
mod condition;
mod correlation;
mod diagnostic;
mod entitlement;
mod example;
mod expr;
mod expression;
mod feed;
mod fields;
mod graph;
mod handover;
mod holding;
mod identifier;
mod kind;
mod mapping;
mod names;
mod path;
mod preset;
pub mod profile;
mod report;
mod role;
mod rule;
mod scrutiny;
mod secret;
mod sections;
mod sod;
mod source;
mod standard;
mod target;
mod template;
mod tier;
mod validate;
mod vocabulary;

#[cfg(test)]
mod tests;

use std::panic::resume_unwind;
use std::path::Path;

use domain::{Hash, Policy, TargetId};

pub use crate::diagnostic::{Diagnostic, Errors, Severity, render};
pub use crate::profile::PROFILES;
use crate::report::Report;
use crate::scrutiny::{Check, Closely};

/// Largest policy file, in bytes. Policy is written by hand; more is a mistake.
const LARGEST_FILE: usize = 1 << 20;

/// Memory that is reserved for the stack that a policy is read on: half as much again as what the
/// deepest lists within lists that may be parsed were seen to take without optimisation.
const STACK: usize = 16 << 20;

/// A policy that holds together.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The policy, with the version of its files.
    pub policy: Policy,
    /// How many examples it has.
    pub examples: usize,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Diagnostic>,
}

impl Loaded {
    /// Forgets the targets that are not to be kept, with every entitlement there, so that a
    /// demonstration needs no more systems than it runs. The version stays that of the files.
    pub fn keep_targets(&mut self, keep: impl Fn(&TargetId) -> bool) {
        self.policy.keep_targets(keep);
    }
}

/// Reads every `*.toml` file of a folder, without its subfolders.
pub fn load(dir: &Path) -> Result<Loaded, Errors> {
    load_files(read(dir)?)
}

/// The same, and runs the policy's examples: what is not as expected is an error. An expression
/// that no example exercises and a rule that does nothing are warnings.
pub fn check(dir: &Path) -> Result<Loaded, Errors> {
    check_files(read(dir)?)
}

/// The same, and looks at what became of an earlier version: a default role that grew is a warning.
pub fn check_against(dir: &Path, before: &Policy) -> Result<Loaded, Errors> {
    assemble(read(dir)?, Some(&Check(Some(before))))
}

/// Reads files given as name and text, in any order.
pub fn load_files(files: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, Errors> {
    assemble(files, None)
}

/// The same, and looks as closely as [`check`] does.
pub fn check_files(files: impl IntoIterator<Item = (String, String)>) -> Result<Loaded, Errors> {
    assemble(files, Some(&Check(None)))
}

/// The files that [`load`] reads, by name, in order, unchecked.
pub fn read(dir: &Path) -> Result<Vec<(String, String)>, Errors> {
    let mut files = Vec::new();
    let mut unread = Vec::new();
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => return Err(Errors::one(unreadable(&dir.display().to_string(), &error))),
    };
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => {
                unread.push(unreadable(&dir.display().to_string(), &error));
                continue;
            }
        };
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let name = path
            .file_name()
            .map_or_else(String::new, |n| n.to_string_lossy().into_owned());
        match std::fs::read_to_string(&path) {
            Ok(text) => files.push((name, text)),
            Err(error) => unread.push(unreadable(&name, &error)),
        }
    }
    if unread.is_empty() {
        files.sort();
        return Ok(files);
    }
    // The files that could be read are not checked: every name defined in the others would be
    // reported as missing.
    Err(Errors::from(unread))
}

fn assemble(
    files: impl IntoIterator<Item = (String, String)>,
    closely: Option<&dyn Closely>,
) -> Result<Loaded, Errors> {
    let mut files: Vec<(String, String)> = files
        .into_iter()
        .map(|(name, text)| (name, canonical(&text)))
        .collect();
    files.sort();
    on_a_deep_stack(move || read_all(files, closely)).unwrap_or_else(|error| {
        Err(Errors::one(Diagnostic::without_place(
            "policy",
            "unreadable",
            format!("no thread could be started to read it: {error}"),
            "let the process have 16 MiB of address space more",
        )))
    })
}

/// Runs it with room for the parser of expressions, which takes up to 300 KiB a bracket where it is
/// not optimised. One thread for a whole policy: starting one costs as much as an expression.
fn on_a_deep_stack<T: Send>(read: impl FnOnce() -> T + Send) -> std::io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let thread = thread.spawn_scoped(scope, read)?;
        Ok(thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    })
}

fn read_all(files: Vec<(String, String)>, closely: Option<&dyn Closely>) -> Result<Loaded, Errors> {
    let version = version(&files);
    let report = Report::new(files);
    let read = sections::read(&report, version, closely);
    let (errors, warnings) = report.finish();
    match read {
        Some((policy, examples)) if errors.is_empty() => Ok(Loaded {
            policy,
            examples,
            warnings,
        }),
        Some(_) | None => Err(Errors::from(
            errors.into_iter().chain(warnings).collect::<Vec<_>>(),
        )),
    }
}

/// The text without a byte order mark and with `\n` line endings, so that a checkout on another
/// system has the same version.
fn canonical(text: &str) -> String {
    text.strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n")
}

/// SHA-256 over the names and canonical texts, in order of the names.
fn version(files: &[(String, String)]) -> Hash {
    Hash::of_parts(
        files
            .iter()
            .flat_map(|(name, text)| [name.as_bytes(), text.as_bytes()]),
    )
}

fn unreadable(name: &str, error: &std::io::Error) -> Diagnostic {
    Diagnostic::without_place(
        name,
        "unreadable",
        format!("cannot be read: {error}"),
        "give the folder that holds the policy's `*.toml` files, in UTF-8",
    )
}
