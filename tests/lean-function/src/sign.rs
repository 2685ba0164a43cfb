//! Signature Version 4, for posts to `/` with a JSON body.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::Call;

/// Who asks, and where.
pub struct Credentials {
    pub id: String,
    pub key: String,
    pub token: String,
    pub region: String,
}

impl Credentials {
    /// The headers of a call, its signature among them.
    pub fn headers(&self, call: &Call, host: &str, at: Timestamp) -> Vec<(String, String)> {
        let time = at.strftime("%Y%m%dT%H%M%SZ").to_string();
        let day = at.strftime("%Y%m%d").to_string();
        let Call {
            service,
            target,
            body,
        } = call;
        let mut headers = vec![
            ("content-type", "application/x-amz-json-1.0"),
            ("host", host),
            ("x-amz-date", &time),
            ("x-amz-security-token", &self.token),
            ("x-amz-target", target),
        ];
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let mut canonical = "POST\n/\n\n".to_owned();
        for (name, value) in &headers {
            writeln!(canonical, "{name}:{value}").ok();
        }
        let hash = hex::encode(Sha256::digest(body));
        write!(canonical, "\n{names}\n{hash}").ok();
        let scope = format!("{day}/{}/{service}/aws4_request", self.region);
        let hash = hex::encode(Sha256::digest(canonical));
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hash}");
        let first = format!("AWS4{}", self.key).into_bytes();
        let words = [&day, &self.region, *service, "aws4_request", &text];
        let signature = words
            .iter()
            .fold(first, |key, word| mac(&key, word.as_bytes()));
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={}",
            self.id,
            hex::encode(signature)
        );
        headers.push(("authorization", &authorization));
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        headers.into_iter().map(owned).collect()
    }
}

/// A key of any length is taken: there is no error to have.
fn mac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mac = Hmac::<Sha256>::new_from_slice(key);
    mac.map_or_else(
        |_| Vec::new(),
        |mac| mac.chain_update(text).finalize().into_bytes().to_vec(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The steps of the key, by the example in AWS's documentation ("Derive a signing key").
    #[test]
    fn derives_the_documented_key() {
        let first = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
        let key = ["20120215", "us-east-1", "iam", "aws4_request"]
            .iter()
            .fold(first, |key, word| mac(&key, word.as_bytes()));
        let known = "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d";
        assert_eq!(hex::encode(key), known);
    }
}
