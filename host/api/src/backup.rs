//! `/api/v1/backup`: everything that the host knows, as one stream.

use crate::access::Actor;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use dowel_core::code::store::UNAVAILABLE;
use futures_util::stream;
use std::path::Path;
use std::sync::Arc;

const MEDIA_TYPE: &str = "application/vnd.dowel.backup";

/// A backup. A stream that breaks off has no last frame, by which the reader knows.
/// It holds values that are masked elsewhere, so that taking it is recorded.
#[utoipa::path(
    get,
    path = "/api/v1/backup",
    tag = "host",
    operation_id = "take_backup",
    summary = "Takes a backup of everything that the host knows",
    responses(
        (status = 200, description = "The backup as a stream of frames", body = [u8], content_type = "application/vnd.dowel.backup"),
    ),
)]
pub(crate) async fn backup(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
) -> Result<Response, Problem> {
    state
        .engine
        .tell_of("backup", "backup", &actor.by())
        .await?;
    let files = match &state.options.components {
        Some(folder) => read_all(folder).map_err(|error| {
            let place = folder.display();
            Problem::new(UNAVAILABLE, format!("{place} cannot be read: {error}"))
        })?,
        None => Vec::new(),
    };
    let backup = state.engine.backup(files).await?;
    let chunks = stream::try_unfold(backup, async |mut backup| {
        let chunk = backup.next().await?;
        Ok::<_, dowel_core::port::StoreError>(chunk.map(|chunk| (chunk, backup)))
    });
    let headers = [(header::CONTENT_TYPE, MEDIA_TYPE)];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// The files of a folder by name. They are few and each of them is read by the host at its
/// start as a whole.
fn read_all(folder: &Path) -> std::io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().into_string();
        if let Ok(name) = name
            && name.ends_with(".wasm")
        {
            files.push((name, std::fs::read(entry.path())?));
        }
    }
    files.sort();
    Ok(files)
}
