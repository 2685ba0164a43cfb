//! What the exit code says.

use std::process::ExitCode;

/// How a command ended. The numbers are part of the interface; see `lanyard --help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done, and everything is as it should be.
    Fine,
    /// 1: done, and something is not as it should be: a policy with errors, a self-check that
    /// does not hold, an incomplete run, a stack that did not come to rest in time.
    Findings,
    /// 3: could not be done: a file, a port, another program in the way, an interrupt.
    Failed,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        // 2 is a command line that cannot be understood.
        Self::from(match exit {
            Exit::Fine => 0,
            Exit::Findings => 1,
            Exit::Failed => 3,
        })
    }
}
