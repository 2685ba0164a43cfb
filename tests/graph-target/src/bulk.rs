//! API-driven provisioning: takes SCIM bulk requests and keeps them, as the real service processes them later.

use serde_json::Value;

use crate::error::{GraphError, Refusal};
use crate::reply::Reply;
use crate::state::{Ask, State, media};

const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

/// The most operations in one request.
const MAX_OPERATIONS: usize = 50;

/// One bulk request that was accepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Upload {
    /// The service principal in the path.
    pub service_principal: String,
    /// The job in the path.
    pub job: String,
    /// The request as it came.
    pub body: Value,
}

pub(crate) fn upload(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    if media(ask.headers) != "application/scim+json" {
        return Err(GraphError::bad(
            "The content type has to be application/scim+json.",
        ));
    }
    let body: Value = serde_json::from_slice(ask.body)
        .map_err(|_| GraphError::odata("The request is not JSON."))?;
    let has_schema = body
        .get("schemas")
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().any(|one| one == SCHEMA));
    let operations = body
        .get("Operations")
        .and_then(Value::as_array)
        .filter(|operations| has_schema && !operations.is_empty())
        .ok_or_else(|| GraphError::bad("The request is no SCIM BulkRequest with operations."))?;
    if operations.len() > MAX_OPERATIONS {
        return Err(GraphError::new(
            413,
            "Request_EntityTooLarge",
            Refusal::Invalid,
            format!("A request may hold {MAX_OPERATIONS} operations."),
        ));
    }
    for (position, operation) in operations.iter().enumerate() {
        let text = |name| operation.get(name).and_then(Value::as_str);
        let good = text("method").is_some_and(|method| method.eq_ignore_ascii_case("POST"))
            && text("path").is_some_and(|path| path.eq_ignore_ascii_case("/Users"))
            && text("bulkId").is_some_and(|id| !id.is_empty())
            && operation.get("data").is_some_and(Value::is_object);
        if !good {
            return Err(GraphError::bad(format!(
                "Operation {position} is no POST to /Users with a bulkId and data."
            )));
        }
    }
    state.store.tick();
    state.uploads.push(Upload {
        service_principal: ask.route.id.clone(),
        job: ask.route.second.clone(),
        body,
    });
    let mut reply = Reply::empty(202);
    let number = state.uploads.len();
    reply.headers.push((
        "location",
        format!("{}/auditLogs/provisioning?upload={number}", state.link_base),
    ));
    Ok(reply)
}
