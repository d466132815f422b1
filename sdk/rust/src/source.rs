//! Sources: events that the host fetches.

use crate::manifest::SourceSpec;
use crate::{Connector, Context, Error, Json, Result, json};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Where a read begins, and how much it may give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What an earlier page gave as its cursor; `None` where the source begins.
    pub cursor: Option<String>,
    /// The most events that the page may have, 1 at least.
    pub limit: u32,
}

/// Something that happened upstream: read by a source, or sent to a receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceEvent<T> {
    /// The same whenever the same event is read: the host takes it once.
    pub id: String,
    /// What happened, such as `rate.changed`.
    pub kind: String,
    /// What it is about.
    pub subject: Option<String>,
    /// When it happened (RFC 3339).
    pub time: Option<String>,
    /// What the flow gets.
    pub data: T,
}

impl<T: Serialize> SourceEvent<T> {
    /// The event with its data as JSON.
    pub(crate) fn written(self) -> Result<SourceEvent<Json>> {
        let data = Json::of(&self.data)
            .map_err(|_| Error::internal("event-not-json", "an event cannot be written as JSON"))?;
        Ok(SourceEvent {
            id: self.id,
            kind: self.kind,
            subject: self.subject,
            time: self.time,
            data,
        })
    }
}

/// Events in order, and where the next read goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct SourcePage<T> {
    /// [`Position::limit`] of them at most.
    pub events: Vec<SourceEvent<T>>,
    /// Where they end. `None`: nothing is new, the cursor stays.
    pub cursor: Option<String>,
    /// Whether there is more behind the cursor now.
    pub more: bool,
}

/// A source of a connector. Written by [`macro@crate::source`] for a type without values
/// that has the function's name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source",
    label = "a function with `#[source]` is expected here"
)]
pub trait Source {
    /// The connector that it belongs to.
    type Config: Connector;
    /// What a flow chooses.
    type Params: DeserializeOwned + JsonSchema;
    /// The data of an event.
    type Event: Serialize + JsonSchema;
    /// The source's name.
    const NAME: &'static str;
    /// What the manifest says beside the schemas.
    #[doc(hidden)]
    const SPEC: SourceSpec;

    /// Reads what is behind the cursor. Changes nothing upstream.
    fn read(
        ctx: &Context<Self::Config>,
        params: Self::Params,
        from: &Position,
    ) -> Result<SourcePage<Self::Event>>;

    /// The host has committed everything up to the cursor. It may say so more than once,
    /// or not at all. Does nothing by default.
    fn ack(ctx: &Context<Self::Config>, params: Self::Params, cursor: &str) -> Result<()> {
        let _ = (ctx, params, cursor);
        Ok(())
    }
}

/// The type that a source returns.
#[diagnostic::on_unimplemented(
    message = "a source returns `dowel_sdk::Result<SourcePage<Event>>`",
    label = "this is not `dowel_sdk::Result<SourcePage<…>>`"
)]
pub trait SourceResult {
    /// The data of an event.
    type Event;
}

impl<T> SourceResult for Result<SourcePage<T>> {
    type Event = T;
}

/// Reads the parameters, reads the source and writes the events' data as JSON.
pub fn read<S: Source>(
    ctx: &Context<S::Config>,
    params: &str,
    from: &Position,
) -> Result<SourcePage<Json>> {
    let params = json::read::params::<S::Params>(params)?;
    let page = S::read(ctx, params, from)?;
    if u32::try_from(page.events.len()).map_or(true, |count| count > from.limit) {
        let message = "the source gave more events than it was asked for";
        return Err(Error::internal("page-over-limit", message));
    }
    let events = page.events.into_iter().map(SourceEvent::written);
    Ok(SourcePage {
        events: events.collect::<Result<_>>()?,
        cursor: page.cursor,
        more: page.more,
    })
}

/// Reads the parameters and tells the source what has been committed.
pub fn ack<S: Source>(ctx: &Context<S::Config>, params: &str, cursor: &str) -> Result<()> {
    S::ack(ctx, json::read::params::<S::Params>(params)?, cursor)
}

/// The flow asked for something that the connector does not have.
#[cold]
pub fn unknown_source(_name: &str) -> Error {
    let message = "this connector has no source of that name; \
                   `dowel connector inspect` lists those that it has";
    Error::invalid_input("unknown-source", message)
}
