//! Expressions that want to hurt the host: each is a typed error within its deadline,
//! and the next evaluation in the same sandbox succeeds.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail like tests"
)]

mod common;

use common::{evaluate, findings, mapping, one, single};
use dowel_core::JsonText;
use dowel_core::code::{Code, expression as check, run};
use dowel_core::expression::Bindings;
use dowel_core::port::{CheckExpressions as _, CheckRequest};
use dowel_mapping::{Mapping, MappingOptions};
use std::time::{Duration, Instant};

/// For expressions that never end by themselves.
const SHORT: Duration = Duration::from_millis(300);

/// What a loaded machine may add to a deadline.
const LATE: Duration = Duration::from_secs(15);

async fn stopped(source: &str, deadline: Duration, expected: &[Code]) {
    let mapping = mapping();
    let begun = Instant::now();
    let input = Bindings::input(JsonText::null());
    let error = evaluate(&mapping, single(source), input, deadline)
        .await
        .expect_err(source);
    assert!(expected.contains(&error.code), "{source}: {error}");
    assert_eq!(error.place, "flow.yaml:3:7 (with.value)");
    assert!(begun.elapsed() < deadline + LATE, "{source}");
    assert_eq!(
        one(&mapping, "1 + 1", "null").await.unwrap(),
        "2",
        "after {source}"
    );
}

/// Expressions that never end, for as long as all others wait.
const ENDLESS: usize = 30;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_machine_takes_no_time_from_an_expression() {
    let mapping = mapping();
    let (time, endless) = (Duration::from_secs(1), Duration::from_millis(100));
    let busy: Vec<_> = (0..ENDLESS)
        .map(|_| {
            let mapping = mapping.clone();
            tokio::spawn(async move {
                let input = Bindings::input(JsonText::null());
                let ended = evaluate(&mapping, single("until(false; .)"), input, endless).await;
                ended.unwrap_err().code
            })
        })
        .collect();
    tokio::task::yield_now().await;
    // In line behind all of them, for longer than it may run.
    let input = Bindings::input(JsonText::null());
    let innocent = evaluate(&mapping, single("1 + 1"), input, time).await;
    assert!(innocent.is_ok(), "{innocent:?}");
    for ended in busy {
        assert_eq!(ended.await.unwrap(), run::EVALUATION_TIMEOUT);
    }
}

#[tokio::test]
async fn what_never_ends_is_stopped_at_its_deadline() {
    stopped("until(false; .)", SHORT, &[run::EVALUATION_TIMEOUT]).await;
    stopped("1, until(false; .)", SHORT, &[run::EVALUATION_TIMEOUT]).await;
    stopped(
        "[limit(1; repeat(empty))]",
        SHORT,
        &[run::EVALUATION_TIMEOUT, run::EVALUATION_TRAPPED],
    )
    .await;
    stopped(
        "reduce range(1000000000) as $i (0; . + $i)",
        SHORT,
        &[run::EVALUATION_TIMEOUT],
    )
    .await;
    let regex = r#"("a" * 5000) | test("(a*)*b")"#;
    let mapping = mapping();
    let input = Bindings::input(JsonText::null());
    // Either answer is right, as long as there is one.
    let _ = evaluate(&mapping, single(regex), input, SHORT).await;
    assert_eq!(one(&mapping, "1 + 1", "null").await.unwrap(), "2");
}

#[tokio::test]
async fn what_eats_memory_is_stopped() {
    let deadline = common::DEADLINE;
    stopped("[range(1e12)]", deadline, &[run::EVALUATION_MEMORY]).await;
    stopped(
        r#""x" * 1000000000"#,
        deadline,
        &[run::EVALUATION_MEMORY, run::EVALUATION_TRAPPED],
    )
    .await;
    stopped(
        r#""x" * 1e9"#,
        deadline,
        &[run::EVALUATION_FAILED, run::EVALUATION_MEMORY],
    )
    .await;
    stopped("[repeat(1)]", deadline, &[run::EVALUATION_MEMORY]).await;
    stopped(
        "reduce range(100) as $i (\"x\"; . + .)",
        deadline,
        &[run::EVALUATION_MEMORY],
    )
    .await;
}

#[tokio::test]
async fn what_recurses_is_stopped() {
    let deadline = common::DEADLINE;
    let ends = [
        run::EVALUATION_TRAPPED,
        run::EVALUATION_MEMORY,
        run::EVALUATION_FAILED,
    ];
    stopped("reduce range(200000) as $i (0; [.])", deadline, &ends).await;
    stopped(
        "reduce range(200000) as $i (0; {a: .}) | tojson",
        deadline,
        &ends,
    )
    .await;
    stopped("last(recurse([.]))", deadline, &ends).await;
    stopped("[recurse([., .])] | length", deadline, &ends).await;
}

#[tokio::test]
async fn what_was_never_checked_is_refused_by_the_evaluation() {
    for source in [
        "def f: 1+f; f",
        "halt",
        "env",
        "$ENV",
        "input",
        "now",
        "debug",
        "1 +",
        "$__loc__",
    ] {
        stopped(source, common::DEADLINE, &[run::EVALUATION_FAILED]).await;
    }
}

#[tokio::test]
async fn runaways_do_not_stop_others() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mapping = Mapping::new(MappingOptions {
        instances: 8,
        ..MappingOptions::default()
    })
    .unwrap();
    let long = Duration::from_secs(5);
    let runaways: Vec<_> = (0..4)
        .map(|_| {
            let mapping = mapping.clone();
            runtime.spawn(async move {
                let input = Bindings::input(JsonText::null());
                evaluate(&mapping, single("until(false; .)"), input, long).await
            })
        })
        .collect();
    let others = runtime.spawn(async move {
        for n in 0..50 {
            let sum = one(&mapping, ". + 1", &n.to_string()).await.unwrap();
            assert_eq!(sum, (n + 1).to_string());
        }
        // Still running when the others are done: nobody waited for them.
        runaways
            .iter()
            .filter(|runaway| !runaway.is_finished())
            .count()
    });
    let still_running = tokio::task::spawn_blocking(move || {
        let running = runtime.block_on(others).unwrap();
        runtime.shutdown_background();
        running
    });
    assert_eq!(still_running.await.unwrap(), 4);
}

fn finding(source: &str, code: Code) {
    let found = findings(source, &[]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].starts_with(&code.to_string()), "{found:?}");
}

#[test]
fn sources_that_want_to_break_the_checker_are_findings() {
    let nested =
        |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    finding(&nested("(", ")", 10_000), check::EXPRESSION_TOO_DEEP);
    finding(&nested("[", "]", 30_000), check::EXPRESSION_TOO_DEEP);
    finding(&nested("[", "]", 100_000), check::EXPRESSION_TOO_LONG);
    finding(&nested("\"\\(", ")\"", 5_000), check::EXPRESSION_TOO_DEEP);
    finding(&"(".repeat(60_000), check::EXPRESSION_TOO_DEEP);
    finding(&format!("{}1", "-".repeat(60_000)), check::CHECK_STOPPED);
    finding(&format!("{}1", "- ".repeat(30_000)), check::CHECK_STOPPED);
    finding(&format!("{}1", "try ".repeat(15_000)), check::CHECK_STOPPED);
    finding(
        &format!("{}1", "1 as $x | ".repeat(6_000)),
        check::CHECK_STOPPED,
    );
    assert_eq!(findings("1 + 1", &[]), Vec::<String>::new());
}

#[test]
fn one_bad_source_does_not_spoil_the_others() {
    let bad = format!("{}1", "- ".repeat(30_000));
    let request = |source| CheckRequest {
        source,
        variables: &[],
    };
    let reports = mapping().check(&[request(".a"), request(&bad), request(".b.c")]);
    let counts: Vec<_> = reports
        .iter()
        .map(|r| (r.findings.len(), r.references.len()))
        .collect();
    assert_eq!(counts, [(0, 1), (1, 0), (0, 1)]);
}

#[tokio::test]
async fn checks_work_inside_of_a_runtime() {
    assert_eq!(findings("$nosuch", &["trigger"]).len(), 1);
}
