use contract::{Cause, ConvergeRequest, Lane, PlanRequest};
use domain::{Generation, Hash, IdentityId, RecordKey, TargetId};
use ports::embedded::{EmbeddedLanes, FolderObjects};
use ports::model::{ManualClock, ModelStore};
use ports::queue::{MAX_RECEIVES, Queues as _};
use ports::{Clock as _, Lanes as _, Outgoing};
use std::sync::Arc;
use std::time::Duration;

use super::*;

const POLICY: &str = include_str!("../../../policy-minimal/policy.toml");

fn outgoing(group: &str, body: String) -> Outgoing {
    Outgoing {
        group: group.to_owned(),
        dedup: Hash::of(body.as_bytes()).to_string(),
        body,
    }
}

#[tokio::test]
async fn whoever_a_given_up_message_was_about_is_looked_at_and_it_is_never_sent_again() {
    let clock = ManualClock::new("2026-03-02T08:00:00Z".parse().unwrap());
    let lanes = EmbeddedLanes::in_memory(Arc::new(clock.clone()));
    let folder = std::env::temp_dir().join(format!("lanyard-operations-{}", std::process::id()));
    let objects = FolderObjects::open(&folder).unwrap();
    let files = [("policy.toml".to_owned(), POLICY.to_owned())];
    let policy = policy::load_files(files).unwrap().policy;
    let directory = Lane::Target(TargetId::from("directory"));
    let store = ModelStore::new();
    let operations = Operations {
        store: &store,
        lanes: &lanes,
        objects: &objects,
        clock: &clock,
        policy: Arc::new(policy),
        queues: vec![Lane::Facts, Lane::Terminations, directory.clone()],
    };

    let record = RecordKey::from("0123456789abcdef0123456789abcdef");
    let fact = PlanRequest::new(record.clone(), Cause::Fact);
    let ending = ConvergeRequest {
        v: 1,
        identity: IdentityId::from(&record),
        target: TargetId::from("directory"),
        generation: Generation(4),
        look: false,
        cause: Cause::Plan,
    };
    let facts = [
        outgoing("a", serde_json::to_string(&fact).unwrap()),
        outgoing("b", "not ours".to_owned()),
    ];
    lanes.send(&Lane::Facts, &facts).await.unwrap();
    let endings = [outgoing("c", serde_json::to_string(&ending).unwrap())];
    lanes.send(&Lane::Terminations, &endings).await.unwrap();
    for _ in 0..MAX_RECEIVES {
        for lane in [Lane::Facts, Lane::Terminations] {
            lanes.receive(&lane, 10, Duration::from_secs(1));
        }
        clock.advance(Duration::from_secs(1));
    }

    let Operated::Dead(dead) = operations.operate(Operate::Dead).await.unwrap() else {
        panic!("dead letters were asked for");
    };
    let about: Vec<_> = dead.iter().map(|one| one.about.as_deref()).collect();
    let told = format!("record {record}");
    let ended = format!("{record} on directory");
    assert_eq!(about, [Some(&*told), None, Some(&*ended)]);
    let handed = operations.operate(Operate::Replan).await.unwrap();
    assert_eq!(handed, Operated::HandedOver { count: 2, left: 1 });

    let status = operations.status().await.unwrap();
    assert_eq!(status.lanes["facts.fifo"].dead, 1, "what is not ours stays");
    assert_eq!(status.lanes["terminations.fifo"].dead, 0);
    let again = lanes.receive(&Lane::Facts, 10, Duration::from_secs(1));
    let request: PlanRequest = serde_json::from_str(&again[0].message.body).unwrap();
    assert_eq!((request.record, request.cause), (record, Cause::Operator));
    let again = lanes.receive(&Lane::Terminations, 10, Duration::from_secs(1));
    let request: ConvergeRequest = serde_json::from_str(&again[0].message.body).unwrap();
    assert_eq!((request.cause, request.look), (Cause::Operator, true));
    assert_eq!(clock.now(), "2026-03-02T08:00:05Z".parse().unwrap());
    std::fs::remove_dir_all(&folder).unwrap();
}
