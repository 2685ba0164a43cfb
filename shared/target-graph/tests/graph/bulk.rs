//! Uploads to the inbound provisioning API of Microsoft Entra.

use std::sync::Arc;
use std::time::Duration;

use domain::policy::EntraJob;
use domain::{AttrPath, Change, EntitlementId};
use graph_target::{Fault, FaultKind, GraphTarget as Graph, Options};
use ports::model::{ManualClock, ModelSecrets};
use ports::target::{AccountChanges, Found, Lookup, TargetError};
use ports::{Apply, Observe};
use serde_json::json;
use target_graph::bulk::{BulkConfig, EntraBulk, Record};
use target_http::Network;

use crate::fixture::{SECRET, bearer, create, grant, lines, update};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn config(graph: &Graph) -> BulkConfig {
    BulkConfig {
        target: "entra".into(),
        base_url: graph.base_url().into(),
        network: Network::PUBLIC.and_this_machine(),
        auth: bearer(),
        job: EntraJob {
            service_principal: "8b1025e4-1dd2-430b-a150-2ef79cd700f5".into(),
            job: "API2AAD.7d1c0f5e3a52.x".into(),
        },
        mapped: ["userName", "externalId", "name.givenName"]
            .map(AttrPath::from)
            .to_vec(),
        timeout: Duration::from_millis(900),
    }
}

fn target(graph: &Graph, config: BulkConfig) -> Result<EntraBulk<ModelSecrets>, ports::Fault> {
    let secrets = ModelSecrets::new().with(SECRET, graph.token());
    let clock = ManualClock::new(graph.time());
    EntraBulk::new(config, Arc::new(secrets), Arc::new(clock))
}

async fn world() -> (Graph, EntraBulk<ModelSecrets>) {
    let graph = Graph::start(Options::default()).await.unwrap();
    let target = target(&graph, config(&graph)).unwrap();
    (graph, target)
}

fn records(count: usize) -> Vec<Record> {
    let name: AttrPath = "userName".into();
    let record = |n: usize| {
        let value = format!("p{n}@contoso.com");
        Record::new(&format!("E{n}"), Some(true), [(&name, Some(&*value))]).unwrap()
    };
    (0..count).map(record).collect()
}

#[tokio::test]
async fn a_joiner_is_one_record_in_the_form_of_the_job() {
    let (graph, target) = world().await;
    let department = format!("{ENTERPRISE}:department");
    let manager = format!("{ENTERPRISE}:manager");
    let joiner = create(&[
        ("userName", Some("ana@contoso.com")),
        ("externalId", Some("E1")),
        ("name.givenName", Some("Ana")),
        (&department, Some("Ops")),
        (&manager, Some("E7")),
    ]);
    let made = target.apply(&joiner, None).await.unwrap();
    assert_eq!(made.id.as_str(), "E1");
    let uploads = graph.uploads();
    assert_eq!(uploads.len(), 1);
    assert_eq!(uploads[0].job, "API2AAD.7d1c0f5e3a52.x");
    assert_eq!(
        uploads[0].body,
        json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "failOnErrors": null,
            "Operations": [{"method": "POST", "bulkId": "E1", "path": "/Users", "data": {
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
                "externalId": "E1", "userName": "ana@contoso.com", "active": true,
                "name": {"givenName": "Ana"},
                ENTERPRISE: {"department": "Ops", "manager": {"value": "E7"}},
            }}],
        })
    );
}

#[tokio::test]
async fn records_of_many_people_share_requests_of_50() {
    let (graph, target) = world().await;
    let answers = target.upload(&records(121)).await;
    assert_eq!(lines(&answers), vec!["done"; 121]);
    assert_eq!(answers[120].as_ref().unwrap().id.as_str(), "E120");
    assert_eq!(target.calls(), 3);
    let sizes: Vec<usize> = graph
        .uploads()
        .iter()
        .map(|upload| upload.body["Operations"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [50, 50, 21]);
}

#[tokio::test]
async fn a_request_that_fails_ends_the_upload_and_the_rest_comes_back() {
    let (graph, target) = world().await;
    let throttled = Fault::Throttled {
        retry_after: Some(3),
    };
    graph.faults().add(throttled.once().after(1));
    let answers = target.upload(&records(121)).await;
    assert_eq!(answers.len(), 121);
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((done, graph.uploads().len(), target.calls()), (50, 1, 2));
    assert_eq!(graph.faults().fired(FaultKind::Throttled), 1);
    let (met, unsent) = answers[50..].split_at(50);
    let throttled = |answer: &_| matches!(answer, Err(TargetError::Throttled { .. }));
    assert!(met.iter().all(throttled));
    let back = |answer: &_| matches!(answer, Err(TargetError::Fault(ports::Fault::Retry { .. })));
    assert!(unsent.iter().all(back));
    graph.faults().add(Fault::DropAfterCommit.once());
    let answers = target.upload(&records(1)).await;
    assert!(matches!(answers[..], [Err(TargetError::Unknown { .. })]));
}

#[tokio::test]
async fn changes_of_one_person_are_one_record() {
    let (graph, target) = world().await;
    let changes = [
        Change::Disable,
        Change::RevokeSessions,
        update(&[("name.givenName", Some("Ana")), ("title", None)]),
        grant("entra/x"),
    ];
    let answers = target.apply_all(&changes, &"E1".into()).await;
    let text = lines(&answers);
    assert_eq!(text[..3], ["done"; 3]);
    assert_eq!(
        text[3],
        "reject: `grant` cannot be uploaded; it takes a Microsoft Graph target"
    );
    let data = &graph.uploads()[0].body["Operations"][0]["data"];
    assert_eq!(data["active"], false);
    assert_eq!(data["externalId"], "E1");
    assert_eq!(data["title"], json!(null));
    assert_eq!(target.calls(), 1);
    let answers = target
        .apply_all(&[Change::Delete, Change::Enable], &"E1".into())
        .await;
    assert_eq!(answers.len(), 1);
    assert!(lines(&answers)[0].contains("`delete` cannot be uploaded"));
    let told = target.cost(&changes);
    assert_eq!((told.reads, told.users, told.groups), (0, 1, 0));
}

#[tokio::test]
async fn nothing_can_be_observed_and_silence_is_no_empty_directory() {
    let (_, target) = world().await;
    for error in [
        target.users(None).await.map(|_| ()).unwrap_err(),
        target.groups(None).await.map(|_| ()).unwrap_err(),
    ] {
        let text = error.into_fault().to_string();
        assert!(
            text.contains("reconcile a Microsoft Graph target"),
            "{text}"
        );
    }
    assert_eq!(target.find(Lookup::Key("E1")).await.unwrap(), Found::None);
    let of: [EntitlementId; 1] = ["entra/x".into()];
    assert_eq!(target.held(&"E1".into(), &of).await.unwrap(), None);
    assert_eq!(target.calls(), 0);
}

#[tokio::test]
async fn what_cannot_work_says_so() {
    let (graph, bulk) = world().await;
    graph.withdraw("SynchronizationData-User.Upload");
    let text = lines(&bulk.upload(&records(1)).await);
    assert!(
        text[0].starts_with("halt: upload of records: 403"),
        "{text:?}"
    );
    assert!(
        text[0].contains("SynchronizationData-User.Upload"),
        "{text:?}"
    );
    let nobody = create(&[("userName", Some("ana@contoso.com"))]);
    let text = lines(&[bulk.apply(&nobody, None).await]);
    assert_eq!(text, ["reject: a record needs `externalId`; map it"]);
    for change in [
        (|config| config.job.job = "a/../b".into()) as fn(&mut BulkConfig),
        |config| config.job.service_principal = String::new().into(),
        |config| config.mapped.push("not a path".into()),
    ] {
        let mut config = config(&graph);
        change(&mut config);
        let text = target(&graph, config).unwrap_err().to_string();
        assert!(text.starts_with("halt: `entra`: "), "{text}");
    }
}

#[tokio::test]
async fn a_hundred_and_twenty_people_are_three_requests() {
    let (graph, target) = world().await;
    assert!(target.takes_many());
    let works: Vec<AccountChanges> = (0..120)
        .map(|n| {
            let (name, key) = (format!("p{n}@contoso.com"), format!("E{n}"));
            let joins = n % 2 == 0;
            let change = if joins {
                create(&[("userName", Some(&name)), ("externalId", Some(&key))])
            } else {
                Change::Disable
            };
            AccountChanges {
                account: (!joins).then(|| key.as_str().into()),
                changes: vec![change],
            }
        })
        .collect();
    let answers = target.apply_each(&works).await;
    assert_eq!(answers.len(), 120);
    for (n, answer) in answers.iter().enumerate() {
        let applied = answer[0].as_ref().unwrap();
        assert_eq!((answer.len(), applied.id.as_str()), (1, &*format!("E{n}")));
    }
    assert_eq!(target.calls(), 3);
    assert_eq!(graph.uploads().len(), 3);
}

#[tokio::test]
async fn one_bad_record_and_one_lost_request_concern_their_own_people() {
    let (graph, target) = world().await;
    let good = |n: usize| AccountChanges {
        account: Some(format!("E{n}").as_str().into()),
        changes: vec![Change::Disable, Change::RevokeSessions, grant("entra/x")],
    };
    let bad = AccountChanges {
        account: None,
        changes: vec![create(&[("userName", Some("x@contoso.com"))])],
    };
    let mut works = vec![good(0), bad];
    works.extend((1..60).map(good));
    graph
        .faults()
        .add(Fault::DropBeforeCommit.once().method("POST").after(1));
    let answers = target.apply_each(&works).await;
    assert_eq!(graph.faults().fired(FaultKind::DropBeforeCommit), 1);
    assert!(answers[0][0].is_ok() && answers[0][1].is_ok());
    assert!(lines(&answers[0][2..])[0].contains("cannot be uploaded"));
    assert!(lines(&answers[1])[0].contains("needs `externalId`"));
    // Fifty records went in the first request, ten were in the one that was lost.
    let lost = answers
        .iter()
        .filter(|one| matches!(one[0], Err(TargetError::Unknown { .. })));
    assert_eq!(lost.count(), 10);
}
