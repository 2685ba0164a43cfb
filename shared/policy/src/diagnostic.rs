//! What is wrong with a policy, for people and for programs.

use std::fmt;

use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The policy cannot be used.
    Error,
    /// Allowed, and probably not meant.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing that is wrong, with its place and what to do about it. `Display` renders it as
/// compilers do, with the source line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A stable name for the kind of mistake (`unknown-key`).
    pub code: &'static str,
    /// The file's name, without its folder.
    pub file: Box<str>,
    /// Line, from 1; 0 where the whole file or folder is meant.
    pub line: usize,
    /// Column in characters, from 1; 0 where the whole file or folder is meant.
    pub column: usize,
    /// How many characters of that line are meant.
    pub length: usize,
    /// What is wrong.
    pub message: Box<str>,
    /// What to do about it.
    pub help: Box<str>,
    /// The source line; `None` where there is no place, or where the line may hold a secret.
    pub source: Option<Box<str>>,
}

impl Diagnostic {
    /// An error about a whole file or folder.
    pub(crate) fn without_place(
        file: &str,
        code: &'static str,
        message: impl Into<Box<str>>,
        help: impl Into<Box<str>>,
    ) -> Self {
        Self {
            severity: Severity::Error,
            code,
            file: file.into(),
            line: 0,
            column: 0,
            length: 0,
            message: message.into(),
            help: help.into(),
            source: None,
        }
    }
}

/// Characters of a long source line that are shown before and after the place.
const WINDOW: usize = 72;

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}[{}]: {}", self.severity, self.code, self.message)?;
        if self.line == 0 {
            writeln!(f, "  --> {}", self.file)?;
            return writeln!(f, "  = help: {}", self.help);
        }
        let line = self.line.to_string();
        let pad = " ".repeat(line.len());
        writeln!(f, "{pad}--> {}:{}:{}", self.file, self.line, self.column)?;
        if let Some(source) = &self.source {
            let (shown, at) = window(source, self.column.saturating_sub(1));
            let room = shown.chars().count().saturating_sub(at);
            let carets = "^".repeat(self.length.min(room).max(1));
            writeln!(f, "{pad} |")?;
            writeln!(f, "{line} | {shown}")?;
            writeln!(f, "{pad} | {}{carets}", " ".repeat(at))?;
        } else {
            writeln!(f, "{pad} | (line not shown, it may hold a secret)")?;
        }
        writeln!(f, "{pad} = help: {}", self.help)
    }
}

/// The part of a line around a character, and where that character is in it. Tabs and control
/// characters read as one blank, so that the carets stay below what they mean.
fn window(line: &str, at: usize) -> (String, usize) {
    let skipped = at.saturating_sub(WINDOW);
    let shown = line
        .chars()
        .skip(skipped)
        .take(2 * WINDOW)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    (shown, at - skipped)
}

/// Everything that is wrong with a policy: at least one error, and the warnings beside it.
/// Serialises as a list of [`Diagnostic`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Errors(Vec<Diagnostic>);

impl Errors {
    pub(crate) fn one(diagnostic: Diagnostic) -> Self {
        Self(vec![diagnostic])
    }

    /// All of them: errors first, each kind in order of file and place.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }

    /// How many are errors.
    pub fn count(&self) -> usize {
        self.0
            .iter()
            .filter(|d| d.severity == Severity::Error)
            .count()
    }

    /// All of them as a compiler prints them, with a closing count.
    pub fn render(&self) -> String {
        render(&self.0)
    }
}

impl From<Vec<Diagnostic>> for Errors {
    fn from(diagnostics: Vec<Diagnostic>) -> Self {
        Self(diagnostics)
    }
}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count() {
            1 => f.write_str("the policy has 1 error"),
            count => write!(f, "the policy has {count} errors"),
        }
    }
}

impl std::error::Error for Errors {}

/// Diagnostics as a compiler prints them, with a closing count; empty where there are none.
pub fn render(diagnostics: &[Diagnostic]) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        text.push_str(&diagnostic.to_string());
        text.push('\n');
    }
    let errors = diagnostics
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .count();
    let warnings = diagnostics.len() - errors;
    let counted: Vec<String> = [(errors, "error"), (warnings, "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }))
        .collect();
    if !counted.is_empty() {
        text.push_str(&counted.join(", "));
        text.push('\n');
    }
    text
}
