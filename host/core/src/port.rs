//! The ports: what the engine needs from the outside. Adapters implement them, the
//! command line plugs them in, the simulation replaces them.

mod blobs;
mod clock;
mod flow_source;
mod identity;
mod invoker;
mod mapper;
mod secrets;
mod store;

pub use blobs::{BlobError, BlobReader, BlobRef, BlobWriter, Blobs};
pub use clock::{Clock, Randomness};
pub use flow_source::{FlowSource, ReadScope, RepositoryError};
pub use identity::{Identity, IdentityError, IdentityProvider, LoginRequest, Machine};
pub use invoker::{
    CallOutcome, CallRequest, HookAnswer, HookRequest, Invoker, ReceiverRequest, Reception,
    RemoteSubscription, SourceEvent, SourcePage, SourceRequest, SubscriptionAsk,
    SubscriptionRequest,
};
pub use mapper::{CheckExpressions, CheckRequest, EvaluationRequest, Mapper};
pub use secrets::{Secret, SecretError, Secrets};
pub use store::{
    Batch, Entry, MAX_KEY_BYTES, Precondition, Scan, Snapshot, Store, StoreError, Write,
};

use std::future::Future;
use std::pin::Pin;

/// A future that an adapter returns.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
