//! What a flow declares as `sensitive`, masked on reading. The journal keeps it.
//!
//! Two rules together: what stands at a declared pointer is masked, whatever it is; and
//! wherever else in the same run the same text or number stands, it is masked as well,
//! so that a copy in another step's input does not give it away.

mod entry;

use crate::engine::EngineError;
use crate::journal;
use crate::mask::{MASK, mask};
use crate::plans::{ActivePlan, Plans};
use crate::state::{RunState, StepState};
use dowel_core::journal::Entry;
use dowel_core::port::Store;
use dowel_core::{JsonText, RunId, StepError, StepPath, pointer};
use dowel_flow::plan::{Plan, Step, StepKind};
use std::collections::{BTreeMap, BTreeSet};

/// Copies of shorter values are not looked for: `12` stands everywhere.
const MIN_COPY: usize = 4;

/// Shorter values are not looked for inside of longer texts.
const MIN_WITHIN: usize = 6;

/// The most different values of one run that are looked for elsewhere.
const MAX_VALUES: usize = 10_000;

/// What a step of the flow declares.
#[derive(Debug, Default)]
struct Declared {
    /// Pointers into the input and the value; of a loop, into each item.
    own: Vec<String>,
    /// Pointers into the value that it has from the last steps inside of it.
    inner: Vec<String>,
    /// Of a loop: where its items are in what it reads.
    items: Option<String>,
}

/// Masks what one run must not show.
#[derive(Debug, Default)]
pub(crate) struct Concealer {
    triggers: BTreeMap<String, Vec<String>>,
    steps: BTreeMap<String, Declared>,
    /// Texts and number literals that stood at the pointers.
    values: BTreeSet<String>,
}

impl Concealer {
    /// For reading a run of these plans; `None` if they declare nothing.
    pub(crate) fn new<'p>(plans: impl IntoIterator<Item = &'p ActivePlan>) -> Option<Self> {
        let mut concealer = Self::default();
        for plan in plans {
            if plan.has_sensitive {
                concealer.declare(&plan.plan);
            }
        }
        let declares = !concealer.triggers.is_empty() || !concealer.steps.is_empty();
        declares.then_some(concealer)
    }

    /// For reading a run, by the plan that it began with and by the one that it is on;
    /// `None` if they declare nothing.
    pub(crate) async fn load(
        store: &dyn Store,
        plans: &Plans,
        entries: &[Entry],
        state: &RunState,
    ) -> Result<Option<Self>, EngineError> {
        let first = plans.pinned(store, state.created.plan).await?;
        let last = plans.pinned(store, state.plan()).await?;
        let concealer = Self::new([first.as_ref(), last.as_ref()]);
        Ok(concealer.map(|concealer| concealer.of_entries(entries)))
    }

    /// The same, knowing the values of a journal.
    fn of_entries(self, entries: &[Entry]) -> Self {
        let mut concealer = self;
        for entry in entries {
            concealer.learn_entry(entry);
        }
        concealer
    }

    /// The same, knowing the values that a run has now.
    pub(crate) fn of_state(self, state: &RunState) -> Self {
        let mut concealer = self;
        concealer.learn_payload(&state.created.trigger, &state.created.payload);
        for (path, step) in &state.steps {
            match step {
                StepState::Done(done) => {
                    concealer.learn(path, &done.value);
                    let items = done.items.iter().flat_map(|items| items.iter());
                    items.for_each(|item| concealer.learn(path, item));
                }
                StepState::Calling(call) | StepState::Retrying { call, .. } => {
                    concealer.learn(path, &call.arguments.input);
                }
                StepState::Failed(failed) => {
                    let call = failed.call.as_ref();
                    call.iter()
                        .for_each(|call| concealer.learn(path, &call.arguments.input));
                    let child = failed.child.as_ref();
                    child
                        .iter()
                        .for_each(|child| concealer.learn(path, &child.payload));
                }
                StepState::Looping(looping) => {
                    looping
                        .items
                        .iter()
                        .for_each(|item| concealer.learn(path, item));
                }
                StepState::Child(child) => concealer.learn(path, &child.payload),
                StepState::Asking(asking) => concealer.learn(path, &asking.asked.show),
                _ => {}
            }
        }
        concealer
    }

    fn declare(&mut self, plan: &Plan) {
        for trigger in &plan.triggers {
            if !trigger.sensitive.is_empty() {
                let pointers = self.triggers.entry(trigger.name.clone()).or_default();
                pointers.extend(trigger.sensitive.iter().cloned());
            }
        }
        for step in plan.all_steps() {
            let inner = inner(step);
            if step.sensitive.is_empty() && inner.is_empty() {
                continue;
            }
            let declared = self.steps.entry(step.id.to_string()).or_default();
            declared.own.extend(step.sensitive.iter().cloned());
            declared.inner.extend(inner);
            if let StepKind::ForEach(each) = &step.kind {
                let pages = each.pages.as_ref();
                let items = pages.map(|pages| pages.pagination.items.clone());
                declared.items = Some(items.unwrap_or_default());
            }
        }
    }

    fn learn_payload(&mut self, trigger: &str, payload: &JsonText) {
        let pointers = self.triggers.get(trigger).cloned().unwrap_or_default();
        pointers
            .iter()
            .for_each(|pointer| self.learn_at(payload, pointer));
    }

    /// Learns what a step reads or yields.
    fn learn(&mut self, path: &StepPath, value: &JsonText) {
        let Some(declared) = self.steps.get(path.id()) else {
            return;
        };
        let (own, inner) = (declared.own.clone(), declared.inner.clone());
        let items = declared.items.clone();
        own.iter()
            .chain(&inner)
            .for_each(|pointer| self.learn_at(value, pointer));
        let items = items.and_then(|items| pointer::get(value, &items)?.items());
        for item in items.into_iter().flatten() {
            own.iter().for_each(|pointer| self.learn_at(&item, pointer));
        }
    }

    fn learn_at(&mut self, document: &JsonText, at: &str) {
        if let Some(value) = pointer::get(document, at) {
            self.learn_leaves(&value);
        }
    }

    fn learn_leaves(&mut self, value: &JsonText) {
        match (value.fields(), value.items(), value.as_string()) {
            (Some(fields), ..) => fields
                .iter()
                .for_each(|(_, inner)| self.learn_leaves(inner)),
            (_, Some(items), _) => items.iter().for_each(|inner| self.learn_leaves(inner)),
            (.., Some(text)) => self.learn_text(text),
            _ if value.type_name() == "number" => self.learn_text(value.as_str().to_owned()),
            _ => {}
        }
    }

    fn learn_text(&mut self, text: String) {
        if text.chars().count() >= MIN_COPY && self.values.len() < MAX_VALUES {
            self.values.insert(text);
        }
    }

    /// The payload of a trigger.
    pub(crate) fn payload(&self, trigger: &str, payload: &JsonText) -> JsonText {
        let pointers = self.triggers.get(trigger);
        self.copies(&cover(payload, pointers.into_iter().flatten()))
    }

    /// What a step reads or yields.
    pub(crate) fn of_step(&self, path: &StepPath, value: &JsonText) -> JsonText {
        let Some(declared) = self.steps.get(path.id()) else {
            return self.copies(value);
        };
        // Of a loop `""` means each item, and a list is still to be told as a list.
        let is_loop = declared.items.is_some();
        let pointers = declared.own.iter().chain(&declared.inner);
        let pointers = pointers.filter(|pointer| !is_loop || !pointer.is_empty());
        let mut covered = cover(value, pointers);
        if let Some(at) = &declared.items {
            covered = cover_items(&covered, at, &declared.own);
            // What a loop over a small list yields has the results of its items.
            covered = cover_items(&covered, "/items", &declared.inner);
        }
        self.copies(&covered)
    }

    /// Any other value of the run.
    pub(crate) fn copies(&self, value: &JsonText) -> JsonText {
        if self.values.is_empty() {
            return value.clone();
        }
        match (value.fields(), value.items(), value.as_string()) {
            (Some(fields), ..) => {
                let fields: Vec<(String, JsonText)> = fields
                    .into_iter()
                    .map(|(name, inner)| (name, self.copies(&inner)))
                    .collect();
                JsonText::object(fields.iter().map(|(name, inner)| (name.as_str(), inner)))
            }
            (_, Some(items), _) => {
                let items: Vec<JsonText> = items.iter().map(|item| self.copies(item)).collect();
                JsonText::array(&items)
            }
            (.., Some(text)) => match self.covered(&text) {
                Some(covered) => JsonText::string(&covered),
                None => value.clone(),
            },
            _ if self.values.contains(value.as_str()) => JsonText::string(MASK),
            _ => value.clone(),
        }
    }

    /// A text of the run for people.
    pub(crate) fn text(&self, text: &str) -> String {
        self.covered(text).unwrap_or_else(|| text.to_owned())
    }

    fn covered(&self, text: &str) -> Option<String> {
        if self.values.contains(text) {
            return Some(MASK.to_owned());
        }
        let within = |value: &&String| value.len() >= MIN_WITHIN && text.contains(value.as_str());
        let mut found: Vec<&String> = self.values.iter().filter(within).collect();
        if found.is_empty() {
            return None;
        }
        // A value may contain another one.
        found.sort_by_key(|value| std::cmp::Reverse(value.len()));
        let cover = |text: String, value: &&String| text.replace(value.as_str(), MASK);
        Some(found.iter().fold(text.to_owned(), cover))
    }

    /// An error of the run: upstreams repeat what they were sent.
    pub(crate) fn error(&self, error: &StepError) -> StepError {
        StepError {
            message: self.text(&error.message),
            details: error.details.as_ref().map(|details| self.copies(details)),
            ..error.clone()
        }
    }
}

/// A run's journal for people and their tools, read from a store that no host has open:
/// one JSON document for each entry, with sensitive values masked; empty if there is no
/// such run.
pub async fn masked_journal(store: &dyn Store, run: RunId) -> Result<Vec<JsonText>, EngineError> {
    read_masked(store, &Plans::default(), run).await
}

/// The same, with the plans that are in memory.
pub(crate) async fn read_masked(
    store: &dyn Store,
    plans: &Plans,
    run: RunId,
) -> Result<Vec<JsonText>, EngineError> {
    let entries = journal::load(store, run).await?;
    if !journal::is_whole(&entries) {
        return Ok(Vec::new());
    }
    let state = RunState::fold(&entries).map_err(|e| EngineError::Journal(e.to_string()))?;
    let concealer = Concealer::load(store, plans, &entries, &state).await?;
    let documents = entries.iter().map(|entry| {
        let document = match &concealer {
            Some(concealer) => JsonText::of(&concealer.entry(entry)),
            None => JsonText::of(entry),
        };
        let document = document.map_err(|error| EngineError::Journal(error.to_string()));
        document.map(|document| mask(&document))
    });
    documents.collect()
}

/// An event in the JSON event format, without what a trigger declares of its data as
/// sensitive.
pub(crate) fn event(plan: &Plan, trigger: &str, event: &JsonText) -> JsonText {
    let declared = plan.trigger(trigger).map(|trigger| &trigger.sensitive);
    let pointers: Vec<String> = declared
        .into_iter()
        .flatten()
        .map(|pointer| format!("/data{pointer}"))
        .collect();
    cover(event, pointers.iter())
}

/// The pointers of the last steps inside of a step, whose results it yields.
fn inner(step: &Step) -> Vec<String> {
    let mut pointers = Vec::new();
    for last in step.blocks().into_iter().filter_map(|block| block.last()) {
        pointers.extend(last.sensitive.iter().cloned());
        pointers.extend(inner(last));
    }
    pointers
}

/// The same document with a mask at the pointers that lead somewhere.
pub(crate) fn cover<'a>(
    document: &JsonText,
    pointers: impl Iterator<Item = &'a String>,
) -> JsonText {
    pointers.fold(document.clone(), |document, pointer| {
        let segments = pointer::segments(pointer).unwrap_or_default();
        cover_at(&document, &segments).unwrap_or(document)
    })
}

/// `None` if the way leads nowhere, or to `null`: that nothing is there is no secret.
fn cover_at(value: &JsonText, way: &[String]) -> Option<JsonText> {
    let Some((first, rest)) = way.split_first() else {
        return (!value.is_null()).then(|| JsonText::string(MASK));
    };
    if let Some(mut fields) = value.fields() {
        let (_, inner) = fields.iter_mut().find(|(name, _)| name == first)?;
        *inner = cover_at(inner, rest)?;
        let fields = fields.iter().map(|(name, value)| (name.as_str(), value));
        return Some(JsonText::object(fields));
    }
    let mut items = value.items()?;
    let inner = items.get_mut(first.parse::<usize>().ok()?)?;
    *inner = cover_at(inner, rest)?;
    Some(JsonText::array(&items))
}

/// The same document with masks in each item of the list at a pointer.
fn cover_items(document: &JsonText, at: &str, pointers: &[String]) -> JsonText {
    let items = pointer::get(document, at).and_then(|list| list.items());
    let Some(items) = items.filter(|_| !pointers.is_empty()) else {
        return document.clone();
    };
    let items: Vec<JsonText> = items
        .iter()
        .map(|item| cover(item, pointers.iter()))
        .collect();
    let covered = JsonText::array(&items);
    pointer::set(document, at, &covered).unwrap_or_else(|| document.clone())
}
