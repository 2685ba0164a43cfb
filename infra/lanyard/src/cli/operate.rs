//! `lanyard case`, `lanyard link` and `lanyard task`: what people are asked, what they decide, and
//! what they have to do.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use planner::operator::{Answer, End, Said};

use super::stack::{Found, Which, block_on};
use super::{Exit, Screen, environment, words};
use crate::local;
use crate::operations::{Decide, Operate, See, Subject};

/// The variable with the operator's name, where `--as` does not say it.
const OPERATOR: &str = "LANYARD_OPERATOR";

/// Who decides, and why.
#[derive(Args, Debug)]
pub struct Decider {
    /// The operator's name; LANYARD_OPERATOR where it is left out
    #[arg(long = "as", value_name = "NAME")]
    by: Option<String>,
    /// Why. It is kept for the audit: no personal data belongs in it
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Decider {
    fn said(&self) -> anyhow::Result<Said> {
        let by = self.by.clone().or_else(|| environment(OPERATOR));
        let by = by.with_context(|| format!("who decides? give --as NAME or set {OPERATOR}"))?;
        if by.trim().is_empty() || self.reason.trim().is_empty() {
            bail!("a decision needs a name and a reason");
        }
        Ok(Said {
            by: by.trim().into(),
            reason: self.reason.trim().into(),
        })
    }
}

/// `lanyard case`.
#[derive(Subcommand, Debug)]
pub enum CaseCommand {
    /// Cases that wait for a decision
    List {
        #[command(flatten)]
        which: Which,
        /// Those too that are decided or went away
        #[arg(long)]
        all: bool,
    },
    /// One case: the candidates, their confidence, what agrees and what contradicts
    Show {
        #[command(flatten)]
        which: Which,
        /// The case
        id: String,
    },
    /// Decide a case; it is never asked again
    Decide {
        #[command(flatten)]
        which: Which,
        /// The case
        id: String,
        /// `same` or `different` for a worker record, `adopt` or `leave-alone` for an account, `same` too
        /// for one of several
        answer: Word,
        /// The identity that is meant, where there are several candidates
        #[arg(long, value_name = "ID")]
        identity: Option<String>,
        #[command(flatten)]
        decider: Decider,
    },
}

/// `lanyard target`.
#[derive(Subcommand, Debug)]
pub enum TargetCommand {
    /// Leave a target alone: nothing but blocks of leavers' sign-in reaches it
    Pause {
        #[command(flatten)]
        which: Which,
        /// The target
        target: String,
        #[command(flatten)]
        decider: Decider,
    },
    /// Call it again, and hand over what is owed to it
    Resume {
        #[command(flatten)]
        which: Which,
        /// The target
        target: String,
        #[command(flatten)]
        decider: Decider,
    },
}

/// `lanyard parked`.
#[derive(Subcommand, Debug)]
pub enum ParkedCommand {
    /// Worker records and accounts that wait, and why
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Look at them again
    #[command(group = clap::ArgGroup::new("what").required(true).args(["id", "all"]))]
    Retry {
        #[command(flatten)]
        which: Which,
        /// The identity or the worker record
        id: Option<String>,
        /// Everything that is parked
        #[arg(long)]
        all: bool,
    },
}

/// `lanyard dead-letter`.
#[derive(Subcommand, Debug)]
pub enum DeadLetterCommand {
    /// Messages that were given up, and whom they were about
    List {
        #[command(flatten)]
        which: Which,
    },
    /// Plan the people whom they were about again, and take the messages away
    Replan {
        #[command(flatten)]
        which: Which,
    },
}

/// `lanyard report`.
#[derive(Subcommand, Debug)]
pub enum ReportCommand {
    /// Finished nightly runs, the latest first
    List {
        #[command(flatten)]
        which: Which,
        /// How many
        #[arg(long, default_value_t = 30, value_name = "N")]
        last: usize,
    },
    /// Where a report can be opened: a path, or a link that works for a quarter of an hour
    Open {
        #[command(flatten)]
        which: Which,
        /// The run, or the beginning of its name; the latest where it is left out
        run: Option<String>,
        /// Another file than the page for people
        #[arg(long, default_value = reconciler::report::SUMMARY, value_name = "FILE")]
        file: String,
    },
}

/// An answer in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Word {
    /// The record belongs to the candidate
    Same,
    /// The record belongs to none of the candidates, or not to the one that is named
    Different,
    /// The account is taken over for the candidate, whatever policy says about adoption
    Adopt,
    /// The account stays as it is, and is no finding any more
    LeaveAlone,
}

/// `lanyard link`.
#[derive(Subcommand, Debug)]
pub enum LinkCommand {
    /// Which worker records and accounts belong to which identity
    List {
        #[command(flatten)]
        which: Which,
    },
    /// The links of one identity, and what operators decided about them
    Show {
        #[command(flatten)]
        which: Which,
        /// The identity, or one of its worker records
        id: String,
    },
    /// Move a worker record, or unlink an account
    #[command(group = clap::ArgGroup::new("what").required(true).args(["to", "own", "unlink"]))]
    Repair {
        #[command(flatten)]
        which: Which,
        /// The worker record that moves; with --unlink the identity
        id: String,
        /// To this identity
        #[arg(long, value_name = "ID")]
        to: Option<String>,
        /// To an identity of its own
        #[arg(long)]
        own: bool,
        /// The account on this target is somebody else's: the record forgets it, nothing touches it
        #[arg(long, value_name = "TARGET")]
        unlink: Option<String>,
        #[command(flatten)]
        decider: Decider,
    },
}

/// `lanyard task`.
#[derive(Subcommand, Debug)]
pub enum TaskCommand {
    /// Tasks that nobody has done yet
    List {
        #[command(flatten)]
        which: Which,
        /// Those too that are done, cancelled or replaced
        #[arg(long)]
        all: bool,
    },
    /// One task: what to do, for whom, until when
    Show {
        #[command(flatten)]
        which: Which,
        /// The task
        id: String,
    },
    /// It is done
    Done {
        #[command(flatten)]
        which: Which,
        /// The task
        id: String,
        #[command(flatten)]
        decider: Decider,
    },
    /// It will not be done
    Cancel {
        #[command(flatten)]
        which: Which,
        /// The task
        id: String,
        #[command(flatten)]
        decider: Decider,
    },
}

pub(super) fn case(command: &CaseCommand, screen: Screen) -> Exit {
    run(screen, || {
        Ok(match command {
            CaseCommand::List { which, all } => (which, see(See::Cases { all: *all })),
            CaseCommand::Show { which, id } => (
                which,
                see(See::Case {
                    id: id.as_str().into(),
                }),
            ),
            CaseCommand::Decide {
                which,
                id,
                answer,
                identity,
                decider,
            } => {
                let identity = identity.as_deref().map(Into::into);
                let answer = match answer {
                    Word::Same => Answer::Same(identity),
                    Word::Different => Answer::Different(identity),
                    Word::Adopt => Answer::Adopt(identity),
                    Word::LeaveAlone => Answer::LeaveAlone,
                };
                let decide = Operate::Decide(Decide::Case {
                    id: id.as_str().into(),
                    answer,
                    said: decider.said()?,
                });
                (which, decide)
            }
        })
    })
}

pub(super) fn link(command: &LinkCommand, screen: Screen) -> Exit {
    run(screen, || {
        Ok(match command {
            LinkCommand::List { which } => (which, see(See::Links)),
            LinkCommand::Show { which, id } => (
                which,
                see(See::Link {
                    of: id.as_str().into(),
                }),
            ),
            LinkCommand::Repair {
                which,
                id,
                to,
                own: _,
                unlink,
                decider,
            } => {
                let said = decider.said()?;
                let repair = match unlink {
                    Some(target) => Decide::Unlink {
                        identity: id.as_str().into(),
                        target: target.as_str().into(),
                        said,
                    },
                    None => Decide::Move {
                        record: id.as_str().into(),
                        to: to.as_deref().map(Into::into),
                        said,
                    },
                };
                (which, Operate::Decide(repair))
            }
        })
    })
}

pub(super) fn task(command: &TaskCommand, screen: Screen) -> Exit {
    let end = |id: &String, end, decider: &Decider| {
        Ok::<_, anyhow::Error>(Operate::Decide(Decide::Task {
            id: id.as_str().into(),
            end,
            said: decider.said()?,
        }))
    };
    run(screen, || {
        Ok(match command {
            TaskCommand::List { which, all } => (which, see(See::Tasks { all: *all })),
            TaskCommand::Show { which, id } => (
                which,
                see(See::Task {
                    id: id.as_str().into(),
                }),
            ),
            TaskCommand::Done { which, id, decider } => (which, end(id, End::Done, decider)?),
            TaskCommand::Cancel { which, id, decider } => {
                (which, end(id, End::Cancelled, decider)?)
            }
        })
    })
}

pub(super) fn target(command: &TargetCommand, screen: Screen) -> Exit {
    run(screen, || {
        Ok(match command {
            TargetCommand::Pause {
                which,
                target,
                decider,
            } => {
                let (target, said) = (target.as_str().into(), decider.said()?);
                (which, Operate::Pause { target, said })
            }
            TargetCommand::Resume {
                which,
                target,
                decider,
            } => {
                let (target, said) = (target.as_str().into(), decider.said()?);
                (which, Operate::Resume { target, said })
            }
        })
    })
}

pub(super) fn parked(command: &ParkedCommand, screen: Screen) -> Exit {
    run(screen, || {
        Ok(match command {
            ParkedCommand::List { which } => (which, Operate::Parked),
            ParkedCommand::Retry { which, id, all: _ } => {
                let of = id.as_deref().map(|id| Subject(id.into()));
                (which, Operate::Retry { of })
            }
        })
    })
}

pub(super) fn dead_letter(command: &DeadLetterCommand, screen: Screen) -> Exit {
    run(screen, || {
        Ok(match command {
            DeadLetterCommand::List { which } => (which, Operate::Dead),
            DeadLetterCommand::Replan { which } => (which, Operate::Replan),
        })
    })
}

pub(super) fn report(command: &ReportCommand, screen: Screen) -> Exit {
    run(screen, || {
        Ok(match command {
            ReportCommand::List { which, last } => (which, Operate::Reports { most: *last }),
            ReportCommand::Open { which, run, file } => {
                let (run, file) = (run.clone(), file.clone());
                (which, Operate::Report { run, file })
            }
        })
    })
}

const fn see(what: See) -> Operate {
    Operate::See(what)
}

fn run<'a>(screen: Screen, asked: impl FnOnce() -> anyhow::Result<(&'a Which, Operate)>) -> Exit {
    let done = asked().and_then(|(which, operate)| {
        block_on(async {
            match which.find().await? {
                Found::Running(mut connection) => connection.operate(&operate).await,
                Found::Resting(data, described) => {
                    let decides = operate.decides();
                    let stack = local::open(&data, &described, None).await?;
                    let operated = stack.operations().operate(operate).await?;
                    if decides {
                        screen.note("the next start of the stack carries it out");
                    }
                    Ok(operated)
                }
                Found::Deployed(cloud) => {
                    let operations = cloud.operations().await?;
                    Ok(operations.operate(operate).await?)
                }
            }
        })
    });
    match done {
        Ok(operated) => {
            screen.result(words::text(&operated), &operated);
            Exit::Fine
        }
        Err(error) => {
            screen.error(&error);
            Exit::Failed
        }
    }
}
