//! `summary.html`: one file that needs nothing else. No script, no font, no picture from
//! anywhere; its content security policy allows its own style and nothing more.

mod chart;

use std::borrow::Cow;
use std::collections::BTreeMap;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use contract::report::{
    Class, FileEntry, FindingRow, ParkedRow, RunSummary, Severity, TargetResult,
};
use domain::{Certificate, Hash, Incomplete, TargetId};
use jiff::{SpanRound, Timestamp, Unit};

use self::chart::{Ages, Bars, Trend};
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

/// Characters of one text that are shown; files have the whole.
const TEXT: usize = 240;

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

/// A finding as a line of a table.
struct Line {
    severity: &'static str,
    rank: &'static str,
    class: &'static str,
    target: String,
    user: String,
    domain: String,
    account: String,
    status: String,
    privileged: bool,
    groups: String,
    detail: Vec<Piece>,
    identity: String,
    candidate: String,
    age: String,
    since: String,
    action: Vec<Piece>,
    decision: String,
    owner: String,
}

/// A part of a sentence: words, or the name of something.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    text: String,
    name: bool,
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
    vec![
        tile(tally.urgent(), act, "critical"),
        tile(tally.total(), "open findings", ""),
        tile(summary.new_findings, "new", ""),
        tile(summary.closed_findings, "closed", "good"),
        tile(repairs, "repairs sent", ""),
        tile(held, "held by a limit", "held"),
        tile(summary.parked, "records parked", "held"),
    ]
}

/// The table of targets: incomplete ones first, then by name; and how many complete ones are
/// left out.
fn targets(summary: &RunSummary) -> (Vec<Target>, u64) {
    let mut all: Vec<(bool, &TargetId, &TargetResult)> = summary
        .targets
        .iter()
        .map(|(name, result)| (words::gap(result).is_none(), name, result))
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

impl Line {
    fn new(row: &FindingRow) -> Self {
        let words = words::class(row.class);
        let name = [&row.user_name, &row.account_id, &row.identity]
            .into_iter()
            .find(|name| !name.is_empty())
            .map(|name| shown(name))
            .unwrap_or_default();
        let (user, domain) = name.split_at(name.find('@').unwrap_or(name.len()));
        Self {
            severity: row.severity.as_str(),
            rank: words::severity(row.severity).0,
            class: words.name,
            target: shown(row.target.as_str()).into_owned(),
            user: user.to_owned(),
            domain: domain.to_owned(),
            account: if row.user_name.is_empty() {
                String::new()
            } else {
                shown(&row.account_id).into_owned()
            },
            status: shown(&row.status).into_owned(),
            privileged: row.privileged,
            groups: groups(row),
            detail: sentence(&row.detail),
            identity: identity(row),
            candidate: candidate(row),
            age: match row.age_days {
                0 => "today".to_owned(),
                days => counted(u64::from(days), "day", "days"),
            },
            since: row.first_seen.to_string(),
            action: sentence(&row.proposed_action),
            decision: shown(words::decision(&row.decision)).into_owned(),
            owner: owner(&row.owner),
        }
    }
}

/// An owner's name, or which identity it is.
fn owner(owner: &str) -> String {
    if owner.len() == 32 && owner.bytes().all(|b| b.is_ascii_hexdigit()) {
        format!("identity {}", short(owner))
    } else {
        shown(owner).into_owned()
    }
}

/// A text with a capital letter, cut at its backticks: what stands between two is a name.
fn sentence(text: &str) -> Vec<Piece> {
    let text = shown(text);
    let mut pieces: Vec<Piece> = text
        .split('`')
        .zip([false, true].into_iter().cycle())
        .map(|(part, name)| Piece {
            text: part.to_owned(),
            name,
        })
        .collect();
    if let Some(first) = pieces.first_mut().and_then(|piece| piece.text.get_mut(..1)) {
        first.make_ascii_uppercase();
    }
    pieces
}

/// `3 groups: Editors; Readers`.
fn groups(row: &FindingRow) -> String {
    if row.entitlement_count == 0 {
        return String::new();
    }
    let count = counted(u64::from(row.entitlement_count), "group", "groups");
    if row.entitlements.is_empty() {
        count
    } else {
        format!("{count}: {}", shown(&row.entitlements))
    }
}

/// `Identity 8f14e45f, ended, last day 2025-10-31`.
fn identity(row: &FindingRow) -> String {
    if row.identity.is_empty() {
        return String::new();
    }
    let known = format!("Identity {}", short(&row.identity));
    let state = (!row.identity_state.is_empty()).then(|| shown(&row.identity_state).into_owned());
    let day = row.end_date.map(|day| format!("last day {day}"));
    joined([Some(known), state, day])
}

/// `Might be identity 8f14e45f: same e-mail, 80 %`.
fn candidate(row: &FindingRow) -> String {
    if row.candidate.is_empty() {
        return String::new();
    }
    let might = match &*row.candidate_rule {
        "" => format!("Might be identity {}", short(&row.candidate)),
        rule => format!(
            "Might be identity {}: {}",
            short(&row.candidate),
            shown(rule)
        ),
    };
    let confidence = row
        .candidate_confidence
        .map(|percent| format!("{percent} %"));
    joined([Some(might), confidence])
}

fn joined(parts: impl IntoIterator<Item = Option<String>>) -> String {
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
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
    let took = (summary.finished - summary.started)
        .round(SpanRound::new().largest(Unit::Hour).smallest(Unit::Second))
        .map(|span| format!("{span:#}"))
        .unwrap_or_default();
    let identities: Vec<String> = summary
        .identities
        .iter()
        .map(|(state, count)| format!("{} {}", number(*count), shown(state)))
        .collect();
    vec![
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
        plain(
            "Finished",
            format!("{} (took {took})", minute(summary.finished)),
        ),
        plain("Identities", identities.join(", ")),
        code("Policy version", summary.policy.to_string()),
        code("Code version", shown(&summary.code).into_owned()),
    ]
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

/// The first eight characters of an opaque id.
fn short(id: &str) -> String {
    id.chars().take(8).collect()
}

/// A text as the page shows it: cut to a length, and with a mark in place of characters that
/// draw nothing and could reorder or hide what stands around them.
fn shown(text: &str) -> Cow<'_, str> {
    let long = text.chars().nth(TEXT).is_some();
    if !long && !text.contains(is_unseen) {
        return Cow::Borrowed(text);
    }
    let mut clean: String = text
        .chars()
        .take(TEXT)
        .map(|c| if is_unseen(c) { '\u{fffd}' } else { c })
        .collect();
    if long {
        clean.push('…');
    }
    Cow::Owned(clean)
}

fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invisible_characters_leave_a_mark() {
        assert_eq!(shown("a\u{202e}b\0c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(shown("ليلى"), "ليلى");
    }

    #[test]
    fn sentences_begin_with_a_capital_and_set_names_apart() {
        let parts = |text| {
            let parts = sentence(text).into_iter();
            parts
                .map(|piece| (piece.text, piece.name))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            parts("holds `wiki/admins` by hand"),
            [
                ("Holds ".to_owned(), false),
                ("wiki/admins".to_owned(), true),
                (" by hand".to_owned(), false)
            ]
        );
        assert_eq!(parts("ö"), [("ö".to_owned(), false)]);
        assert_eq!(parts("`a`")[1], ("a".to_owned(), true));
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let long = "é".repeat(TEXT + 1);
        assert_eq!(shown(&long).chars().count(), TEXT + 1);
        assert!(shown(&long).ends_with('…'));
        assert_eq!(shown(&"é".repeat(TEXT)), "é".repeat(TEXT));
    }
}
