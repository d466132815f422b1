//! `/api/v1/audit/verify` and `/api/v1/audit/export`: the record as a whole.

use crate::access::Actor;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use dowel_core::Digest;
use dowel_core::code::api::BAD_REQUEST;
use dowel_engine::{Anchor, ChainReport, ChainedEntry, Engine};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

/// One JSON value for each line.
const MEDIA_TYPE: &str = "application/x-ndjson";

/// The parameters of the check.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Digests that were told of in the log, such as `17:sha256:…`, separated by commas.
    #[serde(default)]
    anchors: String,
}

fn anchors(text: &str) -> Result<Vec<Anchor>, Problem> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let anchor = |part: &str| {
        let (seq, digest) = part.split_once(':')?;
        Some(Anchor {
            seq: seq.parse().ok()?,
            digest: digest.parse::<Digest>().ok()?,
        })
    };
    let bad = |part: &str| {
        let detail = format!("`{part}` is no anchor: write 17:sha256:…");
        Problem::new(BAD_REQUEST, detail)
    };
    parts
        .map(|part| anchor(part).ok_or_else(|| bad(part)))
        .collect()
}

/// `GET /api/v1/audit/verify`.
#[utoipa::path(
    get,
    path = "/api/v1/audit/verify",
    tag = "audit",
    operation_id = "verify_audit",
    summary = "Checks the chain of the audit record",
    params(Parameters),
    responses(
        (status = 200, description = "What was found", body = Object),
    ),
)]
pub(crate) async fn verify(
    State(state): State<Arc<ApiState>>,
    parameters: Result<Query<Parameters>, QueryRejection>,
) -> Result<Json<ChainReport>, Problem> {
    let Query(parameters) = parameters.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let anchors = anchors(&parameters.anchors)?;
    Ok(Json(state.engine.verify_audit(&anchors).await?))
}

/// A line of the export. The record is as it lies in the store, byte for byte, so that its
/// digest can be computed from the line.
#[derive(Serialize)]
struct Line<'a> {
    seq: u64,
    before: Digest,
    digest: Option<Digest>,
    record: &'a RawValue,
}

fn lines(entries: &[ChainedEntry]) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::new();
    for entry in entries {
        let line = Line {
            seq: entry.seq,
            before: entry.before,
            digest: entry.digest,
            record: serde_json::from_slice(&entry.record)?,
        };
        serde_json::to_writer(&mut out, &line)?;
        out.push(b'\n');
    }
    Ok(out)
}

type Next = Option<(Vec<u8>, (Engine, Option<ChainedEntry>))>;

async fn next(engine: Engine, after: Option<ChainedEntry>) -> std::io::Result<Next> {
    let other = |error: &dyn std::fmt::Display| std::io::Error::other(error.to_string());
    let mut entries = engine
        .audit_chain(after.as_ref())
        .await
        .map_err(|e| other(&e))?;
    let chunk = lines(&entries).map_err(|e| other(&e))?;
    let last = entries.pop();
    Ok(last.map(|last| (chunk, (engine, Some(last)))))
}

/// `GET /api/v1/audit/export`: the whole record, the oldest first. Taking it is recorded.
#[utoipa::path(
    get,
    path = "/api/v1/audit/export",
    tag = "audit",
    operation_id = "export_audit",
    summary = "Exports the audit record, the oldest first",
    responses(
        (status = 200, description = "One JSON value for each line", body = String, content_type = "application/x-ndjson"),
    ),
)]
pub(crate) async fn export(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
) -> Result<Response, Problem> {
    let engine = state.engine.clone();
    engine
        .tell_of("export-audit", "audit record", &actor.by())
        .await?;
    let chunks = stream::try_unfold((engine, None), async |(engine, after)| {
        next(engine, after).await
    });
    let headers = [(header::CONTENT_TYPE, MEDIA_TYPE)];
    Ok((headers, Body::from_stream(chunks)).into_response())
}
