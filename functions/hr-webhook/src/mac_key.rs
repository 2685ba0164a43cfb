//! From configured secrets to keys, and keys kept from one request to the next.
//!
//! It refuses to make an empty key: whoever knows that a secret is empty could sign.

use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use domain::policy::{KeyDecoding, MacAlgorithm, Verify};
use hmac::{Hmac, KeyInit as _};
use ports::secrets::Secret;
use sha2::{Sha256, Sha512};

/// People who copy secrets lose the padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Most keys that are kept; more than the secrets of all sources of a company, with their
/// previous versions.
const MOST_KEPT: usize = 64;

/// A configured secret that yields no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a secret is empty or not what the policy's key decoding wants")]
pub struct UnusableSecret;

/// A key, scheduled for its algorithm.
pub enum MacKey {
    /// HMAC-SHA-256.
    Sha256(Hmac<Sha256>),
    /// HMAC-SHA-512.
    Sha512(Hmac<Sha512>),
}

impl MacKey {
    fn new(verify: &Verify, secret: &Secret) -> Result<Self, UnusableSecret> {
        let bytes = bytes(verify.key, secret.reveal())?;
        match verify.algorithm {
            MacAlgorithm::Sha256 => Hmac::new_from_slice(&bytes).map(Self::Sha256),
            MacAlgorithm::Sha512 => Hmac::new_from_slice(&bytes).map(Self::Sha512),
        }
        .map_err(|_| UnusableSecret)
    }
}

/// Keys that were made before: decoding and scheduling costs as much as four blocks of a body.
#[derive(Default)]
pub struct MacKeys(Mutex<Vec<Kept>>);

struct Kept {
    decoding: KeyDecoding,
    algorithm: MacAlgorithm,
    secret: Secret,
    key: Arc<MacKey>,
}

impl MacKeys {
    /// The key that a secret stands for under a source's settings.
    pub fn get(&self, verify: &Verify, secret: &Secret) -> Result<Arc<MacKey>, UnusableSecret> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut same = kept.iter().filter(|kept| {
            kept.decoding == verify.key
                && kept.algorithm == verify.algorithm
                && kept.secret == *secret
        });
        if let Some(same) = same.next() {
            return Ok(Arc::clone(&same.key));
        }
        let key = Arc::new(MacKey::new(verify, secret)?);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.push(Kept {
            decoding: verify.key,
            algorithm: verify.algorithm,
            secret: secret.clone(),
            key: Arc::clone(&key),
        });
        Ok(key)
    }
}

impl std::fmt::Debug for MacKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MacKeys([secret])")
    }
}

fn bytes(decoding: KeyDecoding, secret: &str) -> Result<Vec<u8>, UnusableSecret> {
    let base64 = |text: &str| BASE64.decode(text).map_err(|_| UnusableSecret);
    let key = match decoding {
        KeyDecoding::Utf8 => secret.as_bytes().to_vec(),
        KeyDecoding::Base64 => base64(secret)?,
        KeyDecoding::Whsec => base64(secret.strip_prefix("whsec_").unwrap_or(secret))?,
    };
    if key.is_empty() {
        return Err(UnusableSecret);
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::world::body_in_hex;

    #[test]
    fn refuses_an_empty_or_unreadable_key() {
        for (decoding, secret) in [
            (KeyDecoding::Utf8, ""),
            (KeyDecoding::Base64, ""),
            (KeyDecoding::Base64, "not base64!"),
            (KeyDecoding::Whsec, "whsec_"),
        ] {
            assert_eq!(bytes(decoding, secret), Err(UnusableSecret), "{secret}");
        }
        assert_eq!(bytes(KeyDecoding::Whsec, "whsec_AAE"), Ok(vec![0, 1]));
    }

    #[test]
    fn a_key_is_made_once_for_each_secret_and_setting() {
        let keys = MacKeys::default();
        let get = |decoding, algorithm, secret: &str| {
            let verify = Verify {
                key: decoding,
                algorithm,
                ..body_in_hex("x-signature")
            };
            keys.get(&verify, &Secret::new(secret)).expect("a key")
        };
        let first = get(KeyDecoding::Utf8, MacAlgorithm::Sha256, "c2VjcmV0");
        for (decoding, algorithm, secret, same) in [
            (KeyDecoding::Utf8, MacAlgorithm::Sha256, "c2VjcmV0", true),
            (KeyDecoding::Utf8, MacAlgorithm::Sha256, "c2VjcmV1", false),
            (KeyDecoding::Base64, MacAlgorithm::Sha256, "c2VjcmV0", false),
            (KeyDecoding::Utf8, MacAlgorithm::Sha512, "c2VjcmV0", false),
        ] {
            let key = get(decoding, algorithm, secret);
            assert_eq!(
                Arc::ptr_eq(&first, &key),
                same,
                "{decoding:?} {algorithm:?}"
            );
        }
    }

    #[test]
    fn keeps_no_more_keys_than_it_should() {
        let keys = MacKeys::default();
        let verify = body_in_hex("x-signature");
        for n in 0..1_000 {
            let secret = Secret::new(format!("secret {n}"));
            assert!(keys.get(&verify, &secret).is_ok());
            let kept = keys.0.lock().expect("a lock").len();
            assert!(kept <= MOST_KEPT, "{kept}");
        }
    }
}
