mod fuzz;

use super::*;
use axum::http::{HeaderName, HeaderValue};

/// A style's headers and body with a right signature, made by other programs: GitHub's
/// own documentation, the specification of Standard Webhooks, and Python's `hmac`.
struct Sample {
    scheme: Scheme,
    secret: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
    identity: &'static str,
}

/// When the samples were signed, in seconds.
const SIGNED: u64 = 1_614_265_330;

const STANDARD: Sample = Sample {
    scheme: Scheme::Standard,
    secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    headers: &[
        ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
        ("webhook-timestamp", "1614265330"),
        (
            "webhook-signature",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        ),
    ],
    body: r#"{"test": 2432232314}"#,
    identity: "msg_p5jXN8AQM9LWM0D4loKWxJek",
};

const GITHUB: Sample = Sample {
    scheme: Scheme::Github,
    secret: "It's a Secret to Everybody",
    headers: &[(
        "x-hub-signature-256",
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
    )],
    body: "Hello, World!",
    identity: "",
};

const STRIPE: Sample = Sample {
    scheme: Scheme::Stripe,
    secret: "whsec_test_secret",
    headers: &[(
        "stripe-signature",
        "t=1614265330,v1=e135cdbed3dda004bf8a2fb350f2541d299393c770e0b9e6e319dc595e9072aa,v0=00",
    )],
    body: r#"{"id":"evt_1"}"#,
    identity: "",
};

const SHOPIFY: Sample = Sample {
    scheme: Scheme::Shopify,
    secret: "hush",
    headers: &[(
        "x-shopify-hmac-sha256",
        "qBvrsZF7RfB1iS6BX6IHqJTp5L911P7intnPeTPsH0I=",
    )],
    body: r#"{"id":820982911946154508}"#,
    identity: "",
};

const SAMPLES: [Sample; 4] = [STANDARD, GITHUB, STRIPE, SHOPIFY];

impl Sample {
    fn headers(&self) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            )
        };
        self.headers.iter().map(pair).collect()
    }

    fn check(&self, headers: &HeaderMap, body: &str, secrets: &[&str], now: u64) -> Outcome {
        let message = Message {
            headers,
            body: body.as_bytes(),
            now: Timestamp::from_millis(now * 1000),
        };
        let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::new(*text)).collect();
        check(self.scheme, &message, &secrets)
    }
}

type Outcome = Result<MessageKey, Refusal>;

#[test]
fn right_signatures_are_right_with_any_of_the_valid_keys() {
    for sample in SAMPLES {
        let identity = match sample.identity {
            "" => Digest::of(sample.body).to_string(),
            given => given.to_owned(),
        };
        for secrets in [vec![sample.secret], vec!["another", sample.secret]] {
            let key = sample.check(&sample.headers(), sample.body, &secrets, SIGNED);
            let window = match sample.scheme {
                Scheme::Standard | Scheme::Stripe => TIMED_WINDOW,
                Scheme::Github | Scheme::Shopify => UNTIMED_WINDOW,
            };
            assert_eq!(key, Ok(MessageKey::new(identity.clone(), window)));
        }
    }
}

#[test]
fn other_bodies_and_other_keys_are_refused() {
    for sample in SAMPLES {
        let headers = sample.headers();
        let body = format!("{} ", sample.body);
        let changed = sample.check(&headers, &body, &[sample.secret], SIGNED);
        assert_eq!(changed, Err(Refusal::NoFit), "{:?}", sample.scheme);
        for secrets in [&[][..], &["another"], &["whsec_"]] {
            let other = sample.check(&headers, sample.body, secrets, SIGNED);
            assert_eq!(other, Err(Refusal::NoFit), "{:?}", sample.scheme);
        }
    }
}

#[test]
fn every_header_has_to_be_there() {
    for sample in SAMPLES {
        for (name, _) in sample.headers {
            let mut headers = sample.headers();
            headers.remove(*name);
            let outcome = sample.check(&headers, sample.body, &[sample.secret], SIGNED);
            assert_eq!(outcome, Err(Refusal::Missing(name)));
        }
    }
}

#[test]
fn times_that_are_signed_have_to_be_near() {
    let limit = TOLERANCE.as_secs();
    for sample in [STANDARD, STRIPE] {
        let headers = sample.headers();
        let at = |now| sample.check(&headers, sample.body, &[sample.secret], now);
        for near in [SIGNED - limit, SIGNED + limit] {
            assert!(at(near).is_ok(), "{:?}", sample.scheme);
        }
        for far in [SIGNED - limit - 1, SIGNED + limit + 1] {
            assert_eq!(at(far), Err(Refusal::OutsideTolerance(limit + 1)));
        }
        // A wrong signature is told first: its time says nothing.
        let wrong = sample.check(&headers, "x", &[sample.secret], SIGNED + 10_000);
        assert_eq!(wrong, Err(Refusal::NoFit));
    }
}

#[test]
fn a_time_cannot_be_exchanged() {
    let mut headers = STANDARD.headers();
    headers.insert("webhook-timestamp", HeaderValue::from_static("1614265331"));
    let outcome = STANDARD.check(&headers, STANDARD.body, &[STANDARD.secret], SIGNED);
    assert_eq!(outcome, Err(Refusal::NoFit));
    let mut headers = STRIPE.headers();
    let later = STRIPE.headers[0].1.replace("t=1614265330", "t=1614265331");
    headers.insert("stripe-signature", HeaderValue::from_str(&later).unwrap());
    let outcome = STRIPE.check(&headers, STRIPE.body, &[STRIPE.secret], SIGNED);
    assert_eq!(outcome, Err(Refusal::NoFit));
}

#[test]
fn one_of_several_signatures_is_enough() {
    let right = STANDARD.headers[2].1;
    for value in [
        format!("v1,AAAA {right}"),
        format!("v1a,AAAA v2,{} {right} v1,", &right[3..]),
    ] {
        let mut headers = STANDARD.headers();
        headers.insert("webhook-signature", HeaderValue::from_str(&value).unwrap());
        let outcome = STANDARD.check(&headers, STANDARD.body, &[STANDARD.secret], SIGNED);
        assert!(outcome.is_ok(), "{value}");
    }
    let many = format!("{}{right}", "v1,AAAA ".repeat(MAX_SIGNATURES));
    let mut headers = STANDARD.headers();
    headers.insert("webhook-signature", HeaderValue::from_str(&many).unwrap());
    let outcome = STANDARD.check(&headers, STANDARD.body, &[STANDARD.secret], SIGNED);
    assert_eq!(outcome, Err(Refusal::NoFit));
}

#[test]
fn junk_is_refused() {
    let cases: [(&Sample, &str, &[&str]); 5] = [
        (
            &STANDARD,
            "webhook-timestamp",
            &["", "-1", "+1614265330", "1e9", "99999999999999999999"],
        ),
        (&STANDARD, "webhook-id", &["", "a.b"]),
        (
            &GITHUB,
            "x-hub-signature-256",
            &[
                "",
                "sha256=",
                "sha256=zz",
                "sha256=abc",
                "sha1=00",
                "sha256=ÄÄ",
            ],
        ),
        (
            &STRIPE,
            "stripe-signature",
            &[
                "",
                "v1=00",
                "t=x,v1=00",
                "t=1614265330",
                "t=1614265330,t=1,v1=00",
            ],
        ),
        (&SHOPIFY, "x-shopify-hmac-sha256", &["", "!", "AAAA"]),
    ];
    for (sample, name, values) in cases {
        for value in values {
            let mut headers = sample.headers();
            headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            let outcome = sample.check(&headers, sample.body, &[sample.secret], SIGNED);
            assert!(outcome.is_err(), "{name}: {value}");
        }
    }
}
