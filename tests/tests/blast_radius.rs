//! Each rule of the sample policy deleted, negated and widened in turn: what a comparison says
//! beforehand is what planner and connectors then do to the accounts, person by person, and taking
//! the change back gives everybody what they had.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a suite stops at what does not hold"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use connectors::Connector;
use contract::{Cause, Lane};
use domain::limit::{Class, Scope};
use domain::plan::Compiled;
use domain::policy::{Condition, Limit, Mode, RuleState, Test};
use domain::preview::{Effect, Person, Side, Standing, Tally, Verdict, compare};
use domain::{
    Attr, Attrs, Effective, EntitlementId, EventId, Fact, FactBody, Hash, Pii, Policy, RecordKey,
    SourceId, TargetId, WorkerId,
};
use jiff::Timestamp;
use lanyard::holds::{self, Opening};
use planner::{Planner, Preview, Previewed};
use ports::model::{ManualClock, ModelLanes, ModelStore};
use ports::queue::{Queues as _, run, run_up_to};
use ports::store::Delivery;
use ports::{Clock as _, Store as _};
use tests::sim::{Dice, SimTarget};

/// People of each rule, and others who fit none on purpose.
const PER_RULE: u64 = 5;
const OTHERS: u64 = 100;

const NOW: &str = "2026-03-02T08:00:00Z";
const VISIBILITY: Duration = Duration::from_mins(3);

/// What somebody can do: where an account is and can sign in, and which entitlements it holds.
type Access = BTreeMap<(RecordKey, TargetId), (Standing, BTreeSet<String>)>;

struct Company {
    clock: ManualClock,
    store: ModelStore,
    lanes: ModelLanes,
    targets: BTreeMap<TargetId, SimTarget>,
    people: Vec<RecordKey>,
}

fn sample() -> Policy {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/policy");
    let loaded = policy::load(std::path::Path::new(folder));
    let mut policy = loaded.unwrap_or_else(|errors| panic!("{errors}")).policy;
    for target in policy.targets.values_mut() {
        target.mode = Mode::Enforce;
    }
    policy
}

/// The sample policy, under which everything is carried out.
fn without_limits() -> Policy {
    let mut policy = sample();
    for target in policy.targets.values_mut() {
        let limits = &mut target.limits;
        for limit in [
            &mut limits.block,
            &mut limits.disable,
            &mut limits.delete,
            &mut limits.revoke,
            &mut limits.members,
            &mut limits.rename,
            &mut limits.manager,
        ] {
            *limit = Limit::new(u32::MAX, 100, u32::MAX);
        }
        limits.window_hours = 1;
    }
    policy
}

impl Company {
    async fn new(policy: &Policy) -> Self {
        let clock = ManualClock::new(NOW.parse().expect("an instant"));
        let company = Self {
            store: ModelStore::new(),
            lanes: ModelLanes::new(Arc::new(clock.clone())),
            clock,
            targets: policy
                .targets
                .keys()
                .zip(1..)
                .map(|(name, seed)| (name.clone(), SimTarget::new(seed)))
                .collect(),
            people: Vec::new(),
        };
        company.hire(policy).await
    }

    /// Some people whom each rule is about, and some others, so that every condition separates.
    async fn hire(mut self, policy: &Policy) -> Self {
        let mut dice = Dice::new(7);
        let rules = policy.rules.iter().map(Some);
        let all = rules
            .flat_map(|rule| (0..PER_RULE).map(move |_| rule))
            .chain((0..OTHERS).map(|_| None));
        for (rule, n) in all.zip(0_u32..) {
            let mut attrs = somebody(&mut dice, n);
            for condition in rule.iter().flat_map(|rule| &rule.when) {
                satisfy(condition, &mut dice, &mut attrs);
            }
            if attrs.text(Attr::EmploymentType) == Some("contractor") {
                attrs.set(Attr::EndDate, "2026-12-31");
            }
            let record = RecordKey::from(format!("{n:032x}"));
            let fact = hired(&record, n, attrs);
            let delivery = Delivery {
                source: fact.source.clone(),
                event: fact.event.clone(),
                body: fact.payload,
                received_at: fact.received_at,
            };
            self.store.accept(&delivery, &[fact]).await.expect("a fact");
            self.people.push(record);
        }
        self
    }

    fn planner(&self, policy: &Arc<Compiled>) -> Planner<ModelStore, ModelLanes, ManualClock> {
        let (store, lanes) = (self.store.clone(), self.lanes.clone());
        Planner::new(store, lanes, self.clock.clone(), Arc::clone(policy))
    }

    /// Everybody is decided under a policy, and everything is carried out.
    async fn live(&self, policy: &Arc<Compiled>) {
        let planner = self.planner(policy);
        let connector = Connector::new(
            self.store.clone(),
            self.targets.clone(),
            self.clock.clone(),
            Arc::clone(policy),
        );
        for record in &self.people {
            let looked = planner.look(record, Cause::Operator).await;
            looked.expect("a decision");
        }
        let lanes: Vec<Lane> = [Lane::Terminations]
            .into_iter()
            .chain(self.targets.keys().cloned().map(Lane::Target))
            .collect();
        // What waits for a removal on another target is asked for again when the clock looks.
        for _ in 0..3 {
            while !self.lanes.is_idle() {
                let facts = run(&self.lanes, &Lane::Facts, VISIBILITY, |batch| {
                    planner.handle(batch)
                });
                facts.await;
                for lane in &lanes {
                    let work = |batch| connector.handle(batch);
                    run_up_to(&self.lanes, lane, connectors::TOGETHER, VISIBILITY, work).await;
                }
                self.clock.advance(Duration::from_secs(1));
            }
            self.clock.advance(Duration::from_mins(1));
            for (identity, seat) in self.store.everybody() {
                if !seat.owed.is_empty() {
                    let record = RecordKey::from(&identity);
                    let looked = planner.look(&record, Cause::Due).await;
                    looked.expect("a look");
                }
            }
        }
        for (identity, seat) in self.store.everybody() {
            assert!(seat.owed.is_empty(), "{identity} is owed something");
            for (target, account) in &seat.accounts {
                assert_eq!(account.parked, None, "{identity} on {target}");
            }
        }
    }

    /// What the targets have, seen from outside.
    fn access(&self) -> Access {
        let mut access = Access::new();
        for (name, target) in &self.targets {
            for (key, mut held) in target.ours() {
                assert_eq!(held.len(), 1, "one account on {name}");
                let held = held.remove(0);
                let standing = if held.active {
                    Standing::Active
                } else {
                    Standing::Blocked
                };
                let grants = held.grants.iter().map(ToString::to_string).collect();
                access.insert((RecordKey::from(key), name.clone()), (standing, grants));
            }
        }
        access
    }

    /// What a comparison says, as accounts would then be, and its sum.
    async fn foretold(&self, from: &Arc<Compiled>, to: &Arc<Compiled>) -> (Access, Tally) {
        let mut access = self.access();
        let mut tally = Tally::new(0);
        let (before, after) = (self.planner(from), self.planner(to));
        let reads = self.store.counters();
        for record in &self.people {
            let person = before.person(record).await.expect("a person");
            let person = person.expect("somebody");
            let (was, want) = (
                decision(before.preview(person.clone()).await.expect("a preview")),
                decision(after.preview(person.clone()).await.expect("a preview")),
            );
            let of = Person {
                identity: &person.identity,
                records: &person.records,
                accounts: &person.accounts,
                at: self.clock.now(),
            };
            let (a, b) = (
                Side {
                    compiled: from,
                    plan: &was.plan,
                },
                Side {
                    compiled: to,
                    plan: &want.plan,
                },
            );
            let deltas = compare(&of, &a, &b);
            tally.add(&of, &Pii::new("".into()), &b, &deltas);
            for delta in deltas {
                let place = (record.clone(), delta.target);
                let (standing, grants) = access.entry(place).or_default();
                match delta.effect {
                    Effect::Account { was, want } => {
                        assert_eq!(*standing, was);
                        *standing = want;
                    }
                    Effect::Gain { entitlement, .. } => {
                        assert!(grants.insert(entitlement.to_string()), "it is new");
                    }
                    Effect::Lose { entitlement, .. } => {
                        assert!(grants.remove(entitlement.as_str()), "it was there");
                    }
                    Effect::Attribute { path, .. } => panic!("a rule changed `{path}`"),
                    Effect::Reasons { .. } => {}
                    Effect::Unmanaged { .. } => panic!("nothing is let go"),
                }
            }
        }
        assert_eq!(
            self.store.counters().write_requests(),
            reads.write_requests(),
            "a preview writes nothing"
        );
        (access, tally)
    }
}

impl Company {
    /// What the limits of a policy hold of a comparison.
    async fn held_by(&self, to: &Arc<Compiled>, tally: &Tally) -> Vec<Verdict> {
        let mut meters = BTreeMap::new();
        for name in to.policy.targets.keys() {
            let meter = self.store.meter(name).await.expect("a meter");
            meters.insert(name.clone(), meter);
        }
        let verdicts = tally.verdicts(&to.policy, &meters, self.clock.now());
        verdicts
            .into_iter()
            .filter(|verdict| verdict.held)
            .collect()
    }
}

fn decision(previewed: Previewed) -> Preview {
    match previewed {
        Previewed::Decision(preview) => *preview,
        Previewed::Disputed { .. } => panic!("nobody is disputed"),
    }
}

fn somebody(dice: &mut Dice, n: u32) -> Attrs {
    let mut attrs = Attrs::new();
    for (attr, text) in [
        (Attr::GivenName, format!("Given{n}")),
        (Attr::FamilyName, format!("Family{n}")),
        (Attr::WorkEmail, format!("person{n}@meridian.example")),
        (Attr::EmployeeNumber, format!("{n}")),
        (Attr::WorkerStatus, "active".to_owned()),
        (Attr::StartDate, "2026-01-12".to_owned()),
        (Attr::ManagerId, "W0".to_owned()),
    ] {
        attrs.set(attr, text.as_str());
    }
    for (attr, texts) in [
        (
            Attr::Department,
            &[
                "Engineering",
                "Finance",
                "IT",
                "Legal",
                "Operations",
                "Sales",
            ][..],
        ),
        (
            Attr::EmploymentType,
            &["employee", "employee", "intern", "contractor", "acquired"],
        ),
        (Attr::Title, &["Engineer", "Counsel", "Analyst"]),
        (Attr::Country, &["PT", "DE", "BR"]),
        (Attr::Location, &["Lisbon", "Porto", "Berlin"]),
        (
            Attr::ManagerStatus,
            &["manager", "individual", "individual"],
        ),
    ] {
        attrs.set(attr, *dice.pick(texts));
    }
    attrs
}

fn satisfy(condition: &Condition, dice: &mut Dice, attrs: &mut Attrs) {
    let values = |dice: &mut Dice, texts: Vec<&str>| (*dice.pick(&texts)).to_owned();
    let text = match &condition.test {
        Test::In(texts) => values(dice, texts.iter().map(|text| &**text).collect()),
        Test::Prefix(texts) => {
            let begins = values(dice, texts.iter().map(|text| &**text).collect());
            format!("{begins}Clerk")
        }
        Test::Present => "standard".to_owned(),
        Test::NotIn(_) | Test::Absent => return,
    };
    attrs.set(condition.attr, text.as_str());
}

fn hired(record: &RecordKey, n: u32, attrs: Attrs) -> Fact {
    let at: Timestamp = "2026-01-05T08:00:00Z".parse().expect("an instant");
    Fact {
        source: SourceId::from("hr"),
        record: record.clone(),
        worker: WorkerId::from(format!("W{n}")),
        event: EventId::from(format!("hired-{n}")),
        version: None,
        effective: Effective::Instant(at),
        zone: "Europe/Lisbon".into(),
        recorded_at: at,
        received_at: at,
        payload: Hash::of(&n.to_be_bytes()),
        manager: Some(RecordKey::from(format!("{:032x}", 0))),
        body: FactBody::Assert {
            attrs: Pii::new(attrs),
            corrects: None,
        },
    }
}

#[derive(Clone, Copy, Debug)]
enum Mutation {
    Delete,
    Negate,
    Widen,
}

fn mutated(policy: &Policy, index: usize, how: Mutation) -> Policy {
    let mut policy = policy.clone();
    policy.version = Hash::of(format!("{index} {how:?}").as_bytes());
    match how {
        Mutation::Delete => {
            policy.rules.remove(index);
        }
        Mutation::Negate => {
            // The last condition separates those whom the rule is about from their neighbours.
            let last = policy.rules[index].when.last_mut().expect("a condition");
            last.test = match &last.test {
                Test::In(texts) => Test::NotIn(texts.clone()),
                Test::NotIn(texts) => Test::In(texts.clone()),
                Test::Present | Test::Prefix(_) => Test::Absent,
                Test::Absent => Test::Present,
            };
        }
        Mutation::Widen => {
            policy.rules[index].when.clear();
            policy.rules[index].filter = None;
        }
    }
    policy
}

#[tokio::test]
async fn a_deleted_rule_does_what_was_said_before() {
    all(Mutation::Delete).await;
}

#[tokio::test]
async fn a_negated_rule_does_what_was_said_before() {
    all(Mutation::Negate).await;
}

#[tokio::test]
async fn a_widened_rule_does_what_was_said_before() {
    all(Mutation::Widen).await;
}

async fn all(how: Mutation) {
    let policy = without_limits();
    let from = Arc::new(Compiled::new(policy.clone()));
    let company = Company::new(&policy).await;
    company.live(&from).await;
    let (same, tally) = company.foretold(&from, &from).await;
    assert_eq!((same, tally.affected), (company.access(), 0));

    for (index, rule) in policy.rules.iter().enumerate() {
        let to = Arc::new(Compiled::new(mutated(&policy, index, how)));
        let told = &rule.id;
        let before = company.access();
        let (foretold, tally) = company.foretold(&from, &to).await;
        company.live(&to).await;
        let after = company.access();
        assert_eq!(after, foretold, "{told}");

        // Everybody who is named is affected, and nobody else.
        let changed: BTreeSet<&RecordKey> = before
            .keys()
            .chain(after.keys())
            .filter(|place| before.get(*place) != after.get(*place))
            .map(|(record, _)| record)
            .collect();
        let named: BTreeSet<RecordKey> = tally
            .identities()
            .into_iter()
            .map(RecordKey::from)
            .collect();
        assert_eq!(named.iter().collect::<BTreeSet<_>>(), changed, "{told}");
        // A rule that is only recorded gives nothing, whatever becomes of it.
        let acts = rule.state == RuleState::Enforce;
        assert_eq!(!changed.is_empty(), acts, "{told}");

        // Back again: the same access as before.
        company.live(&from).await;
        for (place, (standing, grants)) in company.access() {
            let (was, held) = before.get(&place).cloned().unwrap_or_default();
            let active = |standing| standing == Standing::Active;
            assert_eq!(active(standing), active(was), "{told}");
            assert_eq!(grants, held, "{told}");
        }
    }
    let (_, tally) = company.foretold(&from, &from).await;
    assert_eq!(tally.affected, 0, "nothing is left to do");
    for target in company.targets.values() {
        assert_eq!(target.violations(), Vec::<String>::new());
    }
}

/// With the limits of the sample: what a comparison says is held is held, on those targets and on
/// no others; nothing of it is done, and everything else is.
#[tokio::test]
async fn a_deleted_rule_is_held_where_that_was_said_before() {
    assert!(all_within_limits(Mutation::Delete).await > 0);
}

#[tokio::test]
async fn a_negated_rule_is_held_where_that_was_said_before() {
    assert!(all_within_limits(Mutation::Negate).await > 0);
}

/// Whoever widens a rule gives; nothing is held, but where the rule takes a side of an SoD pair or
/// a tier from others.
#[tokio::test]
async fn a_widened_rule_is_held_where_that_was_said_before() {
    all_within_limits(Mutation::Widen).await;
}

/// Returns how often something was held.
async fn all_within_limits(how: Mutation) -> usize {
    let policy = sample();
    let from = Arc::new(Compiled::new(policy.clone()));
    let (mut held, mut passed) = (0, 0);
    for (index, rule) in policy.rules.iter().enumerate() {
        let company = Company::new(&policy).await;
        company.live(&from).await;
        let to = Arc::new(Compiled::new(mutated(&policy, index, how)));
        let (foretold, tally) = company.foretold(&from, &to).await;
        let said = company.held_by(&to, &tally).await;
        // What publishing does before the pointer flips.
        let openings: Vec<Opening> = said
            .iter()
            .map(|verdict| Opening {
                target: verdict.target.clone(),
                scope: verdict.scope.clone(),
                allowed: verdict.allowed,
            })
            .collect();
        let now = company.clock.now();
        let opened = holds::open(&company.store, &openings, now).await;
        assert_eq!(opened.expect("holds open"), openings.len(), "{}", rule.id);
        let before = company.access();
        company.live(&to).await;

        let waiting: BTreeSet<TargetId> = company
            .store
            .everybody()
            .values()
            .flat_map(|seat| &seat.accounts)
            .filter(|(_, account)| account.held.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        let targets: BTreeSet<TargetId> = said.iter().map(|v| v.target.clone()).collect();
        assert_eq!(waiting, targets, "{}", rule.id);
        let after = company.access();
        for name in policy.targets.keys() {
            if targets.contains(name) {
                let scopes = said.iter().filter(|verdict| verdict.target == *name);
                let scopes: BTreeSet<&Scope> = scopes.map(|verdict| &verdict.scope).collect();
                held_exactly(&before, &foretold, &after, name, &scopes);
            } else {
                assert_eq!(
                    on(&after, name),
                    on(&foretold, name),
                    "{} on {name}",
                    rule.id
                );
            }
        }
        held += targets.len();
        passed += policy.targets.len() - targets.len();
    }
    assert!(passed > 0, "{how:?}");
    held
}

fn on(access: &Access, name: &TargetId) -> Access {
    let here = access.iter().filter(|((_, target), _)| target == name);
    here.map(|(place, what)| (place.clone(), what.clone()))
        .collect()
}

/// Nobody lost what is held, and everybody who was to gain something gained it, unless it is the
/// other side of what they keep.
fn held_exactly(
    before: &Access,
    foretold: &Access,
    after: &Access,
    name: &TargetId,
    scopes: &BTreeSet<&Scope>,
) {
    let revokes = Scope::class(Class::Revoke);
    let is_held = |grant: &String| {
        let group = Scope {
            class: Class::Revoke,
            group: Some(EntitlementId::from(grant.as_str())),
        };
        scopes.contains(&revokes) || scopes.contains(&group)
    };
    for (place, (_, had)) in on(before, name) {
        let want = foretold.get(&place).map(|(_, grants)| grants.clone());
        let want = want.unwrap_or_default();
        let has = after.get(&place).map(|(_, grants)| grants.clone());
        let has = has.unwrap_or_default();
        let lost: BTreeSet<&String> = had.difference(&has).collect();
        assert!(
            lost.iter()
                .all(|grant| !want.contains(*grant) && !is_held(grant)),
            "{name}: {lost:?} went although it is held"
        );
        let kept: BTreeSet<&String> = had.difference(&want).filter(|g| is_held(g)).collect();
        assert!(kept.iter().all(|grant| has.contains(*grant)), "{name}");
        if kept.is_empty() {
            assert!(
                want.difference(&had).all(|grant| has.contains(grant)),
                "{name}"
            );
        }
    }
}
