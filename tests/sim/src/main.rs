//! Simulates seeds: `cargo xtask sim`.

#![allow(clippy::print_stdout, clippy::print_stderr)] // Its output is its purpose.

use dowel_sim::{Outcome, Plant, hosts_of, simulate_hosts, systematic};
use lexopt::prelude::{Long, ValueExt as _};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seeds that are simulated unless a number is given.
const SEEDS: u64 = 2_000;

/// Hosts of one world; more show nothing that these do not.
const MOST_HOSTS: usize = 4;

/// Failed seeds that are told of; more say nothing new.
const MOST_TOLD: usize = 3;

struct Arguments {
    first: u64,
    seeds: u64,
    seed: Option<u64>,
    plant: Option<Plant>,
    /// How many hosts every seed has; the seed decides where this is nothing.
    hosts: Option<usize>,
}

impl Arguments {
    fn simulate(&self, seed: u64) -> Outcome {
        let hosts = self.hosts.unwrap_or_else(|| hosts_of(seed));
        simulate_hosts(seed, self.plant, hosts)
    }

    /// The command that repeats a seed.
    fn repeat(&self, seed: u64) -> String {
        let plant = self.plant.map(|plant| format!(" --plant {}", plant.name()));
        let hosts = self.hosts.map(|hosts| format!(" --hosts {hosts}"));
        let (plant, hosts) = (plant.unwrap_or_default(), hosts.unwrap_or_default());
        format!("cargo xtask sim --seed {seed}{plant}{hosts}")
    }
}

fn parse() -> Result<Arguments, lexopt::Error> {
    let mut arguments = Arguments {
        first: 1,
        seeds: SEEDS,
        seed: None,
        plant: None,
        hosts: None,
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("seeds") => arguments.seeds = parser.value()?.parse()?,
            Long("first") => arguments.first = parser.value()?.parse()?,
            Long("seed") => arguments.seed = Some(parser.value()?.parse()?),
            Long("plant") => arguments.plant = Some(parser.value()?.parse()?),
            Long("hosts") => arguments.hosts = Some(hosts(&parser.value()?.parse::<String>()?)?),
            other => return Err(other.unexpected()),
        }
    }
    Ok(arguments)
}

/// A number of hosts that a world can have.
fn hosts(text: &str) -> Result<usize, lexopt::Error> {
    let number = text
        .parse()
        .ok()
        .filter(|number| (1..=MOST_HOSTS).contains(number));
    number.ok_or_else(|| format!("--hosts takes a number from 1 to {MOST_HOSTS}").into())
}

fn main() -> ExitCode {
    let arguments = match parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::from(2);
        }
    };
    let failed = match arguments.seed {
        Some(seed) => one(&arguments, seed),
        None => many(&arguments),
    };
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// Repeats one seed and prints its log. Whether an invariant did not hold.
fn one(arguments: &Arguments, seed: u64) -> bool {
    let outcome = arguments.simulate(seed);
    outcome.log.iter().for_each(|line| println!("{line}"));
    println!("log {}", outcome.digest());
    tell(&outcome, &arguments.repeat(seed));
    !outcome.violations.is_empty()
}

fn tell(outcome: &Outcome, repeat: &str) {
    for violation in &outcome.violations {
        println!("violated: {violation}");
    }
    if !outcome.violations.is_empty() {
        println!("repeat with: {repeat}");
    }
}

/// Simulates many seeds on all processors. Whether an invariant did not hold.
fn many(arguments: &Arguments) -> bool {
    let begin = Instant::now();
    let end = arguments.first.saturating_add(arguments.seeds);
    let next = AtomicU64::new(arguments.first);
    let (deaths, runs) = (AtomicU64::new(0), AtomicU64::new(0));
    let failed: Mutex<Vec<(u64, Outcome)>> = Mutex::default();
    let is_enough = || failed.lock().is_ok_and(|failed| failed.len() >= MOST_TOLD);
    let work = || {
        while !is_enough() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return;
            }
            let outcome = arguments.simulate(seed);
            deaths.fetch_add(outcome.deaths, Ordering::Relaxed);
            runs.fetch_add(outcome.runs as u64, Ordering::Relaxed);
            if let (false, Ok(mut failed)) = (outcome.violations.is_empty(), failed.lock()) {
                failed.push((seed, outcome));
            }
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        (0..threads).for_each(|_| {
            scope.spawn(work);
        });
    });
    let mut failed = failed.into_inner().unwrap_or_default();
    failed.sort_by_key(|(seed, _)| *seed);
    for (seed, outcome) in &failed {
        tell(outcome, &arguments.repeat(*seed));
    }
    let places = match arguments.plant {
        None => each_place(),
        Some(_) => 0,
    };
    let simulated = next.into_inner().min(end) - arguments.first;
    let (deaths, runs) = (deaths.into_inner(), runs.into_inner());
    println!(
        "{simulated} seeds with {runs} runs and {deaths} deaths of hosts at a write in {:.1} s",
        begin.elapsed().as_secs_f64()
    );
    let count = failed.len() + places;
    println!("{} passed, {count} failed", simulated - failed.len() as u64);
    count > 0
}

/// Tries every place of one flow. How many of them broke an invariant.
fn each_place() -> usize {
    let mut failed = 0;
    for tried in systematic() {
        if !tried.outcome.violations.is_empty() {
            failed += 1;
            println!("in the flow with every step: {}", tried.what);
            if let Some(folder) = std::env::var_os("DOWEL_SIM_LOGS") {
                let path = std::path::Path::new(&folder).join(format!("{failed}.log"));
                let _ = std::fs::write(path, tried.outcome.log.join("\n"));
            }
            tell(&tried.outcome, "cargo xtask sim --seeds 0");
        }
    }
    failed
}
