//! Write a Dowel connector: typed functions in, a sandboxed component out.
//!
//! ```
//! use dowel_sdk::{Connector, Context, Result, connector, operation};
//! use schemars::JsonSchema;
//! use serde::{Deserialize, Serialize};
//!
//! #[connector(
//!     name = "crm",
//!     summary = "Reads contacts of the CRM.",
//!     egress = ["GET {base_url}/contacts/*"],
//!     operations = [get_contact],
//! )]
//! #[derive(Deserialize, JsonSchema)]
//! struct Config {
//!     base_url: String,
//! }
//!
//! #[derive(Deserialize, JsonSchema)]
//! struct ContactRef {
//!     id: String,
//! }
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! struct Contact {
//!     id: String,
//!     name: String,
//! }
//!
//! /// Gets a contact.
//! #[operation(effect = "read", idempotency = "natural", example_input = { "id": "C-1" })]
//! fn get_contact(ctx: &Context<Config>, input: ContactRef) -> Result<Contact> {
//!     ctx.http().get("/contacts/{id}").path("id", &input.id).send()?.json()
//! }
//!
//! // In a test, a fake host stands in for the network:
//! use dowel_sdk::testing::{Exchange, FakeHost};
//!
//! let host = FakeHost::<Config>::new(r#"{ "base_url": "https://crm.example" }"#);
//! host.expect(Exchange::get("/contacts/C-1").reply(200, r#"{ "id": "C-1", "name": "Ada" }"#));
//! let output = host.call::<get_contact>(r#"{ "id": "C-1" }"#).unwrap();
//! assert_eq!(output.as_str(), r#"{"id":"C-1","name":"Ada"}"#);
//! ```
//!
//! - [`macro@connector`] makes the configuration type into the connector,
//!   [`macro@operation`] makes a function into an operation. The types of the function
//!   give the JSON Schemas, its doc comment gives the summary.
//! - [`macro@source`] makes a function into a source: events that the host fetches.
//! - [`macro@receiver`] makes a function into a receiver: webhooks that the host is sent.
//! - [`Context`] is what an operation may use: configuration, HTTP, log, time.
//! - [`Error`] tells the flow what to do next; `?` on an HTTP answer does it by status.
//! - [`Json`], [`Decimal`], [`Id`] and [`NumberText`] keep every digit; `f64` does not.
//! - [`testing`] runs operations under `cargo test`, without Wasm.
//!
//! The export of the component is compiled for `wasm32` only, so that the same crate
//! builds and tests natively:
//! `cargo build --release --target wasm32-wasip2`.

mod blob;
mod connector;
mod context;
mod error;
#[cfg(target_arch = "wasm32")]
mod guest;
mod host;
pub mod http;
mod json;
mod manifest;
mod page;
mod receiver;
mod source;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use blob::{Blob, BlobReader, BlobWriter};
pub use connector::{Connector, Operation};
pub use context::Context;
pub use error::{Error, ErrorKind, Result};
pub use host::Level;
pub use json::{Decimal, Id, Json, NumberText, Unsuitable};
pub use manifest::manifest;
pub use page::{Page, pages};
pub use receiver::{Claim, Encoding, Incoming, Receiver, Reception, Reply, Subscription};
pub use source::{Position, Source, SourceEvent, SourcePage};

/// Makes the struct with a connection's configuration into the connector.
///
/// | option | |
/// |---|---|
/// | `summary = "…"` | one sentence; required |
/// | `operations = [a, b::c]` | the functions with [`macro@operation`]; required unless there are sources or receivers |
/// | `sources = [a, b::c]` | the functions with [`macro@source`] |
/// | `receivers = [a, b::c]` | the functions with [`macro@receiver`] |
/// | `egress = ["GET,POST {base_url}/*"]` | where requests may go: methods (`*` for all), and a URL; `{field}` stands for a text of the configuration |
/// | `blobs = true` | it keeps or reads large bodies, by [`Context::create_blob`] and [`Context::open_blob`] |
/// | `check = path` | a function `fn(&Context<Config>) -> Result<()>` that tests the connection without side effects |
/// | `name = "…"` | the connector's name; by default the package's, without `dowel-connector-` |
///
/// The struct needs `serde::Deserialize` and `schemars::JsonSchema`. A field `base_url`
/// is where the relative paths of [`Context::http`] begin. The version is the package's.
pub use dowel_sdk_macros::connector;

/// Makes a function `fn(ctx: &Context<Config>, input: Input) -> Result<Output>` into an
/// operation. `Input` needs `Deserialize` and `JsonSchema`, `Output` needs `Serialize`
/// and `JsonSchema`. The first paragraph of the doc comment is the summary.
///
/// | option | |
/// |---|---|
/// | `effect = "read"` or `"write"` | whether it changes anything upstream; required |
/// | `idempotency = "natural"`, `"keyed"` or `"none"` | what repeating it does; required |
/// | `example_input = { "id": "C-1" }`, `example_output = …` | examples, in JSON |
/// | `compensated_by = path` | the operation that undoes it |
/// | `deprecated = { "since": "2026-01-01", "until": "2026-06-30", "use": "book" }` | that it will go; `until` is its last day |
/// | `deadline = "30s"` | the longest time that one call may take |
/// | `retry = ["unavailable"]` | error kinds after which a step tries again by default |
/// | `pagination = { cursor_in = "/cursor", cursor_out = "/next", items = "/items" }` | JSON Pointers into input and output |
/// | `name = "…"` | by default the function's name with hyphens |
pub use dowel_sdk_macros::operation;

/// Makes a function
/// `fn(ctx: &Context<Config>, params: Params, from: &Position) -> Result<SourcePage<Event>>`
/// into a source: events that the host fetches, page by page. `Params` needs `Deserialize`
/// and `JsonSchema`, `Event` needs `Serialize` and `JsonSchema`. The first paragraph of the
/// doc comment is the summary.
///
/// A read changes nothing upstream and remembers nothing: the host keeps the cursor, and
/// the next read may be another instance's.
///
/// | option | |
/// |---|---|
/// | `deadline = "30s"` | the longest time that one read may take |
/// | `ack = path` | a function `fn(&Context<Config>, Params, cursor: &str) -> Result<()>` that is called when the host has committed everything up to the cursor; nothing by default |
/// | `name = "…"` | by default the function's name with hyphens |
///
/// ```
/// use dowel_sdk::testing::{Exchange, FakeHost};
/// use dowel_sdk::{Context, Position, Result, SourceEvent, SourcePage, connector, source};
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[connector(
///     name = "news",
///     summary = "Reads news.",
///     egress = ["GET {base_url}/news"],
///     sources = [new_articles],
/// )]
/// #[derive(Deserialize, JsonSchema)]
/// struct Config {
///     base_url: String,
/// }
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Params {
///     topic: String,
/// }
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// struct Article {
///     number: u64,
///     title: String,
/// }
///
/// /// Articles about a topic, as they appear.
/// #[source(deadline = "10s")]
/// fn new_articles(
///     ctx: &Context<Config>,
///     params: Params,
///     from: &Position,
/// ) -> Result<SourcePage<Article>> {
///     let request = ctx.http().get("/news").query("topic", params.topic);
///     let request = request.query_opt("after", from.cursor.as_deref());
///     let found: Vec<Article> = request.query("limit", from.limit).send()?.json()?;
///     Ok(SourcePage {
///         cursor: found.last().map(|article| article.number.to_string()),
///         more: found.len() == from.limit as usize,
///         events: found
///             .into_iter()
///             .map(|article| SourceEvent {
///                 id: article.number.to_string(),
///                 kind: "article.published".to_owned(),
///                 subject: None,
///                 time: None,
///                 data: article,
///             })
///             .collect(),
///     })
/// }
///
/// let host = FakeHost::<Config>::new(r#"{ "base_url": "https://news.example" }"#);
/// let request = Exchange::get("/news?topic=bees&after=6&limit=1");
/// host.expect(request.reply(200, r#"[{ "number": 7, "title": "Honey" }]"#));
/// let page = host.read::<new_articles>(r#"{ "topic": "bees" }"#, Some("6"), 1).unwrap();
/// assert_eq!((page.cursor.as_deref(), page.more), (Some("7"), true));
/// assert_eq!(page.events[0].data.as_str(), r#"{"number":7,"title":"Honey"}"#);
/// ```
pub use dowel_sdk_macros::source;

/// Makes a function
/// `fn(ctx: &Context<Config>, params: Params, request: &Incoming) -> Result<Reception<Event>>`
/// into a receiver: webhooks that need parsing, or whose senders prove themselves in a way of
/// their own. `Params` needs `Deserialize` and `JsonSchema`, `Event` needs `Serialize` and
/// `JsonSchema`. The first paragraph of the doc comment is the summary.
///
/// The host takes events only of a request that [`Context::verify`] has found genuine. An
/// error is the sender's answer: `invalid-input` becomes 400, `unauthenticated` 401.
///
/// | option | |
/// |---|---|
/// | `handshake = true` | it answers requests that prove nothing, as services make them to see whether somebody listens; it gets `GET` requests then, too |
/// | `subscribe = path` | a function `fn(&Context<Config>, Params, url: &str) -> Result<Subscription>` that asks the service to send |
/// | `renew = path` | a function `fn(&Context<Config>, Params, url: &str, id: &str) -> Result<Subscription>`; subscribes anew by default |
/// | `unsubscribe = path` | a function `fn(&Context<Config>, Params, id: &str) -> Result<()>`; required with `subscribe` |
/// | `deadline = "5s"` | the longest time for one request |
/// | `name = "…"` | by default the function's name with hyphens |
///
/// ```
/// use dowel_sdk::testing::FakeHost;
/// use dowel_sdk::{
///     Claim, Context, Encoding, Incoming, Reception, Result, SourceEvent, connector, receiver,
/// };
/// use schemars::JsonSchema;
/// use serde::{Deserialize, Serialize};
///
/// #[connector(name = "news", summary = "Hears news.", receivers = [article_published])]
/// #[derive(Deserialize, JsonSchema)]
/// struct Config {}
///
/// #[derive(Deserialize, JsonSchema)]
/// struct Params {}
///
/// #[derive(Serialize, Deserialize, JsonSchema)]
/// struct Article {
///     number: u64,
///     title: String,
/// }
///
/// /// Articles, as they are published.
/// #[receiver]
/// fn article_published(
///     ctx: &Context<Config>,
///     _params: Params,
///     request: &Incoming,
/// ) -> Result<Reception<Article>> {
///     let claim = Claim::hmac_sha256(request.body());
///     ctx.verify(&claim.in_header("x-news-signature", "", Encoding::Hex))?;
///     let article: Article = request.json()?;
///     Ok(Reception::of([SourceEvent {
///         id: article.number.to_string(),
///         kind: "article.published".to_owned(),
///         subject: None,
///         time: None,
///         data: article,
///     }]))
/// }
///
/// use dowel_sdk::testing::Hook;
/// let host = FakeHost::<Config>::new("{}");
/// let hook = Hook::post(r#"{ "number": 7, "title": "Honey" }"#);
/// let reception = host.receive::<article_published>("{}", &hook).unwrap();
/// assert_eq!(reception.events[0].data.as_str(), r#"{"number":7,"title":"Honey"}"#);
///
/// host.believe_nothing();
/// let error = host.receive::<article_published>("{}", &Hook::post("{}")).unwrap_err();
/// assert_eq!(error.code(), "signature-wrong");
/// ```
pub use dowel_sdk_macros::receiver;

/// What the macros write. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::connector::{OperationContext, OperationResult, run, same, unknown_operation};
    #[cfg(target_arch = "wasm32")]
    pub use crate::guest::{
        Component, bindings, export, export_receiving, export_subscribing, receiving, subscribing,
    };
    pub use crate::manifest::{
        OperationSpec, Operations, Pagination, ReceiverSpec, Receivers, SourceSpec, Sources,
    };
    pub use crate::receiver::{Ask, ReceiverResult, receive, subscription, unknown_receiver};
    pub use crate::source::{SourceResult, ack, read, unknown_source};
}
