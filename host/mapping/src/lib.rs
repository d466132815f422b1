//! Checks and evaluates the expressions of flows in a WebAssembly sandbox.
//!
//! The jq engine, parser included, is the embedded guest component; foreign text never
//! reaches a native parser. Only paths of plain names are followed outside (`direct`). A
//! runaway expression is stopped when its time is used up, or at its memory cap; its instance
//! is thrown away, and the next evaluation gets a fresh one.

mod bindings;
mod cache;
mod check;
mod direct;
mod evaluate;
mod instance;
mod pool;
mod sandbox;
#[path = "../guest/src/scan.rs"]
#[allow(dead_code, reason = "the guest uses more of it")]
mod scan;
mod ticker;

use dowel_core::Digest;
use std::path::PathBuf;
use std::sync::Arc;

/// The mapping guest, built by the build script.
static GUEST: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/mapping-guest.wasm"));

/// How to run the sandbox.
#[derive(Clone, Debug)]
pub struct MappingOptions {
    /// Where compiled guests are kept between starts; without it the guest is compiled
    /// at every start, which takes seconds.
    pub cache_dir: Option<PathBuf>,
    /// Memory that one instance may use, in bytes.
    pub memory_bytes: usize,
    /// Evaluations that run at the same time; further ones wait.
    pub instances: u32,
}

/// Room for documents of a few MiB, whose values take about ten times their text.
const DEFAULT_MEMORY_BYTES: usize = 64 * 1024 * 1024;

/// Instances per processor: evaluations yield, so a few more than run at a time.
const INSTANCES_PER_CPU: u32 = 4;

impl Default for MappingOptions {
    fn default() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self {
            cache_dir: None,
            memory_bytes: DEFAULT_MEMORY_BYTES,
            instances: u32::try_from(cpus)
                .unwrap_or(u32::MAX)
                .saturating_mul(INSTANCES_PER_CPU),
        }
    }
}

/// Why the sandbox cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The engine could not be configured or the guest not compiled.
    #[error("the mapping sandbox cannot be set up: {0:#}")]
    Sandbox(wasmtime::Error),
    /// The thread that interrupts evaluations could not be started.
    #[error("the thread that interrupts evaluations cannot be started: {0}")]
    Ticker(std::io::Error),
}

impl From<wasmtime::Error> for MappingError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Sandbox(error)
    }
}

/// The sandbox for expressions. Clones share everything.
#[derive(Clone)]
pub struct Mapping {
    inner: Arc<Inner>,
}

struct Inner {
    digest: Digest,
    sandbox: sandbox::Sandbox,
    pool: pool::Pool,
    checker: check::Checker,
    ticker: ticker::Ticker,
}

impl Mapping {
    /// Loads the embedded guest.
    #[allow(
        clippy::needless_pass_by_value,
        reason = "options are made for this call; later ones will be moved in"
    )]
    pub fn new(options: MappingOptions) -> Result<Self, MappingError> {
        let sandbox = sandbox::Sandbox::new(&options)?;
        let digest = sandbox.add(GUEST)?;
        let ticker = ticker::Ticker::start(sandbox.engine()).map_err(MappingError::Ticker)?;
        Ok(Self {
            inner: Arc::new(Inner {
                digest,
                sandbox,
                pool: pool::Pool::new(options.instances),
                checker: check::Checker::default(),
                ticker,
            }),
        })
    }

    /// The embedded guest's component: kept by the host, so that runs which began with
    /// it can go on after an upgrade.
    pub fn embedded_guest() -> &'static [u8] {
        GUEST
    }

    /// Loads the guest of an earlier version, for runs that began with it.
    pub fn add_guest(&self, component: &[u8]) -> Result<Digest, MappingError> {
        self.inner.sandbox.add(component)
    }
}
