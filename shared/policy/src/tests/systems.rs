//! Sources and targets.

use super::said;

#[test]
fn refuses_an_address_without_https() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.extra]
mode = "observe"
base_url = "http://example.com/scim"
token = "extra-token"
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.more]
mode = "observe"
base_url = "example.com/scim?tenant=1"
token = "more-token"
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.other]
mode = "observe"
base_url = "https://example.com/scim?tenant=1"
token = "other-token"
attributes = { userName = "{work_email}", externalId = { key = true } }
"#,
        ),
        @r#"
        error[bad-url]: `base_url` of target `extra` has the scheme `http`
         --> case.toml:3:12
          |
        3 | base_url = "http://example.com/scim"
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: use `https`; `http` is allowed to this machine only

        error[bad-url]: `base_url` of target `more` is not a URL: relative URL without a base
         --> case.toml:9:12
          |
        9 | base_url = "example.com/scim?tenant=1"
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: write for example `https://example.com/scim/v2`

        error[bad-url]: `base_url` of target `other` has a query or a fragment
          --> case.toml:15:12
           |
        15 | base_url = "https://example.com/scim?tenant=1"
           |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: give the address without, as in `https://example.com/scim/v2`

        3 errors
        "#
    );
}

#[test]
fn refuses_an_unknown_profile_and_odd_limits() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.extra]
mode = "on"
base_url = "https://example.com/scim"
token = "Extra Token"
profile = "rfc7644"
prehire_days = 400
delete_after_days = -1
dormant_days = 0x1F
service_accounts = { backup = false }
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.extra.limits]
disable = { floor = 50, percent = 5, ceiling = 10 }
revoke = { floor = 1, percent = 101, ceiling = 0 }
create = { floor = 1 }
"#,
        ),
        @r#"
        error[unknown-word]: `mode` of target `extra` cannot be `on`
         --> case.toml:2:8
          |
        2 | mode = "on"
          |        ^^^^
          = help: give `observe` or `simulate` or `pilot` or `enforce`

        error[bad-name]: `Extra Token` cannot be the name of a secret
         --> case.toml:4:9
          |
        4 | token = "Extra Token"
          |         ^^^^^^^^^^^^^
          = help: use lower-case letters and digits, joined by `-` or `_` or `.` or `/`, at most 64 characters

        error[unresolved]: profile `rfc7644` does not exist
         --> case.toml:5:11
          |
        5 | profile = "rfc7644"
          |           ^^^^^^^^^
          = help: define it under `[profiles.rfc7644]`, or name a shipped one: atlassian, aws-iam-identity-center, databricks, entra, github-emu, google-cloud-identity, okta, rfc, salesforce, slack, snowflake, zoom

        error[out-of-range]: `prehire_days` of target `extra` is 400
         --> case.toml:6:16
          |
        6 | prehire_days = 400
          |                ^^^
          = help: give a number from 0 to 365

        error[out-of-range]: `delete_after_days` of target `extra` is -1
         --> case.toml:7:21
          |
        7 | delete_after_days = -1
          |                     ^^
          = help: give a number from 1 to 3660

        error[wrong-type]: `backup` of `service_accounts` of target `extra` is true or false and must be a text
         --> case.toml:9:31
          |
        9 | service_accounts = { backup = false }
          |                               ^^^^^
          = help: write for example `"..."`

        error[bad-limit]: `disable` of `limits` of target `extra` never trips at 50 and always above 10
          --> case.toml:13:11
           |
        13 | disable = { floor = 50, percent = 5, ceiling = 10 }
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: make `floor` the smaller number

        error[out-of-range]: `percent` of `revoke` of `limits` of target `extra` is 101
          --> case.toml:14:33
           |
        14 | revoke = { floor = 1, percent = 101, ceiling = 0 }
           |                                 ^^^
           = help: give a number from 0 to 100

        error[out-of-range]: `ceiling` of `revoke` of `limits` of target `extra` is 0
          --> case.toml:14:48
           |
        14 | revoke = { floor = 1, percent = 101, ceiling = 0 }
           |                                                ^
           = help: give a number from 1 to 4294967295

        error[unknown-key]: `create` is not a key of `limits` of target `extra`
          --> case.toml:15:1
           |
        15 | create = { floor = 1 }
           | ^^^^^^
           = help: the keys here are `block`, `disable`, `delete`, `revoke`, `members`, `rename`, `manager`, `window_hours`, `approvers`, `approval_hours`

        10 errors
        "#
    );
}

#[test]
fn refuses_secrets_and_does_not_repeat_them() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.extra]
mode = "observe"
base_url = "https://admin:hunter2@example.com/scim"
token = "xoxb-1234567890-abcdefghijkl"
attributes = { userName = "{work_email}", externalId = { key = true } }

[sources.extra]
zone = "Europe/Lisbon"
format = "canonical"
verify = "standard-webhooks"
secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"]
api_key = "Bearer correct-horse-battery"
"#,
        ),
        @r#"
        error[inline-secret]: a secret stands in the policy
         --> case.toml:3:1
          | (line not shown, it may hold a secret)
          = help: policy names secrets and never holds them: put the value into the secret store, write its name here, and replace the secret, since it has been in a file

        error[inline-secret]: a secret stands in the policy
         --> case.toml:4:1
          | (line not shown, it may hold a secret)
          = help: policy names secrets and never holds them: put the value into the secret store, write its name here, and replace the secret, since it has been in a file

        error[inline-secret]: a secret stands in the policy
          --> case.toml:11:1
           | (line not shown, it may hold a secret)
           = help: policy names secrets and never holds them: put the value into the secret store, write its name here, and replace the secret, since it has been in a file

        error[inline-secret]: a secret stands in the policy
          --> case.toml:12:1
           | (line not shown, it may hold a secret)
           = help: policy names secrets and never holds them: put the value into the secret store, write its name here, and replace the secret, since it has been in a file

        4 errors
        "#
    );
}

#[test]
fn refuses_secrets_in_comments_and_beside_other_mistakes() {
    insta::assert_snapshot!(
        said(
            r#"
# the old token was ghp_1234567890abcdefghijklmnop
[targets.extra]
mode = "on" # xoxb-1234567890-abcdefghijkl
base_url = "https://admin@example.com/scim"
token = "extra-token"
attributes = { userName = "{work_email}", externalId = { key = true } }
"#,
        ),
        @r#"
        error[inline-secret]: a secret stands in the policy
         --> case.toml:1:1
          | (line not shown, it may hold a secret)
          = help: policy names secrets and never holds them: put the value into the secret store, write its name here, and replace the secret, since it has been in a file

        error[inline-secret]: a secret stands in the policy
         --> case.toml:3:1
          | (line not shown, it may hold a secret)
          = help: policy names secrets and never holds them: put the value into the secret store, write its name here, and replace the secret, since it has been in a file

        error[bad-url]: `base_url` of target `extra` holds a user name
         --> case.toml:4:12
          |
        4 | base_url = "https://admin@example.com/scim"
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: remove it: `token` or `auth` names the secret that opens the target

        3 errors
        "#
    );
}

#[test]
fn does_not_show_a_line_with_a_bare_secret() {
    let told = said(
        r"
[targets.extra]
token = ghp_1234567890abcdefghijklmnop
",
    );
    insta::assert_snapshot!(told, @r#"
        error[inline-secret]: a secret stands in the policy
         --> case.toml:2:1
          | (line not shown, it may hold a secret)
          = help: policy names secrets and never holds them: put the value into the secret store, write its name here, and replace the secret, since it has been in a file

        error[syntax]: string values must be quoted, expected literal string
         --> case.toml:2:9
          | (line not shown, it may hold a secret)
          = help: correct the TOML; names and meaning are checked once every file can be read

        2 errors
        "#);
}

#[test]
fn refuses_an_unknown_way_to_sign() {
    insta::assert_snapshot!(
        said(
            r#"
[sources.extra]
zone = "Lisbon"
format = "xml"
verify = "bamboo"
secrets = []
"#,
        ),
        @r#"
        error[unknown-zone]: `Lisbon` is not an IANA time zone
         --> case.toml:2:8
          |
        2 | zone = "Lisbon"
          |        ^^^^^^^^
          = help: write area and city, for example `Europe/Lisbon`

        error[unknown-word]: `format` of source `extra` cannot be `xml`
         --> case.toml:3:10
          |
        3 | format = "xml"
          |          ^^^^^
          = help: give `canonical` or `bamboohr`

        error[unknown-word]: `verify` of source `extra` cannot be `bamboo`
         --> case.toml:4:10
          |
        4 | verify = "bamboo"
          |          ^^^^^^^^
          = help: give `standard-webhooks` or `bamboohr` or `hibob` or `gusto` or `deel` or `merge` or `finch`

        error[empty]: `secrets` of source `extra` is empty
         --> case.toml:5:11
          |
        5 | secrets = []
          |           ^^
          = help: give at least one entry

        4 errors
        "#
    );
}

#[test]
fn refuses_signatures_that_cannot_be_checked() {
    insta::assert_snapshot!(
        said(
            r#"
[sources.extra]
zone = "UTC"
format = "canonical"
verify = { header = "x signature", algorithm = "md5", encoding = "hex", signed = "{id}.{ts}.{body}", key = "utf8", separator = ", ", tolerance = "5 minutes" }
secrets = ["extra"]

[sources.more]
zone = "UTC"
format = "canonical"
verify = { preset = "bamboohr", timestamp_header = "", tolerance = "2h" }
secrets = ["more", "more"]
"#,
        ),
        @r#"
        error[missing-key]: `verify` of source `extra` signs what `id_header` holds, and lacks `id_header`
         --> case.toml:4:10
          |
        4 | verify = { header = "x signature", algorithm = "md5", encoding = "hex", signed = "{id}.{ts}.{body}", key = "utf8", separator = ", ", tolerance =
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add `id_header`, or change `signed`

        error[missing-key]: `verify` of source `extra` signs what `timestamp_header` holds, and lacks `timestamp_header`
         --> case.toml:4:10
          |
        4 | verify = { header = "x signature", algorithm = "md5", encoding = "hex", signed = "{id}.{ts}.{body}", key = "utf8", separator = ", ", tolerance =
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add `timestamp_header`, or change `signed`

        error[bad-header]: `x signature` is not the name of a header
         --> case.toml:4:21
          |
        4 | verify = { header = "x signature", algorithm = "md5", encoding = "hex", signed = "{id}.{ts}.{body}", key = "utf8", separator = ", ", tolerance =
          |                     ^^^^^^^^^^^^^
          = help: write for example `x-signature`

        error[unknown-word]: `algorithm` of `verify` of source `extra` cannot be `md5`
         --> case.toml:4:48
          |
        4 | verify = { header = "x signature", algorithm = "md5", encoding = "hex", signed = "{id}.{ts}.{body}", key = "utf8", separator = ", ", tolerance =
          |                                                ^^^^^
          = help: give `sha256` or `sha512`

        error[bad-separator]: `separator` of `verify` of source `extra` is longer than one character
         --> case.toml:4:128
          |
        4 | ncoding = "hex", signed = "{id}.{ts}.{body}", key = "utf8", separator = ", ", tolerance = "5 minutes" }
          |                                                                         ^^^^
          = help: write one character, or `""` where the header holds one signature

        error[bad-duration]: `tolerance` of `verify` of source `extra` cannot be `5 minutes`
         --> case.toml:4:146
          |
        4 | igned = "{id}.{ts}.{body}", key = "utf8", separator = ", ", tolerance = "5 minutes" }
          |                                                                         ^^^^^^^^^^^
          = help: write a whole number and `s`, `m` or `h`, for example `5m`

        error[missing-key]: `verify` of source `more` signs what `timestamp_header` holds, and lacks `timestamp_header`
          --> case.toml:10:10
           |
        10 | verify = { preset = "bamboohr", timestamp_header = "", tolerance = "2h" }
           |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add `timestamp_header`, or change `signed`

        error[out-of-range]: `tolerance` of `verify` of source `more` is 2h
          --> case.toml:10:68
           |
        10 | verify = { preset = "bamboohr", timestamp_header = "", tolerance = "2h" }
           |                                                                    ^^^^
           = help: give from `1s` to `1h`: a wider window only helps a replay

        error[twice]: `more` stands twice in `secrets` of source `more`
          --> case.toml:11:20
           |
        11 | secrets = ["more", "more"]
           |                    ^^^^^^
           = help: remove one of the two

        9 errors
        "#
    );
}

#[test]
fn refuses_fields_that_do_not_fit_the_format() {
    insta::assert_snapshot!(
        said(
            r#"
[sources.extra]
zone = "UTC"
format = "canonical"
verify = "gusto"
secrets = ["extra"]
fields = { jobTitle = "title" }

[sources.more]
zone = "UTC"
format = "bamboohr"
verify = "bamboohr"
secrets = ["more"]

[sources.other]
zone = "UTC"
format = "bamboohr"
verify = "bamboohr"
secrets = ["other"]
fields = { firstName = "given_name", nickname = "given_name", state = "lifecycle", jobTitel = "titel" }
"#,
        ),
        @r#"
        error[not-here]: `fields` of source `extra` has no meaning for the canonical payload
         --> case.toml:6:10
          |
        6 | fields = { jobTitle = "title" }
          |          ^^^^^^^^^^^^^^^^^^^^^^
          = help: remove it: the canonical payload names attributes directly

        error[missing-key]: source `more` lacks `fields`
         --> case.toml:8:10
          |
        8 | [sources.more]
          |          ^^^^
          = help: the company names BambooHR's fields: add for example `fields = { firstName = "given_name" }`

        error[twice]: `given_name` is read from `firstName` and `nickname`
          --> case.toml:19:38
           |
        19 | fields = { firstName = "given_name", nickname = "given_name", state = "lifecycle", jobTitel = "titel" }
           |                                      ^^^^^^^^
           = help: keep the field that holds it

        error[bad-attribute]: `lifecycle` is derived and never stated
          --> case.toml:19:71
           |
        19 | fields = { firstName = "given_name", nickname = "given_name", state = "lifecycle", jobTitel = "titel" }
           |                                                                       ^^^^^^^^^^^
           = help: map the field onto another attribute

        error[unknown-attribute]: `titel` is not an attribute
          --> case.toml:19:95
           |
        19 |  "given_name", nickname = "given_name", state = "lifecycle", jobTitel = "titel" }
           |                                                                         ^^^^^^^
           = help: attributes are a closed set, listed in docs/policy.md; map the source's own fields onto `extension_1` to `extension_15`

        5 errors
        "#
    );
}

#[test]
fn refuses_a_signature_that_is_not_stated_whole() {
    insta::assert_snapshot!(
        said(
            r#"
[sources.other]
zone = "UTC"
format = "canonical"
verify = { header = "x-signature" }
secrets = ["other"]
"#,
        ),
        @r#"
        error[missing-key]: `verify` of source `other` lacks `algorithm`
         --> case.toml:4:10
          |
        4 | verify = { header = "x-signature" }
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `algorithm = "sha256"`

        error[missing-key]: `verify` of source `other` lacks `encoding`
         --> case.toml:4:10
          |
        4 | verify = { header = "x-signature" }
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `encoding = "hex"`

        error[missing-key]: `verify` of source `other` lacks `key`
         --> case.toml:4:10
          |
        4 | verify = { header = "x-signature" }
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `key = "utf8"`

        error[missing-key]: `verify` of source `other` lacks `signed`
         --> case.toml:4:10
          |
        4 | verify = { header = "x-signature" }
          |          ^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `signed = "{body}"`

        4 errors
        "#
    );
}
