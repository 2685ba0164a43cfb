//! A signed statement of who the client is, in place of a secret (RFC 7523 section 2.2), in the
//! form that Microsoft Entra wants as well: the certificate named by its SHA-256 (`x5t#S256`).

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use ports::secrets::Secret;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;

/// How long a statement holds; the longest that token endpoints commonly take.
const HOLDS: SignedDuration = SignedDuration::from_mins(10);

/// How a statement is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    /// RSA PKCS #1 v1.5 with SHA-256, which every server takes (RFC 7518 section 3.3).
    Rs256,
    /// RSA-PSS with SHA-256, which Microsoft Entra asks for beside `x5t#S256`.
    Ps256,
}

impl Algorithm {
    /// By the token endpoint. Those of Microsoft's identity platform end like this in every
    /// cloud; nobody else's do.
    pub(super) fn of(token_url: &str) -> Self {
        let path = token_url.split(['?', '#']).next().unwrap_or_default();
        if path.ends_with("/oauth2/v2.0/token") {
            Self::Ps256
        } else {
            Self::Rs256
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
        }
    }

    fn encoding(self) -> &'static dyn RsaEncoding {
        match self {
            Self::Rs256 => &RSA_PKCS1_SHA256,
            Self::Ps256 => &RSA_PSS_SHA256,
        }
    }
}

/// What is wrong with a certificate and its key; never a part of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadCertificate {
    #[error("holds no certificate in PEM (`-----BEGIN CERTIFICATE-----`)")]
    NoCertificate,
    #[error("holds no private key in PEM (`-----BEGIN PRIVATE KEY-----`), or an encrypted one")]
    NoKey,
    #[error("holds a private key that is not RSA of 2048 bits or more")]
    NotRsa,
    #[error("could not be used to sign")]
    Signing,
}

/// A statement that the client asks this token endpoint itself.
pub(super) fn assertion(
    pem: &Secret,
    client_id: &str,
    token_url: &str,
    now: Timestamp,
) -> Result<String, BadCertificate> {
    let pem = pem.reveal().as_bytes();
    let certificate =
        CertificateDer::from_pem_slice(pem).map_err(|_| BadCertificate::NoCertificate)?;
    let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| BadCertificate::NoKey)?;
    let key = rsa(&key)?;
    let mut id = [0_u8; 16];
    rand::fill(&mut id).map_err(|_| BadCertificate::Signing)?;
    let algorithm = Algorithm::of(token_url);
    let header = json!({
        "alg": algorithm.name(),
        "typ": "JWT",
        "x5t#S256": URL_SAFE_NO_PAD.encode(digest(&SHA256, &certificate)),
    });
    let claims = json!({
        "aud": token_url,
        "iss": client_id,
        "sub": client_id,
        "jti": URL_SAFE_NO_PAD.encode(id),
        "iat": now.as_second(),
        "nbf": now.as_second(),
        "exp": now.saturating_add(HOLDS).unwrap_or(now).as_second(),
    });
    let part = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut text = format!("{}.{}", part(&header), part(&claims));
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        algorithm.encoding(),
        &SystemRandom::new(),
        text.as_bytes(),
        &mut signature,
    )
    .map_err(|_| BadCertificate::Signing)?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Ok(text)
}

fn rsa(key: &PrivateKeyDer<'_>) -> Result<KeyPair, BadCertificate> {
    let pair = match key {
        PrivateKeyDer::Pkcs8(key) => KeyPair::from_pkcs8(key.secret_pkcs8_der()),
        PrivateKeyDer::Pkcs1(key) => KeyPair::from_der(key.secret_pkcs1_der()),
        // The type is open to further kinds of keys; none of them is RSA.
        PrivateKeyDer::Sec1(_) | _ => return Err(BadCertificate::NotRsa),
    };
    pair.map_err(|_| BadCertificate::NotRsa)
}
