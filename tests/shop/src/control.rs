//! The side that tests look at and turn: ledger and switches.

use crate::exchange::{World, json};
use crate::ledger::Books;
use crate::switches::{Panel, Switches};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use std::sync::Arc;

/// `GET /ledger`.
pub(crate) async fn ledger(State(world): State<Arc<World>>) -> Response {
    let ledger = world.books.lock().ledger();
    json(StatusCode::OK, &ledger)
}

/// `GET /ledger/calls`.
pub(crate) async fn calls(State(world): State<Arc<World>>) -> Response {
    json(StatusCode::OK, &world.books.lock().calls())
}

/// `DELETE /ledger`.
pub(crate) async fn clear(State(world): State<Arc<World>>) -> StatusCode {
    *world.books.lock() = Books::default();
    StatusCode::NO_CONTENT
}

/// `GET /switches`.
pub(crate) async fn switches(State(world): State<Arc<World>>) -> Response {
    json(StatusCode::OK, world.panel.lock().switches())
}

/// `PUT /switches`: replaces all of them and begins to count anew.
pub(crate) async fn set(
    State(world): State<Arc<World>>,
    Json(switches): Json<Switches>,
) -> StatusCode {
    *world.panel.lock() = Panel::new(switches);
    StatusCode::NO_CONTENT
}
