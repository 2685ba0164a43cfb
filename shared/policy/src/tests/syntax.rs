//! Mistakes in the TOML, the sections and the keys.

use super::said;

#[test]
fn reports_every_syntax_error_of_a_file() {
    insta::assert_snapshot!(
        said(
            r#"
[roles.a]
description = 
[roles.b]
entitlements = ["staff"
"#,
        ),
        @r#"
        error[syntax]: string values must be quoted, expected literal string
         --> case.toml:2:15
          |
        2 | description = 
          |               ^
          = help: correct the TOML; names and meaning are checked once every file can be read

        error[syntax]: unclosed array, expected `]`
         --> case.toml:4:24
          |
        4 | entitlements = ["staff"
          |                        ^
          = help: correct the TOML; names and meaning are checked once every file can be read

        2 errors
        "#
    );
}

#[test]
fn refuses_a_key_twice() {
    insta::assert_snapshot!(
        said(
            r#"
[roles.extra]
entitlements = ["staff"]
entitlements = ["engineers"]
"#,
        ),
        @r#"
        error[syntax]: duplicate key
         --> case.toml:3:1
          |
        3 | entitlements = ["engineers"]
          | ^^^^^^^^^^^^
          = help: correct the TOML; names and meaning are checked once every file can be read

        1 error
        "#
    );
}

#[test]
fn refuses_an_unknown_section() {
    insta::assert_snapshot!(
        said(
            r#"
[role.extra]
entitlements = ["staff"]
"#,
        ),
        @r#"
        error[unknown-section]: `role` is not a section of a policy
         --> case.toml:1:2
          |
        1 | [role.extra]
          |  ^^^^
          = help: did you mean `roles`?

        1 error
        "#
    );
}

#[test]
fn refuses_an_unknown_key_and_names_the_near_one() {
    insta::assert_snapshot!(
        said(
            r#"
[roles.extra]
entitlments = ["staff"]
includes = ["base"]

[[rules]]
id = "extra"
when = { department = "Sales" }
roles = ["extra"]
"#,
        ),
        @r#"
        error[unknown-key]: `entitlments` is not a key of role `extra`
         --> case.toml:2:1
          |
        2 | entitlments = ["staff"]
          | ^^^^^^^^^^^
          = help: did you mean `entitlements`?

        1 error
        "#
    );
}

#[test]
fn refuses_an_unknown_key_and_lists_the_known() {
    insta::assert_snapshot!(
        said(
            r#"
[identifiers.email]
ladder = ["{given_name}{n}"]
length = 12
"#,
        ),
        @r#"
        error[unknown-key]: `length` is not a key of identifier `email`
         --> case.toml:3:1
          |
        3 | length = 12
          | ^^^^^^
          = help: the keys here are `ladder`, `suffix`, `max_length`, `stated`

        warning[unused]: no target maps identifier `email`
         --> case.toml:1:14
          |
        1 | [identifiers.email]
          |              ^^^^^
          = help: map it with `{ identifier = "email" }`, or remove it

        1 error, 1 warning
        "#
    );
}

#[test]
fn refuses_a_missing_key() {
    insta::assert_snapshot!(
        said(
            r#"
[entitlements.extra]
group = "Extra"
"#,
        ),
        @r#"
        error[missing-key]: entitlement `extra` lacks `target`
         --> case.toml:1:15
          |
        1 | [entitlements.extra]
          |               ^^^^^
          = help: add for example `target = "directory"`

        warning[unused]: no role gives entitlement `extra`
         --> case.toml:1:15
          |
        1 | [entitlements.extra]
          |               ^^^^^
          = help: list it in a role, or remove it: nobody gets it by policy

        1 error, 1 warning
        "#
    );
}

#[test]
fn refuses_the_wrong_type() {
    insta::assert_snapshot!(
        said(
            r#"
[roles.extra]
entitlements = "staff"
standard = "yes"
description = 3
"#,
        ),
        @r#"
        error[wrong-type]: `entitlements` of role `extra` is a text and must be a list
         --> case.toml:2:16
          |
        2 | entitlements = "staff"
          |                ^^^^^^^
          = help: write for example `["..."]`

        error[wrong-type]: `standard` of role `extra` is a text and must be true or false
         --> case.toml:3:12
          |
        3 | standard = "yes"
          |            ^^^^^
          = help: write for example `true`

        error[wrong-type]: `description` of role `extra` is a whole number and must be a text
         --> case.toml:4:15
          |
        4 | description = 3
          |               ^
          = help: write for example `"..."`

        warning[unused]: nobody gets role `extra`
         --> case.toml:1:8
          |
        1 | [roles.extra]
          |        ^^^^^
          = help: name it in a rule or include it in a role that is, or remove it

        3 errors, 1 warning
        "#
    );
}

#[test]
fn refuses_a_number_out_of_range() {
    insta::assert_snapshot!(
        said(
            r#"
[[correlation]]
name = "person"
on = "person_key"
ended = "link"
active = {}
confidence = 101
"#,
        ),
        @r#"
        error[out-of-range]: `confidence` of correlation rule `person` is 101
         --> case.toml:6:14
          |
        6 | confidence = 101
          |              ^^^
          = help: give a number from 0 to 100

        1 error
        "#
    );
}

#[test]
fn refuses_an_unknown_word() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = "everyone"
roles = ["base"]
state = "on"
"#,
        ),
        @r#"
        error[unknown-word]: `state` of rule `extra` cannot be `on`
         --> case.toml:5:9
          |
        5 | state = "on"
          |         ^^^^
          = help: give `draft` or `record` or `enforce`

        1 error
        "#
    );
}

#[test]
fn refuses_the_same_name_in_two_files() {
    insta::assert_snapshot!(
        said(
            r#"
[roles.base]
entitlements = ["staff"]

[[rules]]
id = "everybody"
when = "everyone"
roles = ["base"]
"#,
        ),
        @r#"
        error[defined-twice]: role `base` is defined twice
          --> good.toml:25:8
           |
        25 | [roles.base]
           |        ^^^^
           = help: remove or rename one of the two; the first is at case.toml:1

        error[defined-twice]: rule `everybody` is defined twice
          --> good.toml:33:6
           |
        33 | id = "everybody"
           |      ^^^^^^^^^^^
           = help: remove or rename one of the two; the first is at case.toml:5

        2 errors
        "#
    );
}

#[test]
fn refuses_a_name_that_is_none() {
    insta::assert_snapshot!(
        said(
            r#"
[roles."Team Lead"]
entitlements = ["staff"]

[[rules]]
id = "extra"
when = "everyone"
roles = ["Team Lead"]
"#,
        ),
        @r#"
        error[bad-name]: `Team Lead` cannot be the name of this role
         --> case.toml:1:8
          |
        1 | [roles."Team Lead"]
          |        ^^^^^^^^^^^
          = help: use lower-case letters and digits, joined by `-` or `_`, at most 64 characters

        1 error
        "#
    );
}

#[test]
fn refuses_the_same_entry_twice() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = "everyone"
roles = ["base", "base"]
"#,
        ),
        @r#"
        error[twice]: `base` stands twice in `roles` of rule `extra`
         --> case.toml:4:18
          |
        4 | roles = ["base", "base"]
          |                  ^^^^^^
          = help: remove one of the two

        1 error
        "#
    );
}
