//! The component: exports the contract, and reaches the host through its imports.

mod http;

use crate::context::Call;
use crate::host::{Answer, Host, Level, OutgoingRequest, TransportError};
use crate::{Connector, Context, Error, ErrorKind, Position, SourcePage};
use bindings::dowel::connector::{host, types};
use bindings::exports::dowel::connector::sources;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Generated from `wit/dowel-connector@0.2.0`.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../../wit/dowel-connector@0.2.0",
        world: "described-connector",
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "dowel_sdk::__private::bindings",
    });
}

pub use bindings::export;

/// What a connector's crate exports.
pub struct Component<C>(PhantomData<C>);

impl<C: Connector> bindings::exports::dowel::connector::operations::Guest for Component<C> {
    fn call(
        operation: String,
        input: types::Json,
        ctx: types::CallContext,
    ) -> Result<types::Json, types::Error> {
        let ctx = context::<C>(ctx).map_err(|e| error(&e))?;
        C::dispatch(&ctx, &operation, &input).map_err(|e| error(&e))
    }

    fn check(ctx: types::CallContext) -> Result<(), types::Error> {
        let ctx = context::<C>(ctx).map_err(|e| error(&e))?;
        C::check(&ctx).map_err(|e| error(&e))
    }
}

impl<C: Connector> sources::Guest for Component<C> {
    fn read(
        source: String,
        params: types::Json,
        cursor: Option<String>,
        limit: u32,
        ctx: types::CallContext,
    ) -> Result<sources::Page, types::Error> {
        let ctx = context::<C>(ctx).map_err(|e| error(&e))?;
        let from = Position { cursor, limit };
        C::read_source(&ctx, &source, &params, &from)
            .map(page)
            .map_err(|e| error(&e))
    }

    fn ack(
        source: String,
        params: types::Json,
        cursor: String,
        ctx: types::CallContext,
    ) -> Result<(), types::Error> {
        let ctx = context::<C>(ctx).map_err(|e| error(&e))?;
        C::ack_source(&ctx, &source, &params, &cursor).map_err(|e| error(&e))
    }
}

fn page(page: SourcePage<crate::Json>) -> sources::Page {
    let events = page.events.into_iter().map(|event| sources::Event {
        id: event.id,
        kind: event.kind,
        subject: event.subject,
        time: event.time,
        data: event.data.as_str().to_owned(),
    });
    sources::Page {
        events: events.collect(),
        cursor: page.cursor,
        more: page.more,
    }
}

impl<C: Connector> bindings::exports::dowel::connector::describe::Guest for Component<C> {
    fn manifest() -> types::Json {
        crate::manifest::<C>()
    }
}

fn context<C: Connector>(ctx: types::CallContext) -> crate::Result<Context<C>> {
    let call = Call {
        run_id: ctx.run_id,
        step: ctx.step,
        idempotency_key: ctx.idempotency_key,
        deadline: Duration::from_millis(ctx.deadline_ms),
    };
    Context::new(
        &ctx.connection,
        call,
        Rc::new(DowelHost {
            started: Instant::now(),
        }),
    )
}

#[cold]
fn error(error: &Error) -> types::Error {
    let kind = match error.kind() {
        ErrorKind::InvalidInput => types::ErrorKind::InvalidInput,
        ErrorKind::Unauthenticated => types::ErrorKind::Unauthenticated,
        ErrorKind::Forbidden => types::ErrorKind::Forbidden,
        ErrorKind::NotFound => types::ErrorKind::NotFound,
        ErrorKind::Conflict => types::ErrorKind::Conflict,
        ErrorKind::RateLimited => types::ErrorKind::RateLimited,
        ErrorKind::Unavailable => types::ErrorKind::Unavailable,
        ErrorKind::Timeout => types::ErrorKind::Timeout,
        ErrorKind::UnknownOutcome => types::ErrorKind::UnknownOutcome,
        ErrorKind::Rejected => types::ErrorKind::Rejected,
        ErrorKind::Internal => types::ErrorKind::Internal,
    };
    let wait = error.retry_after().map(|wait| wait.as_millis());
    types::Error {
        kind,
        code: error.code().to_owned(),
        message: error.message().to_owned(),
        details: error.details().map(|details| details.as_str().to_owned()),
        retry_after_ms: wait.map(|wait| u64::try_from(wait).unwrap_or(u64::MAX)),
    }
}

/// The host behind the contract's imports.
struct DowelHost {
    started: Instant,
}

impl Host for DowelHost {
    fn log(&self, level: Level, message: &str, fields: &str) {
        let level = match level {
            Level::Trace => host::Level::Trace,
            Level::Debug => host::Level::Debug,
            Level::Info => host::Level::Info,
            Level::Warn => host::Level::Warn,
            Level::Error => host::Level::Error,
        };
        host::log(level, message, fields);
    }

    fn now(&self) -> u64 {
        host::now()
    }

    fn random_bytes(&self, count: u32) -> Vec<u8> {
        host::random_bytes(count)
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn send(&self, request: &OutgoingRequest) -> Result<Answer, TransportError> {
        http::send(request)
    }
}
