//! Leads `wasi:http/outgoing-handler` into the gateway.

use crate::gateway::exchange;
use crate::scope::Slot;
use http::HeaderName;
use std::sync::Arc;
use wasmtime_wasi_http::{
    Error, ForbiddenHeaderFilter, RequestOptions, Result, WasiBody, WasiHttpHooks,
};

/// The hooks of one instance.
pub(crate) struct Egress(pub Arc<Slot>);

type Io = Box<dyn Future<Output = Result<()>> + Send>;
type Answer = Box<dyn Future<Output = Result<(http::Response<WasiBody>, Io)>> + Send>;

impl WasiHttpHooks for Egress {
    /// The gateway judges headers, so that a refusal is on record.
    fn is_forbidden_header(&mut self, _name: &HeaderName) -> bool {
        false
    }

    fn forbidden_header_filter(&mut self) -> ForbiddenHeaderFilter {
        Arc::new(|_| false)
    }

    /// The HTTP client sets it from the URL that was checked.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Io,
    ) -> Answer {
        let scope = self.0.get();
        Box::new(async move {
            let scope = scope.ok_or(Error::HttpRequestDenied)?;
            let answer = exchange(scope, request, options).await?;
            Ok((answer, Box::new(std::future::ready(Ok(()))) as Io))
        })
    }
}
