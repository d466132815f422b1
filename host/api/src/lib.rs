//! HTTP: intake of webhooks and events on the public listener; runs, health and metrics on the
//! admin listener. Handlers translate; what they mean is decided by the engine.

mod access;
mod answers;
mod approvals;
mod audit;
mod backup;
mod blobs;
mod canaries;
mod catalogue;
mod connections;
mod decisions;
mod desk;
mod environment;
mod events;
mod exceptions;
mod flows;
mod follow;
mod health;
mod hooks;
mod intake;
mod metrics;
mod openapi;
mod paging;
mod problem;
mod request;
mod runs;
mod schedules;
mod serve;
mod sources;
mod state;
mod status;
mod switches;
mod upgrade;
mod wait;

pub use access::{About, Actor, Form, Needs, Peer, Repeats, Route, Who};
pub use axum::Router;
pub use openapi::openapi;
pub use problem::Problem;
pub use serve::{Listener, LocalListener};
pub use state::{ApiOptions, ApiState, Links, Senders};

use access::Routes;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use dowel_core::access::Permission;
use dowel_core::code::api::NO_SUCH_ROUTE;
use std::sync::Arc;

/// What the outside world may reach: webhooks, events and the health of the host.
pub fn public(state: Arc<ApiState>) -> Router {
    Router::new()
        .route("/hooks/{*path}", any(hooks::receive))
        .route("/events", post(events::receive))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .fallback(no_such_route)
        .method_not_allowed_fallback(request::no_such_method)
        .layer(from_fn_with_state(state.clone(), request::name))
        .with_state(state)
}

/// What operators and their tools may reach. The documentation of the module `access` says
/// how a route is added.
pub fn admin(state: Arc<ApiState>) -> Router {
    let (router, _) = admin_routes(state.clone()).finish();
    router
        .fallback(no_such_page)
        .method_not_allowed_fallback(request::no_such_method)
        .layer(from_fn_with_state(state.clone(), desk::dress))
        .layer(from_fn_with_state(state.clone(), request::name))
        .with_state(state)
}

/// Every route of the admin listener, with what it asks of its caller.
pub fn admin_table(state: Arc<ApiState>) -> Vec<Route> {
    admin_routes(state).finish().1
}

fn admin_routes(state: Arc<ApiState>) -> Routes {
    let read = Needs::of(Permission::Read);
    let routes = run_routes(versions_and_switches(Routes::new(state)))
        .get("/api/v1/flows", read.each(), flows::list)
        .post(
            "/api/v1/flows/{flow}/runs",
            Needs::of(Permission::Start)
                .about_flow("flow")
                .recognises_repeats(),
            intake::manual,
        )
        .post(
            "/api/v1/flows/{flow}/disable",
            Needs::of(Permission::Switch).about_flow("flow"),
            flows::disable,
        )
        .post(
            "/api/v1/flows/{flow}/enable",
            Needs::of(Permission::Switch).about_flow("flow"),
            flows::enable,
        )
        .get("/api/v1/approvals", read.each(), approvals::list)
        .post(
            "/api/v1/approvals/{run}/{step}/decisions",
            Needs::of(Permission::Decide).about_run("run"),
            approvals::decide,
        )
        .get("/api/v1/status", read.each(), status::show)
        .get("/api/v1/connections", read.each(), connections::list)
        .get(
            "/api/v1/events/undelivered",
            read.each(),
            events::undelivered,
        )
        .get("/api/v1/schedules", read.each(), schedules::list)
        .get("/api/v1/sources", read.each(), sources::list)
        .get(
            "/api/v1/audit",
            Needs::of(Permission::Audit).each(),
            audit::list,
        )
        .get(
            "/api/v1/audit/verify",
            Needs::of(Permission::Audit),
            audit::chain::verify,
        )
        .get(
            "/api/v1/audit/export",
            Needs::of(Permission::Audit),
            audit::chain::export,
        )
        .get(
            "/api/v1/backup",
            Needs::of(Permission::Backup),
            backup::backup,
        )
        .get("/api/v1/openapi.json", Needs::signed_in(), openapi::show)
        .get("/healthz", Needs::open(), health::healthz)
        .get("/readyz", Needs::open(), health::readyz)
        .get("/metrics", Needs::metrics(), metrics::metrics);
    let routes = stream_routes(environment_routes(exception_routes(routes)));
    desk::routes(access::routes(routes))
}

fn run_routes(routes: Routes) -> Routes {
    let read = Needs::of(Permission::Read);
    routes
        .get("/api/v1/runs", read.each(), runs::list)
        .get("/api/v1/runs/{id}", read.about_run("id"), runs::show)
        .get(
            "/api/v1/runs/{id}/journal",
            read.about_run("id"),
            runs::journal,
        )
        .get(
            "/api/v1/runs/{id}/blobs/{digest}",
            read.about_run("id"),
            blobs::download,
        )
}

fn stream_routes(routes: Routes) -> Routes {
    let read = Needs::of(Permission::Read);
    routes.get("/api/v1/events", read.each(), follow::all).get(
        "/api/v1/runs/{id}/events",
        read.about_run("id"),
        follow::one,
    )
}

fn environment_routes(routes: Routes) -> Routes {
    routes
        .get(
            "/api/v1/upgrade",
            Needs::of(Permission::Read),
            upgrade::show,
        )
        .post(
            "/api/v1/upgrade/finalize",
            Needs::of(Permission::Upgrade),
            upgrade::finalize,
        )
        .get(
            "/api/v1/environment",
            Needs::of(Permission::Read),
            environment::show,
        )
        .post(
            "/api/v1/environment/sync",
            Needs::of(Permission::Deploy),
            environment::sync,
        )
        .post(
            "/api/v1/environment/changes/{digest}/{word}",
            Needs::of(Permission::Decide),
            environment::decide,
        )
}

fn exception_routes(routes: Routes) -> Routes {
    let read = Needs::of(Permission::Read);
    let operate = Needs::of(Permission::Operate);
    let bulk = "/api/v1/exceptions/bulk";
    routes
        .get("/api/v1/exceptions", read.each(), exceptions::list)
        .get("/api/v1/exceptions/groups", read.each(), exceptions::groups)
        .get(bulk, read.each(), exceptions::bulk::list)
        .post(bulk, operate.each(), exceptions::bulk::begin)
        .get(
            "/api/v1/exceptions/bulk/{id}",
            read.each(),
            exceptions::bulk::show,
        )
        .post(
            "/api/v1/exceptions/bulk/{id}/{change}",
            operate.each(),
            exceptions::bulk::change,
        )
        .get(
            "/api/v1/exceptions/proposals",
            read.each(),
            exceptions::proposals::list,
        )
        .post(
            "/api/v1/exceptions/proposals/{id}/{what}",
            Needs::of(Permission::Confirm).each(),
            exceptions::proposals::decide,
        )
        .get(
            "/api/v1/exceptions/{id}",
            read.about_run("id"),
            exceptions::show,
        )
        .post(
            "/api/v1/exceptions/{id}/decisions",
            operate.about_run("id"),
            exceptions::decide,
        )
        .post(
            "/api/v1/runs/{id}/decisions",
            operate.about_run("id"),
            decisions::decide,
        )
}

/// The same on the admin listener, where people look as well.
async fn no_such_page(uri: Uri) -> Response {
    match desk::no_such_page(&uri) {
        Some(page) => page,
        None => no_such_route(uri).await.into_response(),
    }
}

async fn no_such_route(uri: Uri) -> Problem {
    Problem::new(
        NO_SUCH_ROUTE,
        format!("nothing is served at `{}`", uri.path()),
    )
}

/// The catalogue, what the host knows of versions, and the kill switches.
fn versions_and_switches(routes: Routes) -> Routes {
    let read = Needs::of(Permission::Read);
    let switch = Needs::of(Permission::Switch);
    routes
        .get("/api/v1/catalog", read.each(), catalogue::catalog)
        .get("/api/v1/lineage", read.each(), catalogue::lineage)
        .get(
            "/api/v1/flows/{flow}/picture",
            read.about_flow("flow"),
            catalogue::drawn,
        )
        .get(
            "/api/v1/flows/{flow}/versions",
            read.about_flow("flow"),
            catalogue::versions,
        )
        .post(
            "/api/v1/flows/{flow}/versions/{version}/retire",
            Needs::of(Permission::Deploy).about_flow("flow"),
            catalogue::retire,
        )
        .get(
            "/api/v1/flows/{flow}/changes",
            read.about_flow("flow"),
            catalogue::changes,
        )
        .get("/api/v1/canaries", read.each(), canaries::list)
        .post(
            "/api/v1/flows/{flow}/canary",
            Needs::of(Permission::Deploy).about_flow("flow"),
            canaries::start,
        )
        .post(
            "/api/v1/flows/{flow}/canary/end",
            Needs::of(Permission::Deploy).about_flow("flow"),
            canaries::end,
        )
        .get("/api/v1/switches", read.each(), switches::list)
        .post(
            "/api/v1/flows/{flow}/triggers/{trigger}/disable",
            switch.about_flow("flow"),
            switches::disable_trigger,
        )
        .post(
            "/api/v1/flows/{flow}/triggers/{trigger}/enable",
            switch.about_flow("flow"),
            switches::enable_trigger,
        )
        .post(
            "/api/v1/flows/{flow}/triggers/{trigger}/reset",
            Needs::of(Permission::Operate).about_flow("flow"),
            sources::reset,
        )
        .post(
            "/api/v1/connections/{connection}/disable",
            switch,
            switches::disable_connection,
        )
        .post(
            "/api/v1/connections/{connection}/enable",
            switch,
            switches::enable_connection,
        )
}
