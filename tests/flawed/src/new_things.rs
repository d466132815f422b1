//! `new-things`

use crate::flaw::{self, Flaw};
use crate::{Anything, Config, Thing, told};
use dowel_sdk::{Context, Position, Result, SourcePage, source};

/// Things, as they are made.
#[source]
pub(crate) fn new_things(
    ctx: &Context<Config>,
    _params: Anything,
    from: &Position,
) -> Result<SourcePage<Thing>> {
    let request = ctx.http().get("/things");
    let request = request.query_opt("after", from.cursor.as_deref());
    let things: Vec<Thing> = request.query("limit", from.limit).send()?.json()?;
    let count = flaw::has(ctx, Flaw::Sources);
    let last = things.last().map(|thing| &thing.id);
    Ok(SourcePage {
        cursor: last.and_then(|id| serde_json::to_string(id).ok()),
        more: false,
        events: things
            .into_iter()
            .map(|thing| thing.made(count.then(told)))
            .collect(),
    })
}
