//! `download`

use crate::Config;
use crate::answer::{Target, shown};
use dowel_sdk::{Blob, Context, Result, operation};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an answer is if it does not say so (RFC 9110, section 8.3).
const UNKNOWN: &str = "application/octet-stream";

/// What was downloaded.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(crate) struct Downloaded {
    /// The status, 200 to 299.
    status: u16,
    /// `content-type`, `etag`, `last-modified`, `link` and `location`, where there.
    headers: BTreeMap<String, String>,
    /// The body, beside the run.
    body: Blob,
}

/// Gets a resource of any type and size, and keeps it beside the run.
#[operation(
    effect = "read",
    idempotency = "natural",
    deadline = "30m",
    example_input = { "path": "reports/2026.pdf" },
    example_output = {
        "status": 200,
        "headers": { "content-type": "application/pdf" },
        "body": {
            "$blob": "sha256:2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
            "run": "019b76da-a800-7000-8000-000000000000",
            "size": 1,
            "media_type": "application/pdf",
            "name": "2026.pdf",
        },
    },
)]
pub(crate) fn download(ctx: &Context<Config>, input: Target) -> Result<Downloaded> {
    let mut body = ctx.create_blob()?;
    let request = input.apply(ctx.http().get("/{+path}").header("accept", "*/*"));
    let response = request.download(&mut body).send()?;
    let media_type = response.header("content-type").unwrap_or(UNKNOWN);
    let name = input.path.rsplit('/').find(|part| !part.is_empty());
    Ok(Downloaded {
        status: response.status(),
        headers: shown(&response),
        body: body.finish(media_type, name)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_sdk::testing::{Exchange, FakeHost};

    const CONFIG: &str = r#"{ "base_url": "https://api.example/v1" }"#;

    #[test]
    fn keeps_what_is_no_text() {
        let host = FakeHost::<Config>::new(CONFIG);
        let exchange = Exchange::get("/reports/7.pdf").header("accept", "*/*");
        let exchange = exchange.reply_header("Content-Type", "application/pdf");
        let bytes = [0, 255, b'\n', 200].repeat(300_000);
        host.expect(exchange.reply(200, bytes.clone()));
        let output = host
            .call::<download>(r#"{"path":"reports/7.pdf"}"#)
            .unwrap();
        let output: Downloaded = serde_json::from_str(output.as_str()).unwrap();
        assert_eq!(output.body.media_type(), "application/pdf");
        assert_eq!(output.body.name(), Some("7.pdf"));
        assert_eq!(output.body.size(), 1_200_000);
        assert_eq!(host.blob(&output.body), bytes);
    }

    #[test]
    fn an_error_of_the_upstream_keeps_nothing() {
        let host = FakeHost::<Config>::new(CONFIG);
        host.expect(Exchange::get("/x").reply(404, r#"{"why":"gone"}"#));
        let error = host.call::<download>(r#"{"path":"x"}"#).unwrap_err();
        assert_eq!(error.code(), "http-404");
        assert!(
            error.details().unwrap().as_str().contains("gone"),
            "{error:?}"
        );
        host.check_example::<download>();
    }
}
