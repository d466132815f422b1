//! The allow-list, addresses, credentials and caps of the gateway.

use crate::support::{Bench, TOKEN, auth, connection};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use dowel_core::port::Invoker;
use dowel_core::{ErrorKind, JsonText, SendRecord};
use serde_json::{Value, json};

/// Tells what arrived.
/// The user name and the token as `Basic` has them.
const PAIR: &str = "YWxpY2U6dG9rLTNuLXBsYW50ZWQtc2VjcmV0";

/// Stand for the token and the pair in what the server says that it saw.
const ARRIVED: &str = "the-token";
const PAIR_ARRIVED: &str = "the-pair";

async fn echo(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let headers: serde_json::Map<String, Value> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().into()))
        .collect();
    let seen = json!({
        "method": parts.method.as_str(),
        "uri": parts.uri.to_string(),
        "headers": headers,
        "body": String::from_utf8_lossy(&body),
    });
    let text = seen.to_string();
    if parts.uri.path() == "/raw" {
        return text.into_response();
    }
    // The host masks credentials in what comes back: these say that they arrived.
    let text = text.replace(TOKEN, ARRIVED).replace(PAIR, PAIR_ARRIVED);
    text.into_response()
}

/// `{"price": 1.10}`, as other programs pack it: Node's zlib, and the program `zstd`; and
/// a MiB of zeros.
const PACKED: [(&str, &str, &str); 4] = [
    (
        "gzip",
        "gzip",
        "1f8b0800000000000003ab562a28ca4c4e55b25230d43334a80500e51452ee0f000000",
    ),
    ("br", "br", "0b07807b227072696365223a20312e31307d03"),
    (
        "zstd",
        "zstd",
        "28b52ffd04587900007b227072696365223a20312e31307d3f40dff6",
    ),
    ("bomb", "br", "5bffff8f7f02201e0b0472ef1f00"),
];

async fn packed(axum::extract::Path(how): axum::extract::Path<String>) -> Response {
    let (_, encoding, hex) = PACKED.iter().find(|(name, ..)| *name == how).unwrap();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
    let body: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
    ([(header::CONTENT_ENCODING, *encoding)], body).into_response()
}

/// A server on loopback; its base URL.
pub(crate) async fn serve() -> String {
    let router = Router::new()
        .route(
            "/away",
            get(|| async {
                (
                    StatusCode::FOUND,
                    [(header::LOCATION, "http://127.0.0.2:9/x")],
                )
            }),
        )
        .route(
            "/back",
            get(|request: Request| async move {
                let to = format!("/echo?{}", request.uri().query().unwrap_or_default());
                (StatusCode::FOUND, [(header::LOCATION, to)])
            }),
        )
        .route("/large", get(|| async { "x".repeat(5000) }))
        .route(
            "/streamed",
            get(|| async {
                let chunks = (0..50).map(|_| Ok::<_, std::io::Error>("x".repeat(100)));
                Body::from_stream(futures_util::stream::iter(chunks))
            }),
        )
        .route(
            "/headers",
            get(|| async {
                let mut headers = HeaderMap::new();
                for name in ["x-a", "x-b", "x-c"] {
                    headers.insert(name, "x".repeat(30_000).parse().unwrap());
                }
                headers
            }),
        )
        .route("/packed/{how}", get(packed))
        .fallback(any(echo));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// What the echo server saw of a call's request.
async fn seen(bench: &Bench, operation: &str, input: Value) -> Value {
    let answer = bench.good(operation, input).await;
    assert_eq!(answer["status"], 200, "{answer}");
    serde_json::from_str(answer["body"].as_str().unwrap()).unwrap()
}

#[tokio::test]
async fn a_request_goes_through_and_its_answer_comes_back() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    let input = json!({"url": format!("{base}/a/../b?q=1"), "method": "POST",
        "headers": {"x-mine": "1", "content-type": "text/plain"}, "body": "hello"});
    let outcome = bench.call("fetch", input.clone()).await;
    assert_eq!(outcome.sent, SendRecord::Answered);
    let seen = seen(&bench, "fetch", input).await;
    assert_eq!(seen["method"], "POST");
    assert_eq!(seen["uri"], "/b?q=1");
    assert_eq!(seen["body"], "hello");
    assert_eq!(seen["headers"]["x-mine"], "1");
    assert_eq!(seen["headers"]["content-length"], "5");
    assert_eq!(seen["headers"].get("idempotency-key"), None);
}

#[tokio::test]
async fn a_large_body_streams() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    let body = "x".repeat(300_000);
    let input = json!({"url": base.clone() + "/", "method": "POST", "body": body});
    let seen = seen(&bench, "fetch", input).await;
    assert_eq!(seen["body"].as_str().unwrap().len(), 300_000);
}

#[tokio::test]
async fn keys_and_traces_are_added_by_the_host() {
    let base = serve().await;
    let mut named = connection(&base);
    named.idempotency_header = "X-Request-Key".to_owned();
    let bench = Bench::new(named);
    let url = base.clone() + "/";
    let post = json!({"url": url, "method": "POST"});
    let mut request = bench.request("fetch-keyed", &post);
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    request.traceparent = Some(trace.to_owned());
    let answer = bench.host.call(request).await.result.unwrap().to_value();
    let first: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
    assert_eq!(first["headers"]["x-request-key"], "key-1");
    assert_eq!(first["headers"]["traceparent"], trace);
    let read = seen(&bench, "fetch-keyed", json!({"url": url})).await;
    assert_eq!(
        read["headers"].get("x-request-key"),
        None,
        "a GET needs no key"
    );
    let unkeyed = seen(&bench, "fetch", post.clone()).await;
    assert_eq!(unkeyed["headers"].get("x-request-key"), None);
    let mut request = bench.request("fetch-keyed", &post);
    request.idempotency_key = "a\r\nb".to_owned();
    let answer = bench.host.call(request).await.result.unwrap().to_value();
    assert!(
        answer["error"]
            .as_str()
            .unwrap()
            .contains("ConfigurationError"),
        "{answer}"
    );
}

#[tokio::test]
async fn credentials_arrive_and_the_guest_holds_none() {
    let base = serve().await;
    let url = base.clone() + "/";
    let basic = json!({"basic": {"username": "user", "password": "token"}});
    for (method, header, expected) in [
        (
            json!({"bearer": {"token": "token"}}),
            "authorization",
            format!("Bearer {ARRIVED}"),
        ),
        (basic, "authorization", format!("Basic {PAIR_ARRIVED}")),
        (
            json!({"api_key": {"place": {"header": "X-Key"}, "key": "token"}}),
            "x-key",
            ARRIVED.to_owned(),
        ),
    ] {
        let mut with = connection(&base);
        with.auth = auth(method, &base);
        let bench = Bench::new(with);
        let context = bench.good("context", json!({})).await.to_string();
        assert!(!context.contains(TOKEN));
        let seen = seen(&bench, "fetch", json!({"url": url})).await;
        assert_eq!(seen["headers"][header], expected);
        let raw = json!({"url": format!("{base}/raw")});
        let raw = bench.good("fetch", raw).await.to_string();
        assert!(raw.contains("[redacted]"), "{raw}");
        assert!(!raw.contains(TOKEN) && !raw.contains(PAIR), "{raw}");
    }
}

#[tokio::test]
async fn a_key_in_the_query_is_masked_in_redirects() {
    let base = serve().await;
    let mut with = connection(&base);
    with.auth = auth(
        json!({"api_key": {"place": {"query": "key"}, "key": "token"}}),
        &base,
    );
    let bench = Bench::new(with);
    let got = seen(&bench, "fetch", json!({"url": format!("{base}/?a=1")})).await;
    assert_eq!(got["uri"], format!("/?a=1&key={ARRIVED}"));
    let answer = bench
        .good("fetch", json!({"url": format!("{base}/back")}))
        .await;
    assert_eq!(answer["headers"]["location"], "/echo?key=[redacted]");
    let input = json!({"url": format!("{base}/?key=mine")});
    bench.bad("fetch-fail", input, "DWL-2204").await;
}

#[tokio::test]
async fn other_origins_get_no_credential() {
    let base = serve().await;
    let mut with = connection(&base);
    with.auth = auth(
        json!({"bearer": {"token": "token"}}),
        "https://elsewhere.test",
    );
    let bench = Bench::new(with);
    let seen = seen(&bench, "fetch", json!({"url": base.clone() + "/"})).await;
    assert_eq!(seen["headers"].get("authorization"), None);
}

#[tokio::test]
async fn a_missing_or_unusable_secret() {
    let base = serve().await;
    for name in ["missing", "bad"] {
        let mut with = connection(&base);
        with.auth = auth(json!({"bearer": {"token": name}}), &base);
        let bench = Bench::new(with);
        let outcome = bench
            .bad("fetch-fail", json!({"url": base.clone() + "/"}), "DWL-2205")
            .await;
        assert_eq!(outcome.result.unwrap_err().kind, ErrorKind::Unauthenticated);
        assert_eq!(outcome.sent, SendRecord::NotSent);
    }
}

#[tokio::test]
async fn a_planted_secret_does_not_come_out() {
    let base = serve().await;
    let mut with = connection(&base);
    with.auth = auth(json!({"bearer": {"token": "token"}}), &base);
    let bench = Bench::new(with);
    let input = json!({"message": format!("it is {TOKEN}"), "code": TOKEN,
        "details": format!("{{\"t\":\"{TOKEN}\"}}")});
    let outcome = bench.call("fail", input).await;
    let text = serde_json::to_string(&outcome.result.unwrap_err()).unwrap();
    assert!(!text.contains(TOKEN), "{text}");
    assert!(text.contains("it is [redacted]"), "{text}");
}

#[tokio::test]
async fn headers_of_the_host_are_refused() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    for name in [
        "Authorization",
        "Proxy-Authorization",
        "Cookie",
        "Host",
        "Idempotency-Key",
        "Transfer-Encoding",
        "Connection",
        "traceparent",
        "X-HTTP-Method-Override",
    ] {
        let input = json!({"url": base.clone() + "/", "headers": {name: "x"}});
        let outcome = bench.bad("fetch-fail", input, "DWL-2204").await;
        assert_eq!(outcome.sent, SendRecord::NotSent, "{name}");
    }
}

#[tokio::test]
async fn both_sides_have_to_agree() {
    let base = serve().await;
    let mut narrow = connection(&base);
    narrow.allow = vec![format!("GET {base}/v1/*").parse().unwrap()];
    let bench = Bench::new(narrow);
    bench
        .good("fetch-fail", json!({"url": format!("{base}/v1/a")}))
        .await;
    for (method, path) in [
        ("POST", "/v1/a"),
        ("GET", "/v2/a"),
        ("GET", "/v1/../v2"),
        ("GET", "/v1/%2e%2e/v2"),
        ("GET", "/v1"),
        ("GET", "//v1/a"),
    ] {
        let input = json!({"url": format!("{base}{path}"), "method": method});
        let outcome = bench.bad("fetch-fail", input, "DWL-2201").await;
        assert_eq!(outcome.result.unwrap_err().kind, ErrorKind::Forbidden);
    }
    for path in ["/v1/..%2fv2", "/v1/%252e%252e/v2", "/v1/..;/v2"] {
        bench
            .bad(
                "fetch-fail",
                json!({"url": format!("{base}{path}")}),
                "DWL-2210",
            )
            .await;
    }
    let mut wide = connection(&base);
    wide.config = JsonText::of(&json!({"base_url": format!("{base}/v1")})).unwrap();
    wide.allow = vec!["* *".parse().unwrap()];
    let bench = Bench::new(wide);
    bench
        .good("fetch-fail", json!({"url": format!("{base}/v1/a")}))
        .await;
    bench
        .bad(
            "fetch-fail",
            json!({"url": format!("{base}/v2/a")}),
            "DWL-2202",
        )
        .await;
}

#[tokio::test]
async fn private_addresses_need_a_grant() {
    let base = serve().await;
    let port = base.rsplit(':').next().unwrap().to_owned();
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "[::ffff:127.0.0.1]",
        "localhost",
        "LOCALHOST.",
    ] {
        let url = format!("http://{host}:{port}");
        let mut ungranted = connection(&url);
        ungranted.private_addresses.clear();
        let bench = Bench::new(ungranted);
        let outcome = bench
            .bad("fetch-fail", json!({"url": url.clone() + "/"}), "DWL-2203")
            .await;
        assert_eq!(outcome.sent, SendRecord::NotSent, "{host}");
        let bench = Bench::new(connection(&url));
        bench
            .good("fetch-fail", json!({"url": url.clone() + "/"}))
            .await;
    }
    let metadata = "http://169.254.169.254";
    let mut wide = connection(metadata);
    wide.private_addresses = vec!["0.0.0.0/0".to_owned()];
    let bench = Bench::new(wide);
    bench
        .bad(
            "fetch-fail",
            json!({"url": "http://169.254.169.254/latest"}),
            "DWL-2203",
        )
        .await;
}

#[tokio::test]
async fn a_user_name_in_the_url_hides_no_host() {
    let base = serve().await;
    let port = base.rsplit(':').next().unwrap().to_owned();
    let mut wide = connection(&base);
    wide.allow = vec!["* *".parse().unwrap()];
    let bench = Bench::new(wide);
    for authority in [
        format!("127.0.0.1:{port}@evil.example"),
        format!("api.example.com@127.0.0.1:{port}"),
        format!("a:b@127.0.0.1:{port}"),
    ] {
        let input = json!({"url": format!("http://{authority}/echo")});
        let outcome = bench.call("fetch-fail", input).await;
        assert_eq!(outcome.sent, SendRecord::NotSent, "{authority}");
        assert!(outcome.result.is_err(), "{authority}");
    }
    bench.still_well().await;
}

#[tokio::test]
async fn redirects_are_not_followed_and_checked_again() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    let answer = bench
        .good("fetch", json!({"url": format!("{base}/away")}))
        .await;
    assert_eq!(answer["status"], 302);
    let input = json!({"url": answer["headers"]["location"]});
    bench.bad("fetch-fail", input, "DWL-2201").await;
}

#[tokio::test]
async fn answers_are_capped() {
    let base = serve().await;
    let mut small = connection(&base);
    small.limits.response_bytes = 4000;
    let bench = Bench::new(small);
    for path in ["large", "streamed", "headers"] {
        let input = json!({"url": format!("{base}/{path}")});
        let outcome = bench.bad("fetch-fail", input, "DWL-2206").await;
        assert_eq!(
            outcome.sent,
            SendRecord::Answered,
            "{path}: the upstream did answer"
        );
    }
    Bench::new(connection(&base))
        .good("fetch-fail", json!({"url": format!("{base}/streamed")}))
        .await;
}

#[tokio::test]
async fn packed_answers_are_unpacked_before_the_guest_sees_them() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    for how in ["gzip", "br", "zstd"] {
        let input = json!({"url": format!("{base}/packed/{how}")});
        let answer = bench.good("fetch", input).await;
        assert_eq!(answer["body"], "{\"price\": 1.10}", "{how}");
        assert_eq!(answer["headers"].get("content-encoding"), None, "{how}");
    }
    let echo = bench
        .good("fetch", json!({"url": base.clone() + "/"}))
        .await;
    let accepts = echo["body"].as_str().unwrap().to_owned();
    for how in ["gzip", "br", "zstd"] {
        assert!(accepts.contains(how), "{accepts}");
    }
}

#[tokio::test]
async fn a_small_answer_that_unpacks_to_a_large_one_is_capped() {
    let base = serve().await;
    let mut small = connection(&base);
    small.limits.response_bytes = 4000;
    let bench = Bench::new(small);
    let input = json!({"url": format!("{base}/packed/bomb")});
    let outcome = bench.bad("fetch-fail", input, "DWL-2206").await;
    assert_eq!(outcome.sent, SendRecord::Answered);
}

#[tokio::test]
async fn requests_at_the_same_time_are_capped() {
    let base = serve().await;
    let bench = Bench::new(connection(&base));
    let input = json!({"url": base.clone() + "/", "count": 40});
    let errors = bench.good("many", input).await;
    let errors = errors["errors"].as_array().unwrap();
    assert!(
        errors
            .iter()
            .all(|e| e.as_str().unwrap().contains("ConnectionLimitReached")),
        "{errors:?}"
    );
    let few = bench
        .good("many", json!({"url": base.clone() + "/", "count": 10}))
        .await;
    assert_eq!(few["errors"], json!([]));
}

#[tokio::test]
async fn a_signature_is_added_and_a_guest_sets_none() {
    let base = serve().await;
    let mut with = connection(&base);
    let hmac = json!({"hmac": {
        "key": "token", "header": "X-Signature", "prefix": "sha256=", "encoding": "hex",
        "content": "body", "timestamp_header": "X-Time",
    }});
    with.auth = auth(hmac, &base);
    let bench = Bench::new(with);
    let mut input =
        json!({"url": format!("{base}/"), "method": "POST", "headers": {}, "body": "hello"});
    let seen = seen(&bench, "fetch", input.clone()).await;
    // printf hello | openssl dgst -sha256 -hmac tok-3n-planted-secret
    let expected = "3c81c6220ac29c7e144fc4d185012e5b243ff3a18c5b8c3ffc66b711898d2567";
    assert_eq!(seen["headers"]["x-signature"], format!("sha256={expected}"));
    assert_eq!(seen["body"], "hello");
    assert!(
        seen["headers"]["x-time"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .is_ok()
    );
    input["headers"] = json!({"x-signature": "mine"});
    bench.bad("fetch-fail", input, "DWL-2204").await;
}

#[tokio::test]
async fn a_request_for_s3_is_signed_with_its_body() {
    let base = serve().await;
    let mut with = connection(&base);
    let aws = json!({"aws_sigv4": {
        "access_key_id": "user", "secret_access_key": "token", "session_token": null,
        "region": "eu-central-1", "service": "s3",
    }});
    with.auth = auth(aws, &base);
    let bench = Bench::new(with);
    let input = json!({"url": format!("{base}/a%20b?x=1"), "method": "PUT", "headers": {}, "body": "hello"});
    let seen = seen(&bench, "fetch", input).await;
    let headers = &seen["headers"];
    let authorization = headers["authorization"].as_str().unwrap();
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=alice/")
            && authorization.contains("/eu-central-1/s3/aws4_request")
            && authorization.contains("SignedHeaders=host;x-amz-content-sha256;x-amz-date"),
        "{authorization}"
    );
    let body = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
    assert_eq!(headers["x-amz-content-sha256"], body);
    assert_eq!(seen["body"], "hello");
}
