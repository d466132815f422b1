//! One run: what happened, step by step.

mod facts;
mod steps;
mod waterfall;

use super::{Page, Shown, Tab, html};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::{Path, State};
use dowel_core::RunId;
use dowel_core::code::api::NO_SUCH_RUN;
use dowel_engine::story::{Decision, Story};
use maud::{Markup, html};
use std::sync::Arc;

/// Seconds between looks while the run has not come to rest.
const LIVE: u32 = 2;

pub(super) async fn page(State(state): State<Arc<ApiState>>, Path(id): Path<String>) -> Shown {
    let none = || Problem::new(NO_SUCH_RUN, format!("there is no run `{id}`"));
    let run: RunId = id.parse().map_err(|_| none())?;
    let engine = &state.engine;
    let story = engine.story(run).await?.ok_or_else(none)?;
    let has_exception = engine.has_item(run).await?;
    let now = engine.time();
    let body = html! {
        div data-part="state" .stack { (standing(&story, run, has_exception)) }
        section .panel aria-labelledby="timeline" data-part="timeline" {
            h2 #timeline { "Timeline" }
            (waterfall::figure(&story, now))
        }
        div .split {
            div .stack {
                section .panel .flush aria-labelledby="steps" data-part="steps" {
                    h2 #steps { "Steps" }
                    (steps::list(&story, now))
                }
                section .panel aria-labelledby="values" data-part="values" {
                    h2 #values { "Payload and output" }
                    div .pair {
                        (html::value("Payload", &story.payload))
                        @if let Some(output) = &story.output { (html::value("Output", output)) }
                    }
                    @if let Some(kept) = &story.state {
                        h3 { "Kept between runs" }
                        div .pair {
                            (html::value("Read at the beginning", &kept.read))
                            @if let Some(written) = &kept.written { (html::value("Left at the end", written)) }
                        }
                    }
                    p .small .soft { "Sensitive values are masked." }
                }
                (decisions(&story))
            }
            div .stack {
                section .panel aria-labelledby="facts" data-part="facts" {
                    h2 #facts { "About this run" }
                    (facts::list(&state, &story, now))
                }
                section .panel aria-labelledby="test" {
                    h2 #test { "Copy as flow test" }
                    p .small .soft { "Run in the repository, this adds the run as a case to the tests of the flow, with made-up values in place of masked ones." }
                    pre #record-command tabindex="0" { "dowel test --record " (story.id) }
                    p { button type="button" hidden data-needs-script data-copy="record-command" { "Copy" } }
                }
            }
        }
    };
    let title = match &story.dedupe_key {
        Some(key) => format!("{} · {key}", story.flow),
        None => format!("Run of {}", story.flow),
    };
    let page = Page::new(Tab::Runs, title, body)
        .below("/desk/runs", "Runs")
        .below(html::path(&["flows", &story.flow]), story.flow.clone())
        .beside(html! { span data-part="badge" { (html::badge(story.status.name())) } });
    Ok(if story.status.is_at_rest() {
        page
    } else {
        page.live(LIVE)
    })
}

/// Where the run stands, where that wants a word.
fn standing(story: &Story, run: RunId, has_exception: bool) -> Markup {
    let exception = html::path(&["exceptions", &run.to_string()]);
    html! {
        @if let Some(error) = &story.error {
            (html::error(error))
        }
        @if has_exception {
            p { a .button .primary href=(exception) { "Decide at the exception desk" } }
        }
        @if let Some(by) = story.rerun_as {
            div .note { p { "Another run of the same event took its place: " (html::run(by)) } }
        }
        @if let Some(what) = story.waits_for { (waiting(story, what)) }
    }
}

fn waiting(story: &Story, what: &str) -> Markup {
    let sentence = match what {
        "slot" => "It waits for a free place at a connection.",
        "rate" => "It waits because the rate of a connection is used up.",
        "breaker" => "It waits because the breaker of a connection is open.",
        "key" => "It waits for the runs before it with the same concurrency key.",
        "enabled" => "It waits because its flow is disabled.",
        "timer" => "It waits for a timer: a pause, or the next attempt.",
        "approval" => "It waits for people to decide.",
        "child" => "It waits for the run of another flow.",
        _ => "It waits for an event.",
    };
    html! {
        div .note {
            p {
                (sentence)
                @if let Some(behind) = story.waits_behind { " The run before it: " (html::run(behind)) }
                @if what == "approval" { " " a href=(html::with_query("/desk/approvals", &[("flow", &story.flow)])) { "Open approvals" } }
                @if matches!(what, "slot" | "rate" | "breaker") { " " a href="/desk/connections" { "Connections" } }
            }
        }
    }
}

fn decisions(story: &Story) -> Markup {
    if story.decisions.is_empty() {
        return html! { section data-part="decisions" {} };
    }
    html! {
        section .panel .flush aria-labelledby="decisions" data-part="decisions" {
            h2 #decisions { "What people decided" }
            (html::scroll("What people decided", &html! {
                table .cards {
                    thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "Why" } } }
                    tbody { @for decision in &story.decisions { (decided(decision)) } }
                }
            }))
        }
    }
}

fn decided(decision: &Decision) -> Markup {
    html! {
        tr {
            td data-label="When" { (html::exact_time(decision.at)) }
            td data-label="Who" { (decision.actor) }
            td data-label="What" { (decision.command) }
            td data-label="Why" { @if let Some(reason) = &decision.reason { (reason) } }
        }
    }
}
