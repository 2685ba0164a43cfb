//! What targets speak, and how their requests prove who sends them.

use domain::TargetId;
use domain::policy::{EntitlementKind, GraphSettings, Target, TargetKind};
use domain::profile::{Auth, ClientProof};

use super::{GOOD, said};
use crate::load_files;

/// The target `extra` of a file beside a good one.
fn extra(text: &str) -> Target {
    let files = [("good.toml", GOOD), ("case.toml", text)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
    match load_files(files) {
        Ok(loaded) => loaded.policy.targets[&TargetId::from("extra")].clone(),
        Err(errors) => panic!("{text}\n{}", errors.render()),
    }
}

fn scim(auth: &str) -> Auth {
    extra(&format!(
        "[targets.extra]\nmode = \"observe\"\nbase_url = \"https://example.com/scim\"\n{auth}\n\
         attributes = {{ userName = \"{{work_email}}\", externalId = {{ key = true }} }}\n"
    ))
    .auth
}

const GRAPH: &str = r#"
[targets.extra]
mode = "observe"
kind = "graph"
auth = { tenant = "contoso.onmicrosoft.com", client_id = "lanyard", certificate = "graph-certificate" }

[targets.extra.attributes]
userName = "{work_email}"
externalId = { key = true }
displayName = "{display_name}"
mailNickname = "{given_name}"
"#;

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
fn a_graph_target_needs_little() {
    let target = extra(GRAPH);
    assert_eq!(&*target.base_url, "https://graph.microsoft.com/v1.0");
    assert_eq!(
        target.kind,
        TargetKind::Graph(GraphSettings {
            key: "onPremisesExtensionAttributes.extensionAttribute15".into(),
            role_assignable: false,
        })
    );
    let Auth::Client(client) = target.auth else {
        panic!("client credentials");
    };
    assert_eq!(
        &*client.token_url,
        "https://login.microsoftonline.com/contoso.onmicrosoft.com/oauth2/v2.0/token"
    );
    assert_eq!(
        client.scope.as_deref(),
        Some("https://graph.microsoft.com/.default")
    );
    let secret = "graph-certificate".into();
    assert_eq!(client.proof, ClientProof::Certificate { secret });
    assert_eq!(target.profile, crate::profile::graph());
}

#[test]
fn a_graph_target_may_be_a_national_cloud() {
    let text = GRAPH.replace(
        "auth = { tenant",
        "base_url = \"https://graph.microsoft.us/v1.0/\"\nkey_property = \"employeeId\"\n\
         role_assignable = true\nworkers = 3\nauth = { login_url = \"https://login.microsoftonline.us/\", tenant",
    );
    let target = extra(&text.replace("certificate = \"graph-certificate\"", "secret = \"graph\""));
    assert_eq!(&*target.base_url, "https://graph.microsoft.us/v1.0");
    assert_eq!(
        target.kind,
        TargetKind::Graph(GraphSettings {
            key: "employeeId".into(),
            role_assignable: true,
        })
    );
    let Auth::Client(client) = target.auth else {
        panic!("client credentials");
    };
    assert_eq!(
        &*client.token_url,
        "https://login.microsoftonline.us/contoso.onmicrosoft.com/oauth2/v2.0/token"
    );
    assert_eq!(
        client.scope.as_deref(),
        Some("https://graph.microsoft.us/.default")
    );
    assert_eq!(
        client.proof,
        ClientProof::Form {
            secret: "graph".into()
        }
    );
    assert_eq!(target.profile.budget.workers, Some(3));
    assert_eq!(
        target.profile.budget.rates,
        crate::profile::graph().budget.rates
    );
}

#[test]
fn a_bulk_target_names_its_job() {
    let target = extra(
        r#"
[targets.extra]
mode = "observe"
kind = "entra_bulk"
service_principal = "1A03DE52-b9c3-4e2c-a1e3-9145aaa8e530"
job = "API2AAD.b16687d38faf42adb29892cdcaf01c6e.1a03de52-b9c3-4e2c-a1e3-9145aaa8e530"
auth = { tenant = "72f988bf-86f1-41af-91ab-2d7cd011db47", client_id = "lanyard", secret = "graph" }

[targets.extra.attributes]
userName = "{work_email}"
externalId = { key = true }
"name.givenName" = "{given_name}"
"#,
    );
    let TargetKind::EntraBulk(job) = &target.kind else {
        panic!("a bulk target");
    };
    assert_eq!(
        &*job.service_principal,
        "1a03de52-b9c3-4e2c-a1e3-9145aaa8e530"
    );
    assert!(job.job.starts_with("API2AAD."));
    assert_eq!(target.profile, crate::profile::entra_bulk());
}

#[test]
fn a_licence_is_an_entitlement_of_another_kind() {
    let text = format!(
        "{GRAPH}usageLocation = \"{{country}}\"\n\n[entitlements.office]\ntarget = \"extra\"\n\
         licence = \"6FD2C87F-B296-42F0-B197-1E91E994B900\"\n\n[roles.office]\n\
         entitlements = [\"office\"]\n\n[[rules]]\nid = \"office\"\nwhen = \"everyone\"\n\
         roles = [\"office\"]\n"
    );
    let files = [("good.toml", GOOD), ("case.toml", &text)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
    let loaded = load_files(files).unwrap();
    assert_eq!(crate::render(&loaded.warnings), "");
    let office = &loaded.policy.entitlements[&domain::EntitlementId::from("office")];
    assert_eq!(office.kind, EntitlementKind::Licence);
    assert_eq!(&*office.group, "6fd2c87f-b296-42f0-b197-1e91e994b900");
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
fn refuses_proofs_that_cannot_be_sent() {
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

        error[bad-url]: `token_url` of `oauth` of `auth` of target `e` has a query or a fragment
          --> case.toml:28:32
           |
        28 | auth = { oauth = { token_url = "http://example.com/token?a=b", client_id = "e", secret = "e", client_auth = "post" } }
           |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: give the address without, as in `https://example.com/oauth2/token`

        error[bad-url]: `token_url` of `oauth` of `auth` of target `e` has the scheme `http`
          --> case.toml:28:32
           |
        28 | auth = { oauth = { token_url = "http://example.com/token?a=b", client_id = "e", secret = "e", client_auth = "post" } }
           |                                ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: use `https`; `http` is allowed to this machine only

        error[unknown-word]: `client_auth` of `oauth` of `auth` of target `e` cannot be `post`
          --> case.toml:28:109
           |
        28 | ://example.com/token?a=b", client_id = "e", secret = "e", client_auth = "post" } }
           |                                                                         ^^^^^^
           = help: give `basic` or `form`

        error[bad-auth]: `oauth` of `auth` of target `f` has both `secret` and `certificate`
          --> case.toml:34:18
           |
        34 | auth = { oauth = { token_url = "https://example.com/token", secret = "f", certificate = "f", client_auth = "basic" } }
           |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: keep one: a certificate is the stronger proof

        error[missing-key]: `oauth` of `auth` of target `f` lacks `client_id`
          --> case.toml:34:18
           |
        34 | auth = { oauth = { token_url = "https://example.com/token", secret = "f", certificate = "f", client_auth = "basic" } }
           |                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add for example `client_id = "lanyard"`

        error[not-here]: `client_auth` of `oauth` of `auth` of target `f` has no meaning beside `certificate`
          --> case.toml:34:108
           |
        34 | ps://example.com/token", secret = "f", certificate = "f", client_auth = "basic" } }
           |                                                                         ^^^^^^^
           = help: remove it: a certificate proves the client by itself

        error[missing-key]: `auth` of target `g` lacks `secret`
          --> case.toml:40:8
           |
        40 | auth = { tenant = "contoso/x", client_id = "g" }
           |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add for example `secret = "directory-client"`

        error[bad-tenant]: `contoso/x` is not a tenant
          --> case.toml:40:19
           |
        40 | auth = { tenant = "contoso/x", client_id = "g" }
           |                   ^^^^^^^^^^^
           = help: write its id or one of its domains, for example `contoso.onmicrosoft.com`

        error[not-here]: `tenant` of `auth` of target `g` is for Microsoft Graph
          --> case.toml:40:19
           |
        40 | auth = { tenant = "contoso/x", client_id = "g" }
           |                   ^^^^^^^^^^^
           = help: write `oauth = { token_url = "...", ... }`, or `kind = "graph"` if it is one

        15 errors
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

#[test]
fn refuses_keys_of_another_kind() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.a]
mode = "observe"
base_url = "https://example.com/scim"
token = "a-token"
key_property = "employeeId"
role_assignable = true
job = "x"
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.b]
mode = "observe"
kind = "graph"
token = "b-token"
profile = "entra"
service_principal = "x"
key_property = "extensionAttribute3"
attributes = { userName = "{work_email}", externalId = { key = true }, displayName = "{display_name}", mailNickname = "{given_name}" }

[targets.c]
mode = "observe"
kind = "entra_bulk"
token = "c-token"
profile = "entra"
delete_after_days = 3
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.d]
mode = "observe"
kind = "entra_bulk"
token = "d-token"
service_principal = "not an id"
job = "../x"
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.e]
kind = "ldap"
mode = "observe"
token = "e-token"
attributes = { userName = "{work_email}", externalId = { key = true } }
"#,
        ),
        @r#"
        error[not-here]: `key_property` of target `a` has no meaning where `kind` is `scim`
         --> case.toml:5:16
          |
        5 | key_property = "employeeId"
          |                ^^^^^^^^^^^^
          = help: remove it, or write `kind = "graph"` if the target is one

        error[not-here]: `role_assignable` of target `a` has no meaning where `kind` is `scim`
         --> case.toml:6:19
          |
        6 | role_assignable = true
          |                   ^^^^
          = help: remove it, or write `kind = "graph"` if the target is one

        error[not-here]: `job` of target `a` has no meaning where `kind` is `scim`
         --> case.toml:7:7
          |
        7 | job = "x"
          |       ^^^
          = help: remove it, or write `kind = "entra_bulk"` if the target is one

        error[not-here]: `profile` of target `b` has no meaning where `kind` is `graph`
          --> case.toml:14:11
           |
        14 | profile = "entra"
           |           ^^^^^^^
           = help: remove it, or write `kind = "scim"` if the target is one

        error[not-here]: `service_principal` of target `b` has no meaning where `kind` is `graph`
          --> case.toml:15:21
           |
        15 | service_principal = "x"
           |                     ^^^
           = help: remove it, or write `kind = "entra_bulk"` if the target is one

        error[unknown-word]: `key_property` of target `b` cannot be `extensionAttribute3`
          --> case.toml:16:16
           |
        16 | key_property = "extensionAttribute3"
           |                ^^^^^^^^^^^^^^^^^^^^^
           = help: give `employeeId`, `onPremisesImmutableId`, or `onPremisesExtensionAttributes.extensionAttribute1` to `...15`

        error[missing-key]: target `c` lacks `job`
          --> case.toml:19:10
           |
        19 | [targets.c]
           |          ^
           = help: add for example `job = "API2AAD..."`

        error[missing-key]: target `c` lacks `service_principal`
          --> case.toml:19:10
           |
        19 | [targets.c]
           |          ^
           = help: add for example `service_principal = "00000000-0000-0000-0000-000000000000"`

        error[not-here]: `profile` of target `c` has no meaning where `kind` is `entra_bulk`
          --> case.toml:23:11
           |
        23 | profile = "entra"
           |           ^^^^^^^
           = help: remove it, or write `kind = "scim"` if the target is one

        error[not-here]: `delete_after_days` of target `c` has no meaning where `kind` is `entra_bulk`
          --> case.toml:24:21
           |
        24 | delete_after_days = 3
           |                     ^
           = help: remove it: the inbound provisioning API of Microsoft Entra deletes nobody

        error[bad-id]: `service_principal` of target `d` is not an id
          --> case.toml:31:21
           |
        31 | service_principal = "not an id"
           |                     ^^^^^^^^^^^
           = help: copy the object id, for example `00000000-0000-0000-0000-000000000000`

        error[bad-id]: `job` of target `d` is not the id of a job
          --> case.toml:32:7
           |
        32 | job = "../x"
           |       ^^^^^^
           = help: copy it from the provisioning application: letters, digits, `.`, `-`, `_`

        error[missing-key]: target `e` lacks `base_url`
          --> case.toml:35:10
           |
        35 | [targets.e]
           |          ^
           = help: add for example `base_url = "https://example.com/scim/v2"`

        error[unknown-word]: `kind` of target `e` cannot be `ldap`
          --> case.toml:36:8
           |
        36 | kind = "ldap"
           |        ^^^^^^
           = help: give `scim` or `graph` or `entra_bulk`

        14 errors
        "#
    );
}

#[test]
fn refuses_what_is_no_property_of_a_graph_user() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.a]
mode = "observe"
kind = "graph"
key_property = "employeeId"
token = "a-token"

[targets.a.attributes]
userName = "{work_email}"
externalId = { key = true }
userPrincipalName = "{work_email}"
employeeId = "{employee_number}"
displayname = "{display_name}"
"name.givenName" = "{given_name}"
'emails[type eq "work"].value' = "{work_email}"
accountEnabled = "true"
manager = "{manager_id}"
jobTitle = { manager = true }
extension_1a2b_badge = "{clearance}"
"contoso_hr.badge" = "{clearance}"
"#,
        ),
        @r#"
        error[missing-key]: `attributes` of target `a` lacks `mailNickname`
         --> case.toml:7:1
          |
        7 | [targets.a.attributes]
          | ^^^^^^^^^^^^^^^^^^^^^^
          = help: add for example `mailNickname = "{display_name}"`: target `a` makes no account without it

        error[not-here]: `userPrincipalName` is not mapped by policy
          --> case.toml:10:1
           |
        10 | userPrincipalName = "{work_email}"
           | ^^^^^^^^^^^^^^^^^
           = help: remove it: it is written `userName`

        error[not-here]: `employeeId` holds the key of this target
          --> case.toml:11:1
           |
        11 | employeeId = "{employee_number}"
           | ^^^^^^^^^^
           = help: remove it: it is written `externalId`; or choose another `key_property`

        error[bad-path]: `displayname` is not a property of a user that can be written
          --> case.toml:12:1
           |
        12 | displayname = "{display_name}"
           | ^^^^^^^^^^^
           = help: did you mean `displayName`?

        error[bad-path]: `name.givenName` is not a property of a user that can be written
          --> case.toml:13:1
           |
        13 | "name.givenName" = "{given_name}"
           | ^^^^^^^^^^^^^^^^
           = help: write a property of Microsoft Graph, for example `jobTitle`, `"employeeOrgData.costCenter"`, or an extension's

        error[bad-path]: `emails[type eq "work"].value` is not a property of a user that can be written
          --> case.toml:14:1
           |
        14 | 'emails[type eq "work"].value' = "{work_email}"
           | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: write a property of Microsoft Graph, for example `jobTitle`, `"employeeOrgData.costCenter"`, or an extension's

        error[not-here]: `accountEnabled` is not mapped by policy
          --> case.toml:15:1
           |
        15 | accountEnabled = "true"
           | ^^^^^^^^^^^^^^
           = help: remove it: the lifecycle decides whether an account can sign in

        error[bad-path]: `manager` and the manager's account do not go together
          --> case.toml:16:1
           |
        16 | manager = "{manager_id}"
           | ^^^^^^^
           = help: write `manager = { manager = true }`: it is a reference, and the only one

        error[bad-path]: `jobTitle` and the manager's account do not go together
          --> case.toml:17:1
           |
        17 | jobTitle = { manager = true }
           | ^^^^^^^^
           = help: write `manager = { manager = true }`: it is a reference, and the only one

        9 errors
        "#
    );
}

#[test]
fn refuses_licences_that_cannot_be_given() {
    insta::assert_snapshot!(
        said(
            r#"
[targets.m365]
mode = "observe"
kind = "graph"
token = "a-token"
attributes = { userName = "{work_email}", externalId = { key = true }, displayName = "{display_name}", mailNickname = "{given_name}" }

[targets.bulk]
mode = "observe"
kind = "entra_bulk"
token = "b-token"
service_principal = "1a03de52-b9c3-4e2c-a1e3-9145aaa8e530"
job = "x"
attributes = { userName = "{work_email}", externalId = { key = true } }

[entitlements.a]
target = "m365"
licence = "6fd2c87f-b296-42f0-b197-1e91e994b900"

[entitlements.b]
target = "directory"
licence = "6fd2c87f-b296-42f0-b197-1e91e994b900"

[entitlements.c]
target = "m365"
group = "Everybody"
licence = "E3"

[entitlements.d]
target = "bulk"

[entitlements.e]
target = "m365"
licence = "6FD2C87F-b296-42f0-b197-1e91e994b900"

[roles.all]
entitlements = ["a", "b", "c", "d", "e"]

[[rules]]
id = "all"
when = "everyone"
roles = ["all"]
"#,
        ),
        @r#"
        error[missing-key]: `licence` of entitlement `a` is given to accounts without `usageLocation`
          --> case.toml:17:11
           |
        17 | licence = "6fd2c87f-b296-42f0-b197-1e91e994b900"
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add `usageLocation = "{country}"` to the target's `attributes`: Microsoft Entra refuses licences without it

        error[not-here]: `licence` of entitlement `b` has no meaning at a target whose `kind` is `scim`
          --> case.toml:21:11
           |
        21 | licence = "6fd2c87f-b296-42f0-b197-1e91e994b900"
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: write `group`: only targets of `kind = "graph"` have licences

        error[bad-id]: `licence` of entitlement `c` is not an id
          --> case.toml:26:11
           |
        26 | licence = "E3"
           |           ^^^^
           = help: copy the object id, for example `00000000-0000-0000-0000-000000000000`

        error[defined-twice]: entitlement `c` is both a group and a licence
          --> case.toml:26:11
           |
        26 | licence = "E3"
           |           ^^^^
           = help: keep one, and make another entitlement of the other; `group` stands at case.toml:25

        error[missing-key]: `licence` of entitlement `c` is given to accounts without `usageLocation`
          --> case.toml:26:11
           |
        26 | licence = "E3"
           |           ^^^^
           = help: add `usageLocation = "{country}"` to the target's `attributes`: Microsoft Entra refuses licences without it

        error[not-here]: target `bulk` takes records of people and no memberships
          --> case.toml:29:10
           |
        29 | target = "bulk"
           |          ^^^^^^
           = help: give the group at a target of `kind = "graph"`

        error[defined-twice]: entitlements `a` and `e` are the same licence `6fd2c87f-b296-42f0-b197-1e91e994b900` of target `m365`
          --> case.toml:31:15
           |
        31 | [entitlements.e]
           |               ^
           = help: keep one name for it; the other is at case.toml:15

        error[missing-key]: `licence` of entitlement `e` is given to accounts without `usageLocation`
          --> case.toml:33:11
           |
        33 | licence = "6FD2C87F-b296-42f0-b197-1e91e994b900"
           |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add `usageLocation = "{country}"` to the target's `attributes`: Microsoft Entra refuses licences without it

        8 errors
        "#
    );
}
