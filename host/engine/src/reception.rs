//! Requests that a connector understands: its receiver reads one, and all events of it
//! become runs in one batch. Only then is the sender told.
//!
//! A receiver that crashes, that takes too long or that gives junk has taken nothing, and its
//! sender is told to try again. However often the same event comes, it begins one run.

mod room;

pub(crate) use room::Room;

use crate::desk::Offer;
use crate::engine::{Engine, Shared};
use crate::events::{Refusal, Taker, keep_refusal, of_connector, offer};
use crate::intake::{self, Accepted, IntakeError, Prepared};
use crate::plans::ActivePlan;
use dowel_core::cloud_event::{CloudEvent, TRACEPARENT};
use dowel_core::code::{Code, api};
use dowel_core::id::ConnectionName;
use dowel_core::port::{Batch, HookAnswer, HookRequest, ReceiverRequest, Secret, StoreError};
use dowel_core::{Digest, FlowName, JsonText, StepError};
use dowel_flow::plan::{Receiver, TriggerKind};
use std::time::Duration;

/// What the `source` of received events begins with.
const SOURCE: &str = "urn:dowel:receiver:";

/// How long a sender should wait that finds no room: requests take a moment.
const BUSY_RETRY_AFTER: Duration = Duration::from_secs(2);

/// How long a sender should wait while the connection is off: a person decides when that
/// ends.
const OFF_RETRY_AFTER: Duration = Duration::from_secs(60);

/// A request to a webhook of a connection.
#[derive(Clone, Debug)]
pub struct ReceptionRequest {
    /// The flow.
    pub flow: FlowName,
    /// The trigger's name.
    pub trigger: String,
    /// The request.
    pub http: HookRequest,
    /// Every secret of the webhook that is valid now.
    pub keys: Vec<Secret>,
    /// W3C `traceparent` of the request.
    pub traceparent: Option<String>,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// What became of its events, in their order; those that the flow refused left out.
    pub events: Vec<Accepted>,
    /// Events that break the schema of the receiver, or whose keys cannot be computed. They
    /// are kept for a person.
    pub refused: usize,
    /// What the connector wants the sender to hear.
    pub answer: Option<HookAnswer>,
}

/// Why nothing of a request was taken.
#[derive(Debug, thiserror::Error)]
pub enum ReceptionError {
    /// The host takes nothing in now, or could not write it.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// As many requests are being read as may be.
    #[error("as many requests are being read as the host reads at a time")]
    Busy,
    /// A kill switch is on.
    #[error("the connection `{0}` is disabled")]
    ConnectionDisabled(ConnectionName),
    /// The receiver refused the request, or failed.
    #[error("{0}")]
    Receiver(StepError),
}

impl From<StoreError> for ReceptionError {
    fn from(error: StoreError) -> Self {
        Self::Intake(error.into())
    }
}

impl ReceptionError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Intake(error) => error.code(),
            Self::Busy => api::RECEIVER_BUSY,
            Self::ConnectionDisabled(_) => api::RECEIVER_CONNECTION_OFF,
            Self::Receiver(_) if self.is_refusal() => api::RECEIVER_REFUSED,
            Self::Receiver(_) => api::RECEIVER_FAILED,
        }
    }

    /// Whether the connector itself has judged the request: sending the same one again will
    /// not help. The host's own errors, and what an upstream did, are no judgement.
    pub fn is_refusal(&self) -> bool {
        use dowel_core::ErrorKind as Kind;
        let Self::Receiver(error) = self else {
            return false;
        };
        let of_sender = matches!(
            error.kind,
            Kind::InvalidInput
                | Kind::Unauthenticated
                | Kind::Forbidden
                | Kind::NotFound
                | Kind::Conflict
                | Kind::RateLimited
                | Kind::Rejected
        );
        of_sender && !error.is_of_host()
    }

    /// How long to wait before trying again, where that helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Intake(error) => error.retry_after(),
            Self::Busy => Some(BUSY_RETRY_AFTER),
            Self::ConnectionDisabled(_) => Some(OFF_RETRY_AFTER),
            Self::Receiver(error) => error.retry_after_ms.map(Duration::from_millis),
        }
    }

    /// For the counter.
    fn outcome(&self) -> &'static str {
        match self {
            Self::Receiver(_) if self.is_refusal() => "refused",
            Self::Receiver(_) => "failed",
            Self::Busy => "busy",
            Self::Intake(_) | Self::ConnectionDisabled(_) => "closed",
        }
    }
}

impl Engine {
    /// Takes a request in that a connector understands. On `Ok` everything in it is on disk
    /// and may be acknowledged. It is seen through even if the caller goes away.
    pub async fn receive(&self, request: ReceptionRequest) -> Result<Received, ReceptionError> {
        let shared = self.shared_handle();
        let task = tokio::spawn(async move {
            let received = receive(&shared, &request).await;
            let outcome = match &received {
                Ok(received) if !received.events.is_empty() || received.refused > 0 => "taken",
                Ok(received) if received.answer.is_some() => "answered",
                Ok(_) => "empty",
                Err(error) => {
                    tell(&request, error);
                    error.outcome()
                }
            };
            shared.metrics.reception(&request.flow, outcome);
            received
        });
        task.await.unwrap_or_else(|error| {
            let reason = format!("intake stopped: {error}");
            Err(StoreError::Failed(reason.into()).into())
        })
    }
}

/// The sender sees the answer, the operator sees the log.
fn tell(request: &ReceptionRequest, error: &ReceptionError) {
    let (flow, trigger) = (&request.flow, &request.trigger);
    let (code, error_code) = (
        error.code(),
        match error {
            ReceptionError::Receiver(error) => error.code.as_str(),
            _ => "",
        },
    );
    if error.is_refusal() {
        tracing::warn!(%flow, trigger, %code, error_code, "a webhook was not believed: {error}");
    } else {
        tracing::warn!(%flow, trigger, %code, error_code, "a webhook was not taken: {error}");
    }
}

async fn receive(shared: &Shared, request: &ReceptionRequest) -> Result<Received, ReceptionError> {
    let no_such = || IntakeError::NoSuchTrigger {
        flow: request.flow.clone(),
        trigger: request.trigger.clone(),
    };
    let plan = shared.plans.active(&request.flow).ok_or_else(no_such)?;
    let kind = plan
        .plan
        .trigger(&request.trigger)
        .map(|trigger| &trigger.kind);
    let Some(TriggerKind::Receiver(receiver)) = kind else {
        return Err(no_such().into());
    };
    check(shared, request, receiver)?;
    let room = shared.reception.enter(&request.flow, &request.trigger);
    let _room = room.ok_or(ReceptionError::Busy)?;
    let reception = shared
        .ports
        .invoker
        .receive(asked(shared, &plan, receiver, request));
    let reception = reception.await.map_err(ReceptionError::Receiver)?;
    // Meanwhile somebody may have switched the flow off, or the host may be about to stop.
    check(shared, request, receiver)?;
    let name = (&receiver.connection, &receiver.receiver);
    let mut events = Vec::with_capacity(reception.events.len());
    for event in &reception.events {
        let mut event = of_connector(SOURCE, name, event);
        if let Some(traceparent) = &request.traceparent {
            let text = JsonText::string(traceparent);
            event.extensions.insert(TRACEPARENT.to_owned(), text);
        }
        events.push(event);
    }
    let (events, refused) = take(shared, (&plan, &request.trigger), &events).await?;
    Ok(Received {
        events,
        refused,
        answer: reception.answer,
    })
}

fn check(
    shared: &Shared,
    request: &ReceptionRequest,
    receiver: &Receiver,
) -> Result<(), ReceptionError> {
    intake::check_open(shared)?;
    intake::check_switches(shared, &request.flow, &request.trigger)?;
    let connection = &receiver.connection;
    if shared.switches.connections_off().contains(connection) {
        return Err(ReceptionError::ConnectionDisabled(connection.clone()));
    }
    Ok(())
}

fn asked(
    shared: &Shared,
    plan: &ActivePlan,
    receiver: &Receiver,
    request: &ReceptionRequest,
) -> ReceiverRequest {
    let pinned = plan.plan.connectors.get(&receiver.connection);
    ReceiverRequest {
        connection: receiver.connection.clone(),
        // The plan names the connector of each of its connections.
        component: pinned.map_or_else(|| Digest::of(""), |pinned| pinned.digest),
        receiver: receiver.receiver.clone(),
        params: receiver.params.clone(),
        http: request.http.clone(),
        at: shared.ports.clock.now(),
        keys: request.keys.clone(),
        deadline: receiver.deadline,
    }
}

/// Begins the runs and keeps what the flow refuses, in one batch. On `Ok` it is on disk;
/// otherwise nothing of it is.
async fn take(
    shared: &Shared,
    (plan, trigger): (&ActivePlan, &str),
    events: &[CloudEvent],
) -> Result<(Vec<Accepted>, usize), IntakeError> {
    let mut runs: Vec<Prepared> = Vec::new();
    let mut refused: Vec<(&CloudEvent, Refusal)> = Vec::new();
    for event in events {
        match offer(shared, plan, trigger, event).await? {
            Taker::Takes { run, .. } => runs.push(run),
            Taker::Refuses(refusal) => refused.push((event, refusal)),
        }
    }
    let mut batch = Batch::default();
    for (event, refusal) in &refused {
        let failed = |e: serde_json::Error| StoreError::Failed(e.to_string().into());
        keep_refusal(shared, event, refusal, &mut batch).map_err(failed)?;
    }
    let accepted = if runs.is_empty() && refused.is_empty() {
        Vec::new()
    } else {
        intake::begin(shared, &runs, &batch.into()).await?
    };
    for (event, refusal) in &refused {
        let (flow, code) = (&refusal.flow, refusal.code);
        tracing::warn!(%flow, trigger, id = event.id, %code, "a received event is refused and kept");
        // Its record is on disk; where people decide about it, as about any other payload.
        shared
            .desk
            .quarantine
            .offer(shared, Offer::of_event(event, refusal));
    }
    shared.metrics.undelivered(refused.len() as u64);
    Ok((accepted, refused.len()))
}
