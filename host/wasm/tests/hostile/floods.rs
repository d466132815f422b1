//! Guests and upstreams that hold on: floods, slow bodies, giant headers, names, texts that
//! are none. After each the same host serves a good call.

use crate::support::{Bench, connection};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use axum::routing::{any, get, post};
use dowel_core::port::{CallOutcome, Invoker};
use dowel_core::{ErrorKind, SendRecord};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Barrier;

/// What a call may take that is stopped.
const SHORT: Duration = Duration::from_millis(500);

/// An upstream that holds on, too.
async fn serve() -> String {
    let drip = || async {
        let pace = tokio::time::interval(Duration::from_millis(5));
        let drops = stream::unfold(pace, |mut pace| async {
            pace.tick().await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b"x")), pace))
        });
        Body::from_stream(drops)
    };
    let swallow = |body: Body| async move {
        let mut pieces = body.into_data_stream();
        while pieces.next().await.is_some_and(|piece| piece.is_ok()) {}
        "null"
    };
    let both = Arc::new(Barrier::new(2));
    let meet = move || {
        let both = Arc::clone(&both);
        async move {
            both.wait().await;
            "null"
        }
    };
    let router = Router::new()
        .route("/drip", get(drip))
        .route("/swallow", post(swallow))
        .route("/meet", get(meet))
        .route(
            "/count",
            any(|headers: HeaderMap| async move { headers.len().to_string() }),
        );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

async fn short(bench: &Bench, operation: &str, input: Value) -> CallOutcome {
    let mut request = bench.request(operation, &input);
    request.deadline = SHORT;
    let begun = Instant::now();
    let outcome = bench.host.call(request).await;
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{operation} was not stopped"
    );
    outcome
}

#[tokio::test]
async fn slow_bodies_end_with_the_deadline_in_both_directions() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    for (operation, input) in [
        ("fetch", json!({"url": format!("{base}/drip")})),
        (
            "dribble",
            json!({"url": format!("{base}/swallow"), "method": "POST"}),
        ),
    ] {
        let error = short(&bench, operation, input).await.result.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Timeout, "{operation}: {error}");
        bench.still_well().await;
    }
}

/// Requests that nobody waits for are refused beyond a number, and hold nothing afterwards.
#[tokio::test]
async fn a_flood_of_connections_is_refused_and_let_go() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    for _ in 0..3 {
        let input = json!({"url": format!("{base}/drip"), "count": 500});
        drop(short(&bench, "many", input).await);
        bench.still_well().await;
    }
    let few = json!({"url": format!("{base}/count"), "count": 10});
    assert_eq!(bench.good("many", few).await["errors"], json!([]));
}

#[tokio::test]
async fn giant_headers_do_not_leave() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    let input = json!({"url": format!("{base}/count"), "count": 200});
    let outcome = bench.call("giant-headers", input).await;
    let error = outcome.result.expect_err("1.6 MB of headers");
    assert_eq!(
        (error.code.as_str(), outcome.sent),
        ("DWL-2102", SendRecord::NotSent)
    );
    bench.still_well().await;
}

#[tokio::test]
async fn a_text_that_is_none_is_an_error_of_the_call() {
    let bench = Bench::new(connection(crate::support::NOWHERE));
    let outcome = bench.call("mojibake", json!({})).await;
    assert!(outcome.result.is_err(), "{outcome:?}");
    bench.still_well().await;
}

/// Two calls at the same time are in two instances, even while they only wait.
#[tokio::test]
async fn an_instance_is_never_entered_twice() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    let input = json!({"url": format!("{base}/meet")});
    for _ in 0..3 {
        let (one, other) = tokio::join!(
            bench.good("inside", input.clone()),
            bench.good("inside", input.clone())
        );
        assert_eq!((one, other), (json!(1), json!(1)));
    }
    bench.still_well().await;
}

/// Whatever a name is made of: it is resolved by the host, and a private address is refused.
#[tokio::test]
async fn names_are_no_way_around() {
    let mut wide = connection("http://127.0.0.1:9");
    wide.allow = vec!["* *".parse().unwrap()];
    wide.private_addresses.clear();
    let bench = Bench::new(wide);
    let long = format!("{}.example", "a".repeat(64));
    for host in [
        "127.1",
        "0177.0.0.1",
        "0x7f000001",
        "127。0。0。1",
        "①②⑦.⓪.⓪.①",
        "localhost.",
        "LocalHost",
        "[::1]",
        "[::ffff:7f00:1]",
        "[::ffff:0:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "127.0.0.1%00.example.com",
        "127.0.0.1%2f.example.com",
        "0",
        "0.0.0.0",
        long.as_str(),
        "..",
        "no-such-name.invalid",
    ] {
        let input = json!({"url": format!("http://{host}:9/x")});
        let outcome = bench.call("fetch-fail", input).await;
        assert!(outcome.result.is_err(), "{host}");
        assert_eq!(outcome.sent, SendRecord::NotSent, "{host}");
    }
    bench.still_well().await;
}
