//! `/api/v1/status`: how the host is, at one glance and in one request.

use crate::access::Actor;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::Json;
use axum::extract::State;
use dowel_core::access::Permission;
use dowel_core::{FlowName, Timestamp};
use dowel_engine::{
    ConnectionStatus, FlowStatus, GroupStatus, ItemsQuery, LiveRuns, PollStatus, Queues,
    ScheduleStatus, Throughput,
};
use parking_lot::Mutex;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Causes of exceptions that are named, those with most exceptions first.
const CAUSES: usize = 10;

/// How old the numbers of unfinished runs may be: counting reads all of them.
const FRESH: Duration = Duration::from_secs(10);

/// How the host is.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Status {
    at: String,
    environment: String,
    /// The version of the host.
    version: &'static str,
    /// Whether events are taken.
    ready: bool,
    /// Digest of the tree of the environment that is active, where a repository is followed.
    tree: Option<String>,
    commit: Option<String>,
    throughput: Rates,
    queues: Counts,
    exceptions: Exceptions,
    /// Approvals that wait for a decision.
    approvals: u64,
    flows: Vec<FlowLine>,
    connections: Vec<ConnectionLine>,
    sources: Vec<SourceLine>,
    /// Schedules whose fire is due and has not happened.
    late_schedules: Vec<ScheduleLine>,
    /// Runs that could go on and do not.
    stuck: u64,
}

/// What came and ended lately.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StatusThroughput)]
struct Rates {
    last_minute: Counted,
    last_five_minutes: Counted,
}

/// Runs that came and ended.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StatusRuns)]
struct Counted {
    accepted: u64,
    succeeded: u64,
    /// Came to rest otherwise.
    failed: u64,
}

impl From<Throughput> for Counted {
    fn from(of: Throughput) -> Self {
        Self {
            accepted: of.accepted,
            succeeded: of.succeeded,
            failed: of.failed,
        }
    }
}

/// What is under way.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StatusQueues)]
struct Counts {
    /// Runs at work or queued.
    working: u64,
    /// At how many of them intake takes no more.
    limit: u64,
    /// Runs that wait for a timer or an event.
    waiting: u64,
    /// Runs that wait for those before them in their concurrency key.
    queued: u64,
    /// Calls that are being made.
    calls: u64,
    /// Runs that wait because the disk is full.
    held_by_disk: u64,
}

impl From<Queues> for Counts {
    fn from(of: Queues) -> Self {
        Self {
            working: of.working,
            limit: of.limit,
            waiting: of.waiting,
            queued: of.queued,
            calls: of.calls,
            held_by_disk: of.held_by_disk,
        }
    }
}

/// What waits for a person.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StatusExceptions)]
struct Exceptions {
    open: u64,
    /// The most frequent causes.
    causes: Vec<Cause>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StatusCause)]
struct Cause {
    flow: String,
    step: String,
    code: String,
    message: String,
    open: u64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StatusFlow)]
struct FlowLine {
    flow: String,
    version: String,
    owner: Option<String>,
    enabled: bool,
    exceptions: u64,
    /// Unfinished runs, by version.
    live: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StatusConnection)]
struct ConnectionLine {
    connection: String,
    enabled: bool,
    /// `closed`, `open` or `half_open`; absent without a breaker.
    breaker: Option<&'static str>,
    in_flight: u32,
    concurrency: u32,
    waiting: u64,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StatusSource)]
struct SourceLine {
    flow: String,
    trigger: String,
    source: String,
    /// When it was last read without an error.
    read_at: Option<String>,
    failing_since: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = StatusSchedule)]
struct ScheduleLine {
    flow: String,
    trigger: String,
    due_at: String,
}

impl From<ConnectionStatus> for ConnectionLine {
    fn from(status: ConnectionStatus) -> Self {
        Self {
            connection: status.connection.to_string(),
            enabled: status.enabled,
            breaker: status.breaker.map(|breaker| breaker.name()),
            in_flight: status.in_flight,
            concurrency: status.concurrency,
            waiting: status.waiting as u64,
        }
    }
}

impl From<PollStatus> for SourceLine {
    fn from(status: PollStatus) -> Self {
        let failing = status.failing;
        Self {
            flow: status.flow.to_string(),
            trigger: status.trigger,
            source: format!("{}.{}", status.connection, status.source),
            read_at: status.last_read.map(|(at, _)| at.to_string()),
            failing_since: failing.as_ref().map(|failing| failing.since.to_string()),
            error: failing.map(|failing| format!("{} {}", failing.code, failing.message)),
        }
    }
}

impl Exceptions {
    fn of(groups: &[GroupStatus]) -> Self {
        let mut groups: Vec<&GroupStatus> = groups.iter().collect();
        // Those that are equally large stay in the order of their names.
        groups.sort_by_key(|status| std::cmp::Reverse(status.count));
        let causes = groups.iter().take(CAUSES).map(|status| Cause {
            flow: status.group.flow.to_string(),
            step: status.group.step.clone(),
            code: status.group.code.clone(),
            message: status.oldest.message.clone(),
            open: status.count,
        });
        Self {
            causes: causes.collect(),
            open: groups.iter().map(|status| status.count).sum(),
        }
    }
}

/// Unfinished runs by flow and version, as they were counted last.
#[derive(Debug, Default)]
pub(crate) struct Counting(Mutex<Option<(Timestamp, Arc<LiveRuns>)>>);

async fn live(state: &ApiState) -> Result<Arc<LiveRuns>, Problem> {
    let now = state.engine.time();
    let known = state.counting.0.lock().clone();
    if let Some((_, live)) = known.filter(|(at, _)| now.since(*at) < FRESH) {
        return Ok(live);
    }
    let live = Arc::new(state.engine.live_runs().await?);
    *state.counting.0.lock() = Some((now, live.clone()));
    Ok(live)
}

fn flow_line(status: FlowStatus, groups: &[GroupStatus], live: &LiveRuns) -> FlowLine {
    let own = groups
        .iter()
        .filter(|group| group.group.flow == status.flow);
    let versions = live.counts.get(&status.flow).into_iter().flatten();
    FlowLine {
        exceptions: own.map(|group| group.count).sum(),
        live: versions
            .map(|(version, count)| (version.to_string(), *count))
            .collect(),
        flow: status.flow.to_string(),
        version: status.version.to_string(),
        owner: status.owner,
        enabled: status.enabled,
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "host",
    operation_id = "show_status",
    summary = "Shows how the host is: throughput, queues, exceptions, flows, connections and sources",
    responses(
        (status = 200, description = "How the host is", body = Status),
    ),
)]
pub(crate) async fn show(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
) -> Result<Json<Status>, Problem> {
    let engine = &state.engine;
    let sees = |flow: &FlowName| actor.reaches(engine, Permission::Read, flow);
    let mut groups = engine.item_groups(&ItemsQuery::default()).await?;
    groups.retain(|status| sees(&status.group.flow));
    let live = live(&state).await?;
    let now = engine.time();
    let flows = engine.flow_status().into_iter();
    let sources = engine.polls().await?.into_iter();
    let schedules = engine.schedules().await?.into_iter();
    let late = |one: &ScheduleStatus| one.next_due.is_some_and(|due| due < now);
    let active = engine.environment_status().await?.active;
    let within = |seconds| engine.throughput(Duration::from_secs(seconds)).into();
    Ok(Json(Status {
        at: now.to_string(),
        environment: engine.environment().to_owned(),
        version: env!("CARGO_PKG_VERSION"),
        ready: engine.is_ready().await,
        tree: active.as_ref().map(|active| active.digest.to_string()),
        commit: active.and_then(|active| active.commit).map(Into::into),
        throughput: Rates {
            last_minute: within(60),
            last_five_minutes: within(300),
        },
        queues: engine.queues().into(),
        exceptions: Exceptions::of(&groups),
        approvals: engine.approval_count(),
        flows: flows
            .filter(|flow| sees(&flow.flow))
            .map(|flow| flow_line(flow, &groups, &live))
            .collect(),
        connections: engine.connections().into_iter().map(Into::into).collect(),
        sources: sources
            .filter(|poll| sees(&poll.flow))
            .map(Into::into)
            .collect(),
        late_schedules: schedules
            .filter(|one| late(one) && sees(&one.flow))
            .map(|one| ScheduleLine {
                due_at: one.next_due.map(|at| at.to_string()).unwrap_or_default(),
                flow: one.flow.to_string(),
                trigger: one.trigger,
            })
            .collect(),
        stuck: engine.stuck_count().await?,
    }))
}
