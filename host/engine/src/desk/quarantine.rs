//! Quarantine: payloads from outside that their flows did not take, kept for a person.
//!
//! Intake goes first. A sender has its answer before anything of this begins: what was
//! rejected goes into a short line in memory, and a task writes it down, a few at a time.
//! What comes faster is counted and not kept; its sender was told and has it still.

mod keep;
mod resubmit;

pub(super) use keep::{count, work};
pub(super) use resubmit::check_rejected;

use super::index;
use super::item::Item;
use super::keys;
use super::show::Detail;
use crate::conceal::cover;
use crate::engine::Shared;
use crate::events::Refusal;
use crate::intake::{IntakeError, IntakeRequest, MessageKey, Violations};
use crate::mask::{MASK, mask};
use dowel_core::cloud_event::CloudEvent;
use dowel_core::code::Code;
use dowel_core::port::{Batch, Store, StoreError};
use dowel_core::{Digest, FlowName, JsonText, RunId};
use dowel_flow::plan::TriggerKind;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::sync::mpsc;

/// Bytes that are kept of a body: enough for nearly every event, and little for a disk.
const MAX_BODY: usize = 64 << 10;

/// Payloads that are kept of one flow; then the oldest go.
pub(crate) const MAX_OF_FLOW: u64 = 1_000;

/// Payloads that wait to be written down.
const MAX_WAITING: usize = 64;

/// Places where a payload breaks its schema, of which more tell nothing new.
const MAX_VIOLATIONS: usize = 20;

/// What came in, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedPayload {
    /// The trigger that it came to.
    pub trigger: String,
    /// How it came.
    pub form: RejectedForm,
    /// The body, or its beginning if it is long.
    pub body: String,
    /// How many bytes it had.
    pub bytes: u64,
    /// Whether only the beginning is kept.
    #[serde(default)]
    pub is_cut: bool,
    /// The headers that the trigger keeps, by lower-case name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The query's parameters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub query: BTreeMap<String, String>,
    /// The path of the request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// W3C `traceparent` of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    /// What tells a signed message from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<MessageKey>,
    /// What it breaks of the trigger's schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub violations: Violations,
}

/// How a payload came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RejectedForm {
    /// As the body of a request to a webhook.
    Request,
    /// As an event, in the JSON format of CloudEvents.
    Event,
}

/// As it is stored. Versioned like the journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    /// By which it is recognised when it comes again.
    content: Digest,
    #[serde(flatten)]
    payload: RejectedPayload,
}

/// A payload that may be kept.
#[derive(Debug)]
pub(crate) struct Offer {
    flow: FlowName,
    code: Code,
    message: String,
    stored: Stored,
}

/// What the quarantine has in memory.
pub(crate) struct Quarantine {
    sender: mpsc::Sender<Offer>,
    receiver: Mutex<Option<mpsc::Receiver<Offer>>>,
    /// How many payloads are kept of each flow.
    counts: Mutex<BTreeMap<FlowName, u64>>,
}

impl Default for Quarantine {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(MAX_WAITING);
        Self {
            sender,
            receiver: Mutex::new(Some(receiver)),
            counts: Mutex::default(),
        }
    }
}

impl Quarantine {
    /// Takes a payload if there is room. Nothing is waited for here.
    pub(crate) fn offer(&self, shared: &Shared, offer: Offer) {
        if let Err(full) = self.sender.try_send(offer) {
            let flow = full.into_inner().flow;
            shared.metrics.quarantined(&flow, "lost");
        }
    }

    fn came(&self, flow: &FlowName) {
        *self.counts.lock().entry(flow.clone()).or_default() += 1;
    }

    fn went(&self, flow: &FlowName) {
        if let Some(count) = self.counts.lock().get_mut(flow) {
            *count = count.saturating_sub(1);
        }
    }

    fn count(&self, flow: &FlowName) -> u64 {
        self.counts.lock().get(flow).copied().unwrap_or_default()
    }
}

impl Offer {
    /// A request to a webhook that was rejected for what it holds. Others are not kept:
    /// the same request may be taken a moment later, or a person has the answer.
    pub(crate) fn of_request(
        shared: &Shared,
        request: IntakeRequest,
        error: &IntakeError,
    ) -> Option<Self> {
        let violations = match error {
            IntakeError::Schema(violations) => violations.clone(),
            IntakeError::NotJson(_)
            | IntakeError::DedupeKey(_)
            | IntakeError::ConcurrencyKey(_) => Violations::new(),
            _ => return None,
        };
        let plan = shared.plans.active(&request.flow)?;
        let trigger = plan.plan.trigger(&request.trigger)?;
        if !matches!(trigger.kind, TriggerKind::Webhook { .. }) {
            return None;
        }
        let payload = RejectedPayload {
            trigger: request.trigger,
            form: RejectedForm::Request,
            bytes: request.payload.len() as u64,
            body: request.payload,
            is_cut: false,
            headers: request.headers,
            query: request.query,
            path: request.path,
            traceparent: request.traceparent,
            message: request.message,
            violations,
        };
        Some(Self::new(
            request.flow,
            error.code(),
            error.to_string(),
            payload,
        ))
    }

    /// An event from outside that no flow took, for one of the flows that refused it.
    pub(crate) fn of_event(event: &CloudEvent, refusal: &Refusal) -> Self {
        let body = event.to_json().as_str().to_owned();
        let payload = RejectedPayload {
            trigger: refusal.trigger.clone(),
            form: RejectedForm::Event,
            bytes: body.len() as u64,
            body,
            is_cut: false,
            headers: BTreeMap::new(),
            query: BTreeMap::new(),
            path: String::new(),
            traceparent: None,
            message: None,
            violations: refusal.violations.clone(),
        };
        let (code, message) = (refusal.code, refusal.message.clone());
        Self::new(refusal.flow.clone(), code, message, payload)
    }

    fn new(flow: FlowName, code: Code, message: String, mut payload: RejectedPayload) -> Self {
        let content = Digest::of(format!("{}\n{}", payload.trigger, payload.body));
        if payload.body.len() > MAX_BODY {
            let mut end = MAX_BODY;
            while !payload.body.is_char_boundary(end) {
                end -= 1;
            }
            payload.body.truncate(end);
            payload.body.shrink_to_fit();
            payload.is_cut = true;
        }
        payload.violations.truncate(MAX_VIOLATIONS);
        Self {
            flow,
            code,
            message,
            stored: Stored { content, payload },
        }
    }
}

/// Another payload in the place of one in quarantine, as people may see it.
pub(super) async fn conceal(
    shared: &Shared,
    id: RunId,
    payload: &JsonText,
) -> Result<JsonText, StoreError> {
    let store = shared.ports.store.as_ref();
    let (item, stored) = (index::get(store, id).await?, load(store, id).await?);
    let (Some(item), Some(stored)) = (item, stored) else {
        return Ok(JsonText::string(MASK));
    };
    let hidden = sensitive(shared, &item.flow, &stored.payload);
    Ok(mask(&cover(payload, hidden.iter())))
}

/// Where the body has what the flow declares as sensitive.
fn sensitive(shared: &Shared, flow: &FlowName, payload: &RejectedPayload) -> Vec<String> {
    let plan = shared.plans.active(flow);
    let trigger = plan
        .as_ref()
        .and_then(|plan| plan.plan.trigger(&payload.trigger));
    let within = match payload.form {
        RejectedForm::Request => "",
        RejectedForm::Event => "/data",
    };
    let pointers = trigger.iter().flat_map(|trigger| &trigger.sensitive);
    pointers
        .map(|pointer| format!("{within}{pointer}"))
        .collect()
}

async fn load(store: &dyn Store, id: RunId) -> Result<Option<Stored>, StoreError> {
    let bytes = store.get(&keys::rejected(id)).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// Takes a payload out, on condition that it is there as `item` says.
async fn close(store: &dyn Store, item: &Item, batch: &mut Batch) -> Result<(), StoreError> {
    let key = keys::item(item.id);
    let bytes = store.get(&key).await?;
    let Some(bytes) = bytes else {
        return Err(StoreError::Conflict(key));
    };
    batch.require_equal(key, bytes);
    if let Some(stored) = load(store, item.id).await? {
        batch.delete(keys::rejected_content(&item.flow, &stored.content));
    }
    batch.delete(keys::rejected(item.id));
    batch.delete(keys::rejected_place(&item.flow, item.id));
    index::close(item, batch);
    Ok(())
}

/// The batch that took a payload out is written.
fn closed(shared: &Shared, item: &Item) {
    shared.desk.closed(std::slice::from_ref(item));
    shared.desk.quarantine.went(&item.flow);
}

/// A payload with everything that a person needs to decide. What is not JSON cannot be
/// masked, and is not shown.
pub(super) async fn detail(shared: &Shared, item: Item) -> Result<Option<Detail>, StoreError> {
    let Some(stored) = load(shared.ports.store.as_ref(), item.id).await? else {
        return Ok(None);
    };
    let mut payload = stored.payload;
    let hidden = sensitive(shared, &item.flow, &payload);
    let body = JsonText::parse(&payload.body);
    let input = body.map_or_else(
        |_| JsonText::string(MASK),
        |body| mask(&cover(&body, hidden.iter())),
    );
    payload.body = input.as_str().to_owned();
    for fields in [&mut payload.headers, &mut payload.query] {
        let masked = JsonText::of(fields).map(|fields| mask(&fields));
        let masked = masked
            .ok()
            .and_then(|masked| serde_json::from_str(masked.as_str()).ok());
        *fields = masked.unwrap_or_default();
    }
    Ok(Some(Detail {
        item,
        connectors: BTreeMap::new(),
        input,
        behind: Vec::new(),
        undoing: None,
        rejected: Some(payload),
    }))
}
