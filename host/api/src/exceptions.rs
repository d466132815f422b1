//! `/api/v1/exceptions`: what waits for a person, and what they decide about it.

pub(crate) mod bulk;
pub(crate) mod proposals;
mod show;

pub(crate) use show::{__path_show, Listed, show};

use crate::access::Actor;
use crate::paging;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use dowel_core::access::Permission;
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::code::run::NO_SUCH_EXCEPTION;
use dowel_core::{ErrorKind, FlowName, RunId, Timestamp};
use dowel_engine::{Action, Decided, Deciding, GroupStatus, ItemClass, ItemsQuery};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Items on a page unless the request says otherwise.
const DEFAULT_PAGE: usize = 50;

/// The longest reason, in bytes: it is kept for good.
const MAX_TEXT: usize = 1_000;

/// Which items are meant.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[schema(as = ExceptionsFilter)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    flow: Option<String>,
    step: Option<String>,
    code: Option<String>,
    #[schema(value_type = Option<String>)]
    #[param(value_type = Option<String>)]
    kind: Option<ErrorKind>,
    #[schema(value_type = Option<String>)]
    #[param(value_type = Option<String>)]
    class: Option<ItemClass>,
    since: Option<String>,
    until: Option<String>,
    #[serde(default)]
    overdue: bool,
    /// Only these; in a body, not in a query.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    #[param(ignore)]
    ids: Vec<RunId>,
    cursor: Option<String>,
    limit: Option<usize>,
}

impl Filter {
    pub(crate) fn query(self) -> Result<ItemsQuery, Problem> {
        let bad = |message: String| Problem::new(BAD_REQUEST, message);
        let instant = |name: &str, text: Option<String>| {
            text.map(|text| {
                let at = Timestamp::parse(&text);
                at.ok_or_else(|| bad(format!("`{name}` is not an instant in RFC 3339")))
            })
            .transpose()
        };
        let flow = self.flow.as_deref().map(FlowName::new).transpose();
        Ok(ItemsQuery {
            flow: flow.map_err(|e| bad(e.to_string()))?,
            step: self.step,
            code: self.code,
            kind: self.kind,
            class: self.class,
            since: instant("since", self.since)?,
            until: instant("until", self.until)?,
            overdue: self.overdue,
            ids: self.ids,
            before: paging::place(self.cursor.as_deref(), read_place)?,
            limit: self.limit.unwrap_or(DEFAULT_PAGE),
        })
    }
}

/// When an exception was opened, and which it is.
fn read_place(text: &str) -> Option<(Timestamp, RunId)> {
    let (at, id) = text.split_once('.')?;
    Some((Timestamp::from_millis(at.parse().ok()?), id.parse().ok()?))
}

/// A page of the list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExceptionsPage)]
pub(crate) struct Page {
    exceptions: Vec<Listed>,
    next: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/v1/exceptions",
    tag = "exceptions",
    operation_id = "list_exceptions",
    summary = "Lists what waits for a person, the newest first",
    params(Filter),
    responses(
        (status = 200, description = "A page of exceptions", body = Page),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(filter) = filter.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let page = state.engine.items(&filter.query()?).await?;
    let now = state.engine.time();
    let next = page.next;
    Ok(Json(Page {
        exceptions: page
            .items
            .into_iter()
            .filter(|item| actor.reaches(&state.engine, Permission::Read, &item.flow))
            .map(|item| Listed::of(item, now))
            .collect(),
        next: next.map(|(at, id)| paging::cursor(&format!("{}.{id}", at.as_millis()))),
    }))
}

/// Items with the same cause.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExceptionGroup)]
pub(crate) struct ListedGroup {
    flow: String,
    step: String,
    code: String,
    count: u64,
    oldest: Listed,
}

/// The groups.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExceptionGroups)]
pub(crate) struct Groups {
    groups: Vec<ListedGroup>,
}

#[utoipa::path(
    get,
    path = "/api/v1/exceptions/groups",
    tag = "exceptions",
    operation_id = "group_exceptions",
    summary = "Counts exceptions by their cause",
    params(Filter),
    responses(
        (status = 200, description = "The groups", body = Groups),
    ),
)]
pub(crate) async fn groups(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<Groups>, Problem> {
    let Query(filter) = filter.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let groups = state.engine.item_groups(&filter.query()?).await?;
    let now = state.engine.time();
    let sees =
        |status: &GroupStatus| actor.reaches(&state.engine, Permission::Read, &status.group.flow);
    let groups = groups.into_iter().filter(sees).map(|status| ListedGroup {
        flow: status.group.flow.to_string(),
        step: status.group.step,
        code: status.group.code,
        count: status.count,
        oldest: Listed::of(status.oldest, now),
    });
    Ok(Json(Groups {
        groups: groups.collect(),
    }))
}

/// A decision as it is sent.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Decision)]
pub(crate) struct Sent {
    reason: Option<String>,
    #[schema(value_type = serde_json::Value)]
    command: Action,
}

/// What came of a decision.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = DecisionAnswer)]
pub(crate) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    command: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    began: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed: Option<String>,
}

impl Answer {
    fn of(command: &'static str, decided: &Decided) -> Self {
        let text = |id: Option<RunId>| id.map(|id| id.to_string());
        Self {
            run: text(decided.run),
            command,
            status: decided.status.map(|status| status.name()),
            began: text(decided.began),
            proposed: text(decided.proposed),
        }
    }
}

/// The caller as the author of a decision, if the reason is such as can be kept.
pub(crate) fn deciding(actor: &Actor, reason: Option<String>) -> Result<Deciding, Problem> {
    let is_bad = |text: &String| text.trim().is_empty() || text.len() > MAX_TEXT;
    if reason.as_ref().is_some_and(is_bad) {
        let message = format!("`reason` has 1 to {MAX_TEXT} bytes");
        return Err(Problem::new(BAD_REQUEST, message));
    }
    Ok(actor.deciding(reason))
}

/// Why something is decided that the path names.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OptionalReason)]
struct SentDeciding {
    reason: Option<String>,
}

async fn read_deciding(
    state: &ApiState,
    actor: &Actor,
    headers: &HeaderMap,
    body: Body,
) -> Result<Deciding, Problem> {
    let limit = state.options.max_body_bytes;
    let bytes = crate::intake::read_bytes(body, headers, limit).await?;
    let sent = serde_json::from_slice::<SentDeciding>(&bytes);
    let sent = sent.map_err(|e| Problem::new(BAD_REQUEST, e.to_string()))?;
    deciding(actor, sent.reason)
}

/// The id in a path.
pub(crate) fn id(text: &str) -> Result<RunId, Problem> {
    let none = || format!("nothing waits for a person under `{text}`");
    text.parse()
        .map_err(|_| Problem::new(NO_SUCH_EXCEPTION, none()))
}

/// `POST /api/v1/exceptions/{id}/decisions`.
#[utoipa::path(
    post,
    path = "/api/v1/exceptions/{id}/decisions",
    tag = "exceptions",
    operation_id = "decide_exception",
    summary = "Decides about an exception",
    request_body = Sent,
    responses(
        (status = 200, description = "What came of it", body = Answer),
    ),
)]
pub(crate) async fn decide(
    State(state): State<Arc<ApiState>>,
    Path(text): Path<String>,
    actor: Actor,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Answer>, Problem> {
    decide_about(&state, &actor, id(&text)?, &headers, body).await
}

pub(crate) async fn decide_about(
    state: &ApiState,
    actor: &Actor,
    id: RunId,
    headers: &HeaderMap,
    body: Body,
) -> Result<Json<Answer>, Problem> {
    let limit = state.options.max_body_bytes;
    let bytes = crate::intake::read_bytes(body, headers, limit).await?;
    let bad = |reason: String| Problem::new(BAD_REQUEST, reason);
    let sent: Sent = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
    let deciding = deciding(actor, sent.reason)?;
    let command = sent.command.name();
    let decided = state.engine.decide(id, deciding, sent.command).await?;
    Ok(Json(Answer::of(command, &decided)))
}
