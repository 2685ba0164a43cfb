//! Dialects that are shipped, and dialects as files.

use std::collections::BTreeSet;
use std::path::Path;

use domain::Profile;
use domain::budget::{Budget, Counts, Rate};
use domain::profile::{
    DeleteEffect, FindBy, ManagerForm, MemberAdd, MemberRemove, Membership, Operation, Paging,
    PatchStyle, Search, UserNameRule,
};
use proptest::prelude::*;

use super::GOOD;
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
fn departures(profile: &Profile) -> Vec<String> {
    let own = serde_json::to_value(profile).unwrap();
    let rfc = serde_json::to_value(Profile::rfc()).unwrap();
    own.as_object()
        .unwrap()
        .iter()
        .filter(|(key, value)| rfc[key.as_str()] != **value)
        .map(|(key, value)| format!("  {key}: {value}"))
        .collect()
}

#[test]
fn departures_of_each_from_the_rfc() {
    let all: Vec<String> = SHIPPED
        .iter()
        .chain(&KINDS)
        .map(|(name, text)| {
            let profile = shipped(name, text).0.unwrap();
            [vec![(*name).to_owned()], departures(&profile)]
                .concat()
                .join("\n")
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"), @r#"
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
          budget: {"rates":[{"burst":20,"count":980,"of":"users","seconds":3600}],"reserve_percent":10}
          delete: "irreversible"
          required: ["externalId","displayName","name.givenName","name.familyName","emails[type eq \"work\"].value"]
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
          budget: {"rates":[{"burst":250,"count":1500,"of":"all","seconds":10},{"burst":90,"count":2910,"of":"writes","seconds":150}],"reserve_percent":10}
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
