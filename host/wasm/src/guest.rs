//! What stands on the host's side of one instance.

mod blobs;
mod contract;
mod egress;
mod handler;
mod http;
mod limits;
mod log;
mod signatures;
mod stdio;

// Public for the bindings, which name them in what they write.
#[allow(unreachable_pub)]
pub use blobs::{Reader, Writer};
pub(crate) use limits::Limits;
pub(crate) use log::LogBudget;

use crate::bindings::{Connector, receiving, sending, v2};
use crate::load::LoadError;
use crate::scope::Slot;
use std::sync::Arc;
use wasmtime::component::{HasSelf, Linker, ResourceTable};
use wasmtime::{Engine, Store};
use wasmtime_wasi::p2::{DynInputStream, DynOutputStream, DynPollable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

/// Resources (streams, headers, requests) that an instance may have open.
const MAX_RESOURCES: usize = 4096;

/// Random bytes that a guest may ask WASI for at once.
const MAX_RANDOM_BYTES: u64 = 64 * 1024;

/// Bytes that may cross the border in one direction in one host call, besides the
/// memory cap: keeps a guest from making the host copy the same region many times.
const MAX_TRANSFER_BYTES: usize = 64 << 20;

/// Data of an instance's store.
pub(crate) struct GuestState {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    egress: egress::Egress,
    pub limits: Limits,
    pub slot: Arc<Slot>,
}

impl GuestState {
    fn new(limits: Limits) -> Self {
        let slot = Arc::new(Slot::default());
        let mut table = ResourceTable::new();
        table.set_max_capacity(MAX_RESOURCES);
        let mut wasi = WasiCtx::builder();
        // Empty: no folders, environment, arguments or input; nothing of the network.
        wasi.allow_tcp(false)
            .allow_udp(false)
            .allow_ip_name_lookup(false)
            .max_random_size(MAX_RANDOM_BYTES)
            .stdout(stdio::Output::stdout(Arc::clone(&slot)))
            .stderr(stdio::Output::stderr(Arc::clone(&slot)));
        Self {
            table,
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            egress: egress::Egress(Arc::clone(&slot)),
            limits,
            slot,
        }
    }

    /// What the guest holds on to of all that it opened; nothing where it let go. The
    /// standard streams and their pollables do not count: C libraries keep them. Those of
    /// a request, an answer or a timer cannot be mistaken for them, because their parent,
    /// which is of another type, is then open as well.
    pub(crate) fn held(&mut self) -> Option<&'static str> {
        const STANDARD_STREAMS: usize = 3;
        if self.table.is_empty() {
            return None;
        }
        let (mut streams, mut pollables) = (0, 0);
        for entry in self.table.iter_mut() {
            if entry.is::<DynOutputStream>() || entry.is::<DynInputStream>() {
                streams += 1;
            } else if entry.is::<DynPollable>() {
                pollables += 1;
            } else {
                return Some("a resource");
            }
        }
        match (streams, pollables) {
            (0..=STANDARD_STREAMS, 0..=STANDARD_STREAMS) => None,
            (0..=STANDARD_STREAMS, _) => Some("a pollable"),
            _ => Some("a stream"),
        }
    }
}

impl WasiView for GuestState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.egress,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// A store for one instance.
pub(crate) fn store(engine: &Engine, limits: Limits) -> Store<GuestState> {
    let mut store = Store::new(engine, GuestState::new(limits));
    store.limiter(|state| &mut state.limits);
    store.set_hostcall_fuel(MAX_TRANSFER_BYTES);
    // A busy guest gives the thread back at every epoch, where its deadline is seen.
    store.epoch_deadline_async_yield_and_update(1);
    store.set_epoch_deadline(1);
    store
}

/// Everything that a connector may import.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<GuestState>, LoadError> {
    let mut linker = Linker::new(engine);
    link(&mut linker).map_err(|e| LoadError::Engine(format!("{e:#}")))?;
    Ok(linker)
}

fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    handler::link(linker)?;
    Connector::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    v2::Connector::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    sending::dowel::connector::http::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    receiving::dowel::connector::signatures::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}
