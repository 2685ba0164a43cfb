//! Paths of account attributes (RFC 7644 section 3.10), as far as mappings use them: `title`,
//! `name.givenName`, `emails[type eq "work"].value`, each also after an extension's URN.

use crate::report::{At, Report};

/// Attributes of the core user that policy does not map, in lower case, and why.
const NOT_MAPPED: &[(&str, &str)] = &[
    (
        "active",
        "the lifecycle decides whether an account can sign in",
    ),
    ("id", "the target assigns it"),
    ("meta", "the target keeps it"),
    ("schemas", "the connector writes it"),
    ("groups", "entitlements give memberships"),
    ("members", "entitlements give memberships"),
    ("password", "policy holds no secrets"),
];

/// Attributes of the core user that hold several values.
pub(crate) const LISTS: &[&str] = &[
    "emails",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "entitlements",
    "roles",
    "x509Certificates",
];

struct Path<'a> {
    urn: Option<&'a str>,
    attr: &'a str,
    filter: Option<&'a str>,
    sub: Option<&'a str>,
}

/// Reports what is not the path of an attribute that policy may map.
pub(crate) fn check(report: &Report, text: At<&str>) {
    let Some(path) = parse(text.value) else {
        report.error(
            text.at,
            "bad-path",
            format!("`{}` is not the path of an attribute", text.value),
            "write for example `title`, `\"name.givenName\"`, \
             `'emails[type eq \"work\"].value'`, or one of these after an extension's URN and a \
             colon",
        );
        return;
    };
    if path.urn.is_some() {
        return;
    }
    let refused = NOT_MAPPED
        .iter()
        .find(|(refused, _)| path.attr.eq_ignore_ascii_case(refused));
    if let Some((_, why)) = refused {
        report.error(
            text.at,
            "not-here",
            format!("`{}` is not mapped by policy", path.attr),
            format!("remove it: {why}"),
        );
    }
    let list = LISTS
        .iter()
        .find(|list| path.attr.eq_ignore_ascii_case(list));
    if let (Some(list), None) = (list, path.filter) {
        report.error(
            text.at,
            "bad-path",
            format!("`{}` names a list as a whole", text.value),
            format!("say which element, as in `'{list}[type eq \"work\"].value'`"),
        );
    }
    for canonical in ["userName", "externalId"] {
        if path.attr.eq_ignore_ascii_case(canonical) && text.value != canonical {
            report.error(
                text.at,
                "bad-path",
                format!("`{}` is written `{canonical}`", text.value),
                format!("write `{canonical}`"),
            );
        }
    }
}

/// The list of which a path names elements, and which of them.
pub(crate) fn element(text: &str) -> Option<(&str, &str)> {
    let path = parse(text).filter(|path| path.urn.is_none())?;
    Some((path.attr, path.filter?))
}

fn parse(text: &str) -> Option<Path<'_>> {
    let (head, filtered) = match text.split_once('[') {
        Some((head, rest)) => (head, Some(rest.rsplit_once("].")?)),
        None => (text, None),
    };
    // A URN has full stops of its own (`2.0`), so that its last colon ends it.
    let (urn, head) = match head.rsplit_once(':') {
        Some((urn, head)) => (Some(urn), head),
        None => (None, head),
    };
    let path = match (filtered, head.split_once('.')) {
        (Some((filter, sub)), _) => Path {
            urn,
            attr: head,
            filter: Some(filter),
            sub: Some(sub),
        },
        (None, Some((attr, sub))) => Path {
            urn,
            attr,
            filter: None,
            sub: Some(sub),
        },
        (None, None) => Path {
            urn,
            attr: head,
            filter: None,
            sub: None,
        },
    };
    let good = urn.is_none_or(|urn| urn.get(..4).is_some_and(|u| u.eq_ignore_ascii_case("urn:")))
        && is_name(path.attr)
        && path.sub.is_none_or(is_name)
        && path.filter.is_none_or(is_filter);
    good.then_some(path)
}

/// RFC 7643 section 2.1: a letter, then letters, digits, hyphens, underscores; `$ref` too.
fn is_name(text: &str) -> bool {
    let text = text.strip_prefix('$').unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// `attr eq "text"`, `attr eq true` or `attr eq false`.
fn is_filter(filter: &str) -> bool {
    let mut words = filter.trim().splitn(3, ' ');
    let (attr, operator, value) = (words.next(), words.next(), words.next());
    let quoted = |value: &str| {
        value
            .strip_prefix('"')
            .and_then(|value| value.strip_suffix('"'))
            .is_some_and(|value| !value.contains(['"', '\\']) && !value.is_empty())
    };
    attr.is_some_and(is_name)
        && operator.is_some_and(|operator| operator.eq_ignore_ascii_case("eq"))
        && value
            .map(str::trim)
            .is_some_and(|value| matches!(value, "true" | "false") || quoted(value))
}
