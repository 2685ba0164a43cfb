//! The functions' binaries, built when they are first asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

/// The binary of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binary {
    /// From posts to facts.
    HrWebhook,
    /// From facts to decisions.
    Planner,
    /// From decisions to accounts.
    Connector,
    /// Whoever is due.
    Clock,
    /// Observation and report.
    Reconciler,
}

/// How a binary is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// As the tests are.
    Dev,
    /// As it is deployed: for release, with infra/functions.toml.
    Release,
}

impl Binary {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::HrWebhook,
        Self::Planner,
        Self::Connector,
        Self::Clock,
        Self::Reconciler,
    ];

    /// The package that it belongs to.
    pub const fn package(self) -> &'static str {
        match self {
            Self::HrWebhook => "hr-webhook",
            Self::Planner => "planner",
            Self::Connector => "connectors",
            Self::Clock => "clock",
            Self::Reconciler => "reconciler",
        }
    }

    /// Where it lies. Development binaries are built together, with the whole workspace's features,
    /// so that nearly all of it is compiled already; one for release alone, with the features of the
    /// five functions, because linking it takes its time.
    pub fn path(self, profile: Profile) -> PathBuf {
        static RELEASE: Mutex<BTreeMap<Binary, PathBuf>> = Mutex::new(BTreeMap::new());
        let name = self.to_string();
        match profile {
            Profile::Dev => development()[&name].clone(),
            Profile::Release => {
                let mut built = RELEASE.lock().unwrap_or_else(PoisonError::into_inner);
                let path = || release(self)[&name].clone();
                built.entry(self).or_insert_with(path).clone()
            }
        }
    }
}

/// With infra/functions.toml, as `sam build` does.
const DEPLOYED: [&str; 3] = ["--release", "--config", "infra/functions.toml"];

fn release(binary: Binary) -> BTreeMap<String, PathBuf> {
    let packages = Binary::ALL.map(Binary::package);
    let packages = packages.iter().flat_map(|package| ["--package", package]);
    let more: Vec<&str> = DEPLOYED.into_iter().chain(packages).collect();
    build(&[binary], &more)
}

/// The least that a function can be, built as functions are deployed: a floor for benchmarks.
pub fn lean_function() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let more: Vec<&str> = DEPLOYED.into_iter().chain(["--package", LEAN]).collect();
        cargo_build(&more)[LEAN].clone()
    };
    BUILT.get_or_init(build).clone()
}

const LEAN: &str = "lean-function";

impl fmt::Display for Binary {
    /// The binary's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connector => "connector",
            Self::HrWebhook | Self::Planner | Self::Clock | Self::Reconciler => self.package(),
        })
    }
}

/// Where the operator's command line lies, built as the tests are.
pub fn operators_program() -> PathBuf {
    development()[OPERATORS].clone()
}

/// The operator's command line.
const OPERATORS: &str = "lanyard";

/// Everything at once: what the programs have in common is compiled once.
fn development() -> &'static BTreeMap<String, PathBuf> {
    static BUILT: OnceLock<BTreeMap<String, PathBuf>> = OnceLock::new();
    BUILT.get_or_init(|| build(&Binary::ALL, &["--workspace", "--bin", OPERATORS]))
}

fn build(binaries: &[Binary], more: &[&str]) -> BTreeMap<String, PathBuf> {
    let names = binaries.iter().map(Binary::to_string);
    let bins = names.flat_map(|name| ["--bin".to_owned(), name]);
    let packages = Binary::ALL.map(Binary::package);
    let features = packages.iter().map(|package| format!("{package}/lambda"));
    let features = features.flat_map(|feature| ["--features".to_owned(), feature]);
    let all: Vec<String> = bins.chain(features).collect();
    let all: Vec<&str> = more
        .iter()
        .copied()
        .chain(all.iter().map(String::as_str))
        .collect();
    cargo_build(&all)
}

/// Builds, and tells where cargo put each binary. A test of another package has no other way to know.
fn cargo_build(arguments: &[&str]) -> BTreeMap<String, PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--message-format=json-render-diagnostics"])
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "the binaries do not build");
    let messages = String::from_utf8(output.stdout).expect("cargo speaks UTF-8");
    let messages = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    messages
        .filter_map(|message| {
            let path = message["executable"].as_str()?;
            let name = message["target"]["name"].as_str()?;
            Some((name.to_owned(), PathBuf::from(path)))
        })
        .collect()
}
