use dowel_sdk::{Context, Reception, Result, connector, receiver};
use schemars::JsonSchema;
use serde::Deserialize;

#[connector(name = "crm", summary = "Hears the CRM.", receivers = [changes])]
#[derive(Deserialize, JsonSchema)]
struct Config {}

#[derive(Deserialize, JsonSchema)]
struct Params {}

/// Changes of contacts.
#[receiver]
fn changes(_: &Context<Config>, _: Params) -> Result<Reception<u32>> {
    Ok(Reception::of([]))
}

fn main() {}
