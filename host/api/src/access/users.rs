//! `/api/v1/me`, `/api/v1/access`, `/api/v1/invitations` and `/api/v1/users`.

use super::Actor;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use dowel_core::Timestamp;
use dowel_core::access::{Grant, Permission, Role};
use dowel_core::code::access::{ACCESS_INVALID, NO_SUCH_USER};
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::units::parse_duration;
use dowel_engine::{Invitation, Token, TokenOwner, User};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// For how long a one-time link counts unless the request says otherwise.
const LINK_LIFE: Duration = Duration::from_secs(24 * 3600);

/// Who calls.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Me {
    id: String,
    #[schema(value_type = Vec<String>)]
    roles: BTreeSet<Role>,
    #[schema(value_type = Vec<String>)]
    permissions: Vec<Permission>,
    environment: String,
}

/// `GET /api/v1/me`.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "access",
    operation_id = "show_me",
    summary = "Says who calls",
    responses(
        (status = 200, description = "The caller", body = Me),
    ),
)]
pub(super) async fn me(State(state): State<Arc<ApiState>>, actor: Actor) -> Json<Me> {
    let permissions = Permission::ALL.into_iter();
    Json(Me {
        id: actor.id().to_owned(),
        roles: actor.roles(),
        permissions: permissions.filter(|one| actor.may(*one)).collect(),
        environment: state.engine.environment().to_owned(),
    })
}

/// The parameters of the list.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Parameters {
    /// The moment that is asked about; now unless given.
    at: Option<String>,
}

/// Who has access.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Access {
    at: String,
    users: Vec<ListedUser>,
    tokens: Vec<ListedToken>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = User)]
pub(super) struct ListedUser {
    id: String,
    #[schema(value_type = Vec<Object>)]
    grants: Vec<Grant>,
    /// What the policy gives now, besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    by_policy: Vec<Grant>,
    created_at: String,
    created_by: String,
    disabled_at: Option<String>,
}

impl From<User> for ListedUser {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            grants: user.grants,
            by_policy: Vec::new(),
            created_at: user.created_at.to_string(),
            created_by: user.created_by,
            disabled_at: user.disabled_at.map(|at| at.to_string()),
        }
    }
}

/// A token in a list, without anything of its secret.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Token)]
pub(super) struct ListedToken {
    id: String,
    name: String,
    owner: String,
    #[schema(value_type = Vec<Object>)]
    grants: Vec<Grant>,
    as_owner: bool,
    metrics: bool,
    created_at: String,
    created_by: String,
    expires_at: String,
    used_at: Option<String>,
    revoked_at: Option<String>,
}

impl From<Token> for ListedToken {
    fn from(token: Token) -> Self {
        Self {
            owner: token.owner.actor(),
            id: token.id,
            name: token.name,
            grants: token.grants,
            as_owner: token.as_owner,
            metrics: token.metrics,
            created_at: token.created_at.to_string(),
            created_by: token.created_by,
            expires_at: token.expires_at.to_string(),
            used_at: token.used_at.map(|at| at.to_string()),
            revoked_at: token.revoked_at.map(|at| at.to_string()),
        }
    }
}

/// `GET /api/v1/access`: users and the tokens that count, now or at another time.
#[utoipa::path(
    get,
    path = "/api/v1/access",
    tag = "access",
    operation_id = "list_access",
    summary = "Lists who has access, now or at another time",
    params(Parameters),
    responses(
        (status = 200, description = "Users, and the tokens that count", body = Access),
    ),
)]
pub(super) async fn access(
    State(state): State<Arc<ApiState>>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<Access>, Problem> {
    let Query(parameters) = parameters.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let now = state.engine.time();
    let is_now = parameters.at.is_none();
    let (at, users, tokens) = match parameters.at {
        None => (
            now,
            state.engine.users().await?,
            state.engine.tokens().await?,
        ),
        Some(text) => {
            let at = Timestamp::parse(&text).ok_or_else(|| {
                let detail = format!("`at` is not an instant in RFC 3339: `{text}`");
                Problem::new(BAD_REQUEST, detail)
            })?;
            let (users, tokens) = state.engine.access_at(at).await?;
            (at, users, tokens)
        }
    };
    let may = |owner: &TokenOwner| match owner {
        TokenOwner::Service(_) => true,
        TokenOwner::User(id) => users
            .iter()
            .any(|user| user.id == *id && user.disabled_at.is_none()),
    };
    let counts =
        |token: &Token| token.revoked_at.is_none() && at < token.expires_at && may(&token.owner);
    let tokens = tokens.into_iter().filter(counts).map(Into::into).collect();
    let mut users: Vec<ListedUser> = users.into_iter().map(Into::into).collect();
    for user in users.iter_mut().filter(|_| is_now) {
        user.by_policy = state.engine.policy_grants(&user.id, &BTreeSet::new());
    }
    Ok(Json(Access {
        at: at.to_string(),
        tokens,
        users,
    }))
}

/// Whom to invite.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Invitation)]
pub(super) struct Invites {
    user: String,
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    grants: Vec<Grant>,
    /// Such as `2h`.
    expires_in: Option<String>,
}

/// A one-time link, shown once.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct InvitedUser {
    user: ListedUser,
    /// The path of the link; the host's address comes before it.
    path: String,
    /// The whole link, where the host knows its address.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    expires_at: String,
}

/// A duration of a request.
pub(super) fn duration(
    name: &str,
    text: Option<&str>,
    fallback: Duration,
) -> Result<Duration, Problem> {
    let Some(text) = text else {
        return Ok(fallback);
    };
    parse_duration(text)
        .map_err(|error| Problem::new(ACCESS_INVALID, format!("`{name}` is no duration: {error}")))
}

/// `POST /api/v1/invitations`.
#[utoipa::path(
    post,
    path = "/api/v1/invitations",
    tag = "access",
    operation_id = "invite",
    summary = "Invites a user with a one-time link",
    request_body = Invites,
    responses(
        (status = 200, description = "The link, shown once", body = InvitedUser),
    ),
)]
pub(super) async fn invite(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    invites: Result<Json<Invites>, JsonRejection>,
) -> Result<Json<InvitedUser>, Problem> {
    let Json(invites) = invites.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let wanted = Invitation {
        user: invites.user,
        grants: invites.grants,
        expires_in: duration("expires_in", invites.expires_in.as_deref(), LINK_LIFE)?,
    };
    let invited = state.engine.invite(wanted, &actor.by()).await?;
    let path = format!("/login?link={}", invited.secret);
    let url = state.desk_url();
    Ok(Json(InvitedUser {
        user: invited.user.into(),
        link: url.map(|url| format!("{url}{path}")),
        path,
        expires_at: invited.expires_at.to_string(),
    }))
}

/// A change of a user's access.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UserChange)]
pub(super) struct Changes {
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    grants: Vec<Grant>,
}

/// `POST /api/v1/users/{user}/grant`, `/revoke`, `/disable` and `/enable`.
#[utoipa::path(
    post,
    path = "/api/v1/users/{user}/{change}",
    tag = "access",
    operation_id = "change_user",
    summary = "Grants and revokes roles of a user, or disables and enables the user",
    request_body = Changes,
    responses(
        (status = 200, description = "The user as it is now", body = ListedUser),
    ),
)]
pub(super) async fn change(
    State(state): State<Arc<ApiState>>,
    Path((user, change)): Path<(String, String)>,
    actor: Actor,
    changes: Result<Json<Changes>, JsonRejection>,
) -> Result<Json<ListedUser>, Problem> {
    let Json(changes) = changes.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let grants = changes.grants;
    let invalid = |detail: String| Err(Problem::new(ACCESS_INVALID, detail));
    match (change.as_str(), grants.is_empty()) {
        ("grant" | "revoke", true) => return invalid(format!("`{change}` needs `grants`")),
        ("disable" | "enable", false) => {
            return invalid(format!("`{change}` is about the user, without `grants`"));
        }
        ("grant" | "revoke" | "disable" | "enable", _) => {}
        _ => {
            return invalid(format!(
                "a user has no `{change}`: grant, revoke, disable, enable"
            ));
        }
    }
    if change == "revoke" {
        has_all(&state, &user, &grants).await?;
    }
    let word = match change.as_str() {
        "grant" | "revoke" => format!("{change}-roles"),
        _ => format!("{change}-user"),
    };
    let by = actor.by();
    let changed = state
        .engine
        .change_user(&user, &word, &by, |user, now| match change.as_str() {
            "grant" => {
                for grant in grants {
                    if !user.grants.contains(&grant) {
                        user.grants.push(grant);
                    }
                }
            }
            "revoke" => user.grants.retain(|grant| !grants.contains(grant)),
            "disable" => user.disabled_at = Some(user.disabled_at.unwrap_or(now)),
            _ => user.disabled_at = None,
        });
    Ok(Json(changed.await?.into()))
}

/// What is revoked has to be there, so that a mistyped label is noticed.
async fn has_all(state: &ApiState, id: &str, grants: &[Grant]) -> Result<(), Problem> {
    let users = state.engine.users().await?;
    let user = users
        .iter()
        .find(|user| dowel_flow::policy::same_person(&user.id, id));
    let user =
        user.ok_or_else(|| Problem::new(NO_SUCH_USER, format!("there is no user `{id}`")))?;
    match grants.iter().find(|grant| !user.grants.contains(grant)) {
        None => Ok(()),
        Some(grant) => {
            let detail = format!("the host has not granted `{grant}` to `{id}`");
            Err(Problem::new(ACCESS_INVALID, detail))
        }
    }
}
