//! Events on their way into their slots, in the transaction that takes them in.

use super::receivers::{ById, Receiver};
use super::{KeptEvent, MAX_KEY, keys};
use crate::engine::Shared;
use crate::events::{Refusal, seen};
use crate::inbox::{self, Message};
use crate::intake::{IntakeError, Violations};
use crate::keys::expiring;
use crate::state::{Slot, event_identity};
use dowel_core::cloud_event::CloudEvent;
use dowel_core::code::run::{MAPPING_UNAVAILABLE, RECEIVE_MATCH_FAILED};
use dowel_core::expression::{Bindings, Evaluated};
use dowel_core::port::{Batch, EvaluationRequest, Precondition, Scan, StoreError};
use dowel_core::{Digest, JsonText, RunId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Rows that are read at a time.
const ROWS_PER_SCAN: usize = 512;

/// Events with the slots that they belong into.
pub(crate) struct Post<'e> {
    letters: Vec<Letter<'e>>,
    /// By the index of the event: who cannot tell whether it is theirs.
    pub(crate) refusals: Vec<(usize, Refusal)>,
    now: Timestamp,
}

/// An event for one slot.
struct Letter<'e> {
    index: usize,
    event: &'e CloudEvent,
    /// The order of arrival among events of the same millisecond.
    number: u64,
    identity: Digest,
    slot: Slot,
    keep: Duration,
}

/// What a batch does with events.
#[derive(Debug, Default)]
pub(crate) struct Delivery {
    /// By the index of the event: the runs that wait for it.
    pub(crate) handed: BTreeMap<usize, BTreeSet<RunId>>,
    /// The events that are in some slot.
    pub(crate) kept: BTreeSet<usize>,
}

/// What an event answers to a question.
enum Answer {
    /// It is not meant.
    None,
    /// This.
    Key(String),
    /// Nobody knows.
    Unclear(String),
}

impl<'e> Post<'e> {
    /// Asks every question of every event that it is for.
    ///
    /// # Errors
    /// Something of the host failed, so that nobody knows the answers.
    pub(crate) async fn sort(
        shared: &Shared,
        receivers: &ById,
        events: &'e [CloudEvent],
    ) -> Result<Self, IntakeError> {
        let now = shared.ports.clock.now();
        let mut post = Self {
            letters: Vec::new(),
            refusals: Vec::new(),
            now,
        };
        for (index, event) in events.iter().enumerate() {
            let identity = event_identity(&event.source, &event.id);
            let number = shared.receivers.next_number();
            for (id, receiver) in receivers {
                if !receiver.is_for(&event.event_type) {
                    continue;
                }
                match ask(shared, receiver, event).await? {
                    Answer::None => {}
                    Answer::Key(key) => post.letters.push(Letter {
                        index,
                        event,
                        number,
                        identity,
                        slot: Slot::new(*id, &key),
                        keep: receiver.keep,
                    }),
                    Answer::Unclear(message) => post.refuse(index, receiver, &message),
                }
            }
        }
        Ok(post)
    }

    fn refuse(&mut self, index: usize, receiver: &Receiver, message: &str) {
        for (flow, step) in &receiver.asked_by {
            let refusal = Refusal {
                flow: flow.clone(),
                // The step is what takes the event in.
                trigger: step.to_string(),
                code: RECEIVE_MATCH_FAILED,
                message: message.to_owned(),
                violations: Violations::new(),
            };
            self.refusals.push((index, refusal));
        }
    }

    /// Whether some slot is for an event.
    pub(crate) fn is_wanted(&self, index: usize) -> bool {
        self.letters.iter().any(|letter| letter.index == index)
    }

    /// Puts the events into their slots, with a message to everybody who waits there. The
    /// batch conflicts with every step that begins to wait meanwhile.
    pub(crate) async fn add_to(
        &self,
        shared: &Shared,
        batch: &mut Batch,
    ) -> Result<Delivery, StoreError> {
        let mut delivery = Delivery::default();
        let mut told = BTreeSet::new();
        let mut ours = BTreeSet::new();
        for letter in &self.letters {
            delivery.kept.insert(letter.index);
            let is_first = ours.insert((letter.slot, letter.identity));
            if !is_first || !letter.keep_in(shared, self.now, batch).await? {
                continue;
            }
            for run in letter.waiting(shared, batch).await? {
                delivery.handed.entry(letter.index).or_default().insert(run);
                if told.insert((run, letter.slot)) {
                    let (receiver, value) = (letter.slot.receiver, letter.slot.value);
                    let message = Message::Mail { receiver, value };
                    inbox::add(shared, batch, run, &message)?;
                }
            }
        }
        Ok(delivery)
    }
}

impl Delivery {
    /// The batch is on disk.
    pub(crate) fn announce(&self, shared: &Shared) {
        let runs: BTreeSet<RunId> = self.handed.values().flatten().copied().collect();
        for run in runs {
            inbox::wake(shared, run);
        }
    }
}

impl Letter<'_> {
    /// Puts the event into its slot; whether it was not there already.
    async fn keep_in(
        &self,
        shared: &Shared,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<bool, StoreError> {
        let identity = keys::identity(&self.slot, &self.identity);
        if shared.ports.store.get(&identity).await?.is_some() {
            return Ok(false);
        }
        let key = keys::event(&self.slot, now, self.number, &self.identity);
        let kept = KeptEvent {
            source: self.event.source.clone(),
            id: self.event.id.clone(),
            event: seen(self.event, now),
        };
        let bytes =
            serde_json::to_vec(&kept).map_err(|e| StoreError::Failed(e.to_string().into()))?;
        batch.require_absent(identity.clone());
        batch.put(identity, Vec::new());
        batch.put(expiring(now.plus(self.keep), &key), Vec::new());
        batch.put(key, bytes);
        let random = shared.ports.randomness.bytes();
        batch.put(keys::event_stamp(&self.slot), random.to_vec());
        Ok(true)
    }

    /// The runs that wait in the slot.
    async fn waiting(
        &self,
        shared: &Shared,
        batch: &mut Batch,
    ) -> Result<BTreeSet<RunId>, StoreError> {
        let store = shared.ports.store.as_ref();
        // Read before the look: whoever begins to wait after it changes it.
        let place = keys::waiting_stamp(&self.slot);
        batch.preconditions.push(match store.get(&place).await? {
            Some(stamp) => Precondition::Equals(place, stamp),
            None => Precondition::Absent(place),
        });
        let mut runs = BTreeSet::new();
        let mut scan = Scan::prefix(keys::waiting_in(&self.slot), ROWS_PER_SCAN).keys_only();
        loop {
            let rows = store.scan(scan.clone()).await?;
            runs.extend(rows.iter().filter_map(|(key, _)| keys::run_that_waits(key)));
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_PER_SCAN => scan = scan.after(key.clone()),
                _ => return Ok(runs),
            }
        }
    }
}

async fn ask(
    shared: &Shared,
    receiver: &Receiver,
    event: &CloudEvent,
) -> Result<Answer, IntakeError> {
    let request = EvaluationRequest {
        guest: receiver.guest,
        program: receiver.program.clone(),
        bindings: Bindings::input(seen(event, shared.ports.clock.now())),
        deadline: shared.options.evaluation_deadline,
    };
    let value = match shared.ports.mapper.evaluate(request).await {
        Ok(Evaluated::Values(values)) => values.into_iter().next(),
        Ok(Evaluated::Skipped) => None,
        // It will pass: the same event may be taken a moment later.
        Err(error) if error.code == MAPPING_UNAVAILABLE => {
            let reason = StoreError::Failed(error.to_string().into());
            return Err(IntakeError::Store(reason));
        }
        Err(error) => {
            return Ok(Answer::Unclear(format!("`match.event` failed: {error}")));
        }
    };
    Ok(answer(&value.unwrap_or_else(JsonText::null)))
}

/// What nobody can wait for, an empty or a very long text, is no answer.
fn answer(value: &JsonText) -> Answer {
    let key = match value.type_name() {
        "string" => value.as_string().unwrap_or_default(),
        "number" => value.as_str().to_owned(),
        "null" => return Answer::None,
        other => {
            let message =
                format!("`match.event` yielded {other}, a text, a number or null is needed");
            return Answer::Unclear(message);
        }
    };
    if key.is_empty() || key.len() > MAX_KEY {
        return Answer::None;
    }
    Answer::Key(key)
}
