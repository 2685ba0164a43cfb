//! One spelling per value, and which values a record must have before it gives anything.

use std::borrow::Cow;

use crate::finding::Problem;
use crate::policy::Policy;
use crate::{Attr, Attrs, Slot};

/// Rewrites attributes to their standard spelling and reports what is missing or unknown.
pub fn standardise(policy: &Policy, attrs: &mut Attrs) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (attr, standard) in &policy.standards {
        let Some(text) = attrs.text(*attr).filter(|text| !text.is_empty()) else {
            continue;
        };
        match standard.spellings.get(&*spelling(text)) {
            Some(canonical) if &**canonical == text => {}
            Some(canonical) => attrs.set(*attr, Slot::Text(canonical.clone())),
            None if standard.closed => problems.push(Problem::Unknown { attr: *attr }),
            None => {}
        }
    }
    for attr in &policy.required {
        if attrs.text(*attr).is_none_or(str::is_empty) {
            problems.push(Problem::Missing { attr: *attr });
        }
    }
    problems
}

/// The standard spelling of one value; the value itself where there is none.
pub fn standard<'a>(policy: &'a Policy, attr: Attr, text: &'a str) -> &'a str {
    policy
        .standards
        .get(&attr)
        .and_then(|standard| standard.spellings.get(&*spelling(text)))
        .map_or(text, |canonical| canonical)
}

/// How spellings are compared: trimmed, case folded, white space collapsed. Keys of
/// [`crate::policy::Standard::spellings`] have this form.
pub fn spelling(text: &str) -> Cow<'_, str> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_graphic() && !b.is_ascii_uppercase());
    if plain {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        if word.is_ascii() {
            out.extend(word.bytes().map(|b| char::from(b.to_ascii_lowercase())));
        } else {
            out.extend(word.chars().flat_map(char::to_lowercase));
        }
    }
    Cow::Owned(out)
}

/// How values are compared when records look for their human: as spellings, e-mail addresses
/// included. `None` for an attribute that is absent, cleared or empty.
pub fn correlation_value(attrs: &Attrs, attr: Attr) -> Option<String> {
    let text = attrs.text(attr)?;
    let value = spelling(text);
    (!value.is_empty()).then(|| value.into_owned())
}
