//! `$batch`: up to 20 requests in one, each with an answer of its own, in any order.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Map, Value, json};

use crate::error::{GraphError, Refusal};
use crate::faults::FaultKind;
use crate::http::{
    BASE_PATH, Incoming, Verdict, admit, below_base, finish, quirks, refused, serve,
};
use crate::reply::{Content, Reply};
use crate::route::route;
use crate::state::Shared;
use crate::words::scramble;

/// The most requests in a batch.
const MAX_REQUESTS: usize = 20;

/// Says that a request is a part of a batch, where parts take a way round through a proxy.
pub(crate) const PART: &str = "x-graph-target-batch-part";

/// The name that the proxy of the contract gives to its own errors.
const PROXY_ERROR: &str = "https://stoplight.io/prism/errors";

/// A part of a batch that the proxy in between found to break the contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// `GET`, `POST`, ...
    pub method: String,
    /// The relative URL of the part.
    pub url: String,
    /// The status of the proxy.
    pub status: u16,
    /// What the proxy says.
    pub report: String,
}

struct Part {
    id: String,
    method: String,
    url: String,
    headers: HeaderMap,
    body: Vec<u8>,
    depends_on: Vec<String>,
}

struct Outcome {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Option<Value>,
}

/// Serves a batch; the lock is not held while parts take the way round.
pub(crate) async fn serve_batch(shared: &Shared, incoming: Incoming<'_>) -> Verdict {
    let path = below_base(incoming.path).unwrap_or_default();
    let route = route(incoming.method, path);
    let quirks = quirks(shared, incoming, path);
    let parts = {
        let mut state = shared.lock();
        state.served += 1;
        if let Err(verdict) = admit(shared, &mut state, incoming, &route, quirks) {
            return finish(&mut state, incoming, quirks, route.template, verdict);
        }
        let forced = match quirks.fire(FaultKind::Status) {
            Some(crate::Fault::Status { code }) => Err(GraphError::new(
                code,
                "UnknownError",
                Refusal::Invalid,
                "Something went wrong.",
            )),
            Some(_) | None => Ok(()),
        };
        match forced.and_then(|()| read(incoming.body, incoming.headers)) {
            Ok(parts) => parts,
            Err(error) => {
                let verdict = Verdict::Answer(refused(&mut state, &error));
                return finish(&mut state, incoming, quirks, route.template, verdict);
            }
        }
    };
    let seed = scramble(shared.options.seed ^ shared.lock().served);
    let outcomes = run(shared, &parts, seed).await;
    let mut state = shared.lock();
    let mut answers: Vec<Value> = outcomes
        .into_iter()
        .map(|(id, outcome)| {
            let mut answer = Map::new();
            answer.insert("id".to_owned(), json!(id));
            answer.insert("status".to_owned(), json!(outcome.status));
            answer.insert("headers".to_owned(), json!(outcome.headers));
            if let Some(body) = outcome.body {
                answer.insert("body".to_owned(), body);
            }
            Value::Object(answer)
        })
        .collect();
    shuffle(&mut answers, scramble(seed));
    if quirks.has(FaultKind::BatchAnswerMissing) {
        answers.pop();
    }
    let verdict = if quirks.has(FaultKind::DropAfterCommit) {
        Verdict::Drop
    } else if quirks.has(FaultKind::HangAfterCommit) {
        Verdict::Hang
    } else {
        Verdict::Answer(Reply::json(200, json!({ "responses": answers })))
    };
    finish(&mut state, incoming, quirks, route.template, verdict)
}

fn read(body: &[u8], outer: &HeaderMap) -> Result<Vec<Part>, GraphError> {
    let bad = |text: String| GraphError::odata(format!("Invalid batch payload format: {text}"));
    let body: Value =
        serde_json::from_slice(body).map_err(|_| bad("it is not JSON.".to_owned()))?;
    let requests = body
        .get("requests")
        .and_then(Value::as_array)
        .filter(|requests| !requests.is_empty())
        .ok_or_else(|| bad("there are no requests.".to_owned()))?;
    if requests.len() > MAX_REQUESTS {
        return Err(bad(format!(
            "the number of requests exceeds {MAX_REQUESTS}."
        )));
    }
    let mut ids = BTreeSet::new();
    let mut parts: Vec<Part> = Vec::new();
    for request in requests {
        let part = part(request, outer).map_err(bad)?;
        if !ids.insert(part.id.to_lowercase()) {
            return Err(bad(format!("the id `{}` is there twice.", part.id)));
        }
        for parent in &part.depends_on {
            // Parents come first, so that there is no circle.
            if !ids.contains(&parent.to_lowercase()) || *parent == part.id {
                return Err(bad(format!(
                    "`{}` depends on `{parent}`, which is not before it.",
                    part.id
                )));
            }
        }
        parts.push(part);
    }
    Ok(parts)
}

fn part(request: &Value, outer: &HeaderMap) -> Result<Part, String> {
    let text = |name: &str| request.get(name).and_then(Value::as_str);
    let id = text("id")
        .filter(|id| !id.is_empty())
        .ok_or("a request has no id.")?;
    let method = text("method").ok_or("a request has no method.")?;
    let method = method.to_ascii_uppercase();
    let url = text("url").ok_or("a request has no url.")?;
    let relative = url.starts_with('/') && !url.starts_with("/v1.0/") && !url.starts_with("//");
    if !relative {
        return Err(format!("the url of `{id}` is not relative to the version."));
    }
    let mut headers = HeaderMap::new();
    if let Some(given) = request.get("headers").and_then(Value::as_object) {
        for (name, value) in given {
            let name = HeaderName::try_from(name.as_str());
            let value = value.as_str().and_then(|v| HeaderValue::from_str(v).ok());
            let (Ok(name), Some(value)) = (name, value) else {
                return Err(format!("a header of `{id}` is not valid."));
            };
            headers.insert(name, value);
        }
    }
    if let Some(token) = outer.get(header::AUTHORIZATION) {
        headers
            .entry(header::AUTHORIZATION)
            .or_insert_with(|| token.clone());
    }
    let body = match request.get("body") {
        None => Vec::new(),
        Some(_) if !headers.contains_key(header::CONTENT_TYPE) => {
            return Err(format!("`{id}` has a body and no Content-Type."));
        }
        Some(body) => body.to_string().into_bytes(),
    };
    let depends_on = match request.get("dependsOn") {
        None => Vec::new(),
        Some(parents) => parents
            .as_array()
            .and_then(|all| {
                all.iter()
                    .map(|one| one.as_str().map(str::to_owned))
                    .collect()
            })
            .ok_or_else(|| format!("`dependsOn` of `{id}` is no list of ids."))?,
    };
    Ok(Part {
        id: id.to_owned(),
        method,
        url: url.to_owned(),
        headers,
        body,
        depends_on,
    })
}

/// Carries the parts out: parents before children, the others in any order.
async fn run(shared: &Shared, parts: &[Part], seed: u64) -> Vec<(String, Outcome)> {
    let mut order: Vec<&Part> = parts.iter().collect();
    shuffle(&mut order, seed);
    let mut done: BTreeMap<String, u16> = BTreeMap::new();
    let mut outcomes = Vec::new();
    while !order.is_empty() {
        let ready = |part: &&Part| {
            let parents = &part.depends_on;
            parents
                .iter()
                .all(|id| done.contains_key(&id.to_lowercase()))
        };
        // Parents stand before their children in the request, so that there is always one.
        let at = order.iter().position(ready).unwrap_or_default();
        let part = order.remove(at);
        let failed = part.depends_on.iter().any(|id| {
            let status = done.get(&id.to_lowercase());
            status.is_none_or(|status| !(200..300).contains(status))
        });
        let outcome = if failed {
            failed_dependency(shared)
        } else {
            carry_out(shared, part).await
        };
        done.insert(part.id.to_lowercase(), outcome.status);
        outcomes.push((part.id.clone(), outcome));
    }
    outcomes
}

fn failed_dependency(shared: &Shared) -> Outcome {
    let mut state = shared.lock();
    let error = GraphError::new(
        424,
        "FailedDependency",
        Refusal::FailedDependency,
        "A request that this one depends on has failed.",
    );
    outcome(refused(&mut state, &error))
}

async fn carry_out(shared: &Shared, part: &Part) -> Outcome {
    let via = shared.lock().via.clone();
    if let Some((client, base)) = via {
        return way_round(shared, part, &client, &base).await;
    }
    let (path, query) = part.url.split_once('?').unwrap_or((&part.url, ""));
    let path = format!("{BASE_PATH}{path}");
    let incoming = Incoming {
        method: &part.method,
        path: &path,
        query,
        headers: &part.headers,
        body: &part.body,
        batched: true,
    };
    let verdict = serve(shared, &mut shared.lock(), incoming);
    match verdict {
        Verdict::Answer(reply) => outcome(reply),
        // Parts have no connection: faults of the transport do not meet them.
        Verdict::Drop | Verdict::Hang => failed_dependency(shared),
    }
}

fn outcome(reply: Reply) -> Outcome {
    let mut headers: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in reply.headers {
        headers.insert(spelled(name), value);
    }
    let body = match reply.content {
        Content::Json(body) => {
            headers.insert("Content-Type".to_owned(), "application/json".to_owned());
            Some(body)
        }
        Content::Empty | Content::Html(_) => None,
    };
    Outcome {
        status: reply.status,
        headers,
        body,
    }
}

/// Headers inside a batch are written as Graph writes them: clients must not mind.
fn spelled(name: &str) -> String {
    match name {
        "retry-after" => "Retry-After".to_owned(),
        "location" => "Location".to_owned(),
        other => other.to_owned(),
    }
}

/// Sends a part to the proxy of the contract, which sends it on to this target.
async fn way_round(shared: &Shared, part: &Part, client: &reqwest::Client, base: &str) -> Outcome {
    let method = Method::from_bytes(part.method.as_bytes()).unwrap_or(Method::GET);
    let request = client
        .request(method, format!("{base}{}", part.url))
        .headers(part.headers.clone())
        .header(PART, "1")
        .body(part.body.clone());
    let sent = async {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        Ok::<_, reqwest::Error>((status, headers, text))
    };
    let (status, headers, text) = match sent.await {
        Ok(answer) => answer,
        Err(error) => {
            let report = format!("the proxy does not answer: {error}");
            return violation(shared, part, 502, report);
        }
    };
    if text.contains(PROXY_ERROR) {
        return violation(shared, part, status, text);
    }
    let keep = [
        "retry-after",
        "location",
        "x-ms-resource-unit",
        "x-ms-throttle-limit-percentage",
        "request-id",
        "client-request-id",
    ];
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    for name in keep {
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            kept.insert(spelled(name), value.to_owned());
        }
    }
    let body = serde_json::from_str(&text).ok();
    if body.is_some() {
        kept.insert("Content-Type".to_owned(), "application/json".to_owned());
    }
    Outcome {
        status,
        headers: kept,
        body,
    }
}

fn violation(shared: &Shared, part: &Part, status: u16, report: String) -> Outcome {
    let text =
        "The request or its answer breaks the contract; `violations` of the target says how.";
    let body = json!({ "error": { "code": "ContractViolation", "message": text } });
    shared.lock().violations.push(Violation {
        method: part.method.clone(),
        url: part.url.clone(),
        status,
        report,
    });
    Outcome {
        status,
        headers: BTreeMap::new(),
        body: Some(body),
    }
}

/// The same order for the same seed.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for end in (1..items.len()).rev() {
        state = scramble(state);
        let range = u64::try_from(end + 1).unwrap_or(u64::MAX);
        items.swap(end, usize::try_from(state % range).unwrap_or_default());
    }
}
