//! What a step sees: which steps, variables and loop items are in reach of its place.

use crate::state::{RunState, StepState};
use dowel_core::expression::{Bindings, Needs, StepNeeds};
use dowel_core::{JsonText, StepId, StepPath, Timestamp};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The loops around a place, the outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    loops: Vec<(StepPath, usize)>,
}

impl Scope {
    /// Inside item `index` of the loop at `path`.
    pub fn item(&self, path: &StepPath, index: usize) -> Self {
        let mut loops = self.loops.clone();
        loops.push((path.clone(), index));
        Self { loops }
    }

    /// The path of a step at this place.
    pub fn path(&self, id: &StepId) -> StepPath {
        path_in(self.loops.last(), id)
    }

    /// The value of the step with this id that is nearest to this place; `null` if it
    /// has none.
    fn step_value(&self, state: &RunState, id: &StepId) -> JsonText {
        let inner_first = self.loops.iter().rev().map(Some).chain([None]);
        let mut values = inner_first.filter_map(|place| state.value(&path_in(place, id)));
        values.next().unwrap_or_else(JsonText::null)
    }

    /// Whether a step at `path` is in reach: outside of all loops, or inside of the
    /// items that are around this place.
    fn reaches(&self, path: &str) -> bool {
        match path.rfind("].") {
            None => true,
            Some(end) => {
                let place = &path[..=end];
                self.loops
                    .iter()
                    .any(|(around, index)| format!("{around}[{index}]") == place)
            }
        }
    }
}

fn path_in(place: Option<&(StepPath, usize)>, id: &StepId) -> StepPath {
    match place {
        Some((path, index)) => path.item(*index, id),
        None => StepPath::top(id),
    }
}

/// The values that a program reads at a place. `now` is the time of this evaluation.
pub fn bindings(state: &RunState, scope: &Scope, needs: &Needs, now: Timestamp) -> Bindings {
    let mut bindings = Bindings::input(JsonText::null());
    for name in &needs.variables {
        if let Some((name, value)) = variable(state, scope, needs, now, name) {
            bindings.variables.insert(name, value);
        }
    }
    bindings
}

fn variable(
    state: &RunState,
    scope: &Scope,
    needs: &Needs,
    now: Timestamp,
    name: &str,
) -> Option<(&'static str, JsonText)> {
    let created = &state.created;
    Some(match name {
        "trigger" => ("trigger", created.payload.clone()),
        "event" => ("event", created.event.clone()),
        "env" => ("env", created.env.clone()),
        "run" => ("run", run_variable(state)),
        "now" => ("now", JsonText::string(&now.to_string())),
        "steps" => ("steps", steps_variable(state, scope, &needs.steps)),
        "vars" => ("vars", vars_variable(state, scope)),
        "item" => ("item", item(state, scope)?),
        "index" => ("index", index(scope)?),
        _ => return None,
    })
}

/// `$run`: nothing in it differs between the attempts of a step.
fn run_variable(state: &RunState) -> JsonText {
    let created = &state.created;
    let commit = created
        .commit
        .as_deref()
        .map_or_else(JsonText::null, JsonText::string);
    let generation = JsonText::of(&created.generation).unwrap_or_else(|_| JsonText::null());
    JsonText::object([
        ("id", &JsonText::string(&created.run.to_string())),
        ("flow", &JsonText::string(created.flow.as_str())),
        ("version", &JsonText::string(&created.version.to_string())),
        ("commit", &commit),
        ("generation", &generation),
        (
            "started_at",
            &JsonText::string(&state.created_at.to_string()),
        ),
    ])
}

fn steps_variable(state: &RunState, scope: &Scope, needs: &StepNeeds) -> JsonText {
    let mut values: BTreeMap<String, JsonText> = BTreeMap::new();
    match needs {
        StepNeeds::Only(ids) => {
            for id in ids {
                if let Ok(id) = StepId::new(id) {
                    values.insert(id.to_string(), scope.step_value(state, &id));
                }
            }
        }
        StepNeeds::All => {
            for (path, step) in &state.steps {
                if let (StepState::Done { value }, true) = (step, scope.reaches(path.as_str())) {
                    let id = path.as_str().rsplit('.').next().unwrap_or_default();
                    values.insert(id.to_owned(), value.clone());
                }
            }
        }
    }
    JsonText::object(values.iter().map(|(id, value)| (id.as_str(), value)))
}

fn vars_variable(state: &RunState, scope: &Scope) -> JsonText {
    let mut merged: BTreeMap<String, JsonText> = BTreeMap::new();
    for (path, value) in &state.sets {
        if scope.reaches(path.as_str()) {
            let fields: BTreeMap<String, Box<RawValue>> =
                serde_json::from_str(value.as_str()).unwrap_or_default();
            let fields = fields
                .into_iter()
                .filter_map(|(key, raw)| Some((key, JsonText::parse(raw.get()).ok()?)));
            merged.extend(fields);
        }
    }
    JsonText::object(merged.iter().map(|(key, value)| (key.as_str(), value)))
}

fn item(state: &RunState, scope: &Scope) -> Option<JsonText> {
    let (path, index) = scope.loops.last()?;
    match state.steps.get(path)? {
        StepState::Looping(state) => state.items.get(*index).cloned(),
        _ => None,
    }
}

fn index(scope: &Scope) -> Option<JsonText> {
    let (_, index) = scope.loops.last()?;
    JsonText::of(index).ok()
}
