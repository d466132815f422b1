//! The house rules as tests. One small file per rule; each holds the test that proves
//! that the rule bites. `tests/repository.rs` applies all of them to the repository.

pub mod arrows;
pub mod dependencies;
pub mod error_pages;
pub mod guarantees;
pub mod leftovers;
pub mod machines;
pub mod places;
pub mod repository;
pub mod sizes;
pub mod source;
pub mod unwraps;

/// One violation, written `place: what`.
pub type Violation = String;
