//! Shopify's style: `X-Shopify-Hmac-Sha256: <base64>` over the body. Nothing of time is
//! signed, nor is the webhook's id, so the body is what tells messages apart.

use super::{Claim, Message, Refusal, header, identity_of, plain_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const SIGNATURE: &str = "x-shopify-hmac-sha256";

pub(super) fn read(message: &Message<'_>) -> Result<Claim, Refusal> {
    let signature = STANDARD.decode(header(message, SIGNATURE)?);
    Ok(Claim {
        signed: vec![message.body.to_vec()],
        signatures: vec![signature.map_err(|_| Refusal::Malformed(SIGNATURE))?],
        time: None,
        identity: identity_of(message.body),
        key: plain_key,
    })
}
