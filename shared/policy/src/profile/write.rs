//! A profile as a section of a policy, for whoever found out what a target is like.

use std::fmt::Write as _;

use domain::Profile;
use domain::budget::{Counts, Rate};
use domain::profile::UserNameRule;

use super::{budget, keys};

/// `[profiles.<name>]` with every key in which a profile departs from the one that it begins with.
pub(super) fn section(name: &str, base: &str, from: &Profile, profile: &Profile) -> String {
    let mut out = format!("[profiles.{name}]\nbase = {}\n", text(base));
    let mut put = |key: &str, differs: bool, value: String| {
        if differs {
            // Writing to a text cannot fail.
            writeln!(out, "{key} = {value}").ok();
        }
    };
    let (a, b) = (from, profile);
    put("patch", a.patch != b.patch, word(keys::PATCH, b.patch));
    put(
        "member_add",
        a.member_add != b.member_add,
        word(keys::MEMBER_ADD, b.member_add),
    );
    put(
        "member_remove",
        a.member_remove != b.member_remove,
        word(keys::MEMBER_REMOVE, b.member_remove),
    );
    put(
        "member_chunk",
        a.member_chunk != b.member_chunk,
        b.member_chunk.to_string(),
    );
    put(
        "membership",
        a.membership != b.membership,
        word(keys::MEMBERSHIP, b.membership),
    );
    put(
        "exclude_members",
        a.exclude_members != b.exclude_members,
        b.exclude_members.to_string(),
    );
    let find_by = b.find_by.iter().map(|by| word(keys::FIND_BY, *by));
    put("find_by", a.find_by != b.find_by, list(find_by));
    put("search", a.search != b.search, word(keys::SEARCH, b.search));
    put("paging", a.paging != b.paging, word(keys::PAGING, b.paging));
    put(
        "page_size",
        a.page_size != b.page_size,
        b.page_size.to_string(),
    );
    put("etag", a.etag != b.etag, b.etag.to_string());
    put(
        "hides_inactive",
        a.hides_inactive != b.hides_inactive,
        b.hides_inactive.to_string(),
    );
    put(
        "inactive_edits",
        a.inactive_edits != b.inactive_edits,
        b.inactive_edits.to_string(),
    );
    put("delete", a.delete != b.delete, word(keys::DELETE, b.delete));
    put(
        "manager",
        a.manager != b.manager,
        word(keys::MANAGER, b.manager),
    );
    put(
        "user_name",
        a.user_name != b.user_name,
        user_name(&b.user_name),
    );
    let texts = |values: &[Box<str>]| list(values.iter().map(|value| text(value)));
    put(
        "required",
        a.required != b.required,
        list(b.required.iter().map(|path| text(path))),
    );
    put(
        "single_valued",
        a.single_valued != b.single_valued,
        texts(&b.single_valued),
    );
    put("conflicts", a.conflicts != b.conflicts, texts(&b.conflicts));
    let rates = b.budget.rates.iter().map(rate);
    put("rates", a.budget.rates != b.budget.rates, list(rates));
    put(
        "reserve_percent",
        a.budget.reserve_percent != b.budget.reserve_percent,
        b.budget.reserve_percent.to_string(),
    );
    if let Some(workers) = b.budget.workers {
        put(
            "workers",
            a.budget.workers != b.budget.workers,
            workers.to_string(),
        );
    }
    let unproven = b.unproven.iter().map(|operation| text(operation.name()));
    put("unproven", a.unproven != b.unproven, list(unproven));
    out
}

/// The word of a choice; every value has one.
fn word<T: Copy + PartialEq>(choices: &[(&str, T)], value: T) -> String {
    let found = choices.iter().find(|(_, choice)| *choice == value);
    text(found.map_or("", |(word, _)| word))
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}

fn user_name(rule: &UserNameRule) -> String {
    let longest = rule
        .max_len
        .map(|max_len| format!("max_len = {max_len}, "))
        .unwrap_or_default();
    format!(
        "{{ {longest}email = {}, folded = {} }}",
        rule.email, rule.folded
    )
}

fn rate(rate: &Rate) -> String {
    let of: String = word::<Counts>(budget::COUNTS, rate.of);
    format!(
        "{{ of = {of}, count = {}, seconds = {}, burst = {} }}",
        rate.count, rate.seconds, rate.burst
    )
}

/// A basic string of TOML.
fn text(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                // Writing to a text cannot fail.
                write!(out, "\\u{:04X}", u32::from(c)).ok();
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
