//! The exception desk: everything that waits for a person.

pub(super) mod action;
mod preview;

pub(super) use preview::{Chosen, choose};

use super::form::Fields;
use super::{Page, Shown, Tab, Visitor, html};
use crate::access::Form;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use dowel_core::access::Permission;
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::{ErrorKind, FlowName, RunId, Timestamp};
use dowel_engine::{Item, ItemClass, ItemsQuery, Recommended};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Items on a page.
const PAGE: usize = 50;

/// Seconds between looks at the first page.
const LIVE: u32 = 5;

/// The classes, and what they are called.
const CLASSES: [(&str, ItemClass); 5] = [
    ("parked", ItemClass::Parked),
    ("failed", ItemClass::Failed),
    ("compensation-failed", ItemClass::CompensationFailed),
    ("loop-item", ItemClass::LoopItem),
    ("quarantined", ItemClass::Quarantined),
];

/// The name of a class.
pub(super) fn class_name(class: ItemClass) -> &'static str {
    let known = CLASSES.iter().find(|(_, other)| *other == class);
    known.map_or("parked", |(name, _)| name)
}

/// Which items are meant, as a form says it: empty is any.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Narrow {
    flow: String,
    step: String,
    code: String,
    kind: String,
    class: String,
    overdue: String,
    cursor: String,
}

impl Narrow {
    pub(super) fn of_form(form: &Form) -> Self {
        let text = |name| form.text(name).unwrap_or_default().to_owned();
        Self {
            flow: text("flow"),
            step: text("step"),
            code: text("code"),
            kind: text("kind"),
            class: text("class"),
            overdue: text("overdue"),
            cursor: String::new(),
        }
    }

    /// The same, of one flow only.
    fn of_flow(self, flow: Option<&str>) -> Self {
        let flow = flow.unwrap_or_default().to_owned();
        Self { flow, ..self }
    }

    /// The fields, with what they are narrowed to.
    fn fields(&self) -> [(&'static str, &str); 6] {
        [
            ("flow", &self.flow),
            ("step", &self.step),
            ("code", &self.code),
            ("kind", &self.kind),
            ("class", &self.class),
            ("overdue", &self.overdue),
        ]
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, value)| value.is_empty())
    }

    /// The same as fields of a form that nobody sees.
    pub(super) fn hidden(&self) -> Markup {
        html! {
            @for (name, value) in self.fields() {
                @if !value.is_empty() { input type="hidden" name=(name) value=(value); }
            }
        }
    }

    /// The same in words.
    pub(super) fn words(&self) -> String {
        let given = self
            .fields()
            .into_iter()
            .filter(|(_, value)| !value.is_empty());
        let words: Vec<String> = given
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        if words.is_empty() {
            "everything".to_owned()
        } else {
            words.join(", ")
        }
    }

    fn with_cursor(&self, cursor: &str) -> String {
        let mut fields = self.fields().to_vec();
        fields.push(("cursor", cursor));
        html::with_query("/desk/exceptions", &fields)
    }

    /// What the engine is asked.
    pub(super) fn query(&self) -> Result<ItemsQuery, Problem> {
        let bad = |message: String| Problem::new(BAD_REQUEST, message);
        let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let flow = given(&self.flow)
            .map(|name| FlowName::new(&name))
            .transpose();
        let kind = given(&self.kind)
            .map(|kind| kind.parse::<ErrorKind>())
            .transpose();
        let class = given(&self.class).map(|name| {
            let known = CLASSES.iter().find(|(other, _)| *other == name);
            let unknown = || bad(format!("there is no class `{name}`"));
            known.map(|(_, class)| *class).ok_or_else(unknown)
        });
        Ok(ItemsQuery {
            flow: flow.map_err(|e| bad(e.to_string()))?,
            step: given(&self.step),
            code: given(&self.code),
            kind: kind.map_err(|e| bad(e.to_string()))?,
            class: class.transpose()?,
            overdue: !self.overdue.is_empty(),
            before: given(&self.cursor)
                .map(|text| read_cursor(&text))
                .transpose()?,
            limit: PAGE,
            ..ItemsQuery::default()
        })
    }
}

fn read_cursor(text: &str) -> Result<(Timestamp, RunId), Problem> {
    let bad = || Problem::new(BAD_REQUEST, "the cursor is not one of this list");
    let (at, id) = text.split_once('.').ok_or_else(bad)?;
    let at = at.parse().map_err(|_| bad())?;
    Ok((Timestamp::from_millis(at), id.parse().map_err(|_| bad())?))
}

pub(super) async fn page(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    narrow: Result<Query<Narrow>, QueryRejection>,
) -> Shown {
    let Query(narrow) = narrow.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let engine = &state.engine;
    let mut page = engine.items(&narrow.query()?).await?;
    page.items.retain(|item| visitor.sees(&item.flow));
    let decides = visitor.may(Permission::Operate);
    let next = page
        .next
        .map(|(at, id)| narrow.with_cursor(&format!("{}.{id}", at.as_millis())));
    let first = (!narrow.cursor.is_empty()).then(|| narrow.with_cursor(""));
    let body = html! {
        section .panel aria-label="Filter" { (filters(&visitor, &narrow)) }
        form method="post" action="/desk/exceptions" .stack {
            (narrow.hidden())
            (visitor.field())
            section .panel .flush aria-label="Exceptions" data-part="exceptions" {
                @if page.items.is_empty() { (nothing(&narrow, next.is_some())) }
                @else { (table(&page.items, engine.time(), decides)) }
            }
            (html::pager(next.as_deref(), first.as_deref()))
            @if decides && !page.items.is_empty() { (many(&narrow)) }
        }
    };
    let beside = html! { a href="/desk/bulk" { "Bulk operations" } };
    let page = Page::new(Tab::Exceptions, "Exceptions", body).beside(beside);
    Ok(if narrow.cursor.is_empty() {
        page.live(LIVE)
    } else {
        page
    })
}

fn filters(visitor: &Visitor, narrow: &Narrow) -> Markup {
    let flows = visitor.flows();
    let flows = flows
        .iter()
        .map(|flow| (flow.flow.as_str(), flow.flow.to_string()));
    let kinds = ErrorKind::ALL.map(|kind| (kind.name(), kind.name().replace('-', " ")));
    let classes = CLASSES.map(|(name, _)| (name, name.replace('-', " ")));
    html! {
        form .filters method="get" {
            (html::select("flow", "Flow", &narrow.flow, flows))
            (html::select("class", "Class", &narrow.class, classes))
            (html::select("kind", "Kind of error", &narrow.kind, kinds))
            label { "Step" input name="step" value=(narrow.step) size="12"; }
            label { "Code" input name="code" value=(narrow.code) size="10"; }
            label .inline { input type="checkbox" name="overdue" value="1" checked[!narrow.overdue.is_empty()]; "Overdue only" }
            button { "Filter" }
            a .button href="/desk/exceptions" { "Clear" }
        }
    }
}

fn nothing(narrow: &Narrow, is_more: bool) -> Markup {
    if narrow.is_empty() {
        return html::empty(
            "Nothing waits for a person",
            &html! { p { "A run that fails or cannot go on appears here with what happened, what to do, and who should have done it by when. A payload that its flow refuses appears here as quarantined." } },
        );
    }
    let text = match is_more {
        true => "None among those looked at so far: go on with “Older”.",
        false => "Nothing open matches the filter.",
    };
    html::empty("No exception matches", &html! { p { (text) } })
}

/// Items as rows; with boxes to pick them by.
pub(super) fn table(items: &[Item], now: Timestamp, can_pick: bool) -> Markup {
    let table = html! {
        table .cards {
            thead { tr {
                @if can_pick {
                    th .pick scope="col" { input type="checkbox" data-pick-all aria-label="Pick every exception on this page"; }
                }
                th scope="col" { "What happened" } th scope="col" { "Flow and step" } th scope="col" { "Business key" }
                th scope="col" { "Suggested" } th scope="col" { "Opened" } th scope="col" { "Due" }
            } }
            tbody { @for item in items { (row(item, now, can_pick)) } }
        }
    };
    html::scroll("Exceptions", &table)
}

fn row(item: &Item, now: Timestamp, can_pick: bool) -> Markup {
    let id = item.id.to_string();
    html! {
        tr {
            @if can_pick {
                td .pick { input type="checkbox" name="id" value=(id) data-pick aria-label={ "Pick " (item.message) " of " (item.flow) }; }
            }
            td .whole {
                a href=(html::path(&["exceptions", &id])) data-open { (item.message) }
                div .small .soft { (html::badge(class_name(item.class))) " " (item.kind) " · " (html::code(&item.code)) }
            }
            td data-label="Flow and step" {
                (html::flow(&item.flow))
                @if let Some(step) = &item.step { div .small .soft { (step) } }
            }
            td data-label="Business key" { @if let Some(key) = &item.key { (key) } }
            td data-label="Suggested" { (suggestion(item.recommended)) }
            td data-label="Opened" { (html::time(item.opened_at, now)) }
            td data-label="Due" {
                @if item.is_overdue(now) { (html::badge("overdue")) " " }
                (html::time(item.due_at, now))
            }
        }
    }
}

/// What a person would usually do, in a few words.
pub(super) const fn suggestion(recommended: Recommended) -> &'static str {
    match recommended {
        Recommended::Retry => "Retry",
        Recommended::MendAccess => "Mend the access, then retry",
        Recommended::LookUpstream => "Look upstream first",
        Recommended::EditInput => "Correct the input",
        Recommended::MendFlow => "Mend the flow",
        Recommended::UndoByHand => "Undo by hand, then complete",
        Recommended::Rerun => "Rerun or discard",
        Recommended::Resubmit => "Mend and resubmit",
    }
}

/// What can be done with many at once.
fn many(narrow: &Narrow) -> Markup {
    html! {
        section .panel aria-labelledby="many" {
            h2 #many { "Decide about many" }
            fieldset {
                legend .visually-hidden { "Which" }
                div .row {
                    label .inline { input type="radio" name="scope" value="picked" checked; "The picked ones (" span data-picked { "0" } ")" }
                    label .inline { input type="radio" name="scope" value="query"; "All that match: " (narrow.words()) }
                }
            }
            div .row {
                label { "Decision" (action::select()) }
                button .primary { "Preview" }
            }
            p .hint { "Nothing is changed before you have seen what it would be about." }
        }
    }
}
