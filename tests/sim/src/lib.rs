//! A seeded simulation of the engine.
//!
//! From a seed follow flows, events, an upstream with faults, hosts that die at any
//! write, people, and time. The engine is the real one, on its ports. Whatever happens,
//! the invariants of `docs/simulation.md` hold, and the same seed gives the same log.

mod answers;
mod check;
mod expressions;
mod flows;
mod host;
mod log;
mod panics;
mod people;
mod plant;
mod random;
mod script;
mod source;
mod store;
mod systematic;
mod time;
mod upstream;
mod watch;
mod world;

pub use log::Violation;
pub use plant::Plant;
pub use script::{hosts_of, simulate, simulate_hosts};
pub use systematic::{Systematic, systematic};

use dowel_core::Digest;

/// What came of a simulation.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What happened, a line each.
    pub log: Vec<String>,
    /// The invariants that did not hold.
    pub violations: Vec<Violation>,
    /// How often a host has died.
    pub deaths: u64,
    /// How many runs there were.
    pub runs: usize,
}

impl Outcome {
    /// The digest of the log.
    pub fn digest(&self) -> Digest {
        log::digest(&self.log)
    }
}
