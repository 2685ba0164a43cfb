//! Expressions: CEL, read by the `cel` crate's parser and by nothing else of it, then checked node
//! by node and lowered to [`domain::expr`].
//!
//! What is refused before parsing: texts that could overflow the parser's stack. While lowering:
//! attributes and functions that do not exist, wrong types, loops, and what costs too much.

mod call;
mod cost;
mod functions;
mod guard;
mod lower;
mod tree;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::ast::SourceInfo;
use cel::{Env, IdedExpr};
use domain::expr::{Computed, Test, Text};

use self::lower::{Lowered, Lowering};
use crate::fields::Node;
use crate::report::{At, Report, Span};
use crate::vocabulary::Vocabulary;
#[cfg(test)]
pub(crate) use functions::FUNCTIONS;

/// The code of most mistakes in an expression.
const CODE: &str = "bad-expression";

/// Reads an expression whose result is a text.
pub(crate) fn text(node: &Node<'_>, vocabulary: &Vocabulary) -> Option<Arc<Computed<Text>>> {
    read(node, vocabulary, "a text", |lowered| match lowered {
        Lowered::Text(text) => Some(text),
        Lowered::Test(_) | Lowered::Number(_) | Lowered::List(_) => None,
    })
}

/// Reads an expression that is true or false, and says so because of something.
pub(crate) fn test(node: &Node<'_>, vocabulary: &Vocabulary) -> Option<Arc<Computed<Test>>> {
    let test = read(node, vocabulary, "true or false", |lowered| match lowered {
        Lowered::Test(test) => Some(test),
        Lowered::Text(_) | Lowered::Number(_) | Lowered::List(_) => None,
    })?;
    if test.attrs.is_empty() {
        node.report.error(
            node.at,
            CODE,
            format!("{} reads no attribute", node.name),
            "compare an attribute, or remove it: it is the same for everybody",
        );
        return None;
    }
    Some(test)
}

fn read<T>(
    node: &Node<'_>,
    vocabulary: &Vocabulary,
    want: &str,
    wanted: impl FnOnce(Lowered) -> Option<T>,
) -> Option<Arc<Computed<T>>> {
    let text = node.text()?;
    let place = Place::new(node.report, text);
    guard::check(&place)?;
    let (root, info) = parse(&place)?;
    let lowering = Lowering::new(&place, &info, vocabulary);
    let (lowered, attrs) = lowering.run(&root)?;
    let is = lowered.type_name();
    let Some(root) = wanted(lowered) else {
        place.error(
            0..text.value.len(),
            "expression-type",
            format!("{} is {is} and must be {want}", node.name),
            if want == "a text" {
                "turn it into a text, for example with `IIF(..., \"yes\", \"no\")`"
            } else {
                "compare it with something, for example with `==`"
            },
        );
        return None;
    };
    Some(Arc::new(Computed {
        root,
        attrs,
        source: text.value.into(),
    }))
}

/// The text as CEL has it: macros stay the calls that they are written as.
fn parse(place: &Place<'_>) -> Option<(IdedExpr, SourceInfo)> {
    let text = place.text.value;
    let parser = Env::default()
        .parser()
        .max_recursion_depth(guard::PARSER_DEPTH);
    // The parser is not ours, and a policy is read where a panic would stop more than this text.
    let parse = AssertUnwindSafe(|| parser.parse_with_source_info(text));
    let parsed = catch_unwind(parse).ok();
    let Some(parsed) = parsed else {
        place.error(
            0..text.len(),
            "expression-syntax",
            "the parser gave up on the expression",
            "write it in a simpler form",
        );
        return None;
    };
    match parsed {
        Ok(parsed) => Some(parsed),
        Err(errors) => {
            // The first is the cause; the parser stumbles on over the rest.
            let first = errors.errors.first();
            let (line, column) = first.map_or((1, 1), |error| error.pos);
            let at = offset(text, line, column);
            let end = text
                .get(at..)
                .and_then(|rest| rest.chars().next())
                .map_or(at, |c| at + c.len_utf8());
            if first.is_some_and(guard::is_too_deep) {
                guard::too_deep(place, 0..text.len());
                return None;
            }
            place.error(
                at..end,
                "expression-syntax",
                guard::message(first.map_or("", |error| &error.msg)),
                "texts stand in quotes, `&&` means and, `||` or, `==` equal; see docs/policy.md, \
                 section \"Expressions\"",
            );
            None
        }
    }
}

/// Where a line and a column in characters, both from 1, are in a text.
fn offset(text: &str, line: isize, column: isize) -> usize {
    let from_one = |n: isize| usize::try_from(n - 1).unwrap_or_default();
    let start: usize = text
        .split_inclusive('\n')
        .take(from_one(line))
        .map(str::len)
        .sum();
    let rest = text.get(start..).unwrap_or_default();
    let within = rest.char_indices().nth(from_one(column));
    within.map_or(text.len(), |(at, _)| start + at)
}

/// An expression's text in its file.
pub(crate) struct Place<'a> {
    pub(crate) report: &'a Report,
    pub(crate) text: At<&'a str>,
    /// Where the text itself begins in the file; `None` where it is written with escapes.
    start: Option<usize>,
}

impl<'a> Place<'a> {
    fn new(report: &'a Report, text: At<&'a str>) -> Self {
        let quoted = report.slice(text.at).unwrap_or_default();
        let start = ["'''\n", "\"\"\"\n", "'''", "\"\"\"", "'", "\""]
            .into_iter()
            .find(|quote| {
                let close = quote.trim_end();
                quoted
                    .strip_prefix(quote)
                    .and_then(|rest| rest.strip_suffix(close))
                    == Some(text.value)
            })
            .map(|quote| text.at.start + quote.len());
        Self {
            report,
            text,
            start,
        }
    }

    /// The place of a range of the text; the whole value where it is written with escapes.
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        self.start.map_or(self.text.at, |start| Span {
            file: self.text.at.file,
            start: start + range.start,
            end: start + range.end,
        })
    }

    fn error(
        &self,
        range: std::ops::Range<usize>,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.report.error(self.span(range), code, message, help);
    }
}
