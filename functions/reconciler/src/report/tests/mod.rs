//! The report as a whole.

mod files;
mod history;
mod page;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Mutex;

use bytes::Bytes;
use contract::report::{
    Class, Evidence, EvidenceRow, FindingRow, Manifest, ParkedRow, RunSummary, TargetResult,
};
use domain::{Attr, Certificate, Hash, Incomplete, Problem, TargetId};
use jiff::Timestamp;
use jiff::civil::date;
use ports::objects::{Put, Swap, Tag};
use ports::{Fault, Objects};

use super::*;

/// A bucket that remembers the order of puts and refuses one of them if told to.
#[derive(Default)]
struct Bucket {
    objects: Mutex<BTreeMap<String, Bytes>>,
    puts: Mutex<Vec<String>>,
    refused: Option<&'static str>,
}

impl Bucket {
    fn refusing(name: &'static str) -> Self {
        Self {
            refused: Some(name),
            ..Self::default()
        }
    }

    fn note(&self, key: &str) -> Result<(), Fault> {
        if self.refused.is_some_and(|name| key.ends_with(name)) {
            return Err(Fault::retry("the bucket is out of order"));
        }
        self.puts.lock().unwrap().push(key.to_owned());
        Ok(())
    }

    fn keys(&self) -> Vec<String> {
        self.objects.lock().unwrap().keys().cloned().collect()
    }

    fn body(&self, name: &str) -> Bytes {
        let objects = self.objects.lock().unwrap();
        let (_, body) = objects
            .iter()
            .rfind(|(key, _)| key.ends_with(name))
            .unwrap_or_else(|| panic!("no {name}"));
        body.clone()
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.body(name).to_vec()).unwrap()
    }
}

impl Objects for Bucket {
    async fn put_new(&self, key: &str, body: Bytes) -> Result<Put, Fault> {
        if self.objects.lock().unwrap().contains_key(key) {
            return Ok(Put::Exists);
        }
        self.put(key, body).await?;
        Ok(Put::Written)
    }

    async fn put(&self, key: &str, body: Bytes) -> Result<(), Fault> {
        self.note(key)?;
        self.objects.lock().unwrap().insert(key.to_owned(), body);
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Bytes>, Fault> {
        Ok(self.objects.lock().unwrap().get(key).cloned())
    }

    async fn swap(&self, key: &str, was: &Tag, body: Bytes) -> Result<Swap, Fault> {
        if self
            .get_tagged(key)
            .await?
            .is_none_or(|(_, tag)| tag != *was)
        {
            return Ok(Swap::Moved);
        }
        self.put(key, body).await?;
        Ok(Swap::Written)
    }

    async fn get_tagged(&self, key: &str) -> Result<Option<(Bytes, Tag)>, Fault> {
        let body = self.get(key).await?;
        Ok(body.map(|body| {
            let tag = Tag(Hash::of(&body).to_string().into());
            (body, tag)
        }))
    }

    async fn discard(&self, key: &str) -> Result<(), Fault> {
        self.objects.lock().unwrap().remove(key);
        Ok(())
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, Fault> {
        let mut keys = self.keys();
        keys.retain(|key| key.starts_with(prefix));
        Ok(keys)
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn proof(received: u64) -> Certificate {
    Certificate {
        pages: received.div_ceil(100),
        received,
        declared: Some(received),
        previous: Some(received - 2),
        ids: Hash::of(&received.to_be_bytes()),
        at: at("2025-11-21T02:03:00Z"),
    }
}

fn target(rows: &[FindingRow], name: &str) -> TargetResult {
    let mut findings = BTreeMap::new();
    for row in rows.iter().filter(|row| row.target.as_str() == name) {
        *findings.entry(row.class).or_default() += 1;
    }
    TargetResult {
        users: Ok(proof(312)),
        groups: Ok(proof(12)),
        matching: 300,
        wanted: 306,
        repairs: 4,
        held: 0,
        findings,
    }
}

fn summary(rows: &[FindingRow], targets: &[&str]) -> RunSummary {
    RunSummary {
        run: "0199aa".into(),
        date: date(2025, 11, 21),
        started: at("2025-11-21T02:00:00Z"),
        finished: Some(at("2025-11-21T02:04:09Z")),
        policy: Hash::of(b"policy"),
        code: "0.1.0".into(),
        previous: None,
        targets: targets
            .iter()
            .map(|name| ((*name).into(), target(rows, name)))
            .collect(),
        identities: BTreeMap::from([("active".into(), 290), ("ended".into(), 41)]),
        parked: 0,
        waiting: contract::report::Waiting::default(),
        new_findings: rows.len() as u64,
        closed_findings: 0,
    }
}

fn report(summary: &RunSummary) -> Report<'_> {
    Report {
        summary,
        history: &[],
        closed: &[],
        parked: &[],
        evidence: &[],
    }
}

/// A finished report of these rows.
async fn written(rows: &[FindingRow]) -> (Bucket, Manifest) {
    let bucket = Bucket::default();
    let summary = summary(rows, &["crm", "payroll", "wiki"]);
    let manifest = write(&bucket, &report(&summary), rows).await.unwrap();
    (bucket, manifest)
}

async fn page(rows: &[FindingRow]) -> String {
    written(rows).await.0.text(SUMMARY)
}

fn check_page(summary: &RunSummary, rows: &[FindingRow]) -> String {
    let folder = Folder::new(&report(summary), rows).unwrap();
    String::from_utf8(folder.files[SUMMARY].to_vec()).unwrap()
}
