//! Cases, links and tasks in words, for people.

use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use domain::case::CaseState;
use domain::task::TaskState;

use crate::operations::{
    CaseView, DeadView, LinkView, Operated, ParkedView, ReportView, Seen, TaskView,
};
use crate::preview::report::words::plain;

/// Whatever an operator asked for.
pub(super) fn text(operated: &Operated) -> String {
    match operated {
        Operated::Recorded => "recorded".to_owned(),
        Operated::Seen(seen) => seen_text(seen),
        Operated::Parked(parked) if parked.is_empty() => "nothing is parked".to_owned(),
        Operated::Parked(parked) => parked_text(parked),
        Operated::Dead(dead) if dead.is_empty() => "nothing was given up".to_owned(),
        Operated::Dead(dead) => dead_text(dead),
        Operated::HandedOver { count, left: 0 } => {
            format!("{count} handed over to be looked at again")
        }
        Operated::HandedOver { count, left } => format!(
            "{count} handed over to be looked at again; {left} messages are not ours and stay"
        ),
        Operated::Reports(reports) if reports.is_empty() => "no run has finished yet".to_owned(),
        Operated::Reports(reports) => reports_text(reports),
        Operated::Place(place) => place.clone(),
    }
}

fn seen_text(seen: &Seen) -> String {
    match seen {
        Seen::Cases(cases) => match cases.as_slice() {
            [] => "no case waits".to_owned(),
            [one] => case_text(one),
            many => cases_text(many),
        },
        Seen::Links(links) => match links.as_slice() {
            [] => "nobody is known".to_owned(),
            [one] => link_text(one),
            many => links_text(many),
        },
        Seen::Tasks(tasks) => match tasks.as_slice() {
            [] => "no task waits".to_owned(),
            [one] => task_text(one),
            many => tasks_text(many),
        },
    }
}

fn parked_text(parked: &[ParkedView]) -> String {
    let mut table = table(["identity", "what waits", "why"]);
    for one in parked {
        let what = match (&one.record, &one.target) {
            (Some(record), _) => format!("record {record}"),
            (None, Some(target)) => format!("account on {target}"),
            (None, None) => String::new(),
        };
        table.add_row([one.identity.to_string(), what, one.why.clone()]);
    }
    table.to_string()
}

fn dead_text(dead: &[DeadView]) -> String {
    let mut table = table(["queue", "message", "about", "received"]);
    for one in dead {
        let about = one.about.clone();
        table.add_row([
            one.queue.clone(),
            one.id.to_string(),
            about.unwrap_or_else(|| "not one of ours".to_owned()),
            format!("{} times", one.receives),
        ]);
    }
    table.to_string()
}

fn reports_text(reports: &[ReportView]) -> String {
    let mut table = table(["day", "run", "complete", "findings", "new"]);
    for one in reports {
        table.add_row([
            one.date.to_string(),
            one.run.to_string(),
            if one.complete { "yes" } else { "no" }.to_owned(),
            one.findings.to_string(),
            one.new.to_string(),
        ]);
    }
    table.to_string()
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header(header);
    table
}

fn day(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn case_state(state: &CaseState) -> String {
    match state {
        CaseState::Open => "open".to_owned(),
        CaseState::Closed { at } => format!("went away by itself on {}", day(*at)),
        CaseState::Decided {
            verdict,
            by,
            reason,
            at,
        } => format!(
            "`{}`, decided by `{}` on {}: {}",
            verdict.name(),
            plain(by),
            day(*at),
            plain(reason)
        ),
    }
}

fn cases_text(cases: &[CaseView]) -> String {
    let mut table = table(["case", "about", "since", "candidates", "state"]);
    for case in cases {
        let candidates: Vec<String> = case
            .candidates
            .iter()
            .map(|one| format!("{} ({})", one.identity, one.confidence))
            .collect();
        table.add_row([
            case.id.to_string(),
            format!("{} {}", case.kind, case.about),
            day(case.since),
            candidates.join("\n"),
            case_state(&case.state),
        ]);
    }
    table.to_string()
}

fn case_text(case: &CaseView) -> String {
    let worker = case.worker.as_ref();
    let worker = worker.map_or_else(String::new, |worker| format!(" (worker {})", plain(worker)));
    let mut table = table(["candidate", "confidence", "agrees", "contradicts"]);
    for one in &case.candidates {
        let names = |agrees| {
            let clues = one.clues.iter().filter(|clue| clue.agrees == agrees);
            clues.map(|clue| &*clue.attr).collect::<Vec<_>>().join(", ")
        };
        table.add_row([
            one.identity.to_string(),
            one.confidence.to_string(),
            names(true),
            names(false),
        ]);
    }
    format!(
        "{} about {} {}{worker}, since {}\n{}\n{table}\n{}",
        case.id,
        case.kind,
        case.about,
        case.since,
        case.why,
        case_state(&case.state)
    )
}

fn links_text(links: &[LinkView]) -> String {
    let mut table = table(["identity", "state", "records", "accounts"]);
    for link in links {
        let records: Vec<String> = link
            .records
            .iter()
            .map(|one| format!("{} by {}", one.record, one.by))
            .collect();
        let accounts: Vec<String> = link
            .accounts
            .iter()
            .map(|(target, account)| format!("{target}: {}", account.ownership))
            .collect();
        table.add_row([
            link.identity.to_string(),
            link.state.clone(),
            records.join("\n"),
            accounts.join("\n"),
        ]);
    }
    table.to_string()
}

fn link_text(link: &LinkView) -> String {
    let mut records = table(["record", "worker", "linked by", "confidence", "since"]);
    for one in &link.records {
        records.add_row([
            one.record.to_string(),
            one.worker.as_deref().map(plain).unwrap_or_default(),
            one.by.clone(),
            one.confidence.to_string(),
            one.at.to_string(),
        ]);
    }
    let mut accounts = table(["target", "ownership", "can sign in", "waits for a human"]);
    for (target, account) in &link.accounts {
        let named = if account.named {
            ", by an operator"
        } else {
            ""
        };
        accounts.add_row([
            target.to_string(),
            format!("{}{named}", account.ownership),
            if account.active { "yes" } else { "no" }.to_owned(),
            account.parked.as_deref().map(plain).unwrap_or_default(),
        ]);
    }
    let decisions: Vec<String> = link
        .decisions
        .iter()
        .map(|one| {
            format!(
                "{} `{}`: {} {} ({})",
                one.at,
                plain(&one.by),
                one.record,
                one.what,
                plain(&one.reason)
            )
        })
        .collect();
    format!(
        "identity {} is {}\n{records}\n{accounts}\n{}",
        link.identity,
        link.state,
        decisions.join("\n")
    )
}

fn task_state(state: &TaskState) -> String {
    match state {
        TaskState::Open => "open".to_owned(),
        TaskState::Done { by, note, at } => {
            format!(
                "done, says `{}` on {}: {}",
                plain(by),
                day(*at),
                plain(note)
            )
        }
        TaskState::Cancelled { by, note, at } => {
            format!(
                "cancelled by `{}` on {}: {}",
                plain(by),
                day(*at),
                plain(note)
            )
        }
        TaskState::Replaced { by, at } => match by {
            Some(by) => format!("replaced by {by} on {}", day(*at)),
            None => format!("not needed any more since {}", day(*at)),
        },
    }
}

fn tasks_text(tasks: &[TaskView]) -> String {
    let mut table = table(["task", "where", "identity", "owner", "due", "what", "state"]);
    for task in tasks {
        table.add_row([
            task.id.to_string(),
            task.of.clone(),
            task.identity.to_string(),
            task.owner.clone(),
            day(task.due),
            task.steps
                .iter()
                .map(|step| plain(step))
                .collect::<Vec<_>>()
                .join("\n"),
            task_state(&task.state),
        ]);
    }
    table.to_string()
}

fn task_text(task: &TaskView) -> String {
    let worker = task.worker.as_ref();
    let worker = worker.map_or_else(String::new, |worker| format!(" (worker {})", plain(worker)));
    let steps: Vec<String> = task
        .steps
        .iter()
        .enumerate()
        .map(|(at, step)| format!("  {}. {}", at + 1, plain(step)))
        .collect();
    format!(
        "{} for `{}`: {}, about {}{worker}\n{}\nsince {}, due {}\n{}",
        task.id,
        task.owner,
        task.of,
        task.identity,
        steps.join("\n"),
        task.since,
        task.due,
        task_state(&task.state)
    )
}
