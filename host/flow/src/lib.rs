//! The flow language: YAML with spans in, a checked [`Plan`](plan::Plan) or a list of
//! diagnostics out. Pure: files, manifests and the expression checker are handed in.
//!
//! The way of a flow: `yaml` reads the text into a tree with places; `shape` decodes the
//! tree into the types of `surface`, which also describe themselves as JSON Schema;
//! `lower` turns those into the plan and asks `check` about everything they refer to.

pub mod calendar;
pub mod catalogue;
pub mod changes;
mod check;
mod compile;
pub mod contract;
pub mod diagnostic;
pub mod document;
pub mod environment;
pub mod flow_test;
pub mod json_schema;
pub mod layout;
pub mod lint;
mod lower;
pub mod outline;
pub mod picture;
pub mod plan;
pub mod policy;
pub mod reference;
pub mod releases;
pub mod repository;
mod scalar;
pub mod schedule;
mod shape;
pub mod source;
mod surface;
mod template;
mod text;
pub mod validate;
mod yaml;

pub use compile::compile;
