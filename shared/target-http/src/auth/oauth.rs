//! The token endpoint of OAuth 2.0 client credentials (RFC 6749 section 4.4).

use std::time::Duration;

use domain::profile::{ClientCredentials, ClientProof};
use jiff::{SignedDuration, Timestamp};
use ports::Fault;
use ports::secrets::Secret;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use super::assertion::assertion;
use super::{Proof, basic};
use crate::client::{Answer, Body, HttpClient, HttpConfig, Method, Request, To};
use crate::origin::Network;
use crate::{ConfigError, HttpError, retry_after};

const FORM: &str = "application/x-www-form-urlencoded";
const ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A token with all its claims is a few KiB.
const MAX_BODY: usize = 64 * 1024;

/// So long before its end a token is replaced, or half its life where that is shorter: clocks
/// differ, and a request takes its time.
const MARGIN: i64 = 5 * 60;

/// The life of a token whose answer names none (RFC 6749 section 5.1 leaves that open); its
/// refusal would be noticed all the same.
const DEFAULT_LIFE: i64 = 10 * 60;

/// The longest life that is believed.
const LONGEST_LIFE: i64 = 24 * 60 * 60;

/// A token, not yet a header.
pub(super) struct Token {
    pub(super) value: Secret,
    pub(super) until: Timestamp,
}

/// Why there is no token.
pub(super) enum Refused {
    /// This version of the secret is not taken; another one may be.
    Secret(Fault),
    /// Everything else.
    Other(Fault),
}

pub(super) struct TokenEndpoint {
    http: HttpClient,
    client: ClientCredentials,
}

/// An answer with a token (RFC 6749 section 5.1).
#[derive(Deserialize)]
struct Issued {
    access_token: String,
    #[serde(default)]
    token_type: Option<String>,
    /// A number, or, from older servers, a number in a string.
    #[serde(default)]
    expires_in: Value,
}

/// An answer without one (RFC 6749 section 5.2), with what Microsoft Entra adds to it.
#[derive(Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    error: Value,
    #[serde(default)]
    error_codes: Vec<Value>,
    /// Read for its code alone; it quotes who asked and when.
    #[serde(default)]
    error_description: Value,
}

impl TokenEndpoint {
    pub(super) fn new(client: ClientCredentials, network: Network) -> Result<Self, ConfigError> {
        let http = HttpClient::new(&HttpConfig {
            network,
            connect_timeout: Duration::from_secs(3),
            timeout: Duration::from_secs(10),
            max_body: MAX_BODY,
            base_url: client.token_url.clone(),
        })
        .map_err(|error| ConfigError::TokenUrl {
            why: error.to_string().into(),
        })?;
        Ok(Self { http, client })
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client.client_id
    }

    pub(super) fn calls(&self) -> u64 {
        self.http.calls()
    }

    /// Asks for a token with one version of the secret.
    pub(super) async fn ask(
        &self,
        name: &str,
        version: &Secret,
        now: Timestamp,
    ) -> Result<Token, Refused> {
        let (proof, form) = self.form(name, version, now).map_err(Refused::Secret)?;
        let request = Request {
            proof: proof.as_ref(),
            body: Some(Body {
                content_type: FORM,
                bytes: form.into(),
            }),
            ..Request::new(Method::Post, To::Base, "{token_url}")
        };
        let answer = self.http.send(request).await;
        let answer = answer.map_err(|error| Refused::Other(unreached(&error)))?;
        match answer.status {
            200..=299 => token(&answer, now).map_err(Refused::Other),
            _ => Err(self.refusal(name, &answer, now)),
        }
    }

    /// What proves the client, as a header or within the form.
    fn form(
        &self,
        name: &str,
        version: &Secret,
        now: Timestamp,
    ) -> Result<(Option<Proof>, String), Fault> {
        let id = self.client_id();
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        if let Some(scope) = &self.client.scope {
            form.append_pair("scope", scope);
        }
        let mut proof = None;
        match &self.client.proof {
            ClientProof::Basic { .. } => {
                // Both are form-encoded before they are joined (RFC 6749 section 2.3.1), so that
                // a header can always carry them.
                let encode = |text: &str| {
                    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
                };
                proof = basic(&encode(id), &encode(version.reveal()));
            }
            ClientProof::Form { .. } => {
                form.append_pair("client_id", id);
                form.append_pair("client_secret", version.reveal());
            }
            ClientProof::Certificate { .. } => {
                let signed = assertion(version, id, &self.client.token_url, now)
                    .map_err(|why| unusable(name, why))?;
                form.append_pair("client_id", id);
                form.append_pair("client_assertion_type", ASSERTION);
                form.append_pair("client_assertion", &signed);
            }
        }
        Ok((proof, form.finish()))
    }

    /// What an answer without a token means. Its words are not repeated; its codes are.
    fn refusal(&self, name: &str, answer: &Answer, now: Timestamp) -> Refused {
        let status = answer.status;
        let halt = |why: String| Fault::halt(format!("the token endpoint {why}"));
        let retry = |why: &str| Fault::Retry {
            after: wait(answer, now),
            why: format!("the token endpoint {why}").into(),
        };
        match status {
            408 | 429 => return Refused::Other(retry(&format!("is throttling ({status})"))),
            500.. => return Refused::Other(retry(&format!("is out of order ({status})"))),
            300..=399 => {
                return Refused::Other(halt(format!("redirects ({status}); correct `token_url`")));
            }
            _ => {}
        }
        let error: Refusal = serde_json::from_slice(&answer.body).unwrap_or_default();
        let id = self.client_id();
        match (error.entra(), error.error.as_str().unwrap_or_default()) {
            (Some(7_000_215), _) => Refused::Secret(halt(format!(
                "says that the secret of the client `{id}` is wrong (AADSTS7000215); put the \
                 secret's value, not its id, into `{name}`"
            ))),
            (Some(7_000_222), _) => Refused::Secret(halt(format!(
                "says that the secret of the client `{id}` has expired (AADSTS7000222); make a \
                 new one and put it into `{name}`"
            ))),
            (Some(700_027), _) => Refused::Secret(halt(format!(
                "does not know the certificate of the client `{id}`, or it has expired \
                 (AADSTS700027); upload the certificate of `{name}` to the app registration"
            ))),
            (Some(700_016), _) => Refused::Other(halt(format!(
                "does not know the client `{id}` in this tenant (AADSTS700016); correct \
                 `client_id`, or the tenant in `token_url`"
            ))),
            (Some(90_002), _) => Refused::Other(halt(
                "does not know the tenant (AADSTS90002); correct the tenant in `token_url`".into(),
            )),
            (Some(code), _) => Refused::Other(halt(format!(
                "refuses the client `{id}` (AADSTS{code}); look the code up and correct the app \
                 registration"
            ))),
            (None, "server_error" | "temporarily_unavailable") => {
                Refused::Other(retry("is out of order for now"))
            }
            (None, "invalid_client") => Refused::Secret(halt(format!(
                "refuses the client `{id}` (invalid_client); renew the secret `{name}`, or \
                 correct `client_id`"
            ))),
            (None, "invalid_scope") => Refused::Other(halt(format!(
                "refuses the scope ({status} invalid_scope); correct `scope`"
            ))),
            (
                None,
                code @ ("invalid_request"
                | "invalid_grant"
                | "unauthorized_client"
                | "unsupported_grant_type"
                | "invalid_target"),
            ) => Refused::Other(halt(format!(
                "refuses the request ({status} {code}); allow the client `{id}` the client \
                 credentials grant, and check `token_url` and how the client proves itself"
            ))),
            (None, _) if status == 401 => Refused::Secret(halt(format!(
                "refuses the client `{id}` (401); renew the secret `{name}`"
            ))),
            (None, _) => Refused::Other(halt(format!("answers {status}; check `token_url`"))),
        }
    }
}

impl Refusal {
    /// The code of Microsoft Entra, from the list or from the text.
    fn entra(&self) -> Option<u64> {
        if let Some(code) = self.error_codes.first().and_then(Value::as_u64) {
            return Some(code);
        }
        let text = self.error_description.as_str()?;
        let (_, after) = text.split_once("AADSTS")?;
        let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().ok()
    }
}

fn token(answer: &Answer, now: Timestamp) -> Result<Token, Fault> {
    let issued: Issued = serde_json::from_slice(&answer.body).map_err(|_| {
        Fault::halt("the token endpoint's answer holds no `access_token`; check `token_url`")
    })?;
    let bearer = |kind: &String| kind.eq_ignore_ascii_case("bearer");
    if !issued.token_type.as_ref().is_none_or(bearer) {
        return Err(Fault::halt(
            "the token endpoint issues tokens that are not of the type Bearer",
        ));
    }
    let seconds = match &issued.expires_in {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    let life = seconds.unwrap_or(DEFAULT_LIFE).clamp(0, LONGEST_LIFE);
    let good = SignedDuration::from_secs(life - MARGIN.min(life / 2));
    Ok(Token {
        value: Secret::new(issued.access_token),
        until: now.saturating_add(good).unwrap_or(now),
    })
}

fn wait(answer: &Answer, now: Timestamp) -> Option<Duration> {
    retry_after(answer.retry_after.as_deref()?, now)
}

fn unusable(name: &str, why: super::assertion::BadCertificate) -> Fault {
    Fault::halt(format!(
        "the secret `{name}` {why}; store the certificate and its unencrypted RSA key, both PEM"
    ))
}

/// Asking for a token changes nothing, so that a lost answer is as good as none.
fn unreached(error: &HttpError) -> Fault {
    let why = format!("the token endpoint: {error}");
    match error {
        HttpError::OutOfTime | HttpError::NotSent { .. } | HttpError::Lost { .. } => {
            Fault::retry(why)
        }
        HttpError::Refused { .. } | HttpError::TooLarge { .. } => {
            Fault::halt(format!("{why}; check `token_url`"))
        }
    }
}
