//! A start that failed: a clear line for each reason, and Lambda told in its own words.

use std::io;

use ports::Fault;
use publication::PublicationError;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::environment::SettingsError;

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Published policy.
    #[error("no published policy can be taken up")]
    Policy(#[from] PublicationError),
    /// A secret, a service, or what policy says of a target.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The salt.
    #[error("the secret `salt` is empty; store 32 random bytes there, as text, once and for ever")]
    Salt,
    /// Telemetry.
    #[error(transparent)]
    Telemetry(#[from] telemetry::AlreadyStarted),
}

impl StartError {
    /// The stable name for operators.
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Settings(_) => "Settings",
            Self::Policy(_) => "Policy",
            Self::Fault(fault) => fault.error_type(),
            Self::Salt => "Salt",
            Self::Telemetry(_) => "Telemetry",
        }
    }

    /// Says it: one line for each wrong setting, so that none is cut off.
    pub(crate) fn log(&self) {
        let error_type = self.error_type();
        if let Self::Settings(SettingsError(wrong)) = self {
            for one in wrong {
                tracing::error!(error_type, error = %one, "the function does not start");
            }
            return;
        }
        let error = self as &(dyn std::error::Error + 'static);
        tracing::error!(error_type, error, "the function does not start");
    }
}

/// Tells the Runtime API at `host:port`, which ends this start and shows the reason to whoever
/// waits for an answer. The runtime's own library tells nobody.
pub async fn tell(api: &str, error: &StartError) -> io::Result<()> {
    let error_type = error.error_type();
    let body = json!({
        "errorType": error_type,
        "errorMessage": chain(error),
        "stackTrace": [],
    })
    .to_string();
    let length = body.len();
    let request = format!(
        "POST /2018-06-01/runtime/init/error HTTP/1.1\r\nHost: {api}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\
         Lambda-Runtime-Function-Error-Type: Lanyard.{error_type}\r\nConnection: close\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(api).await?;
    stream.write_all(request.as_bytes()).await?;
    // The process ends next: not before the other side has read everything.
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(())
}

/// An error with its causes: what Lambda is told is one text.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
