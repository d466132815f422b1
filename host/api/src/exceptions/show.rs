//! One item, in lists and by itself.

use super::id;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::{Path, State};
use dowel_core::code::run::NO_SUCH_EXCEPTION;
use dowel_core::journal::PinnedConnector;
use dowel_core::{ConnectionName, JsonText, StepPath, Timestamp};
use dowel_engine::{
    Detail, Item, ItemClass, Recommended, RejectedForm, RejectedPayload, Violations,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An item in a list.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Exception)]
pub(crate) struct Listed {
    id: String,
    #[schema(value_type = String)]
    class: ItemClass,
    flow: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    step: Option<StepPath>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    code: String,
    kind: &'static str,
    message: String,
    attempts: u32,
    #[schema(value_type = String)]
    recommended: Recommended,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runbook: Option<String>,
    opened_at: String,
    due_at: String,
    overdue: bool,
}

impl Listed {
    pub(crate) fn of(item: Item, now: Timestamp) -> Self {
        Self {
            overdue: item.is_overdue(now),
            id: item.id.to_string(),
            class: item.class,
            flow: item.flow.to_string(),
            version: item.version.map(|version| version.to_string()),
            commit: item.commit,
            run: item.run.map(|run| run.to_string()),
            step: item.step,
            item: item.loop_item.map(|(_, index)| index),
            key: item.key,
            code: item.code,
            kind: item.kind.name(),
            message: item.message,
            attempts: item.attempts,
            recommended: item.recommended,
            owner: item.owner,
            runbook: item.runbook,
            opened_at: item.opened_at.to_string(),
            due_at: item.due_at.to_string(),
        }
    }
}

/// An item by itself.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ExceptionDetail)]
pub(crate) struct Shown {
    #[serde(flatten)]
    item: Listed,
    #[schema(value_type = Object)]
    connectors: BTreeMap<ConnectionName, PinnedConnector>,
    #[schema(value_type = serde_json::Value)]
    input: JsonText,
    behind: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    undone: Option<Vec<StepPath>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<String>>)]
    not_undone: Option<Vec<StepPath>>,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    rejected: Option<Rejected>,
}

/// What came with a payload in quarantine, masked.
#[derive(Debug, Serialize)]
struct Rejected {
    trigger: String,
    form: RejectedForm,
    bytes: u64,
    is_cut: bool,
    headers: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    path: String,
    violations: Violations,
}

impl From<RejectedPayload> for Rejected {
    fn from(payload: RejectedPayload) -> Self {
        Self {
            trigger: payload.trigger,
            form: payload.form,
            bytes: payload.bytes,
            is_cut: payload.is_cut,
            headers: payload.headers,
            query: payload.query,
            path: payload.path,
            violations: payload.violations,
        }
    }
}

/// `GET /api/v1/exceptions/{id}`.
#[utoipa::path(
    get,
    path = "/api/v1/exceptions/{id}",
    tag = "exceptions",
    operation_id = "show_exception",
    summary = "Shows an exception",
    responses(
        (status = 200, description = "The exception", body = Shown),
    ),
)]
pub(crate) async fn show(
    State(state): State<Arc<ApiState>>,
    Path(text): Path<String>,
) -> Result<Json<Shown>, Problem> {
    let id = id(&text)?;
    let none = || {
        let message = format!("nothing waits for a person under `{id}`");
        Problem::new(NO_SUCH_EXCEPTION, message)
    };
    let detail: Detail = state.engine.item(id).await?.ok_or_else(none)?;
    let (undone, not_undone) = match detail.undoing {
        Some(undoing) => (Some(undoing.undone), Some(undoing.not_undone)),
        None => (None, None),
    };
    Ok(Json(Shown {
        item: Listed::of(detail.item, state.engine.time()),
        connectors: detail.connectors,
        input: detail.input,
        behind: detail.behind.iter().map(ToString::to_string).collect(),
        undone,
        not_undone,
        rejected: detail.rejected.map(Rejected::from),
    }))
}
