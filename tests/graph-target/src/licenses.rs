//! Licences: what the tenant has, who holds them, and the three ways to be refused.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::error::{GraphError, Refusal};
use crate::reply::Reply;
use crate::schema::{self, USER};
use crate::state::{Ask, State};
use crate::store::License;
use crate::users;

fn license<'s>(state: &'s State, sku: &str) -> Result<&'s License, GraphError> {
    state
        .store
        .licenses
        .iter()
        .find(|license| license.sku_id == sku)
        .ok_or_else(|| {
            GraphError::bad(format!(
                "License {sku} does not correspond to a valid company License."
            ))
        })
}

pub(crate) fn subscribed(ask: Ask<'_>, state: &State) -> Reply {
    let tenant = &ask.shared.options.tenant;
    let value: Vec<Value> = state
        .store
        .licenses
        .iter()
        .map(|license| {
            json!({
                "id": format!("{tenant}_{}", license.sku_id),
                "skuId": license.sku_id,
                "skuPartNumber": license.part_number,
                "appliesTo": "User",
                "capabilityStatus": "Enabled",
                "consumedUnits": state.store.consumed(&license.sku_id),
                "prepaidUnits": { "enabled": license.seats, "suspended": 0, "warning": 0 },
                "servicePlans": [],
            })
        })
        .collect();
    Reply::json(
        200,
        json!({
            "@odata.context": format!("{}/$metadata#subscribedSkus", state.link_base),
            "value": value,
        }),
    )
}

pub(crate) fn details(ask: Ask<'_>, state: &State) -> Result<Reply, GraphError> {
    let person = state.store.user(&ask.route.id)?;
    let inherited = state.store.inherited(&person.id);
    let held: BTreeSet<&String> = person.licenses.keys().chain(inherited.keys()).collect();
    let value: Vec<Value> = state
        .store
        .licenses
        .iter()
        .filter(|license| held.contains(&license.sku_id))
        .map(|license| {
            json!({
                "id": license.sku_id,
                "skuId": license.sku_id,
                "skuPartNumber": license.part_number,
                "servicePlans": [],
            })
        })
        .collect();
    Ok(Reply::json(
        200,
        json!({
            "@odata.context": format!("{}/$metadata#licenseDetails", state.link_base),
            "value": value,
        }),
    ))
}

pub(crate) fn assign(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let body = ask.object()?;
    let list = |name: &str| {
        body.get(name)
            .and_then(Value::as_array)
            .ok_or_else(|| GraphError::odata(format!("The parameter '{name}' is missing.")))
    };
    let (add, remove) = (list("addLicenses")?, list("removeLicenses")?);
    let mut person = state.store.user(&ask.route.id)?.clone();
    let inherited = state.store.inherited(&person.id);
    for sku in remove {
        let sku = sku
            .as_str()
            .ok_or_else(|| GraphError::odata("A licence to remove is not a text."))?;
        license(state, sku)?;
        if person.licenses.remove(sku).is_none() {
            return Err(if inherited.contains_key(sku) {
                GraphError::refused(
                    Refusal::InheritedLicense,
                    "User license is inherited from a group membership and it cannot be removed directly from the user.",
                )
            } else {
                GraphError::bad("User does not have a corresponding license.")
            });
        }
    }
    if !add.is_empty() && person.text("usageLocation").is_none() {
        return Err(GraphError::refused(
            Refusal::NoUsageLocation,
            "License assignment cannot be done for user with invalid usage location.",
        ));
    }
    for one in add {
        let sku = one
            .get("skuId")
            .and_then(Value::as_str)
            .ok_or_else(|| GraphError::odata("A licence to add has no 'skuId'."))?
            .to_owned();
        let found = license(state, &sku)?;
        let plans: BTreeSet<String> = one
            .get("disabledPlans")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let holds = person.licenses.contains_key(&sku) || inherited.contains_key(&sku);
        if !holds && state.store.consumed(&sku) >= found.seats {
            return Err(GraphError::refused(
                Refusal::NoSeats,
                format!("Subscription with SKU {sku} does not have any available licenses."),
            ));
        }
        person.licenses.insert(sku, plans);
    }
    users::quota(ask)?;
    state.store.tick();
    let id = person.id.clone();
    state.store.put(person)?;
    let body = users::render(
        &state.store,
        state.store.user(&id)?,
        &schema::selected(USER, None)?,
    );
    Ok(Reply::json(200, Value::Object(body)))
}
