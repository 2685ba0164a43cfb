//! What is allowed and probably not meant.

use super::{checked, said};

#[test]
fn warns_of_what_nobody_uses() {
    insta::assert_snapshot!(
        said(
            r#"
[entitlements.extra]
target = "directory"

[roles.extra]
entitlements = ["staff"]

[identifiers.email]
ladder = ["{given_name}"]
"#,
        ),
        @r#"
        warning[unused]: no role gives entitlement `extra`
         --> case.toml:1:15
          |
        1 | [entitlements.extra]
          |               ^^^^^
          = help: list it in a role, or remove it: nobody gets it by policy

        warning[unused]: nobody gets role `extra`
         --> case.toml:4:8
          |
        4 | [roles.extra]
          |        ^^^^^
          = help: name it in a rule or include it in a role that is, or remove it

        warning[unused]: no target maps identifier `email`
         --> case.toml:7:14
          |
        7 | [identifiers.email]
          |              ^^^^^
          = help: map it with `{ identifier = "email" }`, or remove it

        warning[ladder-ends]: the last template has no `{n}`
         --> case.toml:8:11
          |
        8 | ladder = ["{given_name}"]
          |           ^^^^^^^^^^^^^^
          = help: add it, or a person whose every candidate is taken gets a name without meaning

        4 warnings
        "#
    );
}

#[test]
fn warns_of_a_draft() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = { department = "Sales" }
roles = ["extra"]
state = "draft"

[roles.extra]
includes = ["engineering"]
"#,
        ),
        @r##"
        warning[draft]: rule `extra` is a draft and does nothing
         --> case.toml:5:9
          |
        5 | state = "draft"
          |         ^^^^^^^
          = help: set `state = "record"` to see what it would give, or `"enforce"`

        warning[unused]: nobody gets role `extra`
         --> case.toml:7:8
          |
        7 | [roles.extra]
          |        ^^^^^
          = help: name it in a rule or include it in a role that is, or remove it

        2 warnings
        "##
    );
}

#[test]
fn warns_of_a_required_attribute_that_a_source_never_states() {
    insta::assert_snapshot!(
        said(
            r#"
required = ["given_name", "start_date"]

[sources.extra]
zone = "UTC"
format = "bamboohr"
verify = "bamboohr"
secrets = ["extra"]
fields = { firstName = "given_name", lastName = "family_name", type = "employment_type" }
"#,
        ),
        @r#"
        warning[required-never-stated]: `fields` of source `extra` has no `start_date`, which is required
         --> case.toml:8:10
          |
        8 | fields = { firstName = "given_name", lastName = "family_name", type = "employment_type" }
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add the field, or every record of this source will be parked

        1 warning
        "#
    );
}

#[test]
fn warns_of_a_location_without_zone() {
    insta::assert_snapshot!(
        said(
            r#"
[standards.location]
closed = true
values = { Lisbon = [], Porto = [] }

[zones]
Lisbon = "Europe/Lisbon"
"#,
        ),
        @r#"
        warning[location-without-zone]: location `Porto` has no zone
         --> case.toml:5:1
          |
        5 | [zones]
          | ^^^^^^^
          = help: add it, or its workers' days begin and end in their source's zone

        1 warning
        "#
    );
}

#[test]
fn warns_of_rules_that_hold_for_nobody() {
    insta::assert_snapshot!(
        checked(
            r#"
required = ["title"]

[standards.team]
closed = true
values = { Red = [], Blue = [] }

[[rules]]
id = "no-title"
when = { title = { absent = true } }
roles = ["engineering"]

[[rules]]
id = "no-team"
when = { team = { not_in = ["Red", "Blue"], present = true } }
roles = ["engineering"]

[[rules]]
id = "neither"
when = { city = { prefix = ["Lis"], not_in = ["Lisbon"] }, team = { not_in = ["Red"] } }
where = "team != 'Blue'"
roles = ["engineering"]

[[rules]]
id = "sometimes"
when = { city = { prefix = ["Lis"], not_in = ["Lisbon"] }, team = { not_in = ["Red"] } }
where = "team == 'Blue' && title == 'x'"
roles = ["engineering"]

[[examples]]
name = "sometimes"
given = { title = "x", team = "Blue", city = "Lisboa" }
rules = ["sometimes"]
"#,
        ),
        @r##"
        warning[never-true]: rule `no-title` holds for nobody
         --> case.toml:8:6
          |
        8 | id = "no-title"
          |      ^^^^^^^^^^
          = help: its conditions rule each other out, or leave no value that the attribute can have: correct or remove it

        warning[never-true]: rule `no-team` holds for nobody
          --> case.toml:13:6
           |
        13 | id = "no-team"
           |      ^^^^^^^^^
           = help: its conditions rule each other out, or leave no value that the attribute can have: correct or remove it

        warning[never-true]: rule `neither` holds for nobody
          --> case.toml:18:6
           |
        18 | id = "neither"
           |      ^^^^^^^^^
           = help: its conditions rule each other out, or leave no value that the attribute can have: correct or remove it

        warning[untested]: no example gets anything by rule `neither`
          --> case.toml:20:1
           |
        20 | where = "team != 'Blue'"
           | ^^^^^
           = help: add to `[[examples]]` somebody for whom its `where` holds, with `rules = ["neither"]`, and somebody for whom it does not

        4 warnings
        "##
    );
}

#[test]
fn warns_of_rules_that_add_nothing() {
    insta::assert_snapshot!(
        checked(
            r#"
[[rules]]
id = "all-again"
when = { department = "Sales" }
roles = ["base"]

[[rules]]
id = "engineering-leads"
when = { department = "Engineering", title = { prefix = ["Lead "] } }
roles = ["engineering"]
state = "draft"

[[rules]]
id = "engineering-too"
when = { department = "Engineering" }
roles = ["engineering"]

[[rules]]
id = "engineering-wider"
when = { department = ["Engineering", "Data"] }
roles = ["engineering"]
for_days = 90
"#,
        ),
        @r##"
        warning[subsumed]: rule `all-again` gives nothing that rule `everybody` does not give to the same people
         --> case.toml:2:6
          |
        2 | id = "all-again"
          |      ^^^^^^^^^^^
          = help: remove it, or narrow the other one

        warning[subsumed]: rule `engineering-leads` gives nothing that rule `engineering` does not give to the same people
         --> case.toml:7:6
          |
        7 | id = "engineering-leads"
          |      ^^^^^^^^^^^^^^^^^^^
          = help: remove it, or narrow the other one

        warning[draft]: rule `engineering-leads` is a draft and does nothing
          --> case.toml:10:9
           |
        10 | state = "draft"
           |         ^^^^^^^
           = help: set `state = "record"` to see what it would give, or `"enforce"`

        warning[subsumed]: rule `engineering-too` gives nothing that rule `engineering` does not give to the same people
          --> case.toml:13:6
           |
        13 | id = "engineering-too"
           |      ^^^^^^^^^^^^^^^^^
           = help: remove it, or narrow the other one

        4 warnings
        "##
    );
}

#[test]
fn warns_of_roles_that_are_too_many_or_too_large() {
    use std::fmt::Write;
    let mut text = String::new();
    for n in 1..=21 {
        writeln!(text, "[entitlements.e{n:02}]\ntarget = \"directory\"").unwrap();
    }
    let names: Vec<String> = (1..=21).map(|n| format!("\"e{n:02}\"")).collect();
    let all = names.join(", ");
    writeln!(
        text,
        "[roles.bloated]\nstandard = true\nentitlements = [{all}]"
    )
    .unwrap();
    for n in 1..=31 {
        writeln!(
            text,
            "[roles.r{n:02}]\nstandard = true\nincludes = [\"base\"]"
        )
        .unwrap();
    }
    let names: Vec<String> = (1..=31).map(|n| format!("\"r{n:02}\"")).collect();
    writeln!(
        text,
        "[[rules]]\nid = \"r\"\nwhen = {{ department = \"Sales\" }}\nroles = [\"bloated\", {}]",
        names.join(", ")
    )
    .unwrap();
    insta::assert_snapshot!(checked(&text), @r##"
        warning[bloated-role]: standard role `bloated` gives 21 entitlements
          --> case.toml:43:8
           |
        43 | [roles.bloated]
           |        ^^^^^^^
           = help: keep what everybody with it needs every day, at most 20 on 5 targets, and move the rest to roles of their own

        warning[role-explosion]: the policy has 32 standard roles
           --> case.toml:133:8
            |
        133 | [roles.r30]
            |        ^^^
            = help: aim at 10 to 30: one for each job that exists at scale, and small roles beside them for region, function or leadership

        warning[role-explosion]: the policy has 34 roles for 23 entitlements
          --> good.toml:28:8
           |
        28 | [roles.engineering]
           |        ^^^^^^^^^^^
           = help: join roles that hold the same, or give what differs by rules of its own

        3 warnings
        "##);
}

#[test]
fn warns_of_a_standard_role_on_many_targets() {
    use std::fmt::Write;
    let mut text = String::new();
    for n in 1..=6 {
        writeln!(
            text,
            "[targets.t{n}]\nmode = \"observe\"\nbase_url = \"https://t{n}.example.com\"\ntoken = \
             \"t\"\nattributes = {{ userName = {{ identifier = \"user_name\" }}, externalId = {{ key = \
             true }} }}\n[entitlements.e{n}]\ntarget = \"t{n}\""
        )
        .unwrap();
    }
    text.push_str(
        "[roles.wide]\nstandard = true\nentitlements = [\"e1\", \"e2\", \"e3\", \"e4\", \"e5\", \
         \"e6\"]\n[[rules]]\nid = \"wide\"\nwhen = { department = \"Sales\" }\nroles = [\"wide\"]\n",
    );
    insta::assert_snapshot!(checked(&text), @r##"
        warning[bloated-role]: standard role `wide` gives entitlements of 6 targets
          --> case.toml:43:8
           |
        43 | [roles.wide]
           |        ^^^^
           = help: keep what everybody with it needs every day, at most 20 on 5 targets, and move the rest to roles of their own

        1 warning
        "##);
}

#[test]
fn refuses_administration_for_everyone() {
    insta::assert_snapshot!(
        said(
            r#"
[entitlements.admins]
target = "directory"
privileged = true

[roles.admin]
entitlements = ["admins"]

[[rules]]
id = "oops"
when = "everyone"
roles = ["admin"]

[[rules]]
id = "narrow"
when = "everyone"
where = "title == 'Administrator'"
roles = ["admin"]
"#,
        ),
        @r##"
        error[privileged-for-everyone]: rule `oops` gives privileged entitlement `admins` to everyone
         --> case.toml:9:6
          |
        9 | id = "oops"
          |      ^^^^^^
          = help: state in `when` who needs it

        1 error
        "##
    );
}

#[test]
fn warns_of_a_default_role_that_gives_more_than_before() {
    let before = crate::load_files([("good.toml".to_owned(), super::GOOD.to_owned())]).unwrap();
    let more = r#"
[roles.visitors]
entitlements = ["engineers"]

[[rules]]
id = "visitors"
when = { employment_type = ["contractor", "intern"] }
roles = ["visitors"]
"#;
    let files = [("good.toml", super::GOOD), ("more.toml", more)];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned()));
    let against = crate::Check(Some(&before.policy));
    let found = crate::assemble(files.clone(), Some(&against)).unwrap();
    insta::assert_snapshot!(crate::render(&found.warnings), @r"
        warning[default-role-grows]: role `visitors`, which everybody of kind contractor or intern gets by rule `visitors`, gives `engineers` now
         --> more.toml:2:8
          |
        2 | [roles.visitors]
          |        ^^^^^^^^
          = help: give it by a rule for those who need it; `lanyard diff` says for how many people it is new

        1 warning
        ");
    // Against itself nothing grows.
    let against = crate::Check(Some(&found.policy));
    let again = crate::assemble(files, Some(&against)).unwrap();
    assert_eq!(crate::render(&again.warnings), "");
}
