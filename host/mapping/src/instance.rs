//! One instance of the guest, with its limits.

use crate::bindings::Mapping as Guest;
use crate::ticker::TICK;
use dowel_core::Digest;
use std::time::Duration;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Store, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

/// Evaluations after which an instance is replaced, against slow fragmentation.
const MAX_USES: u32 = 10_000;

/// An instance that has grown beyond this after an evaluation is not kept: guests'
/// memory never shrinks.
const MAX_WARM_BYTES: usize = 16 * 1024 * 1024;

/// What the host keeps beside an instance.
pub(crate) struct State {
    // Empty: no files, no environment, no arguments, no sockets.
    wasi: WasiCtx,
    table: ResourceTable,
    memory_limit: usize,
    memory_used: usize,
    memory_denied: bool,
    /// Ticks for which the guest may yet run.
    left: u64,
    timed_out: bool,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let granted = desired <= self.memory_limit;
        if granted {
            self.memory_used = desired;
        } else {
            self.memory_denied = true;
        }
        Ok(granted)
    }

    fn memory_grow_failed(&mut self, _error: wasmtime::Error) -> wasmtime::Result<()> {
        self.memory_denied = true;
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // Tables are made when the instance is; the guest has no reason to grow one.
        Ok(current == 0 || desired <= current)
    }
}

/// A guest that is ready for calls.
pub(crate) struct Instance {
    pub(crate) store: Store<State>,
    pub(crate) guest: Guest,
    /// Digest of the component that it is an instance of.
    pub(crate) digest: Digest,
    uses: u32,
}

/// Why a call did not return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    Deadline,
    Memory,
    Trap,
}

impl State {
    pub(crate) fn new(memory_limit: usize) -> Self {
        Self {
            wasi: WasiCtxBuilder::new().build(),
            table: ResourceTable::new(),
            memory_limit,
            memory_used: 0,
            memory_denied: false,
            left: 0,
            timed_out: false,
        }
    }

    pub(crate) fn grant(&mut self, time: Duration) {
        self.left = ticks(time);
    }
}

impl Instance {
    pub(crate) fn new(store: Store<State>, guest: Guest, digest: Digest) -> Self {
        Self {
            store,
            guest,
            digest,
            uses: 0,
        }
    }

    /// Prepares the store for one call, for which the guest may run so long.
    pub(crate) fn begin(&mut self, time: Duration) {
        self.uses += 1;
        self.store.data_mut().grant(time);
        self.store.set_epoch_deadline(1);
    }

    /// Why the last call failed.
    pub(crate) fn stopped(&self) -> Stopped {
        let state = self.store.data();
        match (state.timed_out, state.memory_denied) {
            (true, _) => Stopped::Deadline,
            (_, true) => Stopped::Memory,
            _ => Stopped::Trap,
        }
    }

    /// Whether it may serve another call.
    pub(crate) fn reusable(&self) -> bool {
        self.uses < MAX_USES && self.store.data().memory_used <= MAX_WARM_BYTES
    }
}

/// How many ticks of its own a guest has in a time; the one that is under way when it
/// begins counts as one.
fn ticks(time: Duration) -> u64 {
    let ticks = time.as_nanos().div_ceil(TICK.as_nanos());
    u64::try_from(ticks).unwrap_or(u64::MAX).saturating_add(1)
}

/// At every tick in which the guest has run: stop when its time is used up, else let other
/// tasks run. What the machine does meanwhile does not count: an expression that would end
/// in time on a quiet one does so on a busy one.
pub(crate) fn watch_deadline(store: &mut Store<State>) {
    store.epoch_deadline_callback(|mut context| {
        let state = context.data_mut();
        state.left = state.left.saturating_sub(1);
        if state.left == 0 {
            state.timed_out = true;
            return Ok(UpdateDeadline::Interrupt);
        }
        Ok(UpdateDeadline::Yield(1))
    });
}
