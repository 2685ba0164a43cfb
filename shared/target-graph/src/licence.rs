//! Licences that are assigned to an account itself.

use serde_json::{Value, json};
use target_http::Method;

use crate::batch::Part;
use crate::permission::Action;
use crate::url::{self, ObjectId};

/// Properties that tell why a licence was refused.
pub(crate) const STATE: &str = "usageLocation,assignedLicenses,licenseAssignmentStates";

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

/// The licences that a user has, from groups too.
pub(crate) fn assigned(user: &Value) -> Vec<&str> {
    skus(user, "assignedLicenses", |_| true)
}

/// Those of them that come from a group.
pub(crate) fn inherited(user: &Value) -> Vec<&str> {
    let by_group = |state: &Value| state.get("assignedByGroup").is_some_and(Value::is_string);
    skus(user, "licenseAssignmentStates", by_group)
}

fn skus<'u>(user: &'u Value, list: &str, fits: impl Fn(&Value) -> bool) -> Vec<&'u str> {
    let all = user.get(list).and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .filter(|one| fits(one))
        .filter_map(|one| one.get("skuId")?.as_str())
        .collect()
}
