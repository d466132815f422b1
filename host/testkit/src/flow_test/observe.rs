//! What happened in a case, as a document that expectations are compared with.

use dowel_core::journal::{Entry, Event};
use dowel_core::{JsonText, RunId, StepError, StepPath};
use dowel_engine::state::{RunState, RunStatus, StepState};
use dowel_engine::story::Story;
use dowel_engine::{OpenApproval, OpenReceive};
use dowel_flow::validate::Violation;
use std::collections::BTreeMap;

/// What happened in a case.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// One for each payload that came in.
    pub runs: Vec<ObservedRun>,
    /// The calls of all runs, in the order in which they began.
    pub calls: Vec<MadeCall>,
    /// Approvals that the case says nothing about.
    pub unanswered: Vec<OpenApproval>,
    /// Steps that wait for events that the case says nothing about.
    pub unreceived: Vec<OpenReceive>,
}

/// One call with all its attempts.
#[derive(Clone, Debug)]
pub struct MadeCall {
    /// `<connection>.<operation>`.
    pub name: String,
    /// The step's path.
    pub step: String,
    /// How many attempts were made.
    pub attempts: u32,
    /// The input, the same for every attempt.
    pub input: JsonText,
    /// The idempotency key, the same for every attempt.
    pub key: String,
    /// Whether every attempt had an answer.
    pub is_mocked: bool,
}

/// What intake did with a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    /// It began a run.
    Accepted,
    /// It is a duplicate of an earlier payload.
    Duplicate,
    /// Its concurrency key is taken, and the flow drops it then.
    Dropped,
    /// It was not taken.
    Refused,
}

impl Intake {
    /// The word in test files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Dropped => "dropped",
            Self::Refused => "refused",
        }
    }
}

/// What came of a payload.
#[derive(Clone, Debug)]
pub struct ObservedRun {
    /// What intake did with it.
    pub intake: Intake,
    /// The run; of a duplicate the first one.
    pub run: Option<RunId>,
    /// Why it was refused.
    pub refusal: Option<StepError>,
    /// What the payload breaks of the trigger's schema.
    pub violations: Vec<Violation>,
    /// The journal.
    pub entries: Vec<Entry>,
    /// The journal as a story, masked.
    pub story: Option<Story>,
}

impl ObservedRun {
    /// The run's part of the document.
    pub(super) fn document(&self) -> Vec<(String, JsonText)> {
        let mut out = vec![field("intake", JsonText::string(self.intake.name()))];
        let mut seen = Seen::default();
        for entry in &self.entries {
            seen.add(entry);
        }
        if let Some(status) = seen.status() {
            out.push(field("status", JsonText::string(status.name())));
        }
        let refusal = self.refusal.as_ref().map(|error| (error.clone(), None));
        if let Some((error, path)) = refusal.or(seen.error) {
            out.push(field("error", error_document(&error, path.as_ref())));
        }
        out.extend(seen.output.map(|output| field("output", output)));
        out.push(field("decisions", object(&seen.decisions)));
        let skipped: Vec<JsonText> = seen.skipped.iter().map(|s| JsonText::string(s)).collect();
        out.push(field("skipped", JsonText::array(&skipped)));
        out.push(field("steps", object(&seen.values)));
        out
    }

    /// The events that the run emitted: type and data.
    pub(super) fn emitted(&self) -> Vec<(String, JsonText)> {
        let emitted = |entry: &Entry| match &entry.event {
            Event::Emitted {
                event_type, data, ..
            } => Some((event_type.clone(), data.clone())),
            _ => None,
        };
        self.entries.iter().filter_map(emitted).collect()
    }
}

fn field(name: &str, value: JsonText) -> (String, JsonText) {
    (name.to_owned(), value)
}

fn object(fields: &BTreeMap<String, JsonText>) -> JsonText {
    JsonText::object(fields.iter().map(|(name, value)| (name.as_str(), value)))
}

fn error_document(error: &StepError, path: Option<&StepPath>) -> JsonText {
    let texts = [
        ("kind", JsonText::string(error.kind.name())),
        ("code", JsonText::string(&error.code)),
        ("message", JsonText::string(&error.message)),
    ];
    let step = path.map(|path| ("step", JsonText::string(path.as_str())));
    let all: Vec<_> = texts.into_iter().chain(step).collect();
    JsonText::object(all.iter().map(|(name, value)| (*name, value)))
}

/// A journal while it is read.
#[derive(Default)]
struct Seen {
    state: Option<RunState>,
    error: Option<(StepError, Option<StepPath>)>,
    output: Option<JsonText>,
    decisions: BTreeMap<String, JsonText>,
    skipped: Vec<String>,
    values: BTreeMap<String, JsonText>,
}

impl Seen {
    fn status(&self) -> Option<RunStatus> {
        self.state.as_ref().map(|state| state.status)
    }

    fn add(&mut self, entry: &Entry) {
        match &mut self.state {
            None => self.state = RunState::begin(entry).ok(),
            // The engine has applied the same events.
            Some(state) => drop(state.apply(entry)),
        }
        match &entry.event {
            Event::StepSkipped { path } => self.skipped.push(path.to_string()),
            Event::BranchTaken { path, case } => {
                let branch = case.map_or_else(
                    || JsonText::string("default"),
                    |case| JsonText::of(&case).unwrap_or_else(|_| JsonText::null()),
                );
                self.decisions.insert(path.to_string(), branch);
            }
            Event::Succeeded { output, .. } => self.output = Some(output.clone()),
            Event::Failed { error, path } | Event::Parked { error, path } => {
                self.error = Some((error.clone(), path.clone()));
            }
            _ => {}
        }
        // The state forgets steps inside of loop items that have ended.
        for (path, step) in self.state.iter().flat_map(|state| &state.steps) {
            if let StepState::Done(done) = step {
                self.values
                    .entry(path.to_string())
                    .or_insert_with(|| done.value.clone());
            }
        }
    }
}
