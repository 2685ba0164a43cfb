//! `lanyard probe` as a stranger runs it: the real program against a SCIM server.

#![expect(
    clippy::expect_used,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use scim_target::{Fault, FaultKind, Options, ScimTarget};
use serde_json::{Value, json};

const TOKEN: &str = "a-token-of-this-test";

/// A policy with one target, which is running, and where its profile goes.
struct Place {
    folder: PathBuf,
    target: ScimTarget,
    before: String,
}

impl Place {
    async fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::remove_dir_all(&folder).ok();
        std::fs::create_dir_all(&folder).expect("a folder");
        let options = Options {
            token: TOKEN.to_owned(),
            ..Options::default()
        };
        let target = ScimTarget::start(options).await.expect("a target");
        target.add_group("staff").expect("a group");
        let person = json!({"userName": "zoe.quill", "externalId": "e1"});
        target.insert_user(person).expect("a user");
        let minimal = Path::new(env!("CARGO_MANIFEST_DIR")).join("../policy-minimal/policy.toml");
        let text = std::fs::read_to_string(minimal).expect("the minimal policy");
        let text = text.replace("http://127.0.0.1:8088/scim/v2", target.base_url());
        std::fs::write(folder.join("policy.toml"), text).expect("a policy");
        let before = target.digest();
        Self {
            folder,
            target,
            before,
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.join("profile-directory.toml")
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lanyard"));
        command
            .args(["probe", "--target", "directory", "--policy"])
            .arg(&self.folder)
            .args(more)
            .env("LANYARD_SECRET_DIRECTORY_TOKEN", TOKEN);
        command
    }

    fn run(&self, more: &[&str]) -> (Option<i32>, String, String) {
        said(&self.command(more).output().expect("the program runs"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_a_profile_and_leaves_the_target_as_it_was() {
    let place = Place::new("probe-writes").await;
    let (code, out, err) = place.run(&[]);
    assert_eq!(code, Some(0), "{out}{err}");
    for part in [
        "find_by",
        "not found out",
        "To use it",
        "profile = \"directory\"",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    assert!(err.contains("lanyard-probe-"), "{err}");
    assert_eq!(place.target.digest(), place.before);
    let text = std::fs::read_to_string(place.file()).expect("the profile");
    assert!(
        text.contains("[profiles.directory]\nbase = \"rfc\"\n"),
        "{text}"
    );
    assert!(text.contains("\netag = true\n"), "{text}");
    assert!(!text.contains("patch ="), "{text}");
    assert!(!out.contains(TOKEN) && !text.contains("zoe"), "{out}{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn does_not_overwrite_and_sends_nothing_first() {
    let place = Place::new("probe-overwrites").await;
    let out = place.folder.join("kept.txt");
    std::fs::write(&out, "mine").expect("a file");
    let out = out.display().to_string();
    let (code, _, err) = place.run(&["--out", &out]);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("--force"), "{err}");
    assert_eq!(place.target.log().len(), 0);
    assert_eq!(std::fs::read_to_string(&out).expect("the file"), "mine");

    let (code, text, err) = place.run(&["--out", &out, "--force", "--json"]);
    assert_eq!(code, Some(0), "{text}{err}");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["profile"]["etag"], true);
    assert_eq!(report["file"], out.as_str());
    assert_eq!(report["left"], json!([]));
    assert!(
        report["requests"].as_u64().is_some_and(|n| n <= 140),
        "{report}"
    );
    assert_ne!(std::fs::read_to_string(&out).expect("the file"), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupt_clears_up() {
    let place = Place::new("probe-interrupted").await;
    place
        .target
        .faults()
        .add(Fault::HangBeforeCommit.once().after(60));
    let mut child = place
        .command(&["--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program starts");
    let hangs = async {
        let mut look = tokio::time::interval(Duration::from_millis(20));
        while place.target.faults().fired(FaultKind::HangBeforeCommit) == 0 {
            look.tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), hangs)
        .await
        .expect("it gets that far");
    assert_ne!(place.target.digest(), place.before);
    let pid = child.id().to_string();
    let sent = Command::new("kill")
        .args(["-INT", &pid])
        .status()
        .expect("kill runs");
    assert!(sent.success());
    let status = child.wait().expect("it ends");
    assert_eq!(status.code(), Some(1));
    let text = std::io::read_to_string(child.stdout.take().expect("output")).expect("text");
    let report: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
    assert_eq!(report["stopped"], "interrupted");
    assert_eq!(report["left"], json!([]));
    assert_eq!(report["file"], Value::Null);
    assert_eq!(place.target.digest(), place.before);
    assert!(!place.file().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_removed_is_listed() {
    let place = Place::new("probe-left").await;
    place.target.faults().add(Fault::SoftDelete);
    let (code, out, err) = place.run(&[]);
    assert_eq!(code, Some(1), "{out}{err}");
    for user in place.target.users().into_iter().skip(1) {
        assert!(out.contains(&user.id), "{out}");
    }
    assert!(out.contains("left behind"), "{out}");
    let text = std::fs::read_to_string(place.file()).expect("the profile");
    assert!(text.contains("delete = \"deactivates\""), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn says_what_is_missing() {
    let place = Place::new("probe-missing").await;
    for (more, part) in [
        (vec!["--domain", "nowhere"], "no mail domain"),
        (vec!["--attribute", "active=true"], "not for mappings"),
        (vec!["--out", "/no/such/folder/x.toml"], "does not exist"),
    ] {
        let (code, _, err) = place.run(&more);
        assert_eq!(code, Some(3), "{err}");
        assert!(err.contains(part), "{err}");
    }
    let unknown = Command::new(env!("CARGO_BIN_EXE_lanyard"))
        .args(["probe", "--target", "wiki", "--policy"])
        .arg(&place.folder)
        .output();
    let (code, _, err) = said(&unknown.expect("the program runs"));
    assert_eq!(code, Some(3));
    assert!(
        err.contains("`wiki`") && err.contains("`directory`"),
        "{err}"
    );
    let no_secret = place
        .command(&[])
        .env_remove("LANYARD_SECRET_DIRECTORY_TOKEN")
        .output();
    let (code, _, err) = said(&no_secret.expect("the program runs"));
    assert_eq!(code, Some(3));
    assert!(err.contains("LANYARD_SECRET_DIRECTORY_TOKEN"), "{err}");
    assert!(!err.contains("SIGNING"), "{err}");
    assert_eq!(place.target.log().len(), 0);
}
