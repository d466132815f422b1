//! The caller of a route.

use crate::problem::Problem;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::request::Parts;
use dowel_core::FlowName;
use dowel_core::access::{Permission, Reach, Rights, Role};
use dowel_core::code::access::{OUT_OF_REACH, SIGN_IN};
use dowel_core::journal::Origin;
use dowel_engine::{By, Deciding, Engine};
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;

/// Who calls, as the guard has found out. Handlers and pages take it as an argument.
#[derive(Clone, Debug)]
pub struct Actor(Arc<Known>);

#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: String,
    pub(super) rights: Rights,
    pub(super) origin: Origin,
    pub(super) csrf: Option<String>,
    /// The user behind it, where there is one.
    pub(super) user: Option<String>,
    /// The token that was sent, or that the session is bound to.
    pub(super) token: Option<String>,
    /// Groups that an identity provider has named.
    pub(super) groups: BTreeSet<String>,
}

impl Actor {
    pub(super) fn new(known: Known) -> Self {
        Self(Arc::new(known))
    }

    /// The name that the caller acts under, such as `ana@example.com`, `service:ci` or
    /// `local:root`.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The caller's roles on this host, whatever their reach.
    pub fn roles(&self) -> BTreeSet<Role> {
        self.0.rights.roles()
    }

    /// What goes into the hidden field `csrf` of a form; empty where the caller is no
    /// browser with a session, which needs none.
    pub fn csrf(&self) -> &str {
        self.0.csrf.as_deref().unwrap_or_default()
    }

    /// The user behind it; programs and the local socket have none.
    pub fn user(&self) -> Option<&str> {
        self.0.user.as_deref()
    }

    /// Groups that an identity provider has named for the caller.
    pub fn groups(&self) -> &BTreeSet<String> {
        &self.0.groups
    }

    pub(super) fn token(&self) -> Option<&str> {
        self.0.token.as_deref()
    }

    pub(super) fn rights(&self) -> &Rights {
        &self.0.rights
    }

    /// Whether the caller has a permission at all, for whatever flows: what a menu shows.
    pub fn may(&self, permission: Permission) -> bool {
        self.0.rights.reach(permission) != Reach::Nothing
    }

    /// Whether the caller has a permission for the whole host.
    pub fn may_everywhere(&self, permission: Permission) -> bool {
        self.0.rights.reach(permission) == Reach::Everything
    }

    /// Whether the caller has a permission for this flow.
    pub fn reaches(&self, engine: &Engine, permission: Permission, flow: &FlowName) -> bool {
        match self.0.rights.reach(permission) {
            Reach::Nothing => false,
            Reach::Everything => true,
            Reach::SomeFlows => self.0.rights.reaches(permission, &engine.flow_labels(flow)),
        }
    }

    /// The same as a refusal; `None` stands for every flow.
    pub(crate) fn require(
        &self,
        engine: &Engine,
        permission: Permission,
        flow: Option<&FlowName>,
    ) -> Result<(), Problem> {
        let reaches = match flow {
            Some(flow) => self.reaches(engine, permission, flow),
            None => self.may_everywhere(permission),
        };
        match (reaches, flow) {
            (true, _) => Ok(()),
            (false, Some(flow)) => Err(out_of_reach(permission, &format!("the flow `{flow}`"))),
            (false, None) => Err(out_of_reach(permission, "the whole host")),
        }
    }

    /// The caller as the author of a decision.
    pub fn deciding(&self, reason: Option<String>) -> Deciding {
        Deciding {
            actor: self.0.id.clone(),
            reason,
            confirmed_by: None,
            origin: Some(self.0.origin.clone()),
            bulk: None,
        }
    }

    /// The caller as the author of a change of access.
    pub fn by(&self) -> By {
        By {
            actor: self.0.id.clone(),
            origin: Some(self.0.origin.clone()),
        }
    }

    /// How the caller was known, and from where.
    pub fn origin(&self) -> &Origin {
        &self.0.origin
    }
}

/// The caller has the permission, and not for this.
pub(super) fn out_of_reach(permission: Permission, what: &str) -> Problem {
    let name = permission.name();
    Problem::new(
        OUT_OF_REACH,
        format!("the caller's grants give `{name}` for some flows, and this is about {what}"),
    )
}

impl<S: Sync> FromRequestParts<S> for Actor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let actor = parts.extensions.get::<Self>().cloned();
        actor.ok_or_else(|| Problem::new(SIGN_IN, "the request does not say who calls"))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Actor {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
