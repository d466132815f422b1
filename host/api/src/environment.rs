//! `/api/v1/environment`: what is active, what the repository says, and who agrees.

use crate::access::Actor;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use dowel_core::Digest;
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::code::gitops::NO_SUCH_CHANGE;
use dowel_engine::{
    Activation, Agreement, CanaryStatus, ChangeStatus, EnvironmentStatus, Look, Verdict,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The longest reason, in bytes: it is kept and shown in lists.
const MAX_TEXT: usize = 1_000;

/// How the environment stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Environment)]
pub(crate) struct ShownEnvironment {
    /// Whether what is active is what the repository says.
    in_sync: bool,
    active: Option<ShownActivation>,
    repository: Option<ShownLook>,
    awaiting: Vec<ShownChange>,
    drift: Drift,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Activation)]
struct ShownActivation {
    digest: String,
    commit: Option<String>,
    since: String,
    approvals: Vec<ShownAgreement>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Agreement)]
struct ShownAgreement {
    actor: String,
    reason: String,
    at: String,
}

/// The last look at the repository.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RepositoryLook)]
struct ShownLook {
    at: String,
    /// Where the branch or tag stands.
    commit: Option<String>,
    /// Whether its history was rewritten since the look before.
    rewritten: bool,
    /// `active`, `unchanged`, `awaiting-approval`, `rejected`, `refused` or `unreachable`.
    outcome: &'static str,
    error: Option<ShownError>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = RepositoryError)]
struct ShownError {
    code: String,
    message: String,
}

/// A tree that waits for approvals.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = WaitingChange)]
pub(crate) struct ShownChange {
    digest: String,
    commit: Option<String>,
    since: String,
    authors: Vec<String>,
    summary: Vec<String>,
    approvals: Vec<ShownAgreement>,
    rejected: Option<ShownAgreement>,
    /// How many approvals count.
    counted: u32,
    /// How many are asked for.
    needed: u32,
}

/// What git does not say and holds all the same.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct Drift {
    /// Flows that somebody has disabled at run time.
    switched_off: Vec<String>,
    /// Flows whose pinned version does not get all runs: `<flow>@<version>` and how it stands.
    canaries: Vec<HeldBack>,
}

/// A version that is pinned and does not get all runs.
#[derive(Debug, Serialize, utoipa::ToSchema)]
struct HeldBack {
    flow: String,
    version: String,
    /// The version that gets the rest.
    before: Option<String>,
    /// `running`, `aborted` or `rolled-back`.
    state: &'static str,
    /// Such as `10%`.
    share: String,
}

/// Why somebody says it.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeWord)]
pub(crate) struct Word {
    reason: String,
}

impl HeldBack {
    fn of(status: &CanaryStatus) -> Self {
        Self {
            flow: status.flow.to_string(),
            version: status.canary.version.to_string(),
            before: status.before.as_ref().map(ToString::to_string),
            state: status.canary.state.name(),
            share: status.canary.terms.share.to_string(),
        }
    }
}

impl From<Agreement> for ShownAgreement {
    fn from(agreement: Agreement) -> Self {
        Self {
            actor: agreement.actor,
            reason: agreement.reason,
            at: agreement.at.to_string(),
        }
    }
}

impl From<Activation> for ShownActivation {
    fn from(active: Activation) -> Self {
        Self {
            digest: active.digest.to_string(),
            commit: active.commit.map(Into::into),
            since: active.at.to_string(),
            approvals: active.approvals.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Look> for ShownLook {
    fn from(look: Look) -> Self {
        let outcome = match &look.outcome {
            Ok(Verdict::Active) => "active",
            Ok(Verdict::Unchanged) => "unchanged",
            Ok(Verdict::Awaiting(_)) => "awaiting-approval",
            Ok(Verdict::Rejected) => "rejected",
            Err(_) if look.commit.is_none() => "unreachable",
            Err(_) => "refused",
        };
        let error = look.outcome.err().map(|failure| ShownError {
            code: failure.code.to_string(),
            message: failure.message,
        });
        Self {
            at: look.at.to_string(),
            commit: look.commit.map(Into::into),
            rewritten: look.rewritten,
            outcome,
            error,
        }
    }
}

impl From<ChangeStatus> for ShownChange {
    fn from(status: ChangeStatus) -> Self {
        let change = status.change;
        Self {
            digest: change.candidate.digest.to_string(),
            commit: change.candidate.commit.map(Into::into),
            since: change.since.to_string(),
            authors: change.candidate.authors,
            summary: change.candidate.summary,
            approvals: change.approvals.into_iter().map(Into::into).collect(),
            rejected: change.rejected.map(Into::into),
            counted: status.counted,
            needed: status.needed,
        }
    }
}

impl From<EnvironmentStatus> for ShownEnvironment {
    fn from(status: EnvironmentStatus) -> Self {
        let switched_off = status.switched_off.iter().map(ToString::to_string);
        Self {
            in_sync: status.in_sync(),
            drift: Drift {
                switched_off: switched_off.collect(),
                canaries: status.held_back().map(HeldBack::of).collect(),
            },
            active: status.active.map(Into::into),
            repository: status.look.map(Into::into),
            awaiting: status.waiting.into_iter().map(Into::into).collect(),
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/environment",
    tag = "environment",
    operation_id = "show_environment",
    summary = "Shows what is active, what the repository says, and the drift between them",
    responses(
        (status = 200, description = "How the environment stands", body = ShownEnvironment),
    ),
)]
pub(crate) async fn show(
    State(state): State<Arc<ApiState>>,
) -> Result<Json<ShownEnvironment>, Problem> {
    Ok(Json(state.engine.environment_status().await?.into()))
}

/// Asks for a look at the repository now, as a push to it may do.
#[utoipa::path(
    post,
    path = "/api/v1/environment/sync",
    tag = "environment",
    operation_id = "sync_environment",
    summary = "Asks for a look at the repository now",
    responses(
        (status = 202, description = "The host looks"),
    ),
)]
pub(crate) async fn sync(State(state): State<Arc<ApiState>>) -> StatusCode {
    state.engine.look_again();
    StatusCode::ACCEPTED
}

#[utoipa::path(
    post,
    path = "/api/v1/environment/changes/{digest}/{word}",
    tag = "environment",
    operation_id = "decide_change",
    summary = "Approves or rejects a change that waits",
    request_body = Word,
    responses(
        (status = 200, description = "How the environment stands now", body = ShownEnvironment),
    ),
)]
pub(crate) async fn decide(
    State(state): State<Arc<ApiState>>,
    Path((digest, word)): Path<(String, String)>,
    actor: Actor,
    body: Result<Json<Word>, JsonRejection>,
) -> Result<Json<ShownEnvironment>, Problem> {
    let approve = match word.as_str() {
        "approve" => true,
        "reject" => false,
        _ => {
            let detail = "a change is approved by `approve` and rejected by `reject`";
            return Err(Problem::new(BAD_REQUEST, detail));
        }
    };
    let digest: Digest = digest
        .parse()
        .map_err(|_| Problem::new(NO_SUCH_CHANGE, format!("`{digest}` is not a digest")))?;
    let Json(Word { reason }) = body.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let reason = reason.trim().to_owned();
    if reason.is_empty() || reason.len() > MAX_TEXT {
        let detail = format!("`reason` needs 1 to {MAX_TEXT} bytes");
        return Err(Problem::new(BAD_REQUEST, detail));
    }
    let deciding = actor.deciding(Some(reason));
    state
        .engine
        .decide_change(digest, approve, deciding)
        .await?;
    show(State(state)).await
}
