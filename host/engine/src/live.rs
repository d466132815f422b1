//! Which runs are at work in this process: a run has at most one driver.

use dowel_core::RunId;
use parking_lot::Mutex;
use std::collections::HashMap;

/// Runs at work, each with whether it was woken meanwhile.
#[derive(Default)]
pub(crate) struct Live(Mutex<HashMap<RunId, bool>>);

impl Live {
    /// Whether the run may be driven now. If it is driven already, that is noted: it is
    /// to be looked at again afterwards.
    pub(crate) fn begin(&self, run: RunId) -> bool {
        let mut runs = self.0.lock();
        let is_new = !runs.contains_key(&run);
        runs.insert(run, !is_new);
        is_new
    }

    /// The run is not driven any more. Whether it was woken meanwhile.
    pub(crate) fn end(&self, run: RunId) -> bool {
        self.0.lock().remove(&run).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::Timestamp;

    #[test]
    fn a_run_has_one_driver_and_no_wake_is_lost() {
        let run = RunId::new(Timestamp::from_millis(1), [1; 10]);
        let live = Live::default();
        assert!(live.begin(run));
        assert!(!live.begin(run));
        assert!(live.end(run), "woken while it was driven");
        assert!(live.begin(run));
        assert!(!live.end(run));
    }
}
