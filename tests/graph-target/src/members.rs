//! Who is in a group.

use std::ops::Bound;

use serde_json::{Value, json};

use crate::error::{GraphError, Refusal};
use crate::groups;
use crate::paging::Page;
use crate::query::Query;
use crate::reply::Reply;
use crate::schema::{self, GROUP, USER};
use crate::state::{Ask, State};
use crate::users;

/// The most members that one PATCH may add.
const MAX_BOUND: usize = 20;

pub(crate) fn list(ask: Ask<'_>, state: &State) -> Result<Reply, GraphError> {
    let query = Query::parse(ask.query(), ask.headers, USER)?;
    let properties = users::visible(ask, &query)?;
    if query.filter.is_some() {
        return Err(GraphError::unsupported(
            "Members are not filtered without an index.",
        ));
    }
    let team = state.store.group(&ask.route.id)?;
    let mut page = Page::of(ask, &query, ask.shared.options.default_page)?;
    page.total = query.count.then_some(team.members.len());
    let after = (Bound::Excluded(page.after.clone()), Bound::Unbounded);
    let ids = team
        .members
        .range::<String, _>(after)
        .take(page.size + 1)
        .cloned()
        .collect();
    Ok(page.reply(ask, &query, &state.link_base, ids, &|id| {
        if let Some(person) = state.store.users.get(id) {
            let mut body = users::render(&state.store, person, &properties);
            body.insert("@odata.type".to_owned(), json!("#microsoft.graph.user"));
            return Value::Object(body);
        }
        let Some(team) = state.store.groups.get(id) else {
            return Value::Null;
        };
        // A group shows what it has of what was asked for.
        let names: Vec<_> = properties
            .iter()
            .filter_map(|property| schema::find(GROUP, property.name))
            .collect();
        let mut body = groups::render(team, &names);
        body.insert("@odata.type".to_owned(), json!("#microsoft.graph.group"));
        Value::Object(body)
    }))
}

/// Whether the API may change who is in the group.
fn writable(ask: Ask<'_>, state: &State) -> Result<(), GraphError> {
    let team = state.store.group(&ask.route.id)?;
    if team.flag("isAssignableToRole") {
        ask.access.roles()?;
    }
    let refused = |refusal, message: &str| Err(GraphError::refused(refusal, message));
    if team.has_type("DynamicMembership") {
        return refused(
            Refusal::DynamicGroup,
            "Insufficient privileges: the members of a dynamic group follow its rule.",
        );
    }
    if team.flag("onPremisesSyncEnabled") {
        return Err(users::on_premises());
    }
    if team.flag("mailEnabled") && !team.has_type("Unified") {
        return refused(
            Refusal::MailEnabledGroup,
            "Cannot update a mail-enabled security group and or distribution list.",
        );
    }
    Ok(())
}

/// An object that a reference leads to, as far as this replica knows.
fn target(ask: Ask<'_>, state: &mut State, link: &Value) -> Result<String, GraphError> {
    let id = ask.reference(&state.link_base, link)?.to_owned();
    let known = state.store.users.contains_key(&id) || state.store.groups.contains_key(&id);
    if !known || state.lag.misses(&id, ask.quirks) {
        return Err(GraphError::not_found(&id));
    }
    if id == ask.route.id {
        return Err(GraphError::bad("A group cannot be a member of itself."));
    }
    Ok(id)
}

fn present() -> GraphError {
    GraphError::refused(
        Refusal::AlreadyMember,
        "One or more added object references already exist for the following modified properties: 'members'.",
    )
}

pub(crate) fn add(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let body = ask.object()?;
    let link = body
        .get("@odata.id")
        .ok_or_else(|| GraphError::odata("The property '@odata.id' is missing."))?;
    writable(ask, state)?;
    let id = target(ask, state, link)?;
    users::quota(ask)?;
    if state.store.group(&ask.route.id)?.members.contains(&id) {
        return Err(present());
    }
    state.store.tick();
    state.store.add_member(&ask.route.id, &id);
    Ok(Reply::empty(204))
}

/// All of them or none.
pub(crate) fn bind(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let body = ask.object()?;
    if let Some(name) = body.keys().find(|name| *name != "members@odata.bind") {
        return Err(GraphError::denied(
            Refusal::MissingPermission,
            format!("Insufficient privileges to change '{name}' of a group."),
        ));
    }
    let links = body
        .get("members@odata.bind")
        .and_then(Value::as_array)
        .filter(|links| !links.is_empty())
        .ok_or_else(|| GraphError::odata("The property 'members@odata.bind' is not a list."))?;
    if links.len() > MAX_BOUND {
        return Err(GraphError::bad(format!(
            "The number of references in 'members@odata.bind' exceeds {MAX_BOUND}."
        )));
    }
    writable(ask, state)?;
    let mut ids: Vec<String> = Vec::new();
    for link in links {
        let id = target(ask, state, link)?;
        if ids.contains(&id) {
            return Err(GraphError::bad("A reference is there twice."));
        }
        ids.push(id);
    }
    users::quota(ask)?;
    let members = &state.store.group(&ask.route.id)?.members;
    if ids.iter().any(|id| members.contains(id)) {
        return Err(present());
    }
    state.store.tick();
    for id in ids {
        state.store.add_member(&ask.route.id, &id);
    }
    Ok(Reply::empty(204))
}

pub(crate) fn remove(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    writable(ask, state)?;
    let member = &ask.route.second;
    if !state.store.group(&ask.route.id)?.members.contains(member) {
        return Err(GraphError::missing(
            Refusal::NotAMember,
            format!(
                "Resource '{member}' does not exist or one of its queried reference-property objects are not present."
            ),
        ));
    }
    users::quota(ask)?;
    state.store.tick();
    state.store.remove_member(&ask.route.id, member);
    Ok(Reply::empty(204))
}

/// The call that goes for the member itself. Graph may carry it out; here it is a mistake of the client, always.
pub(crate) fn refuse_object_delete() -> GraphError {
    GraphError::refused(
        Refusal::MemberObjectDelete,
        "DELETE of a member without /$ref goes for the object itself. This target refuses it: end the URL with /$ref.",
    )
}
