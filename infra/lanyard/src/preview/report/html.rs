//! For a browser: one file that asks for nothing else.

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::preview::{Direction, Subject, Verdict};
use sha2::{Digest as _, Sha256};

use super::super::{Diff, short};
use super::{grown, limit, limits_sentence, reasons, sentence, words};

const STYLE: &str = include_str!("../../../templates/diff.css");

#[derive(Template)]
#[template(path = "diff.html")]
struct Page {
    policy: String,
    style: &'static str,
    from: String,
    to: String,
    at: String,
    sentence: String,
    limits: String,
    tone: &'static str,
    tiles: Vec<Tile>,
    recorrelated: u64,
    grown: Vec<String>,
    sections: Vec<Section>,
    verdicts: Vec<Line>,
    digest: String,
}

struct Tile {
    number: u64,
    label: &'static str,
}

struct Section {
    name: &'static str,
    id: String,
    groups: Vec<Heading>,
}

struct Heading {
    title: String,
    rules: String,
    tone: &'static str,
    count: u64,
    more: u64,
    open: bool,
    /// Whether people differ in more than who they are.
    detailed: bool,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    id: String,
    effect: String,
    was: String,
    now: String,
}

struct Line {
    target: String,
    scope: String,
    count: u64,
    limit: String,
    held: bool,
}

/// The whole comparison. Everything that comes from people or policy is escaped by the template.
pub fn html(diff: &Diff) -> Result<String, askama::Error> {
    let mut sections: Vec<Section> = Vec::new();
    for (heading, group) in &diff.tally.groups {
        let name = words::weight(heading.weight);
        if sections.last().is_none_or(|last| last.name != name) {
            sections.push(Section {
                name,
                id: words::lower(&heading.weight),
                groups: Vec::new(),
            });
        }
        let rows: Vec<Row> = group
            .rows
            .iter()
            .map(|row| {
                let (was, now) = reasons(&row.delta);
                Row {
                    name: row.name.reveal().to_string(),
                    id: short(&row.identity).to_owned(),
                    effect: words::effect(&row.delta.effect),
                    was,
                    now,
                }
            })
            .collect();
        if let Some(section) = sections.last_mut() {
            section.groups.push(Heading {
                title: words::heading(heading),
                rules: words::rules(heading),
                tone: match heading.direction {
                    Direction::Loss => "loss",
                    Direction::Gain => "gain",
                    Direction::Change => "change",
                },
                count: group.count,
                more: group.count - rows.len() as u64,
                open: section.groups.is_empty() && rows.len() <= 25,
                detailed: matches!(heading.subject, Subject::Attribute(_)),
                rows,
            });
        }
    }
    let tally = &diff.tally;
    let tile = |number, label| Tile { number, label };
    Page {
        policy: format!(
            "default-src 'none'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
            STANDARD.encode(Sha256::digest(STYLE.as_bytes()))
        ),
        style: STYLE,
        from: diff.from.policy.version.short(),
        to: diff.to.policy.version.short(),
        at: diff.at.to_string(),
        sentence: sentence(diff),
        limits: limits_sentence(diff),
        tone: if diff.is_held() {
            "held"
        } else if tally.losing > 0 {
            "loss"
        } else {
            "good"
        },
        tiles: vec![
            tile(tally.people, "people"),
            tile(tally.affected, "affected"),
            tile(tally.losing, "lose something"),
            tile(tally.gaining, "gain something"),
        ],
        recorrelated: diff.recorrelated,
        grown: diff.grown.iter().map(grown).collect(),
        sections,
        verdicts: diff.verdicts.iter().map(line).collect(),
        digest: tally.digest().to_string(),
    }
    .render()
}

fn line(verdict: &Verdict) -> Line {
    Line {
        target: verdict.target.to_string(),
        scope: verdict.scope.to_string(),
        count: verdict.count,
        limit: limit(verdict),
        held: verdict.held,
    }
}
