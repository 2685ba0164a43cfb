//! Opaque names for worker records.

use std::fmt;

use domain::{RecordKey, SourceId};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Hex digits of a record key: 128 bits.
const KEY_DIGITS: usize = 32;

/// The stack's secret salt, from which worker records get their opaque names. Changing it gives
/// every record a new name, so it never changes while a stack lives.
#[derive(Clone)]
pub struct Salt(Hmac<Sha256>);

impl Salt {
    /// From secret bytes of any length; 32 random ones are right.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Hmac::new_from_slice(bytes).ok().map(Self)
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt([secret])")
    }
}

/// The opaque name of a worker record: the first 32 hex digits of HMAC-SHA-256 under the salt
/// over the source's name, a zero byte and the worker id.
pub fn record_key(salt: &Salt, source: &SourceId, worker_id: &str) -> RecordKey {
    let mut mac = salt.0.clone();
    mac.update(source.as_str().as_bytes());
    mac.update(&[0]);
    mac.update(worker_id.as_bytes());
    let digest = mac.finalize().into_bytes();
    let mut key = String::with_capacity(KEY_DIGITS);
    for byte in digest.iter().take(KEY_DIGITS / 2) {
        key.extend(char::from_digit(u32::from(byte >> 4), 16));
        key.extend(char::from_digit(u32::from(byte & 15), 16));
    }
    RecordKey::new(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_the_same_for_ever() {
        // Computed with Python's hmac module:
        // hmac.new(b"salt", b"acme\0E1001", "sha256").hexdigest()[:32]
        let salt = Salt::new(b"salt").expect("a salt");
        let key = record_key(&salt, &SourceId::from("acme"), "E1001");
        assert_eq!(key.as_str(), "5780f32ac30974b3be80466a1978660e");
    }

    #[test]
    fn source_and_worker_do_not_run_into_each_other() {
        let salt = Salt::new(b"salt").expect("a salt");
        let one = record_key(&salt, &SourceId::from("ab"), "c");
        let other = record_key(&salt, &SourceId::from("a"), "bc");
        assert_ne!(one, other);
    }
}
