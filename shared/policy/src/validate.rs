//! `[validate.<attribute>]`: what values must look like before they act.

use std::collections::BTreeMap;

use domain::Attr;
use domain::validate::{Check, Day, Validation};

use crate::condition;
use crate::fields::{self, Fields};
use crate::report::{At, Report, Span};
use crate::sections::Sections;
use crate::vocabulary::Vocabulary;

/// The attributes that are days.
pub(crate) const DAYS: &[Attr] = &[Attr::StartDate, Attr::EndDate, Attr::OriginalHireDate];

/// Longest text that a test may ask for.
const LONGEST: u32 = 4096;

/// Reads every test, in order of attributes and of [`domain::validate::Rule`].
pub(crate) fn read(
    sections: &Sections<'_>,
    required: &[At<Attr>],
    vocabulary: &Vocabulary,
) -> Vec<Validation> {
    let report = sections.report;
    let mut places: BTreeMap<Attr, Span> = BTreeMap::new();
    let mut tests: BTreeMap<Attr, Vec<Check>> = BTreeMap::new();
    for node in sections.nodes("validate") {
        for (name, value) in node.entries() {
            let Some(attr) = fields::attr(report, name) else {
                continue;
            };
            if let Some(first) = places.insert(attr, name.at) {
                report.error(
                    name.at,
                    "defined-twice",
                    format!("`{attr}` is validated twice"),
                    format!("join the two; the first is at {}", report.place(first)),
                );
                continue;
            }
            not_derived(
                report,
                At {
                    value: attr,
                    at: name.at,
                },
            );
            let value = value.called(format!("the validation of `{attr}`"));
            let Some(fields) = value.fields_at(name.at) else {
                continue;
            };
            let needed = required.iter().any(|required| required.value == attr);
            let checks = checks(attr, &fields, needed, vocabulary);
            if fields.is_empty() {
                report.error(
                    name.at,
                    "empty",
                    format!("{} tests nothing", fields.name),
                    "add for example `max_length = 64`, or remove it",
                );
            }
            fields.finish();
            tests.insert(attr, checks);
        }
    }
    tests
        .into_iter()
        .flat_map(|(attr, checks)| {
            checks
                .into_iter()
                .map(move |test| Validation { attr, test })
        })
        .collect()
}

fn checks(attr: Attr, fields: &Fields<'_>, needed: bool, vocabulary: &Vocabulary) -> Vec<Check> {
    let report = fields.report;
    let one_of = fields.get("one_of").map(|node| {
        let values = node.one_or_more();
        for value in &values {
            vocabulary.check(report, attr, *value);
        }
        Check::OneOf(values.iter().map(|value| value.value.into()).collect())
    });
    let prefix = fields.get("prefix").map(|node| {
        let values = node.one_or_more();
        for value in &values {
            vocabulary.check_prefix(report, attr, *value);
        }
        Check::Prefix(values.iter().map(|value| value.value.into()).collect())
    });
    let suffix = fields.get("suffix").map(|node| {
        let values = node.one_or_more();
        Check::Suffix(values.iter().map(|value| value.value.into()).collect())
    });
    let least = length(fields, "min_length");
    let most = length(fields, "max_length");
    if let (Some(least), Some(most)) = (least, most)
        && least > most
    {
        report.error(
            fields.at,
            "bad-validation",
            format!(
                "{} wants at least {least} and at most {most} characters",
                fields.name
            ),
            "make `min_length` the smaller number",
        );
    }
    [
        one_of,
        prefix,
        suffix,
        least.map(Check::MinLength),
        most.map(Check::MaxLength),
        day(attr, fields, "not_before").map(Check::NotBefore),
        day(attr, fields, "not_after").map(Check::NotAfter),
        required_when(fields, needed, vocabulary),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn length(fields: &Fields<'_>, key: &'static str) -> Option<usize> {
    let count = fields.get(key)?.count(1..=LONGEST)?;
    usize::try_from(count).ok()
}

/// A day, or the attribute that states one.
fn day(attr: Attr, fields: &Fields<'_>, key: &'static str) -> Option<Day> {
    let node = fields.get(key)?;
    if !DAYS.contains(&attr) {
        node.report.error(
            node.at,
            "bad-validation",
            format!("`{attr}` is no day"),
            format!("days are {}", list(DAYS)),
        );
        return None;
    }
    let text = node.day()?;
    if let Ok(date) = text.parse() {
        return Some(Day::Date(date));
    }
    let other = DAYS
        .iter()
        .find(|other| other.name() == text && **other != attr);
    if other.is_none() {
        node.report.error(
            node.at,
            "bad-validation",
            format!(
                "{} is neither a day nor another attribute that is one",
                node.name
            ),
            format!("write for example `2020-01-01`, or one of {}", list(DAYS)),
        );
    }
    other.copied().map(Day::Attr)
}

fn list(attrs: &[Attr]) -> String {
    let names: Vec<String> = attrs.iter().map(|attr| format!("`{attr}`")).collect();
    names.join(", ")
}

fn required_when(fields: &Fields<'_>, needed: bool, vocabulary: &Vocabulary) -> Option<Check> {
    let node = fields.get("required_when")?;
    if needed {
        node.report.error(
            node.at,
            "bad-validation",
            format!("{} says nothing: the attribute is in `required`", node.name),
            "remove one of the two",
        );
    }
    if !node.is_table() {
        node.wrong_type(
            "a table of conditions",
            "`{ employment_type = \"contractor\" }`",
        );
        return None;
    }
    for (name, _) in node.entries() {
        if name.value == Attr::Lifecycle.name() {
            not_derived(
                node.report,
                At {
                    value: Attr::Lifecycle,
                    at: name.at,
                },
            );
        }
    }
    Some(Check::RequiredWhen(condition::read(&node, vocabulary)))
}

/// Data is tested before anything is derived from it.
fn not_derived(report: &Report, attr: At<Attr>) {
    if attr.value == Attr::Lifecycle {
        report.error(
            attr.at,
            "bad-attribute",
            "`lifecycle` is derived and never stated",
            "remove it, or use `worker_status`",
        );
    }
}
