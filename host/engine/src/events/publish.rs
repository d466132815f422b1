//! Publishing: events go to the flows that take them, all in one transaction.

use super::taker::{self, Refusal, Taker};
use super::undelivered;
use crate::desk::Offer;
use crate::engine::Shared;
use crate::intake::{Accepted, IntakeError, Origin, Prepared, begin, check_open, check_switches};
use crate::mailbox::{self, Delivery, Post};
use dowel_core::cloud_event::CloudEvent;
use dowel_core::code::run::RECEIVE_MATCH_FAILED;
use dowel_core::code::{Code, api, switch};
use dowel_core::port::{Batch, StoreError};
use dowel_core::{FlowName, RunId};

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// CloudEvents `id`.
    pub id: String,
    /// CloudEvents `source`.
    pub source: String,
    /// The flows that took it, in order of their names.
    pub taken: Vec<EventTaken>,
    /// The runs that waited for it, in order of their beginning. Nobody, if it is a
    /// duplicate.
    pub received: Vec<RunId>,
    /// Whether it is kept for runs that come to a step which receives it.
    pub is_kept: bool,
    /// The flows that could not take it although it is for them. Their refusals are kept
    /// with the event.
    pub refused: Vec<Refusal>,
}

/// A flow that took an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventTaken {
    /// The flow.
    pub flow: FlowName,
    /// The trigger.
    pub trigger: String,
    /// The run, new or the first one of the same event.
    pub accepted: Accepted,
}

/// Why events were not published. Nothing of them was kept.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The host takes nothing in now.
    #[error(transparent)]
    Intake(#[from] IntakeError),
    /// Nobody took an event, and somebody refused it.
    #[error("{} event(s) were refused by every flow that they are for", .0.len())]
    Refused(Vec<(usize, Vec<Refusal>)>),
}

impl PublishError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            Self::Intake(error) => error.code(),
            Self::Refused(_) => api::EVENT_REFUSED,
        }
    }
}

/// What to do with an event that every flow refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WhenRefused {
    /// Its sender is there and is told; nothing is kept.
    Fail,
    /// Nobody is there to be told; it is kept for a person.
    Keep,
}

/// Publishes events from outside. On `Ok` all that follows from them is on disk.
pub(crate) async fn publish(
    shared: &Shared,
    events: &[CloudEvent],
) -> Result<Vec<Publication>, PublishError> {
    check_open(shared)?;
    let published = deliver(shared, events, Batch::default(), WhenRefused::Fail).await;
    if let Err(PublishError::Refused(refused)) = &published {
        for (index, refusals) in refused {
            // What no trigger is for cannot be submitted to one again.
            let of_triggers = |refusal: &&Refusal| refusal.code != RECEIVE_MATCH_FAILED;
            for refusal in refusals.iter().filter(of_triggers) {
                let offer = Offer::of_event(&events[*index], refusal);
                shared.desk.quarantine.offer(shared, offer);
            }
        }
    }
    published
}

/// The run that a flow would begin for an event that comes out of quarantine.
pub(crate) async fn prepare_again(
    shared: &Shared,
    (flow, trigger): (&FlowName, &str),
    event: &CloudEvent,
    origin: Origin,
) -> Result<Prepared, IntakeError> {
    check_open(shared)?;
    let plan = shared.plans.active(flow);
    let plan = plan.filter(|plan| plan.plan.trigger(trigger).is_some());
    let plan = plan.ok_or_else(|| IntakeError::NoSuchTrigger {
        flow: flow.clone(),
        trigger: trigger.to_owned(),
    })?;
    check_switches(shared, flow, trigger)?;
    taker::take(shared, &plan, trigger, event, origin).await
}

/// Delivers events and writes `with` in the same transaction.
pub(super) async fn deliver(
    shared: &Shared,
    events: &[CloudEvent],
    mut with: Batch,
    when_refused: WhenRefused,
) -> Result<Vec<Publication>, PublishError> {
    let receivers = shared.receivers.hold().await;
    let post = Post::sort(shared, &receivers, events).await?;
    let mut plan = Plan::default();
    for (index, event) in events.iter().enumerate() {
        plan.add(index, event, taker::ask(shared, event).await?);
    }
    plan.add_refusals(&post);
    if when_refused == WhenRefused::Fail {
        plan.fail_if_nobody_takes(&post)?;
    }
    let refusals = plan.keep_refusals(shared, events, &mut with)?;
    let (accepted, delivery) = commit(shared, &plan.runs, &post, &with).await?;
    drop(receivers);
    delivery.announce(shared);
    shared.metrics.undelivered(refusals);
    let publications = plan.publications(accepted, &delivery);
    for (event, publication) in events.iter().zip(&publications) {
        announce(shared, event, publication);
    }
    Ok(publications)
}

/// How often the batch is made anew because steps begin to wait, or the same event comes
/// by another way, at the same moment.
const ROUNDS: usize = 100;

/// Begins the runs and hands the events over, in one batch.
async fn commit(
    shared: &Shared,
    runs: &[Prepared],
    post: &Post<'_>,
    with: &Batch,
) -> Result<(Vec<Accepted>, Delivery), PublishError> {
    for _ in 0..ROUNDS {
        let mut batch = with.clone();
        let delivery = post.add_to(shared, &mut batch).await;
        let delivery = delivery.map_err(IntakeError::Store)?;
        match begin(shared, runs, &batch.into()).await {
            Err(IntakeError::Store(StoreError::Conflict(key))) if mailbox::is_mailbox(&key) => {}
            begun => return Ok((begun?, delivery)),
        }
    }
    let message = "those who wait for the event change too fast";
    let failed = IntakeError::Store(StoreError::Failed(message.into()));
    Err(failed.into())
}

/// Who gets which event.
#[derive(Default)]
struct Plan {
    runs: Vec<Prepared>,
    /// For each run the event, the flow and the trigger.
    takers: Vec<(usize, FlowName, String)>,
    /// For each event its id, source and refusals.
    events: Vec<(String, String, Vec<Refusal>)>,
}

impl Plan {
    fn add(&mut self, index: usize, event: &CloudEvent, takers: Vec<Taker>) {
        let mut refused = Vec::new();
        for taker in takers {
            match taker {
                Taker::Takes { flow, trigger, run } => {
                    self.runs.push(run);
                    self.takers.push((index, flow, trigger));
                }
                Taker::Refuses(refusal) => refused.push(refusal),
            }
        }
        let (id, source) = (event.id.clone(), event.source.clone());
        self.events.push((id, source, refused));
    }

    /// Steps that would receive an event if their question could be answered.
    fn add_refusals(&mut self, post: &Post<'_>) {
        for (index, refusal) in &post.refusals {
            self.events[*index].2.push(refusal.clone());
        }
    }

    fn fail_if_nobody_takes(&self, post: &Post<'_>) -> Result<(), PublishError> {
        let is_taken = |index: usize| {
            post.is_wanted(index) || self.takers.iter().any(|(taken, ..)| *taken == index)
        };
        let events = self.events.iter().enumerate();
        let refused: Vec<_> = events
            .filter(|(index, (.., refused))| !refused.is_empty() && !is_taken(*index))
            .map(|(index, (.., refused))| (index, refused.clone()))
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        // A disabled flow may take the same event later, so its sender may try again.
        let mut all = refused.iter().flat_map(|(_, refusals)| refusals);
        let is_switch = |code| code == api::FLOW_DISABLED || code == switch::TRIGGER_DISABLED;
        if let Some(disabled) = all.find(|refusal| is_switch(refusal.code)) {
            let flow = disabled.flow.clone();
            let error = match disabled.code {
                switch::TRIGGER_DISABLED => IntakeError::TriggerDisabled {
                    flow,
                    trigger: disabled.trigger.clone(),
                },
                _ => IntakeError::FlowDisabled(flow),
            };
            return Err(error.into());
        }
        Err(PublishError::Refused(refused))
    }

    /// Adds the refusals to the batch, and says how many there are.
    fn keep_refusals(
        &self,
        shared: &Shared,
        events: &[CloudEvent],
        batch: &mut Batch,
    ) -> Result<u64, PublishError> {
        let mut kept = 0;
        for (event, (.., refused)) in events.iter().zip(&self.events) {
            for refusal in refused {
                let failed = |e: serde_json::Error| StoreError::Failed(e.to_string().into());
                undelivered::put(shared, event, refusal, batch)
                    .map_err(|e| IntakeError::Store(failed(e)))?;
                kept += 1;
            }
        }
        Ok(kept)
    }

    fn publications(self, accepted: Vec<Accepted>, delivery: &Delivery) -> Vec<Publication> {
        let empty = |(index, (id, source, refused))| Publication {
            id,
            source,
            taken: Vec::new(),
            received: match delivery.handed.get(&index) {
                Some(runs) => runs.iter().copied().collect(),
                None => Vec::new(),
            },
            is_kept: delivery.kept.contains(&index),
            refused,
        };
        let events = self.events.into_iter().enumerate();
        let mut all: Vec<Publication> = events.map(empty).collect();
        for ((index, flow, trigger), accepted) in self.takers.into_iter().zip(accepted) {
            all[index].taken.push(EventTaken {
                flow,
                trigger,
                accepted,
            });
        }
        all
    }
}

/// Tells the log and the counters what became of an event.
fn announce(shared: &Shared, event: &CloudEvent, publication: &Publication) {
    let (id, source, event_type) = (&event.id, &event.source, &event.event_type);
    for refusal in &publication.refused {
        let (flow, code) = (&refusal.flow, refusal.code);
        tracing::warn!(id, source, event_type, %flow, trigger = refusal.trigger, %code, "event refused by a flow");
    }
    let outcome = match (publication.taken.is_empty(), publication.refused.is_empty()) {
        (false, _) => "taken",
        (true, false) => "refused",
        (true, true) if publication.is_kept => "kept",
        (true, true) => {
            tracing::warn!(id, source, event_type, "no flow takes this event");
            "unclaimed"
        }
    };
    shared.metrics.event(outcome);
}
