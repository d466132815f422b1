//! `POST /desk/exceptions/{id}/{action}`: one decision.

use super::choices::Draft;
use super::{id, show};
use crate::access::Form;
use crate::desk::exceptions::action;
use crate::desk::form::{Fields, decided};
use crate::desk::{Failure, Visitor, html};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use dowel_core::code::run::EDIT_INVALID;
use dowel_core::{JsonText, RunId};
use dowel_engine::mask::MASK;
use dowel_engine::{Action, Decided};
use std::sync::Arc;

/// A decision that is refused comes back with what was sent, so that nothing is typed
/// twice.
pub(in crate::desk) async fn decide(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    Path((text, name)): Path<(String, String)>,
    form: Form,
) -> Result<Response, Failure> {
    let id = id(&text)?;
    if name == "check" {
        return check(&state, &visitor, id, form).await;
    }
    match carry_out(&state, &visitor, id, &name, &form).await {
        Ok(done) => Ok(decided(&next_page(id, &name, &done))),
        Err(refused) => {
            shown(
                &state,
                &visitor,
                id,
                &Draft::new(&name, form, Some(refused)),
            )
            .await
        }
    }
}

/// The page again, with what was sent.
async fn shown(
    state: &ApiState,
    visitor: &Visitor,
    id: RunId,
    draft: &Draft,
) -> Result<Response, Failure> {
    let status = StatusCode::from_u16(draft.status());
    let page = show(state, visitor, id, Some(draft)).await?;
    let status = status.unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
    Ok(page.status(status).into_response())
}

/// `POST /desk/exceptions/{id}/check`: whether the value of the decision that `check` names
/// follows its schema. Nothing is changed.
async fn check(
    state: &ApiState,
    visitor: &Visitor,
    id: RunId,
    form: Form,
) -> Result<Response, Failure> {
    let name = form.text("check").unwrap_or_default().to_owned();
    let found = judge(state, id, &name, &form).await;
    let draft = Draft::new(&name, form, found.err());
    shown(state, visitor, id, &draft).await
}

async fn judge(state: &ApiState, id: RunId, name: &str, form: &Form) -> Result<(), Problem> {
    let action = action::read(name, form)?;
    if let Action::EditInput { input: value, .. } | Action::Complete { output: value, .. } = &action
    {
        refuse_masked(value)?;
    }
    Ok(state.engine.check_decision(id, action).await?)
}

async fn carry_out(
    state: &ApiState,
    visitor: &Visitor,
    id: RunId,
    name: &str,
    form: &Form,
) -> Result<Decided, Problem> {
    let action = action::read(name, form)?;
    let given = match &action {
        Action::EditInput { input: value, .. }
        | Action::Complete { output: value, .. }
        | Action::Resubmit {
            payload: Some(value),
        } => Some(value),
        _ => None,
    };
    if let Some(value) = given {
        refuse_masked(value)?;
    }
    let deciding = visitor.deciding(form.reason()?);
    let done = state.engine.decide(id, deciding, action).await?;
    Ok(done)
}

/// Where to look after a decision.
fn next_page(id: RunId, name: &str, done: &Decided) -> String {
    if done.proposed.is_some() {
        return "/desk/approvals#proposals".to_owned();
    }
    match done.began {
        Some(run) => html::path(&["runs", &run.to_string()]),
        None => {
            let page = html::path(&["exceptions", &id.to_string()]);
            html::with_query(&page, &[("done", name)])
        }
    }
}

/// What stands in the place of masked values is not sent as if it were one.
fn refuse_masked(value: &JsonText) -> Result<(), Problem> {
    let mut places = Vec::new();
    masked(&value.to_value(), &mut String::new(), &mut places);
    if places.is_empty() {
        return Ok(());
    }
    let message = "masked values were not replaced by real ones";
    let problem = Problem::new(EDIT_INVALID, message);
    let add =
        |problem: Problem, place| problem.with_violation(place, "is masked: write the real value");
    Err(places.into_iter().fold(problem, add))
}

fn masked(value: &serde_json::Value, pointer: &mut String, places: &mut Vec<String>) {
    let length = pointer.len();
    match value {
        serde_json::Value::String(text) if text.contains(MASK) => places.push(pointer.clone()),
        serde_json::Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointer.push_str(&format!("/{index}"));
                masked(item, pointer, places);
                pointer.truncate(length);
            }
        }
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                pointer.push('/');
                pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
                masked(field, pointer, places);
                pointer.truncate(length);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(json: &str, expected: &[&str]) {
        let mut places = Vec::new();
        let value = JsonText::parse(json).unwrap().to_value();
        masked(&value, &mut String::new(), &mut places);
        assert_eq!(places, expected);
    }

    #[test]
    fn masks_are_found_where_they_are() {
        check(r#"{"a":1}"#, &[]);
        check(
            r#"{"a":{"token":"•••"},"b/c":["x","Bearer •••"]}"#,
            &["/a/token", "/b~1c/1"],
        );
    }
}
