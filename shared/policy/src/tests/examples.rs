//! Examples: how they read, how they run, and what is said when they fail.

use super::{GOOD, checked, said};

/// Somebody in Engineering, and rules and mappings that want examples.
const MORE: &str = r#"
[given]
given_name = "Ada"
family_name = "Lovelace"
department = "Engineering"

[[rules]]
id = "leads"
when = { department = "Engineering" }
where = "title.startsWith('Lead') && !title.contains('Intern')"
roles = ["lead"]

[entitlements.leads]
target = "directory"

[roles.lead]
entitlements = ["leads"]

[targets.extra]
mode = "observe"
base_url = "https://example.com"
token = "extra-token"

[targets.extra.attributes]
userName = { identifier = "user_name" }
externalId = { key = true }
title = { expr = "ToUpper(title)" }
nickName = "{preferred_given_name}"
"#;

fn with(examples: &str) -> String {
    checked(&format!("{MORE}\n{examples}"))
}

#[test]
fn examples_that_hold_leave_nothing_to_say() {
    let text = r#"
[[examples]]
name = "lead"
given = { title = "Lead Engineer" }
roles = ["base", "engineering", "lead"]
rules = ["everybody", "engineering", "leads"]
entitlements = ["engineers", "leads", "staff"]

[[examples]]
name = "intern"
given = { title = "Lead Intern" }
not_roles = ["lead"]
not_rules = ["leads"]
attributes.extra = { title = "LEAD INTERN", userName = "ada2", nickName = { absent = true } }

[[examples]]
name = "nobody"
without = ["department"]
cleared = ["title"]
entitlements = ["staff"]
attributes.extra = { title = { cleared = true } }

[[examples]]
name = "before"
given = { start_date = 2026-05-04 }
at = 2026-05-03
entitlements = []

[[examples]]
name = "after"
given = { start_date = 2026-05-04, end_date = "2026-05-06" }
at = 2026-05-07T00:00:00+01:00
entitlements = []
not_roles = ["base"]
"#;
    assert_eq!(with(text), "");
}

#[test]
fn what_differs_is_said_with_its_place() {
    insta::assert_snapshot!(
        with(
            r#"
[[examples]]
name = "lead"
given = { title = "Lead Engineer" }
roles = ["lead"]
not_roles = ["engineering"]
rules = ["leads"]
not_rules = ["everybody"]
entitlements = ["staff", "leads"]
attributes.extra = { title = "Lead", nickName = "Ada", userName = { absent = true }, externalId = { cleared = true } }
parked = ["title"]

[[examples]]
name = "none"
given = { title = "Engineer" }
roles = ["lead"]
rules = ["leads"]
entitlements = ["staff", "leads", "engineers"]
"#,
        ),
        @r##"
        error[example-failed]: example `lead` has roles `base`, `engineering`, `lead`
          --> case.toml:34:14
           |
        34 | not_roles = ["engineering"]
           |              ^^^^^^^^^^^^^
           = help: expected not role `engineering`: correct the policy, or the example if it is out of date

        error[example-failed]: example `lead` gets what it gets by rules `engineering`, `everybody`, `leads`
          --> case.toml:36:14
           |
        36 | not_rules = ["everybody"]
           |              ^^^^^^^^^^^
           = help: expected not rule `everybody`: correct the policy, or the example if it is out of date

        error[example-failed]: example `lead` has `engineers` too
          --> case.toml:37:16
           |
        37 | entitlements = ["staff", "leads"]
           |                ^^^^^^^^^^^^^^^^^^
           = help: expected entitlements `leads`, `staff`: correct the policy, or the example if it is out of date

        error[example-failed]: example `lead` has `title` = `LEAD ENGINEER` at `extra`
          --> case.toml:38:22
           |
        38 | attributes.extra = { title = "Lead", nickName = "Ada", userName = { absent = true }, externalId = { cleared = true } }
           |                      ^^^^^
           = help: expected `Lead`: correct the policy, or the example if it is out of date

        error[example-failed]: example `lead` writes no `nickName` at `extra`
          --> case.toml:38:38
           |
        38 | attributes.extra = { title = "Lead", nickName = "Ada", userName = { absent = true }, externalId = { cleared = true } }
           |                                      ^^^^^^^^
           = help: expected `Ada`: correct the policy, or the example if it is out of date

        error[example-failed]: example `lead` has `userName` = `ada2` at `extra`
          --> case.toml:38:56
           |
        38 | attributes.extra = { title = "Lead", nickName = "Ada", userName = { absent = true }, externalId = { cleared = true } }
           |                                                        ^^^^^^^^
           = help: expected nothing: correct the policy, or the example if it is out of date

        error[example-failed]: example `lead` has `externalId` = `example` at `extra`
          --> case.toml:38:86
           |
        38 | tra = { title = "Lead", nickName = "Ada", userName = { absent = true }, externalId = { cleared = true } }
           |                                                                         ^^^^^^^^^^
           = help: expected that it is cleared: correct the policy, or the example if it is out of date

        error[example-failed]: example `lead` is not parked for `title`
          --> case.toml:39:11
           |
        39 | parked = ["title"]
           |           ^^^^^^^
           = help: expected a problem with `title`: correct the policy, or the example if it is out of date

        error[example-failed]: example `none` has roles `base`, `engineering`
          --> case.toml:44:10
           |
        44 | roles = ["lead"]
           |          ^^^^^^
           = help: expected role `lead`: correct the policy, or the example if it is out of date

        error[example-failed]: example `none` gets what it gets by rules `engineering`, `everybody`
          --> case.toml:45:10
           |
        45 | rules = ["leads"]
           |          ^^^^^^^
           = help: expected rule `leads`: correct the policy, or the example if it is out of date

        error[example-failed]: example `none` lacks `leads`
          --> case.toml:46:16
           |
        46 | entitlements = ["staff", "leads", "engineers"]
           |                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: expected entitlements `engineers`, `leads`, `staff`: correct the policy, or the example if it is out of date

        11 errors
        "##
    );
}

#[test]
fn expressions_that_nobody_exercises_are_warned_of() {
    insta::assert_snapshot!(
        with(
            r#"
[[examples]]
name = "engineer"
given = { title = "Engineer" }
not_rules = ["leads"]
attributes.extra = { nickName = { absent = true } }
"#,
        ),
        @r##"
        warning[untested]: no example gets anything by rule `leads`
         --> case.toml:9:1
          |
        9 | where = "title.startsWith('Lead') && !title.contains('Intern')"
          | ^^^^^
          = help: add to `[[examples]]` somebody for whom its `where` holds, with `rules = ["leads"]`, and somebody for whom it does not

        warning[untested]: no example expects a value of `title` at `extra`
          --> case.toml:26:1
           |
        26 | title = { expr = "ToUpper(title)" }
           | ^^^^^
           = help: add to `[[examples]]` somebody with `attributes.extra = { 'title' = "..." }`

        2 warnings
        "##
    );
}

#[test]
fn a_parked_example_says_why_unless_it_is_expected() {
    let text = r#"
required = ["title"]

[validate.team]
one_of = ["Blue"]

[[examples]]
name = "surprise"
given = { team = "Red" }
roles = ["lead"]

[[examples]]
name = "expected"
given = { team = "Red" }
parked = ["team", "title"]
entitlements = []

[[examples]]
name = "elsewhere"
given = { team = "Blue", title = "Lead" }
parked = ["team"]
rules = ["leads"]
attributes.extra = { title = "LEAD" }
"#;
    insta::assert_snapshot!(checked(&format!("{}{MORE}", text.trim_start())), @r##"
        error[example-failed]: example `surprise` is parked: `title` is required; `team` fails `one_of`
         --> case.toml:7:8
          |
        7 | name = "surprise"
          |        ^^^^^^^^^^
          = help: give it the missing attributes (in `[given]` for all examples), or expect it with `parked = [...]`

        error[example-failed]: example `elsewhere` is not parked for `team`
          --> case.toml:20:11
           |
        20 | parked = ["team"]
           |           ^^^^^^
           = help: expected a problem with `team`: correct the policy, or the example if it is out of date

        2 errors
        "##);
}

#[test]
fn a_failing_example_does_not_stop_a_function() {
    let failing = "[[examples]]\nname = \"a\"\ngiven = { title = \"x\" }\nentitlements = []\n";
    let files = || {
        [("good.toml", GOOD), ("case.toml", failing)]
            .map(|(name, text)| (name.to_owned(), text.to_owned()))
    };
    assert_eq!(crate::load_files(files()).unwrap().examples, 1);
    assert_eq!(crate::check_files(files()).unwrap_err().count(), 1);
}

#[test]
fn refuses_examples_that_cannot_be() {
    insta::assert_snapshot!(
        said(
            r#"
[given]
lifecycle = "active"

[[examples]]
name = "a"
given = { department = 5 }
without = ["title"]
at = "tomorrow"
roles = ["base"]
role = ["base"]

[[examples]]
name = "a"
at = 2026-01-01T12:00:00

[[examples]]
roles = ["base"]
"#,
        ),
        @r##"
        error[bad-attribute]: `lifecycle` is derived and never stated
         --> case.toml:2:1
          |
        2 | lifecycle = "active"
          | ^^^^^^^^^
          = help: state `start_date`, `end_date` or `worker_status`, and when to look with `at`

        error[bad-example]: example `a` gives no attribute
         --> case.toml:4:1
          |
        4 | [[examples]]
          | ^^^^^^^^^^^^
          = help: add for example `given = { department = "Sales" }`, or a section `[given]` for all examples

        error[wrong-type]: `department` of `given` of example `a` is a whole number and must be a text
         --> case.toml:6:24
          |
        6 | given = { department = 5 }
          |                        ^
          = help: write for example `"..."`

        error[bad-example]: `title` is not given anyway
         --> case.toml:7:12
          |
        7 | without = ["title"]
          |            ^^^^^^^
          = help: remove it: `without` takes away what `[given]` states for every example

        error[bad-time]: `at` of example `a` is neither a day nor a point in time
         --> case.toml:8:6
          |
        8 | at = "tomorrow"
          |      ^^^^^^^^^^
          = help: give a day, or date, time and offset: `2027-03-31T18:00:00+02:00`

        error[unknown-key]: `role` is not a key of example `a`
          --> case.toml:10:1
           |
        10 | role = ["base"]
           | ^^^^
           = help: did you mean `roles`?

        error[bad-example]: example `a` expects nothing
          --> case.toml:12:1
           |
        12 | [[examples]]
           | ^^^^^^^^^^^^
           = help: add for example `entitlements = []`, `roles`, `not_roles`, `rules`, `not_rules`, `attributes` or `parked`

        error[bad-example]: example `a` gives no attribute
          --> case.toml:12:1
           |
        12 | [[examples]]
           | ^^^^^^^^^^^^
           = help: add for example `given = { department = "Sales" }`, or a section `[given]` for all examples

        error[defined-twice]: example `a` is defined twice
          --> case.toml:13:8
           |
        13 | name = "a"
           |        ^^^
           = help: remove or rename one of the two; the first is at case.toml:5

        error[bad-time]: `at` of example `a` is neither a day nor a point in time
          --> case.toml:14:6
           |
        14 | at = 2026-01-01T12:00:00
           |      ^^^^^^^^^^^^^^^^^^^
           = help: give a day, or date, time and offset: `2027-03-31T18:00:00+02:00`

        error[bad-example]: the example gives no attribute
          --> case.toml:16:1
           |
        16 | [[examples]]
           | ^^^^^^^^^^^^
           = help: add for example `given = { department = "Sales" }`, or a section `[given]` for all examples

        error[missing-key]: the example lacks `name`
          --> case.toml:16:1
           |
        16 | [[examples]]
           | ^^^^^^^^^^^^
           = help: add for example `name = "engineer"`

        12 errors
        "##
    );
}

#[test]
fn refuses_expectations_of_what_is_not_there() {
    insta::assert_snapshot!(
        said(
            r#"
[[examples]]
name = "a"
given = { title = "x" }
roles = ["bass"]
rules = ["everbody"]
entitlements = ["stuff"]
attributes.directory = { usrName = "x", userName = { absent = true, cleared = true }, externalId = 5 }
attributes.directry = { title = "x" }
parked = ["titel"]
"#,
        ),
        @r##"
        error[unresolved]: role `bass` does not exist
         --> case.toml:4:10
          |
        4 | roles = ["bass"]
          |          ^^^^^^
          = help: did you mean `base`? otherwise define it under `[roles.bass]`

        error[unresolved]: rule `everbody` does not exist
         --> case.toml:5:10
          |
        5 | rules = ["everbody"]
          |          ^^^^^^^^^^
          = help: did you mean `everybody`? otherwise define it with `id = "everbody"` in `[[rules]]`

        error[unresolved]: entitlement `stuff` does not exist
         --> case.toml:6:17
          |
        6 | entitlements = ["stuff"]
          |                 ^^^^^^^
          = help: did you mean `staff`? otherwise define it under `[entitlements.stuff]`

        error[unresolved]: attribute `usrName` does not exist
         --> case.toml:7:26
          |
        7 | attributes.directory = { usrName = "x", userName = { absent = true, cleared = true }, externalId = 5 }
          |                          ^^^^^^^
          = help: did you mean `userName`? otherwise map it in `[targets.directory.attributes]`

        error[bad-example]: `userName` of `directory` of `attributes` of example `a` says nothing
         --> case.toml:7:52
          |
        7 | attributes.directory = { usrName = "x", userName = { absent = true, cleared = true }, externalId = 5 }
          |                                                    ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: write a text, `{ absent = true }` or `{ cleared = true }`

        error[wrong-type]: `externalId` of `directory` of `attributes` of example `a` is a whole number and must be a text
         --> case.toml:7:100
          |
        7 | rName = "x", userName = { absent = true, cleared = true }, externalId = 5 }
          |                                                                         ^
          = help: write for example `"..."`

        error[unresolved]: target `directry` does not exist
         --> case.toml:8:12
          |
        8 | attributes.directry = { title = "x" }
          |            ^^^^^^^^
          = help: did you mean `directory`? otherwise define it under `[targets.directry]`

        error[unknown-attribute]: `titel` is not an attribute
         --> case.toml:9:11
          |
        9 | parked = ["titel"]
          |           ^^^^^^^
          = help: attributes are a closed set, listed in docs/policy.md; map the source's own fields onto `extension_1` to `extension_15`

        8 errors
        "##
    );
}
