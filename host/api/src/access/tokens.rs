//! `/api/v1/tokens`: API tokens, one's own or, for who manages people, everybody's.

use super::Actor;
use super::users::{ListedToken, duration};
use crate::paging::{self, Paging};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use dowel_core::access::{Grant, Permission};
use dowel_core::code::access::{ACCESS_INVALID, NOT_PERMITTED};
use dowel_core::code::api::BAD_REQUEST;
use dowel_engine::{NewToken, Token, TokenOwner};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// For how long a token counts unless the request says otherwise.
const TOKEN_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);

/// All tokens that the caller may see.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Tokens {
    tokens: Vec<ListedToken>,
    /// The `cursor` of the next page; `null` on the last.
    next: Option<String>,
}

/// Whether a token is the caller's, or the caller manages people.
fn may_manage(actor: &Actor, token: &Token) -> bool {
    let is_own = match &token.owner {
        TokenOwner::User(id) => actor.user() == Some(id.as_str()),
        TokenOwner::Service(_) => actor.token() == Some(token.id.as_str()),
    };
    is_own || actor.may_everywhere(Permission::People)
}

/// `GET /api/v1/tokens`.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    tag = "tokens",
    operation_id = "list_tokens",
    summary = "Lists tokens, one's own or everybody's",
    params(Paging),
    responses(
        (status = 200, description = "A page of tokens, without their secrets", body = Tokens),
    ),
)]
pub(super) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    paging: Paging,
) -> Result<Json<Tokens>, Problem> {
    let tokens = state.engine.tokens().await?.into_iter();
    let tokens = tokens.filter(|token| may_manage(&actor, token));
    let name = |token: &Token| format!("{} {}", token.created_at, token.id);
    let (tokens, next) = paging::page(tokens, &paging, name)?;
    Ok(Json(Tokens {
        tokens: tokens.into_iter().map(Into::into).collect(),
        next,
    }))
}

/// A token as it is wanted.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewToken)]
pub(super) struct Wanted {
    name: String,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    grants: Vec<Grant>,
    #[serde(default)]
    metrics: bool,
    /// The program that it is for; the caller unless given.
    service: Option<String>,
    /// Such as `30d`.
    expires_in: Option<String>,
}

/// A token, shown once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = CreatedToken)]
pub(super) struct Created {
    token: String,
    #[serde(flatten)]
    shown: ListedToken,
}

/// `POST /api/v1/tokens`. Nobody gives more than they have.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "tokens",
    operation_id = "create_token",
    summary = "Makes a token",
    request_body = Wanted,
    responses(
        (status = 200, description = "The token, shown once", body = Created),
    ),
)]
pub(super) async fn create(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Json<Created>, Problem> {
    let Json(wanted) = wanted.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let owner = match (wanted.service, actor.user()) {
        (Some(name), _) if actor.may_everywhere(Permission::People) => TokenOwner::Service(name),
        (Some(_), _) => {
            let detail = "tokens of programs are made by who manages people";
            return Err(Problem::new(NOT_PERMITTED, detail));
        }
        (None, Some(user)) => TokenOwner::User(user.to_owned()),
        (None, None) => {
            let detail = "name the program that the token is for: `service`";
            return Err(Problem::new(ACCESS_INVALID, detail));
        }
    };
    let has = |grant: &&Grant| actor.rights().covers(grant);
    let too_much = wanted.grants.iter().find(|grant| !has(grant));
    if let Some(grant) = too_much {
        let detail = format!("`{}` does not have `{grant}`", actor.id());
        return Err(Problem::new(NOT_PERMITTED, detail));
    }
    if wanted.metrics && !actor.may_everywhere(Permission::Metrics) {
        let detail = format!("`{}` may not read the metrics", actor.id());
        return Err(Problem::new(NOT_PERMITTED, detail));
    }
    let wanted = NewToken {
        name: wanted.name,
        owner,
        grants: wanted.grants,
        as_owner: false,
        metrics: wanted.metrics,
        expires_in: duration("expires_in", wanted.expires_in.as_deref(), TOKEN_LIFE)?,
    };
    let (token, text) = state.engine.create_token(wanted, &actor.by()).await?;
    Ok(Json(Created {
        token: text,
        shown: token.into(),
    }))
}

/// `POST /api/v1/tokens/{id}/revoke`.
#[utoipa::path(
    post,
    path = "/api/v1/tokens/{id}/revoke",
    tag = "tokens",
    operation_id = "revoke_token",
    summary = "Revokes a token",
    responses(
        (status = 200, description = "The token as it is now", body = ListedToken),
    ),
)]
pub(super) async fn revoke(
    State(state): State<Arc<ApiState>>,
    Path(id): Path<String>,
    actor: Actor,
) -> Result<Json<ListedToken>, Problem> {
    let may = |token: &Token| may_manage(&actor, token);
    let token = state.engine.revoke_token(&id, &actor.by(), may).await?;
    Ok(Json(token.into()))
}
