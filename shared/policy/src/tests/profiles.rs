//! Shipped dialects, and those of a policy.

use std::collections::BTreeSet;
use std::path::Path;

use domain::Profile;
use domain::budget::{Budget, Counts, Rate};
use domain::profile::{
    DeleteEffect, FindBy, ManagerForm, MemberAdd, MemberRemove, Membership, Operation, Paging,
    PatchStyle, Search, UserNameRule,
};
use proptest::prelude::*;

use super::{GOOD, said};
use crate::profile::{self, KINDS, SHIPPED, shipped};
use crate::{PROFILES, load_files};

#[test]
fn every_shipped_file_reads_without_a_word() {
    for (name, text) in SHIPPED.iter().chain(&KINDS) {
        let (profile, complaints) = shipped(name, text);
        assert!(profile.is_some(), "{name}");
        assert_eq!(crate::render(&complaints), "", "{name}");
    }
}

#[test]
fn every_file_of_the_folder_is_shipped() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles");
    let files = |dir: &Path| -> BTreeSet<String> {
        std::fs::read_dir(dir)
            .unwrap()
            .filter_map(|entry| {
                let name = entry.unwrap().file_name().into_string().unwrap();
                Some(name.strip_suffix(".toml")?.to_owned())
            })
            .collect()
    };
    let names = |list: &[(&str, &str)]| -> BTreeSet<String> {
        list.iter().map(|(name, _)| (*name).to_owned()).collect()
    };
    assert_eq!(files(&dir), names(&SHIPPED));
    assert_eq!(files(&dir.join("kinds")), names(&KINDS));
    assert_eq!(PROFILES.len(), 12);
    assert!(PROFILES.is_sorted());
}

#[test]
fn a_shipped_profile_is_found_by_its_name_and_nothing_else_is() {
    assert!(PROFILES.iter().all(|name| profile::named(name).is_some()));
    for name in ["", "graph", "entra-bulk", "Slack", "nobody"] {
        assert_eq!(profile::named(name), None, "{name}");
    }
}

#[test]
fn rfc_writes_out_every_key_and_changes_none() {
    assert_eq!(profile::named("rfc"), Some(Profile::rfc()));
    let (_, text) = SHIPPED.iter().find(|(name, _)| *name == "rfc").unwrap();
    let all = serde_json::to_value(Profile::rfc()).unwrap();
    let budget = ["rates", "reserve_percent"].map(str::to_owned);
    let keys = all.as_object().unwrap().keys().cloned().chain(budget);
    for key in keys.filter(|key| key != "budget") {
        assert!(text.contains(&format!("\n{key} = ")), "{key}");
    }
}

/// Every key in which a profile departs from `rfc`.
fn departures(profile: &Profile) -> String {
    let own = serde_json::to_value(profile).unwrap();
    let rfc = serde_json::to_value(Profile::rfc()).unwrap();
    own.as_object()
        .unwrap()
        .iter()
        .filter(|(key, value)| rfc[key.as_str()] != **value)
        .map(|(key, value)| format!("  {key}: {value}\n"))
        .collect()
}

#[test]
fn departures_of_each_from_the_rfc() {
    let all: String = SHIPPED
        .iter()
        .chain(&KINDS)
        .map(|(name, text)| {
            let profile = shipped(name, text).0.unwrap();
            format!("{name}\n{}", departures(&profile))
        })
        .collect();
    insta::assert_snapshot!(all, @r#"
        atlassian
          delete: "deactivates"
          hides_inactive: true
          inactive_edits: false
          required: ["emails[type eq \"work\"].value"]
        aws-iam-identity-center
          budget: {"rates":[{"burst":10,"count":10,"of":"all","seconds":1}],"reserve_percent":10}
          exclude_members: false
          membership: "group_filter"
          paging: "cursor"
          required: ["displayName","name.givenName","name.familyName"]
          single_valued: ["emails","phoneNumbers","addresses"]
        databricks
          user_name: {"email":true}
        entra
          member_remove: "value_array"
          unproven: ["list"]
        github-emu
          budget: {"rates":[{"burst":100,"count":900,"of":"users","seconds":3600}],"reserve_percent":10}
          delete: "irreversible"
          required: ["displayName","name.givenName","name.familyName","emails[type eq \"work\"].value"]
        google-cloud-identity
          paging: "none"
          user_name: {"email":true}
        okta
          exclude_members: false
          find_by: ["user_name"]
          patch: "pathless"
          unproven: ["delete"]
        rfc
        salesforce
          conflicts: ["REQUIRED_FIELD_MISSING"]
          delete: "deactivates"
          find_by: ["user_name","external_id"]
          required: ["name.familyName","emails[type eq \"work\"].value"]
          user_name: {"email":true,"max_len":80}
        slack
          budget: {"rates":[{"burst":180,"count":600,"of":"writes","seconds":60},{"burst":20,"count":180,"of":"users","seconds":60},{"burst":30,"count":270,"of":"reads","seconds":60}],"reserve_percent":10,"workers":4}
          delete: "deactivates"
          page_size: 1000
          required: ["emails[type eq \"work\"].value"]
          user_name: {"folded":true,"max_len":21}
        snowflake
          single_valued: ["emails","phoneNumbers","addresses","roles","entitlements","ims","photos"]
          user_name: {"folded":true}
        zoom
          user_name: {"email":true}
        graph
          budget: {"rates":[{"burst":250,"count":1500,"of":"all","seconds":10},{"burst":300,"count":2700,"of":"writes","seconds":150}],"reserve_percent":10}
          member_chunk: 20
          membership: "user_groups"
          page_size: 999
          required: ["displayName","mailNickname"]
          user_name: {"email":true,"max_len":113}
        entra-bulk
          budget: {"rates":[{"burst":10,"count":30,"of":"all","seconds":1}],"reserve_percent":10}
          membership: "hidden"
          page_size: 50
          unproven: ["delete","grant","revoke","list"]
        "#);
}

#[test]
fn each_departure_names_its_source_and_its_doubts() {
    for (name, text) in SHIPPED
        .iter()
        .chain(&KINDS)
        .filter(|(name, _)| *name != "rfc")
    {
        assert!(
            text.starts_with("# ") && text.contains("# Source"),
            "{name}"
        );
        let (_, section) = text.split_once(']').unwrap();
        let mut said = false;
        let mut open = 0_usize;
        for line in section.lines().filter(|line| !line.is_empty()) {
            if line.starts_with('#') {
                said = true;
                continue;
            }
            // What continues a list, and keys right below a commented one, share its comment.
            assert!(said || open > 0, "{name}: `{line}` has no comment");
            open += line.matches('[').count();
            open -= line.matches(']').count();
        }
    }
}

/// In any window a bucket lets through its burst and what the rate gives in that time.
#[test]
fn no_window_of_a_vendor_is_exceeded() {
    let rows = [
        ("github-emu", Counts::Users, 3600, 1000),
        ("slack", Counts::Reads, 60, 300),
        ("slack", Counts::Writes, 60, 600 + 180),
        ("slack", Counts::Users, 60, 180 + 20),
        ("aws-iam-identity-center", Counts::All, 1, 20),
        ("graph", Counts::All, 10, 1750),
        ("graph", Counts::Writes, 150, 3000),
        ("entra-bulk", Counts::All, 1, 40),
    ];
    let mut limited = BTreeSet::new();
    for (name, of, window, most) in rows {
        let (_, text) = SHIPPED
            .iter()
            .chain(&KINDS)
            .find(|(known, _)| *known == name)
            .unwrap();
        let budget = shipped(name, text).0.unwrap().budget;
        let rate = budget.rates.iter().find(|rate| rate.of == of).unwrap();
        assert_eq!(
            rate.burst + rate.count * window / rate.seconds,
            most,
            "{name}"
        );
        assert_eq!(budget.reserve_percent, 10, "{name}");
        limited.insert((name, of));
    }
    // No rate is without a row.
    let rates: usize = SHIPPED
        .iter()
        .chain(&KINDS)
        .map(|(name, text)| shipped(name, text).0.unwrap().budget.rates.len())
        .sum();
    assert_eq!(rates, limited.len());
}

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
required = ["name", "active", "a b"]
single_valued = ["email", "emails", "emails"]
conflicts = [""]
unproven = ["move", "rename", "rename"]
pagesize = 5

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

[profiles.slack]
page_size = 10
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

        error[not-here]: `active` is not mapped by policy
          --> case.toml:10:21
           |
        10 | required = ["name", "active", "a b"]
           |                     ^^^^^^^^
           = help: remove it: the lifecycle decides whether an account can sign in

        error[bad-path]: `a b` is not the path of an attribute
          --> case.toml:10:31
           |
        10 | required = ["name", "active", "a b"]
           |                               ^^^^^
           = help: write for example `title`, `"name.givenName"`, `'emails[type eq "work"].value'`, or one of these after an extension's URN and a colon

        error[unknown-word]: an entry of `single_valued` of profile `odd` cannot be `email`
          --> case.toml:11:18
           |
        11 | single_valued = ["email", "emails", "emails"]
           |                  ^^^^^^^
           = help: give `emails` or `phoneNumbers` or `ims` or `photos` or `addresses` or `entitlements` or `roles` or `x509Certificates`

        error[twice]: `emails` stands twice in `single_valued` of profile `odd`
          --> case.toml:11:37
           |
        11 | single_valued = ["email", "emails", "emails"]
           |                                     ^^^^^^^^
           = help: remove one of the two

        error[empty]: an entry of `conflicts` of profile `odd` is empty
          --> case.toml:12:14
           |
        12 | conflicts = [""]
           |              ^^
           = help: state a value, or leave the key out

        error[unknown-word]: an entry of `unproven` of profile `odd` cannot be `move`
          --> case.toml:13:13
           |
        13 | unproven = ["move", "rename", "rename"]
           |             ^^^^^^
           = help: give `create` or `update` or `rename` or `disable` or `enable` or `delete` or `grant` or `revoke` or `list`

        error[twice]: `rename` stands twice in `unproven` of profile `odd`
          --> case.toml:13:31
           |
        13 | unproven = ["move", "rename", "rename"]
           |                               ^^^^^^^^
           = help: remove one of the two

        error[unknown-key]: `pagesize` is not a key of profile `odd`
          --> case.toml:14:1
           |
        14 | pagesize = 5
           | ^^^^^^^^
           = help: did you mean `page_size`?

        error[unknown-word]: `of` of an entry of `rates` of profile `odder` cannot be `logins`
          --> case.toml:18:12
           |
        18 |     { of = "logins", count = 0, seconds = 100000, burst = 1 },
           |            ^^^^^^^^
           = help: give `all` or `reads` or `writes` or `users` or `groups`

        error[out-of-range]: `count` of an entry of `rates` of profile `odder` is 0
          --> case.toml:18:30
           |
        18 |     { of = "logins", count = 0, seconds = 100000, burst = 1 },
           |                              ^
           = help: give a number from 1 to 1000000

        error[out-of-range]: `seconds` of an entry of `rates` of profile `odder` is 100000
          --> case.toml:18:43
           |
        18 |     { of = "logins", count = 0, seconds = 100000, burst = 1 },
           |                                           ^^^^^^
           = help: give a number from 1 to 86400

        error[out-of-range]: `burst` of an entry of `rates` of profile `odder` is 11
          --> case.toml:19:55
           |
        19 |     { of = "users", count = 10, seconds = 60, burst = 11 },
           |                                                       ^^
           = help: give a number from 1 to 10

        error[missing-key]: an entry of `rates` of profile `odder` lacks `burst`
          --> case.toml:20:5
           |
        20 |     { of = "users", count = 10, second = 60 },
           |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add for example `burst = 60`

        error[missing-key]: an entry of `rates` of profile `odder` lacks `seconds`
          --> case.toml:20:5
           |
        20 |     { of = "users", count = 10, second = 60 },
           |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add for example `seconds = 60`

        error[unknown-key]: `second` is not a key of an entry of `rates` of profile `odder`
          --> case.toml:20:33
           |
        20 |     { of = "users", count = 10, second = 60 },
           |                                 ^^^^^^
           = help: did you mean `seconds`?

        error[wrong-type]: an entry of `rates` of profile `odder` is a whole number and must be a table
          --> case.toml:21:5
           |
        21 |     10,
           |     ^^
           = help: write for example `{ key = "..." }`

        error[out-of-range]: `reserve_percent` of profile `odder` is 91
          --> case.toml:23:19
           |
        23 | reserve_percent = 91
           |                   ^^
           = help: give a number from 0 to 90

        error[out-of-range]: `workers` of profile `odder` is 1001
          --> case.toml:24:11
           |
        24 | workers = 1001
           |           ^^^^
           = help: give a number from 1 to 1000

        error[unknown-word]: an entry of `find_by` of profile `odder` cannot be `mail`
          --> case.toml:25:25
           |
        25 | find_by = ["user_name", "mail"]
           |                         ^^^^^^
           = help: give `external_id` or `user_name`

        error[defined-twice]: profile `slack` is shipped
          --> case.toml:27:11
           |
        27 | [profiles.slack]
           |           ^^^^^
           = help: choose another name, for example `[profiles.our-slack]`, and begin it with `base = "slack"`

        warning[unused]: no target names profile `odd`
         --> case.toml:1:11
          |
        1 | [profiles.odd]
          |           ^^^
          = help: write `profile = "odd"` in a target, or remove it

        warning[unused]: no target names profile `odder`
          --> case.toml:16:11
           |
        16 | [profiles.odder]
           |           ^^^^^
           = help: write `profile = "odder"` in a target, or remove it

        warning[unused]: no target names profile `slack`
          --> case.toml:27:11
           |
        27 | [profiles.slack]
           |           ^^^^^
           = help: write `profile = "slack"` in a target, or remove it

        29 errors, 3 warnings
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
          = help: add for example `displayName = "{display_name}"`: target `sso` makes no account without it

        error[missing-key]: `attributes` of target `sso` lacks `name.familyName`
         --> case.toml:7:1
          |
        7 | [targets.sso.attributes]
          | ^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `'name.familyName' = "{display_name}"`: target `sso` makes no account without it

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

fn pick<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> impl Strategy<Value = T> + use<T> {
    prop::sample::select(values.to_vec())
}

fn some_of<T: Clone + std::fmt::Debug + 'static>(
    values: &[T],
    least: usize,
) -> impl Strategy<Value = Vec<T>> + use<T> {
    let all = values.len();
    prop::sample::subsequence(values.to_vec(), least..=all)
}

fn rates() -> impl Strategy<Value = Vec<Rate>> {
    let counts = [
        Counts::All,
        Counts::Reads,
        Counts::Writes,
        Counts::Users,
        Counts::Groups,
    ];
    let rate = (pick(&counts), 1..=1_000_000_u32, 1..=86_400_u32)
        .prop_flat_map(|(of, count, seconds)| (Just((of, count, seconds)), 1..=count))
        .prop_map(|((of, count, seconds), burst)| Rate {
            of,
            count,
            seconds,
            burst,
        });
    prop::collection::vec(rate, 0..4)
}

fn profiles() -> impl Strategy<Value = Profile> {
    let members = (
        pick(&[MemberAdd::Path, MemberAdd::Pathless, MemberAdd::Put]),
        pick(&[
            MemberRemove::Filter,
            MemberRemove::ValueArray,
            MemberRemove::Put,
        ]),
        1..=10_000_u16,
        pick(&[
            Membership::GroupMembers,
            Membership::UserGroups,
            Membership::GroupFilter,
            Membership::PairFilter,
            Membership::Hidden,
        ]),
    );
    let reading = (
        some_of(&[FindBy::ExternalId, FindBy::UserName], 1),
        pick(&[Search::Get, Search::Post]),
        pick(&[Paging::Index, Paging::Cursor, Paging::None]),
        1..=1000_u16,
    );
    let writing = (
        pick(&[PatchStyle::Path, PatchStyle::Pathless, PatchStyle::Put]),
        pick(&[
            DeleteEffect::Removes,
            DeleteEffect::Deactivates,
            DeleteEffect::Irreversible,
        ]),
        pick(&[ManagerForm::Object, ManagerForm::Bare]),
        some_of(&Operation::ALL, 0),
    );
    let flags = prop::array::uniform4(any::<bool>());
    let name = (prop::option::of(1..=1024_u16), any::<bool>(), any::<bool>());
    let lists = (
        some_of(
            &["title", "name.givenName", "emails[type eq \"work\"].value"],
            0,
        ),
        some_of(&["emails", "phoneNumbers", "addresses"], 0),
        prop::collection::btree_set("[a-z\"\\\\\u{1}é][a-z \"]{0,8}", 0..3),
    );
    let budget = (rates(), 0..=90_u8, prop::option::of(1..=1000_u16));
    (members, reading, writing, flags, name, lists, budget).prop_map(
        |(members, reading, writing, flags, name, lists, budget)| Profile {
            patch: writing.0,
            member_add: members.0,
            member_remove: members.1,
            member_chunk: members.2,
            membership: members.3,
            exclude_members: flags[0],
            find_by: reading.0,
            search: reading.1,
            paging: reading.2,
            page_size: reading.3,
            etag: flags[1],
            hides_inactive: flags[2],
            inactive_edits: flags[3],
            delete: writing.1,
            manager: writing.2,
            user_name: UserNameRule {
                max_len: name.0,
                email: name.1,
                folded: name.2,
            },
            required: lists.0.into_iter().map(Into::into).collect(),
            single_valued: lists.1.into_iter().map(Into::into).collect(),
            conflicts: lists.2.into_iter().map(Into::into).collect(),
            budget: Budget {
                rates: budget.0,
                reserve_percent: budget.1,
                workers: budget.2,
            },
            unproven: writing.3.into_iter().collect(),
        },
    )
}

proptest! {
    #[test]
    fn a_written_profile_reads_as_it_was(mut one in profiles(), base in pick(&PROFILES)) {
        let from = profile::named(base).unwrap();
        // A bound that the base has stays unless another replaces it.
        one.budget.workers = one.budget.workers.or(from.budget.workers);
        one.user_name.max_len = one.user_name.max_len.or(from.user_name.max_len);
        let section = profile::section("probed", base, &one).unwrap();
        let files = [("good.toml", GOOD), ("profile-probed.toml", &section), ("target.toml", r#"
[targets.probed]
mode = "observe"
base_url = "https://probed.example.com/scim/v2"
token = "probed-token"
profile = "probed"
[targets.probed.attributes]
userName = "{work_email}"
externalId = { key = true }
title = "{title}"
displayName = "{display_name}"
"name.givenName" = "{given_name}"
"name.familyName" = "{family_name}"
'emails[type eq "work"].value' = "{work_email}"
"#)].map(|(name, text)| (name.to_owned(), text.to_owned()));
        match load_files(files) {
            Ok(loaded) => {
                let target = &loaded.policy.targets[&domain::TargetId::from("probed")];
                prop_assert_eq!(&target.profile, &one);
            }
            Err(errors) => prop_assert!(false, "{section}\n{}", errors.render()),
        }
    }
}

#[test]
fn writes_nothing_but_departures() {
    let slack = profile::named("slack").unwrap();
    assert_eq!(profile::section("same", "nobody", &slack), None);
    assert_eq!(
        profile::section("same", "slack", &slack).unwrap(),
        "[profiles.same]\nbase = \"slack\"\n"
    );
    let other = Profile {
        etag: true,
        unproven: BTreeSet::from([Operation::Delete, Operation::Create]),
        ..slack
    };
    assert_eq!(
        profile::section("other", "slack", &other).unwrap(),
        "[profiles.other]\nbase = \"slack\"\netag = true\nunproven = [\"create\", \"delete\"]\n"
    );
}
