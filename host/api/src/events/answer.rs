//! What a sender of events is told.

use super::binding::Mode;
use crate::problem::Problem;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dowel_core::RunId;
use dowel_core::code::Code;
use dowel_engine::{Accepted, Publication, PublishError};
use serde::Serialize;

/// What became of an event.
#[derive(Debug, Serialize)]
struct Told<'a> {
    id: &'a str,
    source: &'a str,
    /// `accepted` or `duplicate` if it begins runs, else `received` if runs waited for it,
    /// `kept` if some may come to wait for it, or `unclaimed` if no flow is for it.
    status: &'static str,
    runs: Vec<Run<'a>>,
    /// The runs that waited for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    received: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused<'a>>,
}

/// A run that it began, now or before.
#[derive(Debug, Serialize)]
struct Run<'a> {
    flow: &'a str,
    trigger: &'a str,
    run: String,
    status: &'static str,
}

/// A flow that could not take it. It is kept for the operator.
#[derive(Debug, Serialize)]
struct Refused<'a> {
    flow: &'a str,
    trigger: &'a str,
    code: Code,
    detail: &'a str,
}

/// What became of a batch.
#[derive(Debug, Serialize)]
struct Batch<'a> {
    events: &'a [Told<'a>],
}

impl<'a> Told<'a> {
    fn of(publication: &'a Publication) -> Self {
        let runs = publication.taken.iter().map(|taken| Run {
            flow: taken.flow.as_str(),
            trigger: &taken.trigger,
            run: taken.accepted.run().to_string(),
            status: match taken.accepted {
                Accepted::New(_) => "accepted",
                Accepted::Duplicate(_) => "duplicate",
                Accepted::Dropped(_) => "dropped",
            },
        });
        let refused = publication.refused.iter().map(|refusal| Refused {
            flow: refusal.flow.as_str(),
            trigger: &refusal.trigger,
            code: refusal.code,
            detail: &refusal.message,
        });
        Self {
            id: &publication.id,
            source: &publication.source,
            status: status(publication),
            runs: runs.collect(),
            received: publication.received.iter().map(RunId::to_string).collect(),
            refused: refused.collect(),
        }
    }
}

fn status(publication: &Publication) -> &'static str {
    let mut taken = publication.taken.iter();
    if publication.taken.is_empty() {
        match (publication.received.is_empty(), publication.is_kept) {
            (false, _) => "received",
            (true, true) => "kept",
            (true, false) => "unclaimed",
        }
    } else if taken.any(|taken| matches!(taken.accepted, Accepted::New(_))) {
        "accepted"
    } else {
        "duplicate"
    }
}

/// 202, or 200 if everything was known already.
pub(super) fn answer(published: &[Publication], mode: Mode) -> Response {
    let told: Vec<Told<'_>> = published.iter().map(Told::of).collect();
    let all_known = !told.is_empty() && told.iter().all(|told| told.status == "duplicate");
    let status = if all_known {
        StatusCode::OK
    } else {
        StatusCode::ACCEPTED
    };
    match (mode, told.as_slice()) {
        (Mode::Structured | Mode::Binary, [only]) => (status, axum::Json(only)).into_response(),
        _ => (status, axum::Json(Batch { events: &told })).into_response(),
    }
}

/// The problem of events that were not published.
pub(super) fn refused(error: PublishError, mode: Mode) -> Problem {
    let message = error.to_string();
    let code = error.code();
    match error {
        PublishError::Intake(error) => error.into(),
        PublishError::Refused(refused) => {
            let mut problem = Problem::new(code, message);
            for (index, refusals) in &refused {
                let place = mode.place(*index);
                for refusal in refusals {
                    let flow = &refusal.flow;
                    let what = format!("flow `{flow}`: {} ({})", refusal.message, refusal.code);
                    problem = problem.with_violation(place.clone(), &what);
                    for violation in &refusal.violations {
                        let pointer = format!("{place}/data{}", violation.pointer);
                        problem = problem.with_violation(pointer, &violation.message);
                    }
                }
            }
            problem
        }
    }
}
