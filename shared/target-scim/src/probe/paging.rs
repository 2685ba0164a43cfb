//! How listings go on, and how large a page really is.

use domain::profile::{Operation, Paging};
use ports::Secrets;

use super::json;
use super::lab::{Lab, Reply, Stop};
use crate::path::encode;
use crate::target::Kind;

/// An empty page with a cursor is not the end (RFC 9865 section 2.2), and not an endless number.
const MOST_EMPTY: usize = 2;

pub(super) async fn read<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<(), Stop> {
    let first = page(lab, "startIndex=1&count=1").await?;
    let second = page(lab, "startIndex=2&count=1").await?;
    let (one, two) = (json::ids(&first.body), json::ids(&second.body));
    let total = json::total(&first.body);
    let few = first.ok() && one.len() < 2 && total.is_some_and(|total| total < 2);
    let index = one.len() == 1 && two.len() == 1 && one != two;
    lab.seen(
        "paging.index",
        if index { "works" } else { "does not work" },
        format!("count=1: {} and {} objects", one.len(), two.len()),
    );
    let everything = first.ok()
        && one.len() > 1
        && one == two
        && total.is_none_or(|total| total == one.len() as u64);
    let cursor = cursor(lab).await?;
    let base = lab.base.paging;
    let works = |paging: Paging| match paging {
        Paging::Index => index,
        Paging::Cursor => cursor,
        Paging::None => everything,
    };
    let order = [base, Paging::Index, Paging::Cursor, Paging::None];
    match order.into_iter().find(|paging| works(*paging)) {
        Some(paging) => {
            lab.profile.paging = paging;
            let note = match paging {
                Paging::Index => "the second page is another than the first",
                Paging::Cursor => "the page of the next cursor is another than the first",
                Paging::None => "everything comes at once, whatever is asked for",
            };
            lab.settle("paging", note);
            if sizes(lab).await? {
                lab.proven.insert(Operation::List);
            }
        }
        None if few => lab.assume("paging", "there are too few users to see a second page"),
        None => lab.assume("paging", "neither form of paging gave a second page"),
    }
    if lab.profile.paging == Paging::Index && index {
        closing(lab, total).await?;
    }
    Ok(())
}

async fn page<S: Secrets>(lab: &mut Lab<'_, S>, query: &str) -> Result<Reply, Stop> {
    lab.list(Kind::User, query.to_owned()).await
}

async fn cursor<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<bool, Stop> {
    let mut first = page(lab, "cursor=&count=1").await?;
    for _ in 0..MOST_EMPTY {
        let next = json::text(&first.body, "nextCursor").map(ToOwned::to_owned);
        let Some(next) = next.filter(|_| first.ok()) else {
            break;
        };
        let second = page(lab, &format!("cursor={}&count=1", encode(&next))).await?;
        let (one, two) = (json::ids(&first.body), json::ids(&second.body));
        if !two.is_empty() && one != two {
            lab.seen("paging.cursor", "works", "the next page is another");
            return Ok(true);
        }
        first = second;
    }
    lab.seen(
        "paging.cursor",
        "does not work",
        format!("{}, no other page", first.said()),
    );
    Ok(false)
}

/// The sizes of pages that are really given. Answers whether the sandbox users were in them.
async fn sizes<S: Secrets>(lab: &mut Lab<'_, S>) -> Result<bool, Stop> {
    let paging = lab.profile.paging;
    let form = |count: u16| match paging {
        Paging::Index => format!("startIndex=1&count={count}"),
        Paging::Cursor => format!("cursor=&count={count}"),
        Paging::None => format!("count={count}"),
    };
    let mut given: Vec<(u16, Option<u64>)> = Vec::new();
    let mut more = false;
    let mut sandbox = false;
    let ours = lab.known.least.as_ref().map(|user| user.id.clone());
    for count in [100, 1000] {
        let reply = page(lab, &form(count)).await?;
        let ids = json::ids(&reply.body);
        let received = reply.ok().then_some(ids.len() as u64);
        more = received.is_some()
            && (json::text(&reply.body, "nextCursor").is_some()
                || json::total(&reply.body).is_some_and(|total| total > ids.len() as u64));
        sandbox |= ours.as_deref().is_some_and(|id| ids.contains(&id));
        given.push((count, received));
    }
    let said: Vec<String> = given
        .iter()
        .map(|(count, received)| match received {
            Some(received) => format!("{received} for {count}"),
            None => format!("nothing for {count}"),
        })
        .collect();
    let said = said.join(", ");
    let most = given
        .iter()
        .filter_map(|(_, received)| *received)
        .max()
        .unwrap_or(0);
    let base = lab.base.page_size;
    let refused = given
        .iter()
        .any(|(count, got)| *count <= base && got.is_none());
    let capped = more && paging == Paging::Index && most < u64::from(base) && most > 0;
    let claimed = lab
        .known
        .claimed_page
        .filter(|(size, _)| *size < u64::from(base));
    if capped {
        lab.profile.page_size = u16::try_from(most).unwrap_or(base);
        lab.settle("page_size", format!("there are more, and yet {said}"));
    } else if refused {
        lab.assume(
            "page_size",
            format!("pages of this size are refused: {said}"),
        );
        return Ok(false);
    } else if let Some((size, document)) = claimed {
        lab.profile.page_size = u16::try_from(size).unwrap_or(base);
        lab.claim("page_size", document, said);
    } else if more || most >= u64::from(base) {
        lab.settle("page_size", said);
    } else {
        let why = format!("there are fewer users than a page holds: {said}");
        lab.assume("page_size", why);
    }
    // A listing that does not show what was just made shows nothing; one that has more pages may
    // have it on a later one.
    Ok(ours.is_none() && most > 0 || sandbox || more)
}

/// What comes after the last object.
async fn closing<S: Secrets>(lab: &mut Lab<'_, S>, total: Option<u64>) -> Result<(), Stop> {
    let Some(total) = total else {
        lab.seen(
            "paging.closing",
            "unknown",
            "the target does not say how many there are",
        );
        return Ok(());
    };
    // Somebody else may be making users at this moment.
    let beyond = total.saturating_add(1000);
    let reply = page(lab, &format!("startIndex={beyond}&count=1")).await?;
    let value = match (reply.ok(), json::ids(&reply.body).len()) {
        (true, 0) => "an empty page",
        (true, _) => "objects again",
        (false, _) => "refused",
    };
    lab.seen(
        "paging.closing",
        value,
        format!("beyond the end: {}", reply.said()),
    );
    Ok(())
}
