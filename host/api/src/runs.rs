//! `/api/v1/runs`: what happened to the runs.

use crate::access::Actor;
use crate::paging;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::{Path, Query, State};
use dowel_core::access::Permission;
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_RUN};
use dowel_core::{FlowName, JsonText, RunId};
use dowel_engine::state::RunStatus;
use dowel_engine::story::Story;
use dowel_engine::{RunSummary, RunsQuery};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Runs on a page unless the request says otherwise.
const DEFAULT_PAGE: usize = 50;

/// The parameters of a list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParameters {
    flow: Option<String>,
    #[param(value_type = Option<String>)]
    status: Option<RunStatus>,
    /// Only runs of this business key.
    key: Option<String>,
    /// The `next` of the page before.
    cursor: Option<String>,
    limit: Option<usize>,
}

/// A page of a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RunsPage)]
pub(crate) struct Page {
    runs: Vec<ListedRun>,
    next: Option<String>,
}

/// A run in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Run)]
struct ListedRun {
    id: String,
    flow: String,
    version: String,
    #[schema(value_type = String)]
    status: RunStatus,
    dedupe_key: Option<String>,
    created_at: String,
    updated_at: String,
    error_code: Option<String>,
}

impl From<RunSummary> for ListedRun {
    fn from(run: RunSummary) -> Self {
        Self {
            id: run.id.to_string(),
            flow: run.flow.to_string(),
            version: run.version.to_string(),
            status: run.status,
            dedupe_key: run.dedupe_key,
            created_at: run.created_at.to_string(),
            updated_at: run.updated_at.to_string(),
            error_code: run.error_code,
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "runs",
    operation_id = "list_runs",
    summary = "Lists runs, the newest first",
    params(ListParameters),
    responses(
        (status = 200, description = "A page of runs", body = Page),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    parameters: Result<Query<ListParameters>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(parameters) = parameters.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    if let Some(key) = &parameters.key {
        return Ok(Json(by_key(&state, &actor, key).await?));
    }
    let bad = |e: dowel_core::id::InvalidName| Problem::new(BAD_REQUEST, e.to_string());
    let query = RunsQuery {
        flow: parameters
            .flow
            .as_deref()
            .map(FlowName::new)
            .transpose()
            .map_err(bad)?,
        status: parameters.status,
        before: paging::place(parameters.cursor.as_deref(), |text| text.parse().ok())?,
        limit: parameters.limit.unwrap_or(DEFAULT_PAGE),
    };
    let page = state.engine.runs(&query).await?;
    let next = page.next.map(|next| paging::cursor(&next));
    Ok(Json(Page {
        runs: listed(&state, &actor, page.runs),
        next,
    }))
}

/// The runs that the caller may see.
fn listed(state: &ApiState, actor: &Actor, runs: Vec<RunSummary>) -> Vec<ListedRun> {
    let sees = |run: &RunSummary| actor.reaches(&state.engine, Permission::Read, &run.flow);
    runs.into_iter().filter(sees).map(ListedRun::from).collect()
}

async fn by_key(state: &ApiState, actor: &Actor, key: &str) -> Result<Page, Problem> {
    let runs = state.engine.runs_by_key(key).await?;
    Ok(Page {
        runs: listed(state, actor, runs),
        next: None,
    })
}

#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}",
    tag = "runs",
    operation_id = "show_run",
    summary = "Tells the story of a run",
    responses(
        (status = 200, description = "Its steps with attempts, inputs and outputs, masked", body = Object),
    ),
)]
pub(crate) async fn show(
    State(state): State<Arc<ApiState>>,
    Path(id): Path<String>,
) -> Result<Json<Story>, Problem> {
    let none = || Problem::new(NO_SUCH_RUN, format!("there is no run `{id}`"));
    let run: RunId = id.parse().map_err(|_| none())?;
    state.engine.story(run).await?.map(Json).ok_or_else(none)
}

/// The journal of a run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Journal {
    /// Its entries in order, masked.
    #[schema(value_type = Vec<Object>)]
    entries: Vec<JsonText>,
}

#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/journal",
    tag = "runs",
    operation_id = "show_journal",
    summary = "Shows the journal of a run",
    responses(
        (status = 200, description = "Its entries in order, masked", body = Journal),
    ),
)]
pub(crate) async fn journal(
    State(state): State<Arc<ApiState>>,
    Path(id): Path<String>,
) -> Result<Json<Journal>, Problem> {
    let none = || Problem::new(NO_SUCH_RUN, format!("there is no run `{id}`"));
    let run: RunId = id.parse().map_err(|_| none())?;
    let entries = state.engine.masked_journal(run).await?;
    if entries.is_empty() {
        return Err(none());
    }
    Ok(Json(Journal { entries }))
}
