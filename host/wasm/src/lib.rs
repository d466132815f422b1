//! Runs connectors: an [`Invoker`](dowel_core::port::Invoker) on Wasmtime.
//!
//! A connector is a WebAssembly component with its manifest in a custom section. It is
//! denied everything by default; the only way out is HTTP through the egress gateway,
//! which checks every request against what the environment grants and what the
//! manifest needs, adds credentials that the guest never sees, and records how far
//! each request got. Whatever a guest does comes back as a typed error.

mod bindings;
mod cache;
mod call;
mod connection;
mod connector;
mod engine;
mod exports;
mod gateway;
mod guest;
mod host;
mod load;
mod oauth;
mod outcome;
mod pace;
pub mod package;
mod pool;
mod proof;
mod redact;
mod scope;
mod text;
mod wire;

pub use connector::Installed;
pub use host::{ConnectorHost, HostOptions};
pub use load::{BindError, BindReason, LoadError};
pub use oauth::{Consent, ConsentError};
pub use wire::{Refused, Wire, WireAnswer, WireFailure, WireRequest};
