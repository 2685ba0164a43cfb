//! Generated identifiers: candidates for user names and e-mail addresses, in a fixed order. Which
//! of them is free is the store's knowledge; once used, none is ever given to anybody else.

use crate::policy::{IdentifierRule, Part, Policy, Step, Template};
use crate::standardise::spelling;
use crate::text::{Rendered, render};
use crate::{Attrs, Hash, IdentityId, Slot};

/// How far the counter of the last template goes.
const LAST_COUNTER: u32 = 999;

/// Candidates in order, complete with the suffix, without repeats. Never empty: a person whose
/// names leave nothing to work with gets a name made of the identity's key.
pub fn candidates<'a>(
    rule: &'a IdentifierRule,
    attrs: &'a Attrs,
    identity: &'a IdentityId,
) -> impl Iterator<Item = String> + 'a {
    let counts = |template: &Template| template.parts.contains(&Part::Counter);
    let named = rule.ladder.iter().filter_map(move |step| match step {
        Step::Template(template) if counts(template) => None,
        Step::Template(template) => Some(local(rule, render(template, attrs, None), "")),
        Step::Computed(expression) => Some(local(rule, computed(expression.slot(attrs)), "")),
    });
    let counted = rule.ladder.iter().filter_map(move |step| match step {
        Step::Template(template) => Some(template).filter(|template| counts(template)),
        Step::Computed(_) => None,
    });
    let numbered = counted.flat_map(move |template| {
        (2..=LAST_COUNTER).map(move |n| {
            let digits = n.to_string();
            let stem = render(template, attrs, Some(n));
            local(rule, stem, &digits)
        })
    });
    let fallback = std::iter::once_with(move || {
        let key: String = identity.as_str().chars().take(10).collect();
        Some(format!("u{key}"))
    });
    let mut last: Option<String> = None;
    named
        .chain(numbered)
        .chain(fallback)
        .flatten()
        .filter(move |candidate| {
            let fresh = last.as_ref() != Some(candidate);
            last = Some(candidate.clone());
            fresh
        })
        .map(move |candidate| format!("{candidate}{}", rule.suffix))
}

/// What an expression yields, as a template would.
fn computed(value: Option<Slot>) -> Rendered {
    match value {
        Some(Slot::Text(text)) => Rendered::Text(text.to_string()),
        Some(Slot::Null) => Rendered::Cleared,
        None => Rendered::Nothing,
    }
}

/// A local part: slugged, trimmed to the length with its counter kept, `None` if nothing is left.
fn local(rule: &IdentifierRule, rendered: Rendered, counter: &str) -> Option<String> {
    let Rendered::Text(text) = rendered else {
        return None;
    };
    let mut name = crate::text::slug(&text);
    let keep = rule.max_len.max(8);
    if name.len() > keep {
        let stem = name.strip_suffix(counter).unwrap_or(&name);
        let room = keep.saturating_sub(counter.len());
        // A slug is ASCII, so that every byte is a character.
        name = stem.chars().take(room).chain(counter.chars()).collect();
    }
    let name = name.trim_matches(['.', '-', '_']);
    let stem = name.strip_suffix(counter).unwrap_or(name);
    stem.contains(|c: char| c.is_ascii_alphanumeric())
        .then(|| name.to_owned())
}

/// Whether an account of some target that no person may have bears this name: protected, or a
/// machine's. A name with a domain and one without are the same where the part before `@` is.
pub fn is_reserved(policy: &Policy, value: &str) -> bool {
    let value = spelling(value);
    let same = |name: &str| {
        name == value
            || (!(name.contains('@') && value.contains('@'))
                && before_at(name) == before_at(&value))
    };
    policy.targets.values().any(|target| {
        let protected = target.protected.iter();
        let mut names = protected.chain(target.service_accounts.keys());
        names.any(|name| same(name))
    })
}

fn before_at(name: &str) -> &str {
    name.split_once('@').map_or(name, |(local, _)| local)
}

/// The claim on a value: namespace and the digest of its normalised spelling.
pub fn claim_value(value: &str) -> Hash {
    Hash::of(spelling(value).as_bytes())
}
