//! The sections of a policy, wherever the author put them, and their order of reading.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use domain::{Hash, Policy};
use toml::Spanned;
use toml::de::DeTable;

use crate::fields::{Fields, Node};
use crate::report::{At, Report, Span};
use crate::scrutiny::Closely;
use crate::vocabulary::Vocabulary;
use crate::{
    LARGEST_FILE, correlation, entitlement, example, handover, identifier, names, profile, role,
    rule, secret, sod, source, standard, target, tier, validate,
};

/// Every section that a file may have.
const SECTIONS: &[&str] = &[
    "required",
    "sources",
    "standards",
    "validate",
    "zones",
    "correlation",
    "identifiers",
    "roles",
    "rules",
    "given",
    "examples",
    "entitlements",
    "tiers",
    "sod",
    "targets",
    "profiles",
    "handover",
];

/// Named things of one section, with the place of each name.
pub(crate) type Named<T> = BTreeMap<Box<str>, At<T>>;

/// The values of every section, in order of the files.
pub(crate) struct Sections<'a> {
    pub(crate) report: &'a Report,
    values: BTreeMap<&'static str, Vec<Node<'a>>>,
}

/// Reads the policy. `None` where a file could not be parsed; otherwise what could be read, which
/// is the policy if the report has no errors. With it, how many examples it has. It is checked where
/// it is looked at closely.
pub(crate) fn read(
    report: &Report,
    version: Hash,
    closely: Option<&dyn Closely>,
) -> Option<(Policy, usize)> {
    for (file, text) in report.texts().enumerate() {
        secret::check(report, file, text);
    }
    let parsed: Vec<Spanned<DeTable<'_>>> = report
        .texts()
        .enumerate()
        .filter_map(|(file, text)| parse(report, file, text))
        .collect();
    if parsed.is_empty() && report.texts().next().is_none() {
        report.whole(
            "no-files",
            "there is no `*.toml` file",
            "start from the minimal policy in docs/policy.md",
        );
    }
    if parsed.len() < report.texts().count() || parsed.is_empty() {
        return None;
    }
    let sections = Sections::gather(report, &parsed);
    let policy = assemble(&sections, version, closely);
    let examples = example::read(&sections, &policy);
    if let Some(closely) = closely.filter(|_| !report.has_errors()) {
        closely.examples(&sections, &policy, &examples);
    }
    Some((policy, examples.len()))
}

/// The parsed file, or `None` after reporting every mistake in its TOML.
fn parse<'a>(report: &Report, file: usize, text: &'a str) -> Option<Spanned<DeTable<'a>>> {
    if text.len() > LARGEST_FILE {
        report.error(
            Span::new(file, &(0..0)),
            "too-large",
            format!("the file has {} bytes", text.len()),
            format!("split it: a file has at most {LARGEST_FILE} bytes"),
        );
        return None;
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        report.error(
            Span::new(file, &error.span().unwrap_or(0..0)),
            secret::SYNTAX,
            error.message(),
            "correct the TOML; names and meaning are checked once every file can be read",
        );
    }
    errors.is_empty().then_some(table)
}

fn assemble(sections: &Sections<'_>, version: Hash, closely: Option<&dyn Closely>) -> Policy {
    let standards = standard::read(sections);
    let vocabulary = Vocabulary::new(&standards);
    let required = standard::required(sections);
    let identifiers = identifier::read(sections, &vocabulary);
    let profiles = profile::read(sections);
    let targets = target::read(sections, &identifiers, &vocabulary, &profiles);
    let entitlements = entitlement::read(sections, &targets);
    let roles = role::read(sections, &entitlements);
    let tiers = tier::read(sections, &entitlements);
    let sod = sod::read(sections, &entitlements, &roles);
    let table = rule::read(sections, &roles, &sod, &vocabulary);
    profile::check_uses(sections, &profiles);
    identifier::check_uses(sections.report, &identifiers, &targets);
    role::check_uses(sections.report, &roles, &table);
    rule::report_privileged(sections.report, &table, &roles, &entitlements);
    entitlement::check_uses(sections.report, &entitlements, &roles);
    let sources = source::read(sections, &required);
    let validations = validate::read(sections, &required, &vocabulary);
    let zones = standard::zones(sections, &vocabulary);
    let correlation = correlation::read(sections, &vocabulary);
    let handover = handover::read(sections);
    // What a policy comes to is worth a word once it says what its author means.
    let closely = closely.filter(|_| !sections.report.has_errors());
    if let Some(closely) = closely {
        closely.rules(sections.report, &table, &roles, &required, &vocabulary);
    }
    let places: BTreeMap<Box<str>, Span> = roles
        .iter()
        .map(|(name, role)| (name.clone(), role.at))
        .collect();
    let policy = Policy {
        version,
        sources,
        validations,
        required: required.into_iter().map(|attr| attr.value).collect(),
        zones,
        correlation: correlation.rules,
        weights: correlation.weights,
        handover,
        identifiers: values(identifiers),
        roles: values(roles),
        rules: table.into_values().map(|rule| rule.value).collect(),
        entitlements: values(entitlements),
        tiers,
        sod: sod.all.into_values().map(|pair| pair.value).collect(),
        targets: values(targets),
        standards,
    };
    if let Some(closely) = closely {
        closely.growth(sections.report, &policy, &places);
    }
    policy
}

/// The things without their places, under ids instead of texts.
pub(crate) fn values<K: From<String> + Ord, T>(named: Named<T>) -> BTreeMap<K, T> {
    named
        .into_iter()
        .map(|(name, thing)| (K::from(name.into_string()), thing.value))
        .collect()
}

impl<'a> Sections<'a> {
    pub(crate) fn gather(report: &'a Report, parsed: &'a [Spanned<DeTable<'a>>]) -> Self {
        let mut values: BTreeMap<&'static str, Vec<Node<'a>>> = BTreeMap::new();
        for (file, table) in parsed.iter().enumerate() {
            for (key, value) in table.get_ref() {
                let name: &str = key.get_ref();
                if let Some(section) = SECTIONS.iter().find(|section| **section == name) {
                    let node = Node::new(report, file, value, format!("`{name}`"));
                    values.entry(section).or_default().push(node);
                    continue;
                }
                let near = names::nearest(name, SECTIONS.iter().copied());
                report.error(
                    Span::new(file, &key.span()),
                    "unknown-section",
                    format!("`{name}` is not a section of a policy"),
                    match near {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("the sections are {}", SECTIONS.join(", ")),
                    },
                );
            }
        }
        Self { report, values }
    }

    /// A section's values, one for each file that has it.
    pub(crate) fn nodes(&self, section: &str) -> &[Node<'a>] {
        self.values.get(section).map_or(&[], Vec::as_slice)
    }

    /// The value of a section that only one file may have.
    pub(crate) fn single(&self, section: &str, why: &str) -> Option<&Node<'a>> {
        let (first, more) = self.nodes(section).split_first()?;
        for node in more {
            self.report.error(
                node.at,
                "defined-twice",
                format!("`{section}` stands in two files"),
                format!(
                    "keep all of it in one file ({why}); the first is at {}",
                    self.report.place(first.at)
                ),
            );
        }
        Some(first)
    }

    /// Reports a section that a policy cannot be without.
    pub(crate) fn must_have(&self, section: &str, example: &str) {
        if self.nodes(section).is_empty() {
            self.report.whole(
                "missing-section",
                format!("the policy has no `{section}`"),
                format!("add for example `{example}`"),
            );
        }
    }

    /// The tables of a section such as `[roles.base]`, over all files. `kind` is what one of
    /// them is called.
    pub(crate) fn named<T>(
        &self,
        section: &str,
        kind: &str,
        mut read: impl FnMut(&Fields<'a>) -> T,
    ) -> Named<T> {
        let mut named = Named::new();
        for node in self.nodes(section) {
            for (name, value) in node.entries() {
                names::check(self.report, name, &format!("this {kind}"), false);
                let entry = value.called(format!("{kind} `{}`", name.value));
                if let Some(fields) = entry.fields_at(name.at) {
                    let thing = read(&fields);
                    fields.finish();
                    insert(self.report, &mut named, kind, name, thing);
                }
            }
        }
        named
    }
}

/// Adds a thing, or reports that its name is taken.
pub(crate) fn insert<T>(
    report: &Report,
    named: &mut Named<T>,
    kind: &str,
    name: At<&str>,
    value: T,
) {
    match named.entry(name.value.into()) {
        Entry::Vacant(vacant) => {
            vacant.insert(At { value, at: name.at });
        }
        Entry::Occupied(first) => report.error(
            name.at,
            "defined-twice",
            format!("{kind} `{}` is defined twice", name.value),
            format!(
                "remove or rename one of the two; the first is at {}",
                report.place(first.get().at)
            ),
        ),
    }
}
