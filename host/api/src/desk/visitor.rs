//! Who looks at the desk, and how they like to see it.

use crate::access::Actor;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use dowel_core::FlowName;
use dowel_core::access::Permission;
use dowel_engine::{Deciding, FlowStatus};
use maud::{Markup, html};
use std::sync::Arc;

/// The cookie with the chosen theme.
pub(super) const THEME_COOKIE: &str = "dowel_theme";

/// The colours that a visitor has chosen; the system's without it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    Light,
    Dark,
}

impl Theme {
    pub(super) fn read(text: &str) -> Option<Self> {
        match text {
            "light" => Some(Self::Light),
            "dark" => Some(Self::Dark),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// The theme that a browser sends.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let all = headers.get_all(header::COOKIE).into_iter();
        let lines = all.filter_map(|line| line.to_str().ok());
        let mut pairs = lines.flat_map(|line| line.split(';'));
        pairs.find_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            Self::read(value).filter(|_| name == THEME_COOKIE)
        })
    }
}

/// Who asks for a page.
#[derive(Clone)]
pub(super) struct Visitor {
    actor: Actor,
    state: Arc<ApiState>,
}

impl FromRequestParts<Arc<ApiState>> for Visitor {
    type Rejection = super::Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &Arc<ApiState>,
    ) -> Result<Self, super::Failure> {
        let actor = <Actor as FromRequestParts<Arc<ApiState>>>::from_request_parts(parts, state);
        Ok(Self {
            actor: actor.await?,
            state: state.clone(),
        })
    }
}

impl Visitor {
    /// The name that they act under.
    pub(super) fn name(&self) -> &str {
        self.actor.id()
    }

    /// The field by which the host knows its own forms again.
    pub(super) fn field(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.actor.csrf()); }
    }

    /// The author of a decision.
    pub(super) fn deciding(&self, reason: Option<String>) -> Deciding {
        self.actor.deciding(reason)
    }

    /// The flows that they see.
    pub(super) fn flows(&self) -> Vec<FlowStatus> {
        let flows = self.state.engine.flow_status().into_iter();
        flows.filter(|one| self.sees(&one.flow)).collect()
    }

    /// Whether they see what belongs to a flow.
    pub(super) fn sees(&self, flow: &FlowName) -> bool {
        self.reaches(Permission::Read, flow)
    }

    /// Whether they have a permission for a flow.
    pub(super) fn reaches(&self, permission: Permission, flow: &FlowName) -> bool {
        self.actor.reaches(&self.state.engine, permission, flow)
    }

    /// Whether they have a permission for some flow or for all.
    pub(super) fn may(&self, permission: Permission) -> bool {
        self.actor.may(permission)
    }

    /// Refuses what a permission does not reach; no flow stands for every one.
    pub(super) fn require(
        &self,
        permission: Permission,
        flow: Option<&FlowName>,
    ) -> Result<(), Problem> {
        self.actor.require(&self.state.engine, permission, flow)
    }

    /// Who it is, for the engine.
    pub(super) const fn actor(&self) -> &Actor {
        &self.actor
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn the_theme_is_read() {
        let mut headers = HeaderMap::new();
        assert_eq!(Theme::of(&headers), None);
        let line = HeaderValue::from_static("a=dark; dowel_theme=light; b=c");
        headers.insert(header::COOKIE, line);
        assert_eq!(Theme::of(&headers), Some(Theme::Light));
    }
}
