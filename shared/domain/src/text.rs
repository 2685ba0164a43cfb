//! Templates and what they do to names.

use unicode_normalization::UnicodeNormalization;

use crate::policy::{Filter, Part, Template};
use crate::{Attrs, Slot};

/// What a template yields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendered {
    /// A value; maybe empty.
    Text(String),
    /// Its only attribute was cleared.
    Cleared,
    /// An attribute that it needs is absent (or cleared beside others).
    Nothing,
}

/// Renders a template. `counter` replaces `{n}`.
pub fn render(template: &Template, attrs: &Attrs, counter: Option<u32>) -> Rendered {
    let mut out = String::new();
    for part in &template.parts {
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Counter => {
                if let Some(n) = counter {
                    out.push_str(&n.to_string());
                }
            }
            Part::Attr {
                any_of,
                optional,
                filter,
            } => {
                let stated = any_of
                    .iter()
                    .filter_map(|attr| attrs.text(*attr))
                    .find(|text| !text.is_empty());
                let fallback = any_of.iter().find_map(|attr| attrs.get(*attr));
                match (stated, fallback, optional) {
                    (Some(text), _, _) => apply(*filter, text, &mut out),
                    (None, _, true) => {}
                    (None, Some(slot), false) if template.parts.len() == 1 => {
                        return match slot.text() {
                            Some(_) => Rendered::Text(String::new()),
                            None => Rendered::Cleared,
                        };
                    }
                    (None, _, false) => return Rendered::Nothing,
                }
            }
        }
    }
    Rendered::Text(out)
}

/// What a template yields, as a mapped value; `None` where it yields nothing. An attribute as it
/// stands shares its text.
pub fn slot(template: &Template, attrs: &Attrs) -> Option<Slot> {
    if let [
        Part::Attr {
            any_of,
            filter: None,
            ..
        },
    ] = &*template.parts
    {
        let mut slots = any_of.iter().filter_map(|attr| attrs.get(*attr));
        let stated = slots.find(|slot| slot.text().is_some_and(|text| !text.is_empty()));
        if let Some(stated) = stated {
            return Some(stated.clone());
        }
    }
    match render(template, attrs, None) {
        Rendered::Text(text) => Some(Slot::Text(text.into())),
        Rendered::Cleared => Some(Slot::Null),
        Rendered::Nothing => None,
    }
}

fn apply(filter: Option<Filter>, text: &str, out: &mut String) {
    match filter {
        None => out.push_str(text),
        Some(Filter::Lower) if text.is_ascii() => {
            out.extend(text.bytes().map(|b| char::from(b.to_ascii_lowercase())));
        }
        Some(Filter::Lower) => out.extend(text.chars().flat_map(char::to_lowercase)),
        Some(Filter::Upper) => out.extend(text.chars().flat_map(char::to_uppercase)),
        Some(Filter::Initial) => out.extend(text.chars().next()),
        Some(Filter::Slug) => out.push_str(&slug(text)),
    }
}

/// ASCII letters, digits, full stop, hyphen and underscore in lower case. Letters that have a
/// customary spelling in ASCII get it (`ö` becomes `oe`); white space and apostrophes vanish.
pub fn slug(text: &str) -> String {
    let mut ascii = String::with_capacity(text.len());
    for c in text.nfc() {
        match c {
            'ä' | 'Ä' => ascii.push_str("ae"),
            'ö' | 'Ö' | 'ø' | 'Ø' => ascii.push_str("oe"),
            'ü' | 'Ü' => ascii.push_str("ue"),
            'å' | 'Å' => ascii.push_str("aa"),
            'ß' => ascii.push_str("ss"),
            _ if c.is_ascii() => ascii.push(c),
            // Letters only: signs and emoji have spellings too (`grinning`), which are no names.
            _ if c.is_alphanumeric() => {
                ascii.push_str(deunicode::deunicode_char(c).unwrap_or_default());
            }
            _ => {}
        }
    }
    ascii
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
        .map(|c| c.to_ascii_lowercase())
        .collect()
}
