//! What a decision about many would be about, before it is made.

use super::super::form::Fields;
use super::super::{Page, Shown, Tab, Visitor, html};
use super::{Narrow, action, table};
use crate::access::Form;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::State;
use dowel_core::RunId;
use dowel_core::access::Permission;
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::code::desk::BULK_UNBOUNDED;
use dowel_engine::{BulkPreview, ItemsQuery};
use maud::{Markup, html};
use std::sync::Arc;

/// Which exceptions a form is about: picked ones, or all that a filter finds.
pub(in crate::desk) struct Chosen {
    narrow: Narrow,
    ids: Vec<RunId>,
    /// Everything is meant, and that was said.
    all: bool,
}

impl Chosen {
    pub(in crate::desk) fn of_form(form: &Form) -> Result<Self, Problem> {
        let picked = form.text("scope") == Some("picked");
        let ids = form.all("id").map(str::parse::<RunId>);
        let ids = ids.collect::<Result<Vec<_>, _>>();
        let ids = ids.map_err(|e| Problem::new(BAD_REQUEST, e.to_string()))?;
        if picked && ids.is_empty() {
            let message = "no exception is picked: tick some, or choose all that match";
            return Err(Problem::new(BULK_UNBOUNDED, message));
        }
        Ok(Self {
            narrow: match picked {
                // A filter by flow stays: who may decide about some flows alone names one.
                true => Narrow::default().of_flow(form.text("flow")),
                false => Narrow::of_form(form),
            },
            ids: if picked { ids } else { Vec::new() },
            all: form.is_on("all"),
        })
    }

    /// What the engine is asked, without a limit.
    pub(in crate::desk) fn query(&self) -> Result<ItemsQuery, Problem> {
        Ok(ItemsQuery {
            ids: self.ids.clone(),
            limit: 0,
            ..self.narrow.query()?
        })
    }

    /// Whether everything is meant without anybody having said so.
    pub(in crate::desk) fn is_unsaid(&self) -> bool {
        self.ids.is_empty() && self.narrow.is_empty() && !self.all
    }

    fn hidden(&self) -> Markup {
        html! {
            input type="hidden" name="scope" value=(if self.ids.is_empty() { "query" } else { "picked" });
            @for id in &self.ids { input type="hidden" name="id" value=(id); }
            (self.narrow.hidden())
        }
    }

    fn words(&self) -> String {
        match self.ids.len() {
            0 => format!("All that match: {}", self.narrow.words()),
            1 => "One that was picked".to_owned(),
            count => format!("{count} that were picked"),
        }
    }
}

/// `POST /desk/exceptions`: nothing is changed.
pub(in crate::desk) async fn choose(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    form: Form,
) -> Shown {
    let chosen = Chosen::of_form(&form)?;
    let name = form.text("action").unwrap_or("retry").to_owned();
    let decision = action::read(&name, &form)?;
    let engine = &state.engine;
    let query = chosen.query()?;
    visitor.require(Permission::Operate, query.flow.as_ref())?;
    let found = engine.preview_bulk(&query, &decision).await?;
    let body = html! {
        section .panel .flush aria-labelledby="about" {
            h2 #about { (chosen.words()) }
            (counts(&found, &name))
            @if !found.sample.is_empty() {
                p .soft { "The first of them:" }
                (table(&found.sample, engine.time(), false))
            }
        }
        @if found.total > 0 { (confirm(&chosen, &name, found.total, &visitor)) }
        @else { p { a .button href="/desk/exceptions" { "Back to the list" } } }
    };
    Ok(Page::new(Tab::Exceptions, format!("Preview: {name}"), body)
        .below("/desk/exceptions", "Exceptions"))
}

fn counts(found: &BulkPreview, name: &str) -> Markup {
    if found.total == 0 {
        let text = match found.left_out {
            0 => "Nothing open matches any more.".to_owned(),
            left => format!("{left} match, and “{name}” is for none of them."),
        };
        return html::empty("It would be about nothing", &html! { p { (text) } });
    }
    let mut groups: Vec<_> = found.groups.iter().collect();
    groups.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let table = html! {
        table {
            thead { tr { th scope="col" { "Flow" } th scope="col" { "Step" } th scope="col" { "Code" } th .num scope="col" { "Exceptions" } } }
            tbody {
                @for (group, count) in groups {
                    tr { td { (group.flow) } td { (group.step) } td { (html::code(&group.code)) } td .num { (html::number(*count)) } }
                }
            }
        }
    };
    html! {
        p { strong { (html::number(found.total)) } " exceptions"
            @if found.left_out > 0 { "; " (html::number(found.left_out)) " more match and are left out, because “" (name) "” is not for them" } "." }
        (html::scroll("Causes", &table))
    }
}

fn confirm(chosen: &Chosen, name: &str, total: u64, visitor: &Visitor) -> Markup {
    let needs_reason = action::needs_reason(name);
    html! {
        form method="post" action="/desk/bulk" .panel {
            (chosen.hidden())
            input type="hidden" name="action" value=(name);
            (visitor.field())
            label {
                "Reason"
                input name="reason" maxlength="1000" required[needs_reason] placeholder="the CRM is back";
                span .hint { @if needs_reason { "Kept for good with every one of them." } @else { "Optional; kept for good with every one of them." } }
            }
            label {
                "At most so many"
                input name="rate" placeholder="50/s" pattern="[0-9]+/[0-9]*(ms|s|m|h|d)";
                span .hint { "Such as 50/s or 600/m; empty is as fast as it goes. Connections keep their own limits in any case." }
            }
            @if chosen.is_unsaid() {
                label .inline { input type="checkbox" name="all" value="1" required; "Everything that is open is meant" }
            }
            div .row {
                button .primary { (name) " " (html::number(total)) }
                a .button href="/desk/exceptions" { "Back" }
            }
        }
    }
}
