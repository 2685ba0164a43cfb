//! For a terminal.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use domain::preview::{Effect, Group};

use super::super::{Diff, short};
use super::{grown, limit, limits_sentence, reasons, sentence, words};

/// The whole comparison.
pub fn text(diff: &Diff) -> String {
    let mut out = String::new();
    // Writing to a text cannot fail.
    writeln!(
        out,
        "policy {} -> {}, at {}\n{}\n{}",
        diff.from.policy.version.short(),
        diff.to.policy.version.short(),
        diff.at,
        sentence(diff),
        limits_sentence(diff)
    )
    .ok();
    if diff.recorrelated > 0 {
        writeln!(
            out,
            "{} records would find another human than now, or wait for one to say so.",
            diff.recorrelated
        )
        .ok();
    }
    if !diff.grown.is_empty() {
        writeln!(out, "\nDefault roles that grow").ok();
    }
    for role in &diff.grown {
        writeln!(out, "  {}", grown(role)).ok();
    }
    let mut weight = None;
    for (heading, group) in &diff.tally.groups {
        if weight != Some(heading.weight) {
            weight = Some(heading.weight);
            writeln!(out, "\n{}", words::weight(heading.weight)).ok();
        }
        let rules = words::rules(heading);
        let rules = if rules.is_empty() {
            String::new()
        } else {
            format!(" (rule {rules})")
        };
        writeln!(out, "  {}{rules}: {}", words::heading(heading), group.count).ok();
        people(&mut out, group);
        let shown = group.rows.len() as u64;
        if group.count > shown {
            writeln!(out, "    and {} more", group.count - shown).ok();
        }
    }
    if !diff.verdicts.is_empty() {
        writeln!(out, "\nLimits").ok();
    }
    for verdict in &diff.verdicts {
        writeln!(
            out,
            "  {} {}: {} changes, {}: {}",
            verdict.target,
            verdict.scope,
            verdict.count,
            limit(verdict),
            if verdict.held { "HELD" } else { "passes" }
        )
        .ok();
    }
    writeln!(out, "\ndigest {}", diff.tally.digest()).ok();
    out
}

/// The people of a group; what is the same for all of them is said once.
fn people(out: &mut String, group: &Group) {
    let told = |out: &mut String, indent: &str, (was, now): &(String, String)| {
        for (when, why) in [("before:", was), ("after: ", now)] {
            if !why.is_empty() {
                writeln!(out, "{indent}{when} {why}").ok();
            }
        }
    };
    let all: BTreeSet<(String, String)> =
        group.rows.iter().map(|row| reasons(&row.delta)).collect();
    let shared = all.first().filter(|_| all.len() == 1);
    if let Some(shared) = shared {
        told(out, "    ", shared);
    }
    for row in &group.rows {
        let detail = if let Effect::Attribute { .. } = row.delta.effect {
            format!("  {}", words::effect(&row.delta.effect))
        } else {
            String::new()
        };
        let (name, id) = (row.name.reveal(), short(&row.identity));
        writeln!(out, "    {name}  {id}{detail}").ok();
        if shared.is_none() {
            told(out, "      ", &reasons(&row.delta));
        }
    }
}
