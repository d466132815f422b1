//! `state`: values that a flow keeps between runs.

use super::Lowering;
use crate::check::Known;
use crate::plan::{KeptState, KeptValue};
use crate::surface::flow::FlowFile;
use crate::template::constant;
use dowel_core::code::flow as code;

/// More values than this are a database.
const MAX_VALUES: usize = 32;

impl Lowering<'_> {
    /// Lets expressions read `$state`.
    pub(super) fn declare_state(&mut self, file: &FlowFile) {
        let names: Option<Vec<&str>> = file.state.as_ref().map(|state| {
            let names = state.value.0.iter();
            names.map(|(name, _)| name.value.as_str()).collect()
        });
        self.scope.state = names.map(|names| Known::object(&names));
    }

    /// The values, with what they become; `Some(None)` if there are none.
    pub(super) fn state(&mut self, file: &FlowFile) -> Option<Option<KeptState>> {
        let Some(state) = &file.state else {
            return Some(None);
        };
        let written = &state.value.0;
        if written.is_empty() || written.len() > MAX_VALUES {
            let message = format!("the value is out of range: from 1 to {MAX_VALUES} names");
            self.report.error(code::OUT_OF_RANGE, state.span, message);
            return None;
        }
        self.scope.step = None;
        self.scope.is_guarded = false;
        self.begin_program();
        let (mut values, mut outputs) = (Some(Vec::new()), Some(Vec::new()));
        for (name, value) in written {
            let key = format!("state.{}", name.value);
            let initial = constant(
                &value.initial.0,
                &format!("{key}.initial"),
                &mut self.report,
            );
            let next = self.template(&value.next.0, &format!("{key}.next"));
            match (initial, next, &mut values, &mut outputs) {
                (Some(initial), Some(next), Some(values), Some(outputs)) => {
                    values.push(KeptValue {
                        name: name.value.clone(),
                        initial,
                    });
                    outputs.push(next);
                }
                _ => (values, outputs) = (None, None),
            }
        }
        let next = self.end_program(None, outputs?);
        Some(Some(KeptState {
            values: values?,
            next,
        }))
    }
}
