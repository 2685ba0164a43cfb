//! A company of a few people, one policy, one or two targets; and what its connectors would do.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use contract::report::{FindingRow, Manifest};
use contract::{ConvergeRequest, Lane, PlanRequest};
use domain::Profile;
use domain::limit::{Class, Held, HeldLine, Line, Scope};
use domain::policy::{
    AccountFor, Adopt, Cohort, Entitlement, EntitlementKind, Expr, Holding, Limit, Limits,
    LostGrant, Mapping, Mode, Target, TargetKind,
};
use domain::profile::Auth;
use domain::project::{Cause, Mapped, Strength};
use domain::{
    Account, AccountId, AccountRecord, Desired, EntitlementId, Generation, Hash, IdentityId,
    IdentityRecord, IdentityState, Ownership, Pii, Policy, Projection, Reason, RoleId, RuleId,
    Slot, TargetId,
};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use ports::model::{ManualClock, ModelLanes, ModelObjects, ModelStore};
use ports::store::{Ack, Acked, Commit, Committed};
use ports::{Clock, Fault, Objects, Store};
use reconciler::report::{FINDINGS_NDJSON, folder, ndjson};
use reconciler::{Finished, Reconciler, Run};

use crate::target::Scripted;

pub const READERS: &str = "wiki/readers";
pub const ADMINS: &str = "wiki/admins";

/// Everything of one small world.
pub struct Company {
    pub store: ModelStore,
    pub lanes: ModelLanes,
    pub objects: ModelObjects,
    pub clock: ManualClock,
    pub policy: Policy,
    pub targets: BTreeMap<TargetId, Scripted>,
    pub today: Date,
    pub accept: BTreeSet<TargetId>,
}

/// Runs a future that never waits: every port here is a model in memory.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("a model does not wait"),
    }
}

pub fn wiki() -> TargetId {
    TargetId::from("wiki")
}

pub fn identity(n: usize) -> IdentityId {
    IdentityId::from(format!("{n:032x}"))
}

pub fn account_id(n: usize) -> String {
    format!("account-{n}")
}

fn policy() -> Policy {
    let generous = Limit {
        floor: 5,
        percent: 10,
        ceiling: 50,
    };
    let mapping = |path: &str| Mapping {
        path: path.into(),
        expr: Expr::Key,
        strength: Strength::Always,
    };
    let target = Target {
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
        mappings: ["userName", "externalId", "title"].map(mapping).into(),
        prehire_days: 0,
        account_for: AccountFor::Scope,
        delete_after_days: None,
        adopt: Adopt::Never,
        lost: LostGrant::Regrant,
        protected: BTreeSet::new(),
        service_accounts: BTreeMap::new(),
        dormant_days: None,
        limits: Limits {
            block: generous,
            disable: generous,
            revoke: generous,
            ..Limits::default()
        },
    };
    let entitlement = |group: &str, privileged| Entitlement {
        target: wiki(),
        kind: EntitlementKind::Group,
        group: group.into(),
        privileged,
        authoritative: true,
        holding: Holding::default(),
    };
    Policy {
        version: Hash::of(b"version 1"),
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
            (READERS.into(), entitlement("Readers", false)),
            (ADMINS.into(), entitlement("Admins", true)),
        ]),
        tiers: Vec::new(),
        sod: Vec::new(),
        targets: BTreeMap::from([(wiki(), target)]),
    }
}

fn mapped(text: &str) -> Mapped {
    Mapped {
        value: Pii::new(Slot::from(text)),
        strength: Strength::Always,
        refers: false,
    }
}

fn projection(n: usize, policy: &Policy, desired: Desired) -> Projection {
    let reason = Reason {
        cause: Cause::Rule {
            rule: RuleId::from("everybody"),
            role: RoleId::from("base"),
        },
        until: None,
    };
    let active = desired == Desired::Active;
    Projection {
        desired,
        attrs: BTreeMap::from([
            ("userName".into(), mapped(&format!("user{n}"))),
            ("externalId".into(), mapped(identity(n).as_str())),
            ("title".into(), mapped("Engineer")),
        ]),
        grants: active
            .then(|| (EntitlementId::from(READERS), BTreeSet::from([reason])))
            .into_iter()
            .collect(),
        simulated: false,
        ties: domain::project::Ties::default(),
        policy: policy.version,
    }
}

impl Company {
    /// So many people, all active, all as policy says.
    pub fn of(people: usize) -> Self {
        Self::paged(people, 10)
    }

    /// The same with pages of a given size.
    pub fn paged(people: usize, page_size: usize) -> Self {
        let start: Timestamp = "2026-03-01T01:00:00Z".parse().expect("a timestamp");
        let clock = ManualClock::new(start);
        let company = Self {
            store: ModelStore::new(),
            lanes: ModelLanes::new(Arc::new(clock.clone())),
            objects: ModelObjects::new(),
            clock,
            policy: policy(),
            targets: BTreeMap::from([(wiki(), Scripted::new(page_size))]),
            today: date(2026, 3, 1),
            accept: BTreeSet::new(),
        };
        for n in 0..people {
            company.decide(n, IdentityState::Active, Desired::Active);
            company.converge(&identity(n), &wiki());
        }
        company.clock.advance(Duration::from_hours(1));
        company
    }

    /// The same world in other hands: for what happens while a run reads.
    pub fn twin(&self) -> Self {
        Self {
            store: self.store.clone(),
            lanes: self.lanes.clone(),
            objects: self.objects.clone(),
            clock: self.clock.clone(),
            policy: self.policy.clone(),
            targets: self.targets.clone(),
            today: self.today,
            accept: self.accept.clone(),
        }
    }

    pub fn wiki(&self) -> &Scripted {
        &self.targets[&wiki()]
    }

    /// The limits under which everything waits.
    pub fn holds(&self) -> Vec<String> {
        let meter = block_on(self.store.meter(&wiki())).expect("a read");
        meter.holds.keys().map(ToString::to_string).collect()
    }

    pub fn target(&mut self) -> &mut Target {
        self.policy.targets.get_mut(&wiki()).expect("the target")
    }

    /// A decision of the planner. Nothing is owed: the test says itself who converges.
    pub fn decide(&self, n: usize, state: IdentityState, desired: Desired) {
        self.commit(n, state, desired, BTreeSet::new());
    }

    /// A decision of the planner whose change is still on its way.
    pub fn decide_owed(&self, n: usize, state: IdentityState, desired: Desired) {
        self.commit(n, state, desired, BTreeSet::from([wiki()]));
    }

    fn commit(&self, n: usize, state: IdentityState, desired: Desired, owe: BTreeSet<TargetId>) {
        let id = identity(n);
        let (seat, _) = block_on(self.store.seat(&id, &wiki())).expect("a model");
        let expect = seat.map(|seat| seat.record.generation);
        let generation = expect.unwrap_or_default().next();
        let committed = block_on(self.store.commit(&Commit {
            identity: id,
            expect,
            record: IdentityRecord {
                generation,
                records: Vec::new(),
                state,
                was_active: true,
                ending_since: None,
                identifiers: BTreeMap::new(),
                claims: BTreeSet::new(),
                projections: BTreeMap::from([(wiki(), projection(n, &self.policy, desired))]),
                changed: BTreeMap::from([(wiki(), generation)]),
                unsettled: BTreeMap::new(),
                ties: BTreeMap::new(),
                decisions: domain::Hash::default(),
                findings: Vec::new(),
                due_at: None,
                facts: Hash::default(),
                policy: self.policy.version,
                plan: Hash::default(),
            },
            owe,
            wake_at: None,
            links: Vec::new(),
            claims: Vec::new(),
        }));
        assert_eq!(committed.expect("a model"), Committed::Done);
    }

    /// What a connector would do: brings the account to what is recorded as wanted, and says so.
    pub fn converge(&self, id: &IdentityId, target: &TargetId) {
        let (seat, _) = block_on(self.store.seat(id, target)).expect("a model");
        let seat = seat.expect("an identity");
        let projection = &seat.record.projections[target];
        let part = seat.accounts.get(target);
        let n = usize::from_str_radix(id.as_str(), 16).expect("our ids");
        let account = AccountId::from(account_id(n));
        let text = |path: &str| {
            let slot = projection.attrs.get(path).map(|m| m.value.reveal().clone());
            slot.and_then(|slot| slot.text().map(Box::<str>::from))
                .unwrap_or_default()
        };
        let active = projection.desired == Desired::Active;
        self.targets[target].put(Account {
            id: account.clone(),
            key: Some(Pii::new(text("externalId"))),
            user_name: Pii::new(text("userName")),
            active,
            attrs: BTreeMap::from([("title".into(), Pii::new(Slot::Text(text("title").into())))]),
            created: None,
            last_sign_in: None,
            deleted: false,
            read_only: None,
        });
        for (entitlement, known) in &self.policy.entitlements {
            let holds = active && projection.grants.contains_key(entitlement);
            self.targets[target].member(&known.group, account.as_str(), holds);
        }
        let acked = block_on(
            self.store.ack(&Ack {
                identity: id.clone(),
                target: target.clone(),
                expect: part.map(|part| part.applied),
                account: AccountRecord {
                    id: Some(account),
                    ownership: Some(Ownership::Created),
                    active,
                    attrs: projection
                        .attrs
                        .iter()
                        .map(|(path, mapped)| (path.clone(), mapped.value.clone()))
                        .collect(),
                    grants: if active {
                        projection.grants.keys().cloned().collect()
                    } else {
                        BTreeSet::new()
                    },
                    applied: seat.record.generation,
                    at: Some(self.clock.now()),
                    ..AccountRecord::default()
                },
                settles: true,
                wake: None,
            }),
        );
        assert_eq!(acked.expect("a model"), Acked::Done);
    }

    /// What a connector says when the target refuses an account for good.
    pub fn park(&self, n: usize) {
        self.acknowledge(n, |account| {
            account.parked = Some("the target refuses it".into());
        });
    }

    /// What a connector says when a sign-in block has to wait.
    pub fn block_waits(&self, n: usize) {
        let line = Line {
            class: Class::Block,
            entitlement: None,
            want: None,
        };
        self.acknowledge(n, |account| {
            account.held = Some(Held {
                since: self.clock.now(),
                lines: vec![HeldLine {
                    line,
                    scope: Scope::class(Class::Block),
                }],
                released: BTreeMap::new(),
                rejected: BTreeSet::new(),
            });
        });
    }

    /// Writes a connector's part.
    pub fn acknowledge(&self, n: usize, says: impl FnOnce(&mut AccountRecord)) {
        let mut part = self.store.everybody()[&identity(n)].accounts[&wiki()].clone();
        let expect = Some(part.applied);
        part.at = Some(self.clock.now());
        says(&mut part);
        let acked = block_on(self.store.ack(&Ack {
            identity: identity(n),
            target: wiki(),
            expect,
            account: part,
            settles: true,
            wake: None,
        }));
        assert_eq!(acked.expect("a model"), Acked::Done);
    }

    /// Makes sign-in blocks wait from now on.
    pub fn hold_blocks(&self) {
        let now = self.clock.now();
        let opened = block_on(ports::meter::change(&self.store, &wiki(), |meter| {
            meter.open(Scope::class(Class::Block), 5, now)
        }));
        assert!(opened.expect("a model"), "it was open before");
    }

    /// One nightly run.
    pub fn try_run(&self) -> Result<Finished, Fault> {
        self.clock.advance(Duration::from_secs(1));
        let reconciler = Reconciler::new(
            &self.store,
            &self.lanes,
            &self.objects,
            &self.clock,
            &self.targets,
            &self.policy,
        );
        let mut run = Run::new(self.clock.now(), self.today, &self.policy, "test");
        run.accept.clone_from(&self.accept);
        block_on(reconciler.run(&run))
    }

    /// One nightly run that succeeds, with its rows and what it sent.
    pub fn run(&self) -> Night {
        let finished = self.try_run().expect("a run");
        let folder = folder(self.today, &finished.manifest.summary.run);
        let body = block_on(self.objects.get(&format!("{folder}{FINDINGS_NDJSON}")));
        let body = body.expect("a model").expect("findings");
        let rows = ndjson::Reader::new(&*body).expect("findings");
        let sent = self.lanes.take_sent();
        let mut night = Night {
            rows: rows.collect::<Result<_, _>>().expect("findings"),
            manifest: finished.manifest.clone(),
            finished,
            requests: Vec::new(),
            plans: Vec::new(),
        };
        for (lane, message) in sent {
            if lane == Lane::Facts {
                night
                    .plans
                    .push(serde_json::from_str(&message.body).expect("a plan request"));
            } else {
                let request: ConvergeRequest =
                    serde_json::from_str(&message.body).expect("a converge request");
                assert_eq!(message.group, request.group());
                assert!(request.look, "a repair looks before it writes");
                night.requests.push((lane, request));
            }
        }
        night
    }

    /// Lets the connectors work off what a run sent, and an hour pass.
    pub fn mend(&self, night: &Night) {
        for (_, request) in &night.requests {
            self.converge(&request.identity, &request.target);
        }
        self.clock.advance(Duration::from_hours(1));
    }

    /// The next night.
    pub fn tomorrow(&mut self) {
        self.today = self.today.tomorrow().expect("a tomorrow");
        self.clock.advance(Duration::from_hours(24));
    }

    /// Generation of an identity.
    pub fn generation(&self, n: usize) -> Generation {
        self.store.everybody()[&identity(n)].record.generation
    }
}

/// What one run came to.
pub struct Night {
    pub finished: Finished,
    pub manifest: Manifest,
    pub rows: Vec<FindingRow>,
    pub requests: Vec<(Lane, ConvergeRequest)>,
    pub plans: Vec<PlanRequest>,
}

impl Night {
    /// Class, decision and account of every row, in order of the report.
    pub fn said(&self) -> Vec<(&str, &str, &str)> {
        self.rows
            .iter()
            .map(|row| (row.class.as_str(), &*row.decision, &*row.account_id))
            .collect()
    }

    pub fn has_certificate(&self) -> bool {
        self.manifest.summary.targets[&wiki()].users.is_ok()
    }

    /// Whose accounts are to be looked at, by number.
    pub fn repaired(&self) -> Vec<usize> {
        self.requests
            .iter()
            .map(|(_, request)| {
                usize::from_str_radix(request.identity.as_str(), 16).expect("our ids")
            })
            .collect()
    }
}
