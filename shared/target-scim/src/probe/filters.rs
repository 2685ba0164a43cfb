//! By what users can be found.

use domain::profile::{FindBy, Search};
use ports::Secrets;

use super::json;
use super::lab::{Lab, Reply, Stop};
use crate::refusal::ScimType;
use crate::target::Kind;

/// What a filter came back with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hits {
    /// What was asked for, and nothing else.
    Right,
    None,
    /// Something else: the filter was ignored.
    Others,
    Refused,
}

impl Hits {
    pub(super) fn of(reply: &Reply, id: Option<&str>) -> Self {
        if reply.status == 404 {
            return Self::None;
        }
        if !reply.ok() || !json::is_list(&reply.body) {
            return Self::Refused;
        }
        let ids = json::ids(&reply.body);
        match (ids.as_slice(), id) {
            ([], _) => Self::None,
            ([only], Some(id)) if *only == id => Self::Right,
            _ => Self::Others,
        }
    }

    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Right => "works",
            Self::None => "finds nothing",
            Self::Others => "ignored",
            Self::Refused => "refused",
        }
    }
}

const fn attr(by: FindBy) -> &'static str {
    match by {
        FindBy::ExternalId => "externalId",
        FindBy::UserName => "userName",
    }
}

pub(super) async fn users<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<(), Stop> {
    let absent = lab.settings.name("absent");
    let reply = lab.filter(Kind::User, "userName", &absent).await?;
    let unmatched = Hits::of(&reply, None);
    lab.seen("filter.no_match", unmatched.word(), reply.said());
    let Some(rich) = lab.known.rich.clone().or_else(|| lab.known.least.clone()) else {
        lab.assume("find_by", "no sandbox user could be made");
        lab.assume("search", "no sandbox user could be made");
        return Ok(());
    };
    let mut values = vec![(FindBy::UserName, rich.shown.clone())];
    if let Some(external) = &rich.external_id {
        values.push((FindBy::ExternalId, external.clone()));
    }
    let (mut by_get, mut sensitive) = (Vec::new(), false);
    for (by, value) in &values {
        let reply = lab.filter(Kind::User, attr(*by), value).await?;
        let hits = Hits::of(&reply, Some(&rich.id));
        sensitive |= reply.kind == ScimType::Sensitive;
        lab.seen(key(*by), hits.word(), reply.said());
        if hits == Hits::Right {
            by_get.push(*by);
        }
    }
    if rich.external_id.is_none() {
        lab.seen(
            key(FindBy::ExternalId),
            "not tried",
            "the target does not show externalId",
        );
    }
    if by_get.contains(&FindBy::UserName) {
        let other_case = swap_case(&rich.shown);
        let reply = lab.filter(Kind::User, "userName", &other_case).await?;
        let hits = Hits::of(&reply, Some(&rich.id));
        lab.seen("filter.user_name_case", hits.word(), reply.said());
    }
    let mut by_post = Vec::new();
    let mut said = String::new();
    // One that works by GET is enough to see whether there is such a thing.
    let some = |by: &FindBy| by_get.is_empty() || by_get.first() == Some(by);
    for (by, value) in values.iter().filter(|(by, _)| some(by)) {
        let reply = lab.search(Kind::User, attr(*by), value, &[]).await?;
        said = reply.said();
        if Hits::of(&reply, Some(&rich.id)) == Hits::Right {
            by_post.push(*by);
        }
        if matches!(reply.status, 404 | 405 | 501) {
            break;
        }
    }
    let posts = !by_post.is_empty();
    lab.seen(
        "filter.search",
        if posts { "works" } else { "does not work" },
        said,
    );
    lab.profile.search = match lab.base.search {
        Search::Post if posts => Search::Post,
        Search::Get | Search::Post if by_get.is_empty() && posts => Search::Post,
        Search::Get | Search::Post => Search::Get,
    };
    let works = if by_get.is_empty() { by_post } else { by_get };
    let note = match (lab.profile.search, posts) {
        (Search::Get, true) => "works; POST /Users/.search does too and keeps names out of URLs",
        (Search::Get, false) if works.is_empty() => "no look-up works",
        (Search::Post, _) if sensitive => "GET answers that the filter is sensitive",
        (Search::Get, false) | (Search::Post, _) => "works",
    };
    lab.settle("search", note);
    let known = [FindBy::ExternalId, FindBy::UserName];
    let others = known
        .into_iter()
        .filter(|by| !lab.base.find_by.contains(by));
    let order: Vec<FindBy> = lab.base.find_by.iter().copied().chain(others).collect();
    lab.profile.find_by = order.into_iter().filter(|by| works.contains(by)).collect();
    let note = if lab.profile.find_by.is_empty() {
        "no filter found the one user"
    } else {
        "one hit, the right one, for each"
    };
    lab.settle("find_by", note);
    lab.known.finds = lab.profile.find_by.last().map(|by| attr(*by));
    Ok(())
}

const fn key(by: FindBy) -> &'static str {
    match by {
        FindBy::ExternalId => "filter.external_id",
        FindBy::UserName => "filter.user_name",
    }
}

pub(super) fn swap_case(text: &str) -> String {
    let swap = |c: char| {
        if c.is_ascii_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        }
    };
    text.chars().map(swap).collect()
}
