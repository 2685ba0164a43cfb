//! Keys and attributes, to and from the model's types. What does not read back is damaged by
//! somebody else's hand, and rejected by the name of the attribute, never by its content.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{AccountRecord, Fact, Generation, Hash, IdentityId, RecordKey, TargetId};
use jiff::Timestamp;
use ports::Fault;
use ports::store::{ClaimKey, Delivery, Seat};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Item;
use crate::packed::unpacked;

/// Parts of the index of identities that the clock looks at. A partition takes 1,000 writes a
/// second, so that 16 of them take four times what a new on-demand table does.
pub const WAKE_SHARDS: u8 = 16;

/// Prefix of a fact's sort key.
const FACT: &str = "F#";
/// Sort key of the identity item.
pub const IDENTITY: &str = "A";
/// Sort key of a link.
pub const LINK: &str = "L";
/// Sort key of an exclusive claim.
pub const EXCLUSIVE: &str = "X";

/// A text attribute.
pub fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number attribute.
pub fn number(number: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(format!("{number}"))
}

/// A value as JSON in a text attribute.
pub fn json<T: Serialize>(value: &T) -> Result<AttributeValue, Fault> {
    serde_json::to_string(value)
        .map(AttributeValue::S)
        .map_err(|_| Fault::reject("a value has no JSON"))
}

/// An instant as text that sorts by time: RFC 3339 in UTC with nine decimals.
pub fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

/// The part of the index that the identity belongs to.
pub fn wake_shard(identity: &IdentityId) -> String {
    let [first, ..] = Hash::of(identity.as_str().as_bytes()).0;
    (first % WAKE_SHARDS).to_string()
}

/// A whole key.
pub fn key(pk: String, sk: impl Into<String>) -> Item {
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

/// The partition of a worker record.
pub fn record_partition(record: &RecordKey) -> String {
    format!("R#{record}")
}

/// The key of an identity item.
pub fn identity_key(identity: &IdentityId) -> Item {
    key(record_partition(&RecordKey::from(identity)), IDENTITY)
}

/// The key of a link.
pub fn link_key(record: &RecordKey) -> Item {
    key(record_partition(record), LINK)
}

/// The key of a fact.
pub fn fact_key(fact: &Fact) -> Item {
    let event = Hash::of(fact.event.as_str().as_bytes());
    key(record_partition(&fact.record), format!("{FACT}{event}"))
}

/// The key of a post.
pub fn delivery_key(delivery: &Delivery) -> Item {
    let parts = [delivery.source.as_str(), delivery.event.as_str()];
    let post = Hash::of_parts(parts.map(str::as_bytes));
    key(format!("E#{post}"), "E")
}

/// The partition of a claim.
pub fn claim_partition(claim: &ClaimKey) -> String {
    format!("K#{}#{}", claim.namespace, claim.value)
}

/// The key of a target's health.
pub fn target_key(target: &TargetId) -> Item {
    key(format!("T#{target}"), "H")
}

/// The key of a target's gauge.
pub fn gauge_key(target: &TargetId) -> Item {
    key(format!("T#{target}"), "B")
}

/// The key of a target's meter.
pub fn meter_key(target: &TargetId) -> Item {
    key(format!("T#{target}"), "M")
}

/// The name of the attribute with a connector's record.
pub fn account_attribute(target: &TargetId) -> String {
    format!("c_{target}")
}

/// The name of the attribute with the generation that a connector applied last.
pub fn applied_attribute(target: &TargetId) -> String {
    format!("g_{target}")
}

/// What is owed, as a map.
pub fn owed_map<'a>(
    targets: impl IntoIterator<Item = &'a TargetId>,
    generation: Generation,
) -> AttributeValue {
    let owed = targets.into_iter();
    AttributeValue::M(
        owed.map(|target| (target.to_string(), number(generation.0)))
            .collect(),
    )
}

/// Prefix of a decision's sort key.
const DECISION: &str = "D#";

/// The key of what an operator decided about a worker record.
pub fn decision_key(record: &RecordKey, decision: &str) -> Item {
    let digest = Hash::of(decision.as_bytes());
    key(record_partition(record), format!("{DECISION}{digest}"))
}

/// Whether the item is a decision.
pub fn is_decision(item: &Item) -> bool {
    read_text(item, "sk").is_some_and(|sk| sk.starts_with(DECISION))
}

/// The text of an attribute.
pub fn read_text<'a>(item: &'a Item, attribute: &str) -> Option<&'a str> {
    item.get(attribute)?.as_s().ok().map(String::as_str)
}

/// The number of an attribute.
pub fn read_number(item: &Item, attribute: &str) -> Option<u64> {
    item.get(attribute)?.as_n().ok()?.parse().ok()
}

/// The JSON of an attribute.
pub fn read_json<T: DeserializeOwned>(item: &Item, attribute: &str) -> Result<T, Fault> {
    read_text(item, attribute)
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| damaged(attribute))
}

/// The value of a packed attribute.
pub fn read_packed<T: DeserializeOwned>(item: &Item, attribute: &str) -> Result<T, Fault> {
    item.get(attribute)
        .and_then(unpacked)
        .ok_or_else(|| damaged(attribute))
}

/// The identity that a link or claim names.
pub fn read_identity(item: &Item) -> Result<IdentityId, Fault> {
    read_text(item, "identity")
        .map(IdentityId::from)
        .ok_or_else(|| damaged("identity"))
}

/// What is owed, by target.
pub fn read_owed(item: &Item) -> Result<BTreeMap<TargetId, Generation>, Fault> {
    let owed = item.get("o").and_then(|owed| owed.as_m().ok());
    owed.ok_or_else(|| damaged("o"))?
        .iter()
        .map(|(target, generation)| {
            let generation = generation.as_n().ok().and_then(|n| n.parse().ok());
            let generation = generation.ok_or_else(|| damaged("o"))?;
            Ok((TargetId::from(target.as_str()), Generation(generation)))
        })
        .collect()
}

/// The identity item.
pub fn read_seat(item: &Item) -> Result<Seat, Fault> {
    let wake_at = read_text(item, "wake_at").map(str::parse::<Timestamp>);
    let accounts = item
        .keys()
        .filter_map(|attribute| attribute.strip_prefix("c_").zip(Some(attribute)))
        .map(|(target, attribute)| {
            let account: AccountRecord = read_packed(item, attribute)?;
            Ok((TargetId::from(target), account))
        })
        .collect::<Result<_, Fault>>()?;
    Ok(Seat {
        record: read_packed(item, "plan")?,
        accounts,
        owed: read_owed(item)?,
        wake_at: wake_at.transpose().map_err(|_| damaged("wake_at"))?,
    })
}

/// Whether the item is a fact.
pub fn is_fact(item: &Item) -> bool {
    read_text(item, "sk").is_some_and(|sk| sk.starts_with(FACT))
}

/// The identity of an identity item.
pub fn read_identity_key(item: &Item) -> Result<IdentityId, Fault> {
    read_text(item, "pk")
        .and_then(|pk| pk.strip_prefix("R#"))
        .map(IdentityId::from)
        .ok_or_else(|| damaged("pk"))
}

fn damaged(attribute: &str) -> Fault {
    Fault::reject(format!(
        "an item's attribute `{attribute}` does not read back"
    ))
}
