//! Runs operations under `cargo test`, natively and without a network.
//!
//! A [`FakeHost`] plays the host: it answers requests from a script, checks each against
//! the connector's `egress`, and fails the test for a request that the script does not
//! expect and for a scripted one that never came.

mod egress;
mod exchange;
mod hook;
mod host;

pub use exchange::{Exchange, Failure};
pub use hook::Hook;
pub use host::{FakeHost, LogLine, Sent};
