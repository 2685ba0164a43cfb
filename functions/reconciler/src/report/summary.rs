//! `summary.html`: one file that needs nothing else. No script, no font, no picture from
//! anywhere; its content security policy allows its own style and nothing more.

mod chart;
mod line;
mod text;

use std::collections::BTreeMap;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::report::{Class, FileEntry, ParkedRow, RunSummary, Severity, TargetResult};
use domain::{Certificate, Hash, Incomplete, TargetId};
use jiff::{SpanRound, Timestamp, Unit};

use self::chart::{Ages, Bars, Trend};
use self::line::Line;
use self::text::{Piece, sentence, short, shown};
use super::Report;
use super::tally::Tally;
use super::words::{self, ClassWords, Verdict, counted, number};

const STYLE: &str = include_str!("../../templates/summary.css");

/// Targets in the table of the first screen, the incomplete ones always among them.
const TARGETS: usize = 15;

/// Closed findings that are listed.
const CLOSED: usize = 5;

/// Parked records that are listed.
const PARKED: usize = 100;

/// The page.
pub(super) fn render(
    report: &Report<'_>,
    tally: &Tally,
    files: &BTreeMap<Box<str>, FileEntry>,
) -> askama::Result<String> {
    Page::new(report, tally, files).render()
}

/// The policy that the page carries: its one style by hash, and nothing else at all.
fn content_security_policy() -> String {
    let hash = STANDARD.encode(Hash::of(STYLE.as_bytes()).0);
    format!("default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'")
}

#[derive(Template)]
#[template(path = "summary.html")]
struct Page {
    policy: String,
    style: &'static str,
    day: String,
    run: Box<str>,
    previous: Option<Box<str>>,
    verdict: Verdict,
    tiles: Vec<Tile>,
    targets: Vec<Target>,
    more_targets: u64,
    changes: Changes,
    criticals: Vec<Line>,
    more_criticals: u64,
    total: u64,
    bars: Bars,
    trend: Trend,
    ages: Ages,
    classes: Vec<Section>,
    parked: Vec<Parked>,
    more_parked: u64,
    glossary: Vec<Entry>,
    severities: Vec<Rank>,
    details: Vec<Detail>,
    files: Vec<FileLine>,
    proofs: Vec<Proof>,
}

struct Tile {
    number: String,
    label: &'static str,
    tone: &'static str,
}

struct Target {
    name: String,
    users: Observed,
    groups: Observed,
    matching: String,
    wanted: String,
    repairs: String,
    held: String,
    findings: String,
}

struct Observed {
    tone: &'static str,
    verdict: &'static str,
    facts: String,
}

struct Changes {
    first_run: bool,
    new: String,
    closed: String,
    open: String,
    unseen: u64,
    new_rows: Vec<Line>,
    more_new: u64,
    closed_rows: Vec<Line>,
    more_closed: u64,
}

struct Section {
    code: &'static str,
    words: ClassWords,
    severity: &'static str,
    count: String,
    lines: Vec<Line>,
    more: u64,
}

struct Parked {
    source: String,
    worker: String,
    record: String,
    why: Vec<Piece>,
    since: String,
}

struct Entry {
    code: &'static str,
    words: ClassWords,
}

struct Rank {
    severity: &'static str,
    name: &'static str,
    when: &'static str,
    count: String,
}

struct Detail {
    name: &'static str,
    value: String,
    code: bool,
}

struct FileLine {
    name: Box<str>,
    bytes: String,
    rows: String,
    sha256: String,
}

struct Proof {
    target: String,
    of: &'static str,
    at: String,
    ids: String,
}

impl Page {
    fn new(report: &Report<'_>, tally: &Tally, files: &BTreeMap<Box<str>, FileEntry>) -> Self {
        let summary = report.summary;
        let held = summary.targets.values().map(|target| target.held).sum();
        let (targets, more_targets) = targets(summary);
        let criticals: Vec<Line> = tally.criticals().iter().map(Line::new).collect();
        Self {
            policy: content_security_policy(),
            style: STYLE,
            day: words::long_date(summary.date),
            run: summary.run.clone(),
            previous: summary.previous.clone(),
            verdict: verdict(summary, tally, held),
            tiles: tiles(summary, tally, held),
            targets,
            more_targets,
            changes: Changes::new(report, tally),
            more_criticals: tally
                .of_severity(Severity::Critical)
                .saturating_sub(criticals.len() as u64),
            criticals,
            total: tally.total(),
            bars: Bars::new(tally),
            trend: Trend::new(report.history, summary),
            ages: Ages::new(tally.ages()),
            classes: sections(tally),
            parked: report.parked.iter().take(PARKED).map(Parked::new).collect(),
            more_parked: summary
                .parked
                .max(report.parked.len() as u64)
                .saturating_sub(report.parked.len().min(PARKED) as u64),
            glossary: Class::ALL
                .into_iter()
                .map(|class| Entry {
                    code: class.as_str(),
                    words: words::class(class),
                })
                .collect(),
            severities: Severity::ALL
                .into_iter()
                .map(|severity| {
                    let (name, when) = words::severity(severity);
                    Rank {
                        severity: severity.as_str(),
                        name,
                        when,
                        count: number(tally.of_severity(severity)),
                    }
                })
                .collect(),
            details: details(summary),
            files: files
                .iter()
                .map(|(name, file)| FileLine {
                    name: name.clone(),
                    bytes: counted(file.bytes, "byte", "bytes"),
                    rows: file.rows.map(number).unwrap_or_default(),
                    sha256: file.sha256.to_string(),
                })
                .collect(),
            proofs: proofs(summary),
        }
    }
}

fn verdict(summary: &RunSummary, tally: &Tally, held: u64) -> Verdict {
    let mut verdict = words::verdict(summary, tally.urgent(), tally.repairing(), held);
    for sentence in verdict.rest.iter_mut().chain([&mut verdict.sentence]) {
        *sentence = shown(sentence).into_owned();
    }
    verdict
}

fn tiles(summary: &RunSummary, tally: &Tally, held: u64) -> Vec<Tile> {
    let tile = |n, label, tone| Tile {
        number: number(n),
        label,
        tone: if n == 0 { "" } else { tone },
    };
    let repairs = summary.targets.values().map(|target| target.repairs).sum();
    let act = match tally.urgent() {
        1 => "needs action today",
        _ => "need action today",
    };
    let mut tiles = vec![
        tile(tally.urgent(), act, "critical"),
        tile(tally.total(), "open findings", ""),
        tile(summary.new_findings, "new", ""),
        tile(summary.closed_findings, "closed", "good"),
        tile(repairs, "repairs sent", ""),
        tile(held, "held by a limit", "held"),
        tile(summary.parked, "records parked", "held"),
    ];
    let waiting = summary.waiting;
    if !waiting.is_nothing() {
        tiles.extend([
            tile(waiting.cases, "cases to decide", "held"),
            tile(waiting.tasks, "tasks for people", ""),
            tile(waiting.overdue, "tasks overdue", "critical"),
        ]);
    }
    tiles
}

/// The table of targets: incomplete ones first, then by name; and how many complete ones are
/// left out.
fn targets(summary: &RunSummary) -> (Vec<Target>, u64) {
    let mut all: Vec<(bool, &TargetId, &TargetResult)> = summary
        .targets
        .iter()
        .map(|(name, result)| (result.gap().is_none(), name, result))
        .collect();
    all.sort_by_key(|(complete, name, _)| (*complete, *name));
    let incomplete = all.iter().filter(|(complete, ..)| !complete).count();
    let count = all.len().min(TARGETS.max(incomplete));
    let more = (all.len() - count) as u64;
    let rows = all
        .into_iter()
        .take(count)
        .map(|(_, name, result)| Target {
            name: shown(name.as_str()).into_owned(),
            users: Observed::new(&result.users),
            groups: Observed::new(&result.groups),
            matching: number(result.matching),
            wanted: number(result.wanted),
            repairs: number(result.repairs),
            held: number(result.held),
            findings: number(result.findings.values().sum()),
        })
        .collect();
    (rows, more)
}

impl Observed {
    fn new(proof: &Result<Certificate, Incomplete>) -> Self {
        match proof {
            Ok(certificate) => Self {
                tone: "good",
                verdict: "Complete",
                facts: words::certificate(certificate),
            },
            Err(Incomplete::NotShown) => Self {
                tone: "hidden",
                verdict: "Not shown",
                facts: "the target does not show this".to_owned(),
            },
            Err(why) => Self {
                tone: "bad",
                verdict: "Incomplete",
                facts: shown(&words::incomplete(why)).into_owned(),
            },
        }
    }
}

impl Changes {
    fn new(report: &Report<'_>, tally: &Tally) -> Self {
        let summary = report.summary;
        let new_rows: Vec<Line> = tally.fresh().iter().map(Line::new).collect();
        let closed_rows: Vec<Line> = report.closed.iter().take(CLOSED).map(Line::new).collect();
        Self {
            first_run: summary.previous.is_none(),
            new: number(summary.new_findings),
            closed: number(summary.closed_findings),
            open: number(tally.total().saturating_sub(summary.new_findings)),
            unseen: tally.of_decision("unseen"),
            more_new: summary.new_findings.saturating_sub(new_rows.len() as u64),
            new_rows,
            more_closed: summary
                .closed_findings
                .saturating_sub(closed_rows.len() as u64),
            closed_rows,
        }
    }
}

fn sections(tally: &Tally) -> Vec<Section> {
    let mut sections: Vec<Section> = tally
        .samples()
        .into_iter()
        .map(|(class, rows)| {
            let count = tally
                .classes()
                .get(&class)
                .map_or(0, |targets| targets.values().sum());
            Section {
                code: class.as_str(),
                words: words::class(class),
                severity: rows.first().map_or("info", |row| row.severity.as_str()),
                count: counted(count, "finding", "findings"),
                lines: rows.iter().map(Line::new).collect(),
                more: count.saturating_sub(rows.len() as u64),
            }
        })
        .collect();
    sections.sort_by_key(|section| {
        Severity::ALL
            .iter()
            .position(|severity| severity.as_str() == section.severity)
    });
    sections
}

impl Parked {
    fn new(row: &ParkedRow) -> Self {
        Self {
            source: shown(row.source.as_str()).into_owned(),
            worker: shown(&row.worker).into_owned(),
            record: short(row.record.as_str()),
            why: sentence(&words::problem(&row.why)),
            since: row.since.map(minute).unwrap_or_default(),
        }
    }
}

fn details(summary: &RunSummary) -> Vec<Detail> {
    let plain = |name, value| Detail {
        name,
        value,
        code: false,
    };
    let code = |name, value| Detail {
        name,
        value,
        code: true,
    };
    let identities: Vec<String> = summary
        .identities
        .iter()
        .map(|(state, count)| format!("{} {}", number(*count), shown(state)))
        .collect();
    let finished = summary.finished.map(|finished| {
        let took = (finished - summary.started)
            .round(SpanRound::new().largest(Unit::Hour).smallest(Unit::Second))
            .map(|span| format!("{span:#}"))
            .unwrap_or_default();
        plain("Finished", format!("{} (took {took})", minute(finished)))
    });
    let mut details = vec![
        code("Run", summary.run.to_string()),
        code(
            "Previous run",
            summary
                .previous
                .as_deref()
                .unwrap_or("none, this is the first")
                .to_owned(),
        ),
        plain("Started", minute(summary.started)),
    ];
    details.extend(finished);
    details.extend([
        plain("Identities", identities.join(", ")),
        code("Policy version", summary.policy.to_string()),
        code("Code version", shown(&summary.code).into_owned()),
    ]);
    details
}

fn proofs(summary: &RunSummary) -> Vec<Proof> {
    let of_target = |(name, result): (&TargetId, &TargetResult)| {
        [("users", &result.users), ("groups", &result.groups)]
            .into_iter()
            .filter_map(|(of, proof)| {
                let proof = proof.as_ref().ok()?;
                Some(Proof {
                    target: shown(name.as_str()).into_owned(),
                    of,
                    at: minute(proof.at),
                    ids: proof.ids.to_string(),
                })
            })
            .collect::<Vec<_>>()
    };
    summary
        .targets
        .iter()
        .take(TARGETS)
        .flat_map(of_target)
        .collect()
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
