//! The company, its Graph, and the proxy in between.

use std::collections::BTreeMap;

use domain::{AccountRecord, TargetId};
use graph_target::{FaultKind, GraphTarget, Options, Rule, User};
use jiff::{SignedDuration, Timestamp};
use ports::Clock as _;
use scim_target::ScimTarget;
use tests::third_party::{Running, ThirdParty};
use tests::world::{Address, Says, World, unlimited};

pub const ANA: (&str, &str) = ("Ana", "Silva");
pub const BEN: (&str, &str) = ("Ben", "Okafor");
/// The day before which nothing has happened.
pub const TODAY: &str = "2026-03-02";

/// The licence that the policy file names; its place is taken by the one that the tenant has.
const LICENCE: &str = "00000000-0000-4000-8000-000000000003";
/// Groups of the tenant beside those of engineers.
const GROUPS: [&str; 4] = ["All staff", "Ledger", "Invoices", "Customers"];
const ENGINEERS: usize = 9;
/// Where the key is unless policy says otherwise.
const KEY: &str = "/extensionAttribute15";

/// A company with a Graph target and a SCIM target.
pub struct Company {
    pub world: World,
    pub graph: GraphTarget,
    pub wiki: ScimTarget,
    pub licence: String,
    prism: Option<Running>,
}

/// The suite's policy, before the tenant's licence is put in.
pub fn policy() -> String {
    unlimited(include_str!("../../fixtures/policy/m365.toml"))
}

impl Company {
    /// With the suite's policy, through the proxy.
    pub async fn new() -> Self {
        Self::with_policy(&policy()).await
    }

    /// With another policy.
    pub async fn with_policy(text: &str) -> Self {
        Self::start(text, true).await
    }

    /// Without the proxy, which would answer for a connection that is cut or silent.
    pub async fn directly() -> Self {
        Self::start(&policy(), false).await
    }

    async fn start(text: &str, validated: bool) -> Self {
        let options = Options {
            tenant: "contoso.onmicrosoft.com".to_owned(),
            start_time: "2026-03-02T08:00:00Z".parse().expect("an instant"),
            ..Options::default()
        };
        let graph = GraphTarget::start(options).await.expect("a Graph");
        for name in GROUPS {
            graph.add_group(name).expect("a group");
        }
        for n in 0..ENGINEERS {
            let name = format!("Engineers {n}");
            graph.add_group(&name).expect("a group");
        }
        let licence = graph.add_license("SPE_E3", 1_000);
        let wiki = ScimTarget::start(scim_target::Options::default())
            .await
            .expect("a server");
        wiki.add_group("editors").expect("a group");
        let prism = if validated {
            Some(through_prism(&graph).await)
        } else {
            None
        };
        let base = prism.as_ref().map_or(graph.base_url(), Running::base_url);
        let addresses = BTreeMap::from([
            (
                TargetId::from("m365"),
                Address {
                    token_url: Some(graph.token_url().to_owned()),
                    ..Address::new(base, graph.options().client_secret.clone())
                },
            ),
            (
                TargetId::from("wiki"),
                Address::new(wiki.base_url(), wiki.token()),
            ),
        ]);
        let world = World::new(&text.replace(LICENCE, &licence), addresses).await;
        Self {
            world,
            graph,
            wiki,
            licence,
            prism,
        }
    }

    /// The same company after every process was replaced, with another policy.
    #[must_use]
    pub fn restarted(self, text: &str) -> Self {
        let text = text.replace(LICENCE, &self.licence);
        Self {
            world: self.world.restarted(&text),
            ..self
        }
    }

    /// Somebody is hired, with everything that the policy maps.
    pub fn hires(worker: &str, names: (&str, &str), department: &str, start: &str) -> Says {
        Says::hires(worker, names, department, start)
            .that("employee_number", worker)
            .that("country", "PT")
            .that("title", "Specialist")
            .that("cost_center", "4130")
            .that("division", "Operations")
    }

    /// HR says something, and everybody does what follows.
    pub async fn hr(&mut self, says: Says) -> String {
        self.graph.set_time(self.world.clock.now());
        self.world.hr(says).await
    }

    /// Lets time pass, for the Graph too, day by day: what it deletes is deleted that day.
    pub async fn until(&self, at: &str) {
        let end: Timestamp = at.parse().expect("an instant");
        loop {
            let now = self.world.clock.now();
            let tomorrow = now.checked_add(SignedDuration::from_hours(24));
            let next = tomorrow.expect("an instant").min(end);
            self.graph.set_time(next);
            self.world.until(&next.to_string()).await;
            if next >= end {
                return;
            }
        }
    }

    /// The live account that carries a worker's key. Two of them stop the test.
    pub fn account(&self, worker: &str) -> Option<User> {
        let key = self.world.identity(worker);
        one(self.graph.users(), key.as_str())
    }

    /// The deleted account that carries a worker's key.
    pub fn deleted(&self, worker: &str) -> Option<User> {
        let key = self.world.identity(worker);
        one(self.graph.deleted_users(), key.as_str())
    }

    /// The live account, which has to be there.
    pub fn has(&self, worker: &str) -> User {
        self.account(worker).expect("an account")
    }

    /// The names of the groups that a worker's account is in, sorted.
    pub fn groups(&self, worker: &str) -> Vec<String> {
        let groups = self.has(worker).groups;
        let name = |id: &String| self.graph.group(id).expect("a group").display_name;
        let mut names: Vec<String> = groups.iter().map(name).collect();
        names.sort();
        names
    }

    /// The id of a group.
    pub fn group(&self, name: &str) -> String {
        let group = self.graph.group_by_display_name(name);
        group.expect("a group").id
    }

    /// Whether a worker's account has the licence by itself.
    pub fn licensed(&self, worker: &str) -> bool {
        self.has(worker).licenses.contains_key(&self.licence)
    }

    /// What is recorded of a worker's account at Graph.
    pub async fn record(&self, worker: &str) -> AccountRecord {
        let seat = self.world.seat_at(worker, "m365").await.expect("an item");
        let record = seat.accounts.get(&TargetId::from("m365")).cloned();
        record.expect("a record")
    }

    /// Why a worker's account is parked.
    pub async fn parked(&self, worker: &str) -> String {
        let parked = self.record(worker).await.parked;
        parked.expect("a reason").into_string()
    }

    /// Switches a fault on.
    pub fn fault(&self, rule: impl Into<Rule>) {
        self.graph.faults().add(rule);
    }

    /// How often a fault made a difference.
    pub fn fired(&self, kind: FaultKind) -> u64 {
        self.graph.faults().fired(kind)
    }

    /// Forgets what the targets were asked.
    pub fn reset_calls(&self) {
        self.graph.reset_calls();
        self.graph.reset_usage();
        self.wiki.reset_calls();
    }

    /// HTTP requests that Graph saw: a batch is one, and those for tokens are none.
    pub fn requests(&self) -> Vec<String> {
        let log = self.graph.log().into_iter();
        log.filter(|entry| !entry.batched && !entry.path.contains("/oauth2/"))
            .map(|entry| format!("{} {}", entry.method, entry.template))
            .collect()
    }

    /// Requests that Graph saw with that method and template, in batches too.
    pub fn asked(&self, method: &str, template: &str) -> u64 {
        self.graph.calls().of(method, template)
    }

    /// The end of every test: nothing broke the contract.
    pub async fn ends(self) {
        assert_eq!(self.breaches().await, [""; 0]);
    }

    /// What the proxy has said against requests and answers, and against parts of batches.
    pub async fn breaches(&self) -> Vec<String> {
        let mut told = match &self.prism {
            Some(prism) => prism.breaches().await.expect("a log"),
            None => Vec::new(),
        };
        told.extend(self.graph.violations().into_iter().map(|one| one.report));
        told
    }

    /// Where Graph is reached.
    pub fn base_url(&self) -> &str {
        let base = self.prism.as_ref().map(Running::base_url);
        base.unwrap_or_else(|| self.graph.base_url())
    }
}

async fn through_prism(graph: &GraphTarget) -> Running {
    let prism = match ThirdParty::prism(graph.base_url()).await {
        Ok(prism) => prism,
        Err(error) => panic!("{error}"),
    };
    let through = graph.validate_through(prism.base_url());
    through.expect("a client");
    prism
}

fn one(users: Vec<User>, key: &str) -> Option<User> {
    let mut mine: Vec<User> = users
        .into_iter()
        .filter(|user| {
            let all = user.properties.get("onPremisesExtensionAttributes");
            all.and_then(|all| all.pointer(KEY)) == Some(&key.into())
        })
        .collect();
    assert!(mine.len() < 2, "several accounts with one key");
    mine.pop()
}
