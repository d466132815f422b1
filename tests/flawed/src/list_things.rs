//! `list-things`

use crate::flaw::{self, Flaw};
use crate::{Config, Thing};
use dowel_sdk::{Context, Result, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;

/// Which page of the things.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Where the page begins; the first page without it.
    cursor: Option<String>,
}

/// A page of things.
#[derive(Default, Deserialize, Serialize, JsonSchema)]
pub(crate) struct Things {
    /// The things.
    things: Vec<Thing>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

thread_local! {
    static SHOWN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Lists the things, page by page.
#[operation(
    effect = "read",
    idempotency = "natural",
    pagination = { cursor_in = "/cursor", cursor_out = "/next", items = "/things" },
    example_input = {},
    example_output = { "things": [{ "id": 17, "name": "anvil", "price": "2.5" }] },
)]
pub(crate) fn list_things(ctx: &Context<Config>, input: Query) -> Result<Things> {
    let request = ctx.http().get("/things").query_opt("cursor", input.cursor);
    let Some(answer) = flaw::receive(ctx, request.exchange())? else {
        return Ok(Things::default());
    };
    let mut page: Things = flaw::read(ctx, &answer)?.unwrap_or_default();
    if flaw::has(ctx, Flaw::Pages) {
        SHOWN.with_borrow_mut(|shown| {
            page.things
                .retain(|thing| !shown.contains(&thing.id.to_string()));
            shown.extend(page.things.iter().map(|thing| thing.id.to_string()));
        });
    }
    Ok(page)
}
