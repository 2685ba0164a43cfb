//! `lanyard hold`: what limits hold, and who lets it go.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use domain::limit::{Answered, Scope};
use domain::{Hash, IdentityId, TargetId};

use super::stack::{Found, Which, block_on};
use super::{Exit, Screen};
use crate::holds::{Answer, Chosen, HoldView, List, Request};
use crate::local;
use crate::preview::report::words::plain;

/// `lanyard hold`.
#[derive(Subcommand, Debug)]
pub enum HoldCommand {
    /// Every hold: where, of which limit, how many changes wait, and the hash of the list
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Everything that waits in one hold, person by person
    Show {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        hold: Hold,
    },
    /// Let exactly the list go on that `show` printed
    Approve {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        hold: Hold,
        #[command(flatten)]
        decision: Decision,
    },
    /// Leave the list undone until neither HR nor policy want it any more
    Reject {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        hold: Hold,
        #[command(flatten)]
        decision: Decision,
    },
}

/// Which hold, and which part of it.
#[derive(Args, Debug)]
pub struct Hold {
    /// The target
    #[arg(value_name = "TARGET")]
    target: String,
    /// The limit: block, disable, delete, revoke, rename, manager, or revoke:ENTITLEMENT
    #[arg(value_name = "LIMIT")]
    scope: Scope,
    /// Only this identity; may be repeated. The list, and its hash, are then those of the part
    #[arg(long, value_name = "IDENTITY")]
    only: Vec<String>,
}

/// Who decides about which list.
#[derive(Args, Debug)]
pub struct Decision {
    /// Hash of the list, as `show` printed it with the same arguments
    #[arg(long, value_name = "HASH")]
    list: Hash,
    /// Who decides; recorded, and shown by `list`
    #[arg(long = "as", value_name = "NAME", value_parser = named)]
    by: String,
}

/// Somebody's name.
fn named(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    if name.is_empty() {
        return Err("name who decides");
    }
    Ok(name.to_owned())
}

impl Hold {
    fn chosen(&self) -> Chosen {
        let only = self.only.iter().map(|one| IdentityId::from(one.as_str()));
        Chosen {
            target: TargetId::from(self.target.as_str()),
            scope: self.scope.clone(),
            only: only.collect::<BTreeSet<_>>(),
        }
    }
}

impl HoldCommand {
    /// Where, and what.
    fn asked(&self) -> (&Which, Request) {
        match self {
            Self::List { which } => (which, Request::List),
            Self::Show { which, hold } => (which, Request::Show(hold.chosen())),
            Self::Approve {
                which,
                hold,
                decision,
            } => {
                let approve = Request::Approve {
                    chosen: hold.chosen(),
                    list: decision.list,
                    by: decision.by.as_str().into(),
                };
                (which, approve)
            }
            Self::Reject {
                which,
                hold,
                decision,
            } => {
                let reject = Request::Reject {
                    chosen: hold.chosen(),
                    list: decision.list,
                    by: decision.by.as_str().into(),
                };
                (which, reject)
            }
        }
    }
}

pub(super) fn run(command: &HoldCommand, screen: Screen) -> Exit {
    let (which, request) = command.asked();
    let answered = block_on(async {
        match which.find().await? {
            Found::Running(mut connection) => connection.hold(&request).await,
            Found::Resting(data, described) => {
                let stack = local::open(&data, &described, None).await?;
                Ok(stack.operations().holds().answer(&request).await?)
            }
            Found::Deployed(cloud) => {
                let operations = cloud.operations().await?;
                Ok(operations.holds().answer(&request).await?)
            }
        }
    });
    match answered {
        Ok(answer) => {
            screen.result(text(&answer), &answer);
            exit(&answer)
        }
        Err(error) => {
            screen.error(&error);
            Exit::Failed
        }
    }
}

/// Something waits, or what was asked was not done.
fn exit(answer: &Answer) -> Exit {
    match answer {
        Answer::Holds { holds, .. } if holds.is_empty() => Exit::Fine,
        Answer::List(list) if list.entries.is_empty() => Exit::Findings,
        Answer::List(_) | Answer::Released { .. } | Answer::Rejected { .. } => Exit::Fine,
        Answer::Holds { .. }
        | Answer::Waiting { .. }
        | Answer::Already
        | Answer::Changed { .. }
        | Answer::NoHold
        | Answer::Opened { .. } => Exit::Findings,
    }
}

fn text(answer: &Answer) -> String {
    match answer {
        Answer::Holds { holds, answered } => {
            let waiting = if holds.is_empty() {
                "nothing is held".into()
            } else {
                table(holds)
            };
            format!("{waiting}{}", said(answered))
        }
        Answer::List(list) => lines(list),
        Answer::Waiting { more } => format!("counted; {more} more have to agree"),
        Answer::Already => "you agreed to this list before; somebody else has to".into(),
        Answer::Released {
            lines,
            people,
            by,
            until,
        } => format!(
            "released: {lines} changes of {people} people, agreed to by {}, until {until}",
            by.join(", ")
        ),
        Answer::Rejected { people } => {
            format!("rejected: what waits of {people} people stays undone")
        }
        Answer::Changed { now } => format!(
            "nothing was done: the list is not the one that you name; it is {now} now, look at it again"
        ),
        Answer::NoHold => "nothing waits there".into(),
        Answer::Opened { new } => format!("{new} holds are open that were not before"),
    }
}

fn table(holds: &[HoldView]) -> String {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY);
    table.set_header([
        "target", "limit", "since", "pass", "wait", "people", "agreed", "list",
    ]);
    for hold in holds {
        table.add_row([
            hold.target.to_string(),
            hold.scope.to_string(),
            hold.since.strftime("%Y-%m-%d %H:%MZ").to_string(),
            hold.allowed.to_string(),
            hold.lines.to_string(),
            hold.people.to_string(),
            format!("{} of {}", hold.agreed.len(), hold.needed),
            hold.list.short(),
        ]);
    }
    table.to_string()
}

/// What operators said to earlier lists.
fn said(answered: &[(TargetId, Answered)]) -> String {
    let mut text = String::new();
    for (target, one) in answered {
        let at = one.vote.at.strftime("%Y-%m-%d %H:%MZ");
        let by = plain(&one.vote.by);
        let (scope, lines, list) = (&one.scope, one.lines, one.vote.list.short());
        let what = if one.yes { "yes" } else { "no" };
        // Writing to a text cannot fail.
        write!(
            text,
            "\n{at}  `{by}` said {what} to {lines} changes: {target} {scope}, list {list}"
        )
        .ok();
    }
    text
}

fn lines(list: &List) -> String {
    let mut text = String::new();
    for (identity, lines) in &list.entries {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        // Writing to a text cannot fail.
        writeln!(text, "{identity}  {}", lines.join(", ")).ok();
    }
    let part = if list.whole { "" } else { " of those chosen" };
    write!(
        text,
        "{} changes of {} people{part}\nlist  {}",
        list.lines(),
        list.entries.len(),
        list.hash
    )
    .ok();
    text
}
