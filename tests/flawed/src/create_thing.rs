//! `create-thing`

use crate::flaw::{self, Flaw};
use crate::{Config, Thing};
use dowel_sdk::{Context, Decimal, Result, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A thing to be.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewThing {
    /// Its name.
    name: String,
    /// What it costs.
    price: Decimal,
}

/// Creates a thing. Repeating it with the same key gives the same thing.
#[operation(
    effect = "write",
    idempotency = "keyed",
    example_input = { "name": "anvil", "price": "2.5" },
    example_output = { "id": 17, "name": "anvil", "price": "2.5" },
)]
pub(crate) fn create_thing(ctx: &Context<Config>, input: NewThing) -> Result<Thing> {
    let request = if flaw::has(ctx, Flaw::KeySent) {
        ctx.http().get("/things").query("create", &input.name)
    } else if flaw::has(ctx, Flaw::KeyTwice) {
        let nonce = ctx.random_bytes::<8>();
        ctx.http().post("/things").json(&(input, nonce))
    } else {
        ctx.http().post("/things").json(&input)
    };
    let Some(answer) = flaw::receive(ctx, request.exchange())? else {
        return flaw::nothing();
    };
    flaw::read(ctx, &answer)?.map_or_else(flaw::nothing, Ok)
}
