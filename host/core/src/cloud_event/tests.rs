use super::*;

fn parse(text: &str) -> Result<CloudEvent, String> {
    CloudEvent::parse(&JsonText::parse(text).unwrap()).map_err(|e| e.to_string())
}

const MINIMAL: &str = r#"{"specversion":"1.0","id":"1","source":"/s","type":"com.example.a"}"#;

#[test]
fn everything_comes_back_as_it_was() {
    let full = r#"{"specversion":"1.0","id":"A-1","type":"com.example.a","source":"https://example.com/s?x=%20","subject":"123","time":"2026-03-01T09:00:00.1234567+01:00","datacontenttype":"application/json","dataschema":"https://example.com/a.json","data":{"n":12345678901234567890,"d":1.10},"attempt":2,"last":true,"traceparent":"00-1"}"#;
    let event = parse(full).unwrap();
    assert_eq!(event.to_json().as_str(), full);
    assert_eq!(
        event.data.payload().as_str(),
        r#"{"n":12345678901234567890,"d":1.10}"#
    );
    assert_eq!(event.extensions["attempt"].as_str(), "2");
    let bytes = MINIMAL.replace(
        '}',
        r#","datacontenttype":"image/png","data_base64":"AAEC"}"#,
    );
    let event = parse(&bytes).unwrap();
    assert_eq!(
        (event.data.encoding(), event.data.payload().as_str()),
        ("base64", "\"AAEC\"")
    );
    assert_eq!(parse(event.to_json().as_str()).unwrap(), event);
    assert_eq!(parse(MINIMAL).unwrap().data, EventData::None);
}

#[test]
fn unset_attributes_may_be_null() {
    let event = parse(&MINIMAL.replace('}', r#","subject":null,"ext":null,"data":null}"#)).unwrap();
    assert_eq!(event.subject, None);
    assert!(event.extensions.is_empty());
}

#[test]
fn json_in_base64_is_json() {
    let text = MINIMAL.replace(
        '}',
        r#","datacontenttype":"a/b+json","data_base64":"eyJhIjoxLjEwfQ=="}"#,
    );
    assert_eq!(
        parse(&text).unwrap().data.payload().as_str(),
        r#"{"a":1.10}"#
    );
}

#[test]
fn what_breaks_the_specification_is_named() {
    let with = |more: &str| MINIMAL.replace('}', &format!(",{more}}}"));
    for (text, expected) in [
        ("[]".to_owned(), "`` is not a JSON object"),
        (MINIMAL.replace(r#""id":"1","#, ""), "`id` is missing"),
        (
            MINIMAL.replace(r#""id":"1""#, r#""id":"""#),
            "`id` is empty",
        ),
        (
            MINIMAL.replace(r#""id":"1""#, r#""id":1"#),
            "`id` is number, a text is required",
        ),
        (
            MINIMAL.replace("1.0", "0.3"),
            "`specversion` is not 1.0, the version that this host takes",
        ),
        (
            MINIMAL.replace("\"/s\"", "\"a b\""),
            "`source` is not a URI reference (RFC 3986)",
        ),
        (
            MINIMAL.replace("\"/s\"", "\"/%2\""),
            "`source` is not a URI reference (RFC 3986)",
        ),
        (
            MINIMAL.replace("com.example.a", "com.*"),
            "`type` has characters other than printable ASCII without spaces, quotes and `*`",
        ),
        (
            with(r#""time":"yesterday""#),
            "`time` is not a time of RFC 3339",
        ),
        (
            with(r#""time":"2026-03-01""#),
            "`time` is not a time of RFC 3339",
        ),
        (
            with(r#""dataschema":"/relative""#),
            "`dataschema` is not an absolute URI (RFC 3986)",
        ),
        (
            with(r#""datacontenttype":"json""#),
            "`datacontenttype` is not a media type (RFC 2046)",
        ),
        (
            with(r#""subject":"a\u0000""#),
            "`subject` has a control character or another that no attribute may have",
        ),
        (
            with(r#""myExt":1"#),
            "`myExt` is not the name of an attribute: lower-case letters and digits, 64 at most",
        ),
        (
            with(r#""ext":1.5"#),
            "`ext` is not a whole number of 32 bits, which is the only kind of number that an attribute may be",
        ),
        (
            with(r#""ext":{}"#),
            "`ext` is object; attributes are texts, whole numbers or truth values",
        ),
        (
            with(r#""data":1,"data_base64":"AA==""#),
            "`data_base64` stands beside `data`; an event has one of them",
        ),
        (
            with(r#""data_base64":"?""#),
            "`data_base64` is not base64 (RFC 4648, section 4)",
        ),
    ] {
        assert_eq!(parse(&text).unwrap_err(), expected, "{text}");
    }
    let long = MINIMAL.replace("\"1\"", &format!("\"{}\"", "x".repeat(2000)));
    assert_eq!(parse(&long).unwrap_err(), "`id` is longer than 1024 bytes");
}

#[test]
fn bytes_become_what_their_type_says() {
    let data = |bytes: &[u8], kind: Option<&str>| EventData::from_bytes(bytes, kind);
    assert_eq!(
        data(b"", Some("application/json")).unwrap(),
        EventData::None
    );
    assert_eq!(
        data(b"{\"a\":1.10}", None).unwrap().payload().as_str(),
        "{\"a\":1.10}"
    );
    assert_eq!(
        data(b"a,b", Some("text/csv; charset=utf-8"))
            .unwrap()
            .payload()
            .as_str(),
        "\"a,b\""
    );
    assert_eq!(
        data(&[0xff, 0], Some("text/csv"))
            .unwrap()
            .payload()
            .as_str(),
        "\"/wA=\""
    );
    assert_eq!(
        data(b"<a/>", Some("application/xml")).unwrap().encoding(),
        "base64"
    );
    assert!(data(b"{", Some("application/problem+json")).is_err());
    assert!(
        data(
            b"{\"a\":1,\"a\":2}",
            Some("application/json; charset=utf-8")
        )
        .is_err()
    );
}

#[test]
fn patterns_mean_one_type_or_all_below_a_prefix() {
    let matches = |pattern: &str, kind: &str| TypePattern::parse(pattern).unwrap().matches(kind);
    assert!(matches("com.example.a", "com.example.a"));
    assert!(!matches("com.example.a", "com.example.a.b"));
    assert!(matches("com.example.*", "com.example.a.b"));
    for other in ["com.example", "com.example.", "com.examples.a"] {
        assert!(!matches("com.example.*", other), "{other}");
    }
    for bad in ["", "*", ".*", "com.*.a", "com.example*", "a b", "*.a"] {
        assert_eq!(TypePattern::parse(bad), None, "{bad}");
    }
}
