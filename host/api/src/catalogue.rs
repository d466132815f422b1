//! `/api/v1/catalog`, `/api/v1/lineage`, the picture of a flow, and what is different
//! between two of its versions.

use crate::access::Actor;
use crate::flows::{Because, said};
use crate::paging::{self, Paging};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::IntoResponse;
use dowel_core::FlowName;
use dowel_core::access::Permission;
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_FLOW};
use dowel_core::code::switch::NO_SUCH_VERSION;
use dowel_engine::VersionState;
use dowel_flow::catalogue::{CatalogueEntry, Lineage, UsedOperation, catalogue, used_operations};
use dowel_flow::changes::{FlowChange, compare_flow};
use dowel_flow::picture::{self, Look, Numbers, Style};
use dowel_flow::plan::Plan;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// All flows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Catalogue {
    #[schema(value_type = Vec<Object>)]
    flows: Vec<CatalogueEntry>,
    /// The operations that they call, and which of them call each.
    #[schema(value_type = Vec<Object>)]
    operations: Vec<UsedOperation>,
}

/// The active plans that the caller may see.
fn visible(state: &ApiState, actor: &Actor) -> Vec<Plan> {
    let mut plans = state.engine.active_plans();
    plans.retain(|plan| actor.reaches(&state.engine, Permission::Read, &plan.flow));
    plans
}

#[utoipa::path(
    get,
    path = "/api/v1/catalog",
    tag = "catalogue",
    operation_id = "show_catalogue",
    summary = "Shows owners, promises and contracts of the flows, and the operations that they call",
    responses(
        (status = 200, description = "All flows", body = Catalogue),
    ),
)]
pub(crate) async fn catalog(State(state): State<Arc<ApiState>>, actor: Actor) -> Json<Catalogue> {
    let plans = visible(&state, &actor);
    let plans: Vec<&Plan> = plans.iter().collect();
    Json(Catalogue {
        flows: catalogue(&plans),
        operations: used_operations(&plans),
    })
}

/// The parameters of the lineage.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Around {
    /// Only what is about this flow, however far.
    flow: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/v1/lineage",
    tag = "catalogue",
    operation_id = "show_lineage",
    summary = "Shows which flow feeds which",
    params(Around),
    responses(
        (status = 200, description = "Flows and systems, and what goes from one to another", body = Object),
        (status = 404, description = "There is no such flow"),
    ),
)]
pub(crate) async fn lineage(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    around: Result<Query<Around>, QueryRejection>,
) -> Result<Json<Lineage>, Problem> {
    let Query(around) = around.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let plans = visible(&state, &actor);
    let lineage = Lineage::of(&plans.iter().collect::<Vec<_>>());
    let Some(flow) = around.flow else {
        return Ok(Json(lineage));
    };
    let name = name(&flow)?;
    if !plans.iter().any(|plan| plan.flow == name) {
        let detail = format!("no flow `{flow}` is active");
        return Err(Problem::new(NO_SUCH_FLOW, detail));
    }
    Ok(Json(lineage.around(&name)))
}

#[utoipa::path(
    get,
    path = "/api/v1/flows/{flow}/picture",
    tag = "catalogue",
    operation_id = "draw_flow",
    summary = "Draws a flow",
    responses(
        (status = 200, description = "The picture", body = String, content_type = "image/svg+xml"),
    ),
)]
pub(crate) async fn drawn(
    State(state): State<Arc<ApiState>>,
    Path(flow): Path<String>,
) -> Result<impl IntoResponse, Problem> {
    let plan = active(&state, &flow)?;
    let look = Look {
        style: Style::Inside,
        numbers: &Numbers::new(),
        link: None,
    };
    Ok((
        [(header::CONTENT_TYPE, "image/svg+xml")],
        picture::svg(&plan, &look),
    ))
}

/// Versions of a flow that the host knows.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Versions {
    versions: Vec<ListedVersion>,
    /// The `cursor` of the next page; `null` on the last.
    next: Option<String>,
}

/// A version in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FlowVersion)]
struct ListedVersion {
    version: String,
    /// Digest of the flow's files.
    digest: String,
    commit: Option<String>,
    /// Whether it takes events.
    active: bool,
    /// `pinned`, `canary`, `draining` (runs are on it that have not ended), `unused` or
    /// `retired` (its plan and connectors are not in memory).
    state: &'static str,
    /// Since when it is unused or retired.
    since: Option<String>,
    /// Runs of this version that have not ended, parked ones included.
    live_runs: u64,
}

#[utoipa::path(
    get,
    path = "/api/v1/flows/{flow}/versions",
    tag = "catalogue",
    operation_id = "list_versions",
    summary = "Lists the versions of a flow that the host knows",
    params(Paging),
    responses(
        (status = 200, description = "A page of versions, the newest first", body = Versions),
    ),
)]
pub(crate) async fn versions(
    State(state): State<Arc<ApiState>>,
    Path(flow): Path<String>,
    paging: Paging,
) -> Result<Json<Versions>, Problem> {
    let versions = state.engine.known_versions(&name(&flow)?).await?;
    if versions.is_empty() {
        let detail = format!("the host knows no version of a flow `{flow}`");
        return Err(Problem::new(NO_SUCH_FLOW, detail));
    }
    let active = active(&state, &flow).ok();
    // They are ordered the newest first already: their place is what orders them.
    let placed = versions.into_iter().enumerate();
    let (versions, next) = paging::page(placed, &paging, |(place, _)| format!("{place:08}"))?;
    let versions = versions.into_iter().map(|(_, known)| {
        let plan = known.plan;
        ListedVersion {
            live_runs: known.live_runs,
            active: active.as_ref().is_some_and(|active| {
                active.version == plan.version && active.source == plan.source
            }),
            state: known.state.name(),
            since: match known.state {
                VersionState::Unused(at) | VersionState::Retired(at) => Some(at.to_string()),
                _ => None,
            },
            version: plan.version.to_string(),
            digest: plan.source.to_string(),
            commit: plan.commit,
        }
    });
    Ok(Json(Versions {
        versions: versions.collect(),
        next,
    }))
}

#[utoipa::path(
    post,
    path = "/api/v1/flows/{flow}/versions/{version}/retire",
    tag = "catalogue",
    operation_id = "retire_version",
    summary = "Lets go of a version that nothing needs any more",
    request_body = Because,
    responses(
        (status = 200, description = "The versions as they are now", body = Versions),
    ),
)]
pub(crate) async fn retire(
    State(state): State<Arc<ApiState>>,
    Path((flow, version)): Path<(String, String)>,
    actor: Actor,
    because: Result<Json<Because>, JsonRejection>,
) -> Result<Json<Versions>, Problem> {
    let deciding = said(&actor, because)?;
    let named = version.parse();
    let no_version = |_| Problem::new(NO_SUCH_VERSION, format!("`{version}` is not a version"));
    let version = named.map_err(no_version)?;
    let engine = &state.engine;
    engine
        .retire_version(&name(&flow)?, &version, deciding)
        .await?;
    versions(State(state), Path(flow), Paging::default()).await
}

/// Which versions to compare.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Between {
    from: String,
    /// The active one unless given.
    to: Option<String>,
}

/// What is different; nothing where nothing is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = FlowChanges)]
pub(crate) struct Changed {
    #[schema(value_type = Option<Object>)]
    change: Option<FlowChange>,
}

#[utoipa::path(
    get,
    path = "/api/v1/flows/{flow}/changes",
    tag = "catalogue",
    operation_id = "compare_versions",
    summary = "Compares two versions of a flow",
    params(Between),
    responses(
        (status = 200, description = "What is different", body = Changed),
    ),
)]
pub(crate) async fn changes(
    State(state): State<Arc<ApiState>>,
    Path(flow): Path<String>,
    between: Result<Query<Between>, QueryRejection>,
) -> Result<Json<Changed>, Problem> {
    let Query(between) = between.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let plans = known(&state, &flow).await?;
    let old = version(&plans, &flow, &between.from)?;
    let new = match &between.to {
        Some(to) => version(&plans, &flow, to)?.clone(),
        None => active(&state, &flow)?,
    };
    Ok(Json(Changed {
        change: compare_flow(Some(old), Some(&new)),
    }))
}

fn name(flow: &str) -> Result<FlowName, Problem> {
    FlowName::new(flow).map_err(|e| Problem::new(NO_SUCH_FLOW, e.to_string()))
}

fn active(state: &ApiState, flow: &str) -> Result<Plan, Problem> {
    let name = name(flow)?;
    let mut plans = state.engine.active_plans().into_iter();
    let no_such = || Problem::new(NO_SUCH_FLOW, format!("no flow `{flow}` is active"));
    plans.find(|plan| plan.flow == name).ok_or_else(no_such)
}

async fn known(state: &ApiState, flow: &str) -> Result<Vec<Plan>, Problem> {
    let plans = state.engine.known_plans(&name(flow)?).await?;
    if plans.is_empty() {
        let detail = format!("the host knows no version of a flow `{flow}`");
        return Err(Problem::new(NO_SUCH_FLOW, detail));
    }
    Ok(plans)
}

fn version<'p>(plans: &'p [Plan], flow: &str, wanted: &str) -> Result<&'p Plan, Problem> {
    let no_such = || {
        let detail = format!("the host knows no version `{wanted}` of the flow `{flow}`");
        Problem::new(NO_SUCH_VERSION, detail)
    };
    let mut plans = plans.iter();
    plans
        .find(|plan| plan.version.to_string() == wanted)
        .ok_or_else(no_such)
}
