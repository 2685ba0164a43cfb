//! From an HTTP request to a reply: token, route, cost, faults, and the log.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::http::{HeaderMap, header};
use serde_json::json;

use crate::access::Access;
use crate::delta::{Of, delta};
use crate::error::{GraphError, Refusal};
use crate::faults::{Fault, FaultKind};
use crate::meter::{Reading, cost};
use crate::reply::{Content, Reply};
use crate::route::{Action, Route, route};
use crate::rules::{Occasion, Quirks, TOKEN_PATH};
use crate::state::{Ask, Shared, State};
use crate::words::{guid, scramble, vary};
use crate::{bulk, deleted, groups, licenses, members, relations, token, users};

/// The path of the service, after host and port.
pub(crate) const BASE_PATH: &str = "/v1.0";

const GATEWAY_PAGE: &str = "<html><head><title>502 Bad Gateway</title></head>\
    <body><h1>502 Bad Gateway</h1></body></html>";

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    Answer(Reply),
    /// The connection closes.
    Drop,
    /// Nothing, until the target stops.
    Hang,
}

/// One request, alone or inside a batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    /// The whole path.
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) batched: bool,
}

/// Serves everything but batches.
pub(crate) fn serve(shared: &Shared, state: &mut State, incoming: Incoming<'_>) -> Verdict {
    state.served += 1;
    let Some(path) = below_base(incoming.path) else {
        return serve_token(shared, state, incoming);
    };
    let route = route(incoming.method, path);
    let quirks = quirks(shared, incoming, path);
    let verdict = match admit(shared, state, incoming, &route, quirks) {
        Err(verdict) => verdict,
        Ok(admitted) => {
            let ask = Ask {
                shared,
                route: &route,
                headers: incoming.headers,
                body: incoming.body,
                quirks,
                access: Access(&admitted.permissions),
            };
            let verdict = judge(ask, state);
            metered(verdict, admitted.reading)
        }
    };
    finish(state, incoming, quirks, route.template, verdict)
}

/// The path below the base, if it is there.
pub(crate) fn below_base(path: &str) -> Option<&str> {
    path.strip_prefix(BASE_PATH)
        .filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

pub(crate) fn quirks<'a>(shared: &'a Shared, incoming: Incoming<'a>, path: &'a str) -> Quirks<'a> {
    Quirks {
        faults: &shared.faults,
        seen: Occasion {
            method: incoming.method,
            path,
            query: incoming.query,
            batched: incoming.batched,
        },
    }
}

/// A request whose token is good and that is within the limits.
pub(crate) struct Admitted {
    pub(crate) permissions: Arc<BTreeSet<String>>,
    reading: Option<Reading>,
}

/// Checks the token, counts the request and lets transport faults happen to it.
pub(crate) fn admit(
    shared: &Shared,
    state: &mut State,
    incoming: Incoming<'_>,
    route: &Route,
    quirks: Quirks<'_>,
) -> Result<Admitted, Verdict> {
    if !incoming.batched {
        if quirks.has(FaultKind::DropBeforeCommit) {
            return Err(Verdict::Drop);
        }
        if quirks.has(FaultKind::HangBeforeCommit) {
            return Err(Verdict::Hang);
        }
        if quirks.has(FaultKind::HtmlBadGateway) {
            return Err(Verdict::Answer(Reply {
                content: Content::Html(GATEWAY_PAGE),
                ..Reply::empty(502)
            }));
        }
    }
    let permissions = permissions(shared, state, incoming.headers)
        .filter(|_| !quirks.has(FaultKind::Unauthorized))
        .ok_or_else(|| {
            let error = GraphError::new(
                401,
                "InvalidAuthenticationToken",
                Refusal::BadToken,
                "Access token has expired or is not yet valid.",
            );
            Verdict::Answer(refused(state, &error))
        })?;
    state
        .recorder
        .count(incoming.method, route.template, route.action);
    if route.action == Action::Batch {
        return Ok(Admitted {
            permissions,
            reading: None,
        });
    }
    let cost = cost(route.action, incoming.method, incoming.query);
    let reading = state.meter.charge(state.store.now, cost);
    let forced = quirks.fire(FaultKind::Throttled);
    let retry_after = match (&forced, reading.refused) {
        (Some(Fault::Throttled { retry_after }), _) => Some(*retry_after),
        (_, Some(seconds)) => Some(Some(seconds)),
        (_, None) => None,
    };
    if let Some(retry_after) = retry_after {
        let mut error = GraphError::new(
            429,
            "TooManyRequests",
            Refusal::Throttled,
            "Too many requests from the application.",
        );
        if let Some(seconds) = retry_after {
            error = error.header("retry-after", seconds.to_string());
        }
        let reply = refused(state, &error);
        return Err(metered(Verdict::Answer(reply), Some(reading)));
    }
    Ok(Admitted {
        permissions,
        reading: Some(reading),
    })
}

fn metered(verdict: Verdict, reading: Option<Reading>) -> Verdict {
    match (verdict, reading) {
        (Verdict::Answer(mut reply), Some(reading)) => {
            let units = reading.cost.units.to_string();
            reply.headers.push(("x-ms-resource-unit", units));
            if reading.percent > 80 {
                let share = format!("{}.{:02}", reading.percent / 100, reading.percent % 100);
                reply
                    .headers
                    .push(("x-ms-throttle-limit-percentage", share));
            }
            Verdict::Answer(reply)
        }
        (verdict, _) => verdict,
    }
}

/// The permissions of the token, if it is good now.
fn permissions(
    shared: &Shared,
    state: &State,
    headers: &HeaderMap,
) -> Option<Arc<BTreeSet<String>>> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = given.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let token = token.trim();
    if token == shared.options.token {
        return Some(Arc::clone(&state.permissions));
    }
    let grant = state.grants.get(token)?;
    (state.store.now < grant.expires).then(|| Arc::clone(&grant.permissions))
}

/// Counts an error and words it.
pub(crate) fn refused(state: &mut State, error: &GraphError) -> Reply {
    state.refuse(error);
    let (seed, number) = (state.store.seed, state.served);
    // Graph spells the inner object in two ways.
    let inner = if scramble(seed ^ number).is_multiple_of(2) {
        "innerError"
    } else {
        "innererror"
    };
    let date = state.store.now.strftime("%Y-%m-%dT%H:%M:%S").to_string();
    let text = vary(seed, number, &error.message);
    let body = error.body(&text, inner, &guid(seed, !number), &date);
    Reply {
        headers: error.headers.clone(),
        ..Reply::json(error.status, body)
    }
}

/// Headers that every answer has, and the log.
pub(crate) fn finish(
    state: &mut State,
    incoming: Incoming<'_>,
    quirks: Quirks<'_>,
    template: &'static str,
    verdict: Verdict,
) -> Verdict {
    let id = incoming
        .headers
        .get("client-request-id")
        .and_then(|value| value.to_str().ok());
    let status = match &verdict {
        Verdict::Answer(reply) => Some(reply.status),
        Verdict::Drop | Verdict::Hang => None,
    };
    state.recorder.log(quirks.seen, template, id, status);
    match verdict {
        Verdict::Answer(mut reply) => {
            let request_id = guid(state.store.seed, !state.served);
            let client_id = id.map_or_else(|| request_id.clone(), str::to_owned);
            reply.headers.push(("request-id", request_id));
            reply.headers.push(("client-request-id", client_id));
            Verdict::Answer(reply)
        }
        Verdict::Drop | Verdict::Hang => verdict,
    }
}

fn serve_token(shared: &Shared, state: &mut State, incoming: Incoming<'_>) -> Verdict {
    let tenant = incoming
        .path
        .strip_suffix(TOKEN_PATH)
        .and_then(|rest| rest.strip_prefix('/'));
    let Some(tenant) = tenant.filter(|_| incoming.method == "POST") else {
        let error = GraphError::missing(
            Refusal::NotFound,
            format!("No endpoint `{} {}`.", incoming.method, incoming.path),
        );
        return Verdict::Answer(refused(state, &error));
    };
    let quirks = quirks(shared, incoming, TOKEN_PATH);
    state.recorder.count("POST", TOKEN_PATH, Action::Unknown);
    let verdict = if quirks.has(FaultKind::DropBeforeCommit) {
        Verdict::Drop
    } else if quirks.has(FaultKind::HangBeforeCommit) {
        Verdict::Hang
    } else if quirks.has(FaultKind::HtmlBadGateway) {
        Verdict::Answer(Reply {
            content: Content::Html(GATEWAY_PAGE),
            ..Reply::empty(502)
        })
    } else if let Some(Fault::Status { code }) = quirks.fire(FaultKind::Status) {
        Verdict::Answer(Reply::json(code, json!({ "error": "server_error" })))
    } else if let Some(Fault::Throttled { retry_after }) = quirks.fire(FaultKind::Throttled) {
        let mut reply = Reply::json(429, json!({ "error": "too_many_requests" }));
        let seconds = retry_after.map(|seconds| seconds.to_string());
        reply.headers.extend(seconds.map(|s| ("retry-after", s)));
        Verdict::Answer(reply)
    } else {
        let reply = token::token(
            shared,
            state,
            tenant,
            incoming.headers,
            incoming.body,
            quirks,
        );
        if quirks.has(FaultKind::DropAfterCommit) {
            Verdict::Drop
        } else {
            Verdict::Answer(reply)
        }
    };
    finish(state, incoming, quirks, TOKEN_PATH, verdict)
}

/// Lets faults of the answer happen, and asks the handler.
fn judge(ask: Ask<'_>, state: &mut State) -> Verdict {
    let quirks = ask.quirks;
    let wrong =
        |status, text: String| GraphError::new(status, "UnknownError", Refusal::Invalid, text);
    if let Some(Fault::StatusQuoting { code }) = quirks.fire(FaultKind::StatusQuoting) {
        let quoted = format!(
            "cannot {} {}?{} with {}",
            quirks.seen.method,
            quirks.seen.path,
            quirks.seen.query,
            String::from_utf8_lossy(ask.body)
        );
        let error = wrong(code, quoted);
        // Quoted as it is: a varied text might leave the quotation out.
        let body = error.body(&error.message, "innerError", "none", "none");
        return Verdict::Answer(Reply::json(code, body));
    }
    if let Some(Fault::Status { code }) = quirks.fire(FaultKind::Status) {
        let error = wrong(code, "Something went wrong.".to_owned());
        return Verdict::Answer(refused(state, &error));
    }
    let reply = ask
        .access
        .check(ask.route.action)
        .and_then(|()| answer(ask, state))
        .unwrap_or_else(|error| refused(state, &error));
    if reply.is_success() && ask.route.action.writes() {
        if !quirks.seen.batched {
            if quirks.has(FaultKind::DropAfterCommit) {
                return Verdict::Drop;
            }
            if quirks.has(FaultKind::HangAfterCommit) {
                return Verdict::Hang;
            }
        }
        if let Some(Fault::StatusAfterCommit { code }) = quirks.fire(FaultKind::StatusAfterCommit) {
            let error = wrong(code, "Something went wrong.".to_owned());
            return Verdict::Answer(refused(state, &error));
        }
    }
    Verdict::Answer(reply)
}

fn answer(ask: Ask<'_>, state: &mut State) -> Result<Reply, GraphError> {
    let route = ask.route;
    if route.template.starts_with("/users/{id}")
        && let Some(id) = state.store.user_id(&route.id)
        && state.lag.misses(&id, ask.quirks)
    {
        return Err(GraphError::not_found(&route.id));
    }
    match route.action {
        Action::ListUsers => users::list(ask, state),
        Action::CreateUser => users::create(ask, state),
        Action::GetUser => users::get(ask, state),
        Action::PatchUser => users::patch(ask, state),
        Action::DeleteUser => users::delete(ask, state),
        Action::UsersDelta => delta(ask, state, Of::Users),
        Action::GetManager => relations::manager(ask, state),
        Action::PutManager => relations::put_manager(ask, state),
        Action::DeleteManager => relations::delete_manager(ask, state),
        Action::Revoke => relations::revoke(ask, state),
        Action::AssignLicense => licenses::assign(ask, state),
        Action::LicenseDetails => licenses::details(ask, state),
        Action::MemberOf => relations::member_of(ask, state),
        Action::CheckMemberGroups => relations::check_groups(ask, state),
        Action::ListDeleted => deleted::list(ask, state),
        Action::GetDeleted => deleted::get(ask, state),
        Action::Purge => deleted::purge(ask, state),
        Action::Restore => deleted::restore(ask, state),
        Action::ListGroups => groups::list(ask, state),
        Action::GetGroup => groups::get(ask, state),
        Action::BindMembers => members::bind(ask, state),
        Action::GroupsDelta => delta(ask, state, Of::Groups),
        Action::ListMembers => members::list(ask, state),
        Action::AddMember => members::add(ask, state),
        Action::RemoveMember => members::remove(ask, state),
        Action::DeleteMemberObject => Err(members::refuse_object_delete()),
        Action::Skus => Ok(licenses::subscribed(ask, state)),
        Action::BulkUpload => bulk::upload(ask, state),
        Action::Batch => Err(GraphError::bad("A batch cannot hold a batch.")),
        Action::NotAllowed => Err(GraphError::new(
            405,
            "Request_BadRequest",
            Refusal::Invalid,
            format!("`{}` is not allowed here.", ask.quirks.seen.method),
        )),
        Action::Unknown => Err(GraphError::odata(format!(
            "Resource not found for the segment of `{}`.",
            ask.quirks.seen.path
        ))),
    }
}
