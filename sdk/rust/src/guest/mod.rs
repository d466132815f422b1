//! The component: exports the contract, and reaches the host through its imports.

mod blob;
mod http;

pub(crate) use blob::{create_blob, open_blob};

use crate::context::Call;
use crate::host::{Answer, Host, Level, OutgoingRequest, SendError, Streams};
use crate::receiver::{Algorithm, Ask, Claim, Doubt, Encoding, Proof};
use crate::{
    Connector, Context, Error, ErrorKind, Incoming, Json, Position, Reception, SourcePage,
    Subscription,
};
use bindings::dowel::connector::{host, types};
use bindings::exports::dowel::connector::sources;
use receiving::dowel::connector::signatures;
use receiving::exports::dowel::connector::receivers;
use std::marker::PhantomData;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};
use subscribing::exports::dowel::connector::subscriptions;

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

/// What a connector with receivers adds.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
pub mod receiving {
    wit_bindgen::generate!({
        path: "../../wit/dowel-connector@0.2.0",
        world: "receiving",
        with: { "dowel:connector/types@0.2.0": crate::guest::bindings::dowel::connector::types },
        pub_export_macro: true,
        export_macro_name: "export_receiving",
        default_bindings_module: "dowel_sdk::__private::receiving",
    });
}

/// What a connector with receivers adds that may set up the sending themselves.
#[allow(missing_docs, unreachable_pub, unused_qualifications, clippy::all)]
pub mod subscribing {
    wit_bindgen::generate!({
        path: "../../wit/dowel-connector@0.2.0",
        world: "subscribing",
        with: { "dowel:connector/types@0.2.0": crate::guest::bindings::dowel::connector::types },
        pub_export_macro: true,
        export_macro_name: "export_subscribing",
        default_bindings_module: "dowel_sdk::__private::subscribing",
    });
}

pub use bindings::export;
pub use receiving::export_receiving;
pub use subscribing::export_subscribing;

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

fn page(page: SourcePage<Json>) -> sources::Page {
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

impl<C: Connector> receivers::Guest for Component<C> {
    fn receive(
        receiver: String,
        params: types::Json,
        request: receivers::Request,
        ctx: types::CallContext,
    ) -> Result<receivers::Reception, types::Error> {
        let ctx = context::<C>(ctx).map_err(|e| error(&e))?;
        let request = Incoming {
            method: request.method,
            url: request.url,
            path: request.path,
            query: request.query,
            headers: request.headers,
            body: request.body,
        };
        C::receive(&ctx, &receiver, &params, &request)
            .map(reception)
            .map_err(|e| error(&e))
    }
}

fn reception(reception: Reception<Json>) -> receivers::Reception {
    let events = reception.events.into_iter().map(|event| receivers::Event {
        id: event.id,
        kind: event.kind,
        subject: event.subject,
        time: event.time,
        data: event.data.as_str().to_owned(),
    });
    receivers::Reception {
        events: events.collect(),
        answer: reception.answer.map(|answer| receivers::Answer {
            status: answer.status,
            headers: answer.headers,
            body: answer.body,
        }),
    }
}

impl<C: Connector> subscriptions::Guest for Component<C> {
    fn subscribe(
        receiver: String,
        params: types::Json,
        url: String,
        ctx: types::CallContext,
    ) -> Result<subscriptions::Subscription, types::Error> {
        stands::<C>(&receiver, &params, Ask::Subscribe { url: &url }, ctx)
    }

    fn renew(
        receiver: String,
        params: types::Json,
        url: String,
        id: String,
        ctx: types::CallContext,
    ) -> Result<subscriptions::Subscription, types::Error> {
        let ask = Ask::Renew { url: &url, id: &id };
        stands::<C>(&receiver, &params, ask, ctx)
    }

    fn unsubscribe(
        receiver: String,
        params: types::Json,
        id: String,
        ctx: types::CallContext,
    ) -> Result<(), types::Error> {
        ask::<C>(&receiver, &params, Ask::Unsubscribe { id: &id }, ctx).map(drop)
    }
}

fn ask<C: Connector>(
    receiver: &str,
    params: &str,
    ask: Ask<'_>,
    ctx: types::CallContext,
) -> Result<Option<Subscription>, types::Error> {
    let ctx = context::<C>(ctx).map_err(|e| error(&e))?;
    C::subscription(&ctx, receiver, params, ask).map_err(|e| error(&e))
}

/// A subscription that stands afterwards.
fn stands<C: Connector>(
    receiver: &str,
    params: &str,
    asked: Ask<'_>,
    ctx: types::CallContext,
) -> Result<subscriptions::Subscription, types::Error> {
    let stands = ask::<C>(receiver, params, asked, ctx)?;
    let none = || Error::internal("no-subscription", "the receiver named no subscription");
    let stands = stands.ok_or_else(|| error(&none()))?;
    Ok(subscriptions::Subscription {
        id: stands.id,
        expires_ms: stands.expires.map(millis),
    })
}

fn millis(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
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

    fn verify(&self, claim: &Claim) -> Result<(), Doubt> {
        let claim = signatures::Claim {
            algorithm: match claim.algorithm {
                Algorithm::HmacSha256 => signatures::Algorithm::HmacSha256,
                Algorithm::HmacSha512 => signatures::Algorithm::HmacSha512,
                Algorithm::HmacSha1 => signatures::Algorithm::HmacSha1,
                Algorithm::Ed25519 => signatures::Algorithm::Ed25519,
                Algorithm::Token => signatures::Algorithm::Token,
            },
            signature: match &claim.proof {
                Proof::Bytes(bytes) => signatures::Signature::Bytes(bytes.clone()),
                Proof::Header {
                    name,
                    prefix,
                    encoding: written,
                } => signatures::Signature::Header(signatures::HeaderSignature {
                    name: name.clone(),
                    prefix: prefix.clone(),
                    encoding: encoding(*written),
                }),
            },
            message: claim.message.clone(),
            key: encoding(claim.key),
            signed_at_ms: claim.signed_at.map(millis),
            tolerance_ms: u64::try_from(claim.tolerance.as_millis()).unwrap_or(u64::MAX),
        };
        signatures::verify(&claim).map_err(|doubt| match doubt {
            signatures::Doubt::NoKey => Doubt::NoKey,
            signatures::Doubt::Missing => Doubt::Missing,
            signatures::Doubt::Malformed => Doubt::Malformed,
            signatures::Doubt::NoFit => Doubt::NoFit,
            signatures::Doubt::OutsideTolerance => Doubt::OutsideTolerance,
            signatures::Doubt::TooMany => Doubt::TooMany,
        })
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    fn send(
        &self,
        request: &OutgoingRequest,
        streams: &mut Streams<'_>,
    ) -> Result<Answer, SendError> {
        http::send(request, streams)
    }
}

fn encoding(encoding: Encoding) -> signatures::Encoding {
    match encoding {
        Encoding::Text => signatures::Encoding::Text,
        Encoding::Hex => signatures::Encoding::Hex,
        Encoding::Base64 => signatures::Encoding::Base64,
    }
}
