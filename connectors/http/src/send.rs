//! `send`

use crate::Config;
use crate::answer::{Answer, Target};
use dowel_sdk::http::Method;
use dowel_sdk::{Context, Json, Result, operation};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A request that changes something.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    /// How.
    method: Verb,
    /// The path below `base_url`, such as `orders`. Parts that come from a payload must
    /// be percent-encoded.
    path: String,
    /// Parameters of the query.
    #[serde(default)]
    query: BTreeMap<String, dowel_sdk::Id>,
    /// Headers of the request. Credentials and `Idempotency-Key` are the host's.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The JSON to send, as it is; no body if absent.
    body: Option<Json>,
}

/// A method that changes something.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub(crate) enum Verb {
    /// Acts.
    Post,
    /// Replaces.
    Put,
    /// Changes in part.
    Patch,
    /// Removes.
    Delete,
}

impl From<Verb> for Method {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Post => Self::Post,
            Verb::Put => Self::Put,
            Verb::Patch => Self::Patch,
            Verb::Delete => Self::Delete,
        }
    }
}

/// Sends a request that changes something, with an idempotency key.
#[operation(
    effect = "write",
    idempotency = "keyed",
    example_input = { "method": "POST", "path": "orders", "body": { "total": 19.90 } },
    example_output = { "status": 201, "headers": { "location": "/orders/17" }, "body": null },
)]
pub(crate) fn send(ctx: &Context<Config>, input: Change) -> Result<Answer> {
    let Change {
        method,
        path,
        query,
        headers,
        body,
    } = input;
    let target = Target {
        path,
        query,
        headers,
    };
    let request = target.apply(ctx.http().request(method.into(), "/{+path}"));
    let request = match &body {
        Some(body) => request.json(body),
        None => request,
    };
    Answer::of(&request.send()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::{Exchange, FakeHost};

    const CONFIG: &str = r#"{ "base_url": "https://api.example" }"#;

    #[test]
    fn sends_the_body_unchanged() {
        let host = FakeHost::<Config>::new(CONFIG);
        let sent = r#"{"b": 1.10,  "a": 12345678901234567890}"#;
        let exchange = Exchange::new(Method::Patch, "/orders/1").body(sent);
        host.expect(
            exchange
                .header("content-type", "application/json")
                .reply(200, "1.10"),
        );
        let input = format!(r#"{{"method":"PATCH","path":"orders/1","body":{sent}}}"#);
        let answer = host.call::<send>(&input).unwrap();
        assert_eq!(
            answer.as_str(),
            r#"{"status":200,"headers":{},"body":1.10}"#
        );
    }

    #[test]
    fn only_methods_that_change_something() {
        let host = FakeHost::<Config>::new(CONFIG);
        let error = host
            .call::<send>(r#"{"method":"GET","path":"x"}"#)
            .unwrap_err();
        assert!(error.message().contains("/method"), "{error}");
        host.check_example::<send>();
    }

    #[test]
    fn a_write_is_not_redirected() {
        let host = FakeHost::<Config>::new(CONFIG);
        let exchange = Exchange::new(Method::Delete, "/x").reply_header("Location", "/y");
        host.expect(exchange.reply(307, ""));
        let error = host
            .call::<send>(r#"{"method":"DELETE","path":"x"}"#)
            .unwrap_err();
        assert_eq!(error.code(), "http-307");
    }
}
