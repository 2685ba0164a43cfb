//! Collects what is wrong, by place, while the files are read.

use std::cell::RefCell;
use std::ops::Range;

use crate::diagnostic::{Diagnostic, Severity};
use crate::secret;

/// A range of bytes in one of the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) file: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    pub(crate) const fn new(file: usize, range: &Range<usize>) -> Self {
        Self {
            file,
            start: range.start,
            end: range.end,
        }
    }
}

/// A value and where it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) at: Span,
}

struct File {
    name: String,
    text: String,
}

struct Found {
    severity: Severity,
    code: &'static str,
    /// `None` where the policy as a whole is meant.
    at: Option<Span>,
    message: String,
    help: String,
}

/// The files, and what was found in them so far.
pub(crate) struct Report {
    files: Vec<File>,
    found: RefCell<Vec<Found>>,
}

impl Report {
    pub(crate) fn new(files: Vec<(String, String)>) -> Self {
        Self {
            files: files
                .into_iter()
                .map(|(name, text)| File { name, text })
                .collect(),
            found: RefCell::default(),
        }
    }

    /// Every file's text, in order.
    pub(crate) fn texts(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.text.as_str())
    }

    pub(crate) fn error(
        &self,
        at: Span,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Error, Some(at), code, message.into(), help.into());
    }

    pub(crate) fn warn(
        &self,
        at: Span,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(
            Severity::Warning,
            Some(at),
            code,
            message.into(),
            help.into(),
        );
    }

    /// An error of the policy as a whole.
    pub(crate) fn whole(
        &self,
        code: &'static str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.push(Severity::Error, None, code, message.into(), help.into());
    }

    fn push(
        &self,
        severity: Severity,
        at: Option<Span>,
        code: &'static str,
        message: String,
        help: String,
    ) {
        self.found.borrow_mut().push(Found {
            severity,
            code,
            at,
            message,
            help,
        });
    }

    /// `file.toml:12`, for messages that point at a second place.
    pub(crate) fn place(&self, at: Span) -> String {
        self.files.get(at.file).map_or_else(String::new, |file| {
            format!("{}:{}", file.name, position(&file.text, at).line)
        })
    }

    /// Whether an error was found so far.
    pub(crate) fn has_errors(&self) -> bool {
        let found = self.found.borrow();
        found.iter().any(|found| found.severity == Severity::Error)
    }

    /// The text at a place.
    pub(crate) fn slice(&self, at: Span) -> Option<&str> {
        self.files.get(at.file)?.text.get(at.start..at.end)
    }

    /// Errors and warnings, each in order of file and place.
    pub(crate) fn finish(&self) -> (Vec<Diagnostic>, Vec<Diagnostic>) {
        let mut found = self.found.take();
        found.sort_by(|a, b| (a.at, a.code, &a.message).cmp(&(b.at, b.code, &b.message)));
        // A list of texts may be asked for twice, by shape and by meaning.
        found.dedup_by(|a, b| (a.at, a.code, &a.message) == (b.at, b.code, &b.message));
        found
            .into_iter()
            .map(|found| self.diagnostic(found))
            .filter(|d| d.line == 0 || d.source.is_some() || secret::may_say(d.code))
            .partition(|d| d.severity == Severity::Error)
    }

    fn diagnostic(&self, found: Found) -> Diagnostic {
        let Some((at, file)) = found.at.and_then(|at| Some((at, self.files.get(at.file)?))) else {
            return Diagnostic {
                severity: found.severity,
                ..Diagnostic::without_place("policy", found.code, found.message, found.help)
            };
        };
        let position = position(&file.text, at);
        Diagnostic {
            severity: found.severity,
            code: found.code,
            file: file.name.as_str().into(),
            line: position.line,
            column: position.column,
            length: position.length,
            message: found.message.into(),
            help: found.help.into(),
            source: (found.code != secret::CODE && !secret::looks_like(position.source))
                .then(|| position.source.into()),
        }
    }
}

struct Position<'a> {
    line: usize,
    column: usize,
    length: usize,
    source: &'a str,
}

/// Where a span begins, and how much of it lies on that line. A span outside the text, or inside
/// a character, is moved to where something is.
fn position(text: &str, at: Span) -> Position<'_> {
    let floor = |mut offset: usize| {
        offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let (start, end) = (floor(at.start), floor(at.end.max(at.start)));
    let (before, after) = text.split_at(start);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line_end = after
        .find('\n')
        .map_or(text.len(), |newline| start + newline);
    let count = |range: Range<usize>| text.get(range).map_or(0, |part| part.chars().count());
    Position {
        line: before.matches('\n').count() + 1,
        column: count(line_start..start) + 1,
        length: count(start..end.min(line_end)),
        source: text.get(line_start..line_end).unwrap_or_default(),
    }
}
