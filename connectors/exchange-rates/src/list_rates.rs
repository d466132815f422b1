//! `list-rates`

use crate::{Config, Rate};
use dowel_sdk::{Context, Result, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which page of the rates.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Where the page begins; the first page without it.
    after: Option<String>,
    /// Rates on a page; the service decides without it.
    #[schemars(range(min = 1, max = 100))]
    limit: Option<u32>,
}

/// A page of rates.
#[derive(Deserialize, Serialize, JsonSchema)]
pub(crate) struct Rates {
    /// The rates, by base and currency.
    rates: Vec<Rate>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Lists the rates that hold now, page by page.
#[operation(
    effect = "read",
    idempotency = "natural",
    pagination = { cursor_in = "/after", cursor_out = "/next", items = "/rates" },
    example_input = { "limit": 1 },
    example_output = {
        "rates": [
            { "base": "EUR", "currency": "USD", "rate": "1.0834", "at": "2026-01-05T15:00:00Z" }
        ],
        "next": "EUR/USD"
    },
)]
pub(crate) fn list_rates(ctx: &Context<Config>, input: Query) -> Result<Rates> {
    ctx.http()
        .get("/rates")
        .query_opt("after", input.after)
        .query_opt("limit", input.limit)
        .send()?
        .json()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::ErrorKind;
    use dowel_sdk::testing::{Exchange, FakeHost};
    use std::time::Duration;

    const CONFIG: &str = r#"{ "base_url": "https://rates.example/v1/" }"#;

    #[test]
    fn asks_for_the_page_behind_the_cursor() {
        let host = FakeHost::<Config>::new(CONFIG);
        let body = r#"{"rates":[{"base":"EUR","currency":"USD","rate":"1.08340","at":"2026-01-05T15:00:00Z"}],"next":"EUR/USD"}"#;
        let first = Exchange::get("https://rates.example/v1/rates?limit=1");
        host.expect(first.reply(200, body));
        let page = host.call::<list_rates>(r#"{"limit":1}"#).unwrap();
        assert_eq!(page.as_str(), body);
        let last = Exchange::get("https://rates.example/v1/rates?after=EUR%2FUSD&limit=1");
        host.expect(last.reply(200, r#"{"rates":[],"next":null}"#));
        let input = r#"{"after":"EUR/USD","limit":1}"#;
        let page = host.call::<list_rates>(input).unwrap();
        assert_eq!(page.as_str(), r#"{"rates":[]}"#);
    }

    #[test]
    fn a_busy_service_says_how_long_to_wait() {
        let host = FakeHost::<Config>::new(CONFIG);
        let busy = Exchange::get("/rates").reply(429, "");
        host.expect(busy.reply_header("Retry-After", "2"));
        let error = host.call::<list_rates>("{}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    }

    #[test]
    fn examples_fit() {
        FakeHost::<Config>::new(CONFIG).check_example::<list_rates>();
    }
}
