//! Users in the recycle bin.

use std::ops::Bound;

use serde_json::{Value, json};

use crate::error::GraphError;
use crate::paging::Page;
use crate::query::Query;
use crate::reply::Reply;
use crate::schema::{self, Property, USER};
use crate::state::{Ask, State};
use crate::store::Person;
use crate::users;

/// What a deleted user shows: when it went, along with the rest.
fn properties(ask: Ask<'_>, query: &Query) -> Result<Vec<&'static Property>, GraphError> {
    let mut all = users::visible(ask, query)?;
    if query.select().is_none() {
        all.extend(schema::find(USER, "deletedDateTime"));
    }
    Ok(all)
}

pub(crate) fn list(ask: Ask<'_>, state: &State) -> Result<Reply, GraphError> {
    let query = Query::parse(ask.query(), ask.headers, USER)?;
    let properties = properties(ask, &query)?;
    let page = Page::of(ask, &query, ask.shared.options.default_page)?;
    let after = (Bound::Excluded(page.after.clone()), Bound::Unbounded);
    let ids = state
        .store
        .deleted
        .range(after)
        .map(|(_, person)| person)
        .filter(|person| {
            let fits = |filter| users::matches(filter, person);
            query.filter.as_ref().is_none_or(fits)
        })
        .take(page.size + 1)
        .map(|person| person.id.clone())
        .collect();
    Ok(page.reply(ask, &query, &state.link_base, ids, &|id| {
        let person = state.store.deleted.get(id);
        person.map_or(Value::Null, |person| {
            Value::Object(users::render(&state.store, person, &properties))
        })
    }))
}

fn find<'s>(state: &'s State, id: &str) -> Result<&'s Person, GraphError> {
    state
        .store
        .deleted
        .get(id)
        .ok_or_else(|| GraphError::not_found(id))
}

pub(crate) fn get(ask: Ask<'_>, state: &State) -> Result<Reply, GraphError> {
    let query = Query::parse(ask.query(), ask.headers, USER)?;
    let properties = properties(ask, &query)?;
    let mut body = users::render(&state.store, find(state, &ask.route.id)?, &properties);
    body.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
    Ok(Reply::json(200, Value::Object(body)))
}

pub(crate) fn restore(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    if !ask.body.is_empty() {
        let body = ask.object()?;
        if let Some(name) = body
            .keys()
            .find(|name| *name != "autoReconcileProxyConflict")
        {
            return Err(GraphError::odata(format!(
                "The parameter '{name}' in the request payload is not a valid parameter."
            )));
        }
    }
    let person = find(state, &ask.route.id)?.clone();
    users::guard_admin(state, &person)?;
    users::quota(ask)?;
    state
        .store
        .restore(&person.id)
        .map_err(|error| users::duplicate(ask, error))?;
    let properties = schema::selected(USER, None)?;
    let person = state.store.user(&person.id)?;
    let mut body = users::render(&state.store, person, &properties);
    body.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
    Ok(Reply::json(200, Value::Object(body)))
}

pub(crate) fn purge(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let person = find(state, &ask.route.id)?.clone();
    users::guard_admin(state, &person)?;
    users::quota(ask)?;
    state.store.tick();
    state.store.purge(&person.id);
    Ok(Reply::empty(204))
}
