//! What tests of Dowel and of its connectors share, and what `dowel run` and `dowel test`
//! use where they must not touch the outside: a store in memory, a virtual clock,
//! scripted connectors, and the runner of flow tests.

mod clock;
mod fake_connectors;
pub mod flow_test;
mod manual_clock;
mod memory_store;

pub use clock::{SeededRandomness, VirtualClock};
pub use fake_connectors::{Answer, FakeConnectors, MadeCall};
pub use manual_clock::ManualClock;
pub use memory_store::MemoryStore;
