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
//! - [`Context`] is what an operation may use: configuration, HTTP, log, time.
//! - [`Error`] tells the flow what to do next; `?` on an HTTP answer does it by status.
//! - [`Json`], [`Decimal`], [`Id`] and [`NumberText`] keep every digit; `f64` does not.
//! - [`testing`] runs operations under `cargo test`, without Wasm.
//!
//! The export of the component is compiled for `wasm32` only, so that the same crate
//! builds and tests natively:
//! `cargo build --release --target wasm32-wasip2`.

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
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;

pub use connector::{Connector, Operation};
pub use context::Context;
pub use error::{Error, ErrorKind, Result};
pub use host::Level;
pub use json::{Decimal, Id, Json, NumberText, Unsuitable};
pub use manifest::manifest;
pub use page::{Page, pages};

/// Makes the struct with a connection's configuration into the connector.
///
/// | option | |
/// |---|---|
/// | `summary = "…"` | one sentence; required |
/// | `operations = [a, b::c]` | the functions with [`macro@operation`]; required |
/// | `egress = ["GET,POST {base_url}/*"]` | where requests may go: methods (`*` for all), and a URL; `{field}` stands for a text of the configuration |
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

/// What the macros write. Not for use by hand: it changes without notice.
#[doc(hidden)]
pub mod __private {
    pub use crate::connector::{OperationContext, OperationResult, run, same, unknown_operation};
    #[cfg(target_arch = "wasm32")]
    pub use crate::guest::{Component, bindings, export};
    pub use crate::manifest::{OperationSpec, Operations, Pagination};
}
