//! Signatures of whole requests: computed last, over what is sent.

use super::Gateway;
use super::body::whole;
use super::refusal::Refusal;
use super::target::Target;
use crate::redact::Worth;
use crate::text::base64;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use dowel_core::connection::AuthMethod;
use dowel_core::port::{Secret, SecretError};
use dowel_core::signing::{AwsSigV4, HmacSigning, SignatureEncoding, SignedContent};
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt, Full};
use sha2::Sha256;
use std::time::{SystemTime, UNIX_EPOCH};
use wasmtime_wasi_http::WasiBody;

/// The largest body that is signed: it is held in memory for that.
const MAX_SIGNED_BYTES: u64 = 32 << 20;

/// The service whose paths are signed as they stand, and whose bodies have a digest of
/// their own.
const S3: &str = "s3";

/// Whether the credential is a signature.
pub(super) fn signs(method: &AuthMethod) -> bool {
    matches!(method, AuthMethod::AwsSigV4(_) | AuthMethod::Hmac(_))
}

/// Signs a request that is complete but for this. Returns its body.
pub(super) async fn signed(
    gateway: &Gateway,
    method: &AuthMethod,
    target: &Target,
    headers: &mut HeaderMap,
    body: WasiBody,
) -> Result<WasiBody, Refusal> {
    let body = whole(body, MAX_SIGNED_BYTES).await?;
    match method {
        AuthMethod::AwsSigV4(settings) => aws(gateway, settings, target, headers, &body).await?,
        AuthMethod::Hmac(settings) => digest(gateway, settings, target, headers, &body).await?,
        _ => {}
    }
    let body = Full::new(body).map_err(|never| match never {});
    Ok(WasiBody::new(body))
}

async fn read(gateway: &Gateway, name: &str, worth: Worth) -> Result<Secret, Refusal> {
    let secret = gateway.secrets.get(name).await?;
    gateway.redactor.learn(secret.expose(), worth);
    Ok(secret)
}

/// A secret that cannot be used for what it is meant for.
fn unusable(name: &str, reason: &str) -> Refusal {
    Refusal::Secret(SecretError::Unreadable {
        name: name.to_owned(),
        reason: reason.to_owned(),
    })
}

async fn aws(
    gateway: &Gateway,
    settings: &AwsSigV4,
    target: &Target,
    headers: &mut HeaderMap,
    body: &Bytes,
) -> Result<(), Refusal> {
    let id = read(gateway, &settings.access_key_id, Worth::Name).await?;
    let key = read(gateway, &settings.secret_access_key, Worth::Key).await?;
    let token = match &settings.session_token {
        Some(name) => Some(read(gateway, name, Worth::Key).await?),
        None => None,
    };
    let token = token.map(|token| token.expose().to_owned());
    let identity = Credentials::new(id.expose(), key.expose(), token, None, "dowel").into();
    let mut how = SigningSettings::default();
    if settings.service == S3 {
        how.percent_encoding_mode = PercentEncodingMode::Single;
        how.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        how.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    }
    let failed = || unusable(&settings.secret_access_key, "the request cannot be signed");
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(&settings.region)
        .name(&settings.service)
        .time(SystemTime::now())
        .settings(how)
        .build()
        .map_err(|_| failed())?
        .into();
    // Only what no proxy changes: the host (which the signer takes from the address), the
    // type, and what the service itself reads.
    let is_signed = |name: &HeaderName| {
        let name = name.as_str();
        name == "content-type" || name.starts_with("x-amz-")
    };
    let lines = headers.iter().filter(|(name, _)| is_signed(name));
    let lines: Vec<(&str, &str)> = lines
        .filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
        .collect();
    let request = SignableRequest::new(
        target.method.as_str(),
        target.url.as_str(),
        lines.into_iter(),
        SignableBody::Bytes(body),
    );
    let signed = sign(request.map_err(|_| failed())?, &parameters).map_err(|_| failed())?;
    let (instructions, _) = signed.into_parts();
    for (name, value) in instructions.headers() {
        let name: HeaderName = name.parse().map_err(|_| failed())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| failed())?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(())
}

async fn digest(
    gateway: &Gateway,
    settings: &HmacSigning,
    target: &Target,
    headers: &mut HeaderMap,
    body: &Bytes,
) -> Result<(), Refusal> {
    let key = read(gateway, &settings.key, Worth::Key).await?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs().to_string();
    let bytes = signature(settings, &key, &now, target, body)?;
    let text = match settings.encoding {
        SignatureEncoding::Hex => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        SignatureEncoding::Base64 => base64(&bytes),
    };
    let failed = || Refusal::UnusableSecret(settings.key.clone());
    let mut put = |name: &str, value: &str| -> Result<(), Refusal> {
        let name: HeaderName = name.parse().map_err(|_| failed())?;
        headers.insert(name, HeaderValue::from_str(value).map_err(|_| failed())?);
        Ok(())
    };
    if let Some(header) = &settings.timestamp_header {
        put(header, &now)?;
    }
    put(&settings.header, &format!("{}{text}", settings.prefix))
}

fn signature(
    settings: &HmacSigning,
    key: &Secret,
    now: &str,
    target: &Target,
    body: &[u8],
) -> Result<Vec<u8>, Refusal> {
    let mac = Hmac::<Sha256>::new_from_slice(key.expose().as_bytes());
    let mut mac = mac.map_err(|_| Refusal::UnusableSecret(settings.key.clone()))?;
    match settings.content {
        SignedContent::Body => {}
        SignedContent::TimeAndBody => {
            mac.update(now.as_bytes());
            mac.update(b".");
        }
        SignedContent::TimeMethodPathAndBody => {
            let query = target.url.query().map(|query| format!("?{query}"));
            let (method, path) = (target.method.as_str(), target.url.path());
            let query = query.unwrap_or_default();
            mac.update(format!("{now}\n{method}\n{path}{query}\n").as_bytes());
        }
    }
    mac.update(body);
    Ok(mac.finalize().into_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(content: SignedContent) -> HmacSigning {
        HmacSigning {
            key: "key".to_owned(),
            header: "X-Signature".to_owned(),
            prefix: String::new(),
            encoding: SignatureEncoding::Hex,
            content,
            timestamp_header: None,
        }
    }

    #[test]
    fn digests() {
        let target = Target::parse(http::Method::POST, "https://h/a?b=1").unwrap();
        let check = |content, expected: &str| {
            // RFC 4231, section 4.3 (test case 2), has this key and body.
            let (key, body) = (Secret::new("Jefe"), b"what do ya want for nothing?");
            let bytes = signature(&settings(content), &key, "7", &target, body).unwrap();
            let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(text, expected, "{content:?}");
        };
        check(
            SignedContent::Body,
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        );
        check(SignedContent::TimeAndBody, TIME_AND_BODY);
        check(SignedContent::TimeMethodPathAndBody, EVERYTHING);
    }

    // Made by `openssl dgst -sha256 -hmac Jefe`.
    const TIME_AND_BODY: &str = "239f4b39fd23f4376db46b239fae471e7c6824b3931bc60f4c0b745bef8de34f";
    const EVERYTHING: &str = "c6a648b05ffef7cde781a534b19283140a502bdeb690e17fd610c1c0488c05ad";
}
