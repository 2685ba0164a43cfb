//! What hangs on one user: manager, sessions, groups.

use serde_json::{Value, json};

use crate::error::GraphError;
use crate::faults::FaultKind;
use crate::groups;
use crate::paging::Page;
use crate::query::Query;
use crate::reply::Reply;
use crate::schema::{self, GROUP, USER};
use crate::state::{Ask, State};
use crate::users;

/// The most groups that one check may name.
const MAX_CHECKED: usize = 20;

/// The manager's id; a manager that was deleted is none.
fn manager_of(state: &State, key: &str) -> Result<String, GraphError> {
    let person = state.store.user(key)?;
    person
        .manager
        .as_ref()
        .filter(|id| state.store.users.contains_key(*id))
        .cloned()
        .ok_or_else(|| GraphError::not_found("manager"))
}

pub(crate) fn manager(ask: Ask<'_>, state: &State) -> Result<Reply, GraphError> {
    let query = Query::parse(ask.query(), ask.headers, USER)?;
    let properties = users::visible(ask, &query)?;
    let id = manager_of(state, &ask.route.id)?;
    let mut body = users::render(&state.store, state.store.user(&id)?, &properties);
    body.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
    body.insert(
        "@odata.context".to_owned(),
        json!(format!(
            "{}/$metadata#directoryObjects/$entity",
            state.link_base
        )),
    );
    Ok(Reply::json(200, Value::Object(body)))
}

pub(crate) fn put_manager(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let body = ask.object()?;
    let link = body
        .get("@odata.id")
        .ok_or_else(|| GraphError::odata("The property '@odata.id' is missing."))?;
    let id = ask.reference(&state.link_base, link)?.to_owned();
    if state.lag.misses(&id, ask.quirks) {
        return Err(GraphError::not_found(&id));
    }
    let manager = state.store.user(&id)?.id.clone();
    set_manager(ask, state, Some(manager))
}

pub(crate) fn delete_manager(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    manager_of(state, &ask.route.id)?;
    set_manager(ask, state, None)
}

fn set_manager(
    ask: Ask<'_>,
    state: &mut State,
    manager: Option<String>,
) -> Result<Reply, GraphError> {
    let mut person = state.store.user(&ask.route.id)?.clone();
    if person.on_premises() {
        return Err(users::on_premises());
    }
    if manager.as_ref() == Some(&person.id) {
        return Err(GraphError::bad("A user cannot be their own manager."));
    }
    users::quota(ask)?;
    person.manager = manager;
    state.store.tick();
    state.store.put(person)?;
    Ok(Reply::empty(204))
}

pub(crate) fn revoke(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let mut person = state.store.user(&ask.route.id)?.clone();
    users::quota(ask)?;
    person.sessions_revoked += 1;
    let at = state.store.tick();
    person.values.insert(
        "signInSessionsValidFromDateTime".to_owned(),
        json!(at.to_string()),
    );
    state.store.put(person)?;
    if ask.quirks.has(FaultKind::RevokeNoContent) {
        return Ok(Reply::empty(204));
    }
    Ok(Reply::json(
        200,
        json!({
            "@odata.context": format!("{}/$metadata#Edm.Boolean", state.link_base),
            "value": true,
        }),
    ))
}

pub(crate) fn member_of(ask: Ask<'_>, state: &State) -> Result<Reply, GraphError> {
    let query = Query::parse(ask.query(), ask.headers, GROUP)?;
    let properties = schema::selected(GROUP, query.select())?;
    let page = Page::of(ask, &query, ask.shared.options.default_page)?;
    let id = state.store.user(&ask.route.id)?.id.clone();
    let ids = state
        .store
        .groups_of(&id)
        .into_iter()
        .filter(|group| *group > page.after)
        .filter(|group| {
            let team = state.store.groups.get(group);
            let fits = |team| {
                query
                    .filter
                    .as_ref()
                    .is_none_or(|f| groups::matches(f, team))
            };
            team.is_some_and(fits)
        })
        .take(page.size + 1)
        .collect();
    Ok(page.reply(ask, &query, &state.link_base, ids, &|id| {
        let Some(team) = state.store.groups.get(id) else {
            return Value::Null;
        };
        let mut body = groups::render(team, &properties);
        // A cast to one type needs no type in the answer.
        if ask.route.second.is_empty() {
            body.insert("@odata.type".to_owned(), json!("#microsoft.graph.group"));
        }
        Value::Object(body)
    }))
}

pub(crate) fn check_groups(ask: Ask<'_>, state: &State) -> Result<Reply, GraphError> {
    let body = ask.object()?;
    let ids: Option<Vec<&str>> = body
        .get("groupIds")
        .and_then(Value::as_array)
        .and_then(|all| all.iter().map(Value::as_str).collect());
    let ids = ids.ok_or_else(|| GraphError::odata("The property 'groupIds' is missing."))?;
    if ids.is_empty() || ids.len() > MAX_CHECKED {
        return Err(GraphError::bad(format!(
            "The number of group ids has to be between 1 and {MAX_CHECKED}."
        )));
    }
    let id = state.store.user(&ask.route.id)?.id.clone();
    let mut found = state.store.groups_of(&id);
    // Membership counts through groups in groups.
    let mut open: Vec<String> = found.iter().cloned().collect();
    while let Some(group) = open.pop() {
        for outer in state.store.groups_of(&group) {
            if found.insert(outer.clone()) {
                open.push(outer);
            }
        }
    }
    let value: Vec<&str> = ids.into_iter().filter(|id| found.contains(*id)).collect();
    Ok(Reply::json(
        200,
        json!({
            "@odata.context": format!("{}/$metadata#Collection(Edm.String)", state.link_base),
            "value": value,
        }),
    ))
}
