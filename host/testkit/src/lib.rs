//! What tests of Dowel and of its connectors share, and what `dowel run` uses where it
//! must not touch the outside: a store in memory, a virtual clock, scripted connectors.

mod clock;
mod fake_connectors;
mod memory_store;

pub use clock::{SeededRandomness, VirtualClock};
pub use fake_connectors::{Answer, FakeConnectors, MadeCall};
pub use memory_store::MemoryStore;
