//! How requests to a target prove who sends them.

use domain::profile::Auth;

use super::said;

fn scim(auth: &str) -> Auth {
    super::kinds::extra(&format!(
        "[targets.extra]\nmode = \"observe\"\nbase_url = \"https://example.com/scim\"\n{auth}\n\
         attributes = {{ userName = \"{{work_email}}\", externalId = {{ key = true }} }}\n"
    ))
    .auth
}

#[test]
fn a_token_is_short_for_a_bearer_secret() {
    assert_eq!(
        scim("token = \"a-token\""),
        scim("auth = { bearer = \"a-token\" }")
    );
}

#[test]
fn every_way_to_prove_reaches_the_policy() {
    let ways = [
        "auth = { bearer = \"a-token\" }",
        "auth = { basic = { user = \"lanyard\", secret = \"a-password\" } }",
        "auth = { header = { name = \"X-Api-Key\", secret = \"a-key\" } }",
        "auth = { oauth = { token_url = \"https://example.com/token/\", client_id = \"me\", secret = \"a-secret\" } }",
        "auth = { oauth = { token_url = \"https://example.com/token\", client_id = \"me\", secret = \"a-secret\", scope = \"scim\", client_auth = \"form\" } }",
        "auth = { oauth = { token_url = \"https://example.com/token\", client_id = \"me\", certificate = \"a-certificate\" } }",
    ];
    let all: Vec<String> = ways.iter().map(|way| format!("{:?}", scim(way))).collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
        Bearer { secret: "a-token" }
        Basic { user: "lanyard", secret: "a-password" }
        Header { header: "x-api-key", secret: "a-key" }
        Client(ClientCredentials { token_url: "https://example.com/token/", client_id: "me", scope: None, proof: Basic { secret: "a-secret" } })
        Client(ClientCredentials { token_url: "https://example.com/token", client_id: "me", scope: Some("scim"), proof: Form { secret: "a-secret" } })
        Client(ClientCredentials { token_url: "https://example.com/token", client_id: "me", scope: None, proof: Certificate { secret: "a-certificate" } })
        "#);
}

#[test]
fn refuses_proofs_that_are_none_or_two() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.a]
mode = "observe"
base_url = "https://example.com/scim"
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.b]
mode = "observe"
base_url = "https://example.com/scim"
token = "b-token"
auth = { bearer = "b-token" }
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.c]
mode = "observe"
base_url = "https://example.com/scim"
auth = { bearer = "c-token", basic = { user = "c", secret = "c" } }
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.d]
mode = "observe"
base_url = "https://example.com/scim"
auth = {}
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.e]
mode = "observe"
base_url = "https://example.com/scim"
auth = "e-token"
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.f]
mode = "observe"
base_url = "https://example.com/scim"
auth = { bearer = "f-token", secret = "f" }
attributes = { userName = "{work_email}", externalId = { key = true } }
"#,
        ),
        @r#"
        error[missing-key]: target `a` lacks `token`
         --> case.toml:1:10
          |
        1 | [targets.a]
          |          ^
          = help: add for example `token = "directory-token"`, or `auth` where requests prove who sends them in another way

        error[defined-twice]: target `b` has both `token` and `auth`
          --> case.toml:10:8
           |
        10 | auth = { bearer = "b-token" }
           |        ^^^^^^^^^^^^^^^^^^^^^^
           = help: keep one; `token` is short for `auth = { bearer = "..." }` and stands at case.toml:9

        error[bad-auth]: `auth` of target `c` says bearer and basic
          --> case.toml:16:8
           |
        16 | auth = { bearer = "c-token", basic = { user = "c", secret = "c" } }
           |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: give exactly one of `bearer`, `basic`, `header`, `oauth`, `tenant`

        error[bad-auth]: `auth` of target `d` says nothing
          --> case.toml:22:8
           |
        22 | auth = {}
           |        ^^
           = help: give exactly one of `bearer`, `basic`, `header`, `oauth`, `tenant`

        error[wrong-type]: `auth` of target `e` is a text and must be a table
          --> case.toml:28:8
           |
        28 | auth = "e-token"
           |        ^^^^^^^^^
           = help: write for example `{ key = "..." }`

        error[unknown-key]: `secret` is not a key of `auth` of target `f`
          --> case.toml:34:30
           |
        34 | auth = { bearer = "f-token", secret = "f" }
           |                              ^^^^^^
           = help: the keys here are `bearer`

        6 errors
        "#
    );
}

#[test]
fn refuses_basic_and_headers_that_cannot_be_sent() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.a]
mode = "observe"
base_url = "https://example.com/scim"
auth = { basic = { user = "a:b", secret = "A" } }
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.b]
mode = "observe"
base_url = "https://example.com/scim"
auth = { header = { name = "Authorization", secret = "b" } }
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.c]
mode = "observe"
base_url = "https://example.com/scim"
auth = { header = { name = "Content-Type" } }
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.d]
mode = "observe"
base_url = "https://example.com/scim"
auth = { header = { name = "x key", secret = "d" } }
attributes = { userName = "{work_email}", externalId = { key = true } }
"#,
        ),
        @r#"
        error[bad-auth]: a user name holds a colon or a line break
         --> case.toml:4:27
          |
        4 | auth = { basic = { user = "a:b", secret = "A" } }
          |                           ^^^^^
          = help: remove it: a colon ends the user name (RFC 7617 section 2)

        error[bad-name]: `A` cannot be the name of a secret
         --> case.toml:4:43
          |
        4 | auth = { basic = { user = "a:b", secret = "A" } }
          |                                           ^^^
          = help: use lower-case letters and digits, joined by `-` or `_` or `.` or `/`, at most 64 characters

        error[bad-header]: `Authorization` is not a header for a secret
          --> case.toml:10:28
           |
        10 | auth = { header = { name = "Authorization", secret = "b" } }
           |                            ^^^^^^^^^^^^^^^
           = help: write the target's own header, for example `x-api-key`; `authorization` is written by `bearer`, `basic` and `oauth`

        error[missing-key]: `header` of `auth` of target `c` lacks `secret`
          --> case.toml:16:19
           |
        16 | auth = { header = { name = "Content-Type" } }
           |                   ^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add for example `secret = "directory-key"`

        error[bad-header]: `Content-Type` is not a header for a secret
          --> case.toml:16:28
           |
        16 | auth = { header = { name = "Content-Type" } }
           |                            ^^^^^^^^^^^^^^
           = help: write the target's own header, for example `x-api-key`; `authorization` is written by `bearer`, `basic` and `oauth`

        error[bad-header]: `x key` is not the name of a header
          --> case.toml:22:28
           |
        22 | auth = { header = { name = "x key", secret = "d" } }
           |                            ^^^^^^^
           = help: write for example `x-api-key`

        6 errors
        "#
    );
}

#[test]
fn refuses_client_credentials_that_cannot_be_sent() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.e]
mode = "observe"
base_url = "https://example.com/scim"
auth = { oauth = { token_url = "http://example.com/token?a=b", client_id = "e", secret = "e", client_auth = "post" } }
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.f]
mode = "observe"
base_url = "https://example.com/scim"
auth = { oauth = { token_url = "https://example.com/token", secret = "f", certificate = "f", client_auth = "basic" } }
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.g]
mode = "observe"
base_url = "https://example.com/scim"
auth = { tenant = "contoso/x", client_id = "g" }
attributes = { userName = "{work_email}", externalId = { key = true } }
"#,
        ),
        @r#"
        error[bad-url]: `token_url` of `oauth` of `auth` of target `e` has a query or a fragment
         --> case.toml:4:32
          |
        4 | auth = { oauth = { token_url = "http://example.com/token?a=b", client_id = "e", secret = "e", client_auth = "post" } }
          |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: give the address without, as in `https://example.com/oauth2/token`

        error[bad-url]: `token_url` of `oauth` of `auth` of target `e` has the scheme `http`
         --> case.toml:4:32
          |
        4 | auth = { oauth = { token_url = "http://example.com/token?a=b", client_id = "e", secret = "e", client_auth = "post" } }
          |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: use `https`; `http` is allowed to this machine only

        error[unknown-word]: `client_auth` of `oauth` of `auth` of target `e` cannot be `post`
         --> case.toml:4:109
          |
        4 | ://example.com/token?a=b", client_id = "e", secret = "e", client_auth = "post" } }
          |                                                                         ^^^^^^
          = help: give `basic` or `form`

        error[bad-auth]: `oauth` of `auth` of target `f` has both `secret` and `certificate`
          --> case.toml:10:18
           |
        10 | auth = { oauth = { token_url = "https://example.com/token", secret = "f", certificate = "f", client_auth = "basic" } }
           |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: keep one: a certificate is the stronger proof

        error[missing-key]: `oauth` of `auth` of target `f` lacks `client_id`
          --> case.toml:10:18
           |
        10 | auth = { oauth = { token_url = "https://example.com/token", secret = "f", certificate = "f", client_auth = "basic" } }
           |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add for example `client_id = "lanyard"`

        error[not-here]: `client_auth` of `oauth` of `auth` of target `f` has no meaning beside `certificate`
          --> case.toml:10:108
           |
        10 | ps://example.com/token", secret = "f", certificate = "f", client_auth = "basic" } }
           |                                                                         ^^^^^^^
           = help: remove it: a certificate proves the client by itself

        error[missing-key]: `auth` of target `g` lacks `secret`
          --> case.toml:16:8
           |
        16 | auth = { tenant = "contoso/x", client_id = "g" }
           |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add for example `secret = "directory-client"`

        error[bad-tenant]: `contoso/x` is not a tenant
          --> case.toml:16:19
           |
        16 | auth = { tenant = "contoso/x", client_id = "g" }
           |                   ^^^^^^^^^^^
           = help: write its id or one of its domains, for example `contoso.onmicrosoft.com`

        error[not-here]: `tenant` of `auth` of target `g` is for Microsoft Graph
          --> case.toml:16:19
           |
        16 | auth = { tenant = "contoso/x", client_id = "g" }
           |                   ^^^^^^^^^^^
           = help: write `oauth = { token_url = "...", ... }`, or `kind = "graph"` if it is one

        9 errors
        "#
    );
}

#[test]
fn does_not_repeat_a_secret_in_place_of_its_name() {
    let told = said(
        r#"
[targets.a]
mode = "observe"
base_url = "https://example.com/scim"
auth = { basic = { user = "a", secret = "xoxb-1234567890-abcdefghijkl" } }
attributes = { userName = "{work_email}", externalId = { key = true } }
"#,
    );
    assert!(told.contains("error[inline-secret]"), "{told}");
    assert!(!told.contains("xoxb"), "{told}");
}
