//! What every request to the CRM and the ERP goes through: the books, the token, the
//! switches, the effect, and the answer or its absence.

use crate::cut::Cut;
use crate::ledger::{Books, Call};
use crate::server::{ShopOptions, Stop};
use crate::switches::{Panel, Refusal, Route, Silence};
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use parking_lot::Mutex;

/// The header that carries the idempotency key.
pub(crate) const KEY_HEADER: &str = "idempotency-key";

/// The shop's state.
pub(crate) struct World {
    pub(crate) options: ShopOptions,
    pub(crate) books: Mutex<Books>,
    pub(crate) panel: Mutex<Panel>,
    pub(crate) stop: Stop,
}

/// One request.
pub(crate) struct Exchange<'a> {
    pub(crate) route: Route,
    /// What switches know the request by.
    pub(crate) subject: &'a str,
    pub(crate) method: Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    /// The token that this route asks for.
    pub(crate) token: &'a str,
    pub(crate) cut: Cut,
}

impl World {
    /// Serves one request; `effect` runs unless the request is refused, and gets the
    /// time of arrival. `answered` runs when its answer is about to leave.
    pub(crate) async fn serve(
        &self,
        exchange: Exchange<'_>,
        effect: impl FnOnce(&mut Books, Timestamp) -> Response,
        answered: impl FnOnce(&mut Books),
    ) -> Response {
        let at = Timestamp::now();
        let call = self.books.lock().arrived(Call {
            method: exchange.method.to_string(),
            path: exchange.uri.path().to_owned(),
            key: key(exchange.headers).map(str::to_owned),
            at,
            status: None,
        });
        if !authorised(exchange.headers, exchange.token) {
            let status = StatusCode::UNAUTHORIZED;
            self.books.lock().answered(call, status.as_u16());
            return problem(status, "the bearer token is missing or wrong");
        }
        let verdict = self.panel.lock().decide(exchange.route, exchange.subject);
        if !verdict.latency.is_zero() {
            tokio::time::sleep(verdict.latency).await;
        }
        if let Some(refusal) = verdict.refusal {
            self.books.lock().answered(call, refusal.status);
            return refused(refusal);
        }
        let response = effect(&mut self.books.lock(), at);
        if let Some(silence) = verdict.silence {
            if silence == Silence::Hang {
                self.stop.wait().await;
            }
            exchange.cut.now();
            return response;
        }
        let mut books = self.books.lock();
        books.answered(call, response.status().as_u16());
        answered(&mut books);
        drop(books);
        response
    }
}

/// The idempotency key of a request.
pub(crate) fn key(headers: &HeaderMap) -> Option<&str> {
    headers.get(KEY_HEADER)?.to_str().ok()
}

fn authorised(headers: &HeaderMap, token: &str) -> bool {
    let value = headers.get(header::AUTHORIZATION);
    let presented = value.and_then(|value| value.to_str().ok());
    presented.and_then(|text| text.strip_prefix("Bearer ")) == Some(token)
}

fn refused(refusal: Refusal) -> Response {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = problem(status, "the switches say so");
    if let Some(seconds) = refusal.retry_after_s {
        let value = HeaderValue::from(seconds);
        response.headers_mut().insert(header::RETRY_AFTER, value);
    }
    response
}

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &impl serde::Serialize) -> Response {
    let body = match serde_json::to_vec(value) {
        Ok(body) => Body::from(body),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body).into_response()
}

/// An error as the shop's APIs tell it.
pub(crate) fn problem(status: StatusCode, message: &str) -> Response {
    json(status, &serde_json::json!({ "error": message }))
}
