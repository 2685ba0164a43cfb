//! Users: list, read, create, change, delete.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use crate::error::{GraphError, Refusal};
use crate::faults::{DuplicateStyle, Fault, FaultKind};
use crate::filter::Filter;
use crate::paging::Page;
use crate::query::Query;
use crate::reply::Reply;
use crate::schema::{self, Properties, Property, USER};
use crate::state::{Ask, State};
use crate::store::{INDEXED, Person, Store};

const REQUIRED: &[&str] = &[
    "accountEnabled",
    "displayName",
    "mailNickname",
    "userPrincipalName",
    "passwordProfile",
];

/// What needs a directory role when the user is an administrator.
const SENSITIVE: &[&str] = &[
    "accountEnabled",
    "businessPhones",
    "mobilePhone",
    "onPremisesImmutableId",
    "passwordProfile",
    "userPrincipalName",
];

/// A user as a request sees it.
pub(crate) fn render(
    store: &Store,
    person: &Person,
    properties: &[&Property],
) -> Map<String, Value> {
    let mut body = Map::new();
    for property in properties {
        let value = match property.name {
            "id" => json!(person.id),
            "assignedLicenses" => licenses(store, person),
            "licenseAssignmentStates" => license_states(store, person),
            _ => schema::shown(property, &person.values),
        };
        body.insert(property.name.to_owned(), value);
    }
    body
}

fn licenses(store: &Store, person: &Person) -> Value {
    let mut all: Vec<Value> = person
        .licenses
        .iter()
        .map(|(sku, plans)| json!({ "skuId": sku, "disabledPlans": plans }))
        .collect();
    for sku in store.inherited(&person.id).keys() {
        if !person.licenses.contains_key(sku) {
            all.push(json!({ "skuId": sku, "disabledPlans": [] }));
        }
    }
    Value::Array(all)
}

fn license_states(store: &Store, person: &Person) -> Value {
    let state = |sku: &str, group: Option<&str>, plans: Value| {
        json!({
            "skuId": sku, "assignedByGroup": group, "disabledPlans": plans,
            "state": "Active", "error": "None",
        })
    };
    let direct = person
        .licenses
        .iter()
        .map(|(sku, plans)| state(sku, None, json!(plans)));
    let inherited = store.inherited(&person.id);
    let inherited = inherited
        .iter()
        .map(|(sku, group)| state(sku, Some(group), json!([])));
    Value::Array(direct.chain(inherited).collect())
}

/// The properties that a request may see.
pub(crate) fn visible(ask: Ask<'_>, query: &Query) -> Result<Vec<&'static Property>, GraphError> {
    let properties = schema::selected(USER, query.select())?;
    if properties.iter().any(|p| p.name == "employeeLeaveDateTime") {
        ask.access.read_leave()?;
    }
    Ok(properties)
}

fn shown(
    store: &Store,
    person: &Person,
    properties: &[&Property],
    query: &Query,
) -> Map<String, Value> {
    let mut body = render(store, person, properties);
    let manager = person
        .manager
        .as_ref()
        .filter(|id| store.users.contains_key(*id));
    if let (true, Some(id)) = (query.expand_manager, manager) {
        body.insert(
            "manager".to_owned(),
            json!({ "@odata.type": "#microsoft.graph.user", "id": id }),
        );
    }
    body
}

pub(crate) fn list(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let query = Query::parse(ask.query(), ask.headers, USER)?;
    let properties = visible(ask, &query)?;
    let mut page = Page::of(ask, &query, ask.shared.options.default_page)?;
    let fits = |person: &&Person| query.filter.as_ref().is_none_or(|f| matches(f, person));
    let count = || state.store.users.values().filter(fits).count();
    page.total = query.count.then(count);
    let mut ids = Vec::new();
    let narrowed = query
        .filter
        .as_ref()
        .and_then(|filter| candidates(&state.store, filter));
    let after = (Bound::Excluded(page.after.clone()), Bound::Unbounded);
    let State { store, lag, .. } = &mut *state;
    let all: Box<dyn Iterator<Item = &Person>> = match &narrowed {
        Some(ids) => Box::new(
            ids.iter()
                .filter(|id| **id > page.after)
                .filter_map(|id| store.users.get(id)),
        ),
        None => Box::new(store.users.range(after).map(|(_, person)| person)),
    };
    for person in all {
        if fits(&person) && !lag.unlisted(&person.id, ask.quirks) {
            ids.push(person.id.clone());
        }
        if ids.len() > page.size {
            break;
        }
    }
    Ok(page.reply(ask, &query, &state.link_base, ids, &|id| {
        let person = state.store.users.get(id);
        person.map_or(Value::Null, |person| {
            Value::Object(shown(&state.store, person, &properties, &query))
        })
    }))
}

pub(crate) fn matches(filter: &Filter, person: &Person) -> bool {
    filter.matches(&with_id(person))
}

fn with_id(person: &Person) -> Properties {
    let mut values = person.values.clone();
    values.insert("id".to_owned(), json!(person.id));
    values
}

/// The ids that a filter can be true for, where an index knows them.
fn candidates(store: &Store, filter: &Filter) -> Option<Vec<String>> {
    let (name, value) = filter.narrows()?;
    if name == "id" {
        return Some(vec![value.to_owned()]);
    }
    let name = INDEXED.iter().find(|indexed| **indexed == name)?;
    Some(
        store
            .found(name, value)
            .map(|ids| ids.iter().cloned().collect())
            .unwrap_or_default(),
    )
}

pub(crate) fn get(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let query = Query::parse(ask.query(), ask.headers, USER)?;
    let properties = visible(ask, &query)?;
    let mut person = state.store.user(&ask.route.id)?.clone();
    if let Some(stale) = state.lag.stale(&person.id, ask.quirks) {
        person = stale;
    }
    let mut body = shown(&state.store, &person, &properties, &query);
    body.insert(
        "@odata.context".to_owned(),
        json!(format!("{}/$metadata#users/$entity", state.link_base)),
    );
    Ok(Reply::json(200, Value::Object(body)))
}

pub(crate) fn create(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let mut given = ask.object()?;
    for name in REQUIRED {
        if given.get(*name).is_none_or(Value::is_null) {
            return Err(GraphError::bad(format!(
                "A value is required for property '{name}' of resource 'User'."
            )));
        }
    }
    if given.contains_key("employeeLeaveDateTime") {
        ask.access.write_leave()?;
    }
    let manager = match given.remove("manager@odata.bind") {
        None => None,
        Some(link) => {
            ask.access.set_manager()?;
            let id = ask.reference(&state.link_base, &link)?.to_owned();
            Some(state.store.user(&id)?.id.clone())
        }
    };
    let password = given
        .get("passwordProfile")
        .and_then(|profile| profile.get("password"))
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| GraphError::bad("A value is required for property 'password'."))?;
    let mut values = Properties::new();
    apply(ask, &mut values, &given)?;
    if let Some(Fault::CreateConflict { style }) = ask.quirks.fire(FaultKind::CreateConflict) {
        let plain = GraphError::refused(
            Refusal::Duplicate,
            "Another object with the same value for property proxyAddresses already exists.",
        );
        return Err(dressed(plain, style));
    }
    quota(ask)?;
    let at = state.store.tick();
    values.insert("createdDateTime".to_owned(), json!(at.to_string()));
    values.insert("userType".to_owned(), json!("Member"));
    let id = state.store.fresh_id();
    let mut person = Person::new(id.clone(), values);
    person.manager = manager;
    person.password = Some(password);
    state
        .store
        .put(person)
        .map_err(|error| duplicate(ask, error))?;
    state.lag.fresh.insert(id.clone(), (0, 0));
    let mut body = render(
        &state.store,
        state.store.user(&id)?,
        &schema::selected(USER, None)?,
    );
    body.insert(
        "@odata.context".to_owned(),
        json!(format!("{}/$metadata#users/$entity", state.link_base)),
    );
    let location = format!("{}/users/{id}", state.link_base);
    let mut reply = Reply::json(201, Value::Object(body));
    reply.headers.push(("location", location));
    Ok(reply)
}

pub(crate) fn patch(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let given = ask.object()?;
    ask.access.change(given.keys().map(String::as_str))?;
    let before = state.store.user(&ask.route.id)?.clone();
    if given.is_empty() {
        return Err(GraphError::bad("The request has no properties to change."));
    }
    if before.on_premises() && given.keys().any(|name| name != "usageLocation") {
        return Err(on_premises());
    }
    if given.keys().any(|name| SENSITIVE.contains(&name.as_str())) {
        guard_admin(state, &before)?;
    }
    let mut after = before.clone();
    apply(ask, &mut after.values, &given)?;
    if let Some(password) = given
        .get("passwordProfile")
        .and_then(|profile| profile.get("password"))
        .and_then(Value::as_str)
    {
        after.password = Some(password.to_owned());
    }
    quota(ask)?;
    state.store.tick();
    state
        .store
        .put(after)
        .map_err(|error| duplicate(ask, error))?;
    state.lag.previous.insert(before.id.clone(), (before, 0));
    Ok(Reply::empty(204))
}

fn apply(
    ask: Ask<'_>,
    values: &mut Properties,
    given: &Map<String, Value>,
) -> Result<(), GraphError> {
    for (name, value) in given {
        if name == "@odata.type" {
            continue;
        }
        schema::set(USER, values, name, value)?;
        if let ("userPrincipalName", Some(text)) = (name.as_str(), value.as_str()) {
            schema::user_name(text, &ask.shared.options.domains)?;
        }
    }
    Ok(())
}

pub(crate) fn delete(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let person = state.store.user(&ask.route.id)?.clone();
    if person.on_premises() {
        return Err(on_premises());
    }
    guard_admin(state, &person)?;
    quota(ask)?;
    state.store.delete(&person.id)?;
    Ok(Reply::empty(204))
}

pub(crate) fn on_premises() -> GraphError {
    GraphError::refused(
        Refusal::OnPremises,
        "Unable to update the specified properties for on-premises mastered Directory Sync objects or objects currently undergoing migration.",
    )
}

pub(crate) fn guard_admin(state: &State, person: &Person) -> Result<(), GraphError> {
    if person.admin && !state.holds_role {
        return Err(GraphError::denied(
            Refusal::AdminRole,
            "Insufficient privileges to complete the operation.",
        ));
    }
    Ok(())
}

/// Faults that any write of the directory can meet.
pub(crate) fn quota(ask: Ask<'_>) -> Result<(), GraphError> {
    if ask.quirks.has(FaultKind::QuotaExceeded) {
        return Err(GraphError::new(
            403,
            "Directory_QuotaExceeded",
            Refusal::Invalid,
            "The directory object quota limit for the tenant has been exceeded.",
        ));
    }
    if ask.quirks.has(FaultKind::ConcurrencyViolation) {
        return Err(GraphError::new(
            409,
            "Directory_ConcurrencyViolation",
            Refusal::Invalid,
            "Operation failed because the object was changed by another request.",
        ));
    }
    Ok(())
}

/// A key is taken: the answer has the form that a fault asks for.
pub(crate) fn duplicate(ask: Ask<'_>, error: GraphError) -> GraphError {
    match ask.quirks.fire(FaultKind::DuplicateAnswer) {
        Some(Fault::DuplicateAnswer { style }) => dressed(error, style),
        Some(_) | None => error,
    }
}

fn dressed(error: GraphError, style: DuplicateStyle) -> GraphError {
    let details = vec![("ObjectConflict", "proxyAddresses".to_owned())];
    let details = if error.details.is_empty() {
        details
    } else {
        error.details.clone()
    };
    let (status, code, details) = match style {
        DuplicateStyle::BadRequest => (400, "Request_BadRequest", Vec::new()),
        DuplicateStyle::BadRequestWithDetails => (400, "Request_BadRequest", details),
        DuplicateStyle::Conflict => (409, "Request_MultipleObjectsWithSameKeyValue", details),
    };
    GraphError {
        status,
        code,
        details,
        ..error
    }
}
