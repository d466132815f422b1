use dowel_sdk::{Context, Result, SourcePage, connector, source};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[connector(name = "crm", summary = "Reads contacts.", sources = [news])]
#[derive(Deserialize, JsonSchema)]
struct Config {}

#[derive(Deserialize, Serialize, JsonSchema)]
struct Contact {}

/// News.
#[source]
fn news(_ctx: &Context<Config>, _params: Contact) -> Result<SourcePage<Contact>> {
    Ok(SourcePage { events: Vec::new(), cursor: None, more: false })
}

fn main() {}
