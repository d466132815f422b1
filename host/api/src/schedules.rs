//! `/api/v1/schedules`: what fires when.

use crate::access::Actor;
use crate::paging::{self, Paging};
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use dowel_core::access::Permission;
use dowel_core::units::format_duration;
use dowel_engine::ScheduleStatus;
use dowel_flow::schedule::{Misfire, Overlap, Rhythm};
use serde::Serialize;
use std::sync::Arc;

/// All schedules: there are as many as the flows name.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Schedules)]
pub(crate) struct Listed {
    schedules: Vec<ListedSchedule>,
    /// The `cursor` of the next page; `null` on the last.
    next: Option<String>,
}

/// One schedule.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Schedule)]
struct ListedSchedule {
    flow: String,
    version: String,
    trigger: String,
    cron: Option<String>,
    timezone: Option<String>,
    every: Option<String>,
    calendar: Option<String>,
    jitter: Option<String>,
    #[schema(value_type = serde_json::Value)]
    misfire: Misfire,
    #[schema(value_type = serde_json::Value)]
    overlap: Overlap,
    /// The planned time of the next fire.
    next: Option<String>,
    /// When that fire begins its run: `next` and its share of the jitter.
    next_due: Option<String>,
    last: Option<Fire>,
    /// Planned times of fires that wait for the run of the last one.
    waiting: Vec<String>,
    left_out: Option<LeftOut>,
}

/// A fire that began a run.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ScheduleFire)]
struct Fire {
    scheduled_at: String,
    fired_at: String,
    run: String,
}

/// Fires that were left out: planned after the first time, up to the second.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = ScheduleLeftOut)]
struct LeftOut {
    after: String,
    until: String,
}

impl From<ScheduleStatus> for ListedSchedule {
    fn from(status: ScheduleStatus) -> Self {
        let (cron, timezone, every) = match &status.schedule.rhythm {
            Rhythm::Cron { cron, timezone } => (
                Some(cron.to_string()),
                Some(timezone.name().to_owned()),
                None,
            ),
            Rhythm::Every(every) => (None, None, Some(format_duration(*every))),
        };
        let jitter = status.schedule.jitter;
        Self {
            flow: status.flow.to_string(),
            version: status.version.to_string(),
            trigger: status.trigger,
            cron,
            timezone,
            every,
            calendar: status.schedule.calendar.map(|name| name.to_string()),
            jitter: (!jitter.is_zero()).then(|| format_duration(jitter)),
            misfire: status.schedule.misfire,
            overlap: status.schedule.overlap,
            next: status.next.map(|at| at.to_string()),
            next_due: status.next_due.map(|at| at.to_string()),
            last: status.last.map(|last| Fire {
                scheduled_at: last.planned.to_string(),
                fired_at: last.fired_at.to_string(),
                run: last.run.to_string(),
            }),
            waiting: status.waiting.iter().map(ToString::to_string).collect(),
            left_out: status.left_out.map(|(after, until)| LeftOut {
                after: after.to_string(),
                until: until.to_string(),
            }),
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/schedules",
    tag = "flows",
    operation_id = "list_schedules",
    summary = "Lists what fires when",
    params(Paging),
    responses(
        (status = 200, description = "A page of schedules", body = Listed),
    ),
)]
pub(crate) async fn list(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    paging: Paging,
) -> Result<Json<Listed>, Problem> {
    let schedules = state.engine.schedules().await?.into_iter();
    let sees = |one: &ScheduleStatus| actor.reaches(&state.engine, Permission::Read, &one.flow);
    let name = |one: &ScheduleStatus| format!("{}/{}", one.flow, one.trigger);
    let (schedules, next) = paging::page(schedules.filter(sees), &paging, name)?;
    Ok(Json(Listed {
        schedules: schedules.into_iter().map(Into::into).collect(),
        next,
    }))
}
