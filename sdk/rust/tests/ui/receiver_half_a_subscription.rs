use dowel_sdk::{Context, Incoming, Reception, Result, Subscription, connector, receiver};
use schemars::JsonSchema;
use serde::Deserialize;

#[connector(name = "crm", summary = "Hears the CRM.", receivers = [changes])]
#[derive(Deserialize, JsonSchema)]
struct Config {}

#[derive(Deserialize, JsonSchema)]
struct Params {}

/// Changes of contacts.
#[receiver(subscribe = subscribed)]
fn changes(_: &Context<Config>, _: Params, _: &Incoming) -> Result<Reception<u32>> {
    Ok(Reception::of([]))
}

fn subscribed(_: &Context<Config>, _: Params, _: &str) -> Result<Subscription> {
    Ok(Subscription {
        id: "s-1".to_owned(),
        expires: None,
    })
}

fn main() {}
