//! Everything but the functions: services, a target, published policy, and the gates before them.

use std::collections::BTreeMap;

use domain::{IdentityId, RecordKey};
use hr_webhook::{Salt, record_key};
use jiff::{SignedDuration, Timestamp};
use lanes_sqs::{QueueUrls, SqsLanes};
use lanyard::stack::SystemClock;
use objects_s3::S3Objects;
use ports::store::{Reading, Seat, Segment};
use ports::{Clock as _, Store as _};
use scim_target::ScimTarget;
use serde_json::json;
use store_dynamodb::DynamoStore;
use tests::ministack::{ACCOUNT, Ministack};
use tests::runtime_api::EventSource;
use tests::services::{self, SALT, VISIBILITY};

use crate::gate::Gates;

const POLICY: &str = include_str!("../../../infra/policy-minimal/policy.toml");

/// The origin of the target in that policy.
const ORIGIN: &str = "http://127.0.0.1:8088";

/// Limits that nobody reaches: half of this company leaves within a minute.
const LIMITS: &str = r"
[targets.directory.limits]
block = { floor = 1000, percent = 100, ceiling = 1000 }
disable = { floor = 1000, percent = 100, ceiling = 1000 }
revoke = { floor = 1000, percent = 100, ceiling = 1000 }
members = { floor = 1000, percent = 100, ceiling = 1000 }
";

/// How often a message is received before it is a dead letter, as in the template.
const RECEIVES: u32 = 5;

pub struct World {
    pub gates: Gates,
    pub server: Ministack,
    pub target: ScimTarget,
    pub store: DynamoStore,
    pub objects: S3Objects,
    pub lanes: SqsLanes,
    pub facts: EventSource,
    pub lane: EventSource,
    pub terminations: EventSource,
    /// The services as the functions see them.
    endpoint: String,
    /// How far the queues' clock is ahead.
    ahead: SignedDuration,
}

impl World {
    pub async fn start() -> Self {
        let server = Ministack::start().await;
        server.set_time(SystemClock.now());
        let target = ScimTarget::start(scim_target::Options::default()).await;
        let target = target.expect("a target");
        for group in ["staff", "Engineers"] {
            target.add_group(group).expect("a group");
        }
        let mut gates = Gates::new();
        let endpoint = gates.open(server.url()).await;
        let origin = format!("http://{}", target.address());
        let policy = POLICY.replace(ORIGIN, &gates.open(&origin).await);
        let aws = server.aws();
        let token = ("directory-token", target.token());
        let objects = services::furnish(&server, &[token]).await;
        services::publish(&objects, policy + LIMITS).await;
        let queues = QueueUrls::new(format!("{}/{ACCOUNT}/lanyard-", server.url()));
        let queue = |name| EventSource::with_dead_letters(&server, name, VISIBILITY, RECEIVES);
        Self {
            facts: queue("lanyard-facts").await,
            lane: queue("lanyard-lane-directory").await,
            terminations: queue("lanyard-terminations").await,
            store: DynamoStore::new(&aws, services::TABLE),
            lanes: SqsLanes::new(&aws, queues),
            gates,
            server,
            target,
            objects,
            endpoint,
            ahead: SignedDuration::ZERO,
        }
    }

    /// The environment of a function; of a connector of one target where one is named.
    pub fn environment(&self, target: Option<&str>) -> BTreeMap<&'static str, String> {
        services::environment(&self.endpoint, target)
    }

    /// Lets everything that is hidden become visible.
    pub fn pass_visibility(&mut self) {
        self.ahead += SignedDuration::from_secs(i64::from(VISIBILITY) + 1);
        self.server.set_time(now() + self.ahead);
    }

    /// The identity item of a worker.
    pub async fn seat(&self, worker: &str) -> Seat {
        let record = RecordKey::from(&identity(worker));
        let dossier = self.store.dossier(&record).await.expect("a dossier");
        dossier.seat.expect("an identity")
    }

    /// Every identity item.
    pub async fn seats(&self) -> Vec<(IdentityId, Seat)> {
        let (mut seats, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.scan(
                Segment { index: 0, of: 1 },
                Reading::Latest,
                after.as_deref(),
            );
            let page = page.await.expect("a page");
            seats.extend(page.rows);
            after = page.next;
            if after.is_none() {
                return seats;
            }
        }
    }

    /// Lets the clock look at an identity now. Returns whether the decision still was that one.
    pub async fn wake(&self, identity: &IdentityId, seat: &Seat) -> bool {
        let generation = seat.record.generation;
        let woken = self.store.rest(identity, generation, Some(now()));
        woken.await.expect("a write")
    }

    /// Puts a message of nobody into a queue.
    pub async fn send(&self, queue: &str) {
        let input = json!({
            "QueueUrl": format!("{}/{ACCOUNT}/{queue}", self.server.url()),
            "MessageBody": "{}",
            "MessageGroupId": "nobody",
            "MessageDeduplicationId": "planted",
        });
        let sent = self.server.call("AmazonSQS.SendMessage", &input).await;
        sent.expect("it is sent");
    }
}

/// The time that functions see.
pub fn now() -> Timestamp {
    SystemClock.now()
}

/// The identity of a worker.
pub fn identity(worker: &str) -> IdentityId {
    let salt = Salt::new(SALT.as_bytes()).expect("a salt");
    IdentityId::from(&record_key(&salt, &"hr".into(), worker))
}
