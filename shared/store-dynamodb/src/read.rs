//! Everything that only reads. The index is read eventually consistent, because nothing is
//! decided from it: it says who to look at.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::Ordering;

use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemInput;
use aws_sdk_dynamodb::operation::get_item::GetItemInput;
use aws_sdk_dynamodb::operation::query::QueryInput;
use aws_sdk_dynamodb::operation::scan::ScanInput;
use aws_sdk_dynamodb::types::KeysAndAttributes;
use domain::budget::Gauge;
use domain::limit::Meter;
use domain::{IdentityId, RecordKey, TargetId};
use futures::future::try_join_all;
use jiff::Timestamp;
use ports::Fault;
use ports::store::{ClaimKey, Dossier, Health, Reading, ScanPage, Seats, Segment};

use crate::item::{
    IDENTITY, LINK, WAKE_SHARDS, claim_partition, gauge_key, identity_key, instant, is_decision,
    is_fact, key, meter_key, read_identity, read_identity_key, read_json, read_packed, read_seat,
    read_text, record_partition, target_key, text,
};
use crate::operations::{BATCH_GET_ITEM, GET_ITEM, QUERY, SCAN};
use crate::table::SCHEMA;
use crate::{DynamoStore, Item, fault};

/// Identities of one request: it takes a hundred keys, and the target's health is one.
const TOGETHER: usize = 99;

impl DynamoStore {
    /// One item, consistently.
    pub(crate) async fn read_item(&self, key: Item) -> Result<Option<Item>, Fault> {
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        let input = GetItemInput::builder()
            .table_name(self.table())
            .set_key(Some(key))
            .consistent_read(true)
            .build();
        let answer = self.client().send(&GET_ITEM, input).await;
        Ok(answer.map_err(|error| fault::of(&error))?.item)
    }

    pub(crate) async fn read_dossier(&self, record: &RecordKey) -> Result<Dossier, Fault> {
        let mut dossier = Dossier {
            key: record.clone(),
            facts: Vec::new(),
            seat: None,
            link: None,
            decisions: Vec::new(),
        };
        for item in self.read_partition(record_partition(record)).await? {
            match read_text(&item, "sk") {
                Some(IDENTITY) => dossier.seat = Some(read_seat(&item)?),
                Some(LINK) => dossier.link = Some(read_identity(&item)?),
                Some(_) if is_fact(&item) => dossier.facts.push(read_packed(&item, "fact")?),
                Some(_) if is_decision(&item) => {
                    dossier.decisions.push(read_json(&item, "decision")?);
                }
                Some(_) | None => {}
            }
        }
        Ok(dossier)
    }

    pub(crate) async fn read_seats(
        &self,
        identities: &[IdentityId],
        target: &TargetId,
    ) -> Result<(Seats, Health), Fault> {
        let mut health = None;
        let mut found = HashMap::new();
        // A request takes a key once.
        let each: BTreeSet<&IdentityId> = identities.iter().collect();
        let each: Vec<&IdentityId> = each.into_iter().collect();
        for part in each.chunks(TOGETHER) {
            let mut keys: Vec<Item> = part.iter().copied().map(identity_key).collect();
            if health.is_none() {
                keys.push(target_key(target));
            }
            for item in self.read_items(keys).await? {
                if read_text(&item, "sk") == Some(IDENTITY) {
                    let identity = read_identity_key(&item)?;
                    found.insert(identity, item);
                } else {
                    health = Some(read_state(&item)?);
                }
            }
            health = health.or(Some(Health::default()));
        }
        let seats = identities.iter().map(|identity| {
            let seat = found.get(identity).map(read_seat).transpose()?;
            if let Some(seat) = &seat {
                self.0.sightings.note(identity, seat);
            }
            Ok(seat)
        });
        Ok((seats.collect(), health.unwrap_or_default()))
    }

    /// Those of at most a hundred items that there are, consistently, in no particular order. The
    /// service may answer a part of them and name the rest.
    async fn read_items(&self, keys: Vec<Item>) -> Result<Vec<Item>, Fault> {
        let mut items = Vec::with_capacity(keys.len());
        let mut left = Some(keys);
        while let Some(keys) = left {
            self.0.reads.fetch_add(1, Ordering::Relaxed);
            let asked = keys.len();
            let keys = KeysAndAttributes::builder()
                .set_keys(Some(keys))
                .consistent_read(true)
                .build()
                .map_err(|_| Fault::halt("a request to the table cannot be built"))?;
            let input = BatchGetItemInput::builder()
                .request_items(self.table(), keys)
                .build();
            let answer = self.client().send(&BATCH_GET_ITEM, input).await;
            let mut answer = answer.map_err(|error| fault::of(&error))?;
            let of_table = answer
                .responses
                .as_mut()
                .and_then(|of| of.remove(self.table()));
            items.extend(of_table.into_iter().flatten());
            let rest = answer
                .unprocessed_keys
                .as_mut()
                .and_then(|of| of.remove(self.table()));
            left = rest.map(|rest| rest.keys).filter(|keys| !keys.is_empty());
            if left.as_ref().is_some_and(|keys| keys.len() >= asked) {
                return Err(Fault::retry("the table is throttled"));
            }
        }
        Ok(items)
    }

    pub(crate) async fn read_holders(
        &self,
        keys: &[ClaimKey],
    ) -> Result<Vec<(ClaimKey, IdentityId)>, Fault> {
        let partitions = keys
            .iter()
            .map(|key| self.read_partition(claim_partition(key)));
        let mut holders = Vec::new();
        for (key, items) in keys.iter().zip(try_join_all(partitions).await?) {
            let mut of_key = items
                .iter()
                .map(read_identity)
                .collect::<Result<Vec<_>, _>>()?;
            of_key.sort();
            of_key.dedup();
            holders.extend(of_key.into_iter().map(|by| (key.clone(), by)));
        }
        Ok(holders)
    }

    pub(crate) async fn read_due(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<IdentityId>, Fault> {
        // One after the other, on one connection: a handshake costs more than an answer.
        let mut due = Vec::new();
        for shard in 0..WAKE_SHARDS {
            due.extend(self.read_shard(shard, now, limit).await?);
        }
        due.sort();
        Ok(due.into_iter().take(limit).map(|(_, id)| id).collect())
    }

    /// The identities of one part of the index that are due, with the text that sorts them.
    async fn read_shard(
        &self,
        shard: u8,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(String, IdentityId)>, Fault> {
        let mut due = Vec::new();
        let mut after = None;
        while due.len() < limit {
            self.0.reads.fetch_add(1, Ordering::Relaxed);
            let most = i32::try_from(limit - due.len()).unwrap_or(i32::MAX);
            let input = QueryInput::builder()
                .table_name(self.table())
                .index_name(SCHEMA.wake_index)
                .key_condition_expression("wake_shard = :shard AND wake_at <= :now")
                .expression_attribute_values(":shard", text(shard.to_string()))
                .expression_attribute_values(":now", text(instant(now)))
                .limit(most)
                .set_exclusive_start_key(after)
                .build();
            let answer = self.client().send(&QUERY, input).await;
            let page = answer.map_err(|error| fault::of(&error))?;
            for item in page.items() {
                let at = read_text(item, "wake_at").unwrap_or_default().to_owned();
                due.push((at, read_identity_key(item)?));
            }
            after = page.last_evaluated_key;
            if after.is_none() {
                break;
            }
        }
        Ok(due)
    }

    pub(crate) async fn read_scan(
        &self,
        segment: Segment,
        reading: Reading,
        after: Option<&str>,
    ) -> Result<ScanPage, Fault> {
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        let after = after
            .map(serde_json::from_str::<(String, String)>)
            .transpose();
        let after = after.map_err(|_| Fault::reject("a scan's cursor is not one of ours"))?;
        let whole = |parts: u32| i32::try_from(parts).unwrap_or(i32::MAX);
        let input = ScanInput::builder()
            .table_name(self.table())
            .consistent_read(reading == Reading::Latest)
            .segment(whole(segment.index))
            .total_segments(whole(segment.of.max(1)))
            .filter_expression("attribute_exists(gen)")
            .set_exclusive_start_key(after.map(|(pk, sk)| key(pk, sk)))
            .build();
        let answer = self.client().send(&SCAN, input).await;
        let page = answer.map_err(|error| fault::of(&error))?;
        let rows = page
            .items()
            .iter()
            .map(|item| Ok((read_identity_key(item)?, read_seat(item)?)))
            .collect::<Result<_, Fault>>()?;
        let next = page.last_evaluated_key().and_then(|last| {
            let place = (read_text(last, "pk")?, read_text(last, "sk")?);
            serde_json::to_string(&place).ok()
        });
        Ok(ScanPage { rows, next })
    }

    pub(crate) async fn read_health(&self, target: &TargetId) -> Result<Health, Fault> {
        match self.read_item(target_key(target)).await? {
            Some(item) => read_state(&item),
            None => Ok(Health::default()),
        }
    }

    pub(crate) async fn read_gauge(&self, target: &TargetId) -> Result<Gauge, Fault> {
        match self.read_item(gauge_key(target)).await? {
            Some(item) => read_json(&item, "gauge"),
            None => Ok(Gauge::default()),
        }
    }

    pub(crate) async fn read_meter(&self, target: &TargetId) -> Result<Meter, Fault> {
        match self.read_item(meter_key(target)).await? {
            Some(item) => read_json(&item, "meter"),
            None => Ok(Meter::default()),
        }
    }

    /// Every item of a partition, consistently.
    async fn read_partition(&self, pk: String) -> Result<Vec<Item>, Fault> {
        let mut items = Vec::new();
        let mut after = None;
        loop {
            self.0.reads.fetch_add(1, Ordering::Relaxed);
            let input = QueryInput::builder()
                .table_name(self.table())
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(pk.as_str()))
                .consistent_read(true)
                .set_exclusive_start_key(after)
                .build();
            let answer = self.client().send(&QUERY, input).await;
            let page = answer.map_err(|error| fault::of(&error))?;
            items.extend(page.items.unwrap_or_default());
            after = page.last_evaluated_key;
            if after.is_none() {
                return Ok(items);
            }
        }
    }
}

/// A target's health: an operator's pause if there is one, else what connectors recorded.
fn read_state(item: &Item) -> Result<Health, Fault> {
    if item.contains_key("pause") {
        return read_json(item, "pause").map(Health::Paused);
    }
    if item.contains_key("health") {
        return read_json(item, "health");
    }
    Ok(Health::default())
}
