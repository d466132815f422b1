//! Some seeds, each place of one flow, and the defects that are put in on purpose.

use dowel_sim::{Plant, simulate, simulate_hosts, systematic};

/// Seeds within which a planted defect has to show.
const SEEDS: u64 = 300;

#[test]
fn the_same_seed_gives_the_same_log() {
    let mut lines = 0;
    for seed in 1..=40 {
        let (one, other) = (simulate(seed, None), simulate(seed, None));
        assert_eq!(one.digest(), other.digest(), "seed {seed}");
        lines += one.log.len();
    }
    assert!(lines > 2_000, "{lines} lines of 40 seeds say too little");
    assert_ne!(simulate(1, None).digest(), simulate(2, None).digest());
}

#[test]
fn the_same_seed_gives_the_same_log_on_another_thread() {
    let here: Vec<_> = (41..=60)
        .map(|seed| simulate(seed, None).digest())
        .collect();
    let there = std::thread::spawn(|| {
        (41..=60)
            .map(|seed| simulate(seed, None).digest())
            .collect::<Vec<_>>()
    });
    assert_eq!(here, there.join().unwrap());
}

#[test]
fn some_seeds_hold() {
    let (mut deaths, mut runs) = (0, 0);
    for seed in 1..=100 {
        let outcome = simulate(seed, None);
        assert_eq!(outcome.violations, [], "cargo xtask sim --seed {seed}");
        deaths += outcome.deaths;
        runs += outcome.runs;
    }
    assert!(deaths > 50 && runs > 200, "{deaths} deaths, {runs} runs");
}

#[test]
fn every_place_of_a_flow_may_go_wrong() {
    let all = systematic();
    assert!(all.len() > 60, "only {} places were tried", all.len());
    for tried in all {
        assert_eq!(tried.outcome.violations, [], "{}", tried.what);
    }
}

fn is_found(plant: Plant, invariant: &str) {
    let found = (1..=SEEDS).find_map(|seed| {
        let violations = simulate(seed, Some(plant)).violations;
        violations
            .into_iter()
            .find(|violation| violation.invariant == invariant)
    });
    assert!(found.is_some(), "{} is not found", plant.name());
}

#[test]
fn dedupe_outside_of_the_transaction_is_found() {
    is_found(Plant::Dedupe, "one-run-per-dedupe-key");
}

#[test]
fn two_hosts_never_have_the_same_run() {
    for seed in 1..=100 {
        let violations = simulate_hosts(seed, None, 2).violations;
        let shared = violations
            .iter()
            .find(|v| v.invariant == "one-host-per-run");
        assert!(shared.is_none(), "seed {seed}: {shared:?}");
    }
}

#[test]
fn a_host_that_is_not_fenced_is_found() {
    is_found(Plant::Lease, "one-host-per-run");
}

#[test]
fn a_wrong_order_of_compensation_is_found() {
    is_found(Plant::Compensation, "compensation");
}
