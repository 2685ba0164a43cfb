//! Delta queries: everything first, then what changed since a link.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use crate::error::{GraphError, Refusal};
use crate::faults::FaultKind;
use crate::groups;
use crate::paging::link;
use crate::query::{Query, seal, unseal};
use crate::reply::Reply;
use crate::schema::{self, GROUP, Property, USER};
use crate::state::{Ask, State};
use crate::store::Change;
use crate::users;

/// How long a delta link is good.
const LIFE: SignedDuration = SignedDuration::from_hours(7 * 24);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Users,
    Groups,
}

/// Where a request stands.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Mark {
    /// In the first full round, after this id; changes count from `since`.
    Full { after: String, since: usize },
    /// In a round of changes from `since` up to `until`, `skip` objects of which are told already.
    Changes {
        since: usize,
        until: usize,
        skip: usize,
    },
}

/// A round's objects, and whether there are more.
struct Round {
    value: Vec<Value>,
    next: Option<Mark>,
    until: usize,
}

pub(crate) fn delta(ask: Ask<'_>, state: &mut State, of: Of) -> Result<Reply, GraphError> {
    let table = match of {
        Of::Users => USER,
        Of::Groups => GROUP,
    };
    let mut query = Query::parse(ask.query(), ask.headers, table)?;
    if query.top.is_some() || query.filter.is_some() || query.expand_manager || query.count {
        return Err(GraphError::unsupported(
            "Delta queries do not support $top, $filter, $expand and $count here.",
        ));
    }
    let members = match &mut query.select {
        Some(names) => {
            let before = names.len();
            names.retain(|name| name != "members");
            names.len() < before
        }
        None => true,
    };
    let properties = match of {
        Of::Users => users::visible(ask, &query)?,
        Of::Groups => schema::selected(table, query.select())?,
    };
    let until = state.store.changes.len();
    let latest = query.delta_token.as_deref() == Some("latest");
    let mark = mark(ask, state, &query, until)?;
    let shape = Shape {
        of,
        properties: &properties,
        members: members && of == Of::Groups,
    };
    let round = if latest {
        Round {
            value: Vec::new(),
            next: None,
            until,
        }
    } else {
        round(ask, state, &shape, mark)
    };
    let path = match of {
        Of::Users => "/users/delta",
        Of::Groups => "/groups/delta",
    };
    let (name, option, token) = match round.next {
        Some(Mark::Full { after, since }) => {
            let token = format!("f|{since}|{after}");
            ("@odata.nextLink", "$skiptoken", token)
        }
        Some(Mark::Changes { since, until, skip }) => {
            let token = format!("c|{since}|{until}|{skip}");
            ("@odata.nextLink", "$skiptoken", token)
        }
        None => {
            let token = format!("{}|{}", round.until, state.store.now.as_millisecond());
            ("@odata.deltaLink", "$deltatoken", token)
        }
    };
    let link = link(&state.link_base, path, &query.kept, option, &seal(&token));
    let mut body = Map::new();
    let context = format!("{}/$metadata#delta", state.link_base);
    body.insert("@odata.context".to_owned(), json!(context));
    body.insert("value".to_owned(), Value::Array(round.value));
    body.insert(name.to_owned(), json!(link));
    Ok(Reply::json(200, Value::Object(body)))
}

fn mark(ask: Ask<'_>, state: &State, query: &Query, until: usize) -> Result<Mark, GraphError> {
    let lost = || {
        GraphError::new(
            400,
            "syncStateNotFound",
            Refusal::DeltaToken,
            "The sync state generation is not found. Please perform a full synchronization.",
        )
    };
    if let Some(token) = &query.skip_token {
        let text = unseal(token).ok_or_else(lost)?;
        let parts: Vec<&str> = text.splitn(4, '|').collect();
        let number = |text: &str| text.parse::<usize>().map_err(|_| lost());
        return match parts.as_slice() {
            ["f", since, after] => Ok(Mark::Full {
                after: (*after).to_owned(),
                since: number(since)?,
            }),
            ["c", since, until, skip] => Ok(Mark::Changes {
                since: number(since)?,
                until: number(until)?,
                skip: number(skip)?,
            }),
            _ => Err(lost()),
        };
    }
    let Some(token) = query
        .delta_token
        .as_deref()
        .filter(|token| *token != "latest")
    else {
        return Ok(Mark::Full {
            after: String::new(),
            since: until,
        });
    };
    let text = unseal(token).ok_or_else(lost)?;
    let (since, issued) = text.split_once('|').ok_or_else(lost)?;
    let since: usize = since.parse().map_err(|_| lost())?;
    let issued: i64 = issued.parse().map_err(|_| lost())?;
    let issued = Timestamp::from_millisecond(issued).map_err(|_| lost())?;
    let old = state.store.now.duration_since(issued) > LIFE;
    if old || ask.quirks.has(FaultKind::DeltaGone) {
        let path = ask.quirks.seen.path;
        let location = link(&state.link_base, path, &query.kept, "$deltatoken", "");
        return Err(GraphError::new(
            410,
            "resyncRequired",
            Refusal::DeltaToken,
            "Resync required. Replace any local items with the server's version.",
        )
        .header("location", location));
    }
    if since > until || ask.quirks.has(FaultKind::DeltaLost) {
        return Err(lost());
    }
    Ok(Mark::Changes {
        since,
        until,
        skip: 0,
    })
}

/// What entries hold.
struct Shape<'p> {
    of: Of,
    properties: &'p [&'static Property],
    members: bool,
}

fn round(ask: Ask<'_>, state: &State, shape: &Shape<'_>, mark: Mark) -> Round {
    let size = ask.shared.options.delta_page.max(1);
    let (ids, members, next, until) = match mark {
        Mark::Full { after, since } => {
            let from = (Bound::Excluded(after), Bound::Unbounded);
            let mut ids: Vec<String> = match shape.of {
                Of::Users => keys(state.store.users.range(from), size),
                Of::Groups => keys(state.store.groups.range(from), size),
            };
            let more = ids.len() > size;
            ids.truncate(size);
            let next = more.then(|| Mark::Full {
                after: ids.last().cloned().unwrap_or_default(),
                since,
            });
            (ids, None, next, since)
        }
        Mark::Changes { since, until, skip } => {
            let changed = changed(state, shape, since, until);
            let ids: Vec<String> = changed.keys().skip(skip).take(size).cloned().collect();
            let told = skip + ids.len();
            let next = (told < changed.len()).then_some(Mark::Changes {
                since,
                until,
                skip: told,
            });
            (ids, Some(changed), next, until)
        }
    };
    let value = ids
        .iter()
        .map(|id| {
            let changed = members.as_ref().map(|all| all.get(id));
            entry(
                state,
                shape,
                id,
                changed.map(|set| set.cloned().unwrap_or_default()),
            )
        })
        .collect();
    Round { value, next, until }
}

fn keys<'s, T: 's>(range: impl Iterator<Item = (&'s String, &'s T)>, size: usize) -> Vec<String> {
    range.take(size + 1).map(|(id, _)| id.clone()).collect()
}

/// The objects that changed, with the members that came or went.
fn changed(
    state: &State,
    shape: &Shape<'_>,
    since: usize,
    until: usize,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let changes = state.store.changes.get(since..until).unwrap_or_default();
    for change in changes {
        match (change, shape.of) {
            (Change::User(id), Of::Users) | (Change::Group(id), Of::Groups) => {
                all.entry(id.clone()).or_default();
            }
            (Change::Member(group, member), Of::Groups) if shape.members => {
                all.entry(group.clone()).or_default().insert(member.clone());
            }
            (Change::User(_) | Change::Group(_) | Change::Member(..), _) => {}
        }
    }
    all
}

/// One object; `changed` are the members that a round of changes tells of, and `None` stands for all.
fn entry(state: &State, shape: &Shape<'_>, id: &str, changed: Option<BTreeSet<String>>) -> Value {
    let store = &state.store;
    match shape.of {
        Of::Users => {
            if let Some(person) = store.users.get(id) {
                return Value::Object(users::render(store, person, shape.properties));
            }
            let bin = store.deleted.contains_key(id);
            removed(id, if bin { "changed" } else { "deleted" })
        }
        Of::Groups => {
            let Some(team) = store.groups.get(id) else {
                return removed(id, "deleted");
            };
            let mut body: Map<String, Value> = groups::render(team, shape.properties);
            if shape.members {
                let told = changed.unwrap_or_else(|| team.members.clone());
                let members: Vec<Value> = told
                    .iter()
                    .map(|member| {
                        if !team.members.contains(member) {
                            return removed(member, "deleted");
                        }
                        let kind = if store.groups.contains_key(member) {
                            "#microsoft.graph.group"
                        } else {
                            "#microsoft.graph.user"
                        };
                        json!({ "@odata.type": kind, "id": member })
                    })
                    .collect();
                if !members.is_empty() {
                    body.insert("members@delta".to_owned(), Value::Array(members));
                }
            }
            Value::Object(body)
        }
    }
}

fn removed(id: &str, reason: &str) -> Value {
    json!({ "id": id, "@removed": { "reason": reason } })
}
