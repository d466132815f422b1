//! What identifies a run, and what belongs to it.

use crate::desk::html;
use crate::state::ApiState;
use dowel_core::{FlowName, RunId, Timestamp};
use dowel_engine::story::Story;
use maud::{Markup, html};

pub(super) fn list(state: &ApiState, story: &Story, now: Timestamp) -> Markup {
    let took = story.ended_at.unwrap_or(now).since(story.created_at);
    html! {
        dl .facts {
            dt { "Run" } dd .id { (story.id) }
            dt { "Flow" } dd {
                @if let Ok(flow) = FlowName::new(&story.flow) { (html::flow(&flow)) } " " (story.version)
            }
            @if let Some(key) = &story.dedupe_key { dt { "Business key" } dd { (key) } }
            dt { "Trigger" } dd { (story.trigger) }
            dt { "Accepted" } dd { (html::exact_time(story.created_at)) }
            @if let Some(ended) = story.ended_at { dt { "At rest" } dd { (html::exact_time(ended)) } }
            dt { "Took" } dd { (html::span(took)) }
            (family(story))
            dt { "Trace" } dd { (html::trace(state, &trace_id(story))) }
        }
        h3 { "Identity" }
        dl .facts {
            dt { "Commit" } dd { (html::commit(state, story.commit.as_deref())) }
            dt { "Plan" } dd .id { (story.plan) }
            dt { "Mapping" } dd .id { (story.mapping) }
            @for (connection, connector) in &story.connectors {
                dt { (connection) }
                dd { (connector.name) " " (connector.version) div .id { (connector.digest) } }
            }
        }
        p .small { a href=(html::with_query("/desk/audit", &[("about", &story.id)])) { "Audit of this run" } }
    }
}

/// Runs that this one comes from, and those that come from it.
fn family(story: &Story) -> Markup {
    html! {
        @if let Some(parent) = &story.parent {
            dt { "Begun by" }
            dd { (html::run(parent.run)) div .small .soft { "step " (parent.step) } }
        }
        @for step in &story.steps {
            @if let Some(child) = &step.child {
                dt { "Sub-run" }
                dd {
                    (html::run(child.run)) " "
                    @if let Some(status) = child.status { (html::badge(status)) }
                    div .small .soft { (child.flow) " " (child.version) " from step " (step.path) }
                }
            }
        }
        @if let Some(run) = story.rerun_of { dt { "Rerun of" } dd { (html::run(run)) } }
        @if let Some(run) = story.rerun_as { dt { "Rerun as" } dd { (html::run(run)) } }
        @if story.generation > 1 { dt { "Generation" } dd { (story.generation) } }
        @if let Some(id) = story.resubmitted_from { dt { "From quarantine" } dd .id { (id) } }
    }
}

/// The trace that came with the event, or else the one that the run began: its id is the
/// run's.
fn trace_id(story: &Story) -> String {
    let given = story.traceparent.as_deref();
    let given = given.and_then(|header| header.split('-').nth(1));
    given.map_or_else(|| own_trace(&story.id), str::to_owned)
}

fn own_trace(run: &str) -> String {
    let run = run.parse::<RunId>();
    run.map_or_else(|_| String::new(), |run| format!("{:032x}", run.as_u128()))
}
