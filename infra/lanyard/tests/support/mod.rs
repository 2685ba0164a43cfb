//! What the tests of the real program share: a folder, a SCIM server, the service, signed posts.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use lanyard::client::Client;
use lanyard::company::sign;
use ports::Clock as _;
use scim_target::{Options, ScimTarget};
use serde_json::{Value, json};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const TOKEN: &str = "a-token-of-this-test";

/// A folder of its own for one test, gone when the test is over.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::remove_dir_all(&path).ok();
        std::fs::create_dir_all(&path).expect("a folder");
        Self(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

/// A running `lanyard local`.
pub struct Service {
    child: Child,
    /// Where it listens.
    pub url: String,
}

impl Service {
    /// With the policy of the folder.
    pub fn start(folder: &Folder) -> Self {
        Self::start_with(folder, Some(&folder.join("policy")))
    }

    /// With a policy folder, or with whatever is published.
    pub fn start_with(folder: &Folder, policy: Option<&Path>) -> Self {
        let mut command = lanyard();
        command.args(["local", "--json", "--listen", "127.0.0.1:0"]);
        if let Some(policy) = policy {
            command.arg("--policy").arg(policy);
        }
        let mut child = command
            .arg("--data")
            .arg(folder.join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("standard output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).expect("the line is JSON");
        let url = ready["listening"]
            .as_str()
            .expect("where it listens")
            .to_owned();
        Self { child, url }
    }

    pub async fn post(&self, id: &str, body: &Value) -> u16 {
        let body = body.to_string();
        let now = lanyard::stack::SystemClock.now();
        let signed = sign(SECRET, id, now, body.as_bytes()).expect("a signature");
        let mut headers = vec![("content-type", "application/json")];
        headers.extend(signed.iter().map(|(name, value)| (*name, value.as_str())));
        let mut client = Client::new(&self.url, Duration::from_secs(10)).expect("a client");
        let answer = client
            .send("POST", "/hr/hr", &headers, body)
            .await
            .expect("an answer");
        answer.status.as_u16()
    }

    /// As `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        self.child.wait().expect("it ends");
    }

    /// As Ctrl-C does; gives the exit code.
    pub fn interrupt(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .expect("kill runs");
        assert!(sent.success());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Service {
    /// A test that fails leaves nobody behind who follows what is published in the next one's folder.
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The program, with the secrets of the tests.
pub fn lanyard() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard"));
    command
        .env("LANYARD_SECRET_HR_SIGNING", SECRET)
        .env("LANYARD_SECRET_DIRECTORY_TOKEN", TOKEN);
    command
}

/// Runs a command over a data folder; gives its exit code and its JSON.
pub fn run(args: &[&str], data: &Path) -> (Option<i32>, Value) {
    let Output {
        status,
        stdout,
        stderr,
    } = lanyard()
        .args(args)
        .arg("--data")
        .arg(data)
        .arg("--json")
        .output()
        .expect("the program runs");
    let text = String::from_utf8_lossy(&stdout);
    let value = serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("no JSON: {text} {}", String::from_utf8_lossy(&stderr)));
    (status.code(), value)
}

/// A SCIM server, and the minimal policy with its address.
pub async fn target(folder: &Folder) -> ScimTarget {
    let options = Options {
        token: TOKEN.to_owned(),
        ..Options::default()
    };
    let target = ScimTarget::start(options).await.expect("a target");
    target.add_group("staff").expect("a group");
    target.add_group("Engineers").expect("a group");
    let minimal = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-minimal/policy.toml");
    let text = std::fs::read_to_string(minimal).expect("the minimal policy");
    let text = text.replace("http://127.0.0.1:8088/scim/v2", target.base_url());
    assert!(text.contains(target.base_url()));
    std::fs::create_dir_all(folder.join("policy")).expect("a folder");
    std::fs::write(folder.join("policy/policy.toml"), text).expect("a policy");
    target
}

/// A worker record as HR posts it.
pub fn worker(id: &str, family: &str, more: &Value) -> Value {
    let mut attributes = json!({
        "given_name": "Zoë",
        "family_name": family,
        "department": "Engineering",
        "employment_type": "employee",
        "worker_status": "active",
        "start_date": "2020-01-01",
    });
    for (name, value) in more.as_object().expect("attributes") {
        attributes[name] = value.clone();
    }
    json!({
        "schema": "lanyard.worker.v1",
        "type": "worker.changed",
        "worker_id": id,
        "recorded_at": lanyard::stack::SystemClock.now().to_string(),
        "attributes": attributes,
    })
}
