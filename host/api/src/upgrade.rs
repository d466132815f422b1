//! `/api/v1/upgrade`: in which format the store is, and finalising it.

use crate::access::Actor;
use crate::flows::{Because, said};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use dowel_engine::UpgradeStatus;
use serde::Serialize;
use std::sync::Arc;

/// How the upgrade of the host stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Upgrade)]
pub(crate) struct ShownUpgrade {
    /// The version of the program.
    program: &'static str,
    /// The format of the store, which is what the host writes.
    format: u32,
    /// The newest format that this program could write.
    newest: u32,
    /// Whether there is nothing to finalise: only programs that know the newest format can
    /// take over.
    finalized: bool,
    /// Since when the store has its format.
    since: Option<String>,
    /// Who finalised it; `host` for a store that began with it.
    by: Option<String>,
    /// What finalising brings.
    pending: Vec<&'static str>,
}

impl From<UpgradeStatus> for ShownUpgrade {
    fn from(status: UpgradeStatus) -> Self {
        let (since, by) = status.since.clone().unzip();
        Self {
            program: env!("CARGO_PKG_VERSION"),
            format: status.format.number(),
            newest: status.newest.number(),
            finalized: status.is_final(),
            since: since.map(|at| at.to_string()),
            by,
            pending: status.pending.iter().map(|one| one.about()).collect(),
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/upgrade",
    tag = "host",
    operation_id = "show_upgrade",
    summary = "Shows in which format the store is, and whether an upgrade is to be finalised",
    responses(
        (status = 200, description = "How the upgrade stands", body = ShownUpgrade),
    ),
)]
pub(crate) async fn show(
    State(state): State<Arc<ApiState>>,
) -> Result<Json<ShownUpgrade>, Problem> {
    Ok(Json(state.engine.upgrade_status().await?.into()))
}

#[utoipa::path(
    post,
    path = "/api/v1/upgrade/finalize",
    tag = "host",
    operation_id = "finalize_upgrade",
    summary = "Lets the store have the newest format; earlier programs refuse it from then on",
    request_body = Because,
    responses(
        (status = 200, description = "How the upgrade stands now", body = ShownUpgrade),
    ),
)]
pub(crate) async fn finalize(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    because: Result<Json<Because>, JsonRejection>,
) -> Result<Json<ShownUpgrade>, Problem> {
    let deciding = said(&actor, because)?;
    Ok(Json(state.engine.finalize_upgrade(deciding).await?.into()))
}
