//! What the macros implement, and the way from a call to a function.

use crate::manifest::{OperationSpec, Operations, Receivers, Sources};
use crate::receiver::{Ask, Incoming, Reception, Subscription, unknown_receiver};
use crate::source::{Position, SourcePage, unknown_source};
use crate::{Context, Error, Json, Result, json};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A connector: the type of its connections' configuration. Written by
/// [`macro@crate::connector`].
pub trait Connector: DeserializeOwned + JsonSchema + Sized + 'static {
    /// The connector's name.
    const NAME: &'static str;
    /// The connector's version (SemVer).
    const VERSION: &'static str;
    /// One sentence.
    const SUMMARY: &'static str;
    /// Where its requests may go.
    const EGRESS: &'static [&'static str];
    /// Whether it keeps or reads large bodies.
    const BLOBS: bool = false;

    /// Where relative paths of requests begin.
    fn base_url(&self) -> Option<&str> {
        None
    }

    /// Adds every operation to a manifest.
    #[doc(hidden)]
    fn describe_operations(manifest: &mut Operations<'_>);

    /// Runs the operation of this name.
    #[doc(hidden)]
    fn dispatch(ctx: &Context<Self>, operation: &str, input: &str) -> Result<String>;

    /// Adds every source to a manifest: none by default.
    #[doc(hidden)]
    fn describe_sources(manifest: &mut Sources<'_>) {
        let _ = manifest;
    }

    /// Reads the source of this name.
    #[doc(hidden)]
    fn read_source(
        ctx: &Context<Self>,
        source: &str,
        params: &str,
        from: &Position,
    ) -> Result<SourcePage<Json>> {
        let _ = (ctx, params, from);
        Err(unknown_source(source))
    }

    /// Tells the source of this name what has been committed.
    #[doc(hidden)]
    fn ack_source(ctx: &Context<Self>, source: &str, params: &str, cursor: &str) -> Result<()> {
        let _ = (ctx, params, cursor);
        Err(unknown_source(source))
    }

    /// Adds every receiver to a manifest: none by default.
    #[doc(hidden)]
    fn describe_receivers(manifest: &mut Receivers<'_>) {
        let _ = manifest;
    }

    /// Gives a request to the receiver of this name.
    #[doc(hidden)]
    fn receive(
        ctx: &Context<Self>,
        receiver: &str,
        params: &str,
        request: &Incoming,
    ) -> Result<Reception<Json>> {
        let _ = (ctx, params, request);
        Err(unknown_receiver(receiver))
    }

    /// Asks the receiver of this name for a subscription.
    #[doc(hidden)]
    fn subscription(
        ctx: &Context<Self>,
        receiver: &str,
        params: &str,
        ask: Ask<'_>,
    ) -> Result<Option<Subscription>> {
        let _ = (ctx, params, ask);
        Err(unknown_receiver(receiver))
    }

    /// Tests the connection without side effects. Does nothing by default: that the
    /// configuration can be read has been tested by then.
    fn check(ctx: &Context<Self>) -> Result<()> {
        let _ = ctx;
        Ok(())
    }
}

/// An operation of a connector. Written by [`macro@crate::operation`] for a type without
/// values that has the function's name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an operation",
    label = "a function with `#[operation(…)]` is expected here"
)]
pub trait Operation {
    /// The connector that it belongs to.
    type Config: Connector;
    /// What it takes.
    type Input: DeserializeOwned + JsonSchema;
    /// What it gives.
    type Output: Serialize + JsonSchema;
    /// The operation's name.
    const NAME: &'static str;
    /// What the manifest says beside the schemas.
    #[doc(hidden)]
    const SPEC: OperationSpec;

    /// Runs it.
    fn call(ctx: &Context<Self::Config>, input: Self::Input) -> Result<Self::Output>;
}

/// The type that an operation's first parameter points to.
#[diagnostic::on_unimplemented(
    message = "the first parameter of an operation is `&dowel_sdk::Context<Config>`",
    label = "this is not `Context<Config>`"
)]
pub trait OperationContext {
    /// The connector.
    type Config: Connector;
}

impl<C: Connector> OperationContext for Context<C> {
    type Config = C;
}

/// The type that an operation returns.
#[diagnostic::on_unimplemented(
    message = "an operation returns `dowel_sdk::Result<Output>`",
    label = "this is not `dowel_sdk::Result`"
)]
pub trait OperationResult {
    /// What it gives when it succeeds.
    type Output;
}

impl<T> OperationResult for Result<T> {
    type Output = T;
}

/// Reads the input, runs the operation and writes the output.
pub fn run<O: Operation>(ctx: &Context<O::Config>, input: &str) -> Result<String> {
    let input = json::read::input::<O::Input>(input)?;
    let output = O::call(ctx, input)?;
    serde_json::to_string(&output)
        .map_err(|_| Error::internal("output-not-json", "the output cannot be written as JSON"))
}

/// The flow asked for something that the connector does not have.
#[cold]
pub fn unknown_operation(_name: &str) -> Error {
    let message = "this connector has no operation of that name; \
                   `dowel connector inspect` lists those that it has";
    Error::invalid_input("unknown-operation", message)
}

/// Whether two names are equal, at compile time.
pub const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut at = 0;
    while at < a.len() {
        if a[at] != b[at] {
            return false;
        }
        at += 1;
    }
    true
}
