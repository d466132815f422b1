//! Guests that misbehave inside.

use crate::support::{Bench, NOWHERE, connection};
use dowel_core::connection::Isolation;
use dowel_core::port::Invoker;
use dowel_core::{ErrorKind, SendRecord};
use serde_json::json;
use std::time::Duration;

fn bench() -> Bench {
    Bench::new(connection(NOWHERE))
}

#[tokio::test]
async fn the_context_arrives() {
    let bench = bench();
    let seen = bench.good("context", json!({})).await;
    assert_eq!(seen["step"], "step");
    assert_eq!(seen["key"], "key-1");
    assert_eq!(seen["connection"], r#"{"base_url":"http://127.0.0.1:9"}"#);
    let left = seen["deadline_ms"].as_u64().unwrap();
    assert!((1..=30_000).contains(&left), "{left}");
}

#[tokio::test]
async fn a_trap_is_an_error_of_the_call() {
    let outcome = bench().bad("trap", json!({}), "DWL-2102").await;
    assert_eq!(outcome.result.unwrap_err().kind, ErrorKind::Internal);
    assert_eq!(outcome.sent, SendRecord::NotSent);
}

#[tokio::test]
async fn leaving_the_program_is_a_crash() {
    let outcome = bench().bad("exit", json!({}), "DWL-2102").await;
    let message = outcome.result.unwrap_err().message;
    assert!(message.contains("status"), "{message}");
}

#[tokio::test]
async fn a_stack_overflow_is_a_crash() {
    bench().bad("overflow", json!({}), "DWL-2102").await;
}

#[tokio::test]
async fn an_endless_loop_meets_the_operations_own_deadline() {
    let outcome = bench().bad("spin", json!({}), "DWL-2101").await;
    assert_eq!(outcome.result.unwrap_err().kind, ErrorKind::Timeout);
}

/// One thread for two loops, a sleeper and a good call: nobody blocks it.
#[tokio::test]
async fn loops_leave_the_thread_to_others() {
    let bench = bench();
    let (first, second, echo) = tokio::join!(
        bench.call("spin", json!({})),
        bench.call("spin", json!({})),
        bench.call("echo", json!(1)),
    );
    assert_eq!(echo.result.unwrap().as_str(), "1");
    for outcome in [first, second] {
        assert_eq!(outcome.result.unwrap_err().code, "DWL-2101");
    }
}

/// Epochs do not interrupt a host call: the timeout around the call does.
#[tokio::test]
async fn a_sleep_in_the_host_meets_the_steps_deadline() {
    let bench = bench();
    let mut request = bench.request("sleep", &json!({}));
    request.deadline = Duration::from_millis(100);
    let error = bench.host.call(request).await.result.unwrap_err();
    assert_eq!(error.code, "DWL-2101");
    bench.still_well().await;
}

#[tokio::test]
async fn memory_ends_at_the_connections_limit() {
    let bench = bench();
    bench.bad("memory", json!({}), "DWL-2103").await;
    bench.good("grow", json!({"bytes": 1 << 20})).await;
}

#[tokio::test]
async fn junk_and_too_much_output() {
    let mut small = connection(NOWHERE);
    small.limits.output_bytes = 1000;
    let bench = Bench::new(small);
    bench.bad("junk", json!({}), "DWL-2105").await;
    bench.bad("large", json!({"bytes": 1001}), "DWL-2104").await;
    bench.good("large", json!({"bytes": 900})).await;
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let bench = bench();
    bench.bad("unheard-of", json!({}), "DWL-2106").await;
    let mut request = bench.request("echo", &json!({}));
    request.connection = "other".parse().unwrap();
    assert_eq!(
        bench.host.call(request).await.result.unwrap_err().code,
        "DWL-2107"
    );
    let mut request = bench.request("echo", &json!({}));
    request.component = dowel_core::Digest::of("other");
    assert_eq!(
        bench.host.call(request).await.result.unwrap_err().code,
        "DWL-2111"
    );
}

#[tokio::test]
async fn a_connection_of_another_connector_is_refused() {
    let mut other = connection(NOWHERE);
    other.connector = "other".parse().unwrap();
    let bench = Bench::new(other);
    let error = bench.call("echo", json!({})).await.result.unwrap_err();
    assert_eq!(error.code, "DWL-2112");
}

#[tokio::test]
async fn the_machine_cannot_be_seen() {
    let seen = bench().good("ambient", json!({})).await;
    assert_eq!(seen["environment"], 0);
    assert_eq!(seen["arguments"], 0);
    for place in ["root", "here", "hosts", "name"] {
        assert_eq!(seen[place], false, "{place}");
    }
    assert!(seen["socket"].is_string(), "{seen}");
}

#[tokio::test]
async fn random_bytes_are_capped() {
    let bench = bench();
    assert_eq!(bench.good("random", json!({"bytes": 4096})).await, 4096);
    bench
        .bad("random", json!({"bytes": 4097}), "DWL-2102")
        .await;
}

#[tokio::test]
async fn a_log_flood_is_swallowed() {
    let bench = bench();
    bench.good("flood", json!({"lines": 10_000})).await;
    bench.good("print", json!({"text": "a\nb\u{1b}[31m"})).await;
    bench.still_well().await;
}

#[tokio::test]
async fn warm_instances_are_reused_and_untidy_ones_are_not() {
    let bench = bench();
    for expected in 0..3 {
        assert_eq!(bench.good("count", json!({})).await, expected);
    }
    // Printing keeps the standard streams open: no reason to recycle.
    bench.good("print", json!({"text": "x"})).await;
    assert_eq!(bench.good("count", json!({})).await, 3);
    bench.good("hold", json!({"count": 1})).await;
    assert_eq!(
        bench.good("count", json!({})).await,
        0,
        "a resource was left open"
    );
    bench.good("grow", json!({"bytes": 32 << 20})).await;
    assert_eq!(bench.good("count", json!({})).await, 0, "the memory grew");
    bench
        .bad("hold", json!({"count": 100_000}), "DWL-2102")
        .await;
}

#[tokio::test]
async fn requests_do_not_cost_the_instance_and_kept_answers_do() {
    let base = crate::egress::serve().await;
    let bench = Bench::new(connection(&base));
    let echo = json!({"url": format!("{base}/echo"), "method": "POST", "body": "x"});
    for expected in 0..3 {
        let answer = bench.good("fetch", echo.clone()).await;
        assert_eq!(answer["status"], 200, "{answer}");
        assert_eq!(bench.good("count", json!({})).await, expected);
    }
    bench.good("fetch-keep", echo).await;
    assert_eq!(
        bench.good("count", json!({})).await,
        0,
        "an answer was kept"
    );
}

#[tokio::test]
async fn isolation_per_call_is_kept() {
    let mut alone = connection(NOWHERE);
    alone.isolation = Isolation::PerCall;
    let bench = Bench::new(alone);
    for _ in 0..3 {
        assert_eq!(bench.good("count", json!({})).await, 0);
    }
}

#[tokio::test]
async fn instances_are_never_shared_across_connections() {
    let bench = bench();
    let mut other = connection(NOWHERE);
    other.name = "other".parse().unwrap();
    bench.host.bind(vec![connection(NOWHERE), other]).unwrap();
    assert_eq!(bench.good("count", json!({})).await, 0);
    let mut request = bench.request("count", &json!({}));
    request.connection = "other".parse().unwrap();
    assert_eq!(bench.host.call(request).await.result.unwrap().as_str(), "0");
    assert_eq!(bench.good("count", json!({})).await, 1);
}

/// The pool has room for eight: idle instances make room for those that are needed.
#[tokio::test]
async fn a_full_pool_is_an_error_and_idle_instances_make_room() {
    let bench = bench();
    let others: Vec<_> = (0..10)
        .map(|number| {
            let mut other = connection(NOWHERE);
            other.name = format!("c{number}").parse().unwrap();
            other
        })
        .collect();
    bench.host.bind(others).unwrap();
    for number in 0..10 {
        let mut request = bench.request("count", &json!({}));
        request.connection = format!("c{number}").parse().unwrap();
        bench.host.call(request).await.result.unwrap();
    }
    let spins: Vec<_> = (0..10)
        .map(|number| {
            let mut request = bench.request("spin", &json!({}));
            request.connection = format!("c{number}").parse().unwrap();
            bench.host.call(request)
        })
        .collect();
    let mut codes: Vec<String> = Vec::new();
    for outcome in futures_util::future::join_all(spins).await {
        codes.push(outcome.result.unwrap_err().code);
    }
    codes.sort();
    assert_eq!(
        codes.iter().filter(|code| *code == "DWL-2110").count(),
        2,
        "{codes:?}"
    );
}

#[tokio::test]
async fn errors_of_guests_are_capped() {
    let bench = bench();
    let input = json!({"message": "é\u{0}", "repeat": 1 << 20, "code": "\u{1b}[1m"});
    let outcome = bench.bad("fail", input, "connector-error").await;
    let error = outcome.result.unwrap_err();
    assert!(error.message.len() <= 16 * 1024, "{}", error.message.len());
    assert!(!error.message.contains('\0'));
    let outcome = bench
        .bad("fail", json!({"details": "no json"}), "failed")
        .await;
    assert_eq!(outcome.result.unwrap_err().details, None);
    bench
        .bad("fail", json!({"code": "DWL-2201"}), "connector-error")
        .await;
}

#[tokio::test]
async fn a_connection_can_be_tested() {
    let bench = bench();
    let name = "it".parse().unwrap();
    assert!(bench.host.check(&name).await.result.unwrap().is_null());
    let mut failing = connection(NOWHERE);
    failing.config =
        dowel_core::JsonText::parse(r#"{"base_url": "http://127.0.0.1:9", "check_fails": 1}"#)
            .unwrap();
    bench.host.bind(vec![failing]).unwrap();
    let error = bench.host.check(&name).await.result.unwrap_err();
    assert_eq!(error.code, "check-failed");
}
