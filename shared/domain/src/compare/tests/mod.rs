//! One target `wiki` and its people, as recorded and as seen.

mod engines;
mod examples;
mod meanwhile;
mod memberships;
mod oracle;

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Class, Compared, Deviation, Evidence, Fresh, Kept, Numbers, Part, Recorded, Repair, Severity,
};
use crate::Profile;
use crate::policy::{
    AccountFor, Adopt, Apart, Cohort, Entitlement, EntitlementKind, Expr, Holding, Limits,
    LostGrant, Mapping, Mode, Policy, Sod, SodMode, Target, TargetKind,
};
use crate::profile::Auth;
use crate::project::{Cause, Mapped, Strength};
use crate::{
    Account, AccountId, AccountRecord, Desired, EntitlementId, Generation, Group, Hash, IdentityId,
    IdentityRecord, IdentityState, Ownership, Pii, Projection, Reason, RoleId, RuleId, Slot,
    TargetId,
};
use jiff::Timestamp;

const READERS: &str = "wiki/readers";
const ADMINS: &str = "wiki/admins";
const STRICT: &str = "wiki/strict";

fn wiki() -> TargetId {
    TargetId::from("wiki")
}

fn mapping(path: &str, strength: Strength) -> Mapping {
    Mapping {
        path: path.into(),
        expr: Expr::Key,
        strength,
    }
}

fn target() -> Target {
    Target {
        mode: Mode::Enforce,
        pilot: Cohort::default(),
        kind: TargetKind::Scim,
        base_url: "http://127.0.0.1".into(),
        auth: Auth::Bearer {
            secret: "wiki".into(),
        },
        profile: Profile::rfc(),
        upsert_only: false,
        scope: Vec::new(),
        scope_filter: None,
        mappings: vec![
            mapping("userName", Strength::Always),
            mapping("externalId", Strength::Always),
            mapping("title", Strength::Always),
            mapping("emails[type eq \"work\"].value", Strength::Always),
            mapping("nickName", Strength::OnCreate),
            mapping("locale", Strength::FillIfEmpty),
        ],
        prehire_days: 0,
        account_for: AccountFor::Scope,
        delete_after_days: None,
        adopt: Adopt::Never,
        lost: LostGrant::Regrant,
        protected: BTreeSet::from(["root".into()]),
        service_accounts: BTreeMap::from([
            ("backup".into(), Some("ops".into())),
            ("scanner".into(), None),
        ]),
        dormant_days: Some(90),
        limits: Limits::default(),
    }
}

fn policy_of(target: Target) -> Policy {
    let entitlement = |group: &str, privileged, authoritative| Entitlement {
        target: wiki(),
        kind: EntitlementKind::Group,
        group: group.into(),
        privileged,
        authoritative,
        holding: Holding::default(),
    };
    Policy {
        version: Hash::of(b"policy"),
        sources: BTreeMap::new(),
        standards: BTreeMap::new(),
        required: Vec::new(),
        validations: Vec::new(),
        zones: BTreeMap::new(),
        weights: None,
        handover: None,
        correlation: Vec::new(),
        identifiers: BTreeMap::new(),
        roles: BTreeMap::new(),
        rules: Vec::new(),
        entitlements: BTreeMap::from([
            (READERS.into(), entitlement("Readers", false, false)),
            (ADMINS.into(), entitlement("Admins", true, false)),
            (STRICT.into(), entitlement("Strict", false, true)),
        ]),
        tiers: Vec::new(),
        sod: vec![Sod {
            name: "read-or-strict".into(),
            apart: Apart::Pair {
                left: BTreeSet::from([READERS.into()]),
                right: BTreeSet::from([STRICT.into()]),
            },
            mode: SodMode::Preventive,
            exceptions: Vec::new(),
        }],
        targets: BTreeMap::from([(wiki(), target)]),
    }
}

fn now() -> Timestamp {
    "2026-03-01T01:00:00Z".parse().expect("a timestamp")
}

/// One person as recorded.
#[derive(Clone)]
struct Person {
    id: IdentityId,
    record: IdentityRecord,
    account: AccountRecord,
    owed: bool,
}

fn person(n: u32) -> Person {
    let id = IdentityId::from(format!("identity-{n}"));
    let always = |text: &str| Mapped {
        value: Pii::new(Slot::from(text)),
        strength: Strength::Always,
        refers: false,
    };
    let projection = Projection {
        desired: Desired::Active,
        attrs: BTreeMap::from([
            ("userName".into(), always(&format!("user{n}"))),
            ("externalId".into(), always(id.as_str())),
            ("title".into(), always("Engineer")),
            (
                "emails[type eq \"work\"].value".into(),
                always(&format!("user{n}@example.com")),
            ),
        ]),
        grants: BTreeMap::new(),
        simulated: false,
        ties: crate::project::Ties::default(),
        policy: Hash::of(b"policy"),
    };
    Person {
        record: IdentityRecord {
            generation: Generation(3),
            records: Vec::new(),
            state: IdentityState::Active,
            was_active: true,
            ending_since: None,
            identifiers: BTreeMap::from([(
                "user_name".into(),
                Pii::new(format!("user{n}").into()),
            )]),
            projections: BTreeMap::from([(wiki(), projection)]),
            changed: BTreeMap::new(),
            unsettled: BTreeMap::new(),
            ties: BTreeMap::new(),
            decisions: crate::Hash::default(),
            findings: Vec::new(),
            due_at: None,
            claims: BTreeSet::new(),
            facts: Hash::default(),
            policy: Hash::of(b"policy"),
            plan: Hash::default(),
        },
        account: AccountRecord {
            id: Some(AccountId::from(format!("account-{n}"))),
            ownership: Some(Ownership::Created),
            active: true,
            applied: Generation(3),
            ..AccountRecord::default()
        },
        id,
        owed: false,
    }
}

impl Person {
    fn projection(&mut self) -> &mut Projection {
        self.record.projections.get_mut(&wiki()).expect("projected")
    }

    fn state(mut self, state: IdentityState) -> Self {
        self.record.state = state;
        if state != IdentityState::Active {
            let kept = matches!(state, IdentityState::Prehire | IdentityState::Suspended);
            self.projection().desired = if kept {
                Desired::Disabled
            } else {
                Desired::None
            };
        }
        self
    }

    fn wants(mut self, entitlement: &str) -> Self {
        let reason = Reason {
            cause: Cause::Rule {
                rule: RuleId::from("rule"),
                role: RoleId::from("role"),
            },
            until: None,
        };
        self.projection()
            .grants
            .insert(entitlement.into(), BTreeSet::from([reason]));
        self
    }

    fn records(mut self, entitlement: &str) -> Self {
        self.account.grants.insert(entitlement.into());
        self
    }

    fn unplaced(mut self) -> Self {
        self.account = AccountRecord::default();
        self
    }

    /// The account as a faithful target would show it.
    fn seen(&self) -> Account {
        let projection = self.record.projections.get(&wiki()).expect("projected");
        let text = |path: &str| {
            let mapped = projection.attrs.get(path);
            mapped
                .and_then(|mapped| mapped.value.reveal().text())
                .unwrap_or_default()
        };
        Account {
            id: self
                .account
                .id
                .clone()
                .unwrap_or_else(|| AccountId::from(format!("new-{}", self.id))),
            key: Some(Pii::new(text("externalId").into())),
            user_name: Pii::new(text("userName").into()),
            active: projection.desired == Desired::Active,
            attrs: projection
                .attrs
                .iter()
                .filter(|(path, _)| !matches!(&***path, "userName" | "externalId"))
                .map(|(path, mapped)| (path.clone(), mapped.value.clone()))
                .collect(),
            created: None,
            last_sign_in: None,
            deleted: false,
            read_only: None,
        }
    }
}

fn stranger(name: &str) -> Account {
    Account {
        id: AccountId::from(format!("id-of-{name}")),
        key: None,
        user_name: Pii::new(name.into()),
        active: true,
        attrs: BTreeMap::new(),
        created: None,
        last_sign_in: None,
        deleted: false,
        read_only: None,
    }
}

fn text(value: &str) -> Pii<Slot> {
    Pii::new(Slot::from(value))
}

/// A target as seen, beside what is recorded.
#[derive(Clone)]
struct Scene {
    policy: Policy,
    people: Vec<Person>,
    accounts: Vec<Account>,
    members: BTreeMap<&'static str, Vec<AccountId>>,
    users: bool,
    groups: bool,
}

fn scene(people: Vec<Person>) -> Scene {
    Scene {
        policy: policy_of(target()),
        accounts: people.iter().map(Person::seen).collect(),
        people,
        members: BTreeMap::new(),
        users: true,
        groups: true,
    }
}

impl Scene {
    fn account(mut self, edit: impl FnOnce(&mut Account)) -> Self {
        edit(self.accounts.first_mut().expect("an account"));
        self
    }

    fn plus(mut self, account: Account) -> Self {
        self.accounts.push(account);
        self
    }

    fn gone(mut self) -> Self {
        self.accounts.remove(0);
        self
    }

    fn member(mut self, group: &'static str, account: &str) -> Self {
        self.members
            .entry(group)
            .or_default()
            .push(AccountId::from(account));
        self
    }

    fn target(mut self, edit: impl FnOnce(&mut Target)) -> Self {
        edit(self.policy.targets.get_mut(&wiki()).expect("the target"));
        self
    }

    fn policy(mut self, edit: impl FnOnce(&mut Policy)) -> Self {
        edit(&mut self.policy);
        self
    }

    fn details(&self) -> Vec<String> {
        let found = self.compare().deviations.into_iter();
        found.map(|one| one.detail.to_string()).collect()
    }

    fn uncertified(mut self) -> Self {
        self.users = false;
        self.groups = false;
        self
    }

    fn compare(&self) -> Compared {
        let mut recorded = Recorded::new(&self.policy, &wiki()).expect("the target");
        for person in &self.people {
            recorded.seat(&person.id, &person.record, Some(&person.account));
        }
        let mut comparison = recorded.observe();
        for account in &self.accounts {
            comparison.account(account, now());
        }
        for (name, members) in &self.members {
            comparison.group(&Group {
                id: (*name).into(),
                name: (*name).into(),
                members: Some(members.clone()),
            });
        }
        let mut look = comparison.look(self.evidence());
        if look.is_needed() {
            for person in &self.people {
                look.seat(
                    &person.id,
                    &person.record,
                    Some(&person.account),
                    person.owed,
                );
            }
        }
        look.finish()
    }

    fn evidence(&self) -> Evidence {
        Evidence {
            users: self.users,
            groups: self.groups,
            since: now(),
            now: now(),
        }
    }

    /// The same, written down and taken up by somebody else after every `stride` objects, and
    /// looked at in so many parts.
    fn compare_in_steps(&self, stride: usize, parts: u64) -> (Vec<Deviation>, Numbers) {
        let mut stretches = Vec::new();
        for people in self.people.chunks(stride) {
            let mut recorded = Recorded::new(&self.policy, &wiki()).expect("the target");
            for person in people {
                recorded.seat(&person.id, &person.record, Some(&person.account));
            }
            stretches.push(serde_json::to_string(&recorded.take_stretch()).expect("json"));
        }
        let begin = || {
            let mut recorded = Recorded::new(&self.policy, &wiki()).expect("the target");
            for stretch in &stretches {
                recorded.add(serde_json::from_str(stretch).expect("json"));
            }
            recorded.observe()
        };
        let mut comparison = begin();
        let mut taken: Vec<String> = Vec::new();
        let write_down = |comparison: &mut super::Comparison<'_>, taken: &mut Vec<String>| {
            taken.push(serde_json::to_string(&comparison.take_fresh()).expect("json"));
            let kept = serde_json::to_string(&comparison.keep()).expect("json");
            let known: Vec<u64> = comparison.known().collect();
            (serde_json::from_str::<Kept>(&kept).expect("json"), known)
        };
        for accounts in self.accounts.chunks(stride) {
            for account in accounts {
                comparison.account(account, now());
            }
            let (kept, known) = write_down(&mut comparison, &mut taken);
            comparison = begin();
            comparison.take_up(kept, known);
        }
        for (name, members) in &self.members {
            comparison.group(&Group {
                id: (*name).into(),
                name: (*name).into(),
                members: Some(members.clone()),
            });
            let (kept, known) = write_down(&mut comparison, &mut taken);
            comparison = begin();
            comparison.take_up(kept, known);
        }
        let (mut found, mut numbers) = (Vec::new(), Numbers::default());
        for index in 0..parts {
            let part = Part { index, of: parts };
            let mut gathered = comparison.clone().gather(self.evidence(), part);
            for fresh in &taken {
                gathered.add(serde_json::from_str::<Fresh>(fresh).expect("json"));
            }
            let mut look = gathered.look();
            for person in &self.people {
                let account = Some(&person.account);
                look.seat(&person.id, &person.record, account, person.owed);
            }
            let compared = look.finish();
            found.extend(compared.deviations);
            numbers.add(compared.numbers);
        }
        (found, numbers)
    }

    /// Class, severity and repair of everything that was found.
    fn found(&self) -> Vec<(Class, Severity, Option<Repair>)> {
        let mut found: Vec<_> = self
            .compare()
            .deviations
            .iter()
            .map(|said| (said.class, said.severity, said.repair))
            .collect();
        found.sort_unstable();
        found
    }
}
