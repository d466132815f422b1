//! A connector that behaves, but for the one flaw that its configuration names. The
//! conformance kit has to find exactly that.

mod create_thing;
mod flaw;
mod get_thing;
mod list_things;

use dowel_sdk::{Decimal, Id, connector};
use flaw::Flaw;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A connection to the things.
#[connector(
    name = "flawed",
    summary = "Things, with one flaw of choice.",
    egress = ["GET,POST {base_url}/things", "GET {base_url}/things/*"],
    operations = [get_thing::get_thing, list_things::list_things, create_thing::create_thing],
)]
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the API begins.
    base_url: String,
    /// What is wrong; nothing unless given.
    #[serde(default)]
    flaw: Flaw,
}

/// A thing.
#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Thing {
    /// Its id.
    id: Id,
    /// Its name.
    name: String,
    /// What it costs.
    price: Decimal,
}
