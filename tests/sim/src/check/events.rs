//! An event is taken once if its step is recorded, and never otherwise.

use super::End;
use crate::flows::FOLLOWER;
use dowel_core::journal::Event;
use std::collections::BTreeMap;

pub(super) fn check(end: &End) {
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    for told in end.runs.values() {
        let created = &told.state.created;
        // A person may have it taken again.
        if created.flow.as_str() == FOLLOWER && created.rerun_of.is_none() {
            let fields = created.event.fields().unwrap_or_default();
            let id = fields.into_iter().find(|(name, _)| name == "id");
            let id = id.and_then(|(_, id)| id.as_string()).unwrap_or_default();
            *taken.entry(id).or_default() += 1;
        }
    }
    for told in end.runs.values() {
        for (_, entry) in &told.entries {
            if let Event::Emitted { id, .. } = &entry.event {
                let times = taken.remove(id).unwrap_or_default();
                if times != 1 {
                    let what = format!("the event {id} was taken {times} times");
                    end.log.violated("emitted-iff-recorded", what);
                }
            }
        }
    }
    for id in taken.keys() {
        let what = format!("the event {id} was taken and no step emitted it");
        end.log.violated("emitted-iff-recorded", what);
    }
}
