//! `/api/v1/events` and `/api/v1/runs/{id}/events`: what happens, as server-sent events.

use crate::access::Actor;
use crate::problem::Problem;
use crate::state::ApiState;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use dowel_core::RunId;
use dowel_core::access::Permission;
use dowel_core::code::api::{BAD_REQUEST, NO_SUCH_RUN};
use dowel_core::code::http::TOO_MANY_STREAMS;
use dowel_engine::Engine;
use dowel_engine::Move;
use dowel_engine::state::RunStatus;
use futures_util::{Stream, StreamExt as _, stream};
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;

/// The most streams at once.
pub(crate) const MAX_STREAMS: usize = 64;

/// When to try again if there are too many.
const TRY_AGAIN: Duration = Duration::from_secs(5);

/// How long a stream lasts. The reader asks again with the last id, and is judged anew: a
/// token that was revoked follows nothing for longer than this.
const LASTS: Duration = Duration::from_secs(300);

/// How often a comment keeps the connection open, where nothing happens.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long the reader waits before it asks again.
const RETRY: Duration = Duration::from_secs(2);

/// A run moved.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RunMoved {
    run: String,
    flow: String,
    /// Where it stands now.
    status: &'static str,
    at: String,
}

impl From<&Move> for RunMoved {
    fn from(moved: &Move) -> Self {
        Self {
            run: moved.run.to_string(),
            flow: moved.flow.to_string(),
            status: moved.status.name(),
            at: moved.at.to_string(),
        }
    }
}

fn permit(state: &ApiState) -> Result<OwnedSemaphorePermit, Problem> {
    state.streams.clone().try_acquire_owned().map_err(|_| {
        let detail = format!("{MAX_STREAMS} streams are open already");
        Problem::new(TOO_MANY_STREAMS, detail).retry_after(TRY_AGAIN)
    })
}

/// The number after which the reader wants to go on.
fn last_id(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let number = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let bad = || Problem::new(BAD_REQUEST, "`Last-Event-ID` is not one of this stream");
    number.map(Some).ok_or_else(bad)
}

/// A stream of events until the host stops, or its time is over.
fn answer(
    events: impl Stream<Item = Event> + Send + 'static,
    permit: OwnedSemaphorePermit,
) -> Response {
    let greeting = stream::iter([Event::default().retry(RETRY)]);
    let over = Box::pin(tokio::time::sleep(LASTS));
    let events = greeting.chain(events).take_until(over);
    let events = events.map(move |event| {
        // Given back when the stream ends.
        let _held = &permit;
        Ok::<_, Infallible>(event)
    });
    let alive = KeepAlive::new().interval(KEEP_ALIVE);
    Sse::new(events).keep_alive(alive).into_response()
}

#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "events",
    operation_id = "follow_runs",
    summary = "Follows which runs move, as server-sent events",
    responses((status = 200, description = "Events `run`, and `missed` where the reader has to look at the lists again", body = String, content_type = "text/event-stream")),
)]
pub(crate) async fn all(
    State(state): State<Arc<ApiState>>,
    actor: Actor,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let place = last_id(&headers)?.unwrap_or_else(|| state.engine.last_move());
    let permit = permit(&state)?;
    let engine = state.engine.clone();
    let events = stream::unfold((engine, place), move |(engine, place)| {
        let actor = actor.clone();
        async move {
            let moved = engine.moved_after(place).await?;
            let mut events = Vec::new();
            if moved.has_missed {
                let missed = Event::default().event("missed").data("{}");
                events.push(missed.id(moved.last.to_string()));
            }
            let seen = moved.moves.iter();
            let seen = seen.filter(|one| actor.reaches(&engine, Permission::Read, &one.flow));
            events.extend(seen.map(|one| named("run", one.number, &RunMoved::from(one))));
            Some((stream::iter(events), (engine, moved.last)))
        }
    });
    Ok(answer(events.flatten(), permit))
}

fn named(name: &str, id: u64, data: &impl Serialize) -> Event {
    let event = Event::default().event(name).id(id.to_string());
    // A value of strings alone is always JSON.
    event.json_data(data).unwrap_or_default()
}

/// Whether nothing will follow any more, also not by a person.
const fn is_over(status: RunStatus) -> bool {
    status.is_at_rest() && !status.is_open_to_decision()
}

/// Where a reader of one run stands.
struct Reader {
    engine: Engine,
    run: RunId,
    /// Entries that it has seen.
    seen: usize,
    /// The last move that was looked at.
    place: u64,
    is_over: bool,
}

impl Reader {
    /// The entries that are new, once there are some.
    async fn next(&mut self) -> Option<Vec<Event>> {
        while !self.is_over {
            let events = self.look().await?;
            if !events.is_empty() {
                return Some(events);
            }
            self.wait().await?;
        }
        None
    }

    /// Reads what is new. A store that fails ends the stream; the reader asks again.
    async fn look(&mut self) -> Option<Vec<Event>> {
        self.place = self.engine.last_move();
        // In this order: what is over has all its entries.
        let story = self.engine.story(self.run).await.ok()??;
        let entries = self.engine.masked_journal(self.run).await.ok()?;
        self.is_over = is_over(story.status);
        let numbered = entries.iter().enumerate().skip(self.seen);
        let events = numbered.map(|(index, entry)| {
            let event = Event::default().event("entry").id((index + 1).to_string());
            event.data(entry.as_str().replace(['\r', '\n'], " "))
        });
        let events = events.collect();
        self.seen = entries.len().max(self.seen);
        Some(events)
    }

    /// Waits until this run moves.
    async fn wait(&mut self) -> Option<()> {
        loop {
            let moved = self.engine.moved_after(self.place).await?;
            self.place = moved.last;
            if moved.has_missed || moved.moves.iter().any(|one| one.run == self.run) {
                return Some(());
            }
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/runs/{id}/events",
    tag = "runs",
    operation_id = "follow_run",
    summary = "Follows the journal of a run, as server-sent events",
    responses(
        (status = 200, description = "An event `entry` for each entry of the journal, masked", body = String, content_type = "text/event-stream"),
        (status = 204, description = "The run has ended, and the reader has seen everything"),
    ),
)]
pub(crate) async fn one(
    State(state): State<Arc<ApiState>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let none = || Problem::new(NO_SUCH_RUN, format!("there is no run `{id}`"));
    let run: RunId = id.parse().map_err(|_| none())?;
    let seen = last_id(&headers)?.unwrap_or_default();
    let story = state.engine.story(run).await?.ok_or_else(none)?;
    let seen = usize::try_from(seen).unwrap_or(usize::MAX);
    if is_over(story.status) && state.engine.masked_journal(run).await?.len() <= seen {
        // What a reader is told to stop by (HTML standard, section 9.2).
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let permit = permit(&state)?;
    let reader = Reader {
        engine: state.engine.clone(),
        run,
        seen,
        place: 0,
        is_over: false,
    };
    let events = stream::unfold(reader, async |mut reader| {
        let events = reader.next().await?;
        Some((stream::iter(events), reader))
    });
    Ok(answer(events.flatten(), permit))
}
