//! How many requests are read at a time.

use dowel_core::FlowName;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Requests that a host reads at a time: each has an instance of its connector.
const MAX_ALL: u32 = 64;

/// Of one webhook: a service that floods one leaves room for all others.
const MAX_ONE: u32 = 16;

/// Who is in.
#[derive(Clone, Default)]
pub(crate) struct Room(Arc<Mutex<Inside>>);

#[derive(Default)]
struct Inside {
    all: u32,
    by_hook: BTreeMap<(FlowName, String), u32>,
}

/// A place, until this is dropped.
pub(crate) struct Place {
    room: Room,
    hook: (FlowName, String),
}

impl Room {
    /// Takes a place, if there is one.
    pub(crate) fn enter(&self, flow: &FlowName, trigger: &str) -> Option<Place> {
        let hook = (flow.clone(), trigger.to_owned());
        let mut inside = self.0.lock();
        let own = inside.by_hook.get(&hook).copied().unwrap_or_default();
        if inside.all >= MAX_ALL || own >= MAX_ONE {
            return None;
        }
        inside.all += 1;
        inside.by_hook.insert(hook.clone(), own + 1);
        let room = self.clone();
        Some(Place { room, hook })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inside = self.room.0.lock();
        inside.all = inside.all.saturating_sub(1);
        let left = inside.by_hook.get(&self.hook).copied().unwrap_or_default();
        if left > 1 {
            inside.by_hook.insert(self.hook.clone(), left - 1);
        } else {
            inside.by_hook.remove(&self.hook);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_webhook_leaves_room_for_others_and_places_come_back() {
        let room = Room::default();
        let flow: FlowName = "orders".parse().unwrap();
        let fill = |trigger: &str| -> Vec<Place> {
            std::iter::from_fn(|| room.enter(&flow, trigger)).collect()
        };
        let one = fill("a");
        assert_eq!(one.len(), MAX_ONE as usize);
        let others: Vec<Place> = ["b", "c", "d"].into_iter().flat_map(fill).collect();
        assert_eq!(others.len(), (MAX_ALL - MAX_ONE) as usize);
        assert!(room.enter(&flow, "e").is_none());
        drop(one);
        assert!(room.enter(&flow, "e").is_some());
        drop(others);
        assert!(room.0.lock().by_hook.is_empty() && room.0.lock().all == 0);
    }
}
