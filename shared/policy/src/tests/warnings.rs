//! What is allowed and probably not meant.

use super::said;

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
roles = ["base"]
state = "draft"
"#,
        ),
        @r#"
        warning[draft]: rule `extra` is a draft and does nothing
         --> case.toml:5:9
          |
        5 | state = "draft"
          |         ^^^^^^^
          = help: set `state = "record"` to see what it would give, or `"enforce"`

        1 warning
        "#
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
