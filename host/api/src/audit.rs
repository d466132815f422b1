//! `GET /api/v1/audit`: what people decided.

pub(crate) mod chain;

use crate::access::Actor;
use crate::paging;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use dowel_core::access::Permission;
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::{FlowName, RunId};
use dowel_engine::{AuditDraft, AuditQuery, AuditRecord};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Entries on a page unless the request says otherwise.
const DEFAULT_PAGE: usize = 50;

/// The parameters of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// A run or bulk operation.
    about: Option<String>,
    flow: Option<String>,
    actor: Option<String>,
    action: Option<String>,
    cursor: Option<String>,
    limit: Option<usize>,
}

/// A page of the record.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditPage)]
pub(crate) struct Page {
    records: Vec<Listed>,
    next: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = AuditRecord)]
struct Listed {
    seq: u64,
    at: String,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    draft: AuditDraft,
}

#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "audit",
    operation_id = "list_audit",
    summary = "Lists what people decided, the newest first",
    params(Parameters),
    responses(
        (status = 200, description = "A page of the record", body = Page),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<Page>, Problem> {
    let Query(parameters) = parameters.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let bad = |e: dowel_core::id::InvalidName| Problem::new(BAD_REQUEST, e.to_string());
    let about = parameters.about.as_deref().map(str::parse::<RunId>);
    let flow = parameters.flow.as_deref().map(FlowName::new);
    let query = AuditQuery {
        about: about.transpose().map_err(bad)?,
        flow: flow.transpose().map_err(bad)?,
        actor: parameters.actor,
        action: parameters.action,
        before: paging::place(parameters.cursor.as_deref(), |text| text.parse().ok())?,
        limit: parameters.limit.unwrap_or(DEFAULT_PAGE),
    };
    let page = state.engine.audit(&query).await?;
    let sees = |record: &AuditRecord| {
        let flow = record.draft.flow.as_ref();
        actor
            .require(&state.engine, Permission::Audit, flow)
            .is_ok()
    };
    let records = page.records.into_iter().filter(sees).map(|record| Listed {
        seq: record.seq,
        at: record.at.to_string(),
        draft: record.draft,
    });
    Ok(Json(Page {
        records: records.collect(),
        next: page.next.map(|next| paging::cursor(&next)),
    }))
}
