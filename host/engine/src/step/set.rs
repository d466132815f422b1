//! `set`: a map of values.

use super::Values;
use dowel_core::StepPath;
use dowel_core::journal::Event;

pub(crate) fn begin(path: &StepPath, values: &mut Values) -> Event {
    Event::ValueSet {
        path: path.clone(),
        value: values.take(),
    }
}
