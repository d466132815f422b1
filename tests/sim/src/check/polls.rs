//! Each event of a source begins one run, however often the source lists it, and nothing
//! else does.

use super::End;
use crate::flows::POLLER;
use crate::watch::Told;
use crate::world::World;
use std::collections::BTreeMap;
use std::time::Duration;

/// For how long an event is recognised where the flow says nothing.
const WINDOW: Duration = Duration::from_secs(7 * 86_400);

pub(super) fn check(world: &World, end: &End) {
    let mut begun: BTreeMap<String, Vec<&Told>> = BTreeMap::new();
    for told in end.runs.values() {
        let created = &told.state.created;
        // A person may have it done again.
        if created.flow.as_str() == POLLER && created.rerun_of.is_none() {
            let id = created.dedupe_key.clone().unwrap_or_default();
            begun.entry(id).or_default().push(told);
        }
    }
    for id in world.around.source.ids() {
        let Some(mut runs) = begun.remove(&id) else {
            let what = format!("{id} of the source has no run");
            end.log.violated("polled-events-begin-one-run", what);
            continue;
        };
        runs.sort_by_key(|told| told.state.created_at);
        for pair in runs.windows(2) {
            let [before, after] = pair else { continue };
            let apart = after.state.created_at.since(before.state.created_at);
            if apart < WINDOW {
                let (one, other) = (before.state.created.run, after.state.created.run);
                let what = format!("{id} of the source began {one} and {other}");
                end.log.violated("polled-events-begin-one-run", what);
            }
        }
    }
    for id in begun.keys() {
        let what = format!("{id} began a run and no source has it");
        end.log.violated("polled-events-begin-one-run", what);
    }
}
