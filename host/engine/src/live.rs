//! Which runs are at work in this process, and how to reach their drivers: a run has at
//! most one.

use dowel_core::RunId;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::Notify;

/// Runs at work.
#[derive(Debug, Default)]
pub(crate) struct Live(Mutex<HashMap<RunId, Arc<Seat>>>);

/// The place of one driver.
#[derive(Debug, Default)]
pub(crate) struct Seat {
    knocked: AtomicBool,
    notify: Notify,
}

impl Live {
    /// Takes the only seat of a run. If somebody sits there already, they are told that
    /// there is work, and it is looked at again afterwards.
    pub(crate) fn begin(&self, run: RunId) -> Option<Arc<Seat>> {
        let mut seats = self.0.lock();
        if let Some(seat) = seats.get(&run) {
            seat.knock();
            return None;
        }
        let seat = Arc::new(Seat::default());
        seats.insert(run, seat.clone());
        Some(seat)
    }

    /// The run is not driven any more. Whether there was a knock that nobody has looked
    /// after.
    pub(crate) fn end(&self, run: RunId) -> bool {
        let seat = self.0.lock().remove(&run);
        seat.is_some_and(|seat| seat.answer())
    }

    /// Whether a run is at work here.
    pub(crate) fn is_at_work(&self, run: RunId) -> bool {
        self.0.lock().contains_key(&run)
    }

    /// Tells the driver of a run that there is a message; whether there is a driver.
    pub(crate) fn knock(&self, run: RunId) -> bool {
        match self.0.lock().get(&run) {
            Some(seat) => {
                seat.knock();
                true
            }
            None => false,
        }
    }
}

impl Seat {
    /// Tells the driver that there is something to look at.
    pub(crate) fn knock(&self) {
        self.knocked.store(true, Ordering::Release);
        self.notify.notify_one();
    }

    /// Whether there was a knock since the last answer.
    pub(crate) fn answer(&self) -> bool {
        self.knocked.swap(false, Ordering::AcqRel)
    }

    /// Waits for a knock.
    pub(crate) async fn knocked(&self) {
        while !self.knocked.load(Ordering::Acquire) {
            self.notify.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::Timestamp;

    #[test]
    fn a_run_has_one_driver_and_no_knock_is_lost() {
        let run = RunId::new(Timestamp::from_millis(1), [1; 10]);
        let live = Live::default();
        assert!(!live.knock(run), "nobody is there");
        let seat = live.begin(run).unwrap();
        assert!(live.begin(run).is_none());
        assert!(seat.answer(), "told by the second one");
        assert!(live.knock(run));
        assert!(live.end(run), "nobody looked after the knock");
        assert!(live.begin(run).is_some());
        assert!(!live.end(run));
    }
}
