//! The same component on bare Wasmtime: no gateway, no limits but the engine's, no
//! evidence, no deadline; only what a call cannot do without.
//!
//! The engine is set up as the host's is, because its settings change the code that is
//! made and what a fresh instance costs.

use super::{INPUT, OPERATION, each_us};
use anyhow::{Result, anyhow};
use std::time::{Duration, Instant};
use wasmtime::component::{Component, HasSelf, Linker, ResourceTable};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Store,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

/// What the guest is told beside its input.
pub(super) const KEY: &str = "key-1";
pub(super) const STEP: &str = "echo";
const RUN: &str = "00000000000170070707070707070707";
const DEADLINE_MS: u64 = 30_000;

/// As in the host's engine: see `host/wasm/src/engine.rs` for the reasons.
const EPOCH: Duration = Duration::from_millis(5);
const INSTANCES: u32 = 200;

mod bindings {
    #![allow(missing_docs, clippy::all)]
    wasmtime::component::bindgen!({
        path: "../../wit/dowel-connector@0.2.0",
        world: "connector",
        imports: { default: trappable },
        exports: { default: async },
        ownership: Borrowing { duplicate_if_necessary: true },
    });
}

use bindings::dowel::connector::{host, types};
use bindings::exports::dowel::connector::operations::CallContext;
use bindings::{Connector, ConnectorPre};

/// Empty contexts: the guest imports more than its one operation calls.
struct State {
    table: ResourceTable,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    no_way_out: NoWayOut,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

struct NoWayOut;

type Io = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Box<dyn Future<Output = Result<(http::Response<WasiBody>, Io), Error>> + Send>;

impl WasiHttpHooks for NoWayOut {
    fn send_request(
        &mut self,
        _: http::Request<WasiBody>,
        _: Option<RequestOptions>,
        _: Io,
    ) -> Answer {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.no_way_out,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

impl types::Host for State {}

impl host::Host for State {
    fn log(&mut self, _: host::Level, _: String, _: String) -> wasmtime::Result<()> {
        Ok(())
    }

    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(0)
    }

    fn random_bytes(&mut self, _: u32) -> wasmtime::Result<Vec<u8>> {
        Ok(Vec::new())
    }
}

/// An engine, a component, and one warm instance.
pub(super) struct Bare {
    pre: ConnectorPre<State>,
    warm: Option<(Store<State>, Connector)>,
}

impl Bare {
    pub(super) fn new(component: &[u8]) -> Result<Self> {
        let engine = engine().map_err(plain)?;
        let component = Component::new(&engine, component).map_err(plain)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(plain)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).map_err(plain)?;
        // Of the contract's imports the guest has only this one.
        host::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state).map_err(plain)?;
        let pre = linker.instantiate_pre(&component).map_err(plain)?;
        Ok(Self {
            pre: ConnectorPre::new(pre).map_err(plain)?,
            warm: None,
        })
    }

    /// Microseconds for a call on one instance.
    pub(super) async fn time_pooled(&mut self, calls: usize) -> Result<f64> {
        if self.warm.is_none() {
            self.warm = Some(instance(&self.pre).await?);
        }
        let Some((store, connector)) = &mut self.warm else {
            return Err(anyhow!("there is no instance"));
        };
        let begun = Instant::now();
        for _ in 0..calls {
            call(store, connector).await?;
        }
        Ok(each_us(begun.elapsed(), calls))
    }

    /// Microseconds for a call on an instance of its own, from making it to letting go.
    pub(super) async fn time_fresh(&self, calls: usize) -> Result<f64> {
        let begun = Instant::now();
        for _ in 0..calls {
            let (mut store, connector) = instance(&self.pre).await?;
            call(&mut store, &connector).await?;
        }
        Ok(each_us(begun.elapsed(), calls))
    }
}

fn engine() -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(INSTANCES)
        .total_core_instances(INSTANCES * 40)
        .total_memories(INSTANCES * 3)
        .total_tables(INSTANCES * 4)
        .total_stacks(INSTANCES)
        .max_core_instances_per_component(40)
        .max_memories_per_component(3)
        .max_tables_per_component(4)
        .table_elements(20_000)
        .max_memory_size(1 << 30)
        .linear_memory_keep_resident(4 << 20)
        .max_unused_warm_slots(16)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .cranelift_opt_level(OptLevel::Speed)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .max_wasm_stack(1 << 20)
        .async_stack_size(2 << 20)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config)?;
    let ticked = engine.weak();
    std::thread::spawn(move || {
        loop {
            std::thread::sleep(EPOCH);
            match ticked.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    });
    Ok(engine)
}

async fn instance(pre: &ConnectorPre<State>) -> Result<(Store<State>, Connector)> {
    let state = State {
        table: ResourceTable::new(),
        wasi: WasiCtx::builder().build(),
        http: WasiHttpCtx::new(),
        no_way_out: NoWayOut,
    };
    let mut store = Store::new(pre.engine(), state);
    store.epoch_deadline_async_yield_and_update(1);
    store.set_epoch_deadline(1);
    let connector = pre.instantiate_async(&mut store).await.map_err(plain)?;
    Ok((store, connector))
}

async fn call(store: &mut Store<State>, connector: &Connector) -> Result<()> {
    let context = CallContext {
        run_id: RUN,
        step: STEP,
        idempotency_key: KEY,
        deadline_ms: DEADLINE_MS,
        connection: "{}",
    };
    let operations = connector.dowel_connector_operations();
    let answer = operations.call_call(store, OPERATION, INPUT, context).await;
    match answer.map_err(plain)? {
        Ok(output) if output == INPUT => Ok(()),
        _ => Err(anyhow!("the guest answered with something else")),
    }
}

/// Wasmtime's error type is its own.
#[allow(clippy::needless_pass_by_value)] // For `map_err`.
fn plain(error: wasmtime::Error) -> anyhow::Error {
    anyhow!("{error:#}")
}
