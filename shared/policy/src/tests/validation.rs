//! Tests of HR data: how they read, and what is refused.

use domain::policy::Test;
use domain::validate::{Check, Day};

use super::said;

#[test]
fn every_test_is_read() {
    let file = r#"
[validate.work_email]
suffix = "@example.com"
max_length = 64

[validate.employee_number]
prefix = ["E", "C"]
min_length = 4

[validate.end_date]
not_before = "start_date"
not_after = 2099-12-31
required_when = { employment_type = "contractor" }

[validate.country]
one_of = ["PT", "DE"]
"#;
    let files = [("good.toml", super::GOOD), ("case.toml", file)]
        .map(|(name, file)| (name.to_owned(), file.to_owned()));
    let policy = crate::load_files(files).unwrap().policy;
    let read: Vec<String> = policy
        .validations
        .iter()
        .map(|one| {
            let test = match &one.test {
                Check::OneOf(values) => format!("{values:?}"),
                Check::Prefix(ends) | Check::Suffix(ends) => format!("{ends:?}"),
                Check::MinLength(length) | Check::MaxLength(length) => length.to_string(),
                Check::NotBefore(Day::Attr(attr)) | Check::NotAfter(Day::Attr(attr)) => {
                    attr.to_string()
                }
                Check::NotBefore(Day::Date(date)) | Check::NotAfter(Day::Date(date)) => {
                    date.to_string()
                }
                Check::RequiredWhen(conditions) => {
                    let [condition] = conditions.as_slice() else {
                        panic!("{conditions:?}");
                    };
                    let Test::In(values) = &condition.test else {
                        panic!("{condition:?}");
                    };
                    format!("{} {values:?}", condition.attr)
                }
            };
            format!("{} {} {test}", one.attr, one.test.rule().name())
        })
        .collect();
    assert_eq!(
        read,
        [
            r#"employee_number prefix ["E", "C"]"#,
            "employee_number min_length 4",
            r#"work_email suffix ["@example.com"]"#,
            "work_email max_length 64",
            r#"country one_of {"DE", "PT"}"#,
            "end_date not_before start_date",
            "end_date not_after 2099-12-31",
            r#"end_date required_when employment_type {"contractor"}"#,
        ]
    );
}

#[test]
fn refuses_tests_that_say_nothing_or_nonsense() {
    insta::assert_snapshot!(
        said(
            r#"
required = ["title"]

[validate.departement]
max_length = 8

[validate.lifecycle]
one_of = "active"

[validate.title]
min_length = 9
max_length = 3
required_when = { department = "Sales" }
not_before = 2020-01-01

[validate.start_date]
not_before = "start_date"
not_after = "2020-13-01"

"#,
        ),
        @r##"
        error[unknown-attribute]: `departement` is not an attribute
         --> case.toml:3:11
          |
        3 | [validate.departement]
          |           ^^^^^^^^^^^
          = help: did you mean `department`?

        error[bad-attribute]: `lifecycle` is derived and never stated
         --> case.toml:6:11
          |
        6 | [validate.lifecycle]
          |           ^^^^^^^^^
          = help: remove it, or use `worker_status`

        error[bad-validation]: the validation of `title` wants at least 9 and at most 3 characters
         --> case.toml:9:11
          |
        9 | [validate.title]
          |           ^^^^^
          = help: make `min_length` the smaller number

        error[bad-validation]: `required_when` of the validation of `title` says nothing: the attribute is in `required`
          --> case.toml:12:17
           |
        12 | required_when = { department = "Sales" }
           |                 ^^^^^^^^^^^^^^^^^^^^^^^^
           = help: remove one of the two

        error[bad-validation]: `title` is no day
          --> case.toml:13:14
           |
        13 | not_before = 2020-01-01
           |              ^^^^^^^^^^
           = help: days are `start_date`, `end_date`, `original_hire_date`

        error[bad-validation]: `not_before` of the validation of `start_date` is neither a day nor another attribute that is one
          --> case.toml:16:14
           |
        16 | not_before = "start_date"
           |              ^^^^^^^^^^^^
           = help: write for example `2020-01-01`, or one of `start_date`, `end_date`, `original_hire_date`

        error[bad-validation]: `not_after` of the validation of `start_date` is neither a day nor another attribute that is one
          --> case.toml:17:13
           |
        17 | not_after = "2020-13-01"
           |             ^^^^^^^^^^^^
           = help: write for example `2020-01-01`, or one of `start_date`, `end_date`, `original_hire_date`

        7 errors
        "##
    );
}

#[test]
fn refuses_tests_that_nothing_or_nobody_can_pass() {
    insta::assert_snapshot!(
        said(
            r#"
[validate.end_date]
required_when = { lifecycle = "active" }

[validate.team]

[validate.employment_type]
one_of = ["employe"]
prefix = "X"
pattern = "^e"

[validate.city]
required_when = "everyone"
"#,
        ),
        @r##"
        error[bad-attribute]: `lifecycle` is derived and never stated
         --> case.toml:2:19
          |
        2 | required_when = { lifecycle = "active" }
          |                   ^^^^^^^^^
          = help: remove it, or use `worker_status`

        error[empty]: the validation of `team` tests nothing
         --> case.toml:4:11
          |
        4 | [validate.team]
          |           ^^^^
          = help: add for example `max_length = 64`, or remove it

        error[unreachable-value]: `employment_type` is never `employe`
         --> case.toml:7:11
          |
        7 | one_of = ["employe"]
          |           ^^^^^^^^^
          = help: did you mean `employee`? its values are `acquired`, `contractor`, `employee`, `intern`

        error[unreachable-value]: no value of `employment_type` begins with `X`
         --> case.toml:8:10
          |
        8 | prefix = "X"
          |          ^^^
          = help: its values are `acquired`, `contractor`, `employee`, `intern`

        error[unknown-key]: `pattern` is not a key of the validation of `employment_type`
         --> case.toml:9:1
          |
        9 | pattern = "^e"
          | ^^^^^^^
          = help: the keys here are `one_of`, `prefix`, `suffix`, `min_length`, `max_length`, `not_before`, `not_after`, `required_when`

        error[wrong-type]: `required_when` of the validation of `city` is a text and must be a table of conditions
          --> case.toml:12:17
           |
        12 | required_when = "everyone"
           |                 ^^^^^^^^^^
           = help: write for example `{ employment_type = "contractor" }`

        6 errors
        "##
    );
}
