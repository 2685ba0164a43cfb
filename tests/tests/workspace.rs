//! The import rules of ARCHITECTURE.md, checked over `cargo metadata` and the functions' sources.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

const FUNCTIONS: &[&str] = &[
    "clock",
    "connectors",
    "hr-webhook",
    "ledger",
    "planner",
    "reconciler",
];
const ADAPTERS: &[&str] = &[
    "lanes-sqs",
    "objects-s3",
    "secrets-manager",
    "stack-aws",
    "store-dynamodb",
    "target-graph",
    "target-http",
    "target-scim",
];
/// Those of the adapters that ask AWS.
const ON_AWS: &[&str] = &[
    "lanes-sqs",
    "objects-s3",
    "secrets-manager",
    "stack-aws",
    "store-dynamodb",
];
/// What functions' `main.rs` is made of, besides adapters.
const STARTING: &[&str] = &["publication", "runtime", "targets"];
/// The operator's command line and the suites: they may import everything.
const COMPOSITION: &[&str] = &["lanyard", "tests"];

/// External crates that belong behind one of our own, with the packages that may import them
/// in product code.
const OWNED: &[(&str, &[&str])] = &[
    ("aws-config", &["stack-aws"]),
    ("aws-sdk-cloudwatch", &["stack-aws"]),
    ("aws-sdk-dynamodb", &["store-dynamodb"]),
    ("aws-sdk-lambda", &["stack-aws"]),
    ("aws-sdk-secretsmanager", &["secrets-manager"]),
    ("aws-sdk-s3", &["objects-s3"]),
    ("aws-sdk-sfn", &["stack-aws"]),
    ("aws-sdk-sqs", &["lanes-sqs"]),
    ("aws-smithy-http-client", &["stack-aws"]),
    ("aws-sigv4", &["aws-client"]),
    ("axum", &["graph-target", "lanyard", "scim-target", "tests"]),
    ("cel", &["policy"]),
    ("clap", &["graph-target", "lanyard", "scim-target", "tests"]),
    ("dynoxide-rs", &["store-dynamodb"]),
    ("hyper-rustls", &["aws-client"]),
    ("lambda_runtime", &["runtime"]),
    ("reqwest", &["graph-target", "target-http", "tests"]),
];

/// What would let the pure core wait, fail, roll dice or look around.
const IMPURE: &[&str] = &[
    "anyhow",
    "futures",
    "getrandom",
    "rand",
    "thiserror",
    "tokio",
    "tracing",
    "uuid",
];

#[derive(Clone, Debug, Default)]
struct Package {
    dir: String,
    publishes: bool,
    /// Normal and build dependencies.
    imports: BTreeSet<String>,
    /// Development dependencies.
    dev: BTreeSet<String>,
}

type Packages = BTreeMap<String, Package>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the workspace")
        .to_path_buf()
}

fn packages() -> Packages {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--format-version",
            "1",
            "--no-deps",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "cargo metadata failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("metadata is JSON");
    let root = root();
    metadata["packages"]
        .as_array()
        .expect("packages")
        .iter()
        .map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
            let dir = manifest.parent().expect("a folder");
            let dependencies = package["dependencies"].as_array().expect("dependencies");
            let of = |dev: bool| {
                dependencies
                    .iter()
                    .filter(|d| (d["kind"] == "dev") == dev)
                    .map(|d| d["name"].as_str().expect("a name").to_owned())
                    .collect()
            };
            (
                package["name"].as_str().expect("a name").to_owned(),
                Package {
                    dir: dir
                        .strip_prefix(&root)
                        .expect("inside the workspace")
                        .to_string_lossy()
                        .into_owned(),
                    publishes: package["publish"] != Value::Array(Vec::new()),
                    imports: of(false),
                    dev: of(true),
                },
            )
        })
        .collect()
}

/// Which of our packages the product code of `name` may import; `None` where the package has no
/// place in the architecture yet.
fn may_import(name: &str) -> Option<Vec<&'static str>> {
    let below = ["contract", "domain", "policy", "ports", "telemetry"];
    Some(match name {
        "domain" | "graph-target" | "lean-function" | "scim-target" => Vec::new(),
        "contract" | "policy" => vec!["domain"],
        "ports" => vec!["contract", "domain"],
        "aws-client" => vec!["ports"],
        "telemetry" => vec!["contract", "domain", "ports"],
        "publication" => vec!["domain", "policy", "ports", "telemetry"],
        "runtime" => vec!["aws-client", "domain", "ports", "publication", "telemetry"],
        _ if ADAPTERS.contains(&name) => {
            let mut allowed = vec!["contract", "domain", "ports", "telemetry"];
            if name.starts_with("target-") && name != "target-http" {
                allowed.push("target-http");
            }
            if ON_AWS.contains(&name) {
                allowed.push("aws-client");
            }
            allowed
        }
        // Every kind of target behind one type.
        "targets" => vec![
            "domain",
            "ports",
            "target-graph",
            "target-http",
            "target-scim",
        ],
        // The adapters are for `main.rs`; that no other file names one is checked over the source.
        _ if FUNCTIONS.contains(&name) => below
            .iter()
            .chain(ADAPTERS)
            .chain(STARTING)
            .copied()
            .collect(),
        _ if COMPOSITION.contains(&name) => below
            .iter()
            .chain(ADAPTERS)
            .chain(FUNCTIONS)
            .chain(STARTING)
            .chain(&["aws-client", "graph-target", "lanyard", "scim-target"])
            .copied()
            .collect(),
        _ => return None,
    })
}

fn violations(packages: &Packages) -> Vec<String> {
    let mut found = Vec::new();
    for (name, package) in packages {
        if package.publishes {
            found.push(format!("`{name}` is not `publish = false`"));
        }
        if Path::new(&package.dir)
            .file_name()
            .is_none_or(|dir| dir != name.as_str())
        {
            found.push(format!("`{name}` lies in `{}`", package.dir));
        }
        let Some(allowed) = may_import(name) else {
            found.push(format!(
                "`{name}` has no import rule; give it one here and in ARCHITECTURE.md"
            ));
            continue;
        };
        for import in &package.imports {
            if packages.contains_key(import) && !allowed.contains(&import.as_str()) {
                found.push(format!("`{name}` imports `{import}`"));
            }
            if let Some((_, owners)) = OWNED.iter().find(|(owned, _)| owned == import)
                && !owners.contains(&name.as_str())
            {
                found.push(format!(
                    "`{name}` imports `{import}`, which belongs to {owners:?}"
                ));
            }
        }
        if name == "domain" {
            for import in package
                .imports
                .iter()
                .filter(|i| IMPURE.contains(&i.as_str()))
            {
                found.push(format!("`domain` is pure and imports `{import}`"));
            }
        }
        if FUNCTIONS.contains(&name.as_str()) {
            for import in package
                .dev
                .iter()
                .filter(|i| FUNCTIONS.contains(&i.as_str()))
            {
                found.push(format!("`{name}` tests against the function `{import}`"));
            }
        }
    }
    found
}

fn sources(dir: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return;
    };
    for entry in entries {
        let path = entry.expect("a directory entry").path();
        if path.is_dir() {
            sources(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// What belongs to `main.rs` alone and a piece of function source names outside its tests.
/// Development dependencies may be adapters, so that everything from the first `#[cfg(test)]` on
/// is left out.
fn adapters_named(source: &str) -> Vec<&'static str> {
    let product = source.split("#[cfg(test)]").next().unwrap_or_default();
    ADAPTERS
        .iter()
        .chain(STARTING)
        .copied()
        .filter(|adapter| names(product, &adapter.replace('-', "_")))
        .collect()
}

/// Whether a source names a crate, and not a module of another one (`tokio::runtime`).
fn names(source: &str, import: &str) -> bool {
    let path = format!("{import}::");
    source.match_indices(&path).any(|(at, _)| {
        let before = source.get(..at).and_then(|text| text.chars().next_back());
        before.is_none_or(|before| !before.is_alphanumeric() && before != '_' && before != ':')
    })
}

#[test]
fn every_import_follows_the_architecture() {
    let found = violations(&packages());
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_function_names_adapters_in_its_main_only() {
    let mut seen = 0;
    for function in FUNCTIONS {
        let src = root().join("functions").join(function).join("src");
        let mut files = Vec::new();
        sources(&src, &mut files);
        for file in files {
            let inside = file.strip_prefix(&src).expect("inside src");
            if inside == Path::new("main.rs")
                || inside == Path::new("settings.rs")
                || inside.ends_with("tests.rs")
            {
                continue;
            }
            seen += 1;
            let text = std::fs::read_to_string(&file).expect("source is text");
            let named = adapters_named(&text);
            assert!(named.is_empty(), "{} names {named:?}", file.display());
        }
    }
    assert!(seen >= 5, "only {seen} files of functions were read");
}

#[test]
fn the_rules_can_fail() {
    fn with(name: &str, change: impl FnOnce(&mut Package)) -> Vec<String> {
        let mut packages = packages();
        change(packages.get_mut(name).expect("a package of the workspace"));
        violations(&packages)
    }
    let import = |from: &str, to: &str| {
        with(from, |package| {
            package.imports.insert(to.to_owned());
        })
    };
    for (from, to) in [
        ("domain", "policy"),
        ("contract", "ports"),
        ("policy", "contract"),
        ("ports", "store-dynamodb"),
        ("store-dynamodb", "target-http"),
        ("target-http", "target-scim"),
        ("target-scim", "policy"),
        ("planner", "connectors"),
        ("hr-webhook", "lanyard"),
        ("reconciler", "scim-target"),
        ("target-scim", "graph-target"),
        ("target-scim", "reqwest"),
        ("lanyard", "aws-sdk-dynamodb"),
        ("lanes-sqs", "objects-s3"),
        ("target-http", "aws-client"),
        ("planner", "aws-client"),
        ("aws-client", "lanes-sqs"),
        ("planner", "aws-sdk-secretsmanager"),
        ("domain", "tokio"),
    ] {
        let found = import(from, to);
        assert!(
            found
                .iter()
                .any(|v| v.contains(&format!("`{from}`")) || v.contains("`domain`")),
            "{from} -> {to} was not noticed: {found:?}"
        );
    }
    assert!(!with("planner", |p| p.publishes = true).is_empty());
    assert!(!with("planner", |p| p.dir = "functions/plan".into()).is_empty());
    assert!(
        !with("planner", |p| {
            p.dev.insert("clock".into());
        })
        .is_empty()
    );
    let mut unknown = packages();
    unknown.insert(
        "novel".into(),
        Package {
            dir: "shared/novel".into(),
            ..Package::default()
        },
    );
    assert!(
        violations(&unknown)
            .iter()
            .any(|v| v.contains("no import rule"))
    );

    assert_eq!(
        adapters_named("use store_dynamodb::Table;"),
        ["store-dynamodb"]
    );
    assert_eq!(adapters_named("runtime::run()"), ["runtime"]);
    assert!(adapters_named("tokio::runtime::Builder").is_empty());
    assert!(adapters_named("#[cfg(test)]\nmod tests { use store_dynamodb::Table; }").is_empty());
}

/// What makes a client of the SDK in a piece of source.
fn clients_of_the_sdk(source: &str) -> Vec<&str> {
    let product = source.split("#[cfg(test)]").next().unwrap_or_default();
    let makes = |line: &&str| {
        let of_sdk = line.contains("aws_sdk_") && line.contains("Client");
        of_sdk || line.contains("dyn RuntimePlugin") || line.contains("SharedRuntimePlugin")
    };
    let code = |line: &&str| !line.trim_start().starts_with("//");
    product.lines().filter(code).filter(makes).collect()
}

/// One client of the SDK, or one operation behind a `dyn`, and every function carries its orchestrator
/// along: a megabyte, and most of the time that a request takes.
#[test]
fn what_functions_are_made_of_makes_no_client_of_the_sdk() {
    let mut seen = 0;
    for package in ON_AWS.iter().chain(&["aws-client", "runtime"]) {
        if *package == "stack-aws" {
            continue;
        }
        let mut files = Vec::new();
        sources(&root().join("shared").join(package).join("src"), &mut files);
        for file in files {
            seen += 1;
            let text = std::fs::read_to_string(&file).expect("source is text");
            let found = clients_of_the_sdk(&text);
            assert!(found.is_empty(), "{}: {found:?}", file.display());
        }
    }
    assert!(seen >= 30, "only {seen} files were read");
    assert!(!clients_of_the_sdk("use aws_sdk_sqs::Client;").is_empty());
    assert!(!clients_of_the_sdk("fn f(p: &dyn RuntimePlugin) {}").is_empty());
}

/// A function's library is worked on without the SDK: what only its binary needs is behind the
/// feature `lambda`.
#[test]
fn a_function_without_its_binary_compiles_no_sdk() {
    let tree = |function: &str, features: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--edges", "all", "--prefix", "none"])
            .args(["--package", function])
            .args(features)
            .current_dir(root())
            .output()
            .expect("cargo runs");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo tree failed: {error}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    for function in ["clock", "connectors", "hr-webhook", "planner", "reconciler"] {
        let without = tree(function, &[]);
        for heavy in ["aws-sdk-", "aws-smithy-", "lambda_runtime", "reqwest v"] {
            assert!(!without.contains(heavy), "`{function}` compiles `{heavy}`");
        }
        let with = tree(function, &["--features", "lambda"]);
        assert!(
            with.contains("lambda_runtime v"),
            "`{function}` has no loop"
        );
    }
}
