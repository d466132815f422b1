//! The nouns of Dowel: identifiers, journal events, error kinds and codes, connector
//! manifests, expression programs, and the ports that adapters implement.
//!
//! This crate does no input or output: no async runtime, no network, no file system,
//! no clock. Everything else in the workspace may depend on it; it depends on nobody.

pub mod access;
pub mod cloud_event;
pub mod code;
pub mod connection;
pub mod deprecation;
pub mod digest;
pub mod error;
pub mod expression;
pub mod id;
pub mod journal;
pub mod json;
pub mod manifest;
pub mod oauth;
pub mod pointer;
pub mod port;
pub mod repository;
pub mod retention;
pub mod secret;
pub mod signing;
pub mod time;
pub mod trace;
pub mod units;

pub use cloud_event::{CloudEvent, EventData};
pub use digest::{Digest, Digester};
pub use error::{ErrorKind, SendRecord, StepError};
pub use id::{
    CalendarName, ConnectionName, ConnectorName, FlowName, OperationName, RunId, StepId, StepPath,
};
pub use json::JsonText;
pub use repository::CommitId;
pub use time::Timestamp;
