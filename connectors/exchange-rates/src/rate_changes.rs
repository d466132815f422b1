//! `rate-changes`

use crate::Rate;
use crate::{Change, Config};
use dowel_sdk::{Claim, Context, Encoding, Error, Incoming, Reception, Reply, Result, receiver};
use schemars::JsonSchema;
use serde::Deserialize;

/// Which changes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// The base of the rates, such as `EUR`; all without it.
    base: Option<String>,
}

/// What the service sends.
#[derive(Deserialize)]
struct Notice {
    changes: Vec<Change>,
}

/// Rates, as the service sends them when they change.
#[receiver(handshake = true, deadline = "5s")]
pub(crate) fn rate_changes(
    ctx: &Context<Config>,
    params: Wanted,
    request: &Incoming,
) -> Result<Reception<Rate>> {
    if request.method() == "GET" {
        return greeted(request);
    }
    let at = request.seconds_header("x-rates-timestamp")?;
    let mut signed = request
        .required_header("x-rates-timestamp")?
        .as_bytes()
        .to_vec();
    signed.push(b'.');
    signed.extend_from_slice(request.body());
    let claim = Claim::hmac_sha256(signed).signed_at(at);
    ctx.verify(&claim.in_header("x-rates-signature", "sha256=", Encoding::Hex))?;
    let notice: Notice = request.json()?;
    let mut changes = notice.changes;
    if let Some(base) = &params.base {
        changes.retain(|change| change.base == *base);
    }
    Ok(Reception::of(changes.into_iter().map(Change::event)))
}

/// The service wants its challenge back before it sends anything.
fn greeted(request: &Incoming) -> Result<Reception<Rate>> {
    let missing = || Error::invalid_input("challenge-missing", "the request has no `challenge`");
    let challenge = request.query("challenge").ok_or_else(missing)?;
    Ok(Reception::handshake(Reply::text(challenge)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::ErrorKind;
    use dowel_sdk::testing::{FakeHost, Hook};

    const CONFIG: &str = r#"{ "base_url": "https://rates.example/v1" }"#;
    const BODY: &str = r#"{"changes":[{"id":"c-7","base":"EUR","currency":"USD","rate":"1.08340","at":"2026-01-05T15:00:00Z"},{"id":"c-8","base":"USD","currency":"CAD","rate":"1.4","at":"2026-01-05T15:00:00Z"}]}"#;

    /// A notice that was signed so many seconds after the beginning of 2026.
    fn notice(seconds: u64) -> Hook {
        let at = (1_767_225_600 + seconds).to_string();
        let hook = Hook::post(BODY).header("X-Rates-Timestamp", at);
        hook.header("X-Rates-Signature", "sha256=00")
    }

    #[test]
    fn all_events_of_a_request_come_in_order() {
        let host = FakeHost::<Config>::new(CONFIG);
        let reception = host.receive::<rate_changes>("{}", &notice(300)).unwrap();
        let ids: Vec<&str> = reception.events.iter().map(|event| &*event.id).collect();
        assert_eq!((ids, reception.answer), (vec!["c-7", "c-8"], None));
        let event = &reception.events[0];
        assert_eq!(event.subject.as_deref(), Some("EUR/USD"));
        assert_eq!(
            event.data.as_str(),
            r#"{"base":"EUR","currency":"USD","rate":"1.08340","at":"2026-01-05T15:00:00Z"}"#
        );
        let base = host
            .receive::<rate_changes>(r#"{"base":"USD"}"#, &notice(0))
            .unwrap();
        assert_eq!(base.events.len(), 1);
        assert_eq!(base.events[0].id, "c-8");
        assert_eq!(host.claims().len(), 2);
        assert_ne!(host.claims()[0], host.claims()[1], "the time is signed");
    }

    #[test]
    fn what_is_not_genuine_is_refused() {
        let host = FakeHost::<Config>::new(CONFIG);
        let code = |hook| host.receive::<rate_changes>("{}", &hook).unwrap_err();
        let late = code(notice(301));
        assert_eq!(
            (late.kind(), late.code()),
            (ErrorKind::Unauthenticated, "outside-tolerance")
        );
        assert_eq!(code(Hook::post(BODY)).code(), "header-missing");
        host.believe_nothing();
        assert_eq!(code(notice(0)).code(), "signature-wrong");
    }

    #[test]
    fn the_challenge_comes_back() {
        let host = FakeHost::<Config>::new(CONFIG);
        let greeting = host
            .receive::<rate_changes>("{}", &Hook::get("challenge=a%2Bb"))
            .unwrap();
        assert_eq!(greeting, Reception::handshake(Reply::text("a+b")));
        let error = host
            .receive::<rate_changes>("{}", &Hook::get("x=1"))
            .unwrap_err();
        assert_eq!(error.code(), "challenge-missing");
    }
}
