//! People who decide about runs.

use crate::random::Random;
use crate::watch::Told;
use crate::world::World;
use dowel_core::journal::{Actor, Command, Commanded, WhileParked};
use dowel_core::{JsonText, RunId, StepPath};
use dowel_engine::state::RunStatus;
use dowel_engine::{Action, Deciding, Engine, PersonDecides};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Who decides about runs; in the group `people`.
pub(crate) const PERSON: &str = "ana@example.com";

/// Who answers approvals where the other one may not, because she has edited the run.
pub(crate) const OTHER: &str = "ben@example.com";

/// How many decisions were sent. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Answers(Arc<AtomicU64>);

impl Answers {
    pub(crate) fn sent(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

type Sent = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Somebody decides something about some run.
pub(crate) fn act(world: &World, random: &Random) {
    let runs = world.around.watch.runs();
    let open: Vec<_> = runs
        .iter()
        .filter(|(_, told)| !is_over(told.state.status))
        .collect();
    if random.percent(10) {
        again(world, random, &runs);
        return;
    }
    if open.is_empty() {
        return;
    }
    let (run, told) = open[random.index(open.len())];
    if let Some(path) = asking(told).first() {
        let decision = random.pick(&["approved", "rejected"]);
        let person = random.pick(&[PERSON, OTHER]);
        answer(world, random, *run, path.clone(), (decision, person));
        return;
    }
    let command = match told.state.status {
        RunStatus::Parked => parked(told, random),
        _ if random.percent(30) => Command::Cancel {
            compensate: random.percent(50),
        },
        _ => return,
    };
    send(world, random, *run, command);
}

/// Somebody has a run done again that has failed.
fn again(world: &World, random: &Random, runs: &BTreeMap<RunId, Told>) {
    let has_failed = |told: &Told| {
        use RunStatus::{Cancelled, Compensated, Failed};
        matches!(told.state.status, Failed | Compensated | Cancelled)
    };
    let failed: Vec<_> = runs.iter().filter(|(_, told)| has_failed(told)).collect();
    if failed.is_empty() {
        return;
    }
    let run = *failed[random.index(failed.len())].0;
    let deciding = Deciding {
        actor: PERSON.to_owned(),
        reason: Some("looked at".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
    };
    request(world, random, format!("rerun of {run}"), move |engine| {
        Box::pin(async move {
            let decided = engine.decide(run, deciding, Action::Rerun).await;
            decided.map(|_| ()).map_err(|error| error.to_string())
        })
    });
}

/// Whether nothing can be decided any more.
const fn is_over(status: RunStatus) -> bool {
    status.is_at_rest() && !matches!(status, RunStatus::Parked)
}

/// The approvals that wait for a decision.
fn asking(told: &Told) -> Vec<StepPath> {
    let open = told.state.open_approvals();
    open.map(|approval| approval.asked.path.clone()).collect()
}

fn parked(told: &Told, random: &Random) -> Command {
    let failed = told.state.failures().next().map(|(path, _)| path.clone());
    let Some(path) = failed else {
        return Command::Retry { path: None };
    };
    match random.below(8) {
        0 => Command::Skip { path },
        1 => Command::Complete {
            path,
            output: JsonText::object([("id", &JsonText::string("by hand"))]),
        },
        2 => Command::Compensate,
        3 => Command::Discard {
            keep_key: random.percent(50),
        },
        4 => Command::EditInput {
            path,
            input: JsonText::object([("edited", &JsonText::string("by hand"))]),
            idempotency_key: String::new(),
        },
        _ => Command::Retry { path: None },
    }
}

/// Decides what others wait for, so that nobody waits forever: approvals, and parked runs
/// that keep their place in a concurrency key. Whether there was anything.
pub(crate) fn unblock(world: &World) -> bool {
    let random = Random::new(world.log().tick(), 9);
    let mut acted = false;
    let runs = world.around.watch.runs();
    let waits = runs
        .values()
        .any(|told| told.state.created.key_place.is_some() && !told.state.status.is_at_rest());
    for (run, told) in &runs {
        for path in asking(told) {
            answer(world, &random, *run, path, ("approved", OTHER));
            acted = true;
        }
        let place = told.state.created.key_place.as_ref();
        let holds = place.is_some_and(|place| place.while_parked == WhileParked::Hold);
        if told.state.status == RunStatus::Parked && holds && waits {
            send(world, &random, *run, Command::Discard { keep_key: true });
            acted = true;
        }
        if told.state.status == RunStatus::Parked && !holds && is_waited_for(told, &runs) {
            send(world, &random, *run, Command::Discard { keep_key: true });
            acted = true;
        }
    }
    acted
}

/// Whether the run that began it waits for it.
fn is_waited_for(told: &Told, runs: &BTreeMap<RunId, Told>) -> bool {
    let parent = told.state.created.parent.as_ref();
    let parent = parent.filter(|parent| !parent.detached);
    parent
        .and_then(|parent| runs.get(&parent.run))
        .is_some_and(|parent| !parent.state.status.is_at_rest())
}

fn answer(
    world: &World,
    random: &Random,
    run: RunId,
    step: StepPath,
    (decision, person): (&str, &str),
) {
    let wanted = PersonDecides {
        run,
        step,
        decision: decision.to_owned(),
        actor: Actor(person.to_owned()),
        comment: Some("looked at".to_owned()),
        origin: None,
    };
    let what = format!("{decision} for {} of {run}", wanted.step);
    request(world, random, what, |engine| {
        Box::pin(async move {
            let decided = engine.decide_approval(&wanted).await;
            decided.map_err(|error| error.to_string())
        })
    });
}

fn send(world: &World, random: &Random, run: RunId, command: Command) {
    let what = format!("{} for {run}", command.name());
    let commanded = Commanded {
        actor: Actor(PERSON.to_owned()),
        reason: Some("looked at".to_owned()),
        confirmed_by: None,
        origin: None,
        bulk: None,
        command,
    };
    request(world, random, what, move |engine| {
        Box::pin(async move {
            let decided = engine.command(run, commanded).await;
            decided.map_err(|error| error.to_string())
        })
    });
}

/// Sends a decision to some host.
fn request(world: &World, random: &Random, what: String, make: impl FnOnce(Engine) -> Sent) {
    let place = random.index(world.hosts.len());
    let Some(host) = &world.hosts[place] else {
        return;
    };
    let Some(engine) = host.engine() else {
        return;
    };
    world.answers.0.fetch_add(1, Ordering::SeqCst);
    let (log, number) = (world.log().clone(), host.number);
    log.line(format_args!("host {number} is asked: {what}"));
    let sent = make(engine);
    host.spawn(async move {
        match sent.await {
            Ok(()) => log.line(format_args!("host {number} has done: {what}")),
            Err(error) => log.line(format_args!("host {number} refuses {what}: {error}")),
        }
    });
}
