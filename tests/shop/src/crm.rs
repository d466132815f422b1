//! The CRM: knows every contact, and the ERP's id of each.

use crate::cut::Cut;
use crate::exchange::{Exchange, World, json, problem};
use crate::ledger::Books;
use crate::switches::Route;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
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

/// How many contacts the list has.
const LISTED: usize = 7;

/// Contacts on a page unless the request says otherwise.
const PAGE: usize = 3;

#[derive(Serialize)]
struct Contacts<'a> {
    contacts: Vec<Contact<'a>>,
    next: Option<String>,
}

/// The parameters of a page.
#[derive(Debug, Deserialize)]
pub(crate) struct ListParameters {
    #[serde(default)]
    cursor: String,
    limit: Option<usize>,
}

/// `GET /crm/contacts`: the contacts `C-1` to `C-7`; the cursor is the id before a page.
pub(crate) async fn contacts(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Query(parameters): Query<ListParameters>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let exchange = Exchange {
        route: Route::CrmContacts,
        subject: &parameters.cursor,
        method: Method::GET,
        uri: &uri,
        headers: &headers,
        token: &world.options.crm_token,
        cut,
    };
    let page = |_: &mut Books, _| page(&parameters);
    world.serve(exchange, page, |_| ()).await
}

fn page(parameters: &ListParameters) -> Response {
    let ids: Vec<String> = (1..=LISTED).map(|n| format!("C-{n}")).collect();
    let before = ids.iter().position(|id| *id == parameters.cursor);
    let begin = before.map_or(0, |before| before + 1);
    if begin == 0 && !parameters.cursor.is_empty() {
        return problem(StatusCode::BAD_REQUEST, "no such cursor");
    }
    let limit = parameters.limit.unwrap_or(PAGE).clamp(1, LISTED);
    let end = (begin + limit).min(LISTED);
    let listed = &ids[begin..end];
    let next = listed.last().filter(|_| end < LISTED);
    let page = Contacts {
        contacts: listed.iter().map(|id| Contact::of(id)).collect(),
        next: next.cloned(),
    };
    json(StatusCode::OK, &page)
}

impl<'a> Contact<'a> {
    fn of(id: &'a str) -> Self {
        Self {
            id,
            name: format!("Contact {id}"),
            email: format!("{id}@example.com"),
            erp_id: format!("ERP-{id}"),
        }
    }
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
    json(StatusCode::OK, &Contact::of(id))
}
