//! HTTP as a connector uses it: every request leaves through the host's gateway.
//!
//! ```
//! # use dowel_sdk::{Context, Connector, Json, Result, ErrorKind};
//! # fn example<C: Connector>(ctx: &Context<C>, order: &Json) -> Result<()> {
//! let answer = ctx
//!     .http()
//!     .post("/customers/{id}/orders")
//!     .path("id", "C 1")            // becomes C%201
//!     .query("expand", "lines")
//!     .json(order)
//!     .on_status(422, ErrorKind::Rejected)
//!     .send()?;                     // Err for every status but 2xx
//! let created: Json = answer.json()?;
//! # Ok(()) }
//! ```
//!
//! The gateway adds credentials and the `Idempotency-Key`; a request that sets one of
//! them itself fails. It also limits where requests go and how large answers are.

mod client;
mod deep;
mod headers;
mod link;
mod method;
mod redirect;
mod request;
mod response;
mod retry_after;
mod status;
mod template;

pub use client::Http;
pub use method::Method;
pub use request::Request;
pub use response::Response;
