//! What can go wrong on the way, by whether the target may have acted.

use std::error::Error;

use ports::Fault;
use ports::target::TargetError;

/// Why a base URL is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not a URL.
    #[error("`{base_url}` is not a URL: write `https://host/path`")]
    NotAUrl {
        /// As configured.
        base_url: Box<str>,
    },
    /// Not a URL that may be called.
    #[error("base URL refused: {why}")]
    Refused {
        /// What is wrong and what to do about it.
        why: Box<str>,
    },
    /// Not a way to prove who asks.
    #[error("authentication refused: {why}")]
    Auth {
        /// What is wrong and what to do about it.
        why: Box<str>,
    },
    /// The token endpoint's URL is not taken.
    #[error("`token_url`: {why}")]
    TokenUrl {
        /// What is wrong and what to do about it.
        why: Box<str>,
    },
    /// The TLS set-up failed.
    #[error("the HTTP client could not be built")]
    Client(#[source] Box<dyn Error + Send + Sync>),
}

/// Whether a request changes something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It reads.
    Read,
    /// It writes.
    Write,
}

/// Why there is no answer. The sources never carry a URL.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// We refused to send.
    #[error("request refused: {why}")]
    Refused {
        /// Why.
        why: Box<str>,
    },
    /// Not sent: the caller's time is over ([`within`](crate::within())).
    #[error("not sent: there is no time left")]
    OutOfTime,
    /// Certainly not sent: no connection came about.
    #[error("not sent: {why}")]
    NotSent {
        /// What failed.
        why: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Perhaps sent, and no whole answer came.
    #[error("answer lost: {why}")]
    Lost {
        /// What failed.
        why: &'static str,
        /// The cause.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// The answer is larger than we read.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
}

impl HttpError {
    /// What a target adapter tells its caller.
    pub fn into_target_error(self, effect: Effect) -> TargetError {
        let why = self.to_string();
        match (self, effect) {
            // A URL that leaves the origin is the target's doing or a wrong configuration;
            // either way nothing more is sent there.
            (Self::Refused { .. }, _) => TargetError::Fault(Fault::halt(why)),
            (Self::OutOfTime, _) => TargetError::OutOfTime,
            (Self::NotSent { .. }, _) | (Self::Lost { .. }, Effect::Read) => {
                TargetError::Fault(Fault::retry(why))
            }
            (Self::TooLarge { .. }, Effect::Read) => TargetError::Fault(Fault::reject(format!(
                "{why}; lower the page size of the target's profile"
            ))),
            (Self::Lost { why, .. }, Effect::Write) => TargetError::Unknown { why: why.into() },
            (Self::TooLarge { .. }, Effect::Write) => TargetError::Unknown { why: why.into() },
        }
    }
}
