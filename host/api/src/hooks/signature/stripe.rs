//! Stripe's style: `Stripe-Signature: t=<seconds>,v1=<hex>,v1=<hex>` over
//! `<seconds>.<body>`. A repeated delivery is signed anew, with its own time, so the body
//! is what tells messages apart. Other schemes in the header (`v0` is for tests) are
//! passed over.

use super::{Claim, Message, Refusal, from_hex, header, identity_of, plain_key, seconds};

const SIGNATURE: &str = "stripe-signature";

pub(super) fn read(message: &Message<'_>) -> Result<Claim, Refusal> {
    let text = header(message, SIGNATURE)?;
    let parts = || {
        text.split(',')
            .filter_map(|part| part.trim().split_once('='))
    };
    let mut times = parts().filter(|(name, _)| *name == "t");
    let (Some((_, timestamp)), None) = (times.next(), times.next()) else {
        return Err(Refusal::Malformed(SIGNATURE));
    };
    let time = seconds(timestamp, SIGNATURE)?;
    let signatures = parts().filter(|(name, _)| *name == "v1");
    Ok(Claim {
        signed: vec![format!("{timestamp}.").into_bytes(), message.body.to_vec()],
        signatures: signatures.filter_map(|(_, hex)| from_hex(hex)).collect(),
        time: Some(time),
        identity: identity_of(message.body),
        key: plain_key,
    })
}
