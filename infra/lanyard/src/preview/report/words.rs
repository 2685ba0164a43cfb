//! Changes, reasons and findings in words.

use std::fmt;

use domain::change::AttrChange;
use domain::preview::{Direction, Effect, Ground, Heading, Standing, Subject, Weight, problem};
use domain::project::Cause;
use domain::{AttrPath, Change, EntitlementId, Finding, Pii, Reason, Slot};

/// A variant's name as policy files and JSON write it.
pub fn lower(variant: &impl fmt::Debug) -> String {
    let mut out = String::new();
    for letter in format!("{variant:?}").chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}

/// A text without what a terminal or a reader would take for more than text: control characters
/// and those that turn the direction of writing.
pub fn plain(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}');
    text.chars()
        .map(|c| {
            if c.is_control() || turns(c) {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect()
}

/// A value, or that there is none.
pub fn value(slot: Option<&Pii<Slot>>) -> String {
    match slot.map(|slot| slot.reveal().text()) {
        None => "nothing".to_owned(),
        Some(None) => "cleared".to_owned(),
        Some(Some(text)) => format!("`{}`", plain(text)),
    }
}

/// One change.
pub fn change(change: &Change) -> String {
    let list = |attrs: &std::collections::BTreeMap<AttrPath, AttrChange>| {
        attrs
            .iter()
            .map(|(path, one)| {
                format!(
                    "{path} from {} to {}",
                    value(one.was.as_ref()),
                    value(Some(&one.want))
                )
            })
            .collect::<Vec<_>>()
            .join(", ")
    };
    match change {
        Change::Create { active, attrs } => {
            let how = if *active { "" } else { ", blocked" };
            format!("make the account{how}, with {} attributes", attrs.len())
        }
        Change::Adopt { .. } => "take over the account that is there".to_owned(),
        Change::Restore => "bring the deleted account back".to_owned(),
        Change::Update { attrs } => format!("change {}", list(attrs)),
        Change::Enable => "let it sign in".to_owned(),
        Change::Disable => "block sign-in".to_owned(),
        Change::Delete => "delete the account".to_owned(),
        Change::RevokeSessions => "end its sessions".to_owned(),
        Change::Grant { entitlement } => format!("give {entitlement}"),
        Change::Revoke { entitlement } => format!("take away {entitlement}"),
    }
}

/// One reason.
pub fn reason(reason: &Reason) -> String {
    let cause = match &reason.cause {
        Cause::Rule { rule, role } => format!("rule `{rule}` gives role `{role}`"),
        Cause::Overlap { rule, role } => {
            format!("rule `{rule}` gave role `{role}` before the move")
        }
        Cause::Adopted => "it was there before and was adopted".to_owned(),
    };
    match reason.until {
        Some(until) => format!("{cause} until {until}"),
        None => cause,
    }
}

/// Why something is so, one line per reason.
pub fn ground(ground: &Ground) -> Vec<String> {
    match ground {
        Ground::Target => Vec::new(),
        Ground::Given(reasons) => reasons.iter().map(reason).collect(),
        Ground::NotGiven(obstacles) if obstacles.is_empty() => {
            vec!["nothing justifies it".to_owned()]
        }
        Ground::NotGiven(obstacles) => obstacles.iter().map(ToString::to_string).collect(),
    }
}

/// One difference.
pub fn effect(effect: &Effect) -> String {
    match effect {
        Effect::Account { was, want } => account(*was, *want).to_owned(),
        Effect::Gain { entitlement, .. } => format!("gains {entitlement}"),
        Effect::Lose { entitlement, .. } => format!("loses {entitlement}"),
        Effect::Reasons { entitlement, .. } => format!("keeps {entitlement} for other reasons"),
        Effect::Attribute { path, was, want } => format!(
            "{path} from {} to {}",
            value(was.as_ref()),
            value(want.as_ref())
        ),
        Effect::Unmanaged { entitlement } => unmanaged(entitlement.as_ref()),
    }
}

fn unmanaged(entitlement: Option<&EntitlementId>) -> String {
    match entitlement {
        None => "keeps an account that nobody looks after".to_owned(),
        Some(id) => {
            format!("keeps {id}, which the policy no longer names and nobody can take away")
        }
    }
}

/// What happens to an account.
pub fn account(was: Standing, want: Standing) -> &'static str {
    match (was, want) {
        (Standing::None, Standing::Active) => "gets an account",
        (Standing::None, Standing::Blocked) => "gets an account, blocked",
        (Standing::Blocked, Standing::Active) => "can sign in",
        (Standing::Active, Standing::Blocked) => "can no longer sign in",
        (_, Standing::None) => "loses the account",
        (Standing::Blocked, Standing::Blocked) | (Standing::Active, Standing::Active) => {
            "keeps the account"
        }
    }
}

/// What a group of a report is called.
pub fn heading(heading: &Heading) -> String {
    let what = match (&heading.subject, heading.direction) {
        (Subject::Account(was, want), _) => account(*was, *want).to_owned(),
        (Subject::Entitlement(id), Direction::Loss) => format!("loses {id}"),
        (Subject::Entitlement(id), Direction::Gain | Direction::Change) => format!("gains {id}"),
        (Subject::Reasons(id), _) => format!("keeps {id} for other reasons"),
        (Subject::Attribute(path), _) => format!("changes {path}"),
        (Subject::Unmanaged(entitlement), _) => unmanaged(entitlement.as_ref()),
    };
    let simulated = if heading.simulated {
        ", only simulated"
    } else {
        ""
    };
    format!("{what} on {}{simulated}", heading.target)
}

/// Through which rules.
pub fn rules(heading: &Heading) -> String {
    let rules: Vec<&str> = heading.rules.iter().map(domain::RuleId::as_str).collect();
    rules.join(", ")
}

/// What a weight is called.
pub const fn weight(weight: Weight) -> &'static str {
    match weight {
        Weight::Critical => "Critical access",
        Weight::Privileged => "Privileged access",
        Weight::High => "Access of high criticality",
        Weight::Account => "Accounts and sign-in",
        Weight::Standard => "Other access",
        Weight::Low => "Access of low criticality",
        Weight::Attribute => "Attributes and reasons",
    }
}

/// One finding.
pub fn finding(finding: &Finding) -> String {
    match finding {
        Finding::Parked { problem: what, .. } => format!("a record is parked: {}", problem(what)),
        Finding::SodConflict { pair, withheld } => {
            format!("separation of duties `{pair}` withholds {withheld}")
        }
        Finding::SodHeld { pair, held } => {
            let held: Vec<&str> = held.iter().map(domain::EntitlementId::as_str).collect();
            format!("duties of `{pair}` are not separated: {}", held.join(", "))
        }
        Finding::SodExcepted { pair, until } => {
            format!("duties of `{pair}` are not separated, by an exception until {until}")
        }
        Finding::Lapsed { entitlement } => {
            format!("{entitlement} was held as long as policy lets anybody hold it")
        }
        Finding::MissingManager { target } => {
            format!("the manager has no account on {target} yet")
        }
        Finding::Ambiguous { target, candidates } => {
            format!("{candidates} accounts on {target} could be meant")
        }
        Finding::Foreign { entitlement } => {
            format!("{entitlement} is held by hand and left alone")
        }
        Finding::CannotApply { target, why } => format!("cannot be applied on {target}: {why}"),
        Finding::Withheld { target, why } => format!("withheld on {target}: {why}"),
        Finding::WouldGrant { rule, entitlement } => {
            format!("rule `{rule}` is only recorded and would give {entitlement}")
        }
    }
}
