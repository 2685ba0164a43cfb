//! Attribute standardisation, required attributes, and zones by location.

use std::collections::BTreeMap;

use domain::Attr;
use domain::policy::Standard;
use domain::standardise::spelling as fold;
use jiff::tz::TimeZoneDatabase;

use crate::fields::{self, Node};
use crate::names;
use crate::report::{At, Report};
use crate::sections::Sections;
use crate::vocabulary::{self, Vocabulary};

/// Reads `[standards.<attribute>]`.
pub(crate) fn read(sections: &Sections<'_>) -> BTreeMap<Attr, Standard> {
    let report = sections.report;
    let mut standards = BTreeMap::new();
    let mut places: BTreeMap<Attr, crate::report::Span> = BTreeMap::new();
    for node in sections.nodes("standards") {
        for (name, value) in node.entries() {
            let Some(attr) = fields::attr(report, name) else {
                continue;
            };
            if let Some(first) = places.insert(attr, name.at) {
                report.error(
                    name.at,
                    "defined-twice",
                    format!("the standard of `{attr}` is defined twice"),
                    format!("join the two; the first is at {}", report.place(first)),
                );
                continue;
            }
            if !can_have_spellings(attr) {
                report.error(
                    name.at,
                    "bad-standard",
                    format!("`{attr}` has no spellings to standardise"),
                    "remove it: dates, zones, keys and derived attributes have one form",
                );
                continue;
            }
            let value = value.called(format!("the standard of `{attr}`"));
            if let Some(fields) = value.fields_at(name.at) {
                let mut standard = Standard {
                    spellings: BTreeMap::new(),
                    closed: fields.flag("closed"),
                };
                if let Some(values) = fields.need("values", "{ \"Engineering\" = [\"Eng\"] }") {
                    spellings(attr, &values, &mut standard);
                }
                fields.finish();
                standards.insert(attr, standard);
            }
        }
    }
    standards
}

/// Attributes with one form each have no spellings.
fn can_have_spellings(attr: Attr) -> bool {
    !matches!(
        attr,
        Attr::Lifecycle
            | Attr::StartDate
            | Attr::EndDate
            | Attr::OriginalHireDate
            | Attr::TimeZone
            | Attr::ManagerId
            | Attr::PersonKey
            | Attr::EmployeeNumber
            | Attr::WorkEmail
            | Attr::PersonalEmail
    )
}

fn spellings(attr: Attr, values: &Node<'_>, standard: &mut Standard) {
    let report = values.report;
    let entries = values.entries();
    if values.is_table() && entries.is_empty() {
        report.error(
            values.at,
            "empty",
            format!("{} is empty", values.name),
            "a closed standard without values would park every record, an open one does nothing",
        );
    }
    // Canonical values first: a spelling may not be some other value's own name.
    for (canonical, _) in &entries {
        check_canonical(report, attr, *canonical);
        add(report, standard, *canonical, canonical.value);
    }
    for (canonical, spelled) in &entries {
        for spelling in spelled.texts() {
            if fold(spelling.value) == fold(canonical.value) {
                report.error(
                    spelling.at,
                    "unreachable-standard",
                    format!("`{}` reads as `{}` anyway", spelling.value, canonical.value),
                    "remove it: case and blanks are ignored",
                );
            } else {
                add(report, standard, spelling, canonical.value);
            }
        }
    }
}

fn add(report: &Report, standard: &mut Standard, spelling: At<&str>, canonical: &str) {
    let folded = fold(spelling.value);
    match standard.spellings.get(&*folded) {
        Some(earlier) => report.error(
            spelling.at,
            "unreachable-standard",
            format!(
                "`{}` cannot become `{canonical}`: it reads as `{earlier}` already",
                spelling.value
            ),
            "keep a spelling under one value; case and blanks are ignored",
        ),
        None => {
            standard.spellings.insert(folded.into(), canonical.into());
        }
    }
}

/// A canonical value is what the model and the targets will see.
fn check_canonical(report: &Report, attr: Attr, value: At<&str>) {
    if value.value.trim() != value.value || value.value.is_empty() {
        report.error(
            value.at,
            "bad-standard",
            format!("a value of `{attr}` is empty or has blanks around it"),
            "write the value as targets shall see it",
        );
    }
    if let Some(known) = vocabulary::fixed(attr)
        && !known.contains(&value.value)
    {
        let all: Vec<String> = known.iter().map(|value| format!("`{value}`")).collect();
        report.error(
            value.at,
            "bad-standard",
            format!("`{attr}` cannot be `{}`", value.value),
            format!("make it a spelling of one of {}", all.join(", ")),
        );
    }
    let two_letters = value.value.len() == 2 && value.value.bytes().all(|b| b.is_ascii_uppercase());
    if attr == Attr::Country && !two_letters {
        report.error(
            value.at,
            "bad-standard",
            format!("`{}` is not a country code", value.value),
            "write the two letters of ISO 3166-1, in upper case, and the name as a spelling",
        );
    }
}

/// Reads `required`.
pub(crate) fn required(sections: &Sections<'_>) -> Vec<At<Attr>> {
    let Some(node) = sections.single("required", "the list is short") else {
        return Vec::new();
    };
    let attrs = node.attrs();
    for attr in &attrs {
        if attr.value == Attr::Lifecycle {
            node.report.error(
                attr.at,
                "bad-attribute",
                "`lifecycle` is derived and never stated",
                "remove it",
            );
        }
    }
    attrs
}

/// Reads `[zones]`.
pub(crate) fn zones(
    sections: &Sections<'_>,
    vocabulary: &Vocabulary,
) -> BTreeMap<Box<str>, Box<str>> {
    let report = sections.report;
    let mut zones: BTreeMap<Box<str>, Box<str>> = BTreeMap::new();
    for node in sections.nodes("zones") {
        for (location, value) in node.entries() {
            vocabulary.check(report, Attr::Location, location);
            let Some(zone) = value.text() else {
                continue;
            };
            check_zone(report, zone);
            if zones
                .insert(location.value.into(), zone.value.into())
                .is_some()
            {
                report.error(
                    location.at,
                    "defined-twice",
                    format!("location `{}` has two zones", location.value),
                    "keep one",
                );
            }
        }
    }
    if let (Some(known), Some(node)) = (
        vocabulary.known(Attr::Location),
        sections.nodes("zones").first(),
    ) {
        for location in known {
            if !zones.contains_key(&**location) {
                report.warn(
                    node.at,
                    "location-without-zone",
                    format!("location `{location}` has no zone"),
                    "add it, or its workers' days begin and end in their source's zone",
                );
            }
        }
    }
    zones
}

/// Reports a zone that the IANA database lacks or spells otherwise.
pub(crate) fn check_zone(report: &Report, zone: At<&str>) {
    let database = TimeZoneDatabase::bundled();
    let found = database.get(zone.value).ok();
    let spelled = found.as_ref().and_then(|found| found.iana_name());
    if spelled == Some(zone.value) {
        return;
    }
    // Without the few names that are no places (`GMT+0`): nobody means those.
    let all: Vec<String> = database
        .available()
        .map(|name| name.to_string())
        .filter(|name| name.contains('/'))
        .collect();
    let near = spelled.or_else(|| names::nearest(zone.value, all.iter().map(String::as_str)));
    report.error(
        zone.at,
        "unknown-zone",
        format!("`{}` is not an IANA time zone", zone.value),
        match near {
            Some(near) => format!("did you mean `{near}`?"),
            None => "write area and city, for example `Europe/Lisbon`".to_owned(),
        },
    );
}
