//! What a step sees: which steps, variables and loop items are in reach of its place.

use crate::state::{RunState, StepState};
use dowel_core::expression::{Bindings, Needs, StepNeeds};
use dowel_core::{JsonText, StepId, StepPath, Timestamp};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The loops, branches and `catch` clauses around a place, the outermost first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    frames: Vec<Frame>,
}

/// Something around a place.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Frame {
    /// An item of the loop at a path.
    Item(StepPath, usize),
    /// A branch of the `parallel` at a path.
    Branch(StepPath, StepId),
    /// A clause of the `try` at a path. It has no place of its own.
    Catch(StepPath),
}

impl Frame {
    /// The path of a step directly inside; `None` if the place is the one around.
    fn path(&self, id: &StepId) -> Option<StepPath> {
        match self {
            Self::Item(path, index) => Some(path.item(*index, id)),
            Self::Branch(path, branch) => Some(path.branch(branch, id)),
            Self::Catch(_) => None,
        }
    }

    /// The place as paths inside of it begin.
    fn place(&self) -> Option<String> {
        match self {
            Self::Item(path, index) => Some(format!("{path}[{index}].")),
            Self::Branch(path, branch) => Some(format!("{path}[{branch}].")),
            Self::Catch(_) => None,
        }
    }
}

impl Scope {
    /// Inside item `index` of the loop at `path`.
    pub fn item(&self, path: &StepPath, index: usize) -> Self {
        self.with(Frame::Item(path.clone(), index))
    }

    /// Inside a branch of the `parallel` at `path`.
    pub fn branch(&self, path: &StepPath, branch: &StepId) -> Self {
        self.with(Frame::Branch(path.clone(), branch.clone()))
    }

    /// Inside the clause that took over in the `try` at `path`.
    pub fn catch(&self, path: &StepPath) -> Self {
        self.with(Frame::Catch(path.clone()))
    }

    /// The place of a step by its path alone. `catch` clauses are not part of a path.
    pub fn of(path: &StepPath) -> Self {
        let mut frames = Vec::new();
        let text = path.as_str();
        for (end, _) in text.match_indices("].") {
            let Some(open) = text[..end].rfind('[') else {
                continue;
            };
            let (around, name) = (StepPath::inside(&text[..open]), &text[open + 1..end]);
            match (name.parse(), StepId::new(name)) {
                (Ok(index), _) => frames.push(Frame::Item(around, index)),
                (_, Ok(branch)) => frames.push(Frame::Branch(around, branch)),
                _ => {}
            }
        }
        Self { frames }
    }

    fn with(&self, frame: Frame) -> Self {
        let mut frames = self.frames.clone();
        frames.push(frame);
        Self { frames }
    }

    /// The path of a step at this place.
    pub fn path(&self, id: &StepId) -> StepPath {
        let mut inner_first = self.frames.iter().rev();
        inner_first
            .find_map(|frame| frame.path(id))
            .unwrap_or_else(|| StepPath::top(id))
    }

    /// The value of the step with this id that is nearest to this place; `null` if it
    /// has none.
    fn step_value(&self, state: &RunState, id: &StepId) -> JsonText {
        let inner_first = self.frames.iter().rev().filter_map(|frame| frame.path(id));
        let mut values = inner_first
            .chain([StepPath::top(id)])
            .filter_map(|path| state.value(&path));
        values.next().unwrap_or_else(JsonText::null)
    }

    /// Whether a step at `path` is in reach: outside of all loops and branches, or inside
    /// of those that are around this place.
    fn reaches(&self, path: &StepPath) -> bool {
        let place = path.place();
        let around = |frame: &Frame| frame.place().is_some_and(|around| around == place);
        place.is_empty() || self.frames.iter().any(around)
    }

    /// The nearest loop: its path and the index of the item.
    fn nearest_item(&self) -> Option<(&StepPath, usize)> {
        self.frames.iter().rev().find_map(|frame| match frame {
            Frame::Item(path, index) => Some((path, *index)),
            _ => None,
        })
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
        "state" => ("state", state.kept.as_ref()?.values.clone()),
        "run" => ("run", run_variable(state)),
        "now" => ("now", JsonText::string(&now.to_string())),
        "steps" => ("steps", steps_variable(state, scope, &needs.steps)),
        "vars" => ("vars", vars_variable(state, scope)),
        "item" => ("item", item(state, scope)?),
        "index" => ("index", index(scope)?),
        "error" => ("error", error(state, scope)?),
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
                if let (StepState::Done(done), true) = (step, scope.reaches(path)) {
                    values.insert(path.id().to_owned(), done.value.clone());
                }
            }
        }
    }
    JsonText::object(values.iter().map(|(id, value)| (id.as_str(), value)))
}

fn vars_variable(state: &RunState, scope: &Scope) -> JsonText {
    let mut merged: BTreeMap<String, JsonText> = BTreeMap::new();
    for (path, value) in &state.sets {
        if scope.reaches(path) {
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
    let (path, index) = scope.nearest_item()?;
    let items = match state.steps.get(path)? {
        StepState::Looping(state) => return state.item(index).cloned(),
        StepState::Done(done) => done.items.as_ref()?,
        _ => return None,
    };
    items.get(index).cloned()
}

fn index(scope: &Scope) -> Option<JsonText> {
    let (_, index) = scope.nearest_item()?;
    JsonText::of(&index).ok()
}

/// `$error` in a `catch` clause.
fn error(state: &RunState, scope: &Scope) -> Option<JsonText> {
    let path = scope.frames.iter().rev().find_map(|frame| match frame {
        Frame::Catch(path) => Some(path),
        _ => None,
    })?;
    let StepState::Trying {
        caught: Some(caught),
    } = state.steps.get(path)?
    else {
        return None;
    };
    let error = &caught.error;
    Some(JsonText::object([
        ("kind", &JsonText::string(error.kind.name())),
        ("code", &JsonText::string(&error.code)),
        ("message", &JsonText::string(&error.message)),
        (
            "details",
            error.details.as_ref().unwrap_or(&JsonText::null()),
        ),
        ("step", &JsonText::string(caught.step.as_str())),
    ]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_known_by_its_path() {
        let id = |name| StepId::new(name).unwrap();
        let items = StepPath::top(&id("items"));
        let item = Scope::default().item(&items, 3);
        let both = item.path(&id("both"));
        let left = item.branch(&both, &id("left"));
        let path = left.path(&id("invoice"));
        assert_eq!(path.as_str(), "items[3].both[left].invoice");
        assert_eq!(Scope::of(&path), left);
        assert_eq!(Scope::of(&path.compensation()), left);
        assert_eq!(left.catch(&both).path(&id("invoice")), path);
        assert!(left.reaches(&both) && !Scope::default().reaches(&both));
    }
}
