//! `get`

use crate::Config;
use crate::answer::{Answer, Target};
use dowel_sdk::{Context, Result, operation};

/// Gets a resource.
#[operation(
    effect = "read",
    idempotency = "natural",
    example_input = { "path": "orders/17", "query": { "expand": "lines" } },
    example_output = { "status": 200, "headers": {}, "body": { "id": 17 } },
)]
pub(crate) fn get(ctx: &Context<Config>, input: Target) -> Result<Answer> {
    Answer::of(&input.apply(ctx.http().get("/{+path}")).send()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::{Exchange, FakeHost};

    const CONFIG: &str = r#"{ "base_url": "https://api.example/v1" }"#;

    #[test]
    fn passes_the_body_through_unchanged() {
        let host = FakeHost::<Config>::new(CONFIG);
        let exchange = Exchange::get("/orders/17/lines?expand=a%26b&page=2")
            .header("accept-language", "en")
            .reply_header("ETag", "\"7\"")
            .reply_header("Set-Cookie", "session=x");
        host.expect(exchange.reply(200, r#"{"n": 1.10, "id": 12345678901234567890}"#));
        let input = r#"{
            "path": "/orders/17/lines", "query": { "page": 2, "expand": "a&b" },
            "headers": { "accept-language": "en" }
        }"#;
        assert_eq!(
            host.call::<get>(input).unwrap().as_str(),
            r#"{"status":200,"headers":{"etag":"\"7\""},"body":{"n": 1.10, "id": 12345678901234567890}}"#
        );
    }

    #[test]
    fn refuses_credentials_and_paths_that_climb() {
        let host = FakeHost::<Config>::new(CONFIG);
        for (input, code) in [
            (
                r#"{"path":"x","headers":{"Authorization":"Bearer x"}}"#,
                "header-not-allowed",
            ),
            (r#"{"path":"../admin"}"#, "invalid-path"),
        ] {
            assert_eq!(host.call::<get>(input).unwrap_err().code(), code);
        }
    }

    #[test]
    fn follows_redirects_within_reason() {
        let host = FakeHost::<Config>::new(CONFIG);
        let hop = || {
            Exchange::get("/a")
                .reply_header("Location", "/v1/a")
                .reply(302, "")
        };
        for _ in 0..6 {
            host.expect(hop());
        }
        let error = host.call::<get>(r#"{"path":"a"}"#).unwrap_err();
        assert_eq!(error.code(), "too-many-redirects");

        host.expect(hop());
        host.expect(Exchange::get("/a").reply(204, ""));
        let answer = host.call::<get>(r#"{"path":"a"}"#).unwrap();
        assert_eq!(
            answer.as_str(),
            r#"{"status":204,"headers":{},"body":null}"#
        );
        host.check_example::<get>();
    }
}
