//! A finding as a line of a table.

use contract::report::FindingRow;

use super::text::{Piece, sentence, short, shown};
use crate::report::words::{self, counted};

/// A finding as a line of a table.
pub(super) struct Line {
    pub(super) severity: &'static str,
    pub(super) rank: &'static str,
    pub(super) class: &'static str,
    pub(super) target: String,
    pub(super) user: String,
    pub(super) domain: String,
    pub(super) account: String,
    pub(super) status: String,
    pub(super) privileged: bool,
    /// Where policy calls it more than usual.
    pub(super) criticality: &'static str,
    pub(super) groups: String,
    pub(super) detail: Vec<Piece>,
    pub(super) identity: String,
    pub(super) candidate: String,
    pub(super) age: String,
    pub(super) since: String,
    pub(super) action: Vec<Piece>,
    pub(super) decision: String,
    pub(super) owner: String,
}

impl Line {
    pub(super) fn new(row: &FindingRow) -> Self {
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
            criticality: match &*row.criticality {
                "high" => "high criticality",
                "critical" => "critical entitlement",
                _ => "",
            },
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
