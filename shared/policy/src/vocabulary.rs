//! Which values an attribute can have once it is standardised, so that a condition or a look-up
//! that can never match is an error instead of missing access.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::Attr;
use domain::policy::Standard;
use domain::standardise::spelling;

use crate::names;
use crate::report::{At, Report};

/// The values that the model itself knows of an attribute.
pub(crate) const fn fixed(attr: Attr) -> Option<&'static [&'static str]> {
    // Every other attribute is free text as far as the model goes.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "a new attribute is free text unless it is listed here"
    )]
    match attr {
        Attr::EmploymentType => Some(&["employee", "contractor", "intern", "acquired"]),
        Attr::WorkerStatus => Some(&["active", "leave", "terminated", "no_show"]),
        Attr::ManagerStatus => Some(&["manager", "individual"]),
        Attr::EndMode => Some(&["end_of_day", "now"]),
        Attr::Lifecycle => Some(&["prehire", "active", "suspended", "ended"]),
        _ => None,
    }
}

/// The values that attributes can have.
pub(crate) struct Vocabulary {
    /// All values of the attributes whose values are limited.
    closed: BTreeMap<Attr, BTreeSet<Arc<str>>>,
    /// Canonical value by folded spelling.
    spellings: BTreeMap<Attr, BTreeMap<Box<str>, Arc<str>>>,
}

impl Vocabulary {
    pub(crate) fn new(standards: &BTreeMap<Attr, Standard>) -> Self {
        let mut closed: BTreeMap<Attr, BTreeSet<Arc<str>>> = Attr::ALL
            .iter()
            .filter_map(|attr| {
                let values = fixed(*attr)?.iter().map(|value| Arc::from(*value));
                Some((*attr, values.collect()))
            })
            .collect();
        for (attr, standard) in standards.iter().filter(|(_, standard)| standard.closed) {
            closed.insert(*attr, standard.spellings.values().cloned().collect());
        }
        Self {
            closed,
            spellings: standards
                .iter()
                .map(|(attr, standard)| (*attr, standard.spellings.clone()))
                .collect(),
        }
    }

    /// Reports a value that the attribute never has.
    pub(crate) fn check(&self, report: &Report, attr: Attr, value: At<&str>) {
        let standardised = self
            .spellings
            .get(&attr)
            .and_then(|spellings| spellings.get(&*spelling(value.value)));
        if let Some(canonical) = standardised
            && canonical.as_ref() != value.value
        {
            report.error(
                value.at,
                "unreachable-value",
                format!("`{attr}` is never `{}`", value.value),
                format!("the standards turn that spelling into `{canonical}`: write that"),
            );
            return;
        }
        let Some(known) = self.closed.get(&attr) else {
            return;
        };
        if known.contains(value.value) {
            return;
        }
        report.error(
            value.at,
            "unreachable-value",
            format!("`{attr}` is never `{}`", value.value),
            help(value.value, known),
        );
    }

    /// Reports a beginning that no value of the attribute has.
    pub(crate) fn check_prefix(&self, report: &Report, attr: Attr, prefix: At<&str>) {
        let Some(known) = self.closed.get(&attr) else {
            return;
        };
        if known.iter().any(|value| value.starts_with(prefix.value)) {
            return;
        }
        report.error(
            prefix.at,
            "unreachable-value",
            format!("no value of `{attr}` begins with `{}`", prefix.value),
            help(prefix.value, known),
        );
    }

    /// Every value of an attribute, if they are limited.
    pub(crate) fn known(&self, attr: Attr) -> Option<&BTreeSet<Arc<str>>> {
        self.closed.get(&attr)
    }
}

fn help(value: &str, known: &BTreeSet<Arc<str>>) -> String {
    let all: Vec<String> = known.iter().map(|value| format!("`{value}`")).collect();
    let all = format!("its values are {}", all.join(", "));
    match names::nearest(value, known.iter().map(AsRef::as_ref)) {
        Some(near) => format!("did you mean `{near}`? {all}"),
        None => all,
    }
}
