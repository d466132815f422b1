//! GitHub's style: `X-Hub-Signature-256: sha256=<hex>` over the body. Nothing of time is
//! signed, nor is the id of the delivery, so the body is what tells messages apart. The
//! older `X-Hub-Signature` (SHA-1) is not taken.

use super::{Claim, Message, Refusal, from_hex, header, identity_of, plain_key};

const SIGNATURE: &str = "x-hub-signature-256";

pub(super) fn read(message: &Message<'_>) -> Result<Claim, Refusal> {
    let hex = header(message, SIGNATURE)?.strip_prefix("sha256=");
    let signature = hex.and_then(from_hex);
    Ok(Claim {
        signed: vec![message.body.to_vec()],
        signatures: vec![signature.ok_or(Refusal::Malformed(SIGNATURE))?],
        time: None,
        identity: identity_of(message.body),
        key: plain_key,
    })
}
