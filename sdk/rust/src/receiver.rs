//! Receivers: requests that come in for the connector.

mod claim;
mod incoming;

pub use claim::{Claim, Encoding};
pub use incoming::Incoming;

pub(crate) use claim::Doubt;
#[cfg(target_arch = "wasm32")]
pub(crate) use claim::{Algorithm, Proof};

use crate::manifest::ReceiverSpec;
use crate::{Connector, Context, Error, Json, Result, SourceEvent, json};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::SystemTime;

/// What a request came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Reception<T> {
    /// All events of the request; none if there is nothing in it that matters.
    pub events: Vec<SourceEvent<T>>,
    /// What the sender wants to hear, once the events are on disk; the host's own answer
    /// without it.
    pub answer: Option<Reply>,
}

impl<T> Reception<T> {
    /// Events, and the host's own answer.
    pub fn of(events: impl IntoIterator<Item = SourceEvent<T>>) -> Self {
        Self {
            events: events.into_iter().collect(),
            answer: None,
        }
    }

    /// A handshake: nothing has happened, and the sender wants this answer.
    pub fn handshake(answer: Reply) -> Self {
        Self {
            events: Vec::new(),
            answer: Some(answer),
        }
    }
}

/// What the sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// From 200 to 299.
    pub status: u16,
    /// `content-type`, and names that begin with `x-`.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Reply {
    /// Status 200 with a plain text.
    pub fn text(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body: body.into(),
        }
    }

    /// Status 200 with JSON.
    pub fn json(body: &impl Serialize) -> Result<Self> {
        let body = Json::of(body).map_err(|_| {
            Error::internal("answer-not-json", "the answer cannot be written as JSON")
        })?;
        Ok(Self {
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: body.as_str().to_owned(),
        })
    }

    /// The same answer with one more header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_ascii_lowercase(), value.into()));
        self
    }
}

/// A subscription that stands at the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// The service's own name for it.
    pub id: String,
    /// When it ends unless it is renewed. `None`: it stays.
    pub expires: Option<SystemTime>,
}

/// A receiver of a connector. Written by [`macro@crate::receiver`] for a type without
/// values that has the function's name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a receiver",
    label = "a function with `#[receiver]` is expected here"
)]
pub trait Receiver {
    /// The connector that it belongs to.
    type Config: Connector;
    /// What a flow chooses.
    type Params: DeserializeOwned + JsonSchema;
    /// The data of an event.
    type Event: Serialize + JsonSchema;
    /// The receiver's name.
    const NAME: &'static str;
    /// What the manifest says beside the schemas.
    #[doc(hidden)]
    const SPEC: ReceiverSpec;

    /// Reads a request. Changes nothing upstream: the same request may come again.
    fn receive(
        ctx: &Context<Self::Config>,
        params: Self::Params,
        request: &Incoming,
    ) -> Result<Reception<Self::Event>>;

    /// Asks the service to send events to the URL.
    fn subscribe(
        ctx: &Context<Self::Config>,
        params: Self::Params,
        url: &str,
    ) -> Result<Subscription> {
        let _ = (ctx, params, url);
        Err(no_subscription())
    }

    /// Makes a subscription stand for longer. Subscribes anew unless the receiver has a way
    /// of its own.
    fn renew(
        ctx: &Context<Self::Config>,
        params: Self::Params,
        url: &str,
        id: &str,
    ) -> Result<Subscription> {
        let _ = id;
        Self::subscribe(ctx, params, url)
    }

    /// Ends a subscription. One that is not there has ended.
    fn unsubscribe(ctx: &Context<Self::Config>, params: Self::Params, id: &str) -> Result<()> {
        let _ = (ctx, params, id);
        Err(no_subscription())
    }
}

/// The type that a receiver returns.
#[diagnostic::on_unimplemented(
    message = "a receiver returns `dowel_sdk::Result<Reception<Event>>`",
    label = "this is not `dowel_sdk::Result<Reception<…>>`"
)]
pub trait ReceiverResult {
    /// The data of an event.
    type Event;
}

impl<T> ReceiverResult for Result<Reception<T>> {
    type Event = T;
}

/// What the host asks of a receiver's subscription.
#[derive(Clone, Copy, Debug)]
pub enum Ask<'a> {
    /// That events are sent to the URL.
    Subscribe {
        /// Where the host listens.
        url: &'a str,
    },
    /// That they are for longer.
    Renew {
        /// Where the host listens.
        url: &'a str,
        /// The subscription.
        id: &'a str,
    },
    /// That they are no more.
    Unsubscribe {
        /// The subscription.
        id: &'a str,
    },
}

/// Reads the parameters, gives the request to the receiver and writes the events' data as
/// JSON.
pub fn receive<R: Receiver>(
    ctx: &Context<R::Config>,
    params: &str,
    request: &Incoming,
) -> Result<Reception<Json>> {
    let params = json::read::params::<R::Params>(params)?;
    let reception = R::receive(ctx, params, request)?;
    let events = reception.events.into_iter().map(SourceEvent::written);
    Ok(Reception {
        events: events.collect::<Result<_>>()?,
        answer: reception.answer,
    })
}

/// Reads the parameters and does what the host asks; nothing where a subscription has ended.
pub fn subscription<R: Receiver>(
    ctx: &Context<R::Config>,
    params: &str,
    ask: Ask<'_>,
) -> Result<Option<Subscription>> {
    let params = json::read::params::<R::Params>(params)?;
    match ask {
        Ask::Subscribe { url } => R::subscribe(ctx, params, url).map(Some),
        Ask::Renew { url, id } => R::renew(ctx, params, url, id).map(Some),
        Ask::Unsubscribe { id } => R::unsubscribe(ctx, params, id).map(|()| None),
    }
}

/// The flow asked for something that the connector does not have.
#[cold]
pub fn unknown_receiver(_name: &str) -> Error {
    let message = "this connector has no receiver of that name; \
                   `dowel connector inspect` lists those that it has";
    Error::invalid_input("unknown-receiver", message)
}

#[cold]
fn no_subscription() -> Error {
    let message = "this receiver does not set up the sending itself";
    Error::invalid_input("no-subscription", message)
}
