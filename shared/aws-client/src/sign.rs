//! Signatures, by the SDK's own signer.

use std::time::{Duration, SystemTime};

use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation,
    SigningInstructions, SigningParams, SigningSettings, UriPathNormalizationMode,
};
use aws_sigv4::sign::v4;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::identity::Identity;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use hyper::header::HeaderValue;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::service::Service;

/// What a query escapes: all but RFC 3986's unreserved characters.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// What a signature is good for, besides the request itself.
pub struct Scope<'a> {
    pub service: Service,
    pub region: &'a str,
    pub identity: &'a Identity,
    pub time: SystemTime,
}

impl Scope<'_> {
    /// Signs a request with everything that is in it, its body included.
    pub fn sign(&self, request: &mut HttpRequest) -> Result<(), BoxError> {
        let body = request.body().bytes().ok_or(NotInMemory)?;
        let body = SignableBody::Bytes(body);
        let (headers, _) = self
            .instructions(request, body, self.settings())?
            .into_parts();
        for header in headers {
            let mut value = HeaderValue::from_str(header.value())?;
            value.set_sensitive(header.sensitive());
            request.headers_mut().try_insert(header.name(), value)?;
        }
        Ok(())
    }

    /// The URL of a request that whoever has it may send for so long, with any body.
    pub fn presign(&self, request: &HttpRequest, valid: Duration) -> Result<String, BoxError> {
        let mut settings = self.settings();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.payload_checksum_kind = PayloadChecksumKind::NoHeader;
        settings.expires_in = Some(valid);
        let (_, query) = self
            .instructions(request, SignableBody::UnsignedPayload, settings)?
            .into_parts();
        let mut url = request.uri().to_owned();
        let mut separator = if url.contains('?') { '&' } else { '?' };
        for (name, value) in query {
            url.push(separator);
            url.push_str(name);
            url.push('=');
            url.extend(utf8_percent_encode(&value, QUERY));
            separator = '&';
        }
        Ok(url)
    }

    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if self.service.s3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        settings
    }

    fn instructions(
        &self,
        request: &HttpRequest,
        body: SignableBody<'_>,
        settings: SigningSettings,
    ) -> Result<SigningInstructions, BoxError> {
        let params = v4::SigningParams::builder()
            .identity(self.identity)
            .region(self.region)
            .name(self.service.name)
            .time(self.time)
            .settings(settings)
            .build()?;
        let headers = request.headers().iter();
        let signable = SignableRequest::new(request.method(), request.uri(), headers, body)?;
        let signed = aws_sigv4::http_request::sign(signable, &SigningParams::V4(params))?;
        Ok(signed.into_parts().0)
    }
}

/// A body that cannot be sent twice.
#[derive(Debug, thiserror::Error)]
#[error("the request's body is not in memory")]
pub struct NotInMemory;
