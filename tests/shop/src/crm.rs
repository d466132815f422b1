//! The CRM: knows every contact, and the ERP's id of each.

use crate::cut::Cut;
use crate::exchange::{Exchange, World, json, problem};
use crate::switches::Route;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use serde::Serialize;
use std::sync::Arc;

/// Contacts whose id begins like this do not exist.
const UNKNOWN_PREFIX: &str = "missing";

#[derive(Serialize)]
struct Contact<'a> {
    id: &'a str,
    name: String,
    email: String,
    erp_id: String,
}

/// `GET /crm/contacts/{id}`.
pub(crate) async fn contact(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let exchange = Exchange {
        route: Route::CrmContact,
        subject: &id,
        method: Method::GET,
        uri: &uri,
        headers: &headers,
        token: &world.options.crm_token,
        cut,
    };
    world.serve(exchange, |_, _| answer(&id), |_| ()).await
}

fn answer(id: &str) -> Response {
    if id.starts_with(UNKNOWN_PREFIX) {
        return problem(StatusCode::NOT_FOUND, "no such contact");
    }
    let contact = Contact {
        id,
        name: format!("Contact {id}"),
        email: format!("{id}@example.com"),
        erp_id: format!("ERP-{id}"),
    };
    json(StatusCode::OK, &contact)
}
