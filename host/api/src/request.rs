//! The id of a request: the same in the header of the answer, in problems and in the log.

use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, Uri};
use axum::middleware::Next;
use axum::response::Response;
use dowel_core::code::http::METHOD_NOT_ALLOWED;
use std::sync::Arc;

/// The header that carries it.
const HEADER: &str = "x-request-id";

tokio::task_local! {
    /// The id of the request that this task answers.
    static CURRENT: String;
}

/// The id of the request that is being answered; none outside of requests.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// The same work with the id of a request, where another task does it.
pub(crate) async fn scoped<F: Future>(id: Option<String>, work: F) -> F::Output {
    match id {
        Some(id) => CURRENT.scope(id, work).await,
        None => work.await,
    }
}

/// Gives a request its id. The host chooses it: an id from outside could be that of another
/// request.
pub(crate) async fn name(
    State(state): State<Arc<ApiState>>,
    request: Request,
    next: Next,
) -> Response {
    let id = state.correlation_id();
    let mut response = CURRENT.scope(id.clone(), next.run(request)).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}

/// The answer to a method that an address is not for.
pub(crate) async fn no_such_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("`{}` is not for `{method}`", uri.path());
    Problem::new(METHOD_NOT_ALLOWED, detail)
}
