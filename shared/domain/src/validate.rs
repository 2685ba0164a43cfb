//! Tests of HR data before it acts: what fails one is parked, with the name of the attribute and
//! of the test, never with the value.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::evaluate::all_hold;
use crate::finding::Problem;
use crate::policy::Condition;
use crate::{Attr, Attrs};

/// One test of one attribute.
#[derive(Clone, Debug)]
pub struct Validation {
    /// The attribute.
    pub attr: Attr,
    /// What its value must be.
    pub test: Check,
}

/// What a value must be. A value that is absent, cleared or empty passes every test but
/// `RequiredWhen`: whether it may be missing is another question.
#[derive(Clone, Debug)]
pub enum Check {
    /// One of these, as they are after standardisation.
    OneOf(BTreeSet<Box<str>>),
    /// Begins with one of these.
    Prefix(Vec<Box<str>>),
    /// Ends with one of these.
    Suffix(Vec<Box<str>>),
    /// At least that many characters.
    MinLength(usize),
    /// At most that many characters.
    MaxLength(usize),
    /// That day or a later one.
    NotBefore(Day),
    /// That day or an earlier one.
    NotAfter(Day),
    /// Stated and not empty, where every condition holds.
    RequiredWhen(Vec<Condition>),
}

/// A day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Day {
    /// As written in policy.
    Date(Date),
    /// As another attribute states it; no test where that is missing or no date.
    Attr(Attr),
}

/// The name of a test, for findings and messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// One of several values.
    OneOf,
    /// Begins with one of several texts.
    Prefix,
    /// Ends with one of several texts.
    Suffix,
    /// At least that many characters.
    MinLength,
    /// At most that many characters.
    MaxLength,
    /// That day or a later one.
    NotBefore,
    /// That day or an earlier one.
    NotAfter,
    /// Needed where conditions hold.
    RequiredWhen,
}

impl Rule {
    /// Every test, in order.
    pub const ALL: [Self; 8] = [
        Self::OneOf,
        Self::Prefix,
        Self::Suffix,
        Self::MinLength,
        Self::MaxLength,
        Self::NotBefore,
        Self::NotAfter,
        Self::RequiredWhen,
    ];

    /// Its key in policy.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneOf => "one_of",
            Self::Prefix => "prefix",
            Self::Suffix => "suffix",
            Self::MinLength => "min_length",
            Self::MaxLength => "max_length",
            Self::NotBefore => "not_before",
            Self::NotAfter => "not_after",
            Self::RequiredWhen => "required_when",
        }
    }
}

impl Check {
    /// Its name.
    pub const fn rule(&self) -> Rule {
        match self {
            Self::OneOf(_) => Rule::OneOf,
            Self::Prefix(_) => Rule::Prefix,
            Self::Suffix(_) => Rule::Suffix,
            Self::MinLength(_) => Rule::MinLength,
            Self::MaxLength(_) => Rule::MaxLength,
            Self::NotBefore(_) => Rule::NotBefore,
            Self::NotAfter(_) => Rule::NotAfter,
            Self::RequiredWhen(_) => Rule::RequiredWhen,
        }
    }

    fn passes(&self, value: Option<&str>, attrs: &Attrs) -> bool {
        let Some(value) = value else {
            return match self {
                Self::RequiredWhen(conditions) => !all_hold(conditions, attrs),
                Self::OneOf(_)
                | Self::Prefix(_)
                | Self::Suffix(_)
                | Self::MinLength(_)
                | Self::MaxLength(_)
                | Self::NotBefore(_)
                | Self::NotAfter(_) => true,
            };
        };
        match self {
            Self::OneOf(values) => values.contains(value),
            Self::Prefix(texts) => texts.iter().any(|text| value.starts_with(&**text)),
            Self::Suffix(texts) => texts.iter().any(|text| value.ends_with(&**text)),
            Self::MinLength(least) => value.chars().count() >= *least,
            Self::MaxLength(most) => value.chars().count() <= *most,
            Self::NotBefore(day) => dated(value, |value| {
                day.in_the(attrs).is_none_or(|first| first <= value)
            }),
            Self::NotAfter(day) => dated(value, |value| {
                day.in_the(attrs).is_none_or(|last| value <= last)
            }),
            Self::RequiredWhen(_) => true,
        }
    }
}

impl Day {
    fn in_the(self, attrs: &Attrs) -> Option<Date> {
        match self {
            Self::Date(date) => Some(date),
            Self::Attr(attr) => attrs.text(attr)?.parse().ok(),
        }
    }
}

/// Whether a value is a date, and the right one.
fn dated(value: &str, right: impl Fn(Date) -> bool) -> bool {
    value.parse().is_ok_and(right)
}

/// One problem for each test that fails, in order of the tests.
pub fn validate(validations: &[Validation], attrs: &Attrs) -> Vec<Problem> {
    validations
        .iter()
        .filter(|validation| {
            let value = attrs
                .text(validation.attr)
                .filter(|value| !value.is_empty());
            !validation.test.passes(value, attrs)
        })
        .map(|validation| Problem::Invalid {
            attr: validation.attr,
            rule: validation.test.rule(),
        })
        .collect()
}
