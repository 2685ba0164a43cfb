//! Requests to look at somebody again, which operators cause. What is found then decides.

use std::collections::BTreeMap;
use std::fmt;

use contract::{Cause, ConvergeRequest, Lane, PlanRequest};
use domain::RecordKey;
use ports::{Clock, Fault, Lanes, Outgoing};

/// Messages handed to a lane at once.
const CHUNK: usize = 100;

/// Somebody to be looked at again.
pub(crate) enum Look {
    Record(RecordKey),
    /// Through which lane, and what.
    Account(Lane, ConvergeRequest),
}

impl Look {
    /// What a message of ours asks for. An account is looked at whatever was applied there.
    pub(super) fn of(lane: &Lane, body: &str) -> Option<Self> {
        match lane {
            Lane::Facts => {
                let request: PlanRequest = serde_json::from_str(body).ok()?;
                Some(Self::Record(request.record))
            }
            Lane::Target(_) | Lane::Terminations => {
                let request: ConvergeRequest = serde_json::from_str(body).ok()?;
                let request = ConvergeRequest {
                    look: true,
                    cause: Cause::Operator,
                    ..request
                };
                Some(Self::Account(lane.clone(), request))
            }
        }
    }

    fn message(&self, why: &str, at: i64) -> Result<Outgoing, Fault> {
        let (group, body) = match self {
            Self::Record(record) => {
                let request = PlanRequest::new(record.clone(), Cause::Operator);
                (record.to_string(), serde_json::to_string(&request))
            }
            Self::Account(_, request) => (request.group(), serde_json::to_string(request)),
        };
        Ok(Outgoing {
            dedup: format!("{why}#{at}#{group}"),
            group,
            body: body.map_err(|_| Fault::reject("the request cannot be written as JSON"))?,
        })
    }

    fn lane(&self) -> Lane {
        match self {
            Self::Record(_) => Lane::Facts,
            Self::Account(lane, _) => lane.clone(),
        }
    }
}

impl fmt::Display for Look {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(record) => write!(f, "record {record}"),
            Self::Account(_, request) => write!(f, "{} on {}", request.identity, request.target),
        }
    }
}

/// Sends requests to look, each to its own lane.
pub(crate) async fn hand_over<L: Lanes, C: Clock>(
    lanes: &L,
    clock: &C,
    looks: Vec<Look>,
    why: &str,
) -> Result<(), Fault> {
    let at = clock.now().as_microsecond();
    let mut by_lane = BTreeMap::<Lane, Vec<Outgoing>>::new();
    for look in looks {
        let messages = by_lane.entry(look.lane()).or_default();
        messages.push(look.message(why, at)?);
    }
    for (lane, messages) in by_lane {
        for some in messages.chunks(CHUNK) {
            lanes.send(&lane, some).await?;
        }
    }
    Ok(())
}
