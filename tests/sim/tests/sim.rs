//! Some seeds, each place of one flow, and the defects that are put in on purpose.

use dowel_sim::{Plant, hosts_of, simulate, simulate_hosts, systematic};

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

/// Found once: a decision refused by a state that another host had left behind.
const OLD_STATE: u64 = 108;

#[test]
fn two_hosts_share_a_store() {
    let (mut deaths, mut runs) = (0, 0);
    for seed in (1..=80).chain([OLD_STATE]) {
        let outcome = simulate_hosts(seed, None, 2);
        let repeat = format!("cargo xtask sim --seed {seed} --hosts 2");
        assert_eq!(outcome.violations, [], "{repeat}");
        deaths += outcome.deaths;
        runs += outcome.runs;
    }
    assert!(deaths > 50 && runs > 200, "{deaths} deaths, {runs} runs");
}

#[test]
fn most_seeds_have_one_host_and_some_have_two() {
    let two = (1..=300).filter(|seed| hosts_of(*seed) == 2).count();
    assert_eq!(two, 100);
}

#[test]
fn a_host_that_is_not_fenced_is_found() {
    is_found(Plant::Lease, "one-host-per-run");
}

#[test]
fn a_cursor_that_is_moved_by_two_hosts_is_found() {
    is_found(Plant::Cursor, "cursors-go-forward");
}

#[test]
fn a_wrong_order_of_compensation_is_found() {
    is_found(Plant::Compensation, "compensation");
}
