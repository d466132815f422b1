//! What a component exports, whichever contract it follows.

use crate::bindings::dowel::connector::types::{Error, ErrorKind};
use crate::bindings::exports::dowel::connector::operations::CallContext;
use crate::bindings::v2::dowel::connector::types as types2;
use crate::bindings::v2::exports::dowel::connector::operations::CallContext as CallContext2;
use crate::bindings::v2::exports::dowel::connector::sources::Page;
use crate::bindings::{self, receiving, subscribing, v2};
use crate::guest::GuestState;
use crate::load::LoadError;
use dowel_core::JsonText;
use dowel_core::manifest::{CONTRACT_WITH_SOURCES, Manifest};
use dowel_core::port::{
    HookAnswer, HookRequest, Reception, RemoteSubscription, SourceEvent, SourcePage,
    SubscriptionAsk, SubscriptionRequest,
};
use futures_util::FutureExt as _;
use futures_util::future::Either;
use receiving::exports::dowel::connector::receivers;
use wasmtime::component::{Component, InstancePre, Linker};
use wasmtime::{Engine, Store};

/// A component whose imports and exports are resolved, with their types.
#[derive(Clone)]
pub(crate) enum Prepared {
    V1(bindings::ConnectorPre<GuestState>),
    V2(Box<Prepared2>),
}

/// A component of contract 0.2.0, of which a part may be left out.
#[derive(Clone)]
pub(crate) struct Prepared2 {
    pre: InstancePre<GuestState>,
    connector: v2::ConnectorIndices,
    receiving: Option<receiving::ReceivingIndices>,
    subscribing: Option<subscribing::SubscribingIndices>,
}

/// The exports of an instance.
pub(crate) enum Exports {
    V1(bindings::Connector),
    V2(Box<Exports2>),
}

/// The exports of an instance of contract 0.2.0.
pub(crate) struct Exports2 {
    connector: v2::Connector,
    receiving: Option<receiving::Receiving>,
    subscribing: Option<subscribing::Subscribing>,
}

/// What an instance answers: its own result, or why it was stopped.
pub(crate) type Answer = wasmtime::Result<Result<String, Error>>;

/// What is read from a source.
pub(crate) struct Reading<'a> {
    pub(crate) source: &'a str,
    pub(crate) params: &'a str,
    pub(crate) cursor: Option<&'a str>,
    pub(crate) limit: u32,
}

impl Prepared {
    pub(crate) fn new(
        linker: &Linker<GuestState>,
        component: &Component,
        manifest: &Manifest,
    ) -> Result<Self, LoadError> {
        let pre = linker
            .instantiate_pre(component)
            .map_err(|e| LoadError::UnknownImports(vec![format!("{e:#}")]))?;
        let made = if manifest.contract == CONTRACT_WITH_SOURCES {
            Prepared2::new(pre, manifest).map(|made| Self::V2(Box::new(made)))
        } else {
            bindings::ConnectorPre::new(pre).map(Self::V1)
        };
        made.map_err(|e| LoadError::MissingExport(format!("{e:#}")))
    }

    pub(crate) fn engine(&self) -> &Engine {
        match self {
            Self::V1(pre) => pre.engine(),
            Self::V2(prepared) => prepared.pre.engine(),
        }
    }

    pub(crate) async fn instantiate(
        &self,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<Exports> {
        Ok(match self {
            Self::V1(pre) => Exports::V1(pre.instantiate_async(store).await?),
            Self::V2(prepared) => Exports::V2(Box::new(prepared.instantiate(store).await?)),
        })
    }
}

impl Prepared2 {
    /// What the manifest lists has to be exported.
    fn new(pre: InstancePre<GuestState>, manifest: &Manifest) -> wasmtime::Result<Self> {
        let mut receivers = manifest.receivers.iter();
        let receiving = match manifest.receivers.first() {
            Some(_) => Some(receiving::ReceivingIndices::new(&pre)?),
            None => None,
        };
        let subscribing = match receivers.find(|receiver| receiver.subscription) {
            Some(_) => Some(subscribing::SubscribingIndices::new(&pre)?),
            None => None,
        };
        Ok(Self {
            connector: v2::ConnectorIndices::new(&pre)?,
            receiving,
            subscribing,
            pre,
        })
    }

    async fn instantiate(&self, store: &mut Store<GuestState>) -> wasmtime::Result<Exports2> {
        let instance = self.pre.instantiate_async(&mut *store).await?;
        let receiving = self.receiving.as_ref();
        let subscribing = self.subscribing.as_ref();
        Ok(Exports2 {
            connector: self.connector.load(&mut *store, &instance)?,
            receiving: receiving
                .map(|indices| indices.load(&mut *store, &instance))
                .transpose()?,
            subscribing: subscribing
                .map(|indices| indices.load(&mut *store, &instance))
                .transpose()?,
        })
    }
}

impl Exports {
    /// No `async fn`: that one has its arguments twice, and this one is in every call's
    /// future.
    pub(crate) fn call<'a>(
        &'a self,
        store: &'a mut Store<GuestState>,
        operation: &'a str,
        input: &'a str,
        context: CallContext<'a>,
    ) -> impl Future<Output = Answer> + Send + 'a {
        match self {
            Self::V1(connector) => {
                let operations = connector.dowel_connector_operations();
                Either::Left(operations.call_call(store, operation, input, context))
            }
            Self::V2(exports) => {
                let operations = exports.connector.dowel_connector_operations();
                let context = context2(&context);
                let called = operations.call_call(store, operation, input, context);
                Either::Right(called.map(|answer| Ok(answer?.map_err(error1))))
            }
        }
    }

    pub(crate) async fn check(
        &self,
        store: &mut Store<GuestState>,
        context: CallContext<'_>,
    ) -> Answer {
        let checked = match self {
            Self::V1(connector) => {
                let operations = connector.dowel_connector_operations();
                operations.call_check(store, context).await?
            }
            Self::V2(exports) => {
                let operations = exports.connector.dowel_connector_operations();
                let checked = operations.call_check(store, context2(&context));
                checked.await?.map_err(error1)
            }
        };
        Ok(checked.map(|()| "null".to_owned()))
    }

    /// The page is given back as JSON, whose size and form are checked like those of any
    /// output.
    pub(crate) async fn read(
        &self,
        store: &mut Store<GuestState>,
        reading: &Reading<'_>,
        context: CallContext<'_>,
    ) -> Answer {
        let Self::V2(exports) = self else {
            return Err(no_sources());
        };
        let sources = exports.connector.dowel_connector_sources();
        let Reading {
            source,
            params,
            cursor,
            limit,
        } = reading;
        let read = sources.call_read(store, source, params, *cursor, *limit, context2(&context));
        Ok(read.await?.map(page).map_err(error1))
    }

    /// `cursor` is what has been committed.
    pub(crate) async fn ack(
        &self,
        store: &mut Store<GuestState>,
        reading: &Reading<'_>,
        context: CallContext<'_>,
    ) -> Answer {
        let Self::V2(exports) = self else {
            return Err(no_sources());
        };
        let sources = exports.connector.dowel_connector_sources();
        let Reading { source, params, .. } = reading;
        let cursor = reading.cursor.unwrap_or_default();
        let acked = sources.call_ack(store, source, params, cursor, context2(&context));
        Ok(acked.await?.map(|()| "null".to_owned()).map_err(error1))
    }
}

/// Receivers and subscriptions.
impl Exports {
    /// The reception is given back as JSON, as a page is.
    pub(crate) async fn receive(
        &self,
        store: &mut Store<GuestState>,
        receiver: &str,
        params: &str,
        request: &HookRequest,
        context: CallContext<'_>,
    ) -> Answer {
        let Self::V2(exports) = self else {
            return Err(no_receivers());
        };
        let receiving = exports.receiving.as_ref().ok_or_else(no_receivers)?;
        let headers: Vec<(&str, &str)> = request
            .headers
            .iter()
            .filter(|(name, _)| !is_credential(name))
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let request = receivers::Request {
            method: &request.method,
            url: &request.url,
            path: &request.path,
            query: request.query.as_deref(),
            headers: &headers,
            body: &request.body,
        };
        let received = receiving.dowel_connector_receivers().call_receive(
            store,
            receiver,
            params,
            request,
            context2(&context),
        );
        Ok(received.await?.map(reception).map_err(error1))
    }
}

/// Subscriptions.
impl Exports {
    /// The subscription that stands afterwards, as JSON; `null` if it has ended.
    pub(crate) async fn subscription(
        &self,
        store: &mut Store<GuestState>,
        asked: &SubscriptionRequest,
        context: CallContext<'_>,
    ) -> Answer {
        let subscribing = match self {
            Self::V2(exports) => exports.subscribing.as_ref(),
            Self::V1(_) => None,
        };
        let guest = subscribing.ok_or_else(no_receivers)?;
        let guest = guest.dowel_connector_subscriptions();
        let (receiver, params) = (asked.receiver.as_str(), asked.params.as_str());
        let context = context2(&context);
        let stands = match &asked.ask {
            SubscriptionAsk::Subscribe { url } => {
                let asked = guest.call_subscribe(store, receiver, params, url, context);
                asked.await?.map(Some)
            }
            SubscriptionAsk::Renew { url, id } => {
                let asked = guest.call_renew(store, receiver, params, url, id, context);
                asked.await?.map(Some)
            }
            SubscriptionAsk::Unsubscribe { id } => {
                let asked = guest.call_unsubscribe(store, receiver, params, id, context);
                asked.await?.map(|()| None)
            }
        };
        let stands = stands.map_err(error1);
        Ok(stands.map(|stands| {
            let stands = stands.map(|stands| RemoteSubscription {
                id: stands.id,
                expires_ms: stands.expires_ms,
            });
            serde_json::to_string(&stands).unwrap_or_default()
        }))
    }
}

/// What no guest sees of a request.
fn is_credential(name: &str) -> bool {
    matches!(name, "authorization" | "cookie" | "proxy-authorization")
}

/// The manifest of such a component lists no receivers, so nobody asks.
fn no_receivers() -> wasmtime::Error {
    wasmtime::format_err!("the connector exports no receivers")
}

/// The reception as JSON; a text that is no JSON if the data of an event is none.
fn reception(reception: receivers::Reception) -> String {
    let event = |event: receivers::Event| {
        Some(SourceEvent {
            id: event.id,
            kind: event.kind,
            subject: event.subject,
            time: event.time,
            data: JsonText::parse(&event.data).ok()?,
        })
    };
    let events: Option<Vec<SourceEvent>> = reception.events.into_iter().map(event).collect();
    let answer = reception.answer.map(|answer| HookAnswer {
        status: answer.status,
        headers: answer.headers,
        body: answer.body,
    });
    let made = events.and_then(|events| serde_json::to_string(&Reception { events, answer }).ok());
    made.unwrap_or_default()
}

/// The manifest of an earlier contract lists no sources, so nobody asks.
fn no_sources() -> wasmtime::Error {
    wasmtime::format_err!("the contract of the connector has no sources")
}

/// The page as JSON; a text that is no JSON if the data of an event is none.
fn page(page: Page) -> String {
    let event = |event: v2::exports::dowel::connector::sources::Event| {
        Some(SourceEvent {
            id: event.id,
            kind: event.kind,
            subject: event.subject,
            time: event.time,
            data: JsonText::parse(&event.data).ok()?,
        })
    };
    let events: Option<Vec<SourceEvent>> = page.events.into_iter().map(event).collect();
    let made = events.and_then(|events| {
        let page = SourcePage {
            events,
            cursor: page.cursor,
            more: page.more,
        };
        serde_json::to_string(&page).ok()
    });
    made.unwrap_or_default()
}

fn context2<'a>(context: &CallContext<'a>) -> CallContext2<'a> {
    CallContext2 {
        run_id: context.run_id,
        step: context.step,
        idempotency_key: context.idempotency_key,
        deadline_ms: context.deadline_ms,
        connection: context.connection,
    }
}

fn error1(error: types2::Error) -> Error {
    use types2::ErrorKind as Kind;
    let kind = match error.kind {
        Kind::InvalidInput => ErrorKind::InvalidInput,
        Kind::Unauthenticated => ErrorKind::Unauthenticated,
        Kind::Forbidden => ErrorKind::Forbidden,
        Kind::NotFound => ErrorKind::NotFound,
        Kind::Conflict => ErrorKind::Conflict,
        Kind::RateLimited => ErrorKind::RateLimited,
        Kind::Unavailable => ErrorKind::Unavailable,
        Kind::Timeout => ErrorKind::Timeout,
        Kind::UnknownOutcome => ErrorKind::UnknownOutcome,
        Kind::Rejected => ErrorKind::Rejected,
        Kind::Internal => ErrorKind::Internal,
    };
    Error {
        kind,
        code: error.code,
        message: error.message,
        details: error.details,
        retry_after_ms: error.retry_after_ms,
    }
}
