//! What targets speak.

use domain::TargetId;
use domain::policy::{EntitlementKind, GraphSettings, Target, TargetKind};
use domain::profile::{Auth, ClientProof};

use super::{GOOD, said};
use crate::load_files;

/// The target `extra` of a file beside a good one.
pub(super) fn extra(text: &str) -> Target {
    let files = [("good.toml", GOOD), ("case.toml", text)]
        .map(|(name, text)| (name.to_owned(), text.to_owned()));
    match load_files(files) {
        Ok(loaded) => loaded.policy.targets[&TargetId::from("extra")].clone(),
        Err(errors) => panic!("{text}\n{}", errors.render()),
    }
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

        6 errors
        "#
    );
}

#[test]
fn refuses_keys_of_another_kind_than_bulk() {
    insta::assert_snapshot!(
        said(
            r#"
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
        error[missing-key]: target `c` lacks `job`
         --> case.toml:1:10
          |
        1 | [targets.c]
          |          ^
          = help: add for example `job = "API2AAD..."`

        error[missing-key]: target `c` lacks `service_principal`
         --> case.toml:1:10
          |
        1 | [targets.c]
          |          ^
          = help: add for example `service_principal = "00000000-0000-0000-0000-000000000000"`

        error[not-here]: `profile` of target `c` has no meaning where `kind` is `entra_bulk`
         --> case.toml:5:11
          |
        5 | profile = "entra"
          |           ^^^^^^^
          = help: remove it, or write `kind = "scim"` if the target is one

        error[not-here]: `delete_after_days` of target `c` has no meaning where `kind` is `entra_bulk`
         --> case.toml:6:21
          |
        6 | delete_after_days = 3
          |                     ^
          = help: remove it: the inbound provisioning API of Microsoft Entra deletes nobody

        error[bad-id]: `service_principal` of target `d` is not an id
          --> case.toml:13:21
           |
        13 | service_principal = "not an id"
           |                     ^^^^^^^^^^^
           = help: copy the object id, for example `00000000-0000-0000-0000-000000000000`

        error[bad-id]: `job` of target `d` is not the id of a job
          --> case.toml:14:7
           |
        14 | job = "../x"
           |       ^^^^^^
           = help: copy it from the provisioning application: letters, digits, `.`, `-`, `_`

        error[missing-key]: target `e` lacks `base_url`
          --> case.toml:17:10
           |
        17 | [targets.e]
           |          ^
           = help: add for example `base_url = "https://example.com/scim/v2"`

        error[unknown-word]: `kind` of target `e` cannot be `ldap`
          --> case.toml:18:8
           |
        18 | kind = "ldap"
           |        ^^^^^^
           = help: give `scim` or `graph` or `entra_bulk` or `manual`

        8 errors
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
          = help: add for example `mailNickname = "{given_name:slug}.{family_name:slug}"`: target `a` makes no account without it

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
