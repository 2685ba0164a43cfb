//! `lanyard plan`, `diff`, `explain`, `why-not` and `publish` as an engineer runs them: the real
//! program over a stack that runs, one that rests, and an exported file.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod support;

use std::path::{Path, PathBuf};
use std::time::Duration;

use scim_target::ScimTarget;
use serde_json::{Value, json};
use support::{Folder, Service, lanyard, run, target, worker};

/// A company of three on a running stack, with one policy per file name beside that of the stack.
struct Company {
    folder: Folder,
    target: ScimTarget,
    data: PathBuf,
}

impl Company {
    async fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let target = target(&folder).await;
        let data = folder.join("data");
        Self {
            folder,
            target,
            data,
        }
    }

    /// A copy of the policy in which a text is another one.
    fn policy(&self, name: &str, from: &str, to: &str) -> String {
        let text = std::fs::read_to_string(self.folder.join("policy/policy.toml"));
        let text = text.expect("the policy");
        assert!(text.contains(from), "`{from}` is in the policy");
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("policy.toml"), text.replace(from, to)).expect("a policy");
        folder.display().to_string()
    }

    /// Engineers get nothing of their own any more.
    fn without_engineers(&self) -> String {
        let given = "roles = [\"engineering\"]";
        self.policy("narrow", given, "roles = [\"base\"]")
    }

    async fn hire(&self, service: &Service) {
        // A name that wants to be more than a name.
        let bold = json!({ "preferred_family_name": "<img src=x>|`@all\u{202e}" });
        for (id, family, more) in [("E1", "Quill", json!({})), ("E2", "Ferro", bold)] {
            let posted = worker(id, family, &more);
            assert_eq!(service.post(&format!("msg_{id}"), &posted).await, 202);
        }
        let other = worker("E3", "Baum", &json!({ "department": "Sales" }));
        assert_eq!(service.post("msg_E3", &other).await, 202);
        self.rest();
    }

    fn rest(&self) {
        let (code, status) = run(&["status", "--wait-idle", "60"], &self.data);
        assert_eq!((code, &status["idle"]), (Some(0), &json!(true)));
    }

    fn groups(&self, user: &str) -> Vec<String> {
        let account = self.target.user_by_user_name(user).expect("an account");
        account.groups
    }

    /// Waits until new work begins under a version, and nothing is under way.
    async fn follows(&self, version: &str) {
        let there = self
            .status(|status| status["policy"] == json!(version) && status["idle"] == json!(true));
        there.await;
    }

    /// Asks until something is so.
    async fn status(&self, is_so: impl Fn(&Value) -> bool) -> Value {
        let mut look = tokio::time::interval(Duration::from_millis(500));
        let asked = tokio::time::timeout(Duration::from_mins(2), async {
            loop {
                look.tick().await;
                let (_, status) = run(&["status"], &self.data);
                if is_so(&status) {
                    return status;
                }
            }
        });
        asked.await.expect("it becomes so in time")
    }
}

fn text(args: &[&str], data: &Path) -> (Option<i32>, String) {
    let output = lanyard()
        .args(args)
        .arg("--data")
        .arg(data)
        .output()
        .expect("the program runs");
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code(), text)
}

/// What is the same, whenever and from wherever it is asked.
fn essence(diff: &Value) -> Value {
    let mut diff = diff.clone();
    diff["summary"]["at"] = Value::Null;
    diff
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_policy_is_seen_alike_running_resting_and_exported() {
    let company = Company::new("preview").await;
    let service = Service::start(&company.folder);
    company.hire(&service).await;
    let writes = company.target.calls().writes();
    let narrow = company.without_engineers();
    let data = &company.data;

    // Nothing is to be done, and the next look would do nothing.
    let (code, plans) = run(&["plan", "--all"], data);
    assert_eq!((code, &plans["people"]), (Some(0), &json!(3)));
    assert_eq!(plans["plans"], json!([]));
    let (_, plans) = run(&["plan", "--all", "--policy", &narrow], data);
    assert_eq!(plans["plans"].as_array().map(Vec::len), Some(2));
    let (_, plan) = run(&["plan", "--person", "E1", "--policy", &narrow], data);
    let step = &plan["plans"][0]["targets"]["directory"]["steps"][0];
    assert_eq!(step["op"], "revoke");
    assert_eq!(step["entitlement"], "engineers");
    assert_eq!(step["because"]["not_given"][0]["obstacle"], "not_listed");

    let (code, running) = run(&["diff", "--to", &narrow], data);
    assert_eq!(code, Some(0));
    let summary = &running["summary"];
    assert_eq!(
        (&summary["people"], &summary["affected"]),
        (&json!(3), &json!(2))
    );
    assert_eq!(
        (&summary["losing"], &summary["gaining"]),
        (&json!(2), &json!(0))
    );
    let delta = &running["people"][0]["deltas"][0];
    assert_eq!(
        (&delta["effect"], &delta["entitlement"]),
        (&json!("lose"), &json!("engineers"))
    );
    assert_eq!(
        delta["was_because"]["given"][0]["cause"]["rule"],
        json!({ "rule": "engineering", "role": "engineering" })
    );
    let file = company.folder.join("state.jsonl");
    let exported = file.display().to_string();
    let (code, written) = run(&["export", "--out", &exported], data);
    assert_eq!((code, &written["identities"]), (Some(0), &json!(3)));
    assert_eq!(service.interrupt(), Some(0));

    let (_, resting) = run(&["diff", "--to", &narrow], data);
    let (_, from_file) = run(&["diff", "--to", &narrow, "--state", &exported], data);
    assert_eq!(essence(&resting), essence(&running));
    assert_eq!(essence(&from_file), essence(&running));
    let (_, plan_from_file) = run(
        &[
            "plan", "--person", "E1", "--policy", &narrow, "--state", &exported,
        ],
        data,
    );
    assert_eq!(plan_from_file["plans"][0]["plan"], plan["plans"][0]["plan"]);

    // For people: names, rule, both reasons; no name in any file's name.
    let (_, shown) = text(&["diff", "--to", &narrow], data);
    for part in [
        "2 of 3 people are affected",
        "loses engineers on directory (rule engineering): 2",
        "Zoë Quill (hr E1)",
        "before: rule `engineering` gives role `engineering`",
        "after:  rule `engineering` does not give it",
    ] {
        assert!(shown.contains(part), "`{part}` in\n{shown}");
    }
    let (_, shown) = text(&["diff", "--to", &narrow, "--format", "markdown"], data);
    assert!(shown.contains("| Zoë Quill &#40;hr E1&#41; |"), "{shown}");
    let html = company.folder.join("diff.html");
    let html_path = html.display().to_string();
    let (code, _) = text(
        &[
            "diff", "--to", &narrow, "--format", "html", "--out", &html_path,
        ],
        data,
    );
    assert_eq!(code, Some(0));
    let page = std::fs::read_to_string(html).expect("a page");
    assert!(page.contains("<bdi>Zoë Quill (hr E1)</bdi>"));
    assert!(page.contains("&#60;img src=x&#62;|`@all\u{fffd}"), "{page}");
    assert!(!page.contains("<img") && !shown.contains("<img") && !shown.contains("@all"));
    assert!(!page.contains("://"), "nothing is fetched");
    assert_eq!(
        company.target.calls().writes(),
        writes,
        "a preview writes nothing"
    );
    company.target.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_default_role_that_grows_is_told_with_how_many_it_is_new_for() {
    let company = Company::new("growth").await;
    let service = Service::start(&company.folder);
    company.hire(&service).await;
    let data = &company.data;
    assert_eq!(service.interrupt(), Some(0));
    // What everybody gets is told apart: two of three have it already.
    let more = company.policy(
        "more",
        "[roles.base]\nentitlements = [\"staff\"]",
        "[roles.base]\nentitlements = [\"staff\", \"engineers\"]",
    );
    let (_, wide) = run(&["diff", "--to", &more], data);
    let grown = &wide["summary"]["default_roles"][0];
    assert_eq!(
        (&grown["role"], &grown["rule"]),
        (&json!("base"), &json!("everybody"))
    );
    assert_eq!(grown["people"], json!([["engineers", 1]]));
    let says = "role base, which everybody gets by rule everybody, gives engineers (new for 1) now";
    for format in ["text", "markdown", "html"] {
        let out = company.folder.join("more.out").display().to_string();
        let (code, _) = text(
            &["diff", "--to", &more, "--format", format, "--out", &out],
            data,
        );
        assert_eq!(code, Some(0));
        let page = std::fs::read_to_string(&out).expect("a page");
        assert!(page.contains("Default roles that grow"), "{page}");
        let says = says.replace('(', "&#40;").replace(')', "&#41;");
        let as_text = page.replace('(', "&#40;").replace(')', "&#41;");
        assert!(as_text.contains(&says), "{page}");
    }
    company.target.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_is_explained_from_the_fact_to_the_target() {
    let company = Company::new("explain").await;
    let service = Service::start(&company.folder);
    company.hire(&service).await;
    let data = &company.data;
    let (code, told) = run(&["explain", "E1", "engineers"], data);
    assert_eq!(code, Some(0));
    let link = &told["entitlements"][0];
    assert_eq!(link["reasons"][0]["cause"]["rule"]["rule"], "engineering");
    let condition = &link["rules"][0]["conditions"][0];
    assert_eq!(condition["value"], "Engineering");
    assert_eq!(link["facts"][0]["attr"], "department");
    assert_eq!(link["facts"][0]["source"], "hr");
    assert_eq!(
        (&link["answer"]["holds"], &link["change"]),
        (&json!(true), &Value::Null)
    );
    assert!(link["answer"]["at"].is_string() && link["answer"]["outcome"].is_string());

    let identity = told["identity"].as_str().expect("an id");
    let (_, by_id) = run(&["explain", identity, "engineers"], data);
    assert_eq!(by_id["entitlements"], told["entitlements"]);

    let (code, told) = text(&["why-not", "E3", "engineers"], data);
    assert_eq!(code, Some(0));
    for part in [
        "engineers on directory: not wanted",
        "rule `engineering` does not give it",
        "NO  `department` is one of `Engineering`: it is `Sales`\n",
        "fact: `department` was stated by hr in event ",
    ] {
        assert!(told.contains(part), "`{part}` in\n{told}");
    }
    let (_, before) = run(
        &["explain", "E1", "engineers", "--at", "2019-01-01T00:00:00Z"],
        data,
    );
    assert_eq!(
        (&before["state"], &before["entitlements"][0]["reasons"]),
        (&json!("prehire"), &json!([]))
    );
    assert_eq!(
        before["entitlements"][0]["obstacles"],
        json!([{ "obstacle": "person", "state": "prehire" }])
    );
    for args in [
        &["explain", "E9"][..],
        &["explain", "E1", "no-such"],
        &["why-not", "E1", "engineers", "--source", "other"],
        &["plan", "--person", "E1", "--policy", "no-such-version"],
        &["diff", "--to", "no-such-version"],
    ] {
        let (code, said) = text(args, data);
        assert_eq!(code, Some(3), "{args:?}: {said}");
        assert!(said.starts_with("error: "), "{said}");
    }
    assert_eq!(service.interrupt(), Some(0));
    company.target.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_published_only_as_it_was_compared_and_comes_back_as_it_was() {
    let company = Company::new("publish").await;
    let data = &company.data;
    let base = company.folder.join("policy").display().to_string();
    let (code, first) = run(&["publish", "--policy", &base], data);
    assert_eq!((code, &first["outcome"]), (Some(0), &json!("published")));
    let old = first["active"]["version"]
        .as_str()
        .expect("a version")
        .to_owned();
    let service = Service::start_with(&company.folder, None);
    company.hire(&service).await;
    assert_eq!(company.groups("zoe.quill"), ["staff", "Engineers"]);

    let narrow = company.without_engineers();
    let (code, refused) = run(&["publish", "--policy", &narrow], data);
    assert_eq!((code, &refused["outcome"]), (Some(1), &json!("refused")));
    let compare = || {
        let (code, diff) = run(&["diff", "--to", &narrow, "--save"], data);
        assert_eq!(code, Some(0));
        diff["saved"].as_str().expect("a hash").to_owned()
    };
    let publish =
        |policy: &str, hash: &str| run(&["publish", "--policy", policy, "--diff", hash], data);
    let stale = compare();
    // Of other versions than these.
    let other = company.policy("other", "[\"staff\"]", "[\"staff\", \"engineers\"]");
    let (code, refused) = publish(&other, &stale);
    assert_eq!((code, &refused["outcome"]), (Some(1), &json!("refused")));
    let (code, refused) = publish(&narrow, &"0".repeat(64));
    assert_eq!((code, &refused["outcome"]), (Some(1), &json!("refused")));
    // Somebody came to engineering since, and would lose what the comparison does not show.
    let moved = worker("E3", "Baum", &json!({}));
    assert_eq!(service.post("msg_moved", &moved).await, 202);
    company.rest();
    let (code, refused) = publish(&narrow, &stale);
    assert_eq!((code, &refused["outcome"]), (Some(1), &json!("refused")));
    assert!(
        refused["why"]
            .as_str()
            .is_some_and(|why| why.contains("changed since"))
    );
    assert_eq!(
        company.groups("zoe.quill"),
        ["staff", "Engineers"],
        "nothing went live"
    );

    let (code, published) = publish(&narrow, &compare());
    assert_eq!(
        (code, &published["outcome"]),
        (Some(0), &json!("published"))
    );
    let new = published["active"]["version"]
        .as_str()
        .expect("a version")
        .to_owned();
    company.follows(&new).await;
    for user in ["zoe.quill", "zoe.ferro", "zoe.baum"] {
        assert_eq!(company.groups(user), ["staff"], "{user}");
    }
    let (_, told) = run(&["explain", "E1", "engineers"], data);
    assert_eq!(told["policy"], json!(new));
    assert_eq!(told["decided"]["policy"], json!(new));

    // Back: the same accounts as before, and nothing more to do.
    let (code, back) = run(&["publish", "--rollback"], data);
    assert_eq!((code, &back["active"]["version"]), (Some(0), &json!(old)));
    company.follows(&old).await;
    for user in ["zoe.quill", "zoe.ferro", "zoe.baum"] {
        assert_eq!(company.groups(user), ["staff", "Engineers"], "{user}");
    }
    let (_, listed) = run(&["policy", "list"], data);
    let active: Vec<&Value> = listed["versions"]
        .as_array()
        .expect("versions")
        .iter()
        .filter(|listed| listed["active"] == json!(true))
        .map(|listed| &listed["version"])
        .collect();
    assert_eq!(active, [&json!(old)]);
    assert_eq!(listed["pointer"]["serial"], 3);
    let short = new.get(..8).expect("digits");
    let (code, again) = run(&["publish", "--rollback", short], data);
    assert_eq!((code, &again["active"]["version"]), (Some(0), &json!(new)));
    company.follows(&new).await;

    // A flip while nobody runs is taken up by the next start.
    assert_eq!(service.interrupt(), Some(0));
    let (code, _) = run(&["publish", "--rollback"], data);
    assert_eq!(code, Some(0));
    let service = Service::start_with(&company.folder, None);
    company.follows(&old).await;
    assert_eq!(company.groups("zoe.baum"), ["staff", "Engineers"]);
    assert_eq!(service.interrupt(), Some(0));
    company.target.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exceeds_a_limit_waits_from_the_first_decision_on() {
    let company = Company::new("held").await;
    let data = &company.data;
    let limits = "revoke = { floor = 1, percent = 1, ceiling = 1 }";
    let attributes = "[targets.directory.attributes]";
    let limited = format!("[targets.directory.limits]\n{limits}\n\n{attributes}");
    let base = company.policy("policy", attributes, &limited);
    let (code, _) = run(&["publish", "--policy", &base], data);
    assert_eq!(code, Some(0));
    let service = Service::start_with(&company.folder, None);
    company.hire(&service).await;

    // Two would lose what they have, and one may.
    let narrow = company.without_engineers();
    let (code, diff) = run(&["diff", "--to", &narrow, "--save"], data);
    assert_eq!(code, Some(1), "the limits say no");
    let saved = diff["saved"].as_str().expect("a hash");
    let (code, published) = run(&["publish", "--policy", &narrow, "--diff", saved], data);
    assert_eq!(code, Some(0));
    assert_eq!(
        published["held"],
        json!([{ "target": "directory", "scope": "revoke", "allowed": 1 }])
    );
    let new = published["active"]["version"].as_str().expect("a version");
    company.follows(new).await;
    for user in ["zoe.quill", "zoe.ferro"] {
        assert_eq!(company.groups(user), ["staff", "Engineers"], "{user}");
    }
    let hold = |args: &[&str]| {
        let output = lanyard()
            .args(["--json", "hold"])
            .args(args)
            .arg("--data")
            .arg(data)
            .output()
            .expect("the program runs");
        let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), said)
    };
    let (_, list) = hold(&["show", "directory", "revoke"]);
    assert_eq!(
        list["entries"].as_object().map(serde_json::Map::len),
        Some(2)
    );
    let hash = list["hash"].as_str().expect("a hash");
    let (code, _) = hold(&[
        "approve",
        "directory",
        "revoke",
        "--list",
        hash,
        "--as",
        "ida",
    ]);
    assert_eq!(code, Some(0));
    company.rest();
    for user in ["zoe.quill", "zoe.ferro"] {
        assert_eq!(company.groups(user), ["staff"], "{user}");
    }

    // The same over a stack that rests: the hold is there when it starts. What was agreed to within
    // the window is not asked about again, though it was given back in between.
    let (code, back) = run(&["publish", "--rollback"], data);
    assert_eq!((code, &back["held"]), (Some(0), &json!([])));
    company
        .follows(back["active"]["version"].as_str().expect("a version"))
        .await;
    for user in ["zoe.quill", "zoe.ferro"] {
        assert_eq!(company.groups(user), ["staff", "Engineers"], "{user}");
    }
    let third = worker("E4", "Gomes", &json!({}));
    assert_eq!(service.post("msg_E4", &third).await, 202);
    company.rest();
    assert_eq!(service.interrupt(), Some(0));
    let (code, again) = run(&["publish", "--rollback"], data);
    assert_eq!((code, &again["held"]), (Some(0), &published["held"]));
    let service = Service::start_with(&company.folder, None);
    company.follows(new).await;
    assert_eq!(company.groups("zoe.quill"), ["staff"]);
    assert_eq!(company.groups("zoe.gomes"), ["staff", "Engineers"]);
    assert_eq!(service.interrupt(), Some(0));
    company.target.stop().await.expect("it stops");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_taken_up_is_said_and_the_stack_goes_on() {
    let company = Company::new("stuck").await;
    let data = &company.data;
    let base = company.folder.join("policy").display().to_string();
    let (code, first) = run(&["publish", "--policy", &base], data);
    assert_eq!(code, Some(0));
    let service = Service::start_with(&company.folder, None);
    let secret = company.policy("secret", "directory-token", "nobody-has-this-token");
    let (_, diff) = run(&["diff", "--to", &secret, "--save"], data);
    let saved = diff["saved"].as_str().expect("a hash");
    let (code, _) = run(&["publish", "--policy", &secret, "--diff", saved], data);
    assert_eq!(code, Some(0));
    let status = company
        .status(|status| status["not_followed"].is_string())
        .await;
    let why = status["not_followed"].as_str().expect("a reason");
    assert!(
        why.contains("LANYARD_SECRET_NOBODY_HAS_THIS_TOKEN"),
        "{why}"
    );
    assert_eq!(status["policy"], first["active"]["version"]);
    company.hire(&service).await;
    assert_eq!(company.groups("zoe.quill"), ["staff", "Engineers"]);
    assert_eq!(service.interrupt(), Some(0));

    let empty = Folder::new("nothing-published");
    let (code, said) = text(&["local"], &empty.join("data"));
    assert_eq!(code, Some(3));
    assert!(said.contains("no policy is published"), "{said}");
    company.target.stop().await.expect("it stops");
}
