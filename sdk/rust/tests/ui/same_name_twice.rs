use dowel_sdk::{Context, Result, connector, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[connector(name = "crm", summary = "Reads contacts.", operations = [get_contact, fetch])]
#[derive(Deserialize, JsonSchema)]
struct Config {}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Contact {}

/// Gets a contact.
#[operation(effect = "read", idempotency = "natural")]
fn get_contact(_ctx: &Context<Config>, input: Contact) -> Result<Contact> {
    Ok(input)
}

/// Gets a contact in another way.
#[operation(effect = "read", idempotency = "natural", name = "get-contact")]
fn fetch(_ctx: &Context<Config>, input: Contact) -> Result<Contact> {
    Ok(input)
}

fn main() {}
