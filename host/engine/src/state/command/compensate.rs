//! Undoes what has succeeded and ends the run.

use crate::state::{Compensation, RunState};

impl RunState {
    pub(super) fn compensate(&mut self) -> Result<(), String> {
        self.require_open()?;
        let (error, path) = match self.error.take() {
            Some((error, path)) => (Some(error), path),
            None => (None, None),
        };
        self.begin_compensation(Compensation {
            error,
            path,
            within: String::new(),
        })
    }
}
