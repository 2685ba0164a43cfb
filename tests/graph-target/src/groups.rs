//! Groups: list and read. Their life is the administrator's, who acts by hand.

use std::ops::Bound;

use serde_json::{Map, Value, json};

use crate::error::GraphError;
use crate::filter::Filter;
use crate::paging::Page;
use crate::query::Query;
use crate::reply::Reply;
use crate::schema::{self, GROUP, Property};
use crate::state::{Ask, State};
use crate::store::Team;

pub(crate) fn render(team: &Team, properties: &[&Property]) -> Map<String, Value> {
    let mut body = Map::new();
    for property in properties {
        let value = match property.name {
            "id" => json!(team.id),
            "assignedLicenses" => team
                .licenses
                .iter()
                .map(|sku| json!({ "skuId": sku, "disabledPlans": [] }))
                .collect(),
            _ => schema::shown(property, &team.values),
        };
        body.insert(property.name.to_owned(), value);
    }
    body
}

pub(crate) fn matches(filter: &Filter, team: &Team) -> bool {
    let mut values = team.values.clone();
    values.insert("id".to_owned(), json!(team.id));
    filter.matches(&values)
}

pub(crate) fn list(ask: Ask<'_>, state: &State) -> Result<Reply, GraphError> {
    let query = Query::parse(ask.query(), ask.headers, GROUP)?;
    let properties = schema::selected(GROUP, query.select())?;
    let mut page = Page::of(ask, &query, ask.shared.options.default_page)?;
    let fits = |team: &&Team| query.filter.as_ref().is_none_or(|f| matches(f, team));
    let count = || state.store.groups.values().filter(fits).count();
    page.total = query.count.then(count);
    let after = (Bound::Excluded(page.after.clone()), Bound::Unbounded);
    let ids = state
        .store
        .groups
        .range(after)
        .map(|(_, team)| team)
        .filter(fits)
        .take(page.size + 1)
        .map(|team| team.id.clone())
        .collect();
    Ok(page.reply(ask, &query, &state.link_base, ids, &|id| {
        let team = state.store.groups.get(id);
        team.map_or(Value::Null, |team| Value::Object(render(team, &properties)))
    }))
}

pub(crate) fn get(ask: Ask<'_>, state: &State) -> Result<Reply, GraphError> {
    let query = Query::parse(ask.query(), ask.headers, GROUP)?;
    let properties = schema::selected(GROUP, query.select())?;
    let mut body = render(state.store.group(&ask.route.id)?, &properties);
    body.insert(
        "@odata.context".to_owned(),
        json!(format!("{}/$metadata#groups/$entity", state.link_base)),
    );
    Ok(Reply::json(200, Value::Object(body)))
}
