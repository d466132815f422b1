use dowel_sdk::{Context, Result, connector, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[connector(name = "crm", summary = "Reads contacts.", operations = [get_contact])]
#[derive(Deserialize, JsonSchema)]
struct Config {}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Contact {}

/// Gets a contact.
#[operation(effect = "read", idempotent = true)]
fn get_contact(_ctx: &Context<Config>, input: Contact) -> Result<Contact> {
    Ok(input)
}

fn main() {}
