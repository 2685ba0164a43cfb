//! What entitlements, tiers, separation of duties and pilots say, and what they may not say.

use std::collections::BTreeSet;

use domain::EntitlementId;
use domain::policy::{Criticality, What};

use super::{GOOD, said};
use crate::load_files;

fn loaded(text: &str) -> domain::Policy {
    let files =
        [("good.toml", GOOD), ("case.toml", text)].map(|(name, text)| (name.into(), text.into()));
    load_files(files)
        .unwrap_or_else(|errors| panic!("{errors}"))
        .policy
}

#[test]
fn privileged_is_high_unless_it_is_critical() {
    let policy = loaded(
        r#"
[entitlements.root]
target = "directory"
privileged = true

[entitlements.vault]
target = "directory"
privileged = true
criticality = "critical"

[entitlements.owner]
target = "directory"
kind = "admin_role"

[entitlements.lunch]
target = "directory"
criticality = "low"
"#,
    );
    let of = |name: &str| {
        let known = &policy.entitlements[&EntitlementId::from(name)];
        (
            known.privileged,
            known.holding.criticality,
            known.holding.what,
        )
    };
    assert_eq!(of("root"), (true, Criticality::High, What::Group));
    assert_eq!(of("vault"), (true, Criticality::Critical, What::Group));
    assert_eq!(of("owner"), (true, Criticality::High, What::AdminRole));
    assert_eq!(of("lunch"), (false, Criticality::Low, What::Group));
}

#[test]
fn the_holders_of_a_licence_cannot_be_counted() {
    let said = said(
        r#"
[targets.m365]
mode = "simulate"
kind = "graph"
auth = { tenant = "contoso.example", client_id = "lanyard", certificate = "m365-certificate" }
attributes = { userName = "{work_email}", externalId = { key = true }, displayName = "{display_name}", mailNickname = "{given_name}", usageLocation = "{country}" }

[entitlements.office]
target = "m365"
licence = "05e9a617-0261-4cee-bb44-138d3ef5d965"
required_holders = 1

[roles.office]
entitlements = ["office"]

[[rules]]
id = "office"
when = "everyone"
roles = ["office"]
"#,
    );
    assert!(
        said.starts_with("error[not-here]: `required_holders` of entitlement `office` has no meaning for a licence"),
        "{said}"
    );
}

#[test]
fn nested_groups_bring_along_what_theirs_do() {
    let policy = loaded(
        r#"
[entitlements.leads]
target = "directory"
within = ["writers"]

[entitlements.writers]
target = "directory"
within = ["readers"]

[entitlements.readers]
target = "directory"
"#,
    );
    let within = &policy.entitlements[&EntitlementId::from("leads")]
        .holding
        .within;
    assert_eq!(
        *within,
        BTreeSet::from(["readers".into(), "writers".into()])
    );
}

#[test]
fn refuses_entitlements_that_contradict_themselves() {
    insta::assert_snapshot!(said(r#"
[entitlements.a]
target = "directory"
kind = "admin_role"
privileged = false
within = ["b"]

[entitlements.b]
target = "directory"
privileged = true
criticality = "low"
within = ["a", "unknown"]

[entitlements.c]
target = "directory"
kind = "licence"
overlap_days = 3
max_days = 4
required_holders = 0

[roles.all]
standard = true
entitlements = ["a", "c"]

[[rules]]
id = "all"
when = { department = "Engineering" }
roles = ["all"]
percent = 101
"#), @r#"
        error[nested-cycle]: entitlement `a` is nested in itself
         --> case.toml:1:15
          |
        1 | [entitlements.a]
          |               ^
          = help: remove one of the `within` that lead back to it

        error[not-privileged]: entitlement `a` is an administrative role and not privileged
         --> case.toml:4:14
          |
        4 | privileged = false
          |              ^^^^^
          = help: remove `privileged = false`: administrative roles always are

        error[nested-cycle]: entitlement `b` is nested in itself
         --> case.toml:7:15
          |
        7 | [entitlements.b]
          |               ^
          = help: remove one of the `within` that lead back to it

        error[not-critical]: entitlement `b` is privileged and its criticality `low`
          --> case.toml:10:15
           |
        10 | criticality = "low"
           |               ^^^^^
           = help: write `"high"` or `"critical"`, or leave it out: what is privileged is high

        error[unresolved]: entitlement `unknown` does not exist
          --> case.toml:11:16
           |
        11 | within = ["a", "unknown"]
           |                ^^^^^^^^^
           = help: define it under `[entitlements.unknown]`

        error[not-here]: `kind` of entitlement `c` is `licence` beside a group
          --> case.toml:15:8
           |
        15 | kind = "licence"
           |        ^^^^^^^^^
           = help: state the SKU under `licence`, or choose another kind: all others are groups at the target

        error[not-here]: `overlap_days` of entitlement `c` has no meaning beside `max_days`
          --> case.toml:16:16
           |
        16 | overlap_days = 3
           |                ^
           = help: remove one of the two: what lapses by itself does not outlive a move

        error[out-of-range]: `required_holders` of entitlement `c` is 0
          --> case.toml:18:20
           |
        18 | required_holders = 0
           |                    ^
           = help: give a number from 1 to 1000

        error[privileged-in-standard]: standard role `all` gives privileged entitlement `a`
          --> case.toml:22:17
           |
        22 | entitlements = ["a", "c"]
           |                 ^^^
           = help: move it to a role of its own without `standard = true`, so that everyday work never carries administrative rights

        error[out-of-range]: `percent` of rule `all` is 101
          --> case.toml:28:11
           |
        28 | percent = 101
           |           ^^^
           = help: give a number from 0 to 100

        warning[unused]: no role gives entitlement `b`
         --> case.toml:7:15
          |
        7 | [entitlements.b]
          |               ^
          = help: list it in a role, or remove it: nobody gets it by policy

        10 errors, 1 warning
        "#);
}

#[test]
fn refuses_tiers_that_are_none() {
    insta::assert_snapshot!(said(r#"
[tiers.one]
entitlements = ["staff"]

[tiers.two]
entitlements = ["staff", "elsewhere", "nowhere"]

[entitlements.elsewhere]
target = "other"

[targets.other]
mode = "pilot"
base_url = "https://other.example.com"
token = "other-token"
attributes = { userName = "{work_email}", externalId = { key = true } }

[targets.third]
mode = "simulate"
percent = 10
cohort = { department = "Engineering" }
base_url = "https://third.example.com"
token = "third-token"
attributes = { userName = "{work_email}", externalId = { key = true } }

[roles.elsewhere]
entitlements = ["elsewhere"]

[[rules]]
id = "elsewhere"
when = { department = "Engineering" }
roles = ["elsewhere"]
"#), @r#"
        error[one-tier]: tier `one` lists one entitlement
         --> case.toml:1:8
          |
        1 | [tiers.one]
          |        ^^^
          = help: list two or more, from the lowest to the highest, or remove the tier

        error[two-targets]: tier `two` lists entitlements of several targets
         --> case.toml:4:8
          |
        4 | [tiers.two]
          |        ^^^
          = help: make a tier for each target

        error[defined-twice]: entitlement `staff` stands in two tiers
         --> case.toml:5:17
          |
        5 | entitlements = ["staff", "elsewhere", "nowhere"]
          |                 ^^^^^^^
          = help: keep one; the other is at case.toml:2

        error[unresolved]: entitlement `nowhere` does not exist
         --> case.toml:5:39
          |
        5 | entitlements = ["staff", "elsewhere", "nowhere"]
          |                                       ^^^^^^^^^
          = help: define it under `[entitlements.nowhere]`

        error[missing-key]: target `other` is a pilot of nobody in particular
          --> case.toml:10:10
           |
        10 | [targets.other]
           |          ^^^^^
           = help: add for example `cohort = { department = "IT" }` or `percent = 10`

        error[not-here]: `percent` of target `third` has no meaning where `mode` is not `pilot`
          --> case.toml:18:11
           |
        18 | percent = 10
           |           ^^
           = help: write `mode = "pilot"`, or remove it

        error[not-here]: `cohort` of target `third` has no meaning where `mode` is not `pilot`
          --> case.toml:19:10
           |
        19 | cohort = { department = "Engineering" }
           |          ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: write `mode = "pilot"`, or remove it

        7 errors
        "#);
}

#[test]
fn refuses_separation_that_keeps_nothing_apart() {
    insta::assert_snapshot!(said(r#"
[entitlements.child]
target = "directory"
within = ["staff", "engineers"]

[entitlements.third]
target = "directory"

[roles.third]
entitlements = ["third", "child"]

[[rules]]
id = "third"
when = { department = "Engineering" }
roles = ["third"]

[sod.both]
left = ["staff"]
right = ["third"]
entitlements = ["staff", "third"]
at_most = 2

[sod.nested]
left = ["staff"]
right = ["engineers"]
mode = "detective"

[sod.three]
entitlements = ["staff", "engineers", "third"]
at_most = 1

[[sod.three.exceptions]]
source = "payroll"
worker = "10042"
until = 2027-03-31
by = "security"
"#), @r#"
        error[sod-conflict]: role `third` gives `staff`, `engineers`, `third`, of which SoD set `three` allows 1
         --> case.toml:8:8
          |
        8 | [roles.third]
          |        ^^^^^
          = help: give fewer of them through one role or rule

        error[not-here]: `left` of SoD pair `both` stands beside `entitlements`
          --> case.toml:17:8
           |
        17 | left = ["staff"]
           |        ^^^^^^^^^
           = help: keep `left` and `right` for a pair, or `entitlements` and `at_most` for a set

        error[not-here]: `right` of SoD pair `both` stands beside `entitlements`
          --> case.toml:18:9
           |
        18 | right = ["third"]
           |         ^^^^^^^^^
           = help: keep `left` and `right` for a pair, or `entitlements` and `at_most` for a set

        error[set-too-small]: SoD pair `both` lists 2 and allows 2
          --> case.toml:19:16
           |
        19 | entitlements = ["staff", "third"]
           |                ^^^^^^^^^^^^^^^^^^
           = help: list more, or make `at_most` smaller: nobody could ever break it

        error[sod-overlap]: entitlement `child` brings both sides of SoD pair `nested` along
          --> case.toml:22:6
           |
        22 | [sod.nested]
           |      ^^^^^^
           = help: nest its group in one side only, or nobody could ever hold it

        error[missing-key]: an entry of `exceptions` of SoD pair `three` lacks `reason`
          --> case.toml:31:1
           |
        31 | [[sod.three.exceptions]]
           | ^^^^^^^^^^^^^^^^^^^^^^^^
           = help: add for example `reason = "covers a colleague on leave"`

        error[unresolved]: source `payroll` does not exist
          --> case.toml:32:10
           |
        32 | source = "payroll"
           |          ^^^^^^^^^
           = help: define it under `[sources.payroll]`

        error[bad-time]: `until` of an entry of `exceptions` of SoD pair `three` is not a point in time
          --> case.toml:34:9
           |
        34 | until = 2027-03-31
           |         ^^^^^^^^^^
           = help: give date, time and offset, for example `2027-03-31T18:00:00+02:00`

        error[sod-conflict]: role `engineering` gives `staff`, `engineers`, of which SoD set `three` allows 1
          --> good.toml:28:8
           |
        28 | [roles.engineering]
           |        ^^^^^^^^^^^
           = help: give fewer of them through one role or rule

        9 errors
        "#);
}
