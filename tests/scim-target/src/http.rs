//! From an HTTP request to a reply: token, route, transport faults, and the log.

use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use jiff::fmt::rfc2822::DateTimePrinter;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::admission;
use crate::calls::Action;
use crate::discovery;
use crate::error::ScimError;
use crate::faults::{Fault, FaultKind, Occasion, Quirks, RetryAfter};
use crate::list::{Query, list};
use crate::read;
use crate::render::Renderer;
use crate::reply::{Content, Reply};
use crate::resource::Call;
use crate::schema::Kind;
use crate::state::{Shared, State};

/// The path of the service, after host and port.
pub(crate) const BASE_PATH: &str = "/scim/v2";

const GATEWAY_PAGE: &str = "<html><head><title>502 Bad Gateway</title></head>\
    <body><h1>502 Bad Gateway</h1></body></html>";

/// What becomes of a request.
#[derive(Debug)]
pub(crate) enum Verdict {
    Answer(Reply),
    /// The answer breaks off in the middle of its body.
    Cut(Reply),
    /// The connection closes.
    Drop,
    /// Nothing, until the target stops.
    Hang,
}

#[derive(Debug)]
struct Route {
    action: Action,
    template: &'static str,
    id: Option<String>,
}

pub(crate) fn serve(shared: &Shared, parts: &Parts, body: &[u8]) -> Verdict {
    let path = parts.uri.path();
    let path = path.strip_prefix(BASE_PATH).unwrap_or(path);
    let query = parts.uri.query().unwrap_or_default();
    let route = route(&parts.method, path);
    let seen = Occasion {
        method: parts.method.as_str(),
        path,
        query,
    };
    let quirks = Quirks {
        faults: &shared.faults,
        truth: &shared.truth,
        seen,
    };
    let mut state = shared.lock();
    let verdict = if has_token(&parts.headers, &shared.token) {
        state.recorder.calls.count(route.action);
        judge(shared, &mut state, &route, parts, body, quirks)
    } else {
        Verdict::Answer(Reply::error(&ScimError::new(
            401,
            "no bearer token, or not the right one",
        )))
    };
    let verdict = match verdict {
        Verdict::Answer(mut reply) => {
            reply.bend(quirks);
            if reply.content != Content::None && quirks.has(FaultKind::CutBody) {
                Verdict::Cut(reply)
            } else {
                Verdict::Answer(reply)
            }
        }
        Verdict::Cut(_) | Verdict::Drop | Verdict::Hang => verdict,
    };
    let status = match &verdict {
        Verdict::Answer(reply) | Verdict::Cut(reply) => Some(reply.status),
        Verdict::Drop | Verdict::Hang => None,
    };
    state.recorder.log(seen, route.template, status);
    verdict
}

fn has_token(headers: &HeaderMap, token: &str) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, given)| {
            scheme.eq_ignore_ascii_case("bearer") && given.trim() == token
        })
}

fn judge(
    shared: &Shared,
    state: &mut State,
    route: &Route,
    parts: &Parts,
    body: &[u8],
    quirks: Quirks<'_>,
) -> Verdict {
    if quirks.has(FaultKind::DropBeforeCommit) {
        return Verdict::Drop;
    }
    if quirks.has(FaultKind::HangBeforeCommit) {
        return Verdict::Hang;
    }
    if let Some(reply) = refused_at_the_door(quirks) {
        return Verdict::Answer(reply);
    }
    if let Some(Fault::StatusQuoting { code }) = quirks.fire(FaultKind::StatusQuoting) {
        let uri = percent_decode_str(&parts.uri.to_string())
            .decode_utf8_lossy()
            .into_owned();
        let body = String::from_utf8_lossy(body);
        let detail = format!("cannot {} {uri} with {body}", parts.method);
        return Verdict::Answer(Reply::error(&ScimError::new(code, detail)));
    }
    if let Some(reply) = over_the_rate(state, route.action, quirks) {
        return Verdict::Answer(reply);
    }
    let writes = matches!(
        route.action,
        Action::Post(_) | Action::Put(_) | Action::Patch(_) | Action::Delete(_)
    );
    let past = if writes {
        read::before(state, quirks)
    } else {
        None
    };
    let reply = answer(shared, state, route, parts, body, quirks)
        .unwrap_or_else(|error| Reply::error(&error));
    if writes && reply.is_success() {
        state.past = past.or(state.past.take());
        if quirks.has(FaultKind::DropAfterCommit) {
            return Verdict::Drop;
        }
        if quirks.has(FaultKind::HangAfterCommit) {
            return Verdict::Hang;
        }
        if let Some(Fault::StatusAfterCommit { code }) = quirks.fire(FaultKind::StatusAfterCommit) {
            return Verdict::Answer(Reply::error(&ScimError::new(code, "something went wrong")));
        }
    }
    Verdict::Answer(reply)
}

fn over_the_rate(state: &mut State, action: Action, quirks: Quirks<'_>) -> Option<Reply> {
    if !quirks.armed(FaultKind::EnforceRates) {
        return None;
    }
    let (rates, now) = (quirks.truth.rates, state.store.now());
    let wait = state.meters.wait(rates, action, now);
    if let Some(seconds) = wait
        && quirks.has(FaultKind::EnforceRates)
    {
        let error = ScimError::new(429, "too many requests");
        return Some(Reply {
            retry_after: Some(seconds.to_string()),
            ..Reply::error(&error)
        });
    }
    state.meters.count(rates, action, now);
    None
}

fn refused_at_the_door(quirks: Quirks<'_>) -> Option<Reply> {
    if let Some(Fault::TooManyRequests { retry_after }) = quirks.fire(FaultKind::TooManyRequests) {
        let retry_after = match retry_after {
            RetryAfter::Seconds(seconds) => Some(seconds.to_string()),
            RetryAfter::Date(at) => DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok(),
            RetryAfter::Absent => None,
        };
        let error = ScimError::new(429, "too many requests");
        return Some(Reply {
            retry_after,
            ..Reply::error(&error)
        });
    }
    if quirks.has(FaultKind::Unauthorized) {
        return Some(Reply::error(&ScimError::new(
            401,
            "the token is not accepted",
        )));
    }
    if quirks.has(FaultKind::HtmlBadGateway) {
        return Some(Reply {
            content: Content::Html(GATEWAY_PAGE),
            ..Reply::empty(502)
        });
    }
    if let Some(Fault::Status { code }) = quirks.fire(FaultKind::Status) {
        return Some(Reply::error(&ScimError::new(code, "something went wrong")));
    }
    None
}

fn answer(
    shared: &Shared,
    state: &mut State,
    route: &Route,
    parts: &Parts,
    body: &[u8],
    quirks: Quirks<'_>,
) -> Result<Reply, ScimError> {
    let truth = quirks.truth;
    admission::refuse(truth, route.action, route.template, &parts.headers)?;
    let json = |headers, body| json(headers, body, truth.door.scim_content_type);
    let text = parts.uri.query().unwrap_or_default();
    let id = route.id.as_deref().unwrap_or_default();
    let searching = matches!(route.action, Action::List(_)) && parts.method == Method::POST;
    let query = if searching {
        Query::from_search(&json(&parts.headers, body)?)?
    } else {
        Query::parse(text)?
    }
    .narrowed(truth.narrowing)?;
    let on = |kind: Kind| Call {
        kind,
        base: &shared.base,
        query: &query,
        headers: &parts.headers,
        quirks,
    };
    match route.action {
        Action::Get(kind) => on(kind).get(state, id),
        Action::List(kind) => {
            let style = state.style;
            read::read(state, quirks, &|store, quirks| {
                let base = &shared.base;
                let renderer = Renderer { store, base, truth };
                list(kind, &query, style, renderer, quirks).map(|body| Reply::json(200, body))
            })
        }
        Action::Post(kind) => on(kind).create(state, &json(&parts.headers, body)?),
        Action::Put(kind) => on(kind).replace(state, id, &json(&parts.headers, body)?),
        Action::Patch(kind) => on(kind).patch(state, id, &json(&parts.headers, body)?),
        Action::Delete(kind) => on(kind).delete(state, id),
        Action::Discovery => {
            let id = route.id.as_deref();
            let found = match route.template {
                "/Schemas" | "/Schemas/{id}" => discovery::schemas(&shared.base, id),
                "/ResourceTypes" | "/ResourceTypes/{id}" => {
                    discovery::resource_types(&shared.base, id, truth)
                }
                _ => Some(discovery::service_provider_config(
                    &shared.base,
                    state.style,
                    truth,
                )),
            };
            found
                .map(|body| Reply::json(200, body))
                .ok_or_else(|| ScimError::not_found(id.unwrap_or_default()))
        }
        Action::Other if matches!(route.template, "/Bulk" | "/Me") => Err(ScimError::new(
            501,
            format!("`{}` is not supported", route.template),
        )),
        Action::Other if route.template == "other" => Err(ScimError::new(
            404,
            format!("no endpoint `{}`", quirks.seen.path),
        )),
        Action::Other => Err(ScimError::new(
            405,
            format!("`{}` not allowed here", parts.method),
        )),
    }
}

fn json(headers: &HeaderMap, body: &[u8], scim_only: bool) -> Result<Value, ScimError> {
    let media = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let plain = media == "application/json" && !scim_only;
    if media != "application/scim+json" && !plain {
        return Err(ScimError::new(
            415,
            format!("content type `{media}` is not supported"),
        ));
    }
    serde_json::from_slice(body)
        .map_err(|e| ScimError::syntax(format!("the body is not JSON: {e}")))
}

fn route(method: &Method, path: &str) -> Route {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let (first, id) = match segments.as_slice() {
        [first] => (*first, None),
        [first, id] => (
            *first,
            Some(percent_decode_str(id).decode_utf8_lossy().into_owned()),
        ),
        _ => ("", None),
    };
    let verb = method.as_str();
    let (action, template) = match (first, id.as_deref()) {
        ("Users", id) => resource_route(verb, Kind::User, id),
        ("Groups", id) => resource_route(verb, Kind::Group, id),
        ("ServiceProviderConfig", None) => discovery_route(verb, "/ServiceProviderConfig"),
        ("ServiceProviderConfigs", None) => discovery_route(verb, "/ServiceProviderConfigs"),
        ("ResourceTypes", None) => discovery_route(verb, "/ResourceTypes"),
        ("ResourceTypes", Some(_)) => discovery_route(verb, "/ResourceTypes/{id}"),
        ("Schemas", None) => discovery_route(verb, "/Schemas"),
        ("Schemas", Some(_)) => discovery_route(verb, "/Schemas/{id}"),
        ("Bulk", None) => (Action::Other, "/Bulk"),
        ("Me", None) => (Action::Other, "/Me"),
        _ => (Action::Other, "other"),
    };
    Route {
        action,
        template,
        id,
    }
}

fn discovery_route(verb: &str, template: &'static str) -> (Action, &'static str) {
    (
        if verb == "GET" {
            Action::Discovery
        } else {
            Action::Other
        },
        template,
    )
}

fn resource_route(verb: &str, kind: Kind, id: Option<&str>) -> (Action, &'static str) {
    let [all, one, search] = match kind {
        Kind::User => ["/Users", "/Users/{id}", "/Users/.search"],
        Kind::Group => ["/Groups", "/Groups/{id}", "/Groups/.search"],
    };
    match (verb, id) {
        ("GET", None) => (Action::List(kind), all),
        ("POST", None) => (Action::Post(kind), all),
        ("POST", Some(".search")) => (Action::List(kind), search),
        ("GET", Some(_)) => (Action::Get(kind), one),
        ("PUT", Some(_)) => (Action::Put(kind), one),
        ("PATCH", Some(_)) => (Action::Patch(kind), one),
        ("DELETE", Some(_)) => (Action::Delete(kind), one),
        (_, None) => (Action::Other, all),
        (_, Some(_)) => (Action::Other, one),
    }
}
