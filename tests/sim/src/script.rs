//! A random script: what comes in, what goes wrong, and when.

use crate::answers;
use crate::flows;
use crate::people::{self, OTHER, PERSON};
use crate::plant::Plant;
use crate::random::Random;
use crate::store::Side;
use crate::upstream::Weather;
use crate::world::{Payload, Setting, World};
use crate::{Outcome, check, panics};
use dowel_core::connection::{BreakerLimits, ConnectionLimits};
use dowel_engine::{EngineOptions, Hosts, Schedules};
use dowel_flow::policy::Policy;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many hosts a seed has on its store: most have one, as most users do.
pub const fn hosts_of(seed: u64) -> usize {
    if seed.is_multiple_of(3) { 2 } else { 1 }
}

/// Simulates a seed, with as many hosts as it has.
pub fn simulate(seed: u64, plant: Option<Plant>) -> Outcome {
    simulate_hosts(seed, plant, hosts_of(seed))
}

/// Simulates a seed with so many hosts on one store.
pub fn simulate_hosts(seed: u64, plant: Option<Plant>, hosts: usize) -> Outcome {
    panics::watch();
    let random = Random::new(seed, 3);
    let mut plans = flows::random(&random, hosts > 1);
    // With choices of its own: what other seeds showed stays what it is.
    let polled = Random::new(seed, 17);
    if polled.percent(30) {
        plans.push(flows::poller(&polled));
    }
    let mut world = World::new(Setting {
        seed,
        plant,
        hosts,
        plans,
        options: EngineOptions {
            hosts: if hosts > 1 {
                Hosts::Several
            } else {
                Hosts::Alone
            },
            ..options(&random)
        },
        weather: Weather {
            faults: random.pick(&[0, 10, 30, 60]),
            slowness: Duration::from_millis(random.pick(&[0, 500, 10_000])),
        },
    });
    world.start_all();
    play(&mut world, &random, &polled);
    world.heal();
    finish(world)
}

/// Judges what happened.
pub(crate) fn finish(mut world: World) -> Outcome {
    check::all(&world);
    for place in 0..world.hosts.len() {
        world.kill(place);
    }
    for panic in panics::seen() {
        world.log().violated("no-panic", panic);
    }
    let runs = world.around.watch.runs().len();
    let (log, violations) = world.log().take();
    let deaths = log.iter().filter(|line| line.contains(" dies ")).count() as u64;
    Outcome {
        log,
        violations,
        deaths,
        runs,
    }
}

/// Options in which limits are reached.
pub(crate) fn options(random: &Random) -> EngineOptions {
    let breaker = BreakerLimits {
        errors: 5_000,
        of: 4,
        cooldown: Duration::from_secs(30),
    };
    let limits = ConnectionLimits {
        concurrency: random.pick(&[1, 2, 16]),
        rate: random.percent(20).then(|| dowel_core::connection::Rate {
            calls: 2,
            per: Duration::from_secs(1),
        }),
        breaker: random.percent(20).then_some(breaker),
        ..ConnectionLimits::default()
    };
    let mut options = EngineOptions {
        policy: policy(),
        max_backlog: random.pick(&[3, 10_000]),
        max_running: usize::try_from(random.between(1, 6)).unwrap_or(1),
        schedules: Schedules::Fire,
        ..EngineOptions::default()
    };
    if let Ok(connection) = flows::CONNECTION.parse() {
        options.limits = BTreeMap::from([(connection, limits)]);
    }
    options
}

/// Both people are in the group that approvals ask.
pub(crate) fn policy() -> Policy {
    let mut policy = Policy::default();
    if let Ok(group) = "people".parse() {
        policy
            .groups
            .insert(group, [PERSON, OTHER].map(str::to_owned).to_vec());
    }
    policy
}

/// The events of a seed, in the order in which they come: some more than once, and not
/// in the order of their numbers.
fn arrivals(random: &Random) -> Vec<Payload> {
    let mut all = Vec::new();
    for number in 0..random.between(2, 6) {
        let payload = Payload {
            id: format!("P{number}"),
            customer: random.below(2),
            flag: random.percent(60),
        };
        let times = random.pick(&[1, 1, 2, 3]);
        all.extend(std::iter::repeat_n(payload, times));
    }
    for index in (1..all.len()).rev() {
        all.swap(index, random.index(index + 1));
    }
    all
}

fn play(world: &mut World, random: &Random, polled: &Random) {
    let mut arrivals = arrivals(random);
    let rounds = random.between(40, 120);
    for _ in 0..rounds {
        if world.polls() && polled.percent(15) {
            world.around.source.happen(polled);
        }
        let place = random.index(world.hosts.len());
        if world.hosts[place].is_none() {
            if random.percent(60) {
                world.start(place);
            }
            continue;
        }
        match random.below(100) {
            0..20 => arrive(world, random, place, &mut arrivals),
            20..65 => {
                let length = random.pick(&[1, 3, 10, 50, 1_000]);
                world.turn(place, length);
            }
            65..70 if answers::are_awaited(world) => answers::act(world, random),
            65..80 => pass(world, random),
            80..90 => people::act(world, random),
            other => break_something(world, random, place, other),
        }
    }
    while !arrivals.is_empty() {
        world.start_all();
        world.settle();
        let place = random.index(world.hosts.len());
        arrive(world, random, place, &mut arrivals);
        world.settle();
    }
}

fn arrive(world: &mut World, random: &Random, place: usize, arrivals: &mut Vec<Payload>) {
    let Some(payload) = arrivals.pop() else {
        return;
    };
    let with_key = random.percent(20);
    world.send(place, &payload, with_key);
    if random.percent(30) {
        // The same sender again, or two of them.
        let place = random.index(world.hosts.len());
        world.send(place, &payload, with_key);
    }
}

fn pass(world: &World, random: &Random) {
    match random.below(10) {
        0..=5 => {
            world.next_due();
        }
        6 | 7 => world.advance(Duration::from_millis(random.below(5_000))),
        8 => world.advance(Duration::from_secs(random.below(7_200))),
        _ => world.advance(Duration::from_secs(random.below(3 * 86_400))),
    }
}

fn break_something(world: &mut World, random: &Random, place: usize, which: u64) {
    let Some(host) = &world.hosts[place] else {
        return;
    };
    match which {
        90..96 => {
            let side = random.pick(&[Side::Before, Side::After]);
            host.dies_after(random.below(5), side);
        }
        96 | 97 => host.fill_disk(random.between(1, 3)),
        98 => world.kill(place),
        _ => drain(world, place),
    }
}

/// The host stops as it should.
fn drain(world: &mut World, place: usize) {
    let Some(host) = &world.hosts[place] else {
        return;
    };
    if let Some(engine) = host.engine() {
        let (log, number) = (world.log().clone(), host.number);
        log.line(format_args!("host {number} is to stop"));
        host.spawn(async move {
            engine.drain(Duration::from_secs(30)).await;
            log.line(format_args!("host {number} has stopped"));
        });
        world.settle();
        world.advance(Duration::from_secs(31));
        world.settle();
    }
    world.kill(place);
}
