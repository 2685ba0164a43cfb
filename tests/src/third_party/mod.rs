//! SCIM servers that we did not write, at pinned versions, on loopback: the connectors have to get on with them too.
//!
//! They are installed from PyPI and npm into `target/third-party/` on first use. A test that needs one and cannot
//! have it fails with the reason; it does not skip itself.
//!
//! ```no_run
//! # async fn example() -> Result<(), tests::third_party::ThirdPartyError> {
//! let server = tests::third_party::ThirdParty::scim2_server().await?;
//! let (base, token) = (server.base_url(), server.token());
//! # Ok(())
//! # }
//! ```
//!
//! What each of them does differently is worth knowing before a test is written against it:
//! - scim2-server answers PATCH with 204 and leaves deleted users in their groups;
//! - SCIMMY lists a member twice that was added twice, has no `If-Match`, and filters by a scan;
//! - django-scim2 answers 501 to most PATCH operations and drops the members of a new group.

mod install;
mod process;

#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;

use thiserror::Error;

use install::Recipe;
use process::Server;

/// A server that the harness can install and start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThirdParty {
    /// scim2-server (Python): strict RFC 7643 and 7644, in memory.
    Scim2Server,
    /// SCIMMY on Express (Node.js), in memory.
    Scimmy,
    /// django-scim2 on gunicorn (Python), in a SQLite file.
    DjangoScim2,
}

/// Why a server is not there.
#[derive(Debug, Error)]
pub enum ThirdPartyError {
    /// An installation step failed.
    #[error("cannot install {server:?}: `{step}` says: {output}")]
    Install {
        /// Which server.
        server: ThirdParty,
        /// The command.
        step: String,
        /// The end of what it printed.
        output: String,
    },
    /// The server ended, or did not answer in time.
    #[error("cannot start {server:?}: {reason}; its log ends: {log}")]
    Start {
        /// Which server.
        server: ThirdParty,
        /// What went wrong.
        reason: String,
        /// The end of what it printed.
        log: String,
    },
    /// The file system or the operating system refused.
    #[error("cannot {doing} for {server:?}")]
    Io {
        /// Which server.
        server: ThirdParty,
        /// What was being done.
        doing: String,
        /// The cause.
        #[source]
        source: io::Error,
    },
}

/// A started server. Dropping it ends the process and everything that it started.
#[derive(Debug)]
pub struct Running {
    base_url: String,
    token: String,
    server: Server,
}

impl ThirdParty {
    /// Installs scim2-server where necessary and starts it.
    pub async fn scim2_server() -> Result<Running, ThirdPartyError> {
        Self::Scim2Server.start().await
    }

    /// Installs SCIMMY where necessary and starts it.
    pub async fn scimmy() -> Result<Running, ThirdPartyError> {
        Self::Scimmy.start().await
    }

    /// Installs django-scim2 where necessary and starts it.
    pub async fn django_scim2() -> Result<Running, ThirdPartyError> {
        Self::DjangoScim2.start().await
    }

    /// Installs the server where necessary and starts it on a free port, with a token of its own.
    pub async fn start(self) -> Result<Running, ThirdPartyError> {
        let folder = tokio::task::spawn_blocking(move || install::install(self))
            .await
            .map_err(|e| self.io("wait for the installation", io::Error::other(e)))??;
        process::start(self, &folder).await
    }

    fn name(self) -> &'static str {
        match self {
            ThirdParty::Scim2Server => "scim2-server",
            ThirdParty::Scimmy => "scimmy",
            ThirdParty::DjangoScim2 => "django-scim2",
        }
    }

    /// The path of the service, after host and port.
    fn base_path(self) -> &'static str {
        match self {
            ThirdParty::Scim2Server => "/v2",
            ThirdParty::Scimmy | ThirdParty::DjangoScim2 => "/scim/v2",
        }
    }

    fn recipe(self) -> Recipe {
        match self {
            ThirdParty::Scim2Server => install::SCIM2_SERVER,
            ThirdParty::Scimmy => install::SCIMMY,
            ThirdParty::DjangoScim2 => install::DJANGO_SCIM2,
        }
    }

    /// The command that serves, run inside `folder`; `scratch` is for its data.
    fn command(self, folder: &Path, scratch: &Path, port: u16, token: &str) -> process::Launch {
        let (port, host) = (port.to_string(), "127.0.0.1");
        let program = |path: &str| folder.join(path).display().to_string();
        let words = match self {
            ThirdParty::Scim2Server => vec![
                program("venv/bin/scim2-server"),
                "--hostname".to_owned(),
                host.to_owned(),
                "--port".to_owned(),
                port.clone(),
                "--bearer-token".to_owned(),
                token.to_owned(),
            ],
            ThirdParty::Scimmy => vec!["node".to_owned(), program("server.mjs")],
            ThirdParty::DjangoScim2 => vec![
                program("venv/bin/gunicorn"),
                "--bind".to_owned(),
                format!("{host}:{port}"),
                "--threads".to_owned(),
                "4".to_owned(),
                "host.wsgi:application".to_owned(),
            ],
        };
        let database = scratch.join(install::DATABASE).display().to_string();
        let environment = vec![
            ("PORT", port),
            ("TOKEN", token.to_owned()),
            ("DATABASE", database),
            ("DJANGO_SETTINGS_MODULE", "host.settings".to_owned()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ];
        process::Launch { words, environment }
    }

    fn io(self, doing: impl Into<String>, source: io::Error) -> ThirdPartyError {
        ThirdPartyError::Io {
            server: self,
            doing: doing.into(),
            source,
        }
    }
}

impl Running {
    /// Such as `http://127.0.0.1:40123/scim/v2`, without a slash at the end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The bearer token that requests have to carry.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The process, which is also the leader of its group.
    pub fn process_id(&self) -> u32 {
        self.server.id()
    }

    /// Ends the server now rather than when it is dropped.
    pub fn stop(self) {
        drop(self);
    }
}
