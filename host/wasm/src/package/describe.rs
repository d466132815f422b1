//! Lets a component write its own manifest.

use super::embed;
use crate::connector::check_shape;
use crate::engine::{self, Allocation};
use crate::guest::{self, Limits};
use crate::host::{no_run, step};
use crate::load::LoadError;
use crate::scope::CallScope;
use std::sync::Arc;
use std::time::Duration;
use wasmtime::component::Component;

/// Time for describing: an interpreter may have to start first.
const DEADLINE: Duration = Duration::from_secs(30);

/// Memory for describing: schemas of thousands of operations.
const MEMORY_BYTES: u64 = 256 << 20;

/// Instantiates the component without any grant, asks it for its manifest, checks the
/// answer, and returns the component with the manifest as its custom section.
///
/// Blocks: compiles the component first.
pub fn describe(component: &[u8]) -> Result<Vec<u8>, LoadError> {
    let contract = check_shape(component)?;
    // On a thread of its own, because the caller may be inside an async runtime.
    let manifest = std::thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(failed)?;
            runtime.block_on(ask(component, contract))
        });
        asked.join().unwrap_or_else(|_| Err(failed("it panicked")))
    })?;
    embed(component, manifest.as_bytes())
}

async fn ask(bytes: &[u8], contract: &str) -> Result<String, LoadError> {
    let engine = engine::start(Allocation::OnDemand)?;
    let component =
        Component::new(&engine, bytes).map_err(|e| LoadError::Compile(format!("{e:#}")))?;
    let mut store = guest::store(&engine, Limits::new(MEMORY_BYTES));
    let scope = CallScope::closed(no_run(), step("describe"));
    store.data().slot.set(Some(Arc::new(scope)));
    let linker = guest::linker(&engine)?;
    let work = async move {
        let instance = linker.instantiate_async(&mut store, &component).await?;
        let interface = format!("dowel:connector/describe@{contract}");
        let export = instance
            .get_export_index(&mut store, None, &interface)
            .and_then(|index| instance.get_export_index(&mut store, Some(&index), "manifest"))
            .ok_or_else(|| wasmtime::format_err!("it does not export `{interface}`"))?;
        let manifest = instance.get_typed_func::<(), (String,)>(&mut store, &export)?;
        let (text,) = manifest.call_async(&mut store, ()).await?;
        wasmtime::Result::Ok(text)
    };
    match tokio::time::timeout(DEADLINE, work).await {
        Ok(answer) => answer.map_err(|e: wasmtime::Error| failed(format!("{e:#}"))),
        Err(_) => Err(failed("it took too long")),
    }
}

fn failed(why: impl std::fmt::Display) -> LoadError {
    LoadError::Describe(why.to_string())
}
