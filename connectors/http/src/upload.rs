//! `upload`

use crate::Config;
use crate::answer::{Answer, Target};
use dowel_sdk::http::Method;
use dowel_sdk::{Blob, Context, Result, operation};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A body and where it goes.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upload {
    /// How.
    method: Verb,
    /// The path below `base_url`, such as `files/7`. Parts that come from a payload must
    /// be percent-encoded.
    path: String,
    /// Parameters of the query.
    #[serde(default)]
    query: BTreeMap<String, dowel_sdk::Id>,
    /// Headers of the request. Credentials and `Idempotency-Key` are the host's.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// What to send, as an operation returned it.
    body: Blob,
}

/// A method with a body.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
#[schemars(inline)]
pub(crate) enum Verb {
    /// Acts.
    Post,
    /// Replaces.
    Put,
}

/// Sends a body that is kept beside the run, with an idempotency key.
#[operation(
    effect = "write",
    idempotency = "keyed",
    deadline = "30m",
    example_input = {
        "method": "PUT",
        "path": "files/7",
        "body": {
            "$blob": "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
            "run": "019b76da-a800-7000-8000-000000000000",
            "size": 1,
            "media_type": "application/pdf",
        },
    },
    example_output = { "status": 201, "headers": {}, "body": null },
)]
pub(crate) fn upload(ctx: &Context<Config>, input: Upload) -> Result<Answer> {
    let method = match input.method {
        Verb::Post => Method::Post,
        Verb::Put => Method::Put,
    };
    let target = Target {
        path: input.path,
        query: input.query,
        headers: input.headers,
    };
    let mut body = ctx.open_blob(&input.body)?;
    let length = body.size();
    let request = target.apply(ctx.http().request(method, "/{+path}"));
    let request = request.upload(input.body.media_type(), &mut body, length);
    Answer::of(&request.send()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::{Exchange, FakeHost};

    const CONFIG: &str = r#"{ "base_url": "https://api.example" }"#;

    #[test]
    fn sends_every_byte() {
        let host = FakeHost::<Config>::new(CONFIG);
        let bytes = [0, 255, b'\n', 200].repeat(300_000);
        let blob = host.keep_blob(bytes.clone(), "application/pdf");
        let exchange = Exchange::new(Method::Put, "/files/7");
        host.expect(
            exchange
                .header("content-type", "application/pdf")
                .reply(201, ""),
        );
        let input = format!(
            r#"{{"method":"PUT","path":"files/7","body":{}}}"#,
            blob.as_str()
        );
        let answer = host.call::<upload>(&input).unwrap();
        assert_eq!(
            answer.as_str(),
            r#"{"status":201,"headers":{},"body":null}"#
        );
        assert_eq!(host.sent()[0].body.as_ref(), Some(&bytes));
    }

    #[test]
    fn a_body_that_is_gone_is_not_sent() {
        let host = FakeHost::<Config>::new(CONFIG);
        let input = r#"{"method":"POST","path":"x","body":{"$blob":"sha256:0","run":"r","size":1,"media_type":"a/b"}}"#;
        let error = host.call::<upload>(input).unwrap_err();
        assert_eq!(error.code(), "blob-gone");
    }
}
