//! What is refused before anything is parsed: the parser calls itself, so that what is long or deep
//! enough ends the program. A look at the tokens is enough to tell.

use std::ops::Range;

use cel::ParseError;

use super::Place;

/// Longest expression, in bytes.
const LONGEST: usize = 2048;

/// Most tokens. A node of the tree takes one or more.
const MOST_TOKENS: usize = 512;

/// Deepest nesting of brackets, and longest row of prefix operators or of choices.
const DEEPEST: usize = 24;

/// How deep the parser may call itself, whatever it makes of the text: what it takes for a text in
/// quotes may differ from what is taken for one here.
pub(super) const PARSER_DEPTH: u16 = 32;

/// Whether the text may be parsed.
pub(super) fn check(place: &Place<'_>) -> Option<()> {
    let text = place.text.value;
    let whole = 0..text.len();
    if text.len() > LONGEST {
        place.error(
            whole,
            "expression-size",
            format!("the expression has {} bytes", text.len()),
            format!(
                "keep it below {LONGEST}: a table (`lookup`) or several rules say more clearly \
                     what long expressions say"
            ),
        );
        return None;
    }
    let mut scan = Scan::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let at = text.len() - rest.len();
        // Raw, byte and triple-quoted texts end by other rules: nothing may hide behind them.
        let joined = text
            .get(..at)
            .and_then(|before| before.chars().next_back())
            .is_some_and(|last| last.is_alphanumeric() || matches!(last, '_' | '\'' | '"'));
        if matches!(c, '\'' | '"') && joined {
            place.error(
                at..at + 1,
                "expression-syntax",
                format!("`{c}` is not expected here"),
                "write texts in one pair of quotes, without a letter before it; `\\'` is a quote \
                 inside a text",
            );
            return None;
        }
        let length = scan.token(rest, c);
        if scan.tokens > MOST_TOKENS {
            place.error(
                whole,
                "expression-size",
                format!("the expression has more than {MOST_TOKENS} words and signs"),
                "split it over several rules, or use a table (`lookup`)",
            );
            return None;
        }
        if scan.depth > DEEPEST || scan.prefixes > DEEPEST || scan.choices > DEEPEST {
            too_deep(place, at..at + c.len_utf8());
            return None;
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    Some(())
}

/// Reports an expression that nests too deep.
pub(super) fn too_deep(place: &Place<'_>, at: Range<usize>) {
    place.error(
        at,
        "expression-depth",
        format!("the expression nests deeper than {DEEPEST}"),
        "split it over several rules, or use `Switch` instead of choices within choices",
    );
}

/// Whether the parser gave up because it went too deep.
pub(super) fn is_too_deep(error: &ParseError) -> bool {
    // The parser says so in the text of an error's source alone.
    let limit = |text: &str| text.contains("Recursion limit");
    let source = error.source.as_ref().map(ToString::to_string);
    limit(&error.msg) || source.is_some_and(|source| limit(&source))
}

#[derive(Default)]
struct Scan {
    tokens: usize,
    depth: usize,
    /// Prefix operators in a row.
    prefixes: usize,
    /// Choices (`? :`), which nest without brackets.
    choices: usize,
}

impl Scan {
    /// Takes one token or one blank from the front; its length in bytes.
    fn token(&mut self, rest: &str, c: char) -> usize {
        if c.is_whitespace() {
            return c.len_utf8();
        }
        self.tokens += 1;
        if !matches!(c, '!' | '-') {
            self.prefixes = 0;
        }
        let run = |same: &dyn Fn(char) -> bool| rest.find(|c| !same(c)).unwrap_or(rest.len());
        match c {
            '\'' | '"' => return quoted(rest, c),
            '!' | '-' => self.prefixes += 1,
            '(' | '[' | '{' => self.depth += 1,
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            '?' => self.choices += 1,
            '/' if rest.starts_with("//") => return run(&|c| c != '\n'),
            _ if c.is_alphanumeric() || c == '_' => {
                return run(&|c| c.is_alphanumeric() || c == '_');
            }
            _ => {}
        }
        c.len_utf8()
    }
}

/// How long a quoted text is, quotes included; an open one reaches to the end of the line.
fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if c == '\n' {
            return at;
        }
        if c == quote && !escaped {
            return at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    rest.len()
}

/// The parser's message in our words, without its list of everything that it expected.
pub(super) fn message(said: &str) -> String {
    let said = said.strip_prefix("Syntax error: ").unwrap_or(said);
    let said = said.split(" expecting ").next().unwrap_or(said);
    if said.contains("<EOF>") {
        return "the expression ends too early".to_owned();
    }
    let quoted = said
        .split_once('\'')
        .and_then(|(_, rest)| rest.strip_suffix('\''));
    match quoted {
        Some(text) if said.starts_with("token recognition") => {
            format!("`{}` is not CEL", text.trim())
        }
        Some(text) => format!("`{text}` is not expected here"),
        None => "the expression is not CEL".to_owned(),
    }
}
