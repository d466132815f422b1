//! The contract's `signatures` interface.

use super::GuestState;
use crate::bindings::receiving::dowel::connector::signatures::{
    Algorithm, Claim, Doubt, Encoding, Host, Signature,
};
use crate::proof;
use std::time::Duration;

impl Host for GuestState {
    fn verify(&mut self, claim: Claim) -> wasmtime::Result<Result<(), Doubt>> {
        let scope = self.slot.get();
        // Outside of a receiver there is no request, and nothing to vouch for.
        let Some(proof) = scope.as_ref().and_then(|scope| scope.proof.as_ref()) else {
            return Ok(Err(Doubt::NoKey));
        };
        let claim = proof::Claim {
            algorithm: algorithm(claim.algorithm),
            signature: match claim.signature {
                Signature::Bytes(bytes) => proof::Signature::Bytes(bytes),
                Signature::Header(header) => proof::Signature::Header {
                    name: header.name,
                    prefix: header.prefix,
                    encoding: encoding(header.encoding),
                },
            },
            message: claim.message,
            key: encoding(claim.key),
            signed_at: claim.signed_at_ms.map(Duration::from_millis),
            tolerance: Duration::from_millis(claim.tolerance_ms),
        };
        Ok(proof.verify(&claim).map_err(doubt))
    }
}

fn algorithm(algorithm: Algorithm) -> proof::Algorithm {
    match algorithm {
        Algorithm::HmacSha256 => proof::Algorithm::HmacSha256,
        Algorithm::HmacSha512 => proof::Algorithm::HmacSha512,
        Algorithm::HmacSha1 => proof::Algorithm::HmacSha1,
        Algorithm::Ed25519 => proof::Algorithm::Ed25519,
        Algorithm::Token => proof::Algorithm::Token,
    }
}

fn encoding(encoding: Encoding) -> proof::Encoding {
    match encoding {
        Encoding::Text => proof::Encoding::Text,
        Encoding::Hex => proof::Encoding::Hex,
        Encoding::Base64 => proof::Encoding::Base64,
    }
}

fn doubt(doubt: proof::Doubt) -> Doubt {
    match doubt {
        proof::Doubt::NoKey => Doubt::NoKey,
        proof::Doubt::Missing => Doubt::Missing,
        proof::Doubt::Malformed => Doubt::Malformed,
        proof::Doubt::NoFit => Doubt::NoFit,
        proof::Doubt::OutsideTolerance => Doubt::OutsideTolerance,
        proof::Doubt::TooMany => Doubt::TooMany,
    }
}
