//! `/api/v1/exceptions/bulk`: one decision about everything that a query finds.

use super::{Filter, Listed, deciding, read_deciding};
use crate::access::Actor;
use crate::paging;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use dowel_core::access::Permission;
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::code::desk::BULK_UNBOUNDED;
use dowel_core::code::run::NO_SUCH_BULK;
use dowel_core::connection::Rate;
use dowel_core::{ErrorKind, FlowName, RunId};
use dowel_engine::{Action, Bulk, BulkChange, BulkFailure, BulkPreview, ItemClass, ItemsQuery};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Operations in a list unless the request says otherwise.
const DEFAULT_LIST: usize = 20;

/// An operation as it is sent.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = BulkOperation)]
struct Sent {
    reason: Option<String>,
    #[schema(value_type = serde_json::Value)]
    command: Action,
    #[serde(default)]
    query: Filter,
    /// Everything is meant, and the query is empty.
    #[serde(default)]
    all: bool,
    /// Such as `50/s`.
    rate: Option<String>,
    /// Only say what it would be about.
    #[serde(default)]
    dry_run: bool,
}

impl Sent {
    fn query(&mut self) -> Result<ItemsQuery, Problem> {
        let bad = |message: &str| Problem::new(BAD_REQUEST, message);
        let limit = self.query.limit.unwrap_or_default();
        if self.query.cursor.is_some() {
            return Err(bad("a bulk operation has no `cursor`"));
        }
        let query = ItemsQuery {
            limit,
            ..std::mem::take(&mut self.query).query()?
        };
        match (query.is_unbounded(), self.all) {
            (true, false) => {
                let message = "the query is empty and would find everything";
                Err(Problem::new(BULK_UNBOUNDED, message))
            }
            (false, true) => Err(bad(
                "`all` stands for an empty query: leave one of them out",
            )),
            _ => Ok(query),
        }
    }

    fn rate(&self) -> Result<Option<Rate>, Problem> {
        let rate = self.rate.as_deref().map(str::parse).transpose();
        rate.map_err(|_| {
            let message = "`rate` is a number of items and a period, such as 50/s or 600/m";
            Problem::new(BAD_REQUEST, message)
        })
    }
}

/// Items with the same cause, counted.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BulkGroup)]
struct Counted {
    flow: String,
    step: String,
    code: String,
    count: u64,
}

/// What an operation would be about.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BulkPreview)]
struct Preview {
    dry_run: bool,
    command: &'static str,
    total: u64,
    left_out: u64,
    groups: Vec<Counted>,
    sample: Vec<Listed>,
}

impl Preview {
    fn of(found: BulkPreview, command: &'static str, state: &ApiState) -> Self {
        let now = state.engine.time();
        let mut groups: Vec<Counted> = found
            .groups
            .into_iter()
            .map(|(group, count)| Counted {
                flow: group.flow.to_string(),
                step: group.step,
                code: group.code,
                count,
            })
            .collect();
        // Those that are equally large stay in the order of their names.
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        let sample = found.sample.into_iter();
        Self {
            dry_run: true,
            command,
            total: found.total,
            left_out: found.left_out,
            groups,
            sample: sample.map(|item| Listed::of(item, now)).collect(),
        }
    }
}

/// What an operation looked for.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = BulkQuery)]
struct Looked {
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    flow: Option<FlowName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    kind: Option<ErrorKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    class: Option<ItemClass>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    overdue: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    ids: Vec<RunId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<usize>,
}

impl From<ItemsQuery> for Looked {
    fn from(query: ItemsQuery) -> Self {
        Self {
            flow: query.flow,
            step: query.step,
            code: query.code,
            kind: query.kind,
            class: query.class,
            since: query.since.map(|at| at.to_string()),
            until: query.until.map(|at| at.to_string()),
            overdue: query.overdue,
            ids: query.ids,
            limit: Some(query.limit).filter(|limit| *limit > 0),
        }
    }
}

/// An operation.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Bulk)]
pub(crate) struct Shown {
    id: String,
    command: &'static str,
    state: &'static str,
    actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmed_by: Option<String>,
    query: Looked,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<String>,
    total: u64,
    left_out: u64,
    position: u64,
    done: u64,
    failed: u64,
    created_at: String,
    updated_at: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    failures: Vec<Failure>,
}

/// An item that did not allow it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = BulkFailure)]
struct Failure {
    id: String,
    code: String,
    reason: String,
}

impl Shown {
    pub(super) fn of(bulk: Bulk, failures: Vec<BulkFailure>) -> Self {
        let failures = failures.into_iter().map(|failure| Failure {
            id: failure.id.to_string(),
            code: failure.code,
            reason: failure.reason,
        });
        Self {
            id: bulk.id.to_string(),
            command: bulk.action.name(),
            state: bulk.state.name(),
            actor: bulk.deciding.actor,
            reason: bulk.deciding.reason,
            confirmed_by: bulk.deciding.confirmed_by,
            query: bulk.query.into(),
            rate: bulk.rate.map(|rate| rate.to_string()),
            total: bulk.total,
            left_out: bulk.left_out,
            position: bulk.position,
            done: bulk.done,
            failed: bulk.failed,
            created_at: bulk.created_at.to_string(),
            updated_at: bulk.updated_at.to_string(),
            failures: failures.collect(),
        }
    }
}

/// `POST /api/v1/exceptions/bulk`: with `dry_run` only says what it would be about.
#[utoipa::path(
    post,
    path = "/api/v1/exceptions/bulk",
    tag = "exceptions",
    operation_id = "begin_bulk",
    summary = "Begins one decision about everything that a query finds",
    request_body = Sent,
    responses(
        (status = 200, description = "With `dry_run`: what it would be about", body = Preview),
        (status = 202, description = "The operation has begun", body = Shown),
    ),
)]
pub(crate) async fn begin(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let limit = state.options.max_body_bytes;
    let bytes = crate::intake::read_bytes(body, &headers, limit).await?;
    let sent = serde_json::from_slice::<Sent>(&bytes);
    let mut sent = sent.map_err(|e| Problem::new(BAD_REQUEST, e.to_string()))?;
    let (query, rate) = (sent.query()?, sent.rate()?);
    let deciding = deciding(&actor, sent.reason)?;
    // What reaches some flows alone names one of them.
    actor.require(&state.engine, Permission::Operate, query.flow.as_ref())?;
    if sent.dry_run {
        let command = sent.command.name();
        let found = state.engine.preview_bulk(&query, &sent.command).await?;
        return Ok(Json(Preview::of(found, command, &state)).into_response());
    }
    let engine = &state.engine;
    let bulk = engine.begin_bulk(&query, sent.command, deciding, rate);
    let shown = Shown::of(bulk.await?, Vec::new());
    Ok((StatusCode::ACCEPTED, Json(shown)).into_response())
}

/// Which operations to list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    cursor: Option<String>,
    limit: Option<usize>,
}

/// Operations, the newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Bulks)]
pub(crate) struct All {
    bulk: Vec<Shown>,
    /// The `cursor` of the next page; `null` on the last.
    next: Option<String>,
}

/// `GET /api/v1/exceptions/bulk`.
#[utoipa::path(
    get,
    path = "/api/v1/exceptions/bulk",
    tag = "exceptions",
    operation_id = "list_bulk",
    summary = "Lists bulk operations, the newest first",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of operations", body = All),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    parameters: Result<Query<ListParameters>, QueryRejection>,
) -> Result<Json<All>, Problem> {
    let Query(parameters) = parameters.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let limit = parameters.limit.unwrap_or(DEFAULT_LIST);
    let sees = |bulk: &Bulk| {
        let flow = bulk.query.flow.as_ref();
        actor.require(&state.engine, Permission::Read, flow).is_ok()
    };
    let before = paging::place(parameters.cursor.as_deref(), |text| text.parse().ok())?;
    let (bulks, next) = state.engine.bulks(before, limit).await?;
    let bulks = bulks.into_iter().filter(sees);
    Ok(Json(All {
        bulk: bulks.map(|bulk| Shown::of(bulk, Vec::new())).collect(),
        next: next.map(|next| paging::cursor(&next)),
    }))
}

fn id(text: &str) -> Result<RunId, Problem> {
    let none = |_| {
        let message = format!("there is no bulk operation `{text}`");
        Problem::new(NO_SUCH_BULK, message)
    };
    text.parse().map_err(none)
}

/// `GET /api/v1/exceptions/bulk/{id}`.
#[utoipa::path(
    get,
    path = "/api/v1/exceptions/bulk/{id}",
    tag = "exceptions",
    operation_id = "show_bulk",
    summary = "Shows a bulk operation",
    responses(
        (status = 200, description = "The operation", body = Shown),
    ),
)]
pub(crate) async fn show(
    State(state): State<Arc<ApiState>>,
    Path(text): Path<String>,
    actor: Actor,
) -> Result<Json<Shown>, Problem> {
    let (bulk, failures) = state.engine.bulk(id(&text)?).await?;
    actor.require(&state.engine, Permission::Read, bulk.query.flow.as_ref())?;
    Ok(Json(Shown::of(bulk, failures)))
}

/// `POST /api/v1/exceptions/bulk/{id}/pause`, `/resume` and `/cancel`.
#[utoipa::path(
    post,
    path = "/api/v1/exceptions/bulk/{id}/{change}",
    tag = "exceptions",
    operation_id = "change_bulk",
    summary = "Pauses, resumes or cancels a bulk operation",
    request_body = super::SentDeciding,
    responses(
        (status = 200, description = "The operation", body = Shown),
    ),
)]
pub(crate) async fn change(
    State(state): State<Arc<ApiState>>,
    Path((text, change)): Path<(String, String)>,
    actor: Actor,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Shown>, Problem> {
    let id = id(&text)?;
    let change = match change.as_str() {
        "pause" => BulkChange::Pause,
        "resume" => BulkChange::Resume,
        "cancel" => BulkChange::Cancel,
        other => {
            let message = format!("a bulk operation has no `{other}`: pause, resume, cancel");
            return Err(Problem::new(BAD_REQUEST, message));
        }
    };
    let deciding = read_deciding(&state, &actor, &headers, body).await?;
    let (known, _) = state.engine.bulk(id).await?;
    actor.require(
        &state.engine,
        Permission::Operate,
        known.query.flow.as_ref(),
    )?;
    let bulk = state.engine.change_bulk(id, change, &deciding).await?;
    Ok(Json(Shown::of(bulk, Vec::new())))
}
