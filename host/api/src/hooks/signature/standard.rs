//! [Standard Webhooks 1.0](https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md),
//! section "Signature scheme", symmetric: `webhook-signature: v1,<base64> v1,<base64>`
//! over `<webhook-id>.<webhook-timestamp>.<body>`. Other versions in the header are
//! passed over, as the specification asks.

use super::{Claim, Message, Refusal, header, seconds};
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::engine::{DecodePaddingMode, Engine as _};
use dowel_core::port::Secret;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// Secrets are given out with this in front of their base64.
const SECRET_PREFIX: &str = "whsec_";

/// The longest id, in bytes.
const MAX_ID: usize = 255;

pub(super) fn read(message: &Message<'_>) -> Result<Claim, Refusal> {
    let id = header(message, ID)?;
    // A dot in the id would let two messages have the same signed bytes.
    if id.is_empty() || id.len() > MAX_ID || id.contains('.') {
        return Err(Refusal::Malformed(ID));
    }
    let timestamp = header(message, TIMESTAMP)?;
    let time = seconds(timestamp, TIMESTAMP)?;
    let signatures = header(message, SIGNATURE)?
        .split(' ')
        .filter_map(|part| STANDARD.decode(part.strip_prefix("v1,")?).ok());
    Ok(Claim {
        signed: vec![
            format!("{id}.{timestamp}.").into_bytes(),
            message.body.to_vec(),
        ],
        signatures: signatures.collect(),
        time: Some(time),
        identity: id.to_owned(),
        key,
    })
}

/// Secrets are given out with and without the `=` at their end.
const SECRET_BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Secrets are base64, with the prefix or without it, as the project's own libraries read
/// them; a text that is not base64 is the key itself.
fn key(secret: &Secret) -> Vec<u8> {
    let text = secret.expose().trim();
    let encoded = text.strip_prefix(SECRET_PREFIX).unwrap_or(text);
    let decoded = SECRET_BASE64.decode(encoded).ok();
    // Anybody could sign with an empty key.
    let decoded = decoded.filter(|key| !key.is_empty());
    decoded.unwrap_or_else(|| text.as_bytes().to_vec())
}
