//! For a terminal.

use std::fmt::Write as _;

use domain::preview::Effect;

use super::super::{Diff, short};
use super::{class, limit, limits_sentence, reasons, sentence, words};

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
        for row in &group.rows {
            let (was, now) = reasons(&row.delta);
            writeln!(out, "    {}  {}", row.name.reveal(), short(&row.identity)).ok();
            if let Effect::Attribute { .. } = row.delta.effect {
                writeln!(out, "      {}", words::effect(&row.delta.effect)).ok();
            }
            if !was.is_empty() {
                writeln!(out, "      before: {was}").ok();
            }
            if !now.is_empty() {
                writeln!(out, "      after:  {now}").ok();
            }
        }
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
            "  {} {}: {} of {} accounts, {} (held {})",
            verdict.target,
            class(verdict.class),
            verdict.count,
            verdict.population,
            if verdict.held { "HELD" } else { "passes" },
            limit(verdict)
        )
        .ok();
    }
    writeln!(out, "\ndigest {}", diff.tally.digest()).ok();
    out
}
