//! The HTTP client: what reaches the host, and what comes back as an error.

#![allow(clippy::unwrap_used)] // helpers outside of #[test] are tests as well

use dowel_sdk::http::{Http, Method};
use dowel_sdk::testing::{Exchange, Failure, FakeHost};
use dowel_sdk::{Context, ErrorKind, Json, Result, connector, operation};
use schemars::JsonSchema;
use serde::Deserialize;
use std::time::Duration;

#[connector(
    name = "api",
    summary = "Calls.",
    egress = ["* {base_url}/*"],
    operations = [ping],
    check = reachable,
)]
#[derive(Deserialize, JsonSchema)]
struct Config {
    base_url: String,
}

/// Pings.
#[operation(effect = "read", idempotency = "natural")]
fn ping(ctx: &Context<Config>, _input: Json) -> Result<Json> {
    ctx.http().get("/ping").send()?.json()
}

fn reachable(ctx: &Context<Config>) -> Result<()> {
    ctx.http().head("/ping").send().map(drop)
}

fn host() -> FakeHost<Config> {
    FakeHost::new(r#"{ "base_url": "https://api.example/v1/" }"#)
}

fn check_status(status: u16, kind: ErrorKind) {
    let host = host();
    host.expect(Exchange::get("/ping").reply(status, r#"{"error":"x"}"#));
    let error = host.call::<ping>("{}").unwrap_err();
    assert_eq!(error.kind(), kind, "{status}");
    assert_eq!(error.code(), format!("http-{status}"));
    let details = format!(r#"{{"status":{status},"body":{{"error":"x"}}}}"#);
    assert_eq!(error.details().unwrap().as_str(), details);
}

#[test]
fn statuses() {
    check_status(400, ErrorKind::InvalidInput);
    check_status(401, ErrorKind::Unauthenticated);
    check_status(403, ErrorKind::Forbidden);
    check_status(404, ErrorKind::NotFound);
    check_status(408, ErrorKind::Timeout);
    check_status(409, ErrorKind::Conflict);
    check_status(410, ErrorKind::NotFound);
    check_status(412, ErrorKind::Conflict);
    check_status(418, ErrorKind::InvalidInput);
    check_status(422, ErrorKind::InvalidInput);
    check_status(429, ErrorKind::RateLimited);
    check_status(503, ErrorKind::Unavailable);
}

#[test]
fn the_connections_own_test() {
    let host = host();
    host.expect(Exchange::new(Method::Head, "/ping").reply(204, ""));
    host.check().unwrap();
    host.expect(Exchange::new(Method::Head, "/ping").reply(401, ""));
    assert_eq!(host.check().unwrap_err().kind(), ErrorKind::Unauthenticated);
}

#[test]
fn transport_failures() {
    for (failure, kind) in [
        (Failure::Timeout, ErrorKind::Timeout),
        (Failure::Refused, ErrorKind::Unavailable),
        (Failure::Torn, ErrorKind::Unavailable),
        (Failure::Denied, ErrorKind::Forbidden),
        (Failure::TooLarge, ErrorKind::Internal),
    ] {
        let host = host();
        host.expect(Exchange::get("/ping").fail(failure));
        assert_eq!(
            host.call::<ping>("{}").unwrap_err().kind(),
            kind,
            "{failure:?}"
        );
    }
}

#[test]
fn a_date_in_retry_after_counts_from_now() {
    let host = host();
    let busy = Exchange::get("/ping").reply_header("retry-after", "Thu, 01 Jan 2026 00:01:30 GMT");
    host.expect(busy.reply(429, ""));
    let error = host.call::<ping>("{}").unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(90)));
}

#[test]
fn an_answer_that_does_not_fit_is_internal_and_shows_no_value() {
    for body in ["", "<p>secret</p>", "{\"a\":", "\u{0}"] {
        let host = host();
        host.expect(Exchange::get("/ping").reply(200, body));
        let error = host.call::<ping>("{}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn a_request_never_outlives_the_call() {
    let mut host = host();
    host.set_deadline(Duration::from_secs(10));
    let ctx = host.context().unwrap();
    host.expect(Exchange::get("/a"));
    ctx.http()
        .get("/a")
        .timeout(Duration::from_secs(3))
        .send()
        .unwrap();
    host.advance(Duration::from_secs(8));
    host.expect(Exchange::get("/a"));
    ctx.http()
        .get("/a")
        .timeout(Duration::from_secs(3))
        .send()
        .unwrap();
    let timeouts: Vec<_> = host
        .sent()
        .iter()
        .map(|sent| sent.timeout.as_secs())
        .collect();
    assert_eq!(timeouts, [3, 2]);
    host.advance(Duration::from_secs(2));
    let late = ctx.http().get("/a").send().unwrap_err();
    assert_eq!(
        (late.kind(), late.code()),
        (ErrorKind::Timeout, "deadline-exceeded")
    );
}

fn check_code(send: impl Fn(Http<'_>) -> Result<dowel_sdk::http::Response>, code: &str) {
    let host = host();
    let ctx = host.context().unwrap();
    assert_eq!(send(ctx.http()).unwrap_err().code(), code);
    assert!(host.sent().is_empty());
}

#[test]
fn mistakes_do_not_leave() {
    check_code(
        |http| http.get("/a").header("authorization", "x").send(),
        "header-not-allowed",
    );
    check_code(
        |http| http.get("/a").header("Idempotency-Key", "x").send(),
        "header-not-allowed",
    );
    check_code(|http| http.get("a").send(), "invalid-template");
    check_code(
        |http| http.get("/{id}").path("id", "..").send(),
        "invalid-path",
    );
}

#[test]
fn bodies_and_queries() {
    let host = host();
    let ctx = host.context().unwrap();
    let exchange = Exchange::new(Method::Put, "https://api.example/v1/f?q=%C3%A9&n=1");
    host.expect(
        exchange
            .body("raw")
            .header("content-type", "text/plain")
            .reply(204, ""),
    );
    let request = ctx.http().put("/f").query("q", "é").query_opt("n", Some(1));
    let request = request
        .query_opt("absent", None::<u8>)
        .bytes("text/plain", "raw");
    assert_eq!(request.send().unwrap().status(), 204);
}

#[test]
#[should_panic(expected = "not covered by the connector's `egress`")]
fn undeclared_egress_fails_the_test() {
    let host = host();
    let _ = host
        .context()
        .unwrap()
        .http()
        .get("https://other.example/")
        .send();
}

#[test]
#[should_panic(expected = "never came")]
fn an_expected_request_that_never_comes_fails_the_test() {
    host().expect(Exchange::get("/ping"));
}

#[test]
fn forms_lists_and_pages() {
    let host = host();
    let ctx = host.context().unwrap();
    let url = "/f?t=a&t=b%26&ids=1%2C2&price%5Bgt%5D=1.10";
    let exchange = Exchange::post(url).body("amount=1.10&lines%5B0%5D%5Bsku%5D=A%20%26");
    let exchange = exchange.header("content-type", "application/x-www-form-urlencoded");
    let link = r#"<https://api.example/v1/f?page=2>; rel="next""#;
    host.expect(exchange.reply(200, "[]").reply_header("Link", link));
    let body = Json::parse(r#"{"amount":1.10,"lines":[{"sku":"A &"}],"none":null}"#).unwrap();
    let price = Json::parse(r#"{"gt":1.10,"lt":null}"#).unwrap();
    let request = ctx.http().post("/f").query_each("t", ["a", "b&"]);
    let request = request.query_joined("ids", ',', [1, 2]);
    let request = request.query_joined("empty", ',', None::<u8>);
    let request = request
        .query_deep("price", &price)
        .query_deep("absent", &None::<u8>);
    let answer = request.form(&body).send().unwrap();
    assert_eq!(answer.next_page("page").as_deref(), Some("2"));
    assert_eq!(answer.next_page("cursor"), None);
}
