//! A connector that behaves, but for the one flaw that its configuration names. The
//! conformance kit has to find exactly that.

mod create_thing;
mod flaw;
mod get_thing;
mod list_things;
mod new_things;
mod thing_made;

use dowel_sdk::{Decimal, Id, SourceEvent, connector};
use flaw::Flaw;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cell::Cell;

/// A connection to the things.
#[connector(
    name = "flawed",
    summary = "Things, with one flaw of choice.",
    egress = ["GET,POST {base_url}/things", "GET {base_url}/things/*"],
    operations = [get_thing::get_thing, list_things::list_things, create_thing::create_thing],
    sources = [new_things::new_things],
    receivers = [thing_made::thing_made],
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

/// No parameters.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Anything {}

impl Thing {
    /// That it was made. The id is the thing's, unless a flaw counts what it has told.
    fn made(self, told: Option<u32>) -> SourceEvent<Self> {
        let id = serde_json::to_string(&self.id).unwrap_or_default();
        let again = told.map(|told| format!("#{told}")).unwrap_or_default();
        SourceEvent {
            id: format!("{id}{again}"),
            kind: "thing.made".to_owned(),
            subject: None,
            time: None,
            data: self,
        }
    }
}

/// How many events the instance has told of: what a flaw takes for an id.
pub(crate) fn told() -> u32 {
    thread_local! {
        static TOLD: Cell<u32> = const { Cell::new(0) };
    }
    TOLD.replace(TOLD.get() + 1)
}
