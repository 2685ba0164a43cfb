//! A comparison as text, Markdown, HTML and JSON. Names are shown, because the reader has to
//! recognise people; nothing here is logged.

mod html;
mod json;
mod markdown;
mod text;
pub mod words;

pub use html::html;
pub use json::Json;
pub use markdown::markdown;
pub use text::text;

use domain::preview::{Delta, Growth, Verdict};

use super::{Diff, Grown};

/// The one sentence that a reader has to take away.
fn sentence(diff: &Diff) -> String {
    let tally = &diff.tally;
    if tally.affected == 0 {
        return format!(
            "Nothing becomes different for any of {} people.",
            tally.people
        );
    }
    format!(
        "{} of {} people are affected: {} lose something, {} gain something.",
        tally.affected, tally.people, tally.losing, tally.gaining
    )
}

/// What the limits say, in one sentence.
fn limits_sentence(diff: &Diff) -> String {
    let held: Vec<String> = diff
        .verdicts
        .iter()
        .filter(|verdict| verdict.held)
        .map(|verdict| format!("{} on {}", verdict.scope, verdict.target))
        .collect();
    if held.is_empty() {
        "Every change stays within the limits of its target.".to_owned()
    } else {
        format!(
            "Limits would hold: {}. What is held is not carried out until it is released.",
            held.join(", ")
        )
    }
}

/// A default role that gives more, in words.
fn grown(grown: &Grown) -> String {
    let new: Vec<String> = grown
        .people
        .iter()
        .map(|(entitlement, people)| format!("{entitlement} (new for {people})"))
        .collect();
    let Growth { role, rule, .. } = &grown.growth;
    format!(
        "role {role}, which {} gets by rule {rule}, gives {} now",
        grown.growth.whom(),
        new.join(", ")
    )
}

/// What passes, in words.
fn limit(verdict: &Verdict) -> String {
    match verdict.before {
        0 => format!("{} pass", verdict.allowed),
        before => format!("{} pass, {before} did already", verdict.allowed),
    }
}

/// Both reasons, in one line each.
fn reasons(delta: &Delta) -> (String, String) {
    (
        words::ground(&delta.was_because).join("; "),
        words::ground(&delta.now_because).join("; "),
    )
}
