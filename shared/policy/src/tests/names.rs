//! Names that resolve to nothing, and roles that hold too much.

use super::said;

#[test]
fn refuses_an_unknown_role() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = "everyone"
roles = ["enginering"]
"#,
        ),
        @r#"
        error[unresolved]: role `enginering` does not exist
         --> case.toml:4:10
          |
        4 | roles = ["enginering"]
          |          ^^^^^^^^^^^^
          = help: did you mean `engineering`? otherwise define it under `[roles.enginering]`

        1 error
        "#
    );
}

#[test]
fn refuses_an_unknown_role_in_a_role() {
    insta::assert_snapshot!(
        said(
            r#"
[roles.extra]
includes = ["nobody"]

[[rules]]
id = "extra"
when = "everyone"
roles = ["extra"]
"#,
        ),
        @r#"
        error[unresolved]: role `nobody` does not exist
         --> case.toml:2:13
          |
        2 | includes = ["nobody"]
          |             ^^^^^^^^
          = help: define it under `[roles.nobody]`

        1 error
        "#
    );
}

#[test]
fn refuses_an_unknown_entitlement() {
    insta::assert_snapshot!(
        said(
            r#"
[roles.extra]
entitlements = ["stuff"]

[[rules]]
id = "extra"
when = "everyone"
roles = ["extra"]
"#,
        ),
        @r#"
        error[unresolved]: entitlement `stuff` does not exist
         --> case.toml:2:17
          |
        2 | entitlements = ["stuff"]
          |                 ^^^^^^^
          = help: did you mean `staff`? otherwise define it under `[entitlements.stuff]`

        1 error
        "#
    );
}

#[test]
fn refuses_an_unknown_target() {
    insta::assert_snapshot!(
        said(
            r#"
[entitlements.extra]
target = "wiki"

[roles.extra]
entitlements = ["extra"]

[[rules]]
id = "extra"
when = "everyone"
roles = ["extra"]
"#,
        ),
        @r#"
        error[unresolved]: target `wiki` does not exist
         --> case.toml:2:10
          |
        2 | target = "wiki"
          |          ^^^^^^
          = help: define it under `[targets.wiki]`

        1 error
        "#
    );
}

#[test]
fn refuses_an_unknown_attribute() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = { departement = "Sales", shoe_size = "44" }
roles = ["base"]
"#,
        ),
        @r#"
        error[unknown-attribute]: `departement` is not an attribute
         --> case.toml:3:10
          |
        3 | when = { departement = "Sales", shoe_size = "44" }
          |          ^^^^^^^^^^^
          = help: did you mean `department`?

        error[unknown-attribute]: `shoe_size` is not an attribute
         --> case.toml:3:33
          |
        3 | when = { departement = "Sales", shoe_size = "44" }
          |                                 ^^^^^^^^^
          = help: attributes are a closed set, listed in docs/policy.md; map the source's own fields onto `extension_1` to `extension_15`

        2 errors
        "#
    );
}

#[test]
fn refuses_two_names_for_one_group() {
    insta::assert_snapshot!(
        said(
            r#"
[entitlements.extra]
target = "directory"
group = "STAFF"

[roles.extra]
entitlements = ["extra"]

[[rules]]
id = "extra"
when = "everyone"
roles = ["extra"]
"#,
        ),
        @r#"
        error[defined-twice]: entitlements `extra` and `staff` are the same group `staff` of target `directory`
          --> good.toml:19:15
           |
        19 | [entitlements.staff]
           |               ^^^^^
           = help: keep one name for it; the other is at case.toml:1

        1 error
        "#
    );
}

#[test]
fn refuses_roles_that_include_each_other() {
    insta::assert_snapshot!(
        said(
            r#"
[roles.one]
includes = ["two"]

[roles.two]
includes = ["three"]

[roles.three]
includes = ["one"]

[[rules]]
id = "extra"
when = "everyone"
roles = ["one"]
"#,
        ),
        @r#"
        error[role-cycle]: role `one` includes itself
         --> case.toml:1:8
          |
        1 | [roles.one]
          |        ^^^
          = help: remove one of the steps one -> two -> three -> one

        1 error
        "#
    );
}

#[test]
fn refuses_a_role_that_gives_nothing() {
    insta::assert_snapshot!(
        said(
            r#"
[roles.extra]
description = "Nothing yet"

[[rules]]
id = "extra"
when = "everyone"
roles = ["extra"]
"#,
        ),
        @r#"
        error[empty-role]: role `extra` gives nothing
         --> case.toml:1:8
          |
        1 | [roles.extra]
          |        ^^^^^
          = help: list `entitlements` or `includes`, or remove the role

        1 error
        "#
    );
}

#[test]
fn refuses_administration_in_a_standard_role() {
    insta::assert_snapshot!(
        said(
            r#"
[entitlements.admin]
target = "directory"
privileged = true

[roles.admin]
entitlements = ["admin"]

[roles.extra]
standard = true
includes = ["admin"]

[roles.more]
standard = true
entitlements = [
    "staff",
    "admin",
]

[[rules]]
id = "extra"
when = { department = "IT" }
roles = ["extra", "more"]
"#,
        ),
        @r#"
        error[privileged-in-standard]: standard role `extra` gives privileged entitlement `admin` through role `admin`
         --> case.toml:8:8
          |
        8 | [roles.extra]
          |        ^^^^^
          = help: move it to a role of its own without `standard = true`, so that everyday work never carries administrative rights

        error[privileged-in-standard]: standard role `more` gives privileged entitlement `admin`
          --> case.toml:16:5
           |
        16 |     "admin",
           |     ^^^^^^^
           = help: move it to a role of its own without `standard = true`, so that everyday work never carries administrative rights

        2 errors
        "#
    );
}

#[test]
fn refuses_both_sides_of_a_pair_in_one_role() {
    insta::assert_snapshot!(
        said(
            r#"
[sod.pair]
left = ["staff"]
right = ["engineers"]
"#,
        ),
        @r#"
        error[sod-conflict]: role `engineering` gives `staff` and `engineers`, which SoD pair `pair` keeps apart
          --> good.toml:28:8
           |
        28 | [roles.engineering]
           |        ^^^^^^^^^^^
           = help: give the two through different roles and rules

        1 error
        "#
    );
}

#[test]
fn refuses_both_sides_of_a_pair_in_one_rule() {
    insta::assert_snapshot!(
        said(
            r#"
[entitlements.pay]
target = "directory"

[entitlements.approve]
target = "directory"

[roles.pay]
entitlements = ["pay"]

[roles.approve]
entitlements = ["approve"]

[sod.pair]
left = "pay"
right = "approve"

[[rules]]
id = "extra"
when = { department = "Finance" }
roles = ["pay", "approve"]
"#,
        ),
        @r#"
        error[sod-conflict]: rule `extra` gives `pay` and `approve`, which SoD pair `pair` keeps apart
          --> case.toml:20:9
           |
        20 | roles = ["pay", "approve"]
           |         ^^^^^^^^^^^^^^^^^^
           = help: give the two through different roles and rules

        1 error
        "#
    );
}

#[test]
fn refuses_an_entitlement_on_both_sides_of_a_pair() {
    insta::assert_snapshot!(
        said(
            r#"
[sod.pair]
left = ["staff"]
right = ["staff"]
"#,
        ),
        @r#"
        error[sod-overlap]: entitlement `staff` is on both sides of SoD pair `pair`
         --> case.toml:1:6
          |
        1 | [sod.pair]
          |      ^^^^
          = help: keep it on one side, or nobody could ever hold it

        1 error
        "#
    );
}

#[test]
fn refuses_a_rule_without_roles() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = "everyone"
roles = []
"#,
        ),
        @r#"
        error[empty]: `roles` of rule `extra` is empty
         --> case.toml:4:9
          |
        4 | roles = []
          |         ^^
          = help: give at least one entry

        1 error
        "#
    );
}
