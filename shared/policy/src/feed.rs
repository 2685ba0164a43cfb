//! `[sources.<name>.feed]`: how a source's full feeds read and when they count as complete.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use domain::Attr;
use domain::feed::{Confirm, Csv, FeedFormat, FeedPolicy, Partition, PopulationLimits, Unchanged};

use crate::fields::{Fields, Node};
use crate::report::At;

/// Keys of flat files only.
const OF_CSV: [&str; 4] = ["worker_id", "columns", "delimiter", "trailer"];

/// Largest count that policy can name.
const MOST: u32 = 100_000_000;

/// Two weeks: whoever delivers more rarely should not have absences concluded from it.
const LONGEST_AGE_HOURS: u32 = 14 * 24;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    JsonLines,
    Csv,
}

/// The feed of a source, if it has one.
pub(crate) fn read(source: &Fields<'_>, required: &[At<Attr>]) -> Option<FeedPolicy> {
    let fields = source.get("feed")?.fields()?;
    let form = fields
        .need("format", "\"jsonl\"")
        .and_then(|node| node.choice(&[("jsonl", Form::JsonLines), ("csv", Form::Csv)]));
    let format = match form {
        Some(Form::Csv) => FeedFormat::Csv(csv(&fields, required)),
        Some(Form::JsonLines) | None => {
            not_here(&fields, form);
            FeedFormat::JsonLines
        }
    };
    let limits = PopulationLimits::default();
    let confirm = Confirm::default();
    let unchanged = [("refuse", Unchanged::Refuse), ("accept", Unchanged::Accept)];
    let feed = FeedPolicy {
        format,
        sentinels: fields
            .texts("sentinels")
            .into_iter()
            .map(|text| text.value.into())
            .collect(),
        partition: partition(&fields),
        limits: PopulationLimits {
            floor: count(&fields, "drop_floor", 0..=1_000).map_or(limits.floor, u64::from),
            max_drop_percent: count(&fields, "max_drop_percent", 0..=50)
                .unwrap_or(limits.max_drop_percent),
            max_drop: count(&fields, "max_drop", 0..=MOST).map(u64::from),
            max_growth_percent: count(&fields, "max_growth_percent", 0..=1_000)
                .unwrap_or(limits.max_growth_percent),
        },
        max_age_hours: count(&fields, "max_age_hours", 1..=LONGEST_AGE_HOURS).unwrap_or(48),
        unchanged: fields
            .get("unchanged")
            .and_then(|node| node.choice(&unchanged))
            .unwrap_or_default(),
        confirm: Confirm {
            feeds: count(&fields, "missing_feeds", 1..=30).unwrap_or(confirm.feeds),
            hours: count(&fields, "missing_hours", 0..=24 * 30).unwrap_or(confirm.hours),
        },
    };
    if feed.sentinels.is_empty() && feed.partition.is_none() {
        fields.report.warn(
            fields.at,
            "unproven-feed",
            format!("{} asks for neither sentinels nor minimum parts", fields.name),
            "name some worker ids under `sentinels`, or `partition` and `minimum`: a feed that lacks \
             a small part can agree with itself",
        );
    }
    fields.finish();
    Some(feed)
}

fn count(fields: &Fields<'_>, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
    fields.get(key).and_then(|node| node.count(range))
}

/// Keys that only flat files have.
fn not_here(fields: &Fields<'_>, form: Option<Form>) {
    for key in OF_CSV {
        if let Some(node) = fields.get(key)
            && form.is_some()
        {
            fields.report.error(
                node.at,
                "not-here",
                format!("{} has no meaning for lines of JSON", node.name),
                "remove it: the worker payload names attributes directly",
            );
        }
    }
}

fn csv(fields: &Fields<'_>, required: &[At<Attr>]) -> Csv {
    let worker_id = fields
        .need("worker_id", "\"Personnel No\"")
        .and_then(|node| node.text());
    let columns = fields
        .need("columns", "{ \"First name\" = \"given_name\" }")
        .map(|node| columns(&node, required))
        .unwrap_or_default();
    let delimiter = fields.get("delimiter").and_then(|node| delimiter(&node));
    let trailer = fields.get("trailer").and_then(|node| node.text());
    Csv {
        delimiter: delimiter.unwrap_or(b','),
        worker_id: worker_id.map_or("", |name| name.value).into(),
        columns,
        trailer: trailer.map(|text| text.value.into()),
    }
}

/// Attributes by column. The column with the worker id may be one of them: it is often the
/// employee number too.
fn columns(node: &Node<'_>, required: &[At<Attr>]) -> BTreeMap<Box<str>, Attr> {
    let mut columns = BTreeMap::new();
    let mut mapped: BTreeMap<Attr, &str> = BTreeMap::new();
    for (name, value) in node.entries() {
        let Some(attr) = value.attr() else { continue };
        if attr == Attr::Lifecycle {
            node.report.error(
                value.at,
                "bad-attribute",
                "`lifecycle` is derived and never stated",
                "map the column onto another attribute",
            );
        }
        if let Some(other) = mapped.insert(attr, name.value) {
            node.report.error(
                name.at,
                "twice",
                format!("`{attr}` is read from `{other}` and `{}`", name.value),
                "keep the column that holds it",
            );
        }
        columns.insert(name.value.into(), attr);
    }
    for attr in required {
        if !mapped.contains_key(&attr.value) && !mapped.is_empty() {
            node.report.warn(
                node.at,
                "required-never-stated",
                format!("{} has no `{}`, which is required", node.name, attr.value),
                "add the column, or every record that only this feed states will be parked",
            );
        }
    }
    columns
}

fn delimiter(node: &Node<'_>) -> Option<u8> {
    let text = node.any_text()?;
    match text.value.as_bytes() {
        [one] if one.is_ascii() && !one.is_ascii_alphanumeric() && *one != b'"' => Some(*one),
        _ => {
            node.report.error(
                text.at,
                "bad-separator",
                format!("{} is not one character between columns", node.name),
                "write for example `\";\"` or `\"\\t\"`",
            );
            None
        }
    }
}

fn partition(fields: &Fields<'_>) -> Option<Partition> {
    let by = fields.get("partition").and_then(|node| node.attr());
    let minimum = fields.get("minimum");
    if let (Some(node), false) = (&minimum, fields.has("partition")) {
        fields.report.error(
            node.at,
            "missing-key",
            format!("{} needs `partition`", node.name),
            "say by which attribute: add for example `partition = \"country\"`",
        );
    }
    let minimum = minimum.into_iter().flat_map(|node| node.entries());
    let minimum: BTreeMap<Box<str>, u64> = minimum
        .filter_map(|(name, node)| Some((name.value.into(), node.count(1..=MOST)?.into())))
        .collect();
    Some(Partition { by: by?, minimum })
}
