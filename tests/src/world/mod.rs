//! A company in a test: HR posts signed webhooks, the function libraries do their work over a
//! DynamoDB engine and FIFO queues inside the process, and accounts appear in SCIM servers over
//! real HTTP. Time is set, never slept.

pub mod feed;
mod raw;
mod says;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use clock::Ticker;
use connectors::{Connector, TOGETHER};
use contract::{Cause, Lane};
use domain::Profile;
use domain::plan::Compiled;
use domain::policy::TargetKind;
use domain::profile::Auth;
use domain::{IdentityId, SourceId, TargetId};
use hr_webhook::{Salt, Webhook, record_key};
use jiff::{SignedDuration, Timestamp};
use planner::Planner;
use planner::operator::Operator;
use ports::model::{ManualClock, ModelLanes, ModelObjects, ModelSecrets};
use ports::queue::{Queues, run, run_up_to};
use ports::secrets::Secret;
use ports::store::{Reading, Seat, Segment};
use ports::{Apply, Cases, Clock, Observe, Store};
use reconciler::{Finished, Reconciler, Run};
use scim_target::ScimTarget as Server;
use store_dynamodb::{DynamoStore, embedded};
use target_http::Network;
use target_scim::Tokens;
use targets::{AnyTarget, Reach};

pub use raw::{Raw, RawAnswer};
pub use says::{Says, signed};

/// The secret that the HR system signs with.
pub const HR_SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
const SALT: &[u8] = b"a salt of the pipeline suite";
/// Groups of the test policy, by target.
pub const GROUPS: [(&str, &[&str]); 2] = [
    ("dir", &["staff", "contractors", "payables", "approvers"]),
    ("wiki", &["editors", "readers"]),
];
/// How often queues are polled before a test gives up on their coming to rest.
const PATIENCE: usize = 2_000;

/// The client of a target in a suite.
pub type Client = AnyTarget<Tokens>;

/// Where a target is reached.
#[derive(Clone, Debug)]
pub struct Address {
    /// Base URL.
    pub base_url: String,
    /// Bearer token, or the secret that tokens are asked for with.
    pub token: String,
    /// Where tokens are asked for, at a target that wants it.
    pub token_url: Option<String>,
}

impl Address {
    /// Of a target that takes a bearer token which never changes.
    pub fn new(base_url: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            token: token.into(),
            token_url: None,
        }
    }
}

/// A company, over the embedded table and the clients of every kind of target where nothing else
/// is said.
pub struct World<S = DynamoStore, T = Client> {
    /// The time everybody sees.
    pub clock: ManualClock,
    /// The table.
    pub store: S,
    /// The queues.
    pub lanes: ModelLanes,
    /// The bucket of reports.
    pub objects: ModelObjects,
    /// The policy in force.
    pub policy: Arc<Compiled>,
    /// The intake.
    pub webhook: Webhook<S, ModelLanes, ModelSecrets, ManualClock>,
    /// The planner.
    pub planner: Planner<S, ModelLanes, ManualClock>,
    /// The connectors.
    pub connector: Connector<S, T, ManualClock>,
    ticker: Ticker<S, ModelLanes, ManualClock>,
    readers: BTreeMap<TargetId, T>,
    addresses: BTreeMap<TargetId, Address>,
    profile: Option<Profile>,
    posts: u64,
}

/// What a company is made of, beside its functions.
pub struct Parts<S, T> {
    /// The time everybody sees.
    pub clock: ManualClock,
    /// The table.
    pub store: S,
    /// The queues.
    pub lanes: ModelLanes,
    /// The bucket of reports.
    pub objects: ModelObjects,
    /// The policy in force.
    pub policy: Arc<Compiled>,
    /// Who writes to targets.
    pub writers: BTreeMap<TargetId, T>,
    /// Who reads them at night.
    pub readers: BTreeMap<TargetId, T>,
}

/// A company with our own SCIM servers as targets.
pub struct Company {
    /// Everything but the targets.
    pub world: World,
    /// The target `dir`.
    pub dir: Server,
    /// The target `wiki`.
    pub wiki: Server,
}

/// The text of the suite's policy.
pub fn policy_text() -> String {
    include_str!("../../fixtures/policy/company.toml").to_owned()
}

/// The same policy with limits that nobody reaches, for tests of something else.
pub fn unlimited(text: &str) -> String {
    let wide = "{ floor = 1000000, percent = 100, ceiling = 1000000 }";
    let classes = ["block", "delete", "members", "rename", "manager"];
    let more = classes.map(|class| format!("{class} = {wide}")).join("\n");
    let lines = text.lines().map(|line| {
        if line.starts_with("disable = {") {
            format!("disable = {wide}\n{more}\n")
        } else if line.starts_with("revoke = {") {
            format!("revoke = {wide}\n")
        } else {
            format!("{line}\n")
        }
    });
    lines.collect()
}

impl Company {
    /// On 2 March 2026, 08:00 UTC, with the suite's policy.
    pub async fn new() -> Self {
        Self::with_policy(&policy_text()).await
    }

    /// With another policy over the same targets.
    pub async fn with_policy(text: &str) -> Self {
        Self::start(text, None).await
    }

    /// With another policy over the same targets, spoken to in another dialect.
    pub async fn with_profile(text: &str, profile: Profile) -> Self {
        Self::start(text, Some(profile)).await
    }

    async fn start(text: &str, profile: Option<Profile>) -> Self {
        let mut servers = BTreeMap::new();
        for (name, groups) in GROUPS {
            let server = Server::start(scim_target::Options::default())
                .await
                .expect("a server");
            for group in groups {
                server.add_group(group).expect("a group");
            }
            servers.insert(name, server);
        }
        let addresses = servers
            .iter()
            .map(|(name, server)| {
                let address = Address::new(server.base_url(), server.token());
                (TargetId::from(*name), address)
            })
            .collect();
        let world = World::start(text, addresses, profile).await;
        Self {
            world,
            dir: servers.remove("dir").expect("dir"),
            wiki: servers.remove("wiki").expect("wiki"),
        }
    }

    /// The account of a worker on `dir`, as the server shows it.
    pub fn on_dir(&self, worker: &str) -> Option<scim_target::User> {
        self.dir
            .user_by_external_id(self.world.identity(worker).as_str())
    }

    /// The account of a worker on `wiki`.
    pub fn on_wiki(&self, worker: &str) -> Option<scim_target::User> {
        self.wiki
            .user_by_external_id(self.world.identity(worker).as_str())
    }

    /// The groups of a worker on both targets, sorted; only of accounts that can sign in or not.
    pub fn groups(&self, worker: &str) -> Vec<String> {
        let mut groups: Vec<String> = [self.on_dir(worker), self.on_wiki(worker)]
            .into_iter()
            .flatten()
            .flat_map(|user| user.groups)
            .collect();
        groups.sort();
        groups
    }

    /// Whether the worker can sign in on `dir` and on `wiki`.
    pub fn active(&self, worker: &str) -> (bool, bool) {
        let on = |user: Option<scim_target::User>| user.is_some_and(|user| user.active);
        (on(self.on_dir(worker)), on(self.on_wiki(worker)))
    }

    /// Forgets how often the targets were called.
    pub fn reset_calls(&self) {
        self.dir.reset_calls();
        self.wiki.reset_calls();
    }

    /// Writes that the targets saw.
    pub fn target_writes(&self) -> u64 {
        self.dir.calls().writes() + self.wiki.calls().writes()
    }

    /// Every request that the targets saw.
    pub fn target_calls(&self) -> u64 {
        self.dir.calls().total() + self.wiki.calls().total()
    }
}

/// A policy from its text, with targets at these addresses.
pub fn compiled(text: &str, addresses: &BTreeMap<TargetId, Address>) -> Arc<Compiled> {
    let mut loaded = policy::load_files([("company.toml".to_owned(), text.to_owned())])
        .unwrap_or_else(|errors| panic!("{errors}"));
    let by_hand = |target: &domain::policy::Target| matches!(target.kind, TargetKind::Manual(_));
    let kept: BTreeSet<TargetId> = loaded
        .policy
        .targets
        .iter()
        .filter(|(name, target)| addresses.contains_key(*name) || by_hand(target))
        .map(|(name, _)| name.clone())
        .collect();
    loaded.keep_targets(|target| kept.contains(target));
    for (name, target) in &mut loaded.policy.targets {
        if by_hand(target) {
            continue;
        }
        let address = &addresses[name];
        target.base_url = address.base_url.clone().into();
        match (&mut target.auth, &address.token_url) {
            (Auth::Client(credentials), Some(url)) => credentials.token_url = url.clone().into(),
            (Auth::Bearer { .. } | Auth::Basic { .. } | Auth::Header { .. }, None) => {}
            (auth, url) => panic!("`{name}` proves itself by {auth:?}, and tokens are at {url:?}"),
        }
    }
    Arc::new(Compiled::new(loaded.policy))
}

/// The policy with every target spoken to in that dialect.
fn spoken(policy: Arc<Compiled>, profile: Option<&Profile>) -> Arc<Compiled> {
    let Some(profile) = profile else {
        return policy;
    };
    let mut policy = (*policy.policy).clone();
    for target in policy.targets.values_mut() {
        target.profile = profile.clone();
    }
    Arc::new(Compiled::new(policy))
}

/// A client for each target of the policy.
pub fn clients(
    policy: &Compiled,
    addresses: &BTreeMap<TargetId, Address>,
    clock: &ManualClock,
    reach: Reach,
) -> BTreeMap<TargetId, Client> {
    targets::callable(&policy.policy)
        .map(|name| {
            let token = Secret::new(addresses[name].token.clone());
            let tokens = Arc::new(Tokens::fixed([token]));
            let clock = Arc::new(clock.clone());
            let client = AnyTarget::new(&policy.policy, name, reach, tokens, clock)
                .unwrap_or_else(|fault| panic!("{fault}"));
            (name.clone(), client)
        })
        .collect()
}

impl World {
    /// On 2 March 2026, 08:00 UTC.
    pub async fn new(policy: &str, addresses: BTreeMap<TargetId, Address>) -> Self {
        Self::start(policy, addresses, None).await
    }

    /// With targets of another dialect.
    pub async fn with_profile(
        policy: &str,
        addresses: BTreeMap<TargetId, Address>,
        profile: Profile,
    ) -> Self {
        Self::start(policy, addresses, Some(profile)).await
    }

    async fn start(
        policy: &str,
        addresses: BTreeMap<TargetId, Address>,
        profile: Option<Profile>,
    ) -> Self {
        let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().expect("an instant"));
        let store = embedded::open_in_memory().await.expect("an engine");
        let lanes = ModelLanes::new(Arc::new(clock.clone()));
        let objects = ModelObjects::new();
        Self::over(policy, addresses, profile, clock, store, lanes, objects)
    }

    fn over(
        text: &str,
        addresses: BTreeMap<TargetId, Address>,
        profile: Option<Profile>,
        clock: ManualClock,
        store: DynamoStore,
        lanes: ModelLanes,
        objects: ModelObjects,
    ) -> Self {
        let policy = spoken(compiled(text, &addresses), profile.as_ref());
        let reach = Reach::to(Network::PUBLIC.and_this_machine());
        let parts = Parts {
            writers: clients(&policy, &addresses, &clock, reach),
            readers: clients(&policy, &addresses, &clock, reach),
            clock,
            store,
            lanes,
            objects,
            policy,
        };
        Self {
            addresses,
            profile,
            ..Self::of(parts)
        }
    }

    /// The same world after every process was replaced, maybe with another policy.
    #[must_use]
    pub fn restarted(self, policy: &str) -> Self {
        let posts = self.posts;
        let mut world = Self::over(
            policy,
            self.addresses,
            self.profile,
            self.clock,
            self.store,
            self.lanes,
            self.objects,
        );
        world.posts = posts;
        world
    }
}

impl<S: Store + Cases + Clone, T: Observe + Apply> World<S, T> {
    /// Of these parts.
    pub fn of(parts: Parts<S, T>) -> Self {
        let Parts {
            clock,
            store,
            lanes,
            objects,
            policy,
            writers,
            readers,
        } = parts;
        let secrets = ModelSecrets::new().with("hr-signing", HR_SECRET);
        Self {
            webhook: Webhook::new(
                store.clone(),
                lanes.clone(),
                secrets,
                clock.clone(),
                policy.policy.clone(),
                Salt::new(SALT).expect("a salt"),
            ),
            planner: Planner::new(store.clone(), lanes.clone(), clock.clone(), policy.clone()),
            connector: Connector::new(store.clone(), writers, clock.clone(), policy.clone()),
            ticker: Ticker::new(store.clone(), lanes.clone(), clock.clone()),
            readers,
            addresses: BTreeMap::new(),
            profile: None,
            clock,
            store,
            lanes,
            objects,
            policy,
            posts: 0,
        }
    }

    /// Reaches its targets through these clients from now on.
    pub fn take_clients(&mut self, clients: BTreeMap<TargetId, T>)
    where
        T: Clone,
    {
        let (clock, policy) = (self.clock.clone(), self.policy.clone());
        self.connector = Connector::new(self.store.clone(), clients.clone(), clock, policy);
        self.readers = clients;
    }

    /// The identity that a worker's first record founds.
    pub fn identity(&self, worker: &str) -> IdentityId {
        let salt = Salt::new(SALT).expect("a salt");
        IdentityId::from(&record_key(&salt, &SourceId::from("hr"), worker))
    }

    /// The identity item of a worker, if the worker founded one.
    pub async fn seat(&self, worker: &str) -> Option<Seat> {
        self.seat_at(worker, "dir").await
    }

    /// The same with the account's record at a target.
    pub async fn seat_at(&self, worker: &str, target: &str) -> Option<Seat> {
        self.store
            .seat(&self.identity(worker), &TargetId::from(target))
            .await
            .expect("a read")
            .0
    }

    /// Every identity, by id.
    pub async fn seats(&self) -> BTreeMap<IdentityId, Seat> {
        let mut all = BTreeMap::new();
        let mut after: Option<String> = None;
        loop {
            let segment = Segment { index: 0, of: 1 };
            let page = self
                .store
                .scan(segment, Reading::Latest, after.as_deref())
                .await
                .expect("a page");
            all.extend(page.rows);
            match page.next {
                Some(next) => after = Some(next),
                None => return all,
            }
        }
    }

    /// HR says something and everybody does what follows. Returns the event id.
    pub async fn hr(&mut self, says: Says) -> String {
        let event = self.post(says).await;
        self.settle().await;
        event
    }

    /// HR says something; nobody has acted yet. Returns the event id.
    pub async fn post(&mut self, says: Says) -> String {
        self.posts += 1;
        let (event, request) = says.request(self.posts, self.clock.now());
        let answer = self.webhook.handle(request).await;
        assert_eq!(answer.status_code, 202, "{:?}", answer.body);
        event
    }

    /// Every lane of the company.
    pub fn all_lanes(&self) -> Vec<Lane> {
        let targets = self.policy.policy.targets.keys().cloned().map(Lane::Target);
        [Lane::Terminations, Lane::Facts]
            .into_iter()
            .chain(targets)
            .collect()
    }

    /// One batch of one lane. Returns how many messages it held.
    pub async fn work(&self, lane: &Lane) -> usize {
        let visibility = Duration::from_mins(3);
        match lane {
            Lane::Facts => {
                let work = run(&self.lanes, lane, visibility, |batch| {
                    self.planner.handle(batch)
                });
                Box::pin(work).await
            }
            Lane::Target(_) | Lane::Terminations => {
                let work = run_up_to(&self.lanes, lane, TOGETHER, visibility, |batch| {
                    self.connector.handle(batch)
                });
                Box::pin(work).await
            }
        }
    }

    /// Works until no queue holds a message; time passes where messages are hidden.
    pub async fn settle(&self) {
        for _ in 0..PATIENCE {
            let mut worked = 0;
            for lane in self.all_lanes() {
                worked += self.work(&lane).await;
            }
            if worked > 0 {
                continue;
            }
            match self.lanes.next_visible_at() {
                None => return,
                Some(at) => self.clock.set(at.max(self.clock.now())),
            }
        }
        panic!("the queues do not come to rest");
    }

    /// One tick of the clock function, without what follows.
    pub async fn nudge(&self) {
        self.ticker.tick().await.expect("a tick");
    }

    /// One tick of the clock function, and what follows.
    pub async fn tick(&self) {
        self.nudge().await;
        self.settle().await;
    }

    /// Lets time pass until an instant, stopping wherever somebody is due.
    pub async fn until(&self, at: &str) {
        let end: Timestamp = at.parse().expect("an instant");
        self.settle().await;
        for _ in 0..PATIENCE {
            let next = self
                .seats()
                .await
                .values()
                .filter_map(|seat| seat.wake_at)
                .min();
            match next.filter(|next| *next <= end) {
                None => {
                    self.clock.set(end.max(self.clock.now()));
                    self.settle().await;
                    return;
                }
                Some(next) => {
                    self.clock.set(next.max(self.clock.now()));
                    self.tick().await;
                }
            }
        }
        panic!("somebody is due for ever");
    }

    /// Lets some time pass.
    pub async fn pass(&self, by: SignedDuration) {
        let end = self.clock.now().checked_add(by).expect("an instant");
        self.until(&end.to_string()).await;
    }

    /// The nightly run, without what follows from it.
    pub async fn observe(&self) -> Finished {
        let now = self.clock.now();
        let date = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let run = Run::new(now, date, &self.policy.policy, "test");
        Reconciler::new(
            &self.store,
            &self.lanes,
            &self.objects,
            &self.clock,
            &self.readers,
            &self.policy.policy,
        )
        .run(&run)
        .await
        .expect("a run")
    }

    /// The nightly run and everything that follows from it.
    pub async fn night(&self) -> Finished {
        self.clock.advance(Duration::from_secs(1));
        let finished = self.observe().await;
        self.settle().await;
        finished
    }

    /// What an operator decides is recorded here.
    pub const fn operator(&self) -> Operator<'_, S, ModelLanes, ManualClock> {
        Operator::new(&self.store, &self.lanes, &self.clock)
    }

    /// Asks the planner about a worker, as an operator may.
    pub async fn look(&self, worker: &str) -> planner::Looked {
        let record = domain::RecordKey::from(&self.identity(worker));
        self.planner
            .look(&record, Cause::Operator)
            .await
            .expect("a look")
    }
}
