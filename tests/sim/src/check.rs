//! What holds at the end of every seed, whatever has happened.

mod calls;
mod children;
mod compensation;
mod events;
mod intake;
mod polls;

use crate::answers;
use crate::log::Log;
use crate::store::at_once;
use crate::upstream::Call;
use crate::watch::Told;
use crate::world::{Ack, World};
use dowel_core::RunId;
use dowel_core::journal::{Entry, WhileParked};
use dowel_core::port::{Scan, Store};
use dowel_engine::state::{RunState, RunStatus};
use dowel_flow::plan::Plan;
use std::collections::BTreeMap;

/// Everything that there is to look at.
pub(crate) struct End {
    pub(crate) log: Log,
    pub(crate) runs: BTreeMap<RunId, Told>,
    pub(crate) calls: Vec<Call>,
    pub(crate) acks: Vec<Ack>,
    pub(crate) plans: Vec<Plan>,
}

/// Checks every invariant that is not checked at each write.
pub(crate) fn all(world: &World) {
    let end = End {
        log: world.log().clone(),
        runs: world.around.watch.runs(),
        calls: world.around.upstream.calls(),
        acks: world.acks.lock().clone(),
        plans: world.around.plans.clone(),
    };
    intake::check(&end);
    calls::check(&end);
    compensation::check(&end);
    events::check(&end);
    children::check(&end);
    polls::check(world, &end);
    answers::check_once(world, &end.runs);
    fold(world, &end);
    rest(world, &end);
}

/// What the store has folds, again, to what was written.
fn fold(world: &World, end: &End) {
    for (run, told) in &end.runs {
        let mut prefix = b"j".to_vec();
        prefix.extend(run.as_u128().to_be_bytes());
        let pages = at_once(world.around.store.scan(Scan::prefix(prefix, usize::MAX)));
        let bytes: Vec<u8> = pages
            .unwrap_or_default()
            .into_iter()
            .flat_map(|(_, page)| page)
            .collect();
        let entries = serde_json::Deserializer::from_slice(&bytes).into_iter::<Entry>();
        let folded = match entries.collect::<Result<Vec<_>, _>>() {
            Ok(entries) => RunState::fold(&entries).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match folded {
            Ok(state) if state == told.state => {}
            Ok(_) => end.log.violated(
                "journals-fold",
                format!("run {run} folds to something else"),
            ),
            Err(error) => end
                .log
                .violated("journals-fold", format!("run {run}: {error}")),
        }
    }
}

/// Where nothing is to do nothing is queued, in the store and in memory.
fn rest(world: &World, end: &End) {
    for (family, name) in [
        ("a", "active marks"),
        ("i", "messages"),
        ("o", "events"),
        ("l", "leases"),
    ] {
        let left = world.keys(family).len();
        if left > 0 {
            let what = format!("{left} {name} are left at rest");
            end.log.violated("queues-bounded", what);
        }
    }
    let holds = |told: &&Told| {
        let place = told.state.created.key_place.as_ref();
        let holds = place.is_some_and(|place| place.while_parked == WhileParked::Hold);
        told.state.status == RunStatus::Parked && holds
    };
    let (places, holders) = (
        world.keys("q").len(),
        end.runs.values().filter(holds).count(),
    );
    if places != holders {
        let what = format!("{places} places in keys are left, {holders} runs hold one");
        end.log.violated("queues-bounded", what);
    }
    for host in world.hosts.iter().flatten() {
        let Some(engine) = host.engine() else {
            continue;
        };
        if engine.working() > 0 {
            let what = format!(
                "host {} counts {} runs as queued",
                host.number,
                engine.working()
            );
            end.log.violated("queues-bounded", what);
        }
    }
}

impl End {
    /// The plan of a run.
    pub(crate) fn plan(&self, told: &Told) -> Option<&Plan> {
        let flow = &told.state.created.flow;
        self.plans.iter().find(|plan| plan.flow == *flow)
    }
}
