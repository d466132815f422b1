//! One item with everything that a person needs to decide.

use super::index;
use super::item::{Item, ItemClass};
use super::quarantine::{self, RejectedPayload};
use crate::conceal::Concealer;
use crate::decide::Walk;
use crate::engine::{Engine, EngineError};
use crate::journal;
use crate::mask::mask;
use crate::state::{RunState, StepState};
use dowel_core::journal::PinnedConnector;
use dowel_core::{ConnectionName, JsonText, RunId, StepPath};
use std::collections::BTreeMap;

/// Runs behind a parked one that are named; more are counted by the line itself.
const MAX_BEHIND: usize = 100;

/// An item with everything that a person needs to decide.
#[derive(Clone, Debug)]
pub struct Detail {
    /// The item.
    pub item: Item,
    /// Version and digest of every connector of the run.
    pub connectors: BTreeMap<ConnectionName, PinnedConnector>,
    /// What the step was given, with sensitive values masked: the input of its call, the
    /// item of its loop, or else the payload.
    pub input: JsonText,
    /// Runs of the same concurrency key that wait for this one, the next one first.
    pub behind: Vec<RunId>,
    /// What is undone and what is not, of a run that could not undo everything.
    pub undoing: Option<Undoing>,
    /// What came with a payload in quarantine.
    pub rejected: Option<RejectedPayload>,
}

/// What a compensation has come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Undoing {
    /// Steps that are undone.
    pub undone: Vec<StepPath>,
    /// Steps that have taken effect and are not.
    pub not_undone: Vec<StepPath>,
}

impl Engine {
    /// An item, or `None` if nothing waits under this id.
    pub async fn item(&self, id: RunId) -> Result<Option<Detail>, EngineError> {
        let shared = self.shared();
        let store = shared.ports.store.as_ref();
        let Some(item) = index::get(store, id).await? else {
            return Ok(None);
        };
        let Some(run) = item.run else {
            return Ok(quarantine::detail(shared, item).await?);
        };
        let entries = journal::load(store, run).await?;
        let state = RunState::fold(&entries).map_err(|e| EngineError::Journal(e.to_string()))?;
        let plan = shared.plans.pinned(store, state.plan()).await?;
        let concealer = Concealer::load(store, &shared.plans, &entries, &state).await?;
        let (input, place) = input(&state, &item);
        let shown = match &concealer {
            Some(concealer) => concealer.input(&state, place, &input),
            None => input,
        };
        let undoing = (item.class == ItemClass::CompensationFailed).then(|| {
            let mut undoing = Undoing::default();
            for path in Walk::new(&plan.plan, &state).undoable("") {
                let is_undone = matches!(
                    state.steps.get(&path.compensation()),
                    Some(StepState::Done(_) | StepState::Skipped)
                );
                let list = if is_undone {
                    &mut undoing.undone
                } else {
                    &mut undoing.not_undone
                };
                list.push(path.clone());
            }
            undoing
        });
        Ok(Some(Detail {
            connectors: plan.plan.connectors.clone(),
            input: mask(&shown),
            behind: shared.key_lines.behind(run, MAX_BEHIND),
            undoing,
            rejected: None,
            item,
        }))
    }
}

/// What the step was given, and which step declares what of it is sensitive; none for
/// the payload.
fn input<'a>(state: &RunState, item: &'a Item) -> (JsonText, Option<&'a StepPath>) {
    let step = item.step.as_ref().and_then(|path| state.steps.get(path));
    if let Some(StepState::Failed(failed)) = step
        && let Some(call) = &failed.call
    {
        return (call.arguments.input.clone(), item.step.as_ref());
    }
    let of_loop = item.loop_item.as_ref().and_then(|(path, index)| {
        let items = match state.steps.get(path)? {
            StepState::Done(done) => done.items.clone()?,
            StepState::Looping(state) => state.items.clone(),
            _ => return None,
        };
        Some((items.get(*index).cloned()?, Some(path)))
    });
    of_loop.unwrap_or_else(|| (state.created.payload.clone(), None))
}
