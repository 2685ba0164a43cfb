//! Where lines go.

use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

/// Where lines go.
#[derive(Clone, Debug)]
pub enum Sink {
    /// Standard output, one write per line: what Lambda collects.
    Stdout,
    /// Standard error, for the command line.
    Stderr,
    /// Memory, to be read by a test or the demo.
    Memory(Lines),
}

impl Sink {
    pub(crate) fn write(&self, mut line: String) {
        match self {
            Self::Memory(lines) => lines.push(line),
            Self::Stdout => {
                line.push('\n');
                // A closed pipe leaves nobody to tell.
                std::io::stdout().lock().write_all(line.as_bytes()).ok();
            }
            Self::Stderr => {
                line.push('\n');
                std::io::stderr().lock().write_all(line.as_bytes()).ok();
            }
        }
    }
}

/// Collected lines, shared between whoever writes and whoever reads.
#[derive(Clone, Debug, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All lines so far.
    pub fn all(&self) -> Vec<String> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// All lines so far, which are forgotten here.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn push(&self, line: String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(line);
    }
}
