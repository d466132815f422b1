//! `/api/v1/runs/{id}/blobs/{digest}`: large bodies that a run has written.

use crate::problem::Problem;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use dowel_core::code::api::NO_SUCH_BLOB;
use dowel_core::port::BlobError;
use dowel_core::{Digest, RunId};
use futures_util::stream;
use std::sync::Arc;

/// What a body is given as if its own type cannot stand in a header.
const UNKNOWN: HeaderValue = HeaderValue::from_static("application/octet-stream");

/// A body, as it came from an upstream: whoever opens it in a browser gets a file, never a
/// page of this origin.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/blobs/{digest}",
    tag = "runs",
    operation_id = "download_blob",
    summary = "Downloads a large body that a run has written",
    responses(
        (status = 200, description = "Its bytes", body = [u8], content_type = "application/octet-stream"),
    ),
)]
pub(crate) async fn download(
    State(state): State<Arc<ApiState>>,
    Path((id, digest)): Path<(String, String)>,
) -> Result<Response, Problem> {
    let none = || Problem::new(NO_SUCH_BLOB, format!("run `{id}` has no blob `{digest}`"));
    let run: RunId = id.parse().map_err(|_| none())?;
    let digest: Digest = digest.parse().map_err(|_| none())?;
    let opened = match state.engine.blobs().of_run(run, &digest).await {
        Ok(opened) => opened,
        Err(BlobError::Gone) => return Err(none()),
        Err(error) => {
            return Err(Problem::new(
                dowel_core::code::store::UNAVAILABLE,
                error.to_string(),
            ));
        }
    };
    let pieces = stream::try_unfold(opened.body, async |mut body| {
        let piece = body.next().await?;
        Ok::<_, BlobError>(piece.map(|piece| (piece, body)))
    });
    let media_type = HeaderValue::from_str(&opened.media_type).unwrap_or(UNKNOWN);
    let headers: [(HeaderName, HeaderValue); 3] = [
        (header::CONTENT_TYPE, media_type),
        (header::CONTENT_LENGTH, opened.size.into()),
        (
            header::CONTENT_DISPOSITION,
            disposition(opened.name.as_deref()),
        ),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// `attachment`, with the name if it is a plain one (RFC 6266).
fn disposition(name: Option<&str>) -> HeaderValue {
    let is_plain = |name: &&str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_. ".contains(&b);
        name.bytes().all(plain)
    };
    let named = name
        .filter(is_plain)
        .map(|name| format!("attachment; filename=\"{name}\""));
    let value = named.and_then(|text| HeaderValue::from_str(&text).ok());
    value.unwrap_or(HeaderValue::from_static("attachment"))
}
