//! For each dialect that the SCIM target can stand for, what is found out by requests alone is what
//! the target really does. The expectation is written from the target's own description and knows
//! nothing of the prober.

use domain::Profile;
use domain::profile::{
    DeleteEffect, FindBy, MemberAdd, MemberRemove, Membership, Operation, Paging, PatchStyle,
};
use scim_target::{
    Deletion, Dialect, FilterForms, Fold, GroupWrite, MembersShown, Narrowing, OddFilter, Options,
    Put, SetForm, Truth, ValueList,
};
use target_scim::probe::{Report, Settings};

use crate::bench::{Bench, MARKER, shown};

const SANDBOX: &str = "sandbox";
const PEOPLE: usize = 130;

fn finds(forms: &FilterForms, names: &[&str]) -> bool {
    match forms {
        FilterForms::All => true,
        FilterForms::Equality(forms) => forms.contains(&names),
    }
}

/// Where members show, the places that need fewest requests first.
fn membership(truth: &Truth) -> Membership {
    let filters = &truth.filters.groups;
    if truth.groups.members_shown == MembersShown::Everywhere {
        Membership::GroupMembers
    } else if truth.users.groups_shown {
        Membership::UserGroups
    } else if finds(filters, &["members.value"]) {
        Membership::GroupFilter
    } else if finds(filters, &["id", "members.value"]) {
        Membership::PairFilter
    } else {
        Membership::Hidden
    }
}

/// What of a truth requests can show, as a profile over the base `rfc`.
fn observable(truth: &Truth) -> Profile {
    let base = Profile::rfc();
    let (users, groups) = (&truth.users, &truth.groups);
    let by = |by: FindBy, name: &str| finds(&truth.filters.users, &[name]).then_some(by);
    let path = |name: &&str| match *name {
        "emails" => "emails[type eq \"work\"].value".into(),
        "entitlements" => "entitlements[type eq \"profile\"].value".into(),
        other => other.into(),
    };
    let exactly = users.exactly_one.map(|rule| rule.attribute);
    let mut unproven = std::collections::BTreeSet::new();
    if matches!(users.active, SetForm::Neither | SetForm::Ignored) {
        unproven.extend([Operation::Disable, Operation::Enable]);
    }
    if !users.reactivation {
        unproven.insert(Operation::Enable);
    }
    let membership = membership(truth);
    if membership == Membership::Hidden {
        unproven.extend([Operation::Grant, Operation::Revoke]);
    }
    let paging = match truth.paging.method {
        scim_target::Paging::Both | scim_target::Paging::IndexOnly => Paging::Index,
        scim_target::Paging::CursorOnly | scim_target::Paging::CursorOrOnePage => Paging::Cursor,
        scim_target::Paging::OneList => Paging::None,
    };
    let limit = groups.change_limit.unwrap_or(usize::MAX);
    Profile {
        patch: match users.set {
            SetForm::Both | SetForm::PathOnly => PatchStyle::Path,
            SetForm::PathlessOnly => PatchStyle::Pathless,
            SetForm::Neither | SetForm::Ignored => PatchStyle::Put,
        },
        member_add: match groups.add {
            SetForm::Both | SetForm::PathOnly => MemberAdd::Path,
            SetForm::PathlessOnly => MemberAdd::Pathless,
            SetForm::Neither | SetForm::Ignored => MemberAdd::Put,
        },
        member_remove: if groups.remove_by_filter {
            MemberRemove::Filter
        } else if groups.remove_by_list == ValueList::Understood {
            MemberRemove::ValueArray
        } else {
            MemberRemove::Put
        },
        member_chunk: u16::try_from(limit.min(100)).unwrap(),
        membership,
        exclude_members: truth.narrowing != Narrowing::Refused,
        find_by: [
            by(FindBy::ExternalId, "externalId"),
            by(FindBy::UserName, "userName"),
        ]
        .into_iter()
        .flatten()
        .collect(),
        paging,
        page_size: match paging {
            Paging::Index => u16::try_from(truth.paging.max_page.min(100)).unwrap(),
            Paging::Cursor | Paging::None => base.page_size,
        },
        etag: truth.etags,
        hides_inactive: users.inactive_hidden,
        inactive_edits: users.inactive_edits && !users.inactive_hidden,
        delete: match users.delete {
            // That a suspension is for ever shows in no answer.
            Deletion::Removes | Deletion::Suspends => DeleteEffect::Removes,
            Deletion::Deactivates => DeleteEffect::Deactivates,
        },
        user_name: domain::profile::UserNameRule {
            max_len: users.name.max_length.map(|max| u16::try_from(max).unwrap()),
            email: users.name.email,
            folded: users.name.fold != Fold::Kept,
        },
        required: users
            .required
            .iter()
            .map(path)
            .chain(exactly.as_ref().map(path))
            .collect(),
        single_valued: users
            .single_valued
            .iter()
            .filter(|name| !users.refused.contains(name))
            .map(|name| (*name).into())
            .collect(),
        conflicts: if users.required_status == 409 {
            vec!["REQUIRED_FIELD_MISSING".into()]
        } else {
            Vec::new()
        },
        unproven,
        ..base
    }
}

async fn check(dialect: Dialect) -> (Report, Truth) {
    let truth = dialect.truth();
    let bench = Bench::with_people(Options::of(dialect), PEOPLE).await;
    let mut settings = Settings::new(MARKER);
    if truth.users.exactly_one.is_some() {
        // Which profiles there are only the administrator knows.
        let path = "entitlements[type eq \"profile\"].value";
        settings.attributes = vec![(path.into(), "00e000000000001".into())];
    }
    if truth.groups.write != GroupWrite::All {
        bench.server.add_group(SANDBOX).unwrap();
        settings.group = Some(SANDBOX.into());
    }
    let before = bench.server.digest();
    let report = bench.probe_with(Profile::rfc(), &settings).await;
    let text = shown(&report);
    assert_eq!(report.stopped, None, "{text}");
    let want = observable(&truth);
    let wrong = crate::bench::changes(&want, &report.profile);
    assert!(wrong.is_empty(), "{dialect}: not so: {wrong:?}\n{text}");
    assert_eq!(report.profile, want, "{text}");
    match truth.users.delete {
        Deletion::Removes | Deletion::Suspends => {
            assert_eq!(report.left, [], "{text}");
            assert_eq!(bench.server.digest(), before, "{text}");
        }
        Deletion::Deactivates => {
            let there: Vec<_> = bench.server.users().into_iter().skip(PEOPLE).collect();
            assert!(there.iter().all(|user| !user.active), "{text}");
            let mut there: Vec<_> = there.into_iter().map(|user| user.id).collect();
            let left = report.left.iter().filter(|left| left.kind == "user");
            let mut left: Vec<_> = left
                .filter_map(|left| left.id.clone())
                .map(String::from)
                .collect();
            there.sort();
            left.sort();
            assert_eq!(left, there, "{text}");
            assert_eq!(
                bench.server.group_count(),
                1 + usize::from(settings.group.is_some())
            );
        }
    }
    if settings.group.is_some() {
        let group = bench.server.group_by_display_name(SANDBOX).unwrap();
        assert!(group.members.is_empty(), "{text}");
    }
    (report, truth)
}

fn value<'r>(report: &'r Report, key: &str) -> &'r str {
    &report
        .finding(key)
        .unwrap_or_else(|| panic!("no finding {key}"))
        .value
}

#[tokio::test]
async fn rfc() {
    check(Dialect::Rfc).await;
}

#[tokio::test]
async fn okta() {
    let (report, truth) = check(Dialect::Okta).await;
    assert_eq!(truth.filters.unsupported, OddFilter::Ignored);
    assert_eq!(value(&report, "filter.external_id"), "ignored");
    assert_eq!(value(&report, "put.without_active"), "blocks the account");
    assert_eq!(value(&report, "members.remove_values"), "empties the group");
    assert_eq!(value(&report, "discovery.config"), "absent");
}

#[tokio::test]
async fn entra() {
    let (report, truth) = check(Dialect::Entra).await;
    assert_eq!(truth.users.put, Put::Unsupported);
    assert_eq!(value(&report, "put.change"), "refused");
    assert_eq!(value(&report, "members.remove_filter"), "refused");
    assert!(value(&report, "discovery.claims").contains("etag yes"));
}

#[tokio::test]
async fn aws_iam_identity_center() {
    let (report, _) = check(Dialect::AwsIamIdentityCenter).await;
    assert_eq!(value(&report, "members.by_id"), "not shown");
    assert_eq!(value(&report, "members.replace"), "refused");
}

#[tokio::test]
async fn slack() {
    let (report, _) = check(Dialect::Slack).await;
    assert_eq!(
        value(&report, "discovery.config"),
        "/ServiceProviderConfigs"
    );
}

#[tokio::test]
async fn github_emu() {
    let (report, _) = check(Dialect::GithubEmu).await;
    assert_eq!(value(&report, "unique.external_id"), "refused as taken");
}

#[tokio::test]
async fn salesforce() {
    let (report, _) = check(Dialect::Salesforce).await;
    assert_eq!(value(&report, "group.create"), "refused");
}

#[tokio::test]
async fn atlassian() {
    let (report, _) = check(Dialect::Atlassian).await;
    assert_eq!(value(&report, "inactive.name"), "taken");
    assert_eq!(value(&report, "delete.enable"), "lets it in again");
}

#[tokio::test]
async fn snowflake() {
    let (report, _) = check(Dialect::Snowflake).await;
    assert!(value(&report, "create.refused").contains("emails"));
}

#[tokio::test]
async fn databricks() {
    check(Dialect::Databricks).await;
}

#[tokio::test]
async fn google_cloud_identity() {
    check(Dialect::GoogleCloudIdentity).await;
}

#[tokio::test]
async fn zoom() {
    check(Dialect::Zoom).await;
}
