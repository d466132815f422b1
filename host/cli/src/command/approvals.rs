//! `dowel approvals …`: what waits for the decision of a person.

use crate::args::{Approvals, Format, Host};
use crate::client::Client;
use crate::{exit, output};
use anyhow::{Result, bail};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) async fn run(command: Approvals, format: Format) -> Result<ExitCode> {
    match command {
        Approvals::List {
            flow,
            group,
            limit,
            cursor,
            host,
        } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend(flow.map(|flow| ("flow", flow)));
            query.extend(group.map(|group| ("group", group)));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            list(&host, &query, format).await
        }
        Approvals::Decide {
            run,
            step,
            decision,
            actor,
            comment,
            host,
        } => {
            if !run.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
                bail!("`{run}` is not the id of a run");
            }
            let body = json!({
                "decision": decision,
                "comment": comment,
            });
            let path = format!("/api/v1/approvals/{run}/{}/decisions", encoded(&step));
            let text = Client::speaking_for(&host, actor.as_deref())?
                .post(&path, body.to_string())
                .await?;
            let value: Value = serde_json::from_str(&text)?;
            let field = |name: &str| value[name].as_str().unwrap_or_default();
            let line = format!(
                "run {run}, step {step}: {} by {}, the run is {}",
                field("decision"),
                field("by"),
                field("status")
            );
            output::print(format, &value, &line)?;
            Ok(exit::found(false))
        }
    }
}

async fn list(host: &Host, query: &[(&str, String)], format: Format) -> Result<ExitCode> {
    let text = Client::new(host)?
        .get("/api/v1/approvals", query)
        .await?
        .unwrap_or_else(|| "{}".to_owned());
    let raw: Box<RawValue> = serde_json::from_str(&text)?;
    output::print(format, &raw, &table(&serde_json::from_str(&text)?))?;
    Ok(exit::found(false))
}

/// A step's path as one part of a URL.
pub(super) fn encoded(step: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    let mut out = String::new();
    for byte in step.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// A few lines per approval: what it is, and how to decide it.
fn table(page: &Value) -> String {
    let all = page["approvals"].as_array().map(Vec::as_slice);
    let all = all.unwrap_or_default();
    if all.is_empty() {
        return "no open approvals".to_owned();
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let words = |value: &Value| {
        let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
        all.iter().map(text).collect::<Vec<_>>().join(", ")
    };
    let mut out = String::new();
    for one in all {
        let _ = writeln!(
            out,
            "{} {}  {}\n  flow {}@{}, asked {}, until {}\n  groups {}; decisions {}",
            text(&one["run"]),
            text(&one["step"]),
            text(&one["title"]),
            text(&one["flow"]),
            text(&one["version"]),
            text(&one["asked_at"]),
            text(&one["until"]),
            words(&one["groups"]),
            words(&one["decisions"]),
        );
    }
    if let Some(next) = page["next"].as_str() {
        let _ = writeln!(out, "more: --cursor {next}");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{encoded, table};
    use serde_json::json;

    #[test]
    fn an_approval_says_what_it_is_and_who_decides() {
        let page = json!({ "approvals": [{
            "run": "019a", "step": "approval", "title": "Invoice 7", "flow": "orders",
            "version": "1.0.0", "asked_at": "2026-03-02T01:30:00.000Z", "until": null,
            "groups": ["finance", "leads"], "decisions": ["approved", "rejected"],
        }], "next": "0a" });
        let expected = "019a approval  Invoice 7\n  flow orders@1.0.0, asked 2026-03-02T01:30:00.000Z, until -\n  groups finance, leads; decisions approved, rejected\nmore: --cursor 0a\n";
        assert_eq!(table(&page), expected);
        assert_eq!(table(&json!({ "approvals": [] })), "no open approvals");
    }

    #[test]
    fn a_path_is_one_part_of_a_url() {
        assert_eq!(encoded("items[3].ask"), "items%5B3%5D.ask");
    }
}
