//! Damaged webhooks: none makes the host panic, and none with another body than the one
//! that was signed is believed.

use super::super::*;
use super::SAMPLES;
use axum::http::{HeaderName, HeaderValue};
use dowel_fuzz::Target;

const TARGET: Target = Target {
    name: "webhook-signature",
    words: &[
        "v1,",
        "v1=",
        "t=",
        "sha256=",
        "\n\n",
        "\n",
        ",",
        " ",
        "=",
        "1614265330",
        "-1",
        "99999999999999999999",
        "webhook-id: ",
        "webhook-timestamp: ",
        "webhook-signature: ",
        "stripe-signature: ",
        "x-hub-signature-256: ",
        "x-shopify-hmac-sha256: ",
        "AAAA",
        "é",
    ],
};

/// Header lines, an empty line, the body.
fn read(input: &[u8]) -> (HeaderMap, &[u8]) {
    let end = input.windows(2).position(|two| two == b"\n\n");
    let (head, body) = match end {
        Some(end) => (&input[..end], &input[end + 2..]),
        None => (input, &input[..0]),
    };
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let mut parts = line.splitn(2, |byte| *byte == b':');
        let name = parts
            .next()
            .and_then(|name| HeaderName::from_bytes(name).ok());
        let value = parts.next().map(<[u8]>::trim_ascii);
        let value = value.and_then(|value| HeaderValue::from_bytes(value).ok());
        if let (Some(name), Some(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    (headers, body)
}

#[test]
fn fuzz_webhook_signatures() {
    TARGET.run(|input| {
        let (headers, body) = read(input);
        for sample in SAMPLES {
            let message = Message {
                headers: &headers,
                body,
                now: Timestamp::from_millis(1_614_265_330_000),
            };
            let secrets = [Secret::new("another"), Secret::new(sample.secret)];
            if check(sample.scheme, &message, &secrets).is_ok() {
                assert_eq!(body, sample.body.as_bytes(), "{:?}", sample.scheme);
            }
            let stranger = check(sample.scheme, &message, &[Secret::new("another")]);
            assert!(stranger.is_err(), "{:?}", sample.scheme);
        }
    });
}
