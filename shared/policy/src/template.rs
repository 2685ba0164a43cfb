//! Templates: text with attributes in braces.
//!
//! ```text
//! {given_name}                        the attribute's value
//! {preferred_given_name|given_name}   the first that is stated and not empty
//! {middle_name?}                      reads as empty where absent
//! {work_email:lower}                  with a filter: lower, upper, initial, slug
//! {n}                                 the counter of an identifier ladder
//! {{ }}                               literal braces
//! ```

use domain::Attr;
use domain::policy::{Filter, Part, Template};

use crate::fields;
use crate::names;
use crate::report::{At, Report, Span};

const FILTERS: &[(&str, Filter)] = &[
    ("lower", Filter::Lower),
    ("upper", Filter::Upper),
    ("initial", Filter::Initial),
    ("slug", Filter::Slug),
];

/// The collision counter's name in braces.
const COUNTER: &str = "n";

/// Whether a template may count collisions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    Allowed,
    Refused,
}

/// Reads a template. Mistakes are reported at their place inside the text.
pub(crate) fn parse(report: &Report, text: At<&str>, counting: Counting) -> Template {
    let mut reader = Reader {
        report,
        text,
        counting,
        parts: Vec::new(),
        literal: String::new(),
    };
    reader.read();
    Template {
        parts: reader.parts,
    }
}

/// Every attribute that a template reads.
pub(crate) fn attrs(template: &Template) -> impl Iterator<Item = Attr> {
    template
        .parts
        .iter()
        .flat_map(|part| match part {
            Part::Attr { any_of, .. } => any_of.as_slice(),
            Part::Text(_) | Part::Counter => &[],
        })
        .copied()
}

struct Reader<'a> {
    report: &'a Report,
    text: At<&'a str>,
    counting: Counting,
    parts: Vec<Part>,
    literal: String,
}

impl Reader<'_> {
    fn read(&mut self) {
        let text = self.text.value;
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (literal, braces) = rest.split_at(at);
            self.literal.push_str(literal);
            let start = text.len() - braces.len();
            if let Some(after) = braces.strip_prefix("{{") {
                self.literal.push('{');
                rest = after;
            } else if let Some(after) = braces.strip_prefix("}}") {
                self.literal.push('}');
                rest = after;
            } else if braces.starts_with('}') {
                self.error(
                    start..start + 1,
                    "`}` closes nothing",
                    "write `}}` for a brace",
                );
                return;
            } else {
                let inside = braces.strip_prefix('{').unwrap_or(braces);
                let Some((inside, after)) = inside.split_once('}') else {
                    self.error(
                        start..text.len(),
                        "`{` is never closed",
                        "add `}`, or write `{{` for a brace",
                    );
                    return;
                };
                self.placeholder(inside, start + 1);
                rest = after;
            }
        }
        self.literal.push_str(rest);
        self.flush();
        if self.parts.is_empty() {
            self.error(
                0..text.len(),
                "the template is empty",
                "name at least one attribute, as in `{given_name}`",
            );
        }
    }

    fn flush(&mut self) {
        if !self.literal.is_empty() {
            let literal = std::mem::take(&mut self.literal);
            self.parts.push(Part::Text(literal.into()));
        }
    }

    fn placeholder(&mut self, inside: &str, start: usize) {
        self.flush();
        if inside == COUNTER {
            if self.counting == Counting::Refused {
                self.error(
                    start..start + inside.len(),
                    "`{n}` counts collisions, and only an identifier's ladder has them",
                    "make an identifier and map it with `{ identifier = \"...\" }`",
                );
            }
            self.parts.push(Part::Counter);
            return;
        }
        let (names, filter) = match inside.split_once(':') {
            Some((names, filter)) => (names, self.filter(filter, start + names.len() + 1)),
            None => (inside, None),
        };
        let (names, optional) = match names.strip_suffix('?') {
            Some(names) => (names, true),
            None => (names, false),
        };
        let mut any_of = Vec::new();
        let mut at = start;
        for name in names.split('|') {
            if name.trim() == name && !name.is_empty() {
                let place = At {
                    value: name,
                    at: self.place(at..at + name.len()),
                };
                any_of.extend(fields::attr(self.report, place));
            } else {
                self.error(
                    at..at + name.len(),
                    "an attribute's name is missing or has blanks around it",
                    "write `{given_name}`, or `{preferred_given_name|given_name}`",
                );
            }
            at += name.len() + 1;
        }
        self.parts.push(Part::Attr {
            any_of,
            optional,
            filter,
        });
    }

    fn filter(&self, name: &str, start: usize) -> Option<Filter> {
        let found = FILTERS.iter().find(|(word, _)| *word == name);
        if found.is_none() {
            let near = names::nearest(name, FILTERS.iter().map(|(word, _)| *word));
            let help = match (name.strip_suffix('?'), near) {
                (Some(_), _) => {
                    "write the question mark before the colon: `{middle_name?:initial}`".to_owned()
                }
                (None, Some(near)) => format!("did you mean `{near}`?"),
                (None, None) => "the filters are `lower`, `upper`, `initial`, `slug`".to_owned(),
            };
            self.error(
                start..start + name.len(),
                format!("`{name}` is not a filter"),
                help,
            );
        }
        found.map(|(_, filter)| *filter)
    }

    fn error(
        &self,
        range: std::ops::Range<usize>,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report
            .error(self.place(range), "bad-template", message, help);
    }

    /// The place of a range of the text; the whole value where it is written with escapes.
    fn place(&self, range: std::ops::Range<usize>) -> Span {
        let whole = self.text.at;
        let quoted = self.report.slice(whole).unwrap_or_default();
        let as_written = quoted.len() == self.text.value.len() + 2
            && quoted.get(1..quoted.len() - 1) == Some(self.text.value);
        if !as_written {
            return whole;
        }
        Span {
            file: whole.file,
            start: whole.start + 1 + range.start,
            end: whole.start + 1 + range.end,
        }
    }
}
