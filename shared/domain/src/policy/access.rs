//! What policy says about holding: how critical an entitlement is, how long it stays, what it
//! brings along, what may not be held together, and who takes part in a rollout.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::{Condition, Policy};
use crate::{EntitlementId, SourceId, TargetId, WorkerId};

/// What an entitlement asks of whoever holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// How much harm its misuse does.
    pub criticality: Criticality,
    /// What the company calls it.
    pub what: What,
    /// Every entitlement whose access it brings along, because its group is nested in theirs at
    /// the target, through however many groups.
    pub within: BTreeSet<EntitlementId>,
    /// Days that it stays after a move took it away; `None` leaves it to the role.
    pub overlap_days: Option<u16>,
    /// Days after which it lapses, counted from when the person came to be entitled.
    pub max_days: Option<u16>,
    /// No automatic plan leaves it with fewer holders than these.
    pub required_holders: Option<u32>,
}

/// How much harm the misuse of an entitlement does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Criticality {
    /// A nuisance.
    Low,
    /// What work is made of.
    #[default]
    Medium,
    /// A loss that the company feels.
    High,
    /// A loss that the company may not survive.
    Critical,
}

impl Criticality {
    /// From the least to the most harm.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// As it stands in policy files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What the company calls an entitlement. All but licences are memberships of groups on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A group.
    #[default]
    Group,
    /// A licence.
    Licence,
    /// A team.
    Team,
    /// A permission set.
    PermissionSet,
    /// A folder.
    Folder,
    /// A shared drive.
    SharedDrive,
    /// An administrative role.
    AdminRole,
}

impl What {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Group,
        Self::Licence,
        Self::Team,
        Self::PermissionSet,
        Self::Folder,
        Self::SharedDrive,
        Self::AdminRole,
    ];

    /// As it stands in policy files and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Licence => "licence",
            Self::Team => "team",
            Self::PermissionSet => "permission_set",
            Self::Folder => "folder",
            Self::SharedDrive => "shared_drive",
            Self::AdminRole => "admin_role",
        }
    }

    /// For people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Licence => "licence",
            Self::Team => "team",
            Self::PermissionSet => "permission set",
            Self::Folder => "folder",
            Self::SharedDrive => "shared drive",
            Self::AdminRole => "administrative role",
        }
    }
}

/// Entitlements of which a person holds one: the highest that is wanted.
#[derive(Clone, Debug)]
pub struct Tier {
    /// Name.
    pub name: Box<str>,
    /// From the lowest to the highest.
    pub entitlements: Vec<EntitlementId>,
}

/// Entitlements that nobody may hold together.
#[derive(Clone, Debug)]
pub struct Sod {
    /// Name.
    pub name: Box<str>,
    /// Which.
    pub apart: Apart,
    /// Whether they are kept apart or reported.
    pub mode: SodMode,
    /// People to whom it does not apply for a while.
    pub exceptions: Vec<SodException>,
}

/// What is kept apart.
#[derive(Clone, Debug)]
pub enum Apart {
    /// Nobody holds an entitlement of each side.
    Pair {
        /// One side, which stays where a person is given both.
        left: BTreeSet<EntitlementId>,
        /// The other side.
        right: BTreeSet<EntitlementId>,
    },
    /// Nobody holds more than so many.
    Set {
        /// Of these; the first in the list stay where a person is given more.
        of: Vec<EntitlementId>,
        /// How many.
        at_most: u32,
    },
}

/// Whether separation of duties prevents or reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SodMode {
    /// What would break it is not given.
    #[default]
    Preventive,
    /// What breaks it is reported.
    Detective,
}

/// A person to whom separation does not apply for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SodException {
    /// Who states facts about the person.
    pub source: SourceId,
    /// The person's worker record there.
    pub worker: WorkerId,
    /// When the exception lapses.
    pub until: Timestamp,
    /// Who agreed.
    pub by: Box<str>,
    /// Why.
    pub reason: Box<str>,
}

/// Who takes part in a pilot: everybody for whom the conditions hold and whom the percentage
/// takes in.
#[derive(Clone, Debug, Default)]
pub struct Cohort {
    /// Every condition must hold; none is everybody.
    pub when: Vec<Condition>,
    /// Percent of those people.
    pub percent: Option<u8>,
}

impl Policy {
    /// Forgets the targets that are not to be kept, with every entitlement there.
    pub fn keep_targets(&mut self, keep: impl Fn(&TargetId) -> bool) {
        self.targets.retain(|target, _| keep(target));
        self.entitlements
            .retain(|_, entitlement| keep(&entitlement.target));
        let known: BTreeSet<EntitlementId> = self.entitlements.keys().cloned().collect();
        let keep = |id: &EntitlementId| known.contains(id);
        for entitlement in self.entitlements.values_mut() {
            entitlement.holding.within.retain(|id| keep(id));
        }
        for role in self.roles.values_mut() {
            role.entitlements.retain(|id, _| keep(id));
        }
        for tier in &mut self.tiers {
            tier.entitlements.retain(|id| keep(id));
        }
        for sod in &mut self.sod {
            match &mut sod.apart {
                Apart::Pair { left, right } => {
                    left.retain(|id| keep(id));
                    right.retain(|id| keep(id));
                }
                Apart::Set { of, .. } => of.retain(|id| keep(id)),
            }
        }
    }

    /// What an entitlement asks of whoever holds it, where policy names it.
    pub fn holding(&self, entitlement: &EntitlementId) -> Option<&Holding> {
        Some(&self.entitlements.get(entitlement)?.holding)
    }
}
