//! A failed item of a loop that is tried again by itself, after its run has ended
//! without it.

use super::{Done, RunState, StepState};
use dowel_core::{JsonText, StepPath};

/// The item of a loop that is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The loop.
    pub path: StepPath,
    /// Index of the item.
    pub index: usize,
}

impl Repair {
    /// What the paths of the item's steps begin with.
    pub fn within(&self) -> String {
        within(&self.path, self.index)
    }
}

fn within(path: &StepPath, index: usize) -> String {
    format!("{path}[{index}].")
}

impl RunState {
    /// The step that an item of an ended loop failed at, if the item failed and was left
    /// behind.
    pub(crate) fn failed_in_item(&self, path: &StepPath, index: usize) -> Option<&StepPath> {
        let within = within(path, index);
        let mut steps = self.steps.iter();
        let failed = steps.find(|(step, state)| {
            step.as_str().starts_with(&within) && matches!(state, StepState::Failed(_))
        });
        failed.map(|(step, _)| step)
    }

    /// Whether this item is being tried again by itself.
    pub(super) fn repairs(&self, path: &StepPath, index: usize) -> bool {
        let repair = self.repair.as_ref();
        repair.is_some_and(|repair| repair.path == *path && repair.index == index)
    }

    /// The item failed again.
    pub(super) fn fail_repair(&mut self, path: &StepPath, index: usize) {
        self.handle_failures(&within(path, index));
        self.repair = None;
        self.at_work();
    }

    /// The item came to its end after all: the loop's value says so from here on.
    pub(super) fn end_repair(
        &mut self,
        path: &StepPath,
        index: usize,
        result: &JsonText,
    ) -> Result<(), String> {
        if !self.repairs(path, index) {
            return Err(format!("item {index} of `{path}` is not tried again"));
        }
        let Some(StepState::Done(done)) = self.steps.get(path) else {
            return Err(format!("the loop `{path}` has not ended"));
        };
        let done = Done {
            value: repaired(&done.value, index, result),
            ..done.clone()
        };
        self.put(path, StepState::Done(done));
        self.failed_items = self.failed_items.saturating_sub(1);
        self.repair = None;
        Ok(())
    }
}

/// The loop's value with one more item that succeeded.
fn repaired(value: &JsonText, index: usize, result: &JsonText) -> JsonText {
    let Some(fields) = value.fields() else {
        return value.clone();
    };
    let by = |value: &JsonText, by: i64| {
        let count = value.as_str().parse::<i64>().unwrap_or_default() + by;
        JsonText::of(&count.max(0)).unwrap_or_else(|_| value.clone())
    };
    let fields: Vec<(String, JsonText)> = fields
        .into_iter()
        .map(|(name, value)| {
            let value = match name.as_str() {
                "succeeded" => by(&value, 1),
                "failed" => by(&value, -1),
                "items" => with_item(&value, index, result),
                _ => value,
            };
            (name, value)
        })
        .collect();
    JsonText::object(fields.iter().map(|(name, value)| (name.as_str(), value)))
}

fn with_item(list: &JsonText, index: usize, result: &JsonText) -> JsonText {
    let mut items = list.items().unwrap_or_default();
    if let Some(item) = items.get_mut(index) {
        *item = result.clone();
    }
    JsonText::array(items.iter())
}
