//! BambooHR's field-based webhook: several employees per post, fields named by the company.
//!
//! Lenient, because the sender cannot be corrected: fields that policy does not map are ignored,
//! and an entry that cannot be read does not block the others. Its effective-dated fields arrive
//! when they take effect, so that a fact holds from the entry's time. The event-based family,
//! which carries ids only, is refused: there is nothing in it to state.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::{Attr, Attrs, EventId, FactBody, Pii, Slot};
use jiff::Timestamp;
use jiff::fmt::strtime;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::canonical::position;
use super::{Context, LONGEST_ID, LONGEST_VALUE, Statement, Translated, limits};
use crate::problem::Problem;
use crate::request::Body;

/// How BambooHR writes an empty date.
const NO_DATE: &str = "0000-00-00";

const EVENTS_ONLY: &str = "this is an event-based webhook, which carries ids only; choose the \
                           field-based kind in BambooHR";

#[derive(Deserialize)]
struct Post<'a> {
    #[serde(borrow, default)]
    employees: Option<Vec<&'a RawValue>>,
    /// Only the event-based family has one.
    #[serde(borrow, default, rename = "type")]
    kind: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Employee<'a> {
    #[serde(borrow, default)]
    id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    action: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    timestamp: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    fields: Option<BTreeMap<Cow<'a, str>, &'a RawValue>>,
}

#[derive(Deserialize)]
struct Valued<'a> {
    #[serde(borrow)]
    value: &'a RawValue,
}

/// Reads every employee of the post that can be read; fails where none can.
pub fn translate(context: &Context<'_>, body: &Body<'_>) -> Result<Translated, Problem> {
    limits::check(body.bytes()).map_err(|error| Problem::Malformed(error.to_string()))?;
    let post: Post<'_> = serde_json::from_slice(body.bytes())
        .map_err(|error| Problem::Malformed(position(&error)))?;
    let employees = match (post.employees, post.kind) {
        (Some(employees), _) => employees,
        (None, Some(_)) => return Err(Problem::Unsupported(EVENTS_ONLY)),
        (None, None) => return Err(Problem::Malformed("`employees` is missing".into())),
    };
    let mut translated = Translated::default();
    for (index, employee) in employees.iter().enumerate() {
        if read_employee(context, index, employee, &mut translated).is_none() {
            translated.entries_skipped += 1;
        }
    }
    if translated.facts.is_empty() && translated.entries_skipped > 0 {
        return Err(Problem::Malformed(
            "no entry of `employees` has an `id` and an `action`".into(),
        ));
    }
    Ok(translated)
}

fn read_employee(
    context: &Context<'_>,
    index: usize,
    entry: &RawValue,
    translated: &mut Translated,
) -> Option<()> {
    let employee: Employee<'_> = serde_json::from_str(entry.get()).ok()?;
    let Slot::Text(worker) = slot(employee.id?)? else {
        return None;
    };
    if worker.trim().is_empty() || worker.len() > LONGEST_ID {
        return None;
    }
    let action = employee.action.as_deref()?;
    let body = if action.eq_ignore_ascii_case("deleted") {
        FactBody::Delete
    } else if action.eq_ignore_ascii_case("created") || action.eq_ignore_ascii_case("updated") {
        FactBody::Assert {
            attrs: Pii::new(attrs(context, &employee, translated)),
            corrects: None,
        }
    } else {
        return None;
    };
    // An entry without a readable time is as late as its delivery, and none is later.
    let recorded_at = employee.timestamp.as_deref().and_then(parse_time);
    let recorded_at = recorded_at.map_or(context.now, |recorded| recorded.min(context.now));
    translated.facts.push(context.fact(Statement {
        worker: &worker,
        event: EventId::new(format!("{}/{index}", context.event.as_str())),
        version: None,
        effective: None,
        time_zone: None,
        recorded_at,
        body,
    }));
    Some(())
}

fn attrs(context: &Context<'_>, employee: &Employee<'_>, translated: &mut Translated) -> Attrs {
    let mut attrs = Attrs::new();
    for (name, field) in employee.fields.iter().flatten() {
        let Some(attr) = context.source.fields.get(&**name).copied() else {
            translated.fields_ignored += 1;
            continue;
        };
        let value = serde_json::from_str::<Valued<'_>>(field.get()).ok();
        let short = |slot: &Slot| slot.text().is_none_or(|text| text.len() <= LONGEST_VALUE);
        match value.and_then(|field| slot(field.value)).filter(short) {
            Some(slot) => attrs.set(attr, without_empty_date(slot)),
            None => translated.fields_unreadable += 1,
        }
    }
    attrs.remove(Attr::Lifecycle);
    attrs
}

/// Text, a number or a truth value as text; null; `None` for arrays and objects.
fn slot(value: &RawValue) -> Option<Slot> {
    let json = value.get();
    match json.as_bytes().first()? {
        b'"' => serde_json::from_str(json).ok(),
        b'n' => Some(Slot::Null),
        b'[' | b'{' => None,
        _ => Some(json.into()),
    }
}

fn without_empty_date(slot: Slot) -> Slot {
    if slot.text() == Some(NO_DATE) {
        Slot::Null
    } else {
        slot
    }
}

/// RFC 3339, or the same with an offset without a colon, as BambooHR writes it.
fn parse_time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        strtime::parse("%Y-%m-%dT%H:%M:%S%z", text)
            .and_then(|time| time.to_timestamp())
            .ok()
    })
}
