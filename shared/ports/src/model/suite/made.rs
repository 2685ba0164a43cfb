//! Made-up values for the suites.

use std::collections::{BTreeMap, BTreeSet};

use domain::identity::IdentityState;
use domain::{
    AccountId, AccountRecord, Attr, Attrs, Effective, EventId, Fact, FactBody, Generation, Hash,
    IdentityId, IdentityRecord, Outcome, Ownership, Pii, RecordKey, Slot, SourceId, TargetId,
    WorkerId,
};
use jiff::Timestamp;

use crate::store::{Ack, Claim, ClaimKey, Commit, Delivery};

/// Seconds after an instant in 2026.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_767_225_600 + seconds).unwrap_or_default()
}

pub fn record(number: u64) -> RecordKey {
    RecordKey::from(format!("{:032x}", 0xace0 + number))
}

pub fn identity(number: u64) -> IdentityId {
    IdentityId::from(&record(number))
}

/// Names that a target may have in policy, and some that it should not have and may.
pub fn target(number: u64) -> TargetId {
    TargetId::from(match number {
        0 => "wiki",
        1 => "size",
        2 => "o",
        _ => "a.b#c d-\u{e9}",
    })
}

pub fn delivery(source: &str, event: &str, body: &str) -> Delivery {
    Delivery {
        source: SourceId::from(source),
        event: EventId::from(event),
        body: Hash::of(body.as_bytes()),
        received_at: at(0),
    }
}

/// A fact whose content is `says`.
pub fn fact(of: u64, event: &str, says: &str) -> Fact {
    let mut attrs = Attrs::new();
    attrs.set(Attr::GivenName, says);
    attrs.set(Attr::Team, "");
    attrs.set(Attr::MobilePhone, Slot::Null);
    Fact {
        source: SourceId::from("hr"),
        record: record(of),
        worker: WorkerId::from(of.to_string()),
        event: EventId::from(event),
        version: Some(1),
        effective: Effective::Instant(at(0)),
        zone: "Europe/Lisbon".into(),
        recorded_at: at(1),
        received_at: at(2),
        payload: Hash::of(says.as_bytes()),
        manager: None,
        body: FactBody::Assert {
            attrs: Pii::new(attrs),
            corrects: None,
        },
    }
}

pub fn identity_record(generation: u64, due_at: Option<Timestamp>) -> IdentityRecord {
    IdentityRecord {
        generation: Generation(generation),
        records: Vec::new(),
        state: IdentityState::Active,
        was_active: true,
        ending_since: None,
        identifiers: BTreeMap::from([("user_name".into(), Pii::new("ada".into()))]),
        claims: BTreeSet::new(),
        projections: BTreeMap::new(),
        changed: BTreeMap::new(),
        unsettled: BTreeMap::new(),
        ties: BTreeMap::new(),
        decisions: domain::Hash::default(),
        findings: Vec::new(),
        due_at,
        facts: Hash::of(b"facts"),
        policy: Hash::of(b"policy"),
        plan: Hash::of(&generation.to_be_bytes()),
    }
}

/// A decision without links, claims or debts.
pub fn commit(of: u64, expect: Option<u64>, generation: u64) -> Commit {
    Commit {
        identity: identity(of),
        expect: expect.map(Generation),
        record: identity_record(generation, None),
        owe: BTreeSet::new(),
        wake_at: None,
        links: Vec::new(),
        claims: Vec::new(),
    }
}

pub fn claim_key(value: u64) -> ClaimKey {
    ClaimKey {
        namespace: if value.is_multiple_of(2) {
            "user_name"
        } else {
            "work_email"
        }
        .into(),
        value: Hash::of(&value.to_be_bytes()),
    }
}

pub fn claim(value: u64, exclusive: bool) -> Claim {
    Claim {
        key: claim_key(value),
        exclusive,
    }
}

/// An acknowledgement that settles.
pub fn ack(of: u64, on: u64, expect: Option<u64>, applied: u64) -> Ack {
    Ack {
        identity: identity(of),
        target: target(on),
        expect: expect.map(Generation),
        account: AccountRecord {
            id: Some(AccountId::from(format!("{of}-{on}"))),
            ownership: Some(Ownership::Created),
            active: true,
            attrs: BTreeMap::from([("userName".into(), Pii::new(Slot::from("ada")))]),
            applied: Generation(applied),
            at: Some(at(3)),
            outcome: Some(Outcome::Applied),
            ..AccountRecord::default()
        },
        settles: true,
        wake: None,
    }
}
