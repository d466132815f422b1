//! The ERP: makes one invoice per idempotency key and can void it.

use crate::cut::Cut;
use crate::exchange::{Exchange, World, json, key, problem};
use crate::ledger::{Books, Created};
use crate::switches::Route;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// What an invoice has to say. The values stay raw text: the ERP looks only whether
/// they are there.
#[derive(Deserialize)]
#[allow(dead_code)] // Read by the check that all of them are there.
struct InvoiceBody<'a> {
    #[serde(borrow)]
    order_id: &'a RawValue,
    #[serde(borrow)]
    customer: &'a RawValue,
    #[serde(borrow)]
    currency: &'a RawValue,
    #[serde(borrow)]
    lines: Vec<Line<'a>>,
    #[serde(borrow)]
    total: &'a RawValue,
}

#[derive(Deserialize)]
#[allow(dead_code)] // Read by the check that all of them are there.
struct Line<'a> {
    #[serde(borrow)]
    sku: &'a RawValue,
    #[serde(borrow)]
    qty: &'a RawValue,
    #[serde(borrow)]
    amount: &'a RawValue,
}

/// `POST /erp/invoices`.
pub(crate) async fn create(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    uri: Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let Some(key) = key(&headers) else {
        return problem(StatusCode::BAD_REQUEST, "Idempotency-Key is missing");
    };
    let exchange = Exchange {
        route: Route::ErpCreate,
        subject: key,
        method: Method::POST,
        uri: &uri,
        headers: &headers,
        token: &world.options.erp_token,
        cut,
    };
    world
        .serve(
            exchange,
            |books, at| book(books, key, body, at),
            |books| books.invoice_answered(key),
        )
        .await
}

fn book(books: &mut Books, key: &str, body: String, at: Timestamp) -> Response {
    if let Err(error) = serde_json::from_str::<InvoiceBody<'_>>(&body) {
        let message = format!("the body is not an invoice: {error}");
        return problem(StatusCode::UNPROCESSABLE_ENTITY, &message);
    }
    match books.create(key, body, at) {
        Created::First(receipt) => json(StatusCode::CREATED, &receipt),
        Created::Again(receipt) => json(StatusCode::OK, &receipt),
        Created::Conflict => problem(StatusCode::CONFLICT, "the key was used with another body"),
    }
}

/// `POST /erp/invoices/{id}/void`.
pub(crate) async fn void(
    State(world): State<Arc<World>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let exchange = Exchange {
        route: Route::ErpVoid,
        subject: &id,
        method: Method::POST,
        uri: &uri,
        headers: &headers,
        token: &world.options.erp_token,
        cut,
    };
    let effect = |books: &mut Books, _| match books.void(&id) {
        Some(receipt) => json(StatusCode::OK, &receipt),
        None => problem(StatusCode::NOT_FOUND, "no such invoice"),
    };
    world.serve(exchange, effect, |_| ()).await
}
