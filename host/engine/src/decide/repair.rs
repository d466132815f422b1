//! A failed item of a loop is tried again by itself.

use super::{Action, Progress, Walk};
use crate::scope::Scope;
use crate::state::Repair;
use dowel_core::journal::Event;
use dowel_flow::plan::StepKind;

/// Moves the item on; the run ends anew when the item has.
pub(super) fn advance(walk: &mut Walk<'_, '_>, repair: &Repair) {
    let Some(step) = walk.plan.step_at(&repair.path) else {
        return;
    };
    let StepKind::ForEach(each) = &step.kind else {
        return;
    };
    let scope = Scope::of(&repair.path).item(&repair.path, repair.index);
    let (path, index) = (repair.path.clone(), repair.index);
    match walk.block(&each.steps, &scope) {
        Progress::Open => {}
        Progress::Ended(result) => walk.actions.push(Action::Record(Event::ItemRepaired {
            path,
            index,
            result,
        })),
        Progress::Failed(failure) => {
            walk.actions.clear();
            let event = Event::ItemFailed {
                path,
                index,
                step: failure.path,
                error: failure.error,
            };
            walk.settle(&repair.within(), event);
        }
    }
}
