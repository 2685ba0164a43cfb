//! A stack whose functions are the real binaries and whose requests to AWS are counted: three SCIM
//! targets, and whatever HR says goes through queues to accounts.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use lanyard::stack::SystemClock;
use ports::Clock as _;
use scim_target::ScimTarget;
use serde_json::{Value, json};

use super::{Authority, Front, Usage};
use crate::bench::cpu_of;
use crate::ministack::Ministack;
use crate::runtime_api::{Binary, EventSource, Function, Invocation, Outcome, Profile};
use crate::services;
use crate::world::Says;

/// The targets.
pub const TARGETS: [&str; 3] = ["directory", "wiki", "tickets"];

const POLICY: &str = r#"
required = ["given_name", "family_name", "employment_type", "start_date"]

[sources.hr]
zone = "Europe/Lisbon"
format = "canonical"
verify = "standard-webhooks"
secrets = ["hr-signing"]

[identifiers.user_name]
ladder = ["{given_name}.{family_name}", "{given_name}.{family_name}{n}"]

[roles.base]
entitlements = [STAFF]

[roles.engineering]
includes = ["base"]
entitlements = [ENGINEERS]

[[rules]]
id = "everybody"
when = "everyone"
roles = ["base"]

[[rules]]
id = "engineering"
when = { department = "Engineering" }
roles = ["engineering"]
"#;

const TARGET: &str = r#"
[targets.NAME]
mode = "enforce"
base_url = "URL"
token = "NAME-token"
profile = "rfc"

[targets.NAME.attributes]
userName = { identifier = "user_name" }
externalId = { key = true }
"name.givenName" = "{given_name}"
"name.familyName" = "{family_name}"
title = "{title}"

[targets.NAME.limits]
block = WIDE
disable = WIDE
revoke = WIDE
members = WIDE
rename = WIDE

[entitlements.NAME-staff]
target = "NAME"
group = "staff"

[entitlements.NAME-engineers]
target = "NAME"
group = "engineers"
"#;

/// What one function did.
#[derive(Clone, Debug, Default)]
pub struct Work {
    /// Its requests to AWS, and the platform's to its queue.
    pub usage: Usage,
    /// Times it was called.
    pub invocations: u64,
    /// Its processor time.
    pub cpu: Duration,
    /// Lines that it wrote.
    pub lines: u64,
    /// Their bytes.
    pub line_bytes: u64,
}

/// The stack.
pub struct Stack {
    server: Ministack,
    front: Front,
    authority: Option<Authority>,
    targets: Vec<ScimTarget>,
    sources: BTreeMap<String, EventSource>,
    running: BTreeMap<String, Running>,
    work: BTreeMap<String, Work>,
    profile: Profile,
    posts: u64,
}

struct Running {
    function: Function,
    /// Lines that were counted.
    lines: usize,
}

impl Stack {
    /// With nobody in it, and functions of that profile; over TLS where it is asked for.
    pub async fn start(profile: Profile, tls: bool) -> Self {
        let server = Ministack::start().await;
        server.set_time(SystemClock.now());
        let authority = tls.then(Authority::new);
        let front = Front::open(server.url(), authority.as_ref()).await;
        let mut targets = Vec::new();
        for _ in TARGETS {
            let target = ScimTarget::start(scim_target::Options::default()).await;
            let target = target.expect("a target");
            for group in ["staff", "engineers"] {
                target.add_group(group).expect("a group");
            }
            targets.push(target);
        }
        let tokens = TARGETS.map(|name| format!("{name}-token"));
        let tokens: Vec<(&str, &str)> = tokens
            .iter()
            .zip(&targets)
            .map(|(name, target)| (name.as_str(), target.token()))
            .collect();
        let objects = services::furnish(&server, &tokens).await;
        let mut sources = BTreeMap::new();
        let lanes = TARGETS.map(|name| format!("lane-{name}"));
        let names = ["facts".to_owned(), "terminations".to_owned()];
        for name in names.into_iter().chain(lanes) {
            let queue = format!("lanyard-{name}.fifo");
            let source = EventSource::create(&server, &queue, 180).await;
            sources.insert(name, source);
        }
        let stack = Self {
            server,
            front,
            authority,
            targets,
            sources,
            running: BTreeMap::new(),
            work: BTreeMap::new(),
            profile,
            posts: 0,
        };
        services::publish(&objects, stack.policy()).await;
        stack
    }

    /// With limits that nobody reaches.
    fn policy(&self) -> String {
        let wide = "{ floor = 1000000, percent = 100, ceiling = 1000000 }";
        let all = |group| {
            TARGETS
                .map(|name| format!("{:?}", format!("{name}-{group}")))
                .join(", ")
        };
        let mut text = POLICY.replace("STAFF", &all("staff"));
        text = text.replace("ENGINEERS", &all("engineers"));
        for (name, target) in TARGETS.iter().zip(&self.targets) {
            let one = TARGET
                .replace("NAME", name)
                .replace("URL", target.base_url());
            text.push_str(&one.replace("WIDE", wide));
        }
        text
    }

    /// The door that requests go through.
    pub const fn front(&self) -> &Front {
        &self.front
    }

    /// The targets.
    pub fn targets(&self) -> &[ScimTarget] {
        &self.targets
    }

    /// The environment of a function.
    pub fn environment(&self, target: Option<&str>) -> BTreeMap<&'static str, String> {
        let mut environment = services::environment(self.front.url(), target);
        if let Some(authority) = &self.authority {
            let certificate = authority.certificate().display().to_string();
            environment.insert("SSL_CERT_FILE", certificate);
        }
        environment
    }

    /// A signed post, as the platform hands it over.
    pub fn post(&mut self, says: Says) -> Invocation {
        self.posts += 1;
        let now: Timestamp = SystemClock.now();
        let (_, request) = says.request(self.posts, now);
        Invocation::from(serde_json::to_value(request).expect("JSON"))
    }

    /// Has HR say all that, and everything that follows from it done.
    pub async fn hear(&mut self, says: Vec<Says>) {
        // A post is stale after five minutes, and building what takes it may last longer.
        self.begin("hr-webhook").await;
        for one in says {
            let post = self.post(one);
            let (_, outcome) = self.call("hr-webhook", post).await;
            assert_eq!(outcome["statusCode"], 202, "{outcome}");
        }
        self.drain("facts").await;
        self.drain("terminations").await;
        for name in TARGETS {
            self.drain(&format!("lane-{name}")).await;
        }
    }

    /// Works off a queue. The platform asks for each batch and deletes what is done with one
    /// request each, which are counted with the function's.
    pub async fn drain(&mut self, queue: &str) {
        let source = self.sources[queue].clone();
        while let Some(event) = source.receive(&self.server).await {
            let (name, answer) = self.call(queue, event.clone().into()).await;
            let work = self.work.entry(name.clone()).or_default();
            work.usage.queue_requests += 2;
            let lines = self.running[&name].function.lines();
            assert_eq!(answer, json!({"batchItemFailures": []}), "{lines:?}");
            source.done(&self.server, &event).await;
        }
    }

    /// The next event of a queue, without working on it.
    pub async fn receive(&self, queue: &str) -> Option<Value> {
        self.sources[queue].receive(&self.server).await
    }

    /// Starts a function, if it does not run yet; gives its name.
    async fn begin(&mut self, of: &str) -> String {
        let (binary, name, target) = match of {
            "hr-webhook" => (Binary::HrWebhook, of, None),
            "reconciler" => (Binary::Reconciler, of, None),
            "clock" => (Binary::Clock, of, None),
            "facts" => (Binary::Planner, "planner", None),
            "terminations" => (Binary::Connector, of, None),
            lane => (Binary::Connector, lane, lane.strip_prefix("lane-")),
        };
        if !self.running.contains_key(name) {
            let environment = self.environment(target);
            let started = Function::start_built(binary, self.profile, &environment).await;
            let function = started.unwrap_or_else(|refused| panic!("`{binary}`: {refused:?}"));
            let lines = function.lines().len();
            self.running
                .insert(name.to_owned(), Running { function, lines });
        }
        name.to_owned()
    }

    /// Calls a function, by its name or by the queue that it works on, and notes what it did.
    pub async fn call(&mut self, of: &str, event: Invocation) -> (String, Value) {
        let name = self.begin(of).await;
        let running = self.running.get_mut(&name).expect("it runs");
        let id = running.function.id().expect("it lives");
        let (before, cpu) = (self.front.usage(), cpu_of(id));
        let outcome = running.function.invoke(event).await;
        let spent = cpu_of(id).saturating_sub(cpu);
        let Outcome::Answered(answer) = outcome else {
            panic!("`{name}`: {outcome:?}: {:?}", running.function.lines());
        };
        let lines = running.function.lines();
        let work = self.work.entry(name.clone()).or_default();
        work.usage += &(self.front.usage() - &before);
        work.invocations += 1;
        work.cpu += spent;
        for line in lines.iter().skip(running.lines) {
            work.lines += 1;
            work.line_bytes += line.len() as u64 + 1;
        }
        running.lines = lines.len();
        (name, answer)
    }

    /// What each function did since the last time.
    pub fn take_work(&mut self) -> BTreeMap<String, Work> {
        std::mem::take(&mut self.work)
    }
}
