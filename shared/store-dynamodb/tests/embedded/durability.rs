//! What was answered is there after `kill -9`.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use ports::Store;
use ports::store::Committed;
use store_dynamodb::embedded;

use crate::{Folder, commit, delivery, fact, identity, record};

/// Set in the process that is going to be killed, to the file of the table.
const ROLE: &str = "LANYARD_TEST_TABLE";

/// Writes without end and says after each answer how far it is.
async fn write_for_ever(file: &std::path::Path) {
    let store = embedded::open(file).await.unwrap();
    for number in 1.. {
        let event = format!("e{number}");
        store
            .accept(&delivery(&event), &[fact(1, &event)])
            .await
            .unwrap();
        let expect = (number > 1).then(|| number - 1);
        let answer = store
            .commit(&commit(1, expect, number, &["a"]))
            .await
            .unwrap();
        assert_eq!(answer, Committed::Done);
        println!("answered {number}");
    }
}

#[tokio::test]
async fn answered_writes_survive_a_kill() {
    if let Some(file) = std::env::var_os(ROLE) {
        return write_for_ever(file.as_ref()).await;
    }
    let folder = Folder::new();
    let file = folder.path("table.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "durability::answered_writes_survive_a_kill",
            "--nocapture",
        ])
        .env(ROLE, &file)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut answered = 0;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(number) = line.unwrap().strip_prefix("answered ") {
            answered = number.parse().unwrap();
        }
        if answered == 25 {
            // SIGKILL, in the middle of whatever it does.
            child.kill().unwrap();
        }
    }
    assert!(!child.wait().unwrap().success());
    assert!(answered >= 25, "only {answered}");

    let store = embedded::open(&file).await.unwrap();
    let dossier = store.dossier(&record(1)).await.unwrap();
    let facts = u64::try_from(dossier.facts.len()).unwrap();
    let generation = dossier.seat.unwrap().record.generation.0;
    assert!(facts >= answered && generation >= answered);
    assert!(facts <= answered + 1 && generation <= answered + 1);
    // And the table goes on from there.
    let next = commit(1, Some(generation), generation + 1, &["b"]);
    assert_eq!(store.commit(&next).await.unwrap(), Committed::Done);
    let (seat, _) = store.seat(&identity(1), &"a".into()).await.unwrap();
    assert_eq!(seat.unwrap().owed.len(), 2);
}

#[tokio::test]
async fn a_file_that_is_no_table_is_refused() {
    let folder = Folder::new();
    let file = folder.path("table.db");
    std::fs::write(
        &file,
        "this is a letter, not a database, and long enough to tell",
    )
    .unwrap();
    assert!(embedded::open(&file).await.is_err());
}
