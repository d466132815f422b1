//! What a component exports, whichever contract it follows.

use crate::bindings::dowel::connector::types::{Error, ErrorKind};
use crate::bindings::exports::dowel::connector::operations::CallContext;
use crate::bindings::v2::dowel::connector::types as types2;
use crate::bindings::v2::exports::dowel::connector::operations::CallContext as CallContext2;
use crate::bindings::v2::exports::dowel::connector::sources::Page;
use crate::bindings::{self, v2};
use crate::guest::GuestState;
use crate::load::LoadError;
use dowel_core::JsonText;
use dowel_core::manifest::CONTRACT_WITH_SOURCES;
use dowel_core::port::{SourceEvent, SourcePage};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

/// A component whose imports and exports are resolved, with their types.
#[derive(Clone)]
pub(crate) enum Prepared {
    V1(bindings::ConnectorPre<GuestState>),
    V2(v2::ConnectorPre<GuestState>),
}

/// The exports of an instance.
pub(crate) enum Exports {
    V1(bindings::Connector),
    V2(v2::Connector),
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
        contract: &str,
    ) -> Result<Self, LoadError> {
        let pre = linker
            .instantiate_pre(component)
            .map_err(|e| LoadError::UnknownImports(vec![format!("{e:#}")]))?;
        let made = if contract == CONTRACT_WITH_SOURCES {
            v2::ConnectorPre::new(pre).map(Self::V2)
        } else {
            bindings::ConnectorPre::new(pre).map(Self::V1)
        };
        made.map_err(|e| LoadError::MissingExport(format!("{e:#}")))
    }

    pub(crate) fn engine(&self) -> &Engine {
        match self {
            Self::V1(pre) => pre.engine(),
            Self::V2(pre) => pre.engine(),
        }
    }

    pub(crate) async fn instantiate(
        &self,
        store: &mut Store<GuestState>,
    ) -> wasmtime::Result<Exports> {
        Ok(match self {
            Self::V1(pre) => Exports::V1(pre.instantiate_async(store).await?),
            Self::V2(pre) => Exports::V2(pre.instantiate_async(store).await?),
        })
    }
}

impl Exports {
    pub(crate) async fn call(
        &self,
        store: &mut Store<GuestState>,
        operation: &str,
        input: &str,
        context: CallContext<'_>,
    ) -> Answer {
        match self {
            Self::V1(connector) => {
                let operations = connector.dowel_connector_operations();
                operations.call_call(store, operation, input, context).await
            }
            Self::V2(connector) => {
                let operations = connector.dowel_connector_operations();
                let context = context2(&context);
                let called = operations.call_call(store, operation, input, context);
                Ok(called.await?.map_err(error1))
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
            Self::V2(connector) => {
                let operations = connector.dowel_connector_operations();
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
        let Self::V2(connector) = self else {
            return Err(no_sources());
        };
        let sources = connector.dowel_connector_sources();
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
        let Self::V2(connector) = self else {
            return Err(no_sources());
        };
        let sources = connector.dowel_connector_sources();
        let Reading { source, params, .. } = reading;
        let cursor = reading.cursor.unwrap_or_default();
        let acked = sources.call_ack(store, source, params, cursor, context2(&context));
        Ok(acked.await?.map(|()| "null".to_owned()).map_err(error1))
    }
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
