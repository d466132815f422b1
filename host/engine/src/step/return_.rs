//! `return`: ends the run as succeeded.

use super::Values;
use dowel_core::StepPath;
use dowel_core::journal::Event;

pub(crate) fn begin(path: &StepPath, values: &mut Values) -> Event {
    Event::Succeeded {
        output: values.take(),
        returned_by: Some(path.clone()),
    }
}
