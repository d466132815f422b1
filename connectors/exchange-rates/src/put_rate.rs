//! `put-rate`

use crate::{Config, Rate};
use dowel_sdk::{Context, Decimal, ErrorKind, Result, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rate that holds from now on.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRate {
    /// ISO 4217, such as `EUR`.
    base: String,
    /// ISO 4217, such as `USD`.
    currency: String,
    /// What one unit of the base costs, such as `1.0834`.
    rate: Decimal,
}

/// Sets a rate in place of the one before. Repeating it with the same key changes nothing.
#[operation(
    effect = "write",
    idempotency = "keyed",
    example_input = { "base": "EUR", "currency": "USD", "rate": "1.0834" },
    example_output = {
        "base": "EUR", "currency": "USD", "rate": "1.0834", "at": "2026-01-05T15:00:00Z"
    },
)]
pub(crate) fn put_rate(ctx: &Context<Config>, input: NewRate) -> Result<Rate> {
    let request = ctx.http().post("/rates").json(&input);
    request.on_status(422, ErrorKind::Rejected).send()?.json()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::{Exchange, FakeHost};

    const CONFIG: &str = r#"{ "base_url": "https://rates.example/v1" }"#;

    #[test]
    fn digits_arrive_as_they_are() {
        let host = FakeHost::<Config>::new(CONFIG);
        let sent = r#"{"base":"EUR","currency":"USD","rate":"1.08340"}"#;
        let answer =
            r#"{"base":"EUR","currency":"USD","rate":"1.08340","at":"2026-01-05T15:00:00Z"}"#;
        host.expect(Exchange::post("/rates").body(sent).reply(201, answer));
        let input = r#"{"base":"EUR","currency":"USD","rate":1.08340}"#;
        assert_eq!(host.call::<put_rate>(input).unwrap().as_str(), answer);
    }

    #[test]
    fn a_no_of_the_business_is_a_rejection() {
        let host = FakeHost::<Config>::new(CONFIG);
        host.expect(Exchange::post("/rates").reply(422, r#"{"error":"unknown-currency"}"#));
        let input = r#"{"base":"EUR","currency":"XXX","rate":"1"}"#;
        let error = host.call::<put_rate>(input).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }

    #[test]
    fn input_that_does_not_fit_sends_nothing() {
        let host = FakeHost::<Config>::new(CONFIG);
        let input = r#"{"base":"EUR","currency":"USD","rate":"1,08"}"#;
        let error = host.call::<put_rate>(input).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("/rate"), "{error}");
    }

    #[test]
    fn examples_fit() {
        FakeHost::<Config>::new(CONFIG).check_example::<put_rate>();
    }
}
