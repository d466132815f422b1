//! The decisions that fit many exceptions, and how forms name them.

use super::super::form::Fields;
use crate::access::Form;
use crate::problem::Problem;
use dowel_core::code::api::BAD_REQUEST;
use dowel_engine::Action;
use maud::{Markup, html};

/// Names, and what they do.
pub(in crate::desk) const FOR_MANY: [(&str, &str); 6] = [
    ("retry", "Retry: go on at the failed step"),
    ("rerun", "Rerun: do everything again on the active version"),
    ("skip", "Skip: go on without the failed step"),
    ("compensate", "Compensate: undo what succeeded, and end"),
    ("discard", "Discard: nothing more is to be done"),
    ("resubmit", "Resubmit: take quarantined payloads in again"),
];

/// The choice of one.
pub(super) fn select() -> Markup {
    html! {
        select name="action" {
            @for (name, text) in FOR_MANY { option value=(name) { (text) } }
        }
    }
}

/// Whether it has to be said why.
pub(in crate::desk) fn needs_reason(name: &str) -> bool {
    matches!(name, "skip" | "complete" | "compensate" | "discard")
}

/// The decision that a form names; of those with a value, the value is in the form.
pub(in crate::desk) fn read(name: &str, form: &Form) -> Result<Action, Problem> {
    let version = form.text("version").map(|text| {
        let bad = |_| Problem::new(BAD_REQUEST, "`version` is written like 1.4.1");
        text.parse::<semver::Version>().map_err(bad)
    });
    Ok(match name {
        "retry" => Action::Retry {
            path: None,
            version: version.transpose()?,
        },
        "rerun" => Action::Rerun,
        "skip" => Action::Skip { path: None },
        "compensate" => Action::Compensate,
        "discard" => Action::Discard {
            keep_key: form.is_on("keep_key"),
        },
        "cancel" => Action::Cancel {
            compensate: form.is_on("compensate"),
        },
        "edit-input" => Action::EditInput {
            path: None,
            input: form.json("input")?,
            idempotency_key: form.text("key").unwrap_or_default().to_owned(),
        },
        "complete" => Action::Complete {
            path: None,
            output: form.json("output")?,
        },
        "resubmit" => Action::Resubmit {
            payload: match form.text("payload") {
                Some(_) => Some(form.json("payload")?),
                None => None,
            },
        },
        other => {
            let message = format!("there is no decision `{other}`");
            return Err(Problem::new(BAD_REQUEST, message));
        }
    })
}
