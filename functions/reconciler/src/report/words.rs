//! The report's words: what classes, proofs and problems are called for people.

use contract::report::{Class, RunSummary, Severity};
use domain::{Certificate, Incomplete, Problem};
use jiff::civil::Date;

/// What a class is called, what it means, and what an administrator does about it.
pub(super) struct ClassWords {
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) action: &'static str,
}

pub(super) const fn class(class: Class) -> ClassWords {
    match class {
        Class::O1 => ClassWords {
            name: "Leaver residual",
            meaning: "The account can be used although the person has left, is on leave or has not started.",
            action: "See that it is disabled today, and find out why that did not happen by itself.",
        },
        Class::O2 => ClassWords {
            name: "Privileged orphan",
            meaning: "An account with powerful rights that belongs to nobody who works here.",
            action: "Disable it or name an owner today; look at what it did since it lost its owner.",
        },
        Class::O3 => ClassWords {
            name: "Ghost account",
            meaning: "An account that matches nobody in the HR data.",
            action: "Ask the owner of the application whose it is; link it, declare it exempt, or disable it.",
        },
        Class::O4 => ClassWords {
            name: "Ghost with a likely owner",
            meaning: "An account without a recorded owner that resembles one person by a matching \
                      rule. The confidence says how strongly.",
            action: "Confirm the match or reject it; a confirmed account is managed from then on.",
        },
        Class::O5 => ClassWords {
            name: "Duplicate accounts",
            meaning: "One person has more than one enabled account on the same target.",
            action: "Decide which one stays, move what matters, disable the others.",
        },
        Class::O6 => ClassWords {
            name: "Out-of-band access",
            meaning: "A membership that policy does not give and that was added by hand in the \
                      application.",
            action: "Grant it by policy or by request if it is needed; otherwise remove it.",
        },
        Class::O7 => ClassWords {
            name: "Missing account",
            meaning: "Policy wants an account for this person, and the target has none.",
            action: "Nothing, if a repair was sent; look at the target's errors if it comes back.",
        },
        Class::O8 => ClassWords {
            name: "Drift",
            meaning: "An attribute, a membership or the right to sign in differs from what policy says.",
            action: "Nothing, if a repair was sent; find out who edits the account if it comes back.",
        },
        Class::O9 => ClassWords {
            name: "Dormant account",
            meaning: "Nobody has signed in for longer than policy allows.",
            action: "Ask whether it is still needed; licences and risk both go with it.",
        },
        Class::O10 => ClassWords {
            name: "Service account, no owner",
            meaning: "A service, test or shared account that nobody answers for.",
            action: "Name an owner in policy or disable it.",
        },
        Class::O11 => ClassWords {
            name: "Protected or exempt",
            meaning: "Policy says that this account is left alone. It is listed so that the \
                      exemption stays visible.",
            action: "Check from time to time that the reason still holds.",
        },
    }
}

/// How soon a severity asks for somebody.
pub(super) const fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Critical => ("Critical", "today"),
        Severity::High => ("High", "this week"),
        Severity::Medium => ("Medium", "worth a look"),
        Severity::Low => ("Low", "for the record"),
        Severity::Info => ("Info", "nothing to do"),
    }
}

/// What became of a finding, where that is worth a word.
pub(super) fn decision(decision: &str) -> &str {
    match decision {
        "open" => "",
        "queued" => "repair sent",
        "held" => "held by a limit",
        "unseen" => "not seen tonight",
        other => other,
    }
}

/// The facts of a certificate.
pub(super) fn certificate(proof: &Certificate) -> String {
    let received = match proof.declared {
        Some(declared) => format!("{} of {}", number(proof.received), number(declared)),
        None => format!("{} received", number(proof.received)),
    };
    let pages = counted(proof.pages, "page", "pages");
    let previous = proof
        .previous
        .map(|previous| format!("{} last run", number(previous)));
    let facts: Vec<String> = [received, pages].into_iter().chain(previous).collect();
    facts.join(" · ")
}

/// Why there is no certificate, as the end of a sentence about the target.
pub(super) fn incomplete(why: &Incomplete) -> String {
    match why {
        Incomplete::PageFailed { page, error } => {
            format!("page {} could not be read ({error})", number(*page))
        }
        Incomplete::RepeatedCursor { page } => {
            format!("page {} led back to an earlier page", number(*page))
        }
        Incomplete::ShortOfTotal { declared, received } => format!(
            "it declared {} and delivered {}",
            number(*declared),
            number(*received)
        ),
        Incomplete::RepeatedId { count } => format!(
            "{} twice, so the pages shifted while they were read",
            counted(*count, "id came", "ids came")
        ),
        Incomplete::PopulationJump { previous, received } => format!(
            "it has {} where the last accepted run saw {}, more change than policy allows",
            number(*received),
            number(*previous)
        ),
        Incomplete::NotShown => "the target does not show this".to_owned(),
    }
}

/// What is wrong with a parked record.
pub(super) fn problem(problem: &Problem) -> String {
    match problem {
        Problem::Missing { attr } => format!("`{attr}` is missing"),
        Problem::Unknown { attr } => {
            format!("`{attr}` has a value that policy does not know")
        }
        Problem::Malformed { attr } => format!("`{attr}` cannot be read"),
        Problem::Invalid { attr, rule } => {
            format!("`{attr}` fails the policy's test `{}`", rule.name())
        }
        Problem::NoEndDate => "a contractor without a last day".to_owned(),
        Problem::EndBeforeStart => "the last day lies before the first".to_owned(),
        Problem::Disputed { candidates, why } => format!(
            "could be {}: {why}",
            counted(candidates.len() as u64, "known person", "known people")
        ),
        Problem::NoIdentifier => {
            "no user name can be made from the names, or all are taken".to_owned()
        }
    }
}

/// Whether every target was observed in full, as far as it shows itself.
pub(super) fn is_complete(run: &RunSummary) -> bool {
    run.targets.values().all(|result| result.gap().is_none())
}

/// The first sentence of the report.
pub(super) struct Verdict {
    /// `good`, `act` or `incomplete`.
    pub(super) tone: &'static str,
    pub(super) sentence: String,
    /// The sentences after it.
    pub(super) rest: Vec<String>,
}

/// What the run came to, for somebody who reads one line.
pub(super) fn verdict(summary: &RunSummary, urgent: u64, repairing: u64, held: u64) -> Verdict {
    let broken: Vec<(&str, &str, &Incomplete)> = summary
        .targets
        .iter()
        .filter_map(|(target, result)| {
            let (of, why) = result.gap()?;
            Some((target.as_str(), of, why))
        })
        .collect();
    let act = match urgent {
        0 => "Nothing needs action today.".to_owned(),
        1 => "1 account needs action today.".to_owned(),
        n => format!("{} accounts need action today.", number(n)),
    };
    let mut rest = Vec::new();
    let (tone, sentence) = if summary.targets.is_empty() {
        (
            "incomplete",
            "Nothing was compared: no target is under reconciliation.".to_owned(),
        )
    } else if broken.is_empty() {
        let tone = if urgent == 0 { "good" } else { "act" };
        (tone, format!("Complete. {act}"))
    } else {
        let names: Vec<&str> = broken.iter().map(|(target, ..)| *target).collect();
        let blind = broken.iter().filter(|(_, of, _)| *of == "users").count();
        let kept = match blind {
            0 => "No membership was removed there.",
            _ if blind == broken.len() => "Nothing was removed there.",
            _ => "What could not be seen was not removed.",
        };
        rest.extend(
            broken
                .iter()
                .map(|(target, of, why)| format!("{target}, {of}: {}.", incomplete(why))),
        );
        rest.push(match urgent {
            0 => "Nothing else needs action today.".to_owned(),
            _ => act,
        });
        (
            "incomplete",
            format!(
                "Incomplete: {} could not be read in full. {kept}",
                listed(&names)
            ),
        )
    };
    if repairing > 0 {
        rest.push(match repairing {
            1 => "1 more account is critical; its repair is under way.".to_owned(),
            n => format!(
                "{} more accounts are critical; their repairs are under way.",
                number(n)
            ),
        });
    }
    if held > 0 {
        rest.push(match held {
            1 => "1 repair is held by a limit and waits for a release.".to_owned(),
            n => format!(
                "{} repairs are held by a limit and wait for a release.",
                number(n)
            ),
        });
    }
    if summary.parked > 0 {
        rest.push(match summary.parked {
            1 => "1 worker record waits for HR or a human.".to_owned(),
            n => format!("{} worker records wait for HR or a human.", number(n)),
        });
    }
    Verdict {
        tone,
        sentence,
        rest,
    }
}

/// `a`, `a and b`, `a, b and c`, `a, b, c and 4 more`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] if first.len() <= 3 => format!("{} and {last}", first.join(", ")),
        [a, b, c, more @ ..] => format!("{a}, {b}, {c} and {} more", more.len()),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A number with its noun.
pub(super) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", number(n), if n == 1 { one } else { many })
}

/// A number with `,` between thousands.
pub(super) fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `Friday, 21 November 2025`.
pub(super) fn long_date(date: Date) -> String {
    date.strftime("%A, %-d %B %Y").to_string()
}

/// `21 Nov`.
pub(super) fn short_date(date: Date) -> String {
    date.strftime("%-d %b").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(
            [0, 999, 1_000, 12_345, 1_234_567].map(number),
            ["0", "999", "1,000", "12,345", "1,234,567"]
        );
    }

    #[test]
    fn long_lists_are_cut() {
        assert_eq!(listed(&["a"]), "a");
        assert_eq!(listed(&["a", "b"]), "a and b");
        assert_eq!(listed(&["a", "b", "c"]), "a, b and c");
        assert_eq!(listed(&["a", "b", "c", "d"]), "a, b, c and d");
        assert_eq!(listed(&["a", "b", "c", "d", "e"]), "a, b, c and 2 more");
    }
}
