//! What people decided.

use super::{Page, Shown, Tab, Visitor, html};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use dowel_core::access::Permission;
use dowel_core::code::api::BAD_REQUEST;
use dowel_core::{FlowName, RunId};
use dowel_engine::{AuditQuery, AuditRecord, AuditTarget};
use maud::{Markup, html};
use serde::Deserialize;
use std::sync::Arc;

/// Entries on a page.
const PAGE: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Filter {
    about: String,
    flow: String,
    actor: String,
    action: String,
    cursor: String,
}

impl Filter {
    fn query(&self) -> Result<AuditQuery, Problem> {
        let bad = |message: String| Problem::new(BAD_REQUEST, message);
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let about = given(&self.about).map(|id| id.parse::<RunId>()).transpose();
        let flow = given(&self.flow)
            .map(|name| FlowName::new(&name))
            .transpose();
        let before = given(&self.cursor)
            .map(|text| text.parse::<u64>())
            .transpose();
        Ok(AuditQuery {
            about: about.map_err(|e| bad(e.to_string()))?,
            flow: flow.map_err(|e| bad(e.to_string()))?,
            actor: given(&self.actor),
            action: given(&self.action),
            before: before.map_err(|_| bad("the cursor is not one of this list".to_owned()))?,
            limit: PAGE,
        })
    }

    fn with_cursor(&self, cursor: &str) -> String {
        let fields = [
            ("about", self.about.as_str()),
            ("flow", &self.flow),
            ("actor", &self.actor),
            ("action", &self.action),
            ("cursor", cursor),
        ];
        html::with_query("/desk/audit", &fields)
    }
}

pub(super) async fn page(
    State(state): State<Arc<ApiState>>,
    visitor: Visitor,
    filter: Result<Query<Filter>, QueryRejection>,
) -> Shown {
    let Query(filter) = filter.map_err(|e| Problem::new(BAD_REQUEST, e.body_text()))?;
    let mut page = state.engine.audit(&filter.query()?).await?;
    page.records.retain(|record| {
        let flow = record.draft.flow.as_ref();
        visitor.require(Permission::Audit, flow).is_ok()
    });
    let next = page
        .next
        .map(|cursor| filter.with_cursor(&cursor.to_string()));
    let first = (!filter.cursor.is_empty()).then(|| filter.with_cursor(""));
    let body = html! {
        section .panel .flush aria-label="Audit" {
            div .bar { (filters(&visitor, &filter)) }
            @if page.records.is_empty() {
                (html::empty("Nobody has decided anything here", &html! { p { "Every decision about a run, an exception, an approval or a flow is recorded with who, when, why, and how things stood before and after." } }))
            } @else { (table(&page.records)) }
        }
        (html::pager(next.as_deref(), first.as_deref()))
    };
    Ok(Page::new(Tab::Audit, "Audit", body))
}

fn filters(visitor: &Visitor, filter: &Filter) -> Markup {
    let flows = visitor.flows();
    let flows = flows
        .iter()
        .map(|flow| (flow.flow.as_str(), flow.flow.to_string()));
    html! {
        form .filters method="get" {
            (html::select("flow", "Flow", &filter.flow, flows))
            label { "Who" input name="actor" value=(filter.actor) size="16"; }
            label { "What" input name="action" value=(filter.action) size="10"; }
            label { "Run or bulk operation" input name="about" value=(filter.about) size="16"; }
            button { "Filter" }
            a .button href="/desk/audit" { "Clear" }
        }
    }
}

fn table(records: &[AuditRecord]) -> Markup {
    let table = html! {
        table .cards {
            thead { tr {
                th .num scope="col" { "No." } th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" }
                th scope="col" { "About" } th scope="col" { "Before → after" } th scope="col" { "Why" }
            } }
            tbody { @for record in records { (row(record)) } }
        }
    };
    html::scroll("Audit", &table)
}

fn row(record: &AuditRecord) -> Markup {
    let draft = &record.draft;
    html! {
        tr {
            td .num data-label="No." { (record.seq) }
            td data-label="When" { (html::exact_time(record.at)) }
            td data-label="Who" {
                (draft.actor)
                @if let Some(other) = &draft.confirmed_by { div .small .soft { "confirmed by " (other) } }
            }
            td data-label="What" { (draft.action) @if draft.refused.is_some() { " " (html::badge("refused")) } }
            td data-label="About" {
                @if let Some(flow) = &draft.flow { (html::flow(flow)) " " }
                div .small { (target(&draft.target)) }
            }
            td data-label="Before → after" {
                @if let Some(before) = &draft.before { (before.status) @if let Some(step) = &before.step { " at " (step) } }
                " → "
                @if let Some(after) = &draft.after { (after.status) }
                @if let Some(run) = draft.began { div .small { "began " (html::run_short(run)) } }
            }
            td data-label="Why" {
                @if let Some(reason) = &draft.reason { (reason) }
                @if let Some(refused) = &draft.refused { div .small .soft { (refused) } }
            }
        }
    }
}

fn target(target: &AuditTarget) -> Markup {
    match target {
        AuditTarget::Run(id) => html::run_short(*id),
        AuditTarget::Bulk(id) => {
            html! { a href=(html::path(&["bulk", &id.to_string()])) { "bulk operation" } }
        }
        AuditTarget::Payload(id) => html! { span .id { (id) } },
        AuditTarget::Flow(flow) => html::flow(flow),
        AuditTarget::User(name) => html! { (name) },
        AuditTarget::Token(id) => html! { "token " (id) },
        AuditTarget::Host(what) => html! { (what) },
        AuditTarget::Tree(digest) => html! { "tree " span .id { (digest) } },
        AuditTarget::Trigger(name) => html! { "trigger " (name) },
        AuditTarget::Connection(name) => html! { "connection " (name) },
    }
}
