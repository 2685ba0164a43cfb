//! What happened, and whether it is as it should be.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

/// What happened, in numbers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Numbers {
    /// Humans of the company.
    pub people: usize,
    /// Worker records of those humans.
    pub records: usize,
    /// People by story.
    pub stories: BTreeMap<&'static str, usize>,
    /// Webhook posts by status.
    pub posts: BTreeMap<u16, usize>,
    /// Posts that were repetitions.
    pub repeated: usize,
    /// Posts that a newer one had overtaken.
    pub overtaken: usize,
    /// Messages that went through the queues.
    pub messages: usize,
    /// Nightly runs.
    pub runs: usize,
    /// Repairs that nightly runs asked for.
    pub repairs: u64,
    /// Requests to targets.
    pub calls: u64,
    /// Those that may have changed something.
    pub writes: u64,
    /// Accounts that can sign in, by target.
    pub active: BTreeMap<String, usize>,
    /// Accounts that are blocked, by target.
    pub blocked: BTreeMap<String, usize>,
    /// Misbehaviour of targets that came to pass, by kind.
    pub faults: BTreeMap<String, u64>,
    /// Findings of the night after somebody's hand was in a target, by class.
    pub findings: BTreeMap<String, usize>,
    /// Worker records that wait for HR or a human.
    pub parked: u64,
    /// How long the whole of it took, in seconds.
    pub seconds: f64,
}

/// One part of the closing self-check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What has to hold.
    pub name: &'static str,
    /// Whether it does.
    pub holds: bool,
    /// What was counted, or what is wrong.
    pub detail: String,
    /// More of what is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub differences: Vec<String>,
}

/// How the story ended.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Whether every check holds.
    pub ok: bool,
    /// What happened.
    pub numbers: Numbers,
    /// The closing self-check.
    pub checks: Vec<Check>,
    /// The comparison of the policy with the one that the company tries.
    pub policy_change: PathBuf,
    /// The report of the night after somebody's hand was in a target.
    pub drift_report: PathBuf,
    /// The report of the last night.
    pub last_report: PathBuf,
}

impl Check {
    /// A check that holds if there are no differences.
    pub fn none_differ(name: &'static str, counted: String, differences: Vec<String>) -> Self {
        Self {
            name,
            holds: differences.is_empty(),
            detail: match differences.first() {
                None => counted,
                Some(first) => format!("{} differences, the first: {first}", differences.len()),
            },
            differences,
        }
    }

    /// A check of one condition.
    pub const fn that(name: &'static str, holds: bool, detail: String) -> Self {
        Self {
            name,
            holds,
            detail,
            differences: Vec::new(),
        }
    }
}
