//! Starts a server in a process group of its own, waits until it answers, and ends the whole group.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use super::install::{DATABASE, remove, root, tail};
use super::{CLOCK, PRISM_ERROR, Running, ThirdParty, ThirdPartyError};

/// Another process may take the free port before the server does.
const ATTEMPTS: usize = 3;

/// 600 times 100 ms: a minute, for a machine that is busy with other tests.
const POLLS: usize = 600;
const BETWEEN_POLLS: Duration = Duration::from_millis(100);

/// Becomes the server, after leaving a guard behind that ends the group when the tests are gone: they hold the other
/// end of its standard input, so that not even a killed test process leaves a server.
const GUARDED: &str = r#"
exec 3<&0
(cat <&3 >/dev/null 2>&1; kill -KILL 0) &
exec 3<&-
exec "$@" </dev/null
"#;

/// A command line and its environment.
#[derive(Debug)]
pub(super) struct Launch {
    pub(super) words: Vec<String>,
    pub(super) environment: Vec<(&'static str, String)>,
}

/// A process group and the folder with its files. Both go when it is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    scratch: PathBuf,
}

pub(super) async fn start(
    server: ThirdParty,
    folder: &Path,
    upstream: &str,
) -> Result<Running, ThirdPartyError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match attempt(server, folder, upstream).await {
            Ok(running) => return Ok(running),
            Err(error @ ThirdPartyError::Start { .. }) => last = Some(error),
            Err(error @ (ThirdPartyError::Install { .. } | ThirdPartyError::Io { .. })) => {
                return Err(error);
            }
        }
    }
    Err(last.unwrap_or_else(|| server.io("start", io::Error::other("no attempt was made"))))
}

async fn attempt(
    server: ThirdParty,
    folder: &Path,
    upstream: &str,
) -> Result<Running, ThirdPartyError> {
    static STARTED: AtomicU64 = AtomicU64::new(0);
    let name = format!(
        "{}-{}-{}",
        server.name(),
        process::id(),
        STARTED.fetch_add(1, Ordering::Relaxed)
    );
    let port = free_port().map_err(|e| server.io("find a free port", e))?;
    let token = format!("token-{name}");
    let scratch = prepare(folder, &name).map_err(|e| server.io("prepare its files", e))?;
    let launch = server.command(folder, &scratch, port, &token, upstream);
    let log = scratch.join("log");
    let process = spawn(folder, &launch, &log).map_err(|e| server.io("spawn a process", e))?;
    let mut process = Server {
        child: process,
        scratch,
    };
    let base_url = format!("http://127.0.0.1:{port}{}", server.base_path());
    match wait(server, &mut process.child, &base_url, &token).await {
        Ok(()) => Ok(Running {
            base_url,
            token,
            server: process,
        }),
        Err(reason) => {
            let log = fs::read_to_string(&log).unwrap_or_default();
            Err(ThirdPartyError::Start {
                server,
                reason,
                log: tail(&log),
            })
        }
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
        .local_addr()?
        .port())
}

fn prepare(folder: &Path, name: &str) -> io::Result<PathBuf> {
    let scratch = root().join("run").join(name);
    remove(&scratch)?;
    fs::create_dir_all(&scratch)?;
    // An hour that tests can tell; those who need another set it.
    fs::write(scratch.join(CLOCK), 1_767_225_600_f64.to_le_bytes())?;
    let database = folder.join(DATABASE);
    if database.exists() {
        fs::copy(database, scratch.join(DATABASE))?;
    }
    scratch.canonicalize()
}

fn spawn(folder: &Path, launch: &Launch, log: &Path) -> io::Result<Child> {
    let log = File::create(log)?;
    Command::new("sh")
        .args(["-c", GUARDED, "sh"])
        .args(&launch.words)
        .envs(launch.environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
}

/// Waits until the server knows the token: something else that took the port would not.
async fn wait(
    server: ThirdParty,
    child: &mut Child,
    base_url: &str,
    token: &str,
) -> Result<(), String> {
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(5))
        .build()
        .map_err(|e| e.to_string())?;
    let mut last = String::new();
    for _ in 0..POLLS {
        if let Some(status) = child.try_wait().map_err(|e| e.to_string())? {
            return Err(format!("it ended: {status}"));
        }
        let request = client
            .get(format!("{base_url}{}", server.probe()))
            .bearer_auth(token);
        last = match request.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                let body = response.text().await.unwrap_or_default();
                if server.is_ready(status, &body) {
                    return Ok(());
                }
                format!("it answers {status}")
            }
            Err(error) => error.to_string(),
        };
        pause().await;
    }
    Err(format!("it was not ready in time: {last}"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a process that is not ours has no other sign"
)]
pub(super) async fn pause() {
    tokio::time::sleep(BETWEEN_POLLS).await;
}

/// What Prism lets pass with a warning: a status that the description does not have.
const UNKNOWN_STATUS: &str = "Unable to match the returned status code";

/// The lines of Prism's log that tell of a breach. It writes them behind its answers, so that it is
/// asked for a path that it does not have, and the log is read until that shows.
pub(super) async fn breaches(
    prism: &Server,
    base_url: &str,
) -> Result<Vec<String>, ThirdPartyError> {
    static ASKED: AtomicU64 = AtomicU64::new(0);
    let server = ThirdParty::Prism;
    let last = format!("/the-end-{}", ASKED.fetch_add(1, Ordering::Relaxed));
    let answer = reqwest::get(format!("{base_url}{last}")).await;
    answer.map_err(|e| server.io("ask for the end of its log", io::Error::other(e)))?;
    for _ in 0..POLLS {
        let log = fs::read_to_string(prism.scratch.join("log"));
        let log = log.map_err(|e| server.io("read its log", e))?;
        // The description knows no other status of a batch than 200; Graph answers 401, too.
        let told = |line: &&str| {
            let breach = line.contains(PRISM_ERROR) || line.contains("iolation");
            breach && !line.contains(UNKNOWN_STATUS)
        };
        let lines: Vec<&str> = log.lines().filter(told).collect();
        if lines.iter().any(|line| line.contains(&last)) {
            let ours = |line: &&&str| !line.contains("/the-end-") && !line.contains(server.probe());
            return Ok(lines
                .iter()
                .filter(ours)
                .map(|&line| line.to_owned())
                .collect());
        }
        pause().await;
    }
    Err(server.io("find the end of its log", io::ErrorKind::TimedOut.into()))
}

impl Server {
    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The servers keep nothing worth a goodbye, and a kill cannot be ignored.
        let group = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(group) = group {
            kill_process_group(group, Signal::KILL).ok();
        }
        self.child.kill().ok();
        self.child.wait().ok();
        remove(&self.scratch).ok();
    }
}
