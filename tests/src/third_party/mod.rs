//! Servers that we did not write, at pinned versions, on loopback: SCIM servers that the connectors have to get on with,
//! a proxy that holds requests and answers against Microsoft's description of Graph, and an emulator of AWS.
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
//! - django-scim2 answers 501 to most PATCH operations and drops the members of a new group;
//! - prism does not look inside `$batch`, does not judge `$filter`, tokens and unknown query options, and serves without
//!   `/v1.0` in front; a connection that its upstream drops becomes a 500 of its own, and a page in HTML a violation.

mod install;
mod process;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use install::Recipe;
use process::Server;

/// The file with the time that ministack goes by, beside its other files.
pub(crate) const CLOCK: &str = "clock";

/// How the `type` of an error begins that Prism itself answers.
pub const PRISM_ERROR: &str = "https://stoplight.io/prism/errors";

/// A server that the harness can install and start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThirdParty {
    /// scim2-server (Python): strict RFC 7643 and 7644, in memory.
    Scim2Server,
    /// The same with a feature switched off, or paging in another way.
    Scim2ServerWith(Variant),
    /// SCIMMY on Express (Node.js), in memory.
    Scimmy,
    /// django-scim2 on gunicorn (Python), in a SQLite file.
    DjangoScim2,
    /// Prism (Node.js): a proxy that refuses what breaks `fixtures/graph/graph-subset.yaml`, in either direction.
    Prism,
    /// MiniStack (Python): AWS's services in memory, with IAM enforced, and AWS's expander of templates: [`crate::aws`].
    Aws,
    /// ministack (Python): AWS's protocols, in memory, on a clock that is set: [`crate::ministack`].
    Ministack,
    /// The planner's shape in boto3 under AWS's own runtime client; no server, started by [`crate::runtime_api`].
    LambdaPython,
    /// The same in the AWS SDK for JavaScript.
    LambdaNode,
}

/// What scim2-server announces, and does, otherwise than by default: `third-party/scim2-server/*.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Variant {
    /// Lists by cursor only (RFC 9865), four to a page; `startIndex` is 501.
    CursorPages,
    /// Lists by index, never more than three to a page.
    SmallPages,
    /// `filter` is 501.
    NoFilter,
    /// PATCH is 501.
    NoPatch,
}

impl Variant {
    /// All.
    pub const ALL: [Self; 4] = [
        Self::CursorPages,
        Self::SmallPages,
        Self::NoFilter,
        Self::NoPatch,
    ];

    fn config(self) -> PathBuf {
        let file = match self {
            Variant::CursorPages => "cursor-pages.json",
            Variant::SmallPages => "small-pages.json",
            Variant::NoFilter => "no-filter.json",
            Variant::NoPatch => "no-patch.json",
        };
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("third-party/scim2-server")
            .join(file)
    }
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

    /// Installs Prism where necessary and starts it in front of `upstream`, such as `http://127.0.0.1:40123/v1.0`.
    /// It answers what breaks the contract with an error of its own, whose `type` begins with [`PRISM_ERROR`].
    pub async fn prism(upstream: &str) -> Result<Running, ThirdPartyError> {
        Self::Prism.launch(upstream).await
    }

    /// Installs MiniStack where necessary and starts it. It takes requests that are signed with the key `test` for its
    /// account's root, and checks what every other key may do.
    pub async fn aws() -> Result<Running, ThirdPartyError> {
        Self::Aws.start().await
    }

    /// Installs what MiniStack needs, AWS's own expander of templates among it, and answers the Python that has it.
    pub async fn aws_python() -> Result<PathBuf, ThirdPartyError> {
        Ok(Self::Aws.installed().await?.join("venv/bin/python"))
    }

    /// Installs a peer of the functions where necessary, and answers its folder and its command line.
    pub async fn peer(self) -> Result<(PathBuf, Vec<String>), ThirdPartyError> {
        let folder = self.installed().await?;
        let words = self.command(&folder, &folder, 0, "", "").words;
        Ok((folder, words))
    }

    /// Installs the server where necessary and starts it on a free port, with a token of its own. Prism needs an
    /// upstream: [`ThirdParty::prism`].
    pub async fn start(self) -> Result<Running, ThirdPartyError> {
        self.launch("").await
    }

    async fn launch(self, upstream: &str) -> Result<Running, ThirdPartyError> {
        if self == ThirdParty::Prism && upstream.is_empty() {
            return Err(ThirdPartyError::Start {
                server: self,
                reason: "it needs an upstream; use `ThirdParty::prism`".to_owned(),
                log: String::new(),
            });
        }
        let folder = self.installed().await?;
        process::start(self, &folder, upstream).await
    }

    async fn installed(self) -> Result<PathBuf, ThirdPartyError> {
        tokio::task::spawn_blocking(move || install::install(self))
            .await
            .map_err(|e| self.io("wait for the installation", io::Error::other(e)))?
    }

    fn name(self) -> &'static str {
        match self {
            ThirdParty::Scim2Server | ThirdParty::Scim2ServerWith(_) => "scim2-server",
            ThirdParty::Scimmy => "scimmy",
            ThirdParty::DjangoScim2 => "django-scim2",
            ThirdParty::Prism => "prism",
            ThirdParty::Aws | ThirdParty::Ministack => "aws",
            ThirdParty::LambdaPython => "lambda-python",
            ThirdParty::LambdaNode => "lambda-node",
        }
    }

    /// The path of the service, after host and port.
    fn base_path(self) -> &'static str {
        match self {
            ThirdParty::Scim2Server | ThirdParty::Scim2ServerWith(_) => "/v2",
            ThirdParty::Scimmy | ThirdParty::DjangoScim2 => "/scim/v2",
            ThirdParty::Prism
            | ThirdParty::Aws
            | ThirdParty::Ministack
            | ThirdParty::LambdaPython
            | ThirdParty::LambdaNode => "",
        }
    }

    fn recipe(self) -> Recipe {
        match self {
            ThirdParty::Scim2Server | ThirdParty::Scim2ServerWith(_) => install::SCIM2_SERVER,
            ThirdParty::Scimmy => install::SCIMMY,
            ThirdParty::DjangoScim2 => install::DJANGO_SCIM2,
            ThirdParty::Prism => install::PRISM,
            ThirdParty::Aws | ThirdParty::Ministack => install::AWS,
            ThirdParty::LambdaPython => install::LAMBDA_PYTHON,
            ThirdParty::LambdaNode => install::LAMBDA_NODE,
        }
    }

    /// A path that is answered once the server is ready.
    fn probe(self) -> &'static str {
        match self {
            ThirdParty::Scim2Server
            | ThirdParty::Scim2ServerWith(_)
            | ThirdParty::Scimmy
            | ThirdParty::DjangoScim2 => "/Users?count=1",
            ThirdParty::Prism => "/no-such-path",
            ThirdParty::Aws | ThirdParty::Ministack => "/_ministack/health",
            ThirdParty::LambdaPython | ThirdParty::LambdaNode => "/",
        }
    }

    /// Whether this answer to the probe can be the server's only.
    fn is_ready(self, status: u16, body: &str) -> bool {
        match self {
            ThirdParty::Scim2Server
            | ThirdParty::Scim2ServerWith(_)
            | ThirdParty::Scimmy
            | ThirdParty::DjangoScim2
            | ThirdParty::Ministack
            | ThirdParty::LambdaPython
            | ThirdParty::LambdaNode => (200..300).contains(&status),
            ThirdParty::Prism => body.contains(PRISM_ERROR),
            ThirdParty::Aws => status == 200 && body.contains("cloudformation"),
        }
    }

    /// The command that serves, run inside `folder`; `scratch` is for its data.
    fn command(
        self,
        folder: &Path,
        scratch: &Path,
        port: u16,
        token: &str,
        upstream: &str,
    ) -> process::Launch {
        let (port, host) = (port.to_string(), "127.0.0.1");
        let program = |path: &str| folder.join(path).display().to_string();
        let scim2_server = || {
            vec![
                program("venv/bin/scim2-server"),
                "--hostname".to_owned(),
                host.to_owned(),
                "--port".to_owned(),
                port.clone(),
                "--bearer-token".to_owned(),
                token.to_owned(),
            ]
        };
        let words = match self {
            ThirdParty::Scim2Server => scim2_server(),
            ThirdParty::Scim2ServerWith(variant) => {
                let config = variant.config().display().to_string();
                let mut words = scim2_server();
                words.extend(["--service-provider-config".to_owned(), config]);
                words
            }
            ThirdParty::Scimmy => vec!["node".to_owned(), program("server.mjs")],
            ThirdParty::DjangoScim2 => vec![
                program("venv/bin/gunicorn"),
                "--bind".to_owned(),
                format!("{host}:{port}"),
                "--threads".to_owned(),
                "4".to_owned(),
                "host.wsgi:application".to_owned(),
            ],
            ThirdParty::Prism => vec![
                program("node_modules/.bin/prism"),
                "proxy".to_owned(),
                "--errors".to_owned(),
                "--host".to_owned(),
                host.to_owned(),
                "--port".to_owned(),
                port.clone(),
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("fixtures/graph/graph-subset.yaml")
                    .display()
                    .to_string(),
                upstream.to_owned(),
            ],
            ThirdParty::Aws => vec![program("venv/bin/ministack")],
            ThirdParty::Ministack => vec![program("venv/bin/python"), program("server.py")],
            ThirdParty::LambdaPython => vec![
                program("venv/bin/python"),
                "-m".to_owned(),
                "awslambdaric".to_owned(),
                "handler.handler".to_owned(),
            ],
            ThirdParty::LambdaNode => vec!["node".to_owned(), program("bootstrap.mjs")],
        };
        let clock = scratch.join(CLOCK).display().to_string();
        let database = scratch.join(install::DATABASE).display().to_string();
        let mut environment = vec![
            ("GATEWAY_PORT", port.clone()),
            ("PORT", port.clone()),
            ("BIND_HOST", host.to_owned()),
            ("CLOCK", clock),
            ("TOKEN", token.to_owned()),
            ("DATABASE", database),
            ("DJANGO_SETTINGS_MODULE", "host.settings".to_owned()),
            ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
            ("SCARF_ANALYTICS", "false".to_owned()),
        ];
        if self == ThirdParty::Aws {
            environment.extend([
                ("AUTH", "true".to_owned()),
                // Functions inherit it; it is how they find the emulator.
                ("AWS_ENDPOINT_URL", format!("http://{host}:{port}")),
                ("TMPDIR", scratch.display().to_string()),
            ]);
        }
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

    /// Where the server's own files are.
    pub(crate) fn folder(&self) -> &Path {
        self.server.scratch()
    }

    /// What Prism has said against requests and answers so far.
    pub async fn breaches(&self) -> Result<Vec<String>, ThirdPartyError> {
        process::breaches(&self.server, &self.base_url).await
    }

    /// Ends the server now rather than when it is dropped.
    pub fn stop(self) {
        drop(self);
    }
}
