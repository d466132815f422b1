//! Table tests of rules.

mod fuzz;

use super::*;
use http::Method;

fn rule(text: &str) -> Rule {
    Rule::parse(&text.parse().unwrap()).unwrap()
}

fn check(text: &str, method: Method, url: &str, expected: bool) {
    let target = Target::parse(method, url).unwrap();
    assert_eq!(rule(text).matches(&target), expected, "{text} for {url}");
}

#[test]
fn scheme_host_port_and_method() {
    let text = "GET,POST https://api.example.com/v1/*";
    let url = "https://api.example.com/v1/orders?x=1";
    check(text, Method::GET, url, true);
    check(text, Method::POST, url, true);
    check(text, Method::DELETE, url, false);
    for (url, expected) in [
        ("https://API.example.com.:443/v1/orders", true),
        ("http://api.example.com/v1/orders", false),
        ("https://api.example.com:8443/v1/orders", false),
        ("https://example.com/v1/orders", false),
        ("https://api.example.com.evil.test/v1/orders", false),
        ("https://evil.test/api.example.com/v1/", false),
        ("http://api.example.com:443/v1/orders", false),
    ] {
        check(text, Method::GET, url, expected);
    }
    check("* http://h.test/*", Method::DELETE, "http://h.test/", true);
}

#[test]
fn paths_are_compared_after_normalisation() {
    for (text, url, expected) in [
        ("GET http://h.test/v1/*", "http://h.test/v1/", true),
        ("GET http://h.test/v1/*", "http://h.test/v1", false),
        ("GET http://h.test/v1/*", "http://h.test/v10", false),
        ("GET http://h.test/v1/*", "http://h.test/v1/../v2/", false),
        (
            "GET http://h.test/v1/*",
            "http://h.test/v1/%2e%2e/v2/",
            false,
        ),
        ("GET http://h.test/v1/*", "http://h.test/x/../v1/a", true),
        ("GET http://h.test/v1/*", "http://h.test//v1/a", false),
        ("GET http://h.test/v1/*", "http://h.test/V1/a", false),
        ("GET http://h.test/v1/*", "http://h.test/?/v1/a", false),
        ("GET http://h.test/v1/x/../*", "http://h.test/v1/a", true),
        (
            "GET http://h.test/orders",
            "http://h.test/orders?page=2",
            true,
        ),
        ("GET http://h.test/orders", "http://h.test/orders/1", false),
        ("GET http://h.test", "http://h.test/", true),
        ("GET http://h.test", "http://h.test/a", false),
        ("GET http://h.test/a*", "http://h.test/abc", true),
    ] {
        check(text, Method::GET, url, expected);
    }
}

#[test]
fn wildcards() {
    for (text, url, expected) in [
        ("GET *", "http://anything.test:81/a", true),
        ("GET https://*/*", "https://anything.test/a", true),
        ("GET https://*/*", "https://anything.test:444/a", false),
        ("GET https://*:444/*", "https://anything.test:444/a", true),
        ("GET https://*", "https://anything.test/", true),
        ("GET https://*", "https://anything.test/a", false),
        ("GET https://*/*", "http://anything.test/a", false),
    ] {
        check(text, Method::GET, url, expected);
    }
}

#[test]
fn what_is_no_rule() {
    for text in [
        "GET https://*.example.com/",
        "GET https://example.com*",
        "GET https://example.com:80*",
        "GET https://a*b/",
        "GET https://example.com/*/x",
        "GET https://user@example.com/*",
        "GET https://example.com/?a=*",
        "GET https://example.com/#a",
        "GET {base_url}/*",
        "GET https://example.com/..%2f*",
    ] {
        let rule: EgressRule = text.parse().unwrap();
        assert!(Rule::parse(&rule).is_err(), "{text}");
    }
}

#[test]
fn placeholders_come_from_the_config() {
    let config = r#"{"base_url": "http://127.0.0.1:9001/api/", "host": "h.test", "n": 1}"#;
    let config = JsonText::parse(config).unwrap();
    let filled = |text: &str| Rule::of_manifest(text, &config);
    assert_eq!(
        filled("GET {base_url}/*").unwrap().text(),
        "GET http://127.0.0.1:9001/api/*"
    );
    assert_eq!(
        filled("GET https://{host}/{host}/*").unwrap().text(),
        "GET https://h.test/h.test/*"
    );
    for text in ["GET {missing}/*", "GET https://{n}/*"] {
        assert!(matches!(filled(text), Err(BindReason::Config { .. })));
    }
}

#[test]
fn overlap() {
    for (a, b, expected) in [
        ("GET http://h.test/v1/*", "GET http://h.test/*", true),
        (
            "GET http://h.test/v1/*",
            "GET http://h.test/v1/orders",
            true,
        ),
        ("GET http://h.test/v1/*", "GET http://h.test/v2/*", false),
        ("GET http://h.test/v1/*", "POST http://h.test/v1/*", false),
        ("* http://h.test/v1/*", "POST http://h.test/v1/*", true),
        ("GET http://*/v1/*", "GET http://h.test/v1/*", true),
        ("GET *", "POST,GET https://h.test/", true),
        ("GET http://h.test/a", "GET http://h.test/b", false),
        ("GET http://h.test/*", "GET https://h.test/*", false),
        ("GET http://h.test:81/*", "GET http://h.test/*", false),
    ] {
        assert_eq!(rule(a).overlaps(&rule(b)), expected, "{a} and {b}");
        assert_eq!(rule(b).overlaps(&rule(a)), expected, "{b} and {a}");
    }
}
