//! Whether a request proves itself: one verifier with the knobs of [`Verify`], of which the
//! vendors are presets.
//!
//! It works on the bytes as received and never looks into the body. It does not hide how long it takes to learn that a header is missing or a time is
//! stale: neither is secret.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use domain::policy::{MacEncoding, SignedBytes, Verify};
use hmac::Mac;
use hmac::digest::{CtOutput, Output};
use jiff::Timestamp;

use crate::mac_key::MacKey;
use crate::request::Request;

/// Senders disagree on whether URL-safe text keeps its padding.
const PADDING_OPTIONAL: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const BASE64URL: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, PADDING_OPTIONAL);

/// Longest digest that is compared: 64 bytes of SHA-512, and room to see that something is
/// longer.
const LONGEST_DIGEST: usize = 96;

/// Why a request did not prove itself. The sender learns none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A header that the source must send is missing or empty.
    #[error("a required header is missing")]
    HeaderMissing,
    /// The time is neither whole seconds nor RFC 3339, or a part contains the separator of the
    /// signed text.
    #[error("a required header is malformed")]
    HeaderMalformed,
    /// The time is too far from ours.
    #[error("the time is outside the window")]
    Stale,
    /// No signature matches any secret.
    #[error("no signature matches")]
    Mismatch,
}

/// What a request brings to prove itself.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    verify: &'a Verify,
    signatures: &'a str,
    method: &'a str,
    id: &'a str,
    timestamp: &'a str,
    body: &'a [u8],
}

impl<'a> Proof<'a> {
    /// Gathers the headers that the source must send, and checks the time where there is one.
    pub fn gather(
        verify: &'a Verify,
        request: &'a Request<'_>,
        body: &'a [u8],
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let header = |name: &str| {
            let value = request.header(name).unwrap_or_default();
            if value.is_empty() {
                Err(Refusal::HeaderMissing)
            } else {
                Ok(value)
            }
        };
        let optional = |name: &Option<Box<str>>| name.as_deref().map_or(Ok(""), header);
        let proof = Self {
            verify,
            signatures: header(&verify.header)?,
            method: request.method(),
            id: optional(&verify.id_header)?,
            timestamp: optional(&verify.timestamp_header)?,
            body,
        };
        proof.check_parts()?;
        if verify.timestamp_header.is_some() {
            proof.check_window(now)?;
        }
        Ok(proof)
    }

    /// The sender's id of the event, where the signature covers it. An id that is not signed
    /// could be swapped by whoever replays a body, and is not used.
    pub fn signed_id(&self) -> Option<&'a str> {
        match self.verify.signed {
            SignedBytes::IdTimestampBody => Some(self.id).filter(|id| !id.is_empty()),
            SignedBytes::Body | SignedBytes::BodyTimestamp | SignedBytes::MethodBody => None,
        }
    }

    /// Whether any of the signatures was made with this key. Decoded bytes are compared in
    /// constant time.
    pub fn holds_under(&self, key: &MacKey) -> bool {
        match key {
            MacKey::Sha256(mac) => self.any_equals(&self.finish(mac.clone())),
            MacKey::Sha512(mac) => self.any_equals(&self.finish(mac.clone())),
        }
    }

    /// Standard Webhooks: neither id nor time contains a full stop, or the parts could be cut
    /// differently under the same signature.
    fn check_parts(&self) -> Result<(), Refusal> {
        match self.verify.signed {
            SignedBytes::IdTimestampBody if self.id.contains('.') => Err(Refusal::HeaderMalformed),
            SignedBytes::IdTimestampBody if self.timestamp.contains('.') => {
                Err(Refusal::HeaderMalformed)
            }
            SignedBytes::IdTimestampBody
            | SignedBytes::Body
            | SignedBytes::BodyTimestamp
            | SignedBytes::MethodBody => Ok(()),
        }
    }

    fn check_window(&self, now: Timestamp) -> Result<(), Refusal> {
        let sent = parse_time(self.timestamp).ok_or(Refusal::HeaderMalformed)?;
        if now.as_second().abs_diff(sent) > u64::from(self.verify.tolerance_s) {
            return Err(Refusal::Stale);
        }
        Ok(())
    }

    fn finish<M: Mac>(&self, mut mac: M) -> CtOutput<M> {
        match self.verify.signed {
            SignedBytes::Body => mac.update(self.body),
            SignedBytes::BodyTimestamp => {
                mac.update(self.body);
                mac.update(self.timestamp.as_bytes());
            }
            SignedBytes::MethodBody => {
                mac.update(self.method.as_bytes());
                mac.update(self.body);
            }
            SignedBytes::IdTimestampBody => {
                mac.update(self.id.as_bytes());
                mac.update(b".");
                mac.update(self.timestamp.as_bytes());
                mac.update(b".");
                mac.update(self.body);
            }
        }
        mac.finalize()
    }

    fn any_equals<M: Mac>(&self, want: &CtOutput<M>) -> bool {
        let Verify {
            prefix,
            separator,
            encoding,
            ..
        } = self.verify;
        candidates(self.signatures, prefix.as_deref(), *separator).any(|text| {
            let mut buffer = [0; LONGEST_DIGEST];
            decoded(*encoding, text, &mut buffer)
                .and_then(|got| Output::<M>::try_from(got).ok())
                .is_some_and(|got| CtOutput::<M>::new(got) == *want)
        })
    }
}

/// The signatures in a header. They end at the separator, at white space and at a comma, for a
/// header that came twice arrives joined by a comma; none of the encodings contains one.
fn candidates<'a>(
    header: &'a str,
    prefix: Option<&'a str>,
    separator: Option<char>,
) -> impl Iterator<Item = &'a str> {
    let prefix = prefix.unwrap_or_default();
    let separator = separator.and_then(|separator| u8::try_from(separator).ok());
    let ends =
        move |byte: &u8| *byte == b',' || byte.is_ascii_whitespace() || Some(*byte) == separator;
    let mut rest = header;
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let prefixed = rest.strip_prefix(prefix);
            let from = prefixed.unwrap_or(rest);
            // Every end is ASCII, so that both parts are text.
            let length = from.as_bytes().iter().position(ends).unwrap_or(from.len());
            let (entry, after) = from.split_at_checked(length).unwrap_or((from, ""));
            rest = after.get(1..).unwrap_or_default();
            if prefixed.is_some() && !(entry.is_empty() && prefix.is_empty()) {
                return Some(entry);
            }
        }
        None
    })
}

fn decoded<'a>(encoding: MacEncoding, text: &str, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = match encoding {
        MacEncoding::Hex => {
            let digits = buffer.get_mut(..text.len() / 2)?;
            hex::decode_to_slice(text, digits).ok()?;
            digits.len()
        }
        MacEncoding::Base64 => STANDARD.decode_slice(text, buffer).ok()?,
        MacEncoding::Base64Url => BASE64URL.decode_slice(text, buffer).ok()?,
    };
    buffer.get(..length)
}

/// Whole seconds since 1970, or RFC 3339.
fn parse_time(text: &str) -> Option<i64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok();
    }
    text.parse().ok().map(Timestamp::as_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<'a>(header: &'a str, prefix: Option<&'a str>, separator: Option<char>) -> Vec<&'a str> {
        candidates(header, prefix, separator).collect()
    }

    #[test]
    fn a_list_of_signatures_is_split_with_its_prefix_in_mind() {
        let v1 = Some("v1,");
        assert_eq!(all("v1,AA= v1,BB=", v1, Some(' ')), ["AA=", "BB="]);
        assert_eq!(all("v1a,AA= v2,CC= v1,BB=", v1, Some(' ')), ["BB="]);
        assert_eq!(all("v1,AA=,v1,BB=", v1, None), ["AA=", "BB="]);
        assert_eq!(all("v1,AA=, v1,BB=", v1, None), ["AA=", "BB="]);
        assert_eq!(all("v1,", v1, Some(' ')), [""]);
        assert_eq!(all("v1a,AA=", v1, Some(' ')), [] as [&str; 0]);
        assert_eq!(
            all("sha256=aa;sha256=bb", Some("sha256="), Some(';')),
            ["aa", "bb"]
        );
        assert_eq!(all("aa,bb", None, None), ["aa", "bb"]);
        assert_eq!(all("", None, None), [] as [&str; 0]);
        assert_eq!(all(" , ,", v1, None), [] as [&str; 0]);
    }

    #[test]
    fn bad_text_is_no_signature_and_no_panic() {
        let decode = |encoding, text: &str| {
            let mut buffer = [0; LONGEST_DIGEST];
            decoded(encoding, text, &mut buffer).map(<[u8]>::to_vec)
        };
        for encoding in [
            MacEncoding::Hex,
            MacEncoding::Base64,
            MacEncoding::Base64Url,
        ] {
            for text in ["z", "=", "é", "a".repeat(400).as_str()] {
                assert_eq!(decode(encoding, text), None, "{encoding:?} {text}");
            }
            assert_eq!(decode(encoding, ""), Some(Vec::new()));
        }
        let bytes = Some(vec![255, 239]);
        assert_eq!(decode(MacEncoding::Hex, "fFEf"), bytes);
        assert_eq!(decode(MacEncoding::Base64Url, "_-8"), bytes);
        assert_eq!(decode(MacEncoding::Base64Url, "_-8="), bytes);
        assert_eq!(decode(MacEncoding::Base64, "_-8="), None);
        assert_eq!(decode(MacEncoding::Base64, "/+8"), None);
        assert_eq!(decode(MacEncoding::Base64, "/+8="), bytes);
    }

    #[test]
    fn a_time_is_whole_seconds_or_rfc_3339() {
        assert_eq!(parse_time("1700000000"), Some(1_700_000_000));
        assert_eq!(parse_time("2023-11-14T22:13:20Z"), Some(1_700_000_000));
        assert_eq!(parse_time("2023-11-14T23:13:20+0100"), Some(1_700_000_000));
        for text in [
            "",
            "-1",
            "+1700000000",
            "1e9",
            "99999999999999999999",
            "today",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
