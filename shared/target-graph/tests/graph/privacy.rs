//! Nothing of anybody, and no password or token, is in a log, an error or a `Debug`.

use std::sync::{Arc, Mutex};

use graph_target::Fault;
use ports::target::Lookup;
use ports::{Apply, Observe};

use crate::fixture::{World, create, grant, line, lines, member, update};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_personal_is_logged_or_told() {
    let log = Log::default();
    let writer = log.clone();
    // The only subscriber of the process, so that no thread's events are lost on it.
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .init();
    let world = World::groups(1).await;
    let person = create(&[
        ("userName", Some("canary@contoso.com")),
        ("externalId", Some("canary")),
        ("displayName", Some("canary")),
    ]);
    let mut told = String::new();
    let made = world.target.apply(&person, None).await.unwrap();
    let password = world
        .graph
        .user(made.id.as_str())
        .unwrap()
        .password
        .unwrap();
    let mut tell = |text: String| told.push_str(&text);
    tell(format!("{made:?} {:?}", world.target));
    let id = made.id;
    for status in [400, 403, 404, 409, 429, 500, 503] {
        world.graph.faults().clear();
        world.fault(Fault::StatusQuoting { code: status }.always().batched());
        world.fault(
            Fault::StatusQuoting { code: status }
                .always()
                .not_batched()
                .path("/users"),
        );
        let found = world.target.find(Lookup::Key("canary")).await;
        tell(format!("{found:?}"));
        let found = world
            .target
            .find(Lookup::UserName("canary@contoso.com"))
            .await;
        tell(format!("{found:?}"));
        let change = update(&[("userName", Some("canary2@contoso.com"))]);
        let answers = world
            .target
            .apply_all(&[change, grant("entra/g0")], &id)
            .await;
        tell(lines(&answers).concat());
        tell(format!("{answers:?}"));
        let answers = world
            .target
            .memberships(&[member("entra/g0", &id, true)])
            .await;
        tell(lines(&answers).concat());
        tell(line(&world.target.apply(&person, None).await));
        tell(format!("{:?}", world.target.users(None).await));
    }
    world.graph.faults().clear();
    world.fault(Fault::DropAfterCommit.always());
    tell(line(&world.target.apply(&person, None).await));
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("client_request_id"), "{log}");
    for word in ["canary", &password, world.graph.token(), id.as_str()] {
        // What the test's own server logs is not what we log.
        let ours = log.lines().filter(|line| !line.contains("graph_target"));
        for line in ours {
            assert!(!line.contains(word), "{line}");
        }
        assert!(word == id.as_str() || !told.contains(word), "{told}");
    }
}

#[tokio::test]
async fn every_request_has_a_name_of_its_own() {
    let world = World::groups(1).await;
    let id = world.user("ana");
    for _ in 0..3 {
        world.target.check(&id, &["entra/g0".into()]).await.unwrap();
    }
    let log = world.graph.log();
    let names: std::collections::BTreeSet<String> = log
        .iter()
        .filter(|request| !request.batched)
        .map(|request| request.client_request_id.clone().unwrap())
        .collect();
    assert_eq!(u64::try_from(names.len()).unwrap(), world.target.calls());
}
