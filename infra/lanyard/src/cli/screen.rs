//! What the command line prints. Results go to standard output, everything else to standard
//! error, so that `--json` output can be piped as it is.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use serde::Serialize;

/// Where a command prints.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    json: bool,
}

impl Screen {
    /// For people, or for programs.
    pub const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether programs read along.
    pub const fn is_json(self) -> bool {
        self.json
    }

    /// Whether progress can be drawn.
    pub fn is_live(self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }

    /// The result: `text` for people, `value` for programs.
    pub fn result(self, text: impl Display, value: &impl Serialize) {
        if self.json {
            match serde_json::to_string(value) {
                Ok(line) => print(&line),
                Err(error) => self.note(format!("error: the result cannot be shown: {error}")),
            }
        } else {
            print(&text.to_string());
        }
    }

    /// Something on the side, for people.
    pub fn note(self, text: impl Display) {
        let mut err = std::io::stderr().lock();
        // A closed pipe leaves nobody to tell.
        writeln!(err, "{text}").ok();
    }

    /// An error with its causes.
    pub fn error(self, error: &anyhow::Error) {
        if self.json {
            let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
            print(&serde_json::json!({ "error": causes }).to_string());
        } else {
            self.note(format!("error: {error:#}"));
        }
    }
}

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", text.trim_end_matches('\n')).ok();
}
