//! Dialects that a policy defines, and targets that do not fit theirs.

use std::collections::BTreeSet;

use domain::Profile;
use domain::budget::{Budget, Counts, Rate};
use domain::profile::{Operation, PatchStyle, UserNameRule};

use super::{GOOD, said};
use crate::{load_files, profile};

#[test]
fn a_profile_of_the_policy_begins_with_a_shipped_one() {
    let text = r#"
[targets.chat]
mode = "observe"
base_url = "https://chat.example.com/scim/v2"
token = "chat-token"
profile = "our-slack"
workers = 9
attributes = { userName = { identifier = "user_name" }, externalId = { key = true }, 'emails[type eq "work"].value' = "{work_email}" }

[profiles.our-slack]
base = "slack"
patch = "pathless"
user_name = { max_len = 80 }
rates = [{ of = "all", count = 5, seconds = 1, burst = 5 }]
workers = 8
unproven = ["rename"]
"#;
    let files = [("good.toml", GOOD), ("case.toml", text)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let policy = load_files(files).unwrap().policy;
    let target = &policy.targets[&domain::TargetId::from("chat")];
    let slack = profile::named("slack").unwrap();
    let expected = Profile {
        patch: PatchStyle::Pathless,
        user_name: UserNameRule {
            max_len: Some(80),
            ..slack.user_name.clone()
        },
        budget: Budget {
            rates: vec![Rate {
                of: Counts::All,
                count: 5,
                seconds: 1,
                burst: 5,
            }],
            workers: Some(9),
            ..slack.budget.clone()
        },
        unproven: BTreeSet::from([Operation::Rename]),
        ..slack
    };
    assert_eq!(target.profile, expected);
}

#[test]
fn refuses_values_that_no_target_has() {
    insta::assert_snapshot!(
        said(
            r#"
[profiles.odd]
base = "slak"
patch = "paths"
member_chunk = 0
membership = "members"
exclude_members = "no"
find_by = []
page_size = 1001
user_name = { max_len = 0, mail = true }
"#,
        ),
        @r#"
        error[unknown-word]: `base` of profile `odd` cannot be `slak`
         --> case.toml:2:8
          |
        2 | base = "slak"
          |        ^^^^^^
          = help: give `atlassian` or `aws-iam-identity-center` or `databricks` or `entra` or `github-emu` or `google-cloud-identity` or `okta` or `rfc` or `salesforce` or `slack` or `snowflake` or `zoom`

        error[unknown-word]: `patch` of profile `odd` cannot be `paths`
         --> case.toml:3:9
          |
        3 | patch = "paths"
          |         ^^^^^^^
          = help: give `path` or `pathless` or `put`

        error[out-of-range]: `member_chunk` of profile `odd` is 0
         --> case.toml:4:16
          |
        4 | member_chunk = 0
          |                ^
          = help: give a number from 1 to 10000

        error[unknown-word]: `membership` of profile `odd` cannot be `members`
         --> case.toml:5:14
          |
        5 | membership = "members"
          |              ^^^^^^^^^
          = help: give `group_members` or `user_groups` or `group_filter` or `pair_filter` or `hidden`

        error[wrong-type]: `exclude_members` of profile `odd` is a text and must be true or false
         --> case.toml:6:19
          |
        6 | exclude_members = "no"
          |                   ^^^^
          = help: write for example `true`

        error[empty]: `find_by` of profile `odd` is empty
         --> case.toml:7:11
          |
        7 | find_by = []
          |           ^^
          = help: give at least one entry

        error[out-of-range]: `page_size` of profile `odd` is 1001
         --> case.toml:8:13
          |
        8 | page_size = 1001
          |             ^^^^
          = help: give a number from 1 to 1000

        error[out-of-range]: `max_len` of `user_name` of profile `odd` is 0
         --> case.toml:9:25
          |
        9 | user_name = { max_len = 0, mail = true }
          |                         ^
          = help: give a number from 1 to 1024

        error[unknown-key]: `mail` is not a key of `user_name` of profile `odd`
         --> case.toml:9:28
          |
        9 | user_name = { max_len = 0, mail = true }
          |                            ^^^^
          = help: did you mean `email`?

        warning[unused]: no target names profile `odd`
         --> case.toml:1:11
          |
        1 | [profiles.odd]
          |           ^^^
          = help: write `profile = "odd"` in a target, or remove it

        9 errors, 1 warning
        "#
    );
}

#[test]
fn refuses_lists_that_mean_nothing() {
    insta::assert_snapshot!(
        said(
            r#"
[profiles.odd]
required = ["name", "active", "a b"]
single_valued = ["email", "emails", "emails"]
conflicts = [""]
unproven = ["move", "rename", "rename"]
pagesize = 5
"#,
        ),
        @r#"
        error[not-here]: `active` is not mapped by policy
         --> case.toml:2:21
          |
        2 | required = ["name", "active", "a b"]
          |                     ^^^^^^^^
          = help: remove it: the lifecycle decides whether an account can sign in

        error[bad-path]: `a b` is not the path of an attribute
         --> case.toml:2:31
          |
        2 | required = ["name", "active", "a b"]
          |                               ^^^^^
          = help: write for example `title`, `"name.givenName"`, `'emails[type eq "work"].value'`, or one of these after an extension's URN and a colon

        error[unknown-word]: an entry of `single_valued` of profile `odd` cannot be `email`
         --> case.toml:3:18
          |
        3 | single_valued = ["email", "emails", "emails"]
          |                  ^^^^^^^
          = help: give `emails` or `phoneNumbers` or `ims` or `photos` or `addresses` or `entitlements` or `roles` or `x509Certificates`

        error[twice]: `emails` stands twice in `single_valued` of profile `odd`
         --> case.toml:3:37
          |
        3 | single_valued = ["email", "emails", "emails"]
          |                                     ^^^^^^^^
          = help: remove one of the two

        error[empty]: an entry of `conflicts` of profile `odd` is empty
         --> case.toml:4:14
          |
        4 | conflicts = [""]
          |              ^^
          = help: state a value, or leave the key out

        error[unknown-word]: an entry of `unproven` of profile `odd` cannot be `move`
         --> case.toml:5:13
          |
        5 | unproven = ["move", "rename", "rename"]
          |             ^^^^^^
          = help: give `create` or `update` or `rename` or `disable` or `enable` or `delete` or `grant` or `revoke` or `list`

        error[twice]: `rename` stands twice in `unproven` of profile `odd`
         --> case.toml:5:31
          |
        5 | unproven = ["move", "rename", "rename"]
          |                               ^^^^^^^^
          = help: remove one of the two

        error[unknown-key]: `pagesize` is not a key of profile `odd`
         --> case.toml:6:1
          |
        6 | pagesize = 5
          | ^^^^^^^^
          = help: did you mean `page_size`?

        warning[unused]: no target names profile `odd`
         --> case.toml:1:11
          |
        1 | [profiles.odd]
          |           ^^^
          = help: write `profile = "odd"` in a target, or remove it

        8 errors, 1 warning
        "#
    );
}

#[test]
fn refuses_rates_that_no_target_stands() {
    insta::assert_snapshot!(
        said(
            r#"
[profiles.odder]
rates = [
    { of = "logins", count = 0, seconds = 100000, burst = 1 },
    { of = "users", count = 10, seconds = 60, burst = 11 },
    { of = "users", count = 10, second = 60 },
    10,
]
reserve_percent = 91
workers = 1001
find_by = ["user_name", "mail"]
"#,
        ),
        @r#"
        error[unknown-word]: `of` of an entry of `rates` of profile `odder` cannot be `logins`
         --> case.toml:3:12
          |
        3 |     { of = "logins", count = 0, seconds = 100000, burst = 1 },
          |            ^^^^^^^^
          = help: give `all` or `reads` or `writes` or `users` or `groups`

        error[out-of-range]: `count` of an entry of `rates` of profile `odder` is 0
         --> case.toml:3:30
          |
        3 |     { of = "logins", count = 0, seconds = 100000, burst = 1 },
          |                              ^
          = help: give a number from 1 to 1000000

        error[out-of-range]: `seconds` of an entry of `rates` of profile `odder` is 100000
         --> case.toml:3:43
          |
        3 |     { of = "logins", count = 0, seconds = 100000, burst = 1 },
          |                                           ^^^^^^
          = help: give a number from 1 to 86400

        error[out-of-range]: `burst` of an entry of `rates` of profile `odder` is 11
         --> case.toml:4:55
          |
        4 |     { of = "users", count = 10, seconds = 60, burst = 11 },
          |                                                       ^^
          = help: give a number from 1 to 10

        error[missing-key]: an entry of `rates` of profile `odder` lacks `burst`
         --> case.toml:5:5
          |
        5 |     { of = "users", count = 10, second = 60 },
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `burst = 60`

        error[missing-key]: an entry of `rates` of profile `odder` lacks `seconds`
         --> case.toml:5:5
          |
        5 |     { of = "users", count = 10, second = 60 },
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `seconds = 60`

        error[unknown-key]: `second` is not a key of an entry of `rates` of profile `odder`
         --> case.toml:5:33
          |
        5 |     { of = "users", count = 10, second = 60 },
          |                                 ^^^^^^
          = help: did you mean `seconds`?

        error[wrong-type]: an entry of `rates` of profile `odder` is a whole number and must be a table
         --> case.toml:6:5
          |
        6 |     10,
          |     ^^
          = help: write for example `{ key = "..." }`

        error[out-of-range]: `reserve_percent` of profile `odder` is 91
         --> case.toml:8:19
          |
        8 | reserve_percent = 91
          |                   ^^
          = help: give a number from 0 to 90

        error[out-of-range]: `workers` of profile `odder` is 1001
         --> case.toml:9:11
          |
        9 | workers = 1001
          |           ^^^^
          = help: give a number from 1 to 1000

        error[unknown-word]: an entry of `find_by` of profile `odder` cannot be `mail`
          --> case.toml:10:25
           |
        10 | find_by = ["user_name", "mail"]
           |                         ^^^^^^
           = help: give `external_id` or `user_name`

        warning[unused]: no target names profile `odder`
         --> case.toml:1:11
          |
        1 | [profiles.odder]
          |           ^^^^^
          = help: write `profile = "odder"` in a target, or remove it

        11 errors, 1 warning
        "#
    );
}

#[test]
fn refuses_a_profile_that_nobody_defines() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.chat]
mode = "observe"
base_url = "https://chat.example.com/scim/v2"
token = "chat-token"
profile = "slac"
attributes = { userName = { identifier = "user_name" }, externalId = { key = true } }

[targets.more]
mode = "observe"
base_url = "https://more.example.com/scim/v2"
token = "more-token"
profile = "nowhere-to-be-found"
rates = [{ of = "users", count = 1, seconds = 1, burst = 2 }]
reserve_percent = 100
workers = 0
attributes = { userName = { identifier = "user_name" }, externalId = { key = true } }
"#,
        ),
        @r#"
        error[unresolved]: profile `slac` does not exist
         --> case.toml:5:11
          |
        5 | profile = "slac"
          |           ^^^^^^
          = help: did you mean `slack`? otherwise define it under `[profiles.slac]`, or name a shipped one: atlassian, aws-iam-identity-center, databricks, entra, github-emu, google-cloud-identity, okta, rfc, salesforce, slack, snowflake, zoom

        error[unresolved]: profile `nowhere-to-be-found` does not exist
          --> case.toml:12:11
           |
        12 | profile = "nowhere-to-be-found"
           |           ^^^^^^^^^^^^^^^^^^^^^
           = help: define it under `[profiles.nowhere-to-be-found]`, or name a shipped one: atlassian, aws-iam-identity-center, databricks, entra, github-emu, google-cloud-identity, okta, rfc, salesforce, slack, snowflake, zoom

        error[out-of-range]: `burst` of an entry of `rates` of target `more` is 2
          --> case.toml:13:58
           |
        13 | rates = [{ of = "users", count = 1, seconds = 1, burst = 2 }]
           |                                                          ^
           = help: give a number from 1 to 1

        error[out-of-range]: `reserve_percent` of target `more` is 100
          --> case.toml:14:19
           |
        14 | reserve_percent = 100
           |                   ^^^
           = help: give a number from 0 to 90

        error[out-of-range]: `workers` of target `more` is 0
          --> case.toml:15:11
           |
        15 | workers = 0
           |           ^
           = help: give a number from 1 to 1000

        5 errors
        "#
    );
}

#[test]
fn refuses_accounts_that_the_dialect_does_not_take() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.sso]
mode = "observe"
base_url = "https://scim.eu-west-1.amazonaws.com/tenant/scim/v2"
token = "sso-token"
profile = "aws-iam-identity-center"

[targets.sso.attributes]
userName = { identifier = "user_name" }
externalId = { key = true }
"name.givenName" = "{given_name}"
'emails[type eq "work"].value' = "{work_email}"
'emails[type eq "work"].display' = "{work_email}"
'emails[type eq "home"].value' = "{work_email}"
'phoneNumbers[type eq "work"].value' = "{work_phone}"

[targets.sales]
mode = "observe"
base_url = "https://example.my.salesforce.com/services/scim/v2"
token = "sales-token"
profile = "salesforce"
attributes = { userName = { identifier = "user_name" }, externalId = { key = true }, "name.familyName" = "{family_name}", 'emails[type eq "work"].value' = "{work_email}" }
"#,
        ),
        @r#"
        error[missing-key]: `attributes` of target `sso` lacks `displayName`
         --> case.toml:7:1
          |
        7 | [targets.sso.attributes]
          | ^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `displayName = "{preferred_given_name|given_name} {family_name}"`: target `sso` makes no account without it

        error[missing-key]: `attributes` of target `sso` lacks `name.familyName`
         --> case.toml:7:1
          |
        7 | [targets.sso.attributes]
          | ^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `'name.familyName' = "{family_name}"`: target `sso` makes no account without it

        error[single-valued]: target `sso` holds one element of `emails`, and `emails[type eq "work"].value` is another than `emails[type eq "home"].value`
          --> case.toml:11:1
           |
        11 | 'emails[type eq "work"].value' = "{work_email}"
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: map one of them

        error[single-valued]: target `sso` holds one element of `emails`, and `emails[type eq "work"].display` is another than `emails[type eq "home"].value`
          --> case.toml:12:1
           |
        12 | 'emails[type eq "work"].display' = "{work_email}"
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: map one of them

        error[bad-user-name]: target `sales` takes e-mail addresses as user names, and identifier `user_name` makes none
          --> case.toml:21:16
           |
        21 | attributes = { userName = { identifier = "user_name" }, externalId = { key = true }, "name.familyName" = "{family_name}", 'emails[type eq "work"
           |                ^^^^^^^^
           = help: give `[identifiers.user_name]` a `suffix`, for example `"@example.com"`, or map another identifier

        5 errors
        "#
    );
}

#[test]
fn tells_of_user_names_that_may_be_too_long() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.chat]
mode = "observe"
base_url = "https://chat.example.com/scim/v2"
token = "chat-token"
profile = "slack"
attributes = { userName = { identifier = "user_name" }, externalId = { key = true }, 'emails[type eq "work"].value' = "{work_email}" }

[targets.more]
mode = "observe"
base_url = "https://more.example.com/scim/v2"
token = "more-token"
profile = "slack"
attributes = { userName = { identifier = "long" }, externalId = { key = true }, 'emails[type eq "work"].value' = "{work_email}" }

[identifiers.long]
ladder = ["{given_name}{n}"]
suffix = "@department.example.com"
"#,
        ),
        @r#"
        error[bad-user-name]: target `more` takes user names of 21 characters, and the suffix of identifier `long` alone has 23
          --> case.toml:13:16
           |
        13 | attributes = { userName = { identifier = "long" }, externalId = { key = true }, 'emails[type eq "work"].value' = "{work_email}" }
           |                ^^^^^^^^
           = help: map another identifier, with a shorter suffix or none

        warning[long-user-name]: target `chat` takes user names of 21 characters, and identifier `user_name` makes up to 64
         --> case.toml:6:16
          |
        6 | attributes = { userName = { identifier = "user_name" }, externalId = { key = true }, 'emails[type eq "work"].value' = "{work_email}" }
          |                ^^^^^^^^
          = help: write `max_length = 21` in `[identifiers.user_name]`, or map another identifier: accounts with longer names are not made

        1 error, 1 warning
        "#
    );
}

#[test]
fn tells_of_what_a_profile_does_not_prove() {
    insta::assert_snapshot!(
        said(
            r#"
[profiles.unsure]
unproven = ["disable", "list", "delete"]

[profiles.unused]
base = "okta"

[targets.app]
mode = "enforce"
base_url = "https://app.example.com/scim/v2"
token = "app-token"
profile = "unsure"
delete_after_days = 30
attributes = { userName = { identifier = "user_name" }, externalId = { key = true } }
"#,
        ),
        @r#"
        warning[unused]: no target names profile `unused`
         --> case.toml:4:11
          |
        4 | [profiles.unused]
          |           ^^^^^^
          = help: write `profile = "unused"` in a target, or remove it

        warning[unproven]: the profile of target `app` does not prove `disable`
         --> case.toml:7:10
          |
        7 | [targets.app]
          |          ^^^
          = help: run `lanyard probe` and use the profile that it writes: until then leavers keep their accounts

        warning[unproven]: the profile of target `app` does not prove `list`
         --> case.toml:7:10
          |
        7 | [targets.app]
          |          ^^^
          = help: run `lanyard probe` and use the profile that it writes: until then it is not compared with policy at night

        warning[unproven]: the profile of target `app` does not prove `delete`
          --> case.toml:12:21
           |
        12 | delete_after_days = 30
           |                     ^^
           = help: remove `delete_after_days`, or run `lanyard probe` and use the profile that it writes: until then no account is deleted

        4 warnings
        "#
    );
}

#[test]
fn refuses_deletion_where_everything_is_kept() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.app]
mode = "enforce"
base_url = "https://app.example.com/scim/v2"
token = "app-token"
upsert_only = true
delete_after_days = 30
attributes = { userName = { identifier = "user_name" }, externalId = { key = true } }
"#,
        ),
        @r#"
        error[not-here]: `delete_after_days` of target `app` has no meaning beside `upsert_only`
         --> case.toml:6:21
          |
        6 | delete_after_days = 30
          |                     ^^
          = help: remove one of the two: an upsert-only target keeps every account

        1 error
        "#
    );
}

#[test]
fn refuses_to_define_a_shipped_profile_again() {
    insta::assert_snapshot!(
        said(
            r#"
[profiles.slack]
page_size = 10

[targets.chat]
mode = "observe"
base_url = "https://chat.example.com/scim/v2"
token = "chat-token"
profile = "slack"
attributes = { userName = { identifier = "user_name" }, externalId = { key = true } }
"#,
        ),
        @r#"
        error[defined-twice]: profile `slack` is shipped
         --> case.toml:1:11
          |
        1 | [profiles.slack]
          |           ^^^^^
          = help: choose another name, for example `[profiles.our-slack]`, and begin it with `base = "slack"`

        1 error
        "#
    );
}
