//! `wasi:http` as guests see it: Wasmtime's, with one thing put right.
//!
//! Wasmtime's `outgoing-handler.handle` copies the request options that it is given and
//! leaves their entry in the instance's table, although they belong to it by then. So a
//! guest that gives options, as every request of the SDK does, would never look tidy
//! (`GuestState::held`), and a long call would run out of resources.

use super::GuestState;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi_http::p2::bindings::LinkOptions;
use wasmtime_wasi_http::p2::bindings::http::outgoing_handler::{ErrorCode, Host, RequestOptions};
use wasmtime_wasi_http::p2::bindings::http::types::{self, Host as _};
use wasmtime_wasi_http::p2::types::{HostFutureIncomingResponse, HostOutgoingRequest};
use wasmtime_wasi_http::{WasiHttp, WasiHttpView};

/// Stands for every version of the interface that is compatible with it (0.2).
const INTERFACE: &str = "wasi:http/outgoing-handler@0.2.0";

/// Adds the interfaces of `wasi:http` that connectors may import.
pub(super) fn link(linker: &mut Linker<GuestState>) -> wasmtime::Result<()> {
    let options = LinkOptions::default();
    types::add_to_linker::<_, WasiHttp>(linker, &(&options).into(), GuestState::http)?;
    linker.instance(INTERFACE)?.func_wrap(
        "handle",
        |mut store: StoreContextMut<'_, GuestState>, given: Given| {
            Ok((handle(store.data_mut(), given)?,))
        },
    )
}

type Given = (
    Resource<HostOutgoingRequest>,
    Option<Resource<RequestOptions>>,
);

fn handle(
    state: &mut GuestState,
    (request, options): Given,
) -> wasmtime::Result<Result<Resource<HostFutureIncomingResponse>, ErrorCode>> {
    let given = options.as_ref().map(Resource::rep);
    let handled = state.http().handle(request, options);
    if let Some(rep) = given {
        let entry = Resource::<RequestOptions>::new_own(rep);
        state.http().table.delete(entry)?;
    }
    match handled {
        Ok(future) => Ok(Ok(future)),
        Err(error) => Ok(Err(state.http().convert_error_code(error)?)),
    }
}
