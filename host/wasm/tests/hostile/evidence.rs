//! How far a call got, for every stage at which it can fail.

use crate::egress::serve;
use crate::support::{Bench, NOWHERE, connection};
use dowel_core::port::Invoker;
use dowel_core::{ErrorKind, SendRecord};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Accepts connections, reads one request from each, and writes `answer`; then closes,
/// or keeps the connection open for good.
async fn raw(answer: &'static str, after: After) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            read_request(&mut stream).await;
            stream.write_all(answer.as_bytes()).await.unwrap();
            if after == After::Hang {
                open.push(stream);
            }
        }
    });
    base
}

#[derive(PartialEq)]
enum After {
    Close,
    Hang,
}

async fn read_request(stream: &mut TcpStream) {
    let mut bytes = Vec::new();
    while !bytes.windows(4).any(|end| end == b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

async fn check(
    base: &str,
    operation: &str,
    input: Value,
    code: &str,
    sent: SendRecord,
) -> ErrorKind {
    let bench = Bench::new(connection(base));
    let mut all = json!({"url": format!("{base}/x")});
    all.as_object_mut()
        .unwrap()
        .extend(input.as_object().unwrap().clone());
    let mut request = bench.request(operation, &all);
    request.deadline = Duration::from_secs(3);
    let outcome = bench.host.call(request).await;
    let error = outcome.result.unwrap_err();
    assert_eq!(error.code, code, "{error}");
    assert_eq!(outcome.sent, sent, "{error}");
    bench.still_well().await;
    error.kind
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let kind = check(
        &base,
        "fetch-fail",
        json!({}),
        "DWL-2209",
        SendRecord::NotSent,
    )
    .await;
    assert_eq!(kind, ErrorKind::Unavailable);
    check(
        NOWHERE,
        "fetch-trap",
        json!({}),
        "DWL-2209",
        SendRecord::NotSent,
    )
    .await;
}

#[tokio::test]
async fn an_unknown_name_is_not_sent() {
    let base = "http://no-such-host.invalid";
    check(
        base,
        "fetch-fail",
        json!({}),
        "DWL-2207",
        SendRecord::NotSent,
    )
    .await;
}

#[tokio::test]
async fn a_failed_handshake_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // Part of the client's greeting, then something that is no TLS.
            stream.read_u8().await.unwrap();
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .await
                .unwrap();
        }
    });
    check(
        &base,
        "fetch-fail",
        json!({}),
        "DWL-2208",
        SendRecord::NotSent,
    )
    .await;
}

#[tokio::test]
async fn a_connection_closed_before_the_answer_is_sent() {
    let base = raw("", After::Close).await;
    check(&base, "fetch-fail", json!({}), "DWL-2213", SendRecord::Sent).await;
}

#[tokio::test]
async fn no_answer_at_all_is_sent() {
    let base = raw("", After::Hang).await;
    check(&base, "fetch-fail", json!({}), "DWL-2101", SendRecord::Sent).await;
    let input = json!({"first_byte_ms": 100});
    let kind = check(&base, "fetch-fail", input, "DWL-2214", SendRecord::Sent).await;
    assert_eq!(kind, ErrorKind::Timeout);
}

#[tokio::test]
async fn headers_and_then_nothing_is_sent() {
    let base = raw(
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        After::Hang,
    )
    .await;
    check(&base, "fetch-fail", json!({}), "DWL-2101", SendRecord::Sent).await;
    check(&base, "fetch-trap", json!({}), "DWL-2102", SendRecord::Sent).await;
    check(&base, "fetch-spin", json!({}), "DWL-2101", SendRecord::Sent).await;
}

#[tokio::test]
async fn a_torn_body_is_sent() {
    let base = raw(
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
        After::Close,
    )
    .await;
    check(&base, "fetch-fail", json!({}), "DWL-2213", SendRecord::Sent).await;
}

#[tokio::test]
async fn a_request_that_is_left_alone_is_sent() {
    let base = raw("", After::Hang).await;
    let bench = Bench::new(connection(&base));
    let input = json!({"url": format!("{base}/x"), "ms": 300});
    let outcome = bench.call("fetch-leave", input).await;
    assert!(outcome.result.is_ok());
    assert_eq!(outcome.sent, SendRecord::Sent);
}

#[tokio::test]
async fn answered_whatever_the_guest_makes_of_it() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    let url = format!("{base}/x");
    let outcome = bench.call("fetch", json!({"url": url})).await;
    assert_eq!(outcome.sent, SendRecord::Answered);
    // The headers came and the guest crashed before it read the body.
    let outcome = bench.call("fetch-trap", json!({"url": url})).await;
    assert_eq!(outcome.result.unwrap_err().code, "DWL-2102");
    assert_ne!(outcome.sent, SendRecord::NotSent);
    let outcome = bench.call("echo", json!({})).await;
    assert_eq!(outcome.sent, SendRecord::NotSent);
}
