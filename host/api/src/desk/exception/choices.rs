//! What may be decided about an exception, each with its own form.

use crate::access::Form;
use crate::desk::exceptions::action::needs_reason;
use crate::desk::form::Fields;
use crate::desk::{Visitor, html};
use crate::problem::Problem;
use dowel_engine::mask::MASK;
use dowel_engine::{Detail, Item, ItemClass, Recommended};
use maud::{Markup, html};

/// What somebody tried to send, and why it was refused.
pub(super) struct Draft {
    action: String,
    fields: Form,
    refused: Option<Problem>,
}

impl Draft {
    /// Without a problem, the value was checked and is good.
    pub(super) fn new(action: &str, fields: Form, refused: Option<Problem>) -> Self {
        Self {
            action: action.to_owned(),
            fields,
            refused,
        }
    }

    /// Whether it was refused.
    fn is_refused(&self) -> bool {
        self.refused.is_some()
    }

    /// Why it was refused, or that it would not be.
    pub(super) fn problem(&self) -> Markup {
        let Some(refused) = &self.refused else {
            return html! {
                div .note .good role="status" data-checked {
                    strong { "The value follows its schema. Nothing was changed." }
                }
            };
        };
        let details = refused.details();
        html! {
            div .note .bad role="alert" data-checked {
                strong { (details.title) ": nothing was changed" }
                p { (details.detail) " (" (html::code(&details.code.to_string())) ")" }
                @if !details.errors.is_empty() { (html::violations_in(details.errors, self.text())) }
                p .small { (details.help) }
            }
        }
    }

    /// The value that was sent.
    fn text(&self) -> &str {
        let fields = ["input", "output", "payload"];
        let mut sent = fields.iter().filter_map(|name| self.fields.text(name));
        sent.next().unwrap_or_default()
    }

    pub(super) fn status(&self) -> u16 {
        let refused = self.refused.as_ref();
        refused.map_or(200, |refused| refused.details().status)
    }
}

/// A decision: its name, what it is called, what it does.
struct Choice(&'static str, &'static str, &'static str);

const RETRY: Choice = Choice(
    "retry",
    "Retry",
    "Go on at the failed step. No completed step is repeated.",
);
const EDIT: Choice = Choice(
    "edit-input",
    "Correct the input",
    "Send the call again with another input, under another key.",
);
const COMPLETE: Choice = Choice(
    "complete",
    "Complete by hand",
    "Give the step its value, as if it had succeeded.",
);
const SKIP: Choice = Choice("skip", "Skip", "Go on without the failed step.");
const COMPENSATE: Choice = Choice(
    "compensate",
    "Compensate",
    "Undo the steps that have succeeded, and end the run.",
);
const RERUN: Choice = Choice(
    "rerun",
    "Rerun",
    "Another run of the same event, on the active version. Everything is done again.",
);
const DISCARD: Choice = Choice("discard", "Discard", "Nothing more is to be done.");
const RESUBMIT: Choice = Choice(
    "resubmit",
    "Resubmit",
    "Take the payload in again, as the flow is now.",
);

fn choices(item: &Item) -> Vec<Choice> {
    match item.class {
        ItemClass::Parked => {
            let mut all = vec![RETRY];
            if item.step.is_some() {
                all.extend([EDIT, COMPLETE, SKIP]);
            }
            all.extend([COMPENSATE, RERUN, DISCARD]);
            all
        }
        ItemClass::CompensationFailed => vec![RETRY, EDIT, COMPLETE, SKIP, DISCARD],
        ItemClass::Failed => vec![RERUN, DISCARD],
        ItemClass::LoopItem => vec![RETRY, RERUN, DISCARD],
        ItemClass::Quarantined => vec![RESUBMIT, DISCARD],
    }
}

const fn suggested(recommended: Recommended) -> &'static str {
    match recommended {
        Recommended::Retry | Recommended::MendAccess | Recommended::MendFlow => "retry",
        Recommended::LookUpstream | Recommended::UndoByHand => "complete",
        Recommended::EditInput => "edit-input",
        Recommended::Rerun => "rerun",
        Recommended::Resubmit => "resubmit",
    }
}

pub(super) fn list(visitor: &Visitor, detail: &Detail, draft: Option<&Draft>) -> Markup {
    let usual = suggested(detail.item.recommended);
    html! {
        div .choices {
            @for choice in choices(&detail.item) {
                @let tried = draft.filter(|draft| draft.action == choice.0);
                (one(visitor, detail, &choice, usual == choice.0, tried))
            }
        }
        p .small .soft { "Each decision is recorded with your name, for good." }
    }
}

fn one(
    visitor: &Visitor,
    detail: &Detail,
    Choice(name, title, what): &Choice,
    is_usual: bool,
    tried: Option<&Draft>,
) -> Markup {
    let id = detail.item.id.to_string();
    let needs_reason = needs_reason(name);
    let reason = tried.and_then(|draft| draft.fields.text("reason"));
    html! {
        details .choice .suggested[is_usual] name="choice" open[tried.is_some()] {
            summary { b { (title) } span .small .soft { (what) } }
            form method="post" action=(html::path(&["exceptions", &id, name])) {
                (fields(detail, name, tried))
                label {
                    "Reason" @if !needs_reason { span .hint { "optional" } }
                    input name="reason" maxlength="1000" required[needs_reason] value=[reason];
                }
                (visitor.field())
                div .row {
                    button .primary { (title) }
                    @if matches!(*name, "edit-input" | "complete") {
                        button formaction=(html::path(&["exceptions", &id, "check"])) formnovalidate name="check" value=(name) { "Check only" }
                    }
                }
            }
        }
    }
}

/// What a decision needs beside the reason.
fn fields(detail: &Detail, name: &str, tried: Option<&Draft>) -> Markup {
    let sent = |field: &str| tried.and_then(|draft| draft.fields.text(field));
    let input = || html::pretty(detail.input.as_str());
    let is_refused = tried.is_some_and(Draft::is_refused);
    html! {
        @match name {
            "retry" if detail.item.class != ItemClass::LoopItem => {
                label {
                    "On version" span .hint { "empty for the version that it is on" }
                    input name="version" value=[sent("version")] placeholder="1.4.1" size="12";
                }
            },
            "edit-input" => {
                (editor("input", "Input", &sent("input").map_or_else(input, str::to_owned), is_refused))
                @if detail.input.as_str().contains(MASK) {
                    p .hint { "Masked values (" (MASK) ") are not known to this page: write the real ones in their place." }
                }
                label {
                    "Idempotency key" span .hint { "empty for a new one" }
                    input name="key" value=[sent("key")];
                }
            },
            "complete" => (editor("output", "Value of the step", sent("output").unwrap_or("{}"), is_refused)),
            "resubmit" => {
                details .value open[tried.is_some()] {
                    summary { "Another payload in its place" }
                    (editor("payload", "Payload", sent("payload").unwrap_or_default(), is_refused))
                    p .hint { "Empty for the payload as it came." }
                }
            },
            "discard" if detail.item.key.is_some() => {
                label .inline { input type="checkbox" name="keep_key" value="1"; "Keep the business key taken: the same event stays a duplicate" }
            },
            _ => {}
        }
    }
}

/// A field for JSON. The host checks it against the schema when it is sent; the script
/// says at once what is no JSON.
fn editor(name: &str, label: &str, text: &str, is_refused: bool) -> Markup {
    let id = format!("edit-{name}");
    html! {
        label for=(id) { (label) span .hint { "JSON; checked against the schema before anything changes" } }
        textarea .json id=(id) name=(name) spellcheck="false" autocapitalize="off"
            aria-invalid=[is_refused.then_some("true")] aria-describedby={ (id) "-syntax" } { (text) }
        p .hint id={ (id) "-syntax" } role="status" {}
        div id={ (id) "-checked" } aria-live="polite" {}
    }
}
