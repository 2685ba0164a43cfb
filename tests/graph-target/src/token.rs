//! The token endpoint: client credentials with a secret or a signed assertion.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::HeaderMap;
use jiff::SignedDuration;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Value, json};

use crate::faults::{Fault, FaultKind};
use crate::options::Options;
use crate::reply::Reply;
use crate::rules::Quirks;
use crate::state::{Grant, Shared, State, media};
use crate::words::guid;

const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The public authority, which assertions may name as their audience.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// How far clocks may be apart, in seconds.
const SKEW: i64 = 300;

/// An assertion that lives longer than a day is refused.
const LONGEST: i64 = 24 * 3600;

/// Why there is no token.
struct No {
    status: u16,
    error: &'static str,
    number: u32,
    text: String,
}

fn no(status: u16, error: &'static str, number: u32, text: impl Into<String>) -> No {
    No {
        status,
        error,
        number,
        text: text.into(),
    }
}

/// Answers a request to `/{tenant}/oauth2/v2.0/token`.
pub(crate) fn token(
    shared: &Shared,
    state: &mut State,
    tenant: &str,
    headers: &HeaderMap,
    body: &[u8],
    quirks: Quirks<'_>,
) -> Reply {
    let forced = match quirks.fire(FaultKind::TokenRefused) {
        Some(Fault::TokenRefused { number }) => Err(of_number(number)),
        Some(_) | None => Ok(()),
    };
    let checked = forced.and_then(|()| check(shared, state, tenant, headers, body));
    match checked {
        Ok(()) => {
            let seconds = match quirks.fire(FaultKind::TokenLifetime) {
                Some(Fault::TokenLifetime { seconds }) => seconds,
                Some(_) | None => shared.options.token_lifetime,
            };
            grant(state, seconds)
        }
        Err(no) => {
            *state
                .refused
                .entry(crate::error::Refusal::TokenRefused)
                .or_default() += 1;
            let trace = guid(state.store.seed, state.served);
            Reply::json(
                no.status,
                json!({
                    "error": no.error,
                    "error_description": format!("AADSTS{}: {} Trace ID: {trace}", no.number, no.text),
                    "error_codes": [no.number],
                    "timestamp": state.store.now.to_string(),
                    "trace_id": trace,
                    "correlation_id": trace,
                }),
            )
        }
    }
}

fn grant(state: &mut State, seconds: u32) -> Reply {
    // Opaque to clients; it only looks like what they know.
    let number = u64::try_from(state.grants.len()).unwrap_or(u64::MAX);
    let token = format!("eyJ0eXAiOiJKV1Qi.{}", guid(!state.store.seed, number));
    let life = SignedDuration::from_secs(i64::from(seconds));
    let now = state.store.now;
    let grant = Grant {
        expires: now.checked_add(life).unwrap_or(now),
        permissions: Arc::clone(&state.permissions),
    };
    state.grants.insert(token.clone(), grant);
    Reply::json(
        200,
        json!({
            "token_type": "Bearer",
            "expires_in": seconds,
            "ext_expires_in": seconds,
            "access_token": token,
        }),
    )
}

fn of_number(number: u32) -> No {
    let (status, error) = match number {
        7_000_215 | 7_000_222 | 700_027 | 700_024 => (401, "invalid_client"),
        700_016 => (400, "unauthorized_client"),
        90_033 => (503, "temporarily_unavailable"),
        _ => (400, "invalid_request"),
    };
    no(status, error, number, "The request is refused.")
}

fn check(
    shared: &Shared,
    state: &State,
    tenant: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<(), No> {
    let options = &shared.options;
    if media(headers) != "application/x-www-form-urlencoded" {
        return Err(no(
            400,
            "invalid_request",
            900_144,
            "The request body must be of type application/x-www-form-urlencoded.",
        ));
    }
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(body)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    let field = |name: &str| {
        form.get(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| {
                no(
                    400,
                    "invalid_request",
                    900_144,
                    format!("The request body must contain the following parameter: '{name}'."),
                )
            })
    };
    if tenant != options.tenant {
        return Err(no(
            400,
            "invalid_request",
            90_002,
            format!("Tenant '{tenant}' not found."),
        ));
    }
    if field("grant_type")? != "client_credentials" {
        return Err(no(
            400,
            "unsupported_grant_type",
            70_003,
            "The app requested an unsupported grant type.",
        ));
    }
    let client = field("client_id")?;
    if *client != options.client_id {
        return Err(no(
            400,
            "unauthorized_client",
            700_016,
            format!("Application with identifier '{client}' was not found in the directory."),
        ));
    }
    scope(options, field("scope")?)?;
    match (form.get("client_secret"), form.get("client_assertion")) {
        (Some(secret), None) => secret_is_good(options, secret),
        (None, Some(assertion)) => {
            if field("client_assertion_type")? != ASSERTION {
                return Err(no(
                    401,
                    "invalid_client",
                    700_025,
                    "The client assertion type is not supported.",
                ));
            }
            assertion_is_good(shared, state, assertion)
        }
        (Some(_), Some(_)) => Err(no(
            400,
            "invalid_request",
            90_023,
            "The request has a secret and an assertion.",
        )),
        (None, None) => Err(no(
            401,
            "invalid_client",
            7_000_218,
            "The request body must contain the following parameter: 'client_assertion' or 'client_secret'.",
        )),
    }
}

fn scope(options: &Options, scope: &str) -> Result<(), No> {
    if scope == format!("{}/.default", options.resource) {
        return Ok(());
    }
    match scope.strip_suffix("/.default") {
        Some(resource) => Err(no(
            400,
            "invalid_resource",
            500_011,
            format!("The resource principal named {resource} was not found in the tenant."),
        )),
        None => Err(no(
            400,
            "invalid_scope",
            1_002_012,
            "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier.",
        )),
    }
}

fn secret_is_good(options: &Options, secret: &str) -> Result<(), No> {
    if options.expired_secrets.iter().any(|old| old == secret) {
        return Err(no(
            401,
            "invalid_client",
            7_000_222,
            "The provided client secret keys are expired.",
        ));
    }
    if secret == options.client_secret {
        Ok(())
    } else {
        Err(no(
            401,
            "invalid_client",
            7_000_215,
            "Invalid client secret provided.",
        ))
    }
}

fn assertion_is_good(shared: &Shared, state: &State, assertion: &str) -> Result<(), No> {
    let options = &shared.options;
    let bad = |number, text: &str| no(401, "invalid_client", number, text);
    let header =
        decode_header(assertion).map_err(|_| bad(50_027, "JWT token is invalid or malformed."))?;
    let signature = "Client assertion failed signature validation.";
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::PS256) {
        return Err(bad(700_027, signature));
    }
    let print = header.x5t_s256.or(header.x5t);
    let known = match (&print, &options.thumbprint) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(print), Some(own)) => print == own,
    };
    if !known {
        return Err(bad(
            700_027,
            "The key was not found: the assertion names no registered certificate.",
        ));
    }
    let key = options
        .certificate
        .as_ref()
        .and_then(|pem| DecodingKey::from_rsa_pem(pem.as_bytes()).ok())
        .ok_or_else(|| bad(700_027, "The application has no certificate."))?;
    let mut validation = Validation::new(header.alg);
    // The target has a clock of its own.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let claims = decode::<Value>(assertion, &key, &validation)
        .map_err(|_| bad(700_027, signature))?
        .claims;
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let path = format!("/{}/oauth2/v2.0/token", options.tenant);
    let audience = text("aud").is_some_and(|aud| {
        aud == shared.token_url || aud.strip_prefix(AUTHORITY) == Some(path.as_str())
    });
    if !audience {
        return Err(bad(
            700_023,
            "Client assertion audience claim does not match Realm issuer.",
        ));
    }
    if ["iss", "sub"]
        .iter()
        .any(|name| text(name) != Some(options.client_id.as_str()))
    {
        return Err(bad(
            700_021,
            "Client assertion application identifier does not match 'client_id' parameter.",
        ));
    }
    let moment = |name: &str| claims.get(name).and_then(Value::as_i64);
    let now = state.store.now.as_second();
    let early = moment("nbf").is_some_and(|from| from > now + SKEW);
    let lives = moment("exp").is_some_and(|until| until > now - SKEW && until <= now + LONGEST);
    if early || !lives {
        return Err(bad(
            700_024,
            "Client assertion is not within its valid time range.",
        ));
    }
    if text("jti").is_none_or(str::is_empty) {
        return Err(bad(50_027, "The assertion has no jti."));
    }
    Ok(())
}
