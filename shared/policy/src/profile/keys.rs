//! The keys of a profile, each of which replaces what the profile begins with.

use std::collections::BTreeSet;

use domain::Profile;
use domain::profile::{
    DeleteEffect, FindBy, ManagerForm, MemberAdd, MemberRemove, Membership, Operation, Paging,
    PatchStyle, Search, UserNameRule,
};

use super::budget;
use crate::fields::Fields;
use crate::path;

pub(super) const PATCH: &[(&str, PatchStyle)] = &[
    ("path", PatchStyle::Path),
    ("pathless", PatchStyle::Pathless),
    ("put", PatchStyle::Put),
];

pub(super) const MEMBER_ADD: &[(&str, MemberAdd)] = &[
    ("path", MemberAdd::Path),
    ("pathless", MemberAdd::Pathless),
    ("put", MemberAdd::Put),
];

pub(super) const MEMBER_REMOVE: &[(&str, MemberRemove)] = &[
    ("filter", MemberRemove::Filter),
    ("value_array", MemberRemove::ValueArray),
    ("put", MemberRemove::Put),
];

pub(super) const MEMBERSHIP: &[(&str, Membership)] = &[
    ("group_members", Membership::GroupMembers),
    ("user_groups", Membership::UserGroups),
    ("group_filter", Membership::GroupFilter),
    ("pair_filter", Membership::PairFilter),
    ("hidden", Membership::Hidden),
];

pub(super) const FIND_BY: &[(&str, FindBy)] = &[
    ("external_id", FindBy::ExternalId),
    ("user_name", FindBy::UserName),
];

pub(super) const SEARCH: &[(&str, Search)] = &[("get", Search::Get), ("post", Search::Post)];

pub(super) const PAGING: &[(&str, Paging)] = &[
    ("index", Paging::Index),
    ("cursor", Paging::Cursor),
    ("none", Paging::None),
];

pub(super) const DELETE: &[(&str, DeleteEffect)] = &[
    ("removes", DeleteEffect::Removes),
    ("deactivates", DeleteEffect::Deactivates),
    ("irreversible", DeleteEffect::Irreversible),
];

pub(super) const MANAGER: &[(&str, ManagerForm)] =
    &[("object", ManagerForm::Object), ("bare", ManagerForm::Bare)];

/// Lays the keys over another profile.
pub(super) fn read(fields: &Fields<'_>, base: Profile) -> Profile {
    Profile {
        patch: choice(fields, "patch", PATCH, base.patch),
        member_add: choice(fields, "member_add", MEMBER_ADD, base.member_add),
        member_remove: choice(fields, "member_remove", MEMBER_REMOVE, base.member_remove),
        member_chunk: count(fields, "member_chunk", 10_000, base.member_chunk),
        membership: choice(fields, "membership", MEMBERSHIP, base.membership),
        exclude_members: flag(fields, "exclude_members", base.exclude_members),
        find_by: find_by(fields, base.find_by),
        search: choice(fields, "search", SEARCH, base.search),
        paging: choice(fields, "paging", PAGING, base.paging),
        page_size: count(fields, "page_size", 1000, base.page_size),
        etag: flag(fields, "etag", base.etag),
        hides_inactive: flag(fields, "hides_inactive", base.hides_inactive),
        inactive_edits: flag(fields, "inactive_edits", base.inactive_edits),
        delete: choice(fields, "delete", DELETE, base.delete),
        manager: choice(fields, "manager", MANAGER, base.manager),
        user_name: user_name(fields, base.user_name),
        required: required(fields, base.required),
        single_valued: single_valued(fields, base.single_valued),
        conflicts: if fields.has("conflicts") {
            let words = fields.texts("conflicts").into_iter();
            words.map(|word| word.value.into()).collect()
        } else {
            base.conflicts
        },
        budget: budget::read(fields, base.budget),
        unproven: unproven(fields, base.unproven),
    }
}

fn choice<T: Copy>(
    fields: &Fields<'_>,
    key: &'static str,
    choices: &[(&str, T)],
    otherwise: T,
) -> T {
    fields
        .get(key)
        .and_then(|node| node.choice(choices))
        .unwrap_or(otherwise)
}

fn flag(fields: &Fields<'_>, key: &'static str, otherwise: bool) -> bool {
    fields
        .get(key)
        .and_then(|node| node.flag())
        .unwrap_or(otherwise)
}

fn count(fields: &Fields<'_>, key: &'static str, most: u32, otherwise: u16) -> u16 {
    fields
        .get(key)
        .and_then(|node| node.count(1..=most))
        .and_then(|count| u16::try_from(count).ok())
        .unwrap_or(otherwise)
}

fn find_by(fields: &Fields<'_>, otherwise: Vec<FindBy>) -> Vec<FindBy> {
    let Some(node) = fields.get("find_by") else {
        return otherwise;
    };
    node.not_empty();
    // Asked for as texts too, so that a word that stands twice is reported.
    node.texts();
    let words = node.list();
    words
        .iter()
        .filter_map(|word| word.choice(FIND_BY))
        .collect()
}

/// Longest limit of a user name: no system takes more.
const LONGEST_NAME: u32 = 1024;

fn user_name(fields: &Fields<'_>, otherwise: UserNameRule) -> UserNameRule {
    let Some(fields) = fields.get("user_name").and_then(|node| node.fields()) else {
        return otherwise;
    };
    let rule = UserNameRule {
        max_len: fields
            .get("max_len")
            .and_then(|node| node.count(1..=LONGEST_NAME))
            .and_then(|count| u16::try_from(count).ok())
            .or(otherwise.max_len),
        email: flag(&fields, "email", otherwise.email),
        folded: flag(&fields, "folded", otherwise.folded),
    };
    fields.finish();
    rule
}

fn required(fields: &Fields<'_>, otherwise: Vec<domain::AttrPath>) -> Vec<domain::AttrPath> {
    if !fields.has("required") {
        return otherwise;
    }
    let paths = fields.texts("required").into_iter();
    paths
        .map(|text| {
            path::check(fields.report, text);
            text.value.into()
        })
        .collect()
}

fn single_valued(fields: &Fields<'_>, otherwise: Vec<Box<str>>) -> Vec<Box<str>> {
    let Some(node) = fields.get("single_valued") else {
        return otherwise;
    };
    node.texts();
    let lists: Vec<(&str, &str)> = path::LISTS.iter().map(|list| (*list, *list)).collect();
    let names = node.list();
    names
        .iter()
        .filter_map(|name| name.choice(&lists))
        .map(Into::into)
        .collect()
}

fn unproven(fields: &Fields<'_>, otherwise: BTreeSet<Operation>) -> BTreeSet<Operation> {
    let Some(node) = fields.get("unproven") else {
        return otherwise;
    };
    node.texts();
    let all = Operation::ALL.map(|operation| (operation.name(), operation));
    let names = node.list();
    names.iter().filter_map(|name| name.choice(&all)).collect()
}
