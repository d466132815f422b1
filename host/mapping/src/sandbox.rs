//! The Wasmtime engine and the compiled guests: the one that new plans pin, and older
//! ones that unfinished runs began with.

use crate::bindings::{Mapping as Guest, MappingPre};
use crate::cache;
use crate::instance::{Instance, State, watch_deadline};
use crate::{MappingError, MappingOptions};
use dowel_core::Digest;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig, Store};

/// Stack of a guest. jq recurses for nested data and expressions; a megabyte carries
/// several thousand levels.
const STACK_BYTES: usize = 1024 * 1024;

/// Stack of the fiber around a guest: the guest's own and what host functions need.
const FIBER_STACK_BYTES: usize = STACK_BYTES + 512 * 1024;

/// Core modules in one component: the guest itself and the adapters around it.
const CORE_INSTANCES: u32 = 16;

/// Tables in one component, the adapters' included.
const TABLES: u32 = 8;

/// Slots beside those for evaluations: one for the checker, and one for each instance
/// that is still being thrown away.
const SPARE_SLOTS: u32 = 4;

/// Compiles and instantiates the guest.
pub(crate) struct Sandbox {
    engine: Engine,
    linker: Linker<State>,
    guests: RwLock<HashMap<Digest, MappingPre<State>>>,
    cache_dir: Option<PathBuf>,
    memory_limit: usize,
}

impl Sandbox {
    pub(crate) fn new(options: &MappingOptions) -> Result<Self, MappingError> {
        let engine = Engine::new(&config(options))?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        Ok(Self {
            engine,
            linker,
            guests: RwLock::default(),
            cache_dir: options.cache_dir.clone(),
            memory_limit: options.memory_bytes,
        })
    }

    /// Compiles a guest, unless it is loaded already.
    pub(crate) fn add(&self, wasm: &[u8]) -> Result<Digest, MappingError> {
        let digest = Digest::of(wasm);
        if !self.has(&digest) {
            let component =
                cache::component(&self.engine, self.cache_dir.as_deref(), wasm, &digest)?;
            let guest = MappingPre::new(self.linker.instantiate_pre(&component)?)?;
            self.guests.write().insert(digest, guest);
        }
        Ok(digest)
    }

    /// Whether a guest is loaded.
    pub(crate) fn has(&self, guest: &Digest) -> bool {
        self.guests.read().contains_key(guest)
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A fresh instance of a guest that is loaded.
    pub(crate) async fn instance(
        &self,
        digest: Digest,
        time: Duration,
    ) -> wasmtime::Result<Instance> {
        let guest = self.guests.read().get(&digest).cloned();
        let guest = guest.ok_or_else(|| wasmtime::format_err!("guest {digest} is not loaded"))?;
        let mut store = Store::new(&self.engine, State::new(self.memory_limit));
        store.limiter(|state| state);
        watch_deadline(&mut store);
        store.data_mut().grant(time);
        store.set_epoch_deadline(1);
        let guest: Guest = guest.instantiate_async(&mut store).await?;
        Ok(Instance::new(store, guest, digest))
    }
}

fn config(options: &MappingOptions) -> Config {
    let slots = options.instances.saturating_add(SPARE_SLOTS);
    let mut pooling = PoolingAllocationConfig::new();
    pooling
        .total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(CORE_INSTANCES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_memories(slots)
        .max_memories_per_component(1)
        .max_memory_size(options.memory_bytes)
        .total_tables(slots.saturating_mul(TABLES))
        .max_tables_per_component(TABLES)
        .total_stacks(slots);
    let mut config = Config::new();
    config
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pooling))
        .memory_init_cow(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .async_stack_size(FIBER_STACK_BYTES);
    config
}
