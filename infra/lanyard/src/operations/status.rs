//! What is in flight, owed, parked and resting.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use domain::{Finding, Hash};
use ports::cases::Which;
use ports::store::{Health, Pause};
use ports::{Backlog, Cases, Clock, Fault, Store, Walk};
use serde::{Deserialize, Serialize};

use super::Operations;

/// What is in flight, owed, parked and resting.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether nothing is in flight, nobody is due and nothing is owed.
    pub idle: bool,
    /// The policy version that new work begins under.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Hash>,
    /// Why the published version is not the one that is worked under, where it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_followed: Option<String>,
    /// Queues by name.
    pub lanes: BTreeMap<String, LaneStatus>,
    /// Identities.
    pub identities: u64,
    /// Identities by state.
    pub states: BTreeMap<String, u64>,
    /// Identities whose time has come and that the planner has not looked at yet.
    pub due: u64,
    /// Accounts that a connector still owes an answer for.
    pub owed: u64,
    /// Worker records that wait for HR or for a human.
    pub parked_records: u64,
    /// Accounts that a target will not have.
    pub parked_accounts: u64,
    /// Accounts of which limits hold something.
    #[serde(default)]
    pub held_accounts: u64,
    /// Cases that nobody has decided.
    #[serde(default)]
    pub cases: u64,
    /// Tasks that nobody has done.
    #[serde(default)]
    pub tasks: u64,
    /// Targets by name.
    pub targets: BTreeMap<String, TargetStatus>,
}

/// One queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneStatus {
    /// Waiting.
    pub visible: usize,
    /// Being worked on, or put off.
    pub in_flight: usize,
    /// Given up after too many attempts.
    pub dead: usize,
}

/// One target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetStatus {
    /// Whether it may be called.
    pub healthy: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When somebody tries again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<jiff::Timestamp>,
    /// Who paused it, when and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<String>,
    /// Accounts that we made or adopted and that exist.
    pub accounts: u64,
}

/// How many due identities are counted.
const MOST_DUE: usize = 10_000;

impl<S, L, B, C> Operations<'_, S, L, B, C>
where
    S: Store + Cases,
    L: Backlog,
    C: Clock,
{
    /// Reads all of it.
    pub async fn status(&self) -> Result<Status, Fault> {
        let mut status = Status::default();
        let mut quiet = true;
        for queue in &self.queues {
            let depth = self.lanes.depth(queue).await?;
            quiet &= depth.visible == 0 && depth.in_flight == 0;
            let lane = LaneStatus {
                visible: depth.visible,
                in_flight: depth.in_flight,
                dead: depth.dead,
            };
            status.lanes.insert(queue.to_string(), lane);
        }
        status.policy = Some(self.policy.version);
        for name in self.policy.targets.keys() {
            let mut target = TargetStatus::default();
            match self.store.health(name).await? {
                Health::Healthy => target.healthy = true,
                Health::Throttled { until } => {
                    target.healthy = true;
                    target.reason = Some("the target asked for a pause".into());
                    target.next_attempt = Some(until);
                }
                Health::Quarantined {
                    reason,
                    next_attempt,
                    ..
                } => {
                    target.reason = Some(reason.into());
                    target.next_attempt = Some(next_attempt);
                }
                Health::Paused(pause) => {
                    let Pause { by, reason, since } = pause;
                    target.paused = Some(format!("paused by {by} since {since}: {reason}"));
                }
            }
            status.targets.insert(name.as_str().to_owned(), target);
        }
        self.count(&mut status).await?;
        status.cases = self.store.cases(Which::Open).await?.len() as u64;
        status.tasks = self.store.tasks(Which::Open).await?.len() as u64;
        let due = self.store.due(self.clock.now(), MOST_DUE).await?;
        status.due = due.len() as u64;
        status.idle = quiet && status.due == 0 && status.owed == 0;
        Ok(status)
    }

    async fn count(&self, status: &mut Status) -> Result<(), Fault> {
        let mut walk = Walk::over(self.store);
        while let Some(rows) = walk.page().await? {
            for (_, seat) in rows {
                status.identities += 1;
                status.owed += seat.owed.len() as u64;
                let parked = seat.record.findings.iter();
                let parked = parked.filter(|finding| matches!(finding, Finding::Parked { .. }));
                status.parked_records += parked.count() as u64;
                *status.states.entry(state_name(&seat)).or_default() += 1;
                for (name, account) in &seat.accounts {
                    status.parked_accounts += u64::from(account.parked.is_some());
                    status.held_accounts += u64::from(account.held.is_some());
                    if let Some(target) = status.targets.get_mut(name.as_str())
                        && account.id.is_some()
                    {
                        target.accounts += 1;
                    }
                }
            }
        }
        Ok(())
    }
}

fn state_name(seat: &ports::store::Seat) -> String {
    format!("{:?}", seat.record.state).to_lowercase()
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lanes = Table::new();
        lanes.load_style(UTF8_BORDERS_ONLY);
        lanes.set_header(["queue", "waiting", "in flight", "dead letters"]);
        for (name, lane) in &self.lanes {
            lanes.add_row([
                name.clone(),
                lane.visible.to_string(),
                lane.in_flight.to_string(),
                lane.dead.to_string(),
            ]);
        }
        let mut targets = Table::new();
        targets.load_style(UTF8_BORDERS_ONLY);
        targets.set_header(["target", "accounts", "health"]);
        for (name, target) in &self.targets {
            let health = match (&target.reason, target.next_attempt) {
                _ if target.paused.is_some() => target.paused.clone().unwrap_or_default(),
                (Some(reason), Some(next)) => format!("rests until {next}: {reason}"),
                (Some(reason), None) => format!("rests: {reason}"),
                (None, _) => "healthy".to_owned(),
            };
            targets.add_row([name.clone(), target.accounts.to_string(), health]);
        }
        let states: Vec<String> = self
            .states
            .iter()
            .map(|(state, n)| format!("{n} {state}"))
            .collect();
        writeln!(f, "{lanes}\n{targets}")?;
        if let Some(policy) = self.policy {
            writeln!(f, "policy      {}", policy.short())?;
        }
        if let Some(why) = &self.not_followed {
            writeln!(
                f,
                "            a newer version is published and not worked under: {why}"
            )?;
        }
        writeln!(f, "identities  {} ({})", self.identities, states.join(", "))?;
        writeln!(f, "due         {}", self.due)?;
        writeln!(f, "owed        {}", self.owed)?;
        writeln!(
            f,
            "parked      {} records, {} accounts",
            self.parked_records, self.parked_accounts
        )?;
        match self.held_accounts {
            0 => writeln!(f, "held        0 accounts")?,
            held => writeln!(f, "held        {held} accounts: `lanyard hold list`")?,
        }
        writeln!(
            f,
            "waiting     {} cases, {} tasks for people",
            self.cases, self.tasks
        )?;
        write!(f, "{}", if self.idle { "idle" } else { "at work" })
    }
}
