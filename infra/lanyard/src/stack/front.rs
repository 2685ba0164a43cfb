//! What API Gateway does in the cloud: HTTP in, event to the webhook function, answer out.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use aws_lambda_events::encodings::Body as EventBody;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

/// Largest request that API Gateway takes.
const LARGEST_REQUEST: usize = 10 * 1024 * 1024;

/// Whoever answers API Gateway events.
pub trait Answers: Send + Sync + 'static {
    /// Answers one.
    fn answer(
        &self,
        event: ApiGatewayV2httpRequest,
    ) -> impl Future<Output = ApiGatewayV2httpResponse> + Send;
}

/// The route of the webhook.
pub fn routes<A: Answers>(answers: Arc<A>) -> Router {
    Router::new()
        .route("/hr/{source}", any(pass::<A>))
        .with_state(answers)
}

async fn pass<A: Answers>(
    State(answers): State<Arc<A>>,
    Path(source): Path<String>,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut event = ApiGatewayV2httpRequest::default();
    event.version = Some("2.0".into());
    event.route_key = Some("POST /hr/{source}".into());
    event.raw_path = Some(parts.uri.path().to_owned());
    event.raw_query_string = Some(parts.uri.query().unwrap_or_default().to_owned());
    event.path_parameters.insert("source".into(), source);
    event.request_context.http.method = parts.method;
    event.request_context.http.path.clone_from(&event.raw_path);
    event.request_context.http.source_ip = peer.map(|peer| peer.0.0.ip().to_string());
    let is_text = parts
        .headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.starts_with("text/") || kind.contains("json"));
    event.headers = parts.headers;
    if !body.is_empty() {
        let (text, encoded) = carry(&body, is_text);
        event.body = Some(text);
        event.is_base64_encoded = encoded;
    }
    respond(answers.answer(event).await)
}

/// Bodies of text types travel as they are, all others in base64.
fn carry(body: &Bytes, is_text: bool) -> (String, bool) {
    match std::str::from_utf8(body) {
        Ok(text) if is_text => (text.to_owned(), false),
        Ok(_) | Err(_) => (STANDARD.encode(body), true),
    }
}

fn respond(answer: ApiGatewayV2httpResponse) -> Response {
    let status = u16::try_from(answer.status_code)
        .ok()
        .and_then(|code| StatusCode::from_u16(code).ok())
        .unwrap_or(StatusCode::BAD_GATEWAY);
    let body = match answer.body {
        None | Some(EventBody::Empty) => Body::empty(),
        Some(EventBody::Text(text)) if answer.is_base64_encoded => match STANDARD.decode(text) {
            Ok(bytes) => Body::from(bytes),
            Err(_) => return StatusCode::BAD_GATEWAY.into_response(),
        },
        Some(EventBody::Text(text)) => Body::from(text),
        Some(EventBody::Binary(bytes)) => Body::from(bytes),
        Some(_) => return StatusCode::BAD_GATEWAY.into_response(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = answer.headers;
    response
}
