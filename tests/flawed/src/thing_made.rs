//! `thing-made`

use crate::flaw::{self, Flaw};
use crate::{Anything, Config, Thing, told};
use dowel_sdk::{Claim, Context, Encoding, Incoming, Reception, Result, receiver};

/// Things, as the service tells of them.
#[receiver]
pub(crate) fn thing_made(
    ctx: &Context<Config>,
    _params: Anything,
    request: &Incoming,
) -> Result<Reception<Thing>> {
    let claim = Claim::hmac_sha256(request.body());
    ctx.verify(&claim.in_header("x-things-signature", "", Encoding::Hex))?;
    let thing: Thing = request.json()?;
    let count = flaw::has(ctx, Flaw::Receivers);
    Ok(Reception::of([thing.made(count.then(told))]))
}
