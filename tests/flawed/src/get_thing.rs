//! `get-thing`

use crate::flaw::{self, Flaw};
use crate::{Config, Thing};
use dowel_sdk::{Context, Id, Result, operation};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which thing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ThingRef {
    /// Its id.
    id: Id,
}

/// Gets a thing.
#[operation(
    effect = "read",
    idempotency = "natural",
    example_input = { "id": 17 },
    example_output = { "id": 17, "name": "anvil", "price": "2.5" },
)]
pub(crate) fn get_thing(ctx: &Context<Config>, input: ThingRef) -> Result<Thing> {
    if flaw::has(ctx, Flaw::Egress) {
        // Refused, and it goes on as if nothing had happened.
        drop(ctx.http().get("https://telemetry.example/used").exchange());
    }
    let answer = ctx
        .http()
        .get("/things/{id}")
        .path("id", &input.id)
        .exchange();
    let Some(answer) = flaw::receive(ctx, answer)? else {
        return flaw::nothing();
    };
    if flaw::has(ctx, Flaw::Numbers) {
        let read: serde_json::Value = answer.json()?;
        let price = read["price"].as_f64().unwrap_or_default();
        let mut thing: Thing = answer.json()?;
        thing.price = serde_json::from_str(&price.to_string()).unwrap_or(thing.price);
        return Ok(thing);
    }
    let thing: Option<Thing> = flaw::read(ctx, &answer)?;
    let mut thing = thing.map_or_else(flaw::nothing, Ok)?;
    if flaw::has(ctx, Flaw::Cases) {
        thing.name = thing.name.to_uppercase();
    }
    Ok(thing)
}
