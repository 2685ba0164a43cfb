//! Templates, identifiers and mappings.

use super::said;

#[test]
fn refuses_bad_templates() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.extra]
mode = "observe"
base_url = "https://example.com"
token = "extra-token"

[targets.extra.attributes]
userName = "{given_name"
externalId = { key = true }
title = "a } b"
userType = "{}{n}{ title }{given_nam|title}"
nickName = "{given_name:lowr} {middle_name:initial?} {title:reverse}"
"name.formatted" = ""
profileUrl = "caf\u00e9 {oops}"
"#,
        ),
        @r#"
        error[bad-template]: `{` is never closed
         --> case.toml:7:13
          |
        7 | userName = "{given_name"
          |             ^^^^^^^^^^^
          = help: add `}`, or write `{{` for a brace

        error[bad-template]: `}` closes nothing
         --> case.toml:9:12
          |
        9 | title = "a } b"
          |            ^
          = help: write `}}` for a brace

        error[bad-template]: an attribute's name is missing or has blanks around it
          --> case.toml:10:14
           |
        10 | userType = "{}{n}{ title }{given_nam|title}"
           |              ^
           = help: write `{given_name}`, or `{preferred_given_name|given_name}`

        error[bad-template]: `{n}` counts collisions, and only an identifier's ladder has them
          --> case.toml:10:16
           |
        10 | userType = "{}{n}{ title }{given_nam|title}"
           |                ^
           = help: make an identifier and map it with `{ identifier = "..." }`

        error[bad-template]: an attribute's name is missing or has blanks around it
          --> case.toml:10:19
           |
        10 | userType = "{}{n}{ title }{given_nam|title}"
           |                   ^^^^^^^
           = help: write `{given_name}`, or `{preferred_given_name|given_name}`

        error[unknown-attribute]: `given_nam` is not an attribute
          --> case.toml:10:28
           |
        10 | userType = "{}{n}{ title }{given_nam|title}"
           |                            ^^^^^^^^^
           = help: did you mean `given_name`?

        error[bad-template]: `lowr` is not a filter
          --> case.toml:11:25
           |
        11 | nickName = "{given_name:lowr} {middle_name:initial?} {title:reverse}"
           |                         ^^^^
           = help: did you mean `lower`?

        error[bad-template]: `initial?` is not a filter
          --> case.toml:11:44
           |
        11 | nickName = "{given_name:lowr} {middle_name:initial?} {title:reverse}"
           |                                            ^^^^^^^^
           = help: write the question mark before the colon: `{middle_name?:initial}`

        error[bad-template]: `reverse` is not a filter
          --> case.toml:11:61
           |
        11 | nickName = "{given_name:lowr} {middle_name:initial?} {title:reverse}"
           |                                                             ^^^^^^^
           = help: the filters are `lower`, `upper`, `initial`, `slug`

        error[empty]: `name.formatted` of `attributes` of target `extra` is empty
          --> case.toml:12:20
           |
        12 | "name.formatted" = ""
           |                    ^^
           = help: state a value, or leave the key out

        error[unknown-attribute]: `oops` is not an attribute
          --> case.toml:13:14
           |
        13 | profileUrl = "caf\u00e9 {oops}"
           |              ^^^^^^^^^^^^^^^^^^
           = help: attributes are a closed set, listed in docs/policy.md; map the source's own fields onto `extension_1` to `extension_15`

        11 errors
        "#
    );
}

#[test]
fn refuses_a_bad_ladder() {
    insta::assert_snapshot!(
        said(
            r#"
[identifiers.email]
ladder = ["staff", "{given_name}{n}", "{family_name}{n}"]
max_length = 4
stated = "mail"
"#,
        ),
        @r#"
        error[bad-ladder]: the template names no attribute, so that everybody would get the same
         --> case.toml:2:11
          |
        2 | ladder = ["staff", "{given_name}{n}", "{family_name}{n}"]
          |           ^^^^^^^
          = help: name at least one, as in `{given_name:slug}`

        error[bad-ladder]: `{n}` stands in a template that is not the last
         --> case.toml:2:20
          |
        2 | ladder = ["staff", "{given_name}{n}", "{family_name}{n}"]
          |                    ^^^^^^^^^^^^^^^^^
          = help: the counter repeats the last template: move this one to the end

        error[out-of-range]: `max_length` of identifier `email` is 4
         --> case.toml:3:14
          |
        3 | max_length = 4
          |              ^
          = help: give a number from 8 to 256

        error[unknown-attribute]: `mail` is not an attribute
         --> case.toml:4:10
          |
        4 | stated = "mail"
          |          ^^^^^^
          = help: attributes are a closed set, listed in docs/policy.md; map the source's own fields onto `extension_1` to `extension_15`

        warning[unused]: no target maps identifier `email`
         --> case.toml:1:14
          |
        1 | [identifiers.email]
          |              ^^^^^
          = help: map it with `{ identifier = "email" }`, or remove it

        4 errors, 1 warning
        "#
    );
}

#[test]
fn refuses_expressions_without_one_meaning() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.extra]
mode = "observe"
base_url = "https://example.com"
token = "extra-token"

[targets.extra.attributes]
userName = { identifier = "username" }
externalId = { key = false }
title = { strength = "always" }
userType = { template = "{title}", lookup = "title", table = { a = "b" } }
nickName = { first_of = [] }
locale = { lookup = "country", default = "en" }
timezone = { lookup = "employment_type", table = { employed = "x" } }
preferredLanguage = { template = "{language}", strength = "sometimes", table = { a = "b" } }
profileUrl = 7
"#,
        ),
        @r#"
        error[unresolved]: identifier `username` does not exist
         --> case.toml:7:27
          |
        7 | userName = { identifier = "username" }
          |                           ^^^^^^^^^^
          = help: did you mean `user_name`? otherwise define it under `[identifiers.username]`

        error[bad-expression]: `key` of `externalId` of `attributes` of target `extra` is false
         --> case.toml:8:22
          |
        8 | externalId = { key = false }
          |                      ^^^^^
          = help: write `true`, or remove the mapping

        error[bad-expression]: `title` of `attributes` of target `extra` does not say where its value comes from
         --> case.toml:9:9
          |
        9 | title = { strength = "always" }
          |         ^^^^^^^^^^^^^^^^^^^^^^^
          = help: give exactly one of `template`, `lookup`, `expr`, `first_of`, `identifier`, `manager`, `key`

        error[bad-expression]: `userType` of `attributes` of target `extra` says twice where its value comes from
          --> case.toml:10:12
           |
        10 | userType = { template = "{title}", lookup = "title", table = { a = "b" } }
           |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: give exactly one of `template`, `lookup`, `expr`, `first_of`, `identifier`, `manager`, `key`

        error[empty]: `first_of` of `nickName` of `attributes` of target `extra` is empty
          --> case.toml:11:25
           |
        11 | nickName = { first_of = [] }
           |                         ^^
           = help: give at least one entry

        error[missing-key]: `locale` of `attributes` of target `extra` lacks `table`
          --> case.toml:12:10
           |
        12 | locale = { lookup = "country", default = "en" }
           |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add for example `table = { PT = "Portugal" }`

        error[unreachable-value]: `employment_type` is never `employed`
          --> case.toml:13:52
           |
        13 | timezone = { lookup = "employment_type", table = { employed = "x" } }
           |                                                    ^^^^^^^^
           = help: did you mean `employee`? its values are `acquired`, `contractor`, `employee`, `intern`

        error[unknown-word]: `strength` of `preferredLanguage` of `attributes` of target `extra` cannot be `sometimes`
          --> case.toml:14:59
           |
        14 | preferredLanguage = { template = "{language}", strength = "sometimes", table = { a = "b" } }
           |                                                           ^^^^^^^^^^^
           = help: give `on_create` or `always` or `fill_if_empty`

        error[unknown-key]: `table` is not a key of `preferredLanguage` of `attributes` of target `extra`
          --> case.toml:14:72
           |
        14 | preferredLanguage = { template = "{language}", strength = "sometimes", table = { a = "b" } }
           |                                                                        ^^^^^
           = help: the keys here are `strength`, `template`, `lookup`, `expr`, `first_of`, `identifier`, `manager`, `key`

        error[wrong-type]: `profileUrl` of `attributes` of target `extra` is a whole number and must be a template or a table
          --> case.toml:15:14
           |
        15 | profileUrl = 7
           |              ^
           = help: write for example `"{title}"`

        10 errors
        "#
    );
}

#[test]
fn refuses_paths_that_are_not_for_policy() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.extra]
mode = "observe"
base_url = "https://example.com"
token = "extra-token"

[targets.extra.attributes]
username = "{work_email}"
active = "true"
emails = "{work_email}"
"emails[type = work].value" = "{work_email}"
'emails[type eq "home"].value' = "{personal_email}"
Title = "{title}"
title = "{title}"
"http://example.com:x" = "{title}"
"#,
        ),
        @r#"
        error[missing-key]: `attributes` of target `extra` does not map `externalId` to the key
         --> case.toml:6:1
          |
        6 | [targets.extra.attributes]
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add `externalId = { key = true }`: accounts are found by it before any is made

        error[missing-key]: `attributes` of target `extra` lacks `userName`
         --> case.toml:6:1
          |
        6 | [targets.extra.attributes]
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `userName = { identifier = "user_name" }`: every account has one

        error[bad-path]: `username` is written `userName`
         --> case.toml:7:1
          |
        7 | username = "{work_email}"
          | ^^^^^^^^
          = help: write `userName`

        error[not-here]: `active` is not mapped by policy
         --> case.toml:8:1
          |
        8 | active = "true"
          | ^^^^^^
          = help: remove it: the lifecycle decides whether an account can sign in

        error[bad-path]: `emails` names a list as a whole
         --> case.toml:9:1
          |
        9 | emails = "{work_email}"
          | ^^^^^^
          = help: say which element, as in `'emails[type eq "work"].value'`

        error[bad-path]: `emails[type = work].value` is not the path of an attribute
          --> case.toml:10:1
           |
        10 | "emails[type = work].value" = "{work_email}"
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: write for example `title`, `"name.givenName"`, `'emails[type eq "work"].value'`, or one of these after an extension's URN and a colon

        error[private-attribute]: `emails[type eq "home"].value` of `attributes` of target `extra` would send the private address to a target
          --> case.toml:11:34
           |
        11 | 'emails[type eq "home"].value' = "{personal_email}"
           |                                  ^^^^^^^^^^^^^^^^^^
           = help: map `work_email`: `personal_email` is for finding the person, and is never provisioned

        error[twice]: `title` is mapped as `Title` already
          --> case.toml:13:1
           |
        13 | title = "{title}"
           | ^^^^^
           = help: keep one: attribute names have no case (RFC 7643 section 2.1)

        error[bad-path]: `http://example.com:x` is not the path of an attribute
          --> case.toml:14:1
           |
        14 | "http://example.com:x" = "{title}"
           | ^^^^^^^^^^^^^^^^^^^^^^
           = help: write for example `title`, `"name.givenName"`, `'emails[type eq "work"].value'`, or one of these after an extension's URN and a colon

        9 errors
        "#
    );
}
