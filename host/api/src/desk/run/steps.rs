//! The steps of a run in words: attempts, errors, what went in and what came out.

use crate::desk::html;
use dowel_core::{SendRecord, Timestamp};
use dowel_engine::story::{ApprovalStory, AttemptStory, ReceiveStory, StepStory, Story};
use maud::{Markup, html};

/// The name of a step's place on the page.
pub(super) fn anchor(step: &StepStory) -> String {
    format!("step-{}", step.path)
}

pub(super) fn list(story: &Story, now: Timestamp) -> Markup {
    if story.steps.is_empty() {
        return html::empty(
            "No step has begun",
            &html! { p { "The run is accepted and on disk." } },
        );
    }
    html! { div .steps { @for step in &story.steps { (one(step, now)) } } }
}

fn one(step: &StepStory, now: Timestamp) -> Markup {
    let took = step.ended_at.unwrap_or(now).since(step.started_at);
    // What went wrong is what people come for.
    let is_open = step.error.is_some();
    html! {
        details .step id=(anchor(step)) open[is_open] {
            summary {
                strong { (step.path) }
                span .soft {
                    (step.kind)
                    @if let (Some(connection), Some(operation)) = (&step.connection, &step.operation) {
                        " " (connection) "." (operation)
                    }
                }
                (html::badge(step.status))
                @if step.attempts.len() > 1 { span .soft .small { (step.attempts.len()) " attempts" } }
                span .took .soft { (html::span(took)) }
            }
            div {
                @if let Some(error) = &step.error { (html::error(error)) }
                @if !step.attempts.is_empty() { (attempts(&step.attempts)) }
                @for hold in &step.held {
                    p .small .soft {
                        "Waited for its turn (" (hold.reason.name()) ") from " (html::exact_time(hold.since))
                        @if let Some(until) = hold.until { " until " (html::exact_time(until)) " at the earliest" }
                    }
                }
                @if let Some(approval) = &step.approval { (asked(approval)) }
                @if let Some(receive) = &step.receive { (awaited(receive)) }
                @if let Some(child) = &step.child { p { "Run of " (child.flow) ": " (html::run(child.run)) } }
                @if step.input.is_some() || step.output.is_some() {
                    div .pair {
                        @if let Some(input) = &step.input { (html::value("Input", input)) }
                        @if let Some(output) = &step.output { (html::value("Output", output)) }
                    }
                }
                p .small .soft {
                    "Began " (html::exact_time(step.started_at))
                    @if let Some(key) = &step.idempotency_key { " · idempotency key " span .id { (key) } }
                }
            }
        }
    }
}

fn attempts(attempts: &[AttemptStory]) -> Markup {
    let table = html! {
        table .cards {
            thead { tr {
                th .num scope="col" { "Attempt" } th scope="col" { "Began" } th .num scope="col" { "Took" }
                th scope="col" { "What came of it" } th scope="col" { "How far it got" }
            } }
            tbody {
                @for attempt in attempts {
                    tr {
                        td .num data-label="Attempt" { (attempt.number) }
                        td data-label="Began" { (html::exact_time(attempt.started_at)) }
                        td .num data-label="Took" {
                            @if let Some(ended) = attempt.ended_at { (html::span(ended.since(attempt.started_at))) }
                        }
                        td data-label="What came of it" { (outcome(attempt)) }
                        td data-label="How far it got" { @if let Some(sent) = attempt.sent { (reach(sent)) } }
                    }
                }
            }
        }
    };
    html! {
        (html::scroll("Attempts", &table))
        @if attempts.len() > 1 { p .small .soft { "Every attempt of a call sends the same bytes and the same key." } }
    }
}

fn outcome(attempt: &AttemptStory) -> Markup {
    html! {
        @match &attempt.error {
            Some(error) => {
                (error.message) " " span .nowrap { "(" (error.kind) ", " (html::code(&error.code)) ")" }
                @if let Some(at) = attempt.retry_at { div .small .soft { "next attempt at " (html::exact_time(at)) } }
            }
            None => @if attempt.ended_at.is_some() { "succeeded" } @else { "under way" }
        }
    }
}

const fn reach(sent: SendRecord) -> &'static str {
    match sent {
        SendRecord::NotSent => "nothing left the host",
        SendRecord::Sent => "sent, no complete answer",
        SendRecord::Answered => "answered",
    }
}

fn asked(approval: &ApprovalStory) -> Markup {
    html! {
        dl .facts {
            dt { "Question" } dd { (approval.title) }
            dt { "May decide" } dd { (approval.groups.join(", ")) }
            @if !approval.exclude.is_empty() { dt { "May not" } dd { (approval.exclude.join(", ")) } }
            @if let Some(until) = approval.until { dt { "Expires" } dd { (html::exact_time(until)) } }
            @if let Some(decision) = &approval.decision {
                dt { "Decided" } dd { (decision) @if let Some(by) = &approval.by { " by " (by) } }
            }
            @if let Some(comment) = &approval.comment { dt { "Why" } dd { (comment) } }
        }
        (html::value("What the people were shown", &approval.show))
    }
}

fn awaited(receive: &ReceiveStory) -> Markup {
    html! {
        dl .facts {
            dt { "Event" } dd { (receive.event_type) }
            dt { "Key" } dd { (receive.value) }
            @if let Some(until) = receive.until { dt { "Stops waiting" } dd { (html::exact_time(until)) } }
            @if let Some(id) = &receive.id { dt { "Came" } dd { span .id { (id) } @if let Some(source) = &receive.source { " from " (source) } } }
        }
    }
}
