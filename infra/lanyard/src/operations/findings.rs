//! What an examination says of each thing that it looked at.

use serde::{Deserialize, Serialize};

use super::Status;

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub what: String,
    /// Whether it is as it should be.
    pub fine: bool,
    /// How it is.
    pub how: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn fine(what: &str, how: impl Into<String>) -> Self {
        Self {
            what: what.to_owned(),
            fine: true,
            how: how.into(),
            fix: None,
        }
    }

    /// It is not, and what to do about it.
    pub fn wrong(what: &str, how: impl Into<String>, fix: &str) -> Self {
        Self {
            what: what.to_owned(),
            fine: false,
            how: how.into(),
            fix: Some(fix.to_owned()),
        }
    }
}

/// What a stack's status says about its health.
pub fn of(status: &Status) -> Vec<Finding> {
    let mut found = Vec::new();
    if let Some(why) = &status.not_followed {
        let how = format!("a newer version is published and not worked under: {why}");
        found.push(Finding::wrong("policy", how, "mend that, or roll back"));
    }
    for (name, target) in &status.targets {
        let what = format!("target {name}");
        match (&target.paused, &target.reason) {
            (Some(paused), _) => {
                let fix = "see `lanyard target resume`";
                found.push(Finding::wrong(&what, paused.clone(), fix));
            }
            (None, Some(reason)) if !target.healthy => {
                let fix = "docs/runbook.md, `quarantined`; it is tried again by itself";
                found.push(Finding::wrong(&what, reason.clone(), fix));
            }
            (None, _) => found.push(Finding::fine(&what, "is called")),
        }
    }
    for (name, lane) in &status.lanes {
        if lane.dead > 0 {
            let how = format!("{} messages were given up", lane.dead);
            let fix = "see `lanyard dead-letter list`";
            found.push(Finding::wrong(&format!("queue {name}"), how, fix));
        }
    }
    for (what, count, fix) in [
        (
            "parked records",
            status.parked_records,
            "see `lanyard parked list`",
        ),
        (
            "parked accounts",
            status.parked_accounts,
            "see `lanyard parked list`",
        ),
        (
            "held accounts",
            status.held_accounts,
            "see `lanyard hold list`",
        ),
    ] {
        if count > 0 {
            found.push(Finding::wrong(what, format!("{count} wait"), fix));
        }
    }
    found
}
