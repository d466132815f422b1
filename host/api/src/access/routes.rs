//! The table of routes: none is added without what it needs.

use super::guard::{Gate, guard};
use super::needs::Needs;
use crate::state::ApiState;
use axum::Router;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};
use std::sync::Arc;

/// A route as it is declared.
#[derive(Clone, Debug)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with its parameters in braces.
    pub path: &'static str,
    /// What it asks of its caller.
    pub needs: Needs,
}

/// Routes, each behind its guard.
pub(crate) struct Routes {
    state: Arc<ApiState>,
    router: Router<Arc<ApiState>>,
    declared: Vec<Route>,
}

impl Routes {
    /// None yet.
    pub(crate) fn new(state: Arc<ApiState>) -> Self {
        Self {
            state,
            router: Router::new(),
            declared: Vec::new(),
        }
    }

    /// Adds a route for `GET`.
    pub(crate) fn get<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, Arc<ApiState>>,
        T: 'static,
    {
        self.add(Method::GET, path, needs, get(handler))
    }

    /// Adds a route for `POST`.
    pub(crate) fn post<H, T>(self, path: &'static str, needs: Needs, handler: H) -> Self
    where
        H: Handler<T, Arc<ApiState>>,
        T: 'static,
    {
        self.add(Method::POST, path, needs, post(handler))
    }

    fn add(
        mut self,
        method: Method,
        path: &'static str,
        needs: Needs,
        route: MethodRouter<Arc<ApiState>>,
    ) -> Self {
        let gate = Gate {
            state: self.state.clone(),
            needs,
        };
        let route = route.route_layer(from_fn_with_state(gate, guard));
        self.router = self.router.route(path, route);
        self.declared.push(Route {
            method,
            path,
            needs,
        });
        self
    }

    /// The router, and the table that it was made from.
    pub(crate) fn finish(self) -> (Router<Arc<ApiState>>, Vec<Route>) {
        (self.router, self.declared)
    }
}
