//! The jq engine of Dowel: checks and evaluates the expressions of flows.
//!
//! Compiled to a WebAssembly component it runs in the host's sandbox, parser included:
//! natively a hostile expression could overflow the stack or eat all memory. The
//! modules compile natively as well, for unit tests and for the benchmark that compares
//! both; natively there is no protection, so the host never does that.

pub mod check;
mod date;
pub mod decimal;
mod engine;
mod error;
#[cfg(target_arch = "wasm32")]
mod glue;
mod plain;
mod prelude;
mod program;
mod read;
pub mod reference;
mod refused;
mod scan;
mod source;
mod write;

pub use check::{Finding, FindingKind, Report};
pub use engine::Engine;
pub use program::{Failure, FailureKind, Outcome, Piece, Program};
pub use reference::Reference;
