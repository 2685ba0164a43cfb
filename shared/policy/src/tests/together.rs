//! Several files: every mistake of all of them at once, the version, and reading a folder.

use std::path::PathBuf;

use crate::{Errors, Loaded, load, load_files};

fn files(texts: &[(&str, &str)]) -> Result<Loaded, Errors> {
    load_files(
        texts
            .iter()
            .map(|(name, text)| ((*name).to_owned(), text.trim_start().to_owned())),
    )
}

const ROLES: (&str, &str) = (
    "roles.toml",
    r#"
[roles.base]
entitlements = ["staf"]
standrad = true

[[rules]]
id = "everybody"
when = { employment_type = "emploee" }
roles = ["bse"]
"#,
);

const SOURCES: (&str, &str) = (
    "sources.toml",
    r#"
[sources.hr]
zone = "Europe/Lisbon"
format = "canonical"
verify = { preset = "standard-webhooks", tolerance = "soon" }
secrets = ["hr-signing"]

[[correlation]]
name = "person"
on = "person_key"
ended = "link"
active = {}
confidence = 99
"#,
);

const TARGETS: (&str, &str) = (
    "targets.toml",
    r#"
[targets.directory]
mode = "enforce"
base_url = "http://directory.example.com"
token = "directory-token"
attributes = { userName = "{mail}", externalId = { key = true } }

[entitlements.staff]
target = "directory"

[[correlation]]
name = "email"
on = "work_email"
ended = "link"
active = {}
confidence = 90
"#,
);

#[test]
fn reports_all_mistakes_of_all_files_at_once() {
    let errors = files(&[TARGETS, SOURCES, ROLES]).unwrap_err();
    assert_eq!(errors.to_string(), "the policy has 8 errors");
    insta::assert_snapshot!(errors.render(), @r#"
        error[unresolved]: entitlement `staf` does not exist
         --> roles.toml:2:17
          |
        2 | entitlements = ["staf"]
          |                 ^^^^^^
          = help: did you mean `staff`? otherwise define it under `[entitlements.staf]`

        error[unknown-key]: `standrad` is not a key of role `base`
         --> roles.toml:3:1
          |
        3 | standrad = true
          | ^^^^^^^^
          = help: did you mean `standard`?

        error[unreachable-value]: `employment_type` is never `emploee`
         --> roles.toml:7:28
          |
        7 | when = { employment_type = "emploee" }
          |                            ^^^^^^^^^
          = help: did you mean `employee`? its values are `acquired`, `contractor`, `employee`, `intern`

        error[unresolved]: role `bse` does not exist
         --> roles.toml:8:10
          |
        8 | roles = ["bse"]
          |          ^^^^^
          = help: did you mean `base`? otherwise define it under `[roles.bse]`

        error[bad-duration]: `tolerance` of `verify` of source `hr` cannot be `soon`
         --> sources.toml:4:54
          |
        4 | verify = { preset = "standard-webhooks", tolerance = "soon" }
          |                                                      ^^^^^^
          = help: write a whole number and `s`, `m` or `h`, for example `5m`

        error[bad-url]: `base_url` of target `directory` has the scheme `http`
         --> targets.toml:3:12
          |
        3 | base_url = "http://directory.example.com"
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: use `https`; `http` is allowed to this machine only

        error[unknown-attribute]: `mail` is not an attribute
         --> targets.toml:5:29
          |
        5 | attributes = { userName = "{mail}", externalId = { key = true } }
          |                             ^^^^
          = help: attributes are a closed set, listed in docs/policy.md; map the source's own fields onto `extension_1` to `extension_15`

        error[defined-twice]: `correlation` stands in two files
          --> targets.toml:10:1
           |
        10 | [[correlation]]
           | ^^^^^^^^^^^^^^^
           = help: keep all of it in one file (the order of the rules counts); the first is at sources.toml:7

        warning[unused]: nobody gets role `base`
         --> roles.toml:1:8
          |
        1 | [roles.base]
          |        ^^^^
          = help: name it in a rule or include it in a role that is, or remove it

        warning[unused]: no role gives entitlement `staff`
         --> targets.toml:7:15
          |
        7 | [entitlements.staff]
          |               ^^^^^
          = help: list it in a role, or remove it: nobody gets it by policy

        8 errors, 2 warnings
        "#);
}

#[test]
fn reports_mistakes_as_json() {
    let errors = files(&[ROLES]).unwrap_err();
    insta::assert_snapshot!(serde_json::to_string_pretty(&errors).unwrap(), @r#"
        [
          {
            "severity": "error",
            "code": "missing-section",
            "file": "policy",
            "line": 0,
            "column": 0,
            "length": 0,
            "message": "the policy has no `sources`",
            "help": "add for example `[sources.hr]`",
            "source": null
          },
          {
            "severity": "error",
            "code": "missing-section",
            "file": "policy",
            "line": 0,
            "column": 0,
            "length": 0,
            "message": "the policy has no `targets`",
            "help": "add for example `[targets.directory]`",
            "source": null
          },
          {
            "severity": "error",
            "code": "unresolved",
            "file": "roles.toml",
            "line": 2,
            "column": 17,
            "length": 6,
            "message": "entitlement `staf` does not exist",
            "help": "define it under `[entitlements.staf]`",
            "source": "entitlements = [\"staf\"]"
          },
          {
            "severity": "error",
            "code": "unknown-key",
            "file": "roles.toml",
            "line": 3,
            "column": 1,
            "length": 8,
            "message": "`standrad` is not a key of role `base`",
            "help": "did you mean `standard`?",
            "source": "standrad = true"
          },
          {
            "severity": "error",
            "code": "unreachable-value",
            "file": "roles.toml",
            "line": 7,
            "column": 28,
            "length": 9,
            "message": "`employment_type` is never `emploee`",
            "help": "did you mean `employee`? its values are `acquired`, `contractor`, `employee`, `intern`",
            "source": "when = { employment_type = \"emploee\" }"
          },
          {
            "severity": "error",
            "code": "unresolved",
            "file": "roles.toml",
            "line": 8,
            "column": 10,
            "length": 5,
            "message": "role `bse` does not exist",
            "help": "did you mean `base`? otherwise define it under `[roles.bse]`",
            "source": "roles = [\"bse\"]"
          },
          {
            "severity": "warning",
            "code": "unused",
            "file": "roles.toml",
            "line": 1,
            "column": 8,
            "length": 4,
            "message": "nobody gets role `base`",
            "help": "name it in a rule or include it in a role that is, or remove it",
            "source": "[roles.base]"
          }
        ]
        "#);
}

#[test]
fn reports_an_empty_folder_and_missing_sections() {
    insta::assert_snapshot!(files(&[]).unwrap_err().render(), @r#"
        error[no-files]: there is no `*.toml` file
          --> policy
          = help: start from the minimal policy in docs/policy.md

        1 error
        "#);
    insta::assert_snapshot!(files(&[("empty.toml", "")]).unwrap_err().render(), @r#"
        error[missing-section]: the policy has no `rules`
          --> policy
          = help: add for example `[[rules]]`

        error[missing-section]: the policy has no `sources`
          --> policy
          = help: add for example `[sources.hr]`

        error[missing-section]: the policy has no `targets`
          --> policy
          = help: add for example `[targets.directory]`

        3 errors
        "#);
}

#[test]
fn refuses_a_file_that_is_too_large() {
    let text = "#".repeat((1 << 20) + 1);
    let errors = files(&[("large.toml", &text)]).unwrap_err();
    assert_eq!(errors.diagnostics()[0].code, "too-large");
}

#[test]
fn version_depends_on_names_and_content_and_not_on_order_or_line_endings() {
    let version = |texts: &[(&str, &str)]| files(texts).unwrap().policy.version;
    let one = super::GOOD;
    let two = "[standards.title.values]\nClerk = [\"Clark\"]\n";
    let base = version(&[("a.toml", one), ("b.toml", two)]);
    assert_eq!(base, version(&[("b.toml", two), ("a.toml", one)]));
    assert_eq!(
        base,
        version(&[
            ("a.toml", &one.replace('\n', "\r\n")),
            ("b.toml", &format!("\u{feff}{two}")),
        ])
    );
    assert_ne!(base, version(&[("a.toml", one), ("c.toml", two)]));
    assert_ne!(
        base,
        version(&[("a.toml", one), ("b.toml", &two.replace("Clark", "Klerk"))])
    );
    assert_ne!(base, version(&[("a.toml", &format!("{one}\n{two}"))]));
}

#[test]
fn a_byte_order_mark_moves_no_column() {
    let errors = files(&[("a.toml", "\u{feff}[rolls.x]\n")]).unwrap_err();
    let diagnostic = errors
        .diagnostics()
        .iter()
        .find(|d| d.code == "unknown-section")
        .unwrap();
    assert_eq!((diagnostic.line, diagnostic.column), (1, 2));
}

/// A folder of its own under the build's temporary folder, removed when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("lanyard-policy-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.join(name), bytes).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).unwrap();
    }
}

#[test]
fn reads_every_toml_file_of_a_folder_and_no_other() {
    let folder = Folder::new("reads");
    folder.write("good.toml", super::GOOD.as_bytes());
    folder.write(
        "more.toml",
        b"[standards.title.values]\nClerk = [\"Clark\"]\n",
    );
    folder.write("notes.txt", b"not TOML");
    let loaded = load(&folder.0).unwrap();
    assert_eq!(loaded.policy.standards.len(), 1);
    assert_eq!(loaded.warnings, []);
}

#[test]
fn reports_files_that_cannot_be_read() {
    let folder = Folder::new("unread");
    folder.write("good.toml", super::GOOD.as_bytes());
    folder.write("latin.toml", b"# caf\xe9\n");
    let errors = load(&folder.0).unwrap_err();
    insta::assert_snapshot!(errors.render(), @r#"
        error[unreadable]: cannot be read: stream did not contain valid UTF-8
          --> latin.toml
          = help: give the folder that holds the policy's `*.toml` files, in UTF-8

        1 error
        "#);
    let errors = load(&folder.0.join("nowhere")).unwrap_err();
    assert_eq!(errors.diagnostics()[0].code, "unreadable");
}

#[test]
fn forgets_targets_with_all_that_is_there() {
    let mut loaded = super::samples::load("policy");
    loaded.keep_targets(|target| target.as_str() != "crm");
    let policy = loaded.policy;
    assert!(!policy.targets.contains_key(&domain::TargetId::from("crm")));
    assert!(
        !policy
            .entitlements
            .contains_key(&domain::EntitlementId::from("sales-crm-user"))
    );
    let sales = &policy.roles[&domain::RoleId::from("sales")];
    assert!(
        !sales
            .entitlements
            .contains_key(&domain::EntitlementId::from("sales-crm-user"))
    );
    assert!(
        sales
            .entitlements
            .contains_key(&domain::EntitlementId::from("sales-wiki-editor"))
    );
}
