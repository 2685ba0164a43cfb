//! Conditions, standards and zones that can never mean anything.

use super::said;

#[test]
fn refuses_a_rule_without_conditions() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = {}
roles = ["base"]
"#,
        ),
        @r#"
        error[empty-condition]: `when` of rule `extra` has no condition
         --> case.toml:3:8
          |
        3 | when = {}
          |        ^^
          = help: state at least one, or write `"everyone"` if everybody is meant

        1 error
        "#
    );
}

#[test]
fn refuses_a_condition_that_tests_nothing() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = { department = {}, title = [], location = { in = [] } }
roles = ["base"]
"#,
        ),
        @r#"
        error[empty-condition]: `department` of `when` of rule `extra` tests nothing
         --> case.toml:3:23
          |
        3 | when = { department = {}, title = [], location = { in = [] } }
          |                       ^^
          = help: write a value, a list of values, or `in`, `not_in`, `prefix`, `present`, `absent`

        error[empty]: `title` of `when` of rule `extra` is empty
         --> case.toml:3:35
          |
        3 | when = { department = {}, title = [], location = { in = [] } }
          |                                   ^^
          = help: give at least one entry

        error[empty]: `in` of `location` of `when` of rule `extra` is empty
         --> case.toml:3:57
          |
        3 | when = { department = {}, title = [], location = { in = [] } }
          |                                                         ^^
          = help: give at least one entry

        3 errors
        "#
    );
}

#[test]
fn refuses_conditions_that_exclude_each_other() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = { title = { absent = true, not_in = ["Clerk"] }, clearance = { present = false }, city = { in = ["Porto"], prefix = ["P"] } }
roles = ["base"]
"#,
        ),
        @r#"
        error[bad-condition]: `title` of `when` of rule `extra` wants the attribute absent and something else
         --> case.toml:3:18
          |
        3 | when = { title = { absent = true, not_in = ["Clerk"] }, clearance = { present = false }, city = { in = ["Porto"], prefix = ["P"] } }
          |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: keep `absent` alone, or remove it: an absent value fails every other test but `not_in`

        error[bad-condition]: `present` of `clearance` of `when` of rule `extra` is false
         --> case.toml:3:81
          |
        3 |  title = { absent = true, not_in = ["Clerk"] }, clearance = { present = false }, city = { in = ["Porto"], prefix = ["P"] } }
          |                                                                         ^^^^^
          = help: write `{ absent = true }`

        error[bad-condition]: `city` of `when` of rule `extra` lists its values and tests something else too
         --> case.toml:3:97
          |
        3 | t = true, not_in = ["Clerk"] }, clearance = { present = false }, city = { in = ["Porto"], prefix = ["P"] } }
          |                                                                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: keep `in` alone, with the values that are meant

        3 errors
        "#
    );
}

#[test]
fn refuses_a_value_that_never_occurs() {
    insta::assert_snapshot!(
        said(
            r#"
[standards.department]
closed = true
values = { "Engineering" = ["R&D"], "Sales" = [] }

[[rules]]
id = "extra"
when = { department = ["Enginering", "R&D"], employment_type = { not_in = ["Contractor"] }, worker_status = "retired", lifecycle = { prefix = ["re"] } }
roles = ["base"]
"#,
        ),
        @r#"
        error[unreachable-value]: `department` is never `Enginering`
         --> case.toml:7:24
          |
        7 | when = { department = ["Enginering", "R&D"], employment_type = { not_in = ["Contractor"] }, worker_status = "retired", lifecycle = { prefix = ["
          |                        ^^^^^^^^^^^^
          = help: did you mean `Engineering`? its values are `Engineering`, `Sales`

        error[unreachable-value]: `department` is never `R&D`
         --> case.toml:7:38
          |
        7 | when = { department = ["Enginering", "R&D"], employment_type = { not_in = ["Contractor"] }, worker_status = "retired", lifecycle = { prefix = ["
          |                                      ^^^^^
          = help: the standards turn that spelling into `Engineering`: write that

        error[unreachable-value]: `employment_type` is never `Contractor`
         --> case.toml:7:76
          |
        7 | n = { department = ["Enginering", "R&D"], employment_type = { not_in = ["Contractor"] }, worker_status = "retired", lifecycle = { prefix = ["re"
          |                                                                         ^^^^^^^^^^^^
          = help: did you mean `contractor`? its values are `acquired`, `contractor`, `employee`, `intern`

        error[unreachable-value]: `worker_status` is never `retired`
         --> case.toml:7:109
          |
        7 |  "R&D"], employment_type = { not_in = ["Contractor"] }, worker_status = "retired", lifecycle = { prefix = ["re"] } }
          |                                                                         ^^^^^^^^^
          = help: its values are `active`, `leave`, `no_show`, `terminated`

        error[unreachable-value]: no value of `lifecycle` begins with `re`
         --> case.toml:7:144
          |
        7 |  = ["Contractor"] }, worker_status = "retired", lifecycle = { prefix = ["re"] } }
          |                                                                         ^^^^
          = help: its values are `active`, `ended`, `prehire`, `suspended`

        5 errors
        "#
    );
}

#[test]
fn refuses_a_spelling_of_two_values() {
    insta::assert_snapshot!(
        said(
            r#"
[standards.department.values]
"Sales" = ["Commercial", "sales"]
"Marketing" = ["commercial ", "Sales"]
"Engineering" = []
"#,
        ),
        @r#"
        error[unreachable-standard]: `Commercial` cannot become `Sales`: it reads as `Marketing` already
         --> case.toml:2:12
          |
        2 | "Sales" = ["Commercial", "sales"]
          |            ^^^^^^^^^^^^
          = help: keep a spelling under one value; case and blanks are ignored

        error[unreachable-standard]: `sales` reads as `Sales` anyway
         --> case.toml:2:26
          |
        2 | "Sales" = ["Commercial", "sales"]
          |                          ^^^^^^^
          = help: remove it: case and blanks are ignored

        error[unreachable-standard]: `Sales` cannot become `Marketing`: it reads as `Sales` already
         --> case.toml:3:31
          |
        3 | "Marketing" = ["commercial ", "Sales"]
          |                               ^^^^^^^
          = help: keep a spelling under one value; case and blanks are ignored

        3 errors
        "#
    );
}

#[test]
fn refuses_a_standard_value_that_the_model_does_not_know() {
    insta::assert_snapshot!(
        said(
            r#"
[standards.worker_status.values]
retired = ["Retired"]

[standards.country.values]
Portugal = ["PT"]

[standards.start_date.values]
"2026-01-01" = ["New Year"]

[standards.title]
closed = true
values = {}
"#,
        ),
        @r#"
        error[bad-standard]: `worker_status` cannot be `retired`
         --> case.toml:2:1
          |
        2 | retired = ["Retired"]
          | ^^^^^^^
          = help: make it a spelling of one of `active`, `leave`, `terminated`, `no_show`

        error[unreachable-standard]: `Retired` reads as `retired` anyway
         --> case.toml:2:12
          |
        2 | retired = ["Retired"]
          |            ^^^^^^^^^
          = help: remove it: case and blanks are ignored

        error[bad-standard]: `Portugal` is not a country code
         --> case.toml:5:1
          |
        5 | Portugal = ["PT"]
          | ^^^^^^^^
          = help: write the two letters of ISO 3166-1, in upper case, and the name as a spelling

        error[bad-standard]: `start_date` has no spellings to standardise
         --> case.toml:7:12
          |
        7 | [standards.start_date.values]
          |            ^^^^^^^^^^
          = help: remove it: dates, zones, keys and derived attributes have one form

        error[empty]: `values` of the standard of `title` is empty
          --> case.toml:12:10
           |
        12 | values = {}
           |          ^^
           = help: a closed standard without values would park every record, an open one does nothing

        5 errors
        "#
    );
}

#[test]
fn refuses_a_zone_that_iana_lacks() {
    insta::assert_snapshot!(
        said(
            r#"
[zones]
"Lisbon" = "Europe/Lisboa"
"Auckland" = "pacific/auckland"
"Home" = "GMT+2"
"#,
        ),
        @r#"
        error[unknown-zone]: `Europe/Lisboa` is not an IANA time zone
         --> case.toml:2:12
          |
        2 | "Lisbon" = "Europe/Lisboa"
          |            ^^^^^^^^^^^^^^^
          = help: did you mean `Europe/Lisbon`?

        error[unknown-zone]: `pacific/auckland` is not an IANA time zone
         --> case.toml:3:14
          |
        3 | "Auckland" = "pacific/auckland"
          |              ^^^^^^^^^^^^^^^^^^
          = help: did you mean `Pacific/Auckland`?

        error[unknown-zone]: `GMT+2` is not an IANA time zone
         --> case.toml:4:10
          |
        4 | "Home" = "GMT+2"
          |          ^^^^^^^
          = help: write area and city, for example `Europe/Lisbon`

        3 errors
        "#
    );
}

#[test]
fn refuses_a_time_without_offset() {
    insta::assert_snapshot!(
        said(
            r#"
[[rules]]
id = "extra"
when = "everyone"
roles = ["base"]
until = 2027-03-31
for_days = 0
"#,
        ),
        @r#"
        error[bad-time]: `until` of rule `extra` is not a point in time
         --> case.toml:5:9
          |
        5 | until = 2027-03-31
          |         ^^^^^^^^^^
          = help: give date, time and offset, for example `2027-03-31T18:00:00+02:00`

        error[out-of-range]: `for_days` of rule `extra` is 0
         --> case.toml:6:12
          |
        6 | for_days = 0
          |            ^
          = help: give a number from 1 to 3660

        2 errors
        "#
    );
}

#[test]
fn refuses_a_correlation_that_contradicts_itself() {
    insta::assert_snapshot!(
        said(
            r#"
[[correlation]]
name = "mail"
on = "work_email"
confirm = ["work_email"]
ended = "join"
active = { Contractor = "link", employee = "maybe" }
confidence = 90

[[correlation]]
name = "mail"
on = "lifecycle"
ended = "link"
active = {}
confidence = 90
"#,
        ),
        @r#"
        error[twice]: `work_email` finds the candidate and cannot confirm it too
         --> case.toml:4:12
          |
        4 | confirm = ["work_email"]
          |            ^^^^^^^^^^^^
          = help: remove it, or confirm by another attribute

        error[unknown-word]: `ended` of correlation rule `mail` cannot be `join`
         --> case.toml:5:9
          |
        5 | ended = "join"
          |         ^^^^^^
          = help: give `link` or `case` or `ignore`

        error[unreachable-value]: `employment_type` is never `Contractor`
         --> case.toml:6:12
          |
        6 | active = { Contractor = "link", employee = "maybe" }
          |            ^^^^^^^^^^
          = help: did you mean `contractor`? its values are `acquired`, `contractor`, `employee`, `intern`

        error[unknown-word]: `employee` of `active` of correlation rule `mail` cannot be `maybe`
         --> case.toml:6:44
          |
        6 | active = { Contractor = "link", employee = "maybe" }
          |                                            ^^^^^^^
          = help: give `link` or `case` or `ignore`

        error[defined-twice]: correlation rule `mail` is defined twice
         --> case.toml:9:1
          |
        9 | [[correlation]]
          | ^^^^^^^^^^^^^^^
          = help: rename or remove one of the two: decisions are recorded under the name

        error[bad-attribute]: `lifecycle` is derived and never stated
          --> case.toml:11:6
           |
        11 | on = "lifecycle"
           |      ^^^^^^^^^^^
           = help: correlate on an attribute that tells people apart

        6 errors
        "#
    );
}

#[test]
fn refuses_to_require_what_is_derived() {
    insta::assert_snapshot!(
        said(
            r#"
required = ["lifecycle", "given_name"]
"#,
        ),
        @r#"
        error[bad-attribute]: `lifecycle` is derived and never stated
         --> case.toml:1:13
          |
        1 | required = ["lifecycle", "given_name"]
          |             ^^^^^^^^^^^
          = help: remove it

        1 error
        "#
    );
}
