//! What fires when.

use super::{Page, Shown, Tab, Visitor, html};
use crate::state::ApiState;
use axum::extract::State;
use dowel_core::Timestamp;
use dowel_core::units::format_duration;
use dowel_engine::ScheduleStatus;
use dowel_flow::schedule::Rhythm;
use maud::{Markup, html};
use std::sync::Arc;

/// Seconds between looks.
const LIVE: u32 = 10;

pub(super) async fn page(State(state): State<Arc<ApiState>>, visitor: Visitor) -> Shown {
    let mut schedules = state.engine.schedules().await?;
    schedules.retain(|schedule| visitor.sees(&schedule.flow));
    let now = state.engine.time();
    let body = html! {
        section .panel .flush aria-label="Schedules" data-part="schedules" {
            @if schedules.is_empty() {
                (html::empty("Nothing fires by the clock", &html! { p { "A flow with " code { "trigger: { schedule: { every: 1h } }" } " is listed here with its last and its next fire." } }))
            } @else { (table(&schedules, now)) }
        }
    };
    Ok(Page::new(Tab::Schedules, "Schedules", body).live(LIVE))
}

fn table(schedules: &[ScheduleStatus], now: Timestamp) -> Markup {
    let table = html! {
        table .cards {
            thead { tr {
                th scope="col" { "Flow and trigger" } th scope="col" { "Rhythm" } th scope="col" { "Next" }
                th scope="col" { "Last" } th .num scope="col" { "Waiting" }
            } }
            tbody { @for schedule in schedules { (row(schedule, now)) } }
        }
    };
    html::scroll("Schedules", &table)
}

fn row(schedule: &ScheduleStatus, now: Timestamp) -> Markup {
    html! {
        tr {
            td .whole { (html::flow(&schedule.flow)) " " span .soft { (schedule.version) } div .small .soft { (schedule.trigger) } }
            td data-label="Rhythm" {
                @match &schedule.schedule.rhythm {
                    Rhythm::Cron { cron, timezone } => { code { (cron) } div .small .soft { (timezone.name()) } },
                    Rhythm::Every(every) => { "every " (format_duration(*every)) },
                }
                @if let Some(calendar) = &schedule.schedule.calendar { div .small .soft { "calendar " (calendar) } }
            }
            td data-label="Next" {
                @match schedule.next {
                    Some(next) => { (html::exact_time(next)) div .small .soft { (html::ago(next, now)) } },
                    None => "never",
                }
            }
            td data-label="Last" {
                @match schedule.last {
                    Some(last) => { (html::exact_time(last.fired_at)) div .small { (html::run_short(last.run)) } },
                    None => "not yet",
                }
                @if let Some((after, until)) = schedule.left_out {
                    div .small .soft { "left out: after " (html::exact(after)) " up to " (html::exact(until)) }
                }
            }
            td .num data-label="Waiting" { (schedule.waiting.len()) }
        }
    }
}
