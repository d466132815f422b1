//! The conformance kit: proves that a connector behaves, whatever language it is written
//! in.
//!
//! A connector runs in the real sandbox behind the real gateway; in the place of the
//! network stands an `Upstream` that answers what a case has
//! recorded, or what a check wants to see the connector cope with. Nothing leaves the
//! process. Every check of [`CHECKS`] is one row of the report, and the rows give the
//! [`Level`].

mod bench;
mod bodies;
mod case;
mod check;
mod compare;
mod json;
mod record;
mod report;
mod sample;
mod told;
mod upstream;

pub use case::{Case, CaseError, CaseFolder, Exchange, Expected, Reply, Request};
pub use check::{CHECKS, CheckSpec, Options, test};
pub use compare::{Change, Comparison, compare};
pub use record::{Recorded, Recorder, Scrubbed, record, scrub};
pub use report::{CheckReport, Level, Outcome, Report};
pub use told::{ExpectedEvent, ExpectedEvents, HookCase, ReceiverCase, SourceCase};
