//! One flow with every step kind, and everything that can go wrong at each place of it.

use crate::script::{finish, policy};
use crate::store::Side;
use crate::upstream::{Fate, Weather};
use crate::world::{Payload, Setting, World};
use crate::{Outcome, flows, panics};
use dowel_engine::EngineOptions;
use std::time::Duration;

/// What was tried, and what came of it.
#[derive(Clone, Debug)]
pub struct Systematic {
    /// What was tried, in words.
    pub what: String,
    /// What came of it.
    pub outcome: Outcome,
}

/// What goes wrong.
#[derive(Clone, Debug)]
enum Wrong {
    Nothing,
    /// The host dies at this write.
    Dies(u64, Side),
    /// The step's attempts come to this.
    Step(String, Fate),
    /// The step's first attempt takes effect and its answer is lost, so that it is made
    /// twice.
    Twice(String),
}

/// Lets the host die before and after each write, and each step fail and happen twice.
pub fn systematic() -> Vec<Systematic> {
    let (whole, writes, steps) = attempt(&Wrong::Nothing);
    let mut all = vec![Systematic {
        what: "nothing goes wrong".to_owned(),
        outcome: whole,
    }];
    let mut wrongs = Vec::new();
    for write in 0..writes {
        wrongs.push(Wrong::Dies(write, Side::Before));
        wrongs.push(Wrong::Dies(write, Side::After));
    }
    for step in steps {
        wrongs.push(Wrong::Step(step.clone(), Fate::Rejected));
        wrongs.push(Wrong::Step(step.clone(), Fate::Broken));
        wrongs.push(Wrong::Twice(step));
    }
    all.extend(wrongs.iter().map(|wrong| Systematic {
        what: format!("{wrong:?}"),
        outcome: attempt(wrong).0,
    }));
    all
}

/// The outcome, how many writes there were, and which steps called.
fn attempt(wrong: &Wrong) -> (Outcome, u64, Vec<String>) {
    panics::watch();
    let options = EngineOptions {
        policy: policy(),
        ..EngineOptions::default()
    };
    let mut world = World::new(Setting {
        seed: 0,
        plant: None,
        hosts: 1,
        plans: flows::whole(),
        options,
        weather: Weather {
            faults: 0,
            slowness: Duration::ZERO,
        },
    });
    match wrong {
        Wrong::Step(step, fate) => world.around.upstream.fix(step, vec![*fate]),
        Wrong::Twice(step) => {
            let fates = vec![Fate::AnswerLost, Fate::Done];
            world.around.upstream.fix(step, fates);
        }
        _ => {}
    }
    world.start(0);
    if let (Wrong::Dies(write, side), Some(host)) = (wrong, &world.hosts[0]) {
        host.dies_after(*write, *side);
    }
    let mut writes = 0;
    for number in 0..2 {
        world.settle();
        world.start(0);
        world.settle();
        let payload = Payload {
            id: format!("P{number}"),
            customer: 1,
            flag: number == 1,
        };
        // Who was not answered sends again.
        world.send(0, &payload, false);
        world.settle();
        world.start(0);
        world.settle();
        world.send(0, &payload, false);
        world.settle();
    }
    // The dead host's place is taken before everything is healed.
    drive(&mut world, &mut writes);
    world.heal();
    let steps = world.around.upstream.steps();
    let writes = writes.max(world.hosts[0].as_ref().map_or(0, |host| host.commits()));
    (finish(world), writes, steps.into_iter().collect())
}

/// Lets everything happen that happens by itself or by people, with what goes wrong.
fn drive(world: &mut World, writes: &mut u64) {
    /// More than the flow needs.
    const ROUNDS: usize = 200;
    for _ in 0..ROUNDS {
        world.start_all();
        world.settle();
        if let Some(host) = &world.hosts[0] {
            *writes = (*writes).max(host.commits());
        }
        if !crate::people::unblock(world) && !world.next_due() {
            return;
        }
    }
}
