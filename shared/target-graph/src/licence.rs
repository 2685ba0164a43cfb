//! Licences that are assigned to an account itself.

use serde_json::{Value, json};
use target_http::Method;

use crate::batch::Part;
use crate::permission::Action;
use crate::url::{self, ObjectId};

/// Properties that tell why a licence was refused.
pub(crate) const STATE: &str = "usageLocation,licenseAssignmentStates";

/// The property that [`assigned`] reads.
pub(crate) const STATES: &str = "licenseAssignmentStates";

/// All changes of one account's licences, in one request: Graph wants both lists.
pub(crate) fn assign(account: &ObjectId, give: &[&str], take: &[&str]) -> Part {
    let add: Vec<Value> = give
        .iter()
        .map(|sku| json!({"skuId": sku, "disabledPlans": []}))
        .collect();
    Part::new(
        Action::AssignLicence,
        Method::Post,
        format!("{}/assignLicense", url::user(account)),
        Some(json!({"addLicenses": add, "removeLicenses": take})),
    )
}

/// The licences that are assigned to a user itself. `assignedLicenses` has those of groups, too;
/// a state that a group stands behind is none of ours
/// (<https://learn.microsoft.com/graph/api/resources/licenseassignmentstate>).
pub(crate) fn assigned(user: &Value) -> Vec<&str> {
    let states = user.get(STATES).and_then(Value::as_array);
    states
        .into_iter()
        .flatten()
        .filter(|state| state.get("assignedByGroup").is_none_or(Value::is_null))
        .filter_map(|state| state.get("skuId")?.as_str())
        .collect()
}
