//! `dowel sources`.

use crate::args::{Format, Host, Sources};
use crate::client::Client;
use crate::listing;
use crate::{exit, output};
use anyhow::Result;
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) async fn run(sources: &Sources, format: Format) -> Result<ExitCode> {
    match sources {
        Sources::List { host } => list(host, format).await,
        Sources::Reset {
            flow,
            trigger,
            cursor,
            because,
        } => {
            super::switches::plain("trigger", trigger)?;
            let path = format!("/api/v1/flows/{flow}/triggers/{trigger}/reset");
            let body = json!({ "reason": because.reason, "cursor": cursor });
            let text = Client::speaking_for(&because.host, because.actor.as_deref())?
                .post(&path, body.to_string())
                .await?;
            let one: Value = serde_json::from_str(&text)?;
            let page = json!({ "sources": [one] });
            output::print(format, &one, &table(&page))?;
            Ok(exit::found(false))
        }
    }
}

async fn list(host: &Host, format: Format) -> Result<ExitCode> {
    listing::print(host, "/api/v1/sources", "sources", format, table).await
}

/// One line per poll, and one more for each that waits or fails.
fn table(page: &Value) -> String {
    let all = page["sources"].as_array().map(Vec::as_slice);
    let all = all.unwrap_or_default();
    if all.is_empty() {
        return "no flow polls a source".to_owned();
    }
    let field = |one: &Value, name: &str| one[name].as_str().unwrap_or("-").to_owned();
    let mut text = format!(
        "{:<24}  {:<24}  {:<24}  {:<24}  {}\n",
        "LAST READ", "NEXT", "CURSOR", "SOURCE", "FLOW"
    );
    for one in all {
        let source = format!("{} every {}", field(one, "source"), field(one, "every"));
        let flow = format!("{}@{}", field(one, "flow"), field(one, "version"));
        let _ = writeln!(
            text,
            "{:<24}  {:<24}  {:<24}  {source:<24}  {flow} {}",
            field(one, "read_at"),
            field(one, "next"),
            field(one, "cursor"),
            field(one, "trigger"),
        );
        if let Some(reason) = one["waits"].as_str() {
            let _ = writeln!(text, "  waits for its turn at the connection: {reason}");
        }
        let failing = &one["failing"];
        if let Some(since) = failing["since"].as_str() {
            let (code, message) = (field(failing, "code"), field(failing, "message"));
            let times = &failing["times"];
            let _ = writeln!(
                text,
                "  fails since {since}, {times} times: {code}, {message}"
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_fails_says_why() {
        let page = json!({ "sources": [{
            "flow": "record-rates", "version": "1.0.0", "trigger": "poll",
            "source": "rates.new-rates", "every": "1m", "cursor": "C-7",
            "read_at": null, "next": "2026-03-01T09:01:00.000Z", "waits": "breaker",
            "failing": { "since": "2026-03-01T08:00:00.000Z", "times": 3, "code": "DWL-2209",
                         "message": "no connection" },
        }] });
        let text = table(&page);
        assert!(text.contains("C-7"), "{text}");
        let told = "fails since 2026-03-01T08:00:00.000Z, 3 times: DWL-2209, no connection";
        assert!(text.contains(told), "{text}");
        assert!(text.contains("at the connection: breaker"), "{text}");
        assert_eq!(table(&json!({ "sources": [] })), "no flow polls a source");
    }
}
