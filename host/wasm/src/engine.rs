//! The Wasmtime engine: its limits, and the thread that makes guests yield.

use crate::load::LoadError;
use std::num::NonZeroUsize;
use std::time::Duration;
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig,
    WasmBacktraceDetails,
};

/// How often running guests give the thread back to the async runtime. Short enough
/// that a busy guest does not delay others' timers noticeably, long enough to cost
/// nothing measurable.
const EPOCH: Duration = Duration::from_millis(5);

/// Stack of a guest. Interpreters inside guests recurse deeply; Wasmtime's default of
/// 512 KiB is little for them.
const WASM_STACK_BYTES: usize = 1 << 20;

/// The fiber that a guest runs on: the guest's stack and room for host functions.
const FIBER_STACK_BYTES: usize = 2 << 20;

/// Core instances of one component. A Python guest was measured at 38.
const CORE_INSTANCES_PER_COMPONENT: u32 = 40;

/// Linear memories of one component: the program's and those of adapters.
const MEMORIES_PER_COMPONENT: u32 = 3;

/// Tables of one component.
const TABLES_PER_COMPONENT: u32 = 4;

/// Elements of one table: function pointers of large interpreters.
const TABLE_ELEMENTS: usize = 20_000;

/// Bytes of a dropped instance's memory that stay mapped for the next one, which
/// roughly halves the price of fresh instances of interpreters.
const KEEP_RESIDENT_BYTES: usize = 4 << 20;

/// Slots that keep such memory: bounds what an idle host holds.
const WARM_SLOTS: u32 = 16;

/// Frames kept of a trap, for the connector's developer.
const BACKTRACE_FRAMES: usize = 20;

/// How instances get their memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allocation {
    /// From a pool that is reserved when the engine starts: fast, for serving.
    Pooled {
        /// Instances alive at the same time.
        instances: u32,
        /// The largest memory that any instance may be granted.
        memory_bytes: usize,
    },
    /// As needed: for a single instantiation while building.
    OnDemand,
}

impl Allocation {
    /// What runs once is compiled quickly: an interpreter takes seconds less.
    fn effort(self) -> OptLevel {
        match self {
            Self::Pooled { .. } => OptLevel::Speed,
            Self::OnDemand => OptLevel::None,
        }
    }
}

/// Makes an engine and the thread that advances its epoch.
pub(crate) fn start(allocation: Allocation) -> Result<Engine, LoadError> {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .cranelift_opt_level(allocation.effort())
        .epoch_interruption(true)
        .memory_init_cow(true)
        .max_wasm_stack(WASM_STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES)
        .wasm_backtrace_max_frames(NonZeroUsize::new(BACKTRACE_FRAMES))
        .wasm_backtrace_details(WasmBacktraceDetails::Disable);
    if let Allocation::Pooled {
        instances,
        memory_bytes,
    } = allocation
    {
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(
            instances,
            memory_bytes,
        )));
    }
    let engine = Engine::new(&config).map_err(|e| LoadError::Engine(format!("{e:#}")))?;
    tick(&engine)?;
    Ok(engine)
}

fn pool(instances: u32, memory_bytes: usize) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES_PER_COMPONENT))
        .total_memories(instances.saturating_mul(MEMORIES_PER_COMPONENT))
        .total_tables(instances.saturating_mul(TABLES_PER_COMPONENT))
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(MEMORIES_PER_COMPONENT)
        .max_tables_per_component(TABLES_PER_COMPONENT)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(memory_bytes)
        .linear_memory_keep_resident(KEEP_RESIDENT_BYTES)
        .max_unused_warm_slots(WARM_SLOTS)
        .pagemap_scan(Enabled::Auto);
    pool
}

/// Advances the epoch until the engine is gone.
fn tick(engine: &Engine) -> Result<(), LoadError> {
    let engine = engine.weak();
    std::thread::Builder::new()
        .name("dowel-epoch".to_owned())
        .spawn(move || {
            loop {
                std::thread::sleep(EPOCH);
                let Some(engine) = engine.upgrade() else {
                    return;
                };
                engine.increment_epoch();
            }
        })
        .map_err(|e| LoadError::Engine(e.to_string()))?;
    Ok(())
}
