//! Who asks: turns an [`Auth`] and the secret that it names into the header of a request, and
//! into another one where a target refuses the first.
//!
//! Secrets may be renewed while a process lives. During a rotation two versions are live, and a
//! target may know the one or the other; either works here without a fault.

mod assertion;
mod oauth;

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use domain::profile::Auth;
use jiff::Timestamp;
use ports::secrets::Secret;
use ports::{Clock, Fault, Secrets};
use reqwest::header::{AUTHORIZATION, HeaderName, HeaderValue};
use tokio::sync::Mutex;

use crate::ConfigError;
use crate::origin::Network;
use oauth::TokenEndpoint;

/// Headers that the exchange itself needs.
const TAKEN: &[&str] = &[
    "accept",
    "accept-encoding",
    "connection",
    "content-length",
    "content-type",
    "host",
    "if-match",
    "transfer-encoding",
    "user-agent",
];

/// The header that proves who sends a request. `Debug` shows its name only.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    name: HeaderName,
    value: HeaderValue,
}

impl Proof {
    /// `Authorization: Bearer` with a token (RFC 6750); `None` where no header can carry it.
    pub fn bearer(token: &Secret) -> Option<Self> {
        Self::new(AUTHORIZATION, &format!("Bearer {}", token.reveal()))
    }

    fn new(name: HeaderName, value: &str) -> Option<Self> {
        let mut value = HeaderValue::from_str(value).ok()?;
        // Keeps it out of what the HTTP stack prints, and out of HPACK's table.
        value.set_sensitive(true);
        Some(Self { name, value })
    }

    pub(crate) fn header(&self) -> (HeaderName, HeaderValue) {
        (self.name.clone(), self.value.clone())
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proof({})", self.name)
    }
}

/// How the value of a secret becomes a proof.
enum Form {
    Bearer,
    Basic { user: Box<str> },
    Header(HeaderName),
    Client(Box<TokenEndpoint>),
}

/// A proof and how long it is good for; without an end, until it is refused.
struct Kept {
    proof: Proof,
    until: Option<Timestamp>,
}

/// The proofs of one caller to one target. Share one behind an [`Arc`] to share its tokens.
pub struct Credentials<S> {
    secrets: Arc<S>,
    secret: Box<str>,
    form: Form,
    clock: Arc<dyn Clock>,
    /// The proof that worked last. Whoever makes a new one holds the lock while it does, so that
    /// callers who come at the same time wait for one token instead of asking for one each.
    kept: Mutex<Option<Kept>>,
}

impl<S> fmt::Debug for Credentials<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials(`{}`)", self.secret)
    }
}

impl<S: Secrets> Credentials<S> {
    /// Credentials from the named secret. `network` is for the token endpoint, if there is one.
    /// Nothing is read or sent yet.
    pub fn new(
        auth: &Auth,
        secrets: Arc<S>,
        network: Network,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConfigError> {
        let form = match auth {
            Auth::Bearer { .. } => Form::Bearer,
            Auth::Basic { user, .. } => Form::Basic {
                user: user_name(user)?,
            },
            Auth::Header { header, .. } => Form::Header(header_name(header)?),
            Auth::Client(client) => {
                Form::Client(Box::new(TokenEndpoint::new(client.clone(), network)?))
            }
        };
        Ok(Self {
            secrets,
            secret: auth.secret().into(),
            form,
            clock,
            kept: Mutex::new(None),
        })
    }

    /// Requests to the token endpoint so far.
    pub fn token_calls(&self) -> u64 {
        match &self.form {
            Form::Client(endpoint) => endpoint.calls(),
            Form::Bearer | Form::Basic { .. } | Form::Header(_) => 0,
        }
    }

    /// The proof for the next request: the one that worked last, or one from the current version
    /// of the secret.
    pub async fn current(&self) -> Result<Proof, Fault> {
        let mut kept = self.kept.lock().await;
        if let Some(proof) = self.good(kept.as_ref()) {
            return Ok(proof);
        }
        let made = match &self.form {
            Form::Client(endpoint) => self.token(endpoint).await?,
            Form::Bearer | Form::Basic { .. } | Form::Header(_) => {
                let versions = self.versions().await?;
                let newest = versions.first().ok_or_else(|| self.no_version())?;
                let proof = self.proof_of(newest)?;
                Kept { proof, until: None }
            }
        };
        let proof = made.proof.clone();
        *kept = Some(made);
        Ok(proof)
    }

    /// Another proof after the target refused one: of another live version of the secret, which is
    /// read anew for it, or a fresh token. What somebody else found out meanwhile is used.
    pub async fn another(&self, refused: &Proof) -> Result<Proof, Fault> {
        let mut kept = self.kept.lock().await;
        if let Some(proof) = self.good(kept.as_ref())
            && proof != *refused
        {
            return Ok(proof);
        }
        match &self.form {
            Form::Client(endpoint) => {
                *kept = None;
                let made = self.token(endpoint).await?;
                let proof = made.proof.clone();
                *kept = Some(made);
                Ok(proof)
            }
            Form::Bearer | Form::Basic { .. } | Form::Header(_) => {
                for version in self.secrets.renew(&self.secret).await? {
                    let proof = self.proof_of(&version)?;
                    if proof != *refused {
                        return Ok(proof);
                    }
                }
                Err(self.refused())
            }
        }
    }

    /// Keeps a proof that the target took after it had refused another.
    pub async fn worked(&self, proof: Proof) {
        let mut kept = self.kept.lock().await;
        match &self.form {
            // A token is kept since it was made, with its end.
            Form::Client(_) => {}
            Form::Bearer | Form::Basic { .. } | Form::Header(_) => {
                *kept = Some(Kept { proof, until: None });
            }
        }
    }

    /// Drops what is kept: a right that was granted meanwhile is in new tokens only.
    pub async fn forget(&self) {
        *self.kept.lock().await = None;
    }

    /// What it means that the target refuses every proof there is.
    pub fn refused(&self) -> Fault {
        let secret = &self.secret;
        Fault::halt(match &self.form {
            Form::Bearer => {
                format!("the target refuses the token (401); renew the secret `{secret}`")
            }
            Form::Basic { user } => format!(
                "the target refuses the user `{user}` with its password (401); \
                 renew the secret `{secret}`"
            ),
            Form::Header(name) => format!(
                "the target refuses the key in the header `{name}` (401); \
                 renew the secret `{secret}`"
            ),
            Form::Client(endpoint) => format!(
                "the target refuses a fresh token of the client `{}` (401); check that its \
                 `scope` and `token_url` are those of the target",
                endpoint.client_id()
            ),
        })
    }

    fn good(&self, kept: Option<&Kept>) -> Option<Proof> {
        let kept = kept?;
        let good = kept.until.is_none_or(|until| self.clock.now() < until);
        good.then(|| kept.proof.clone())
    }

    async fn versions(&self) -> Result<Vec<Secret>, Fault> {
        self.secrets.get(&self.secret).await
    }

    fn proof_of(&self, version: &Secret) -> Result<Proof, Fault> {
        let proof = match &self.form {
            Form::Bearer | Form::Client(_) => Proof::bearer(version),
            Form::Basic { user } => basic(user, version.reveal()),
            Form::Header(name) => Proof::new(name.clone(), version.reveal()),
        };
        proof.ok_or_else(|| {
            Fault::halt(format!(
                "the secret `{}` has characters that no header can carry; store it without line \
                 breaks",
                self.secret
            ))
        })
    }

    /// A token for the current version of the secret, or for the previous one where the token
    /// endpoint does not take the current one (yet); if it takes neither, for a version that the
    /// secret has got meanwhile.
    async fn token(&self, endpoint: &TokenEndpoint) -> Result<Kept, Fault> {
        let versions = self.versions().await?;
        let mut refused = None;
        if let Some(made) = self.token_of(endpoint, &versions, &mut refused).await? {
            return Ok(made);
        }
        let mut new = self.secrets.renew(&self.secret).await?;
        new.retain(|version| !versions.contains(version));
        if let Some(made) = self.token_of(endpoint, &new, &mut refused).await? {
            return Ok(made);
        }
        Err(refused.unwrap_or_else(|| self.no_version()))
    }

    /// A token for the first of two versions that the token endpoint takes. `refused` keeps what
    /// it said to the first one of all.
    async fn token_of(
        &self,
        endpoint: &TokenEndpoint,
        versions: &[Secret],
        refused: &mut Option<Fault>,
    ) -> Result<Option<Kept>, Fault> {
        for version in versions.iter().take(2) {
            match endpoint.ask(&self.secret, version, self.clock.now()).await {
                Ok(token) => {
                    let proof = self.proof_of(&token.value)?;
                    let until = Some(token.until);
                    return Ok(Some(Kept { proof, until }));
                }
                Err(oauth::Refused::Secret(fault)) => {
                    refused.get_or_insert(fault);
                }
                Err(oauth::Refused::Other(fault)) => return Err(fault),
            }
        }
        Ok(None)
    }

    fn no_version(&self) -> Fault {
        Fault::halt(format!("the secret `{}` has no version", self.secret))
    }
}

fn basic(user: &str, password: &str) -> Option<Proof> {
    let pair = STANDARD.encode(format!("{user}:{password}"));
    Proof::new(AUTHORIZATION, &format!("Basic {pair}"))
}

/// The colon ends the user in HTTP Basic (RFC 7617 section 2).
fn user_name(user: &str) -> Result<Box<str>, ConfigError> {
    if user.is_empty() || user.contains(':') || user.chars().any(char::is_control) {
        return Err(ConfigError::Auth {
            why: "`user` is empty, or has a colon or a control character, which HTTP Basic cannot \
                  carry"
                .into(),
        });
    }
    Ok(user.into())
}

fn header_name(name: &str) -> Result<HeaderName, ConfigError> {
    let refused = |why: &str| ConfigError::Auth {
        why: format!("`header` = `{name}` {why}").into(),
    };
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| refused("is no name of an HTTP header"))?;
    if TAKEN.contains(&parsed.as_str()) {
        return Err(refused("is a header of HTTP itself; name the target's own"));
    }
    Ok(parsed)
}
