//! `dowel canary`.

use super::switches::plain;
use crate::args::{Because, Canary, EndCanary, Format, StartCanary};
use crate::client::Client;
use crate::listing;
use crate::{exit, output};
use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::ExitCode;

pub(crate) async fn run(command: Canary, format: Format) -> Result<ExitCode> {
    match command {
        Canary::Start(start) => begin(&start, format).await,
        Canary::Status(host) => {
            listing::print(&host, "/api/v1/canaries", "canaries", format, table).await
        }
        Canary::Promote(given) => end(&given, "promote", format).await,
        Canary::Abort(given) => end(&given, "abort", format).await,
    }
}

async fn begin(start: &StartCanary, format: Format) -> Result<ExitCode> {
    let named = start.flow_version.split_once('@');
    let (flow, version) = named.with_context(|| {
        let named = &start.flow_version;
        format!("`{named}` names no version: write it as `order-to-invoice@1.5.0`")
    })?;
    plain("flow", flow)?;
    let body = json!({
        "version": version,
        "share": start.share,
        "key": start.key,
        "before": start.before,
        "min_runs": start.min_runs,
        "window": start.window,
        "error_rate_above": start.error_rate_above,
        "slower_than": start.slower_than,
        "reason": start.because.reason,
    });
    let path = format!("/api/v1/flows/{flow}/canary");
    let text = client(&start.because)?
        .post(&path, body.to_string())
        .await?;
    let one: Value = serde_json::from_str(&text)?;
    output::print(format, &one, &table(&json!({ "canaries": [one] })))?;
    Ok(exit::found(false))
}

async fn end(given: &EndCanary, end: &str, format: Format) -> Result<ExitCode> {
    plain("flow", &given.flow)?;
    let body = json!({ "end": end, "reason": given.because.reason });
    let path = format!("/api/v1/flows/{}/canary/end", given.flow);
    let text = client(&given.because)?
        .post(&path, body.to_string())
        .await?;
    let page: Value = serde_json::from_str(&text)?;
    output::print(format, &page, &table(&page))?;
    Ok(exit::found(false))
}

fn client(because: &Because) -> Result<Client> {
    Client::speaking_for(&because.host, because.actor.as_deref())
}

/// Some lines per canary.
fn table(page: &Value) -> String {
    let all = page["canaries"].as_array().map(Vec::as_slice);
    let all = all.unwrap_or_default();
    if all.is_empty() {
        return "there is no canary".to_owned();
    }
    let mut text = String::new();
    for one in all {
        let _ = writeln!(text, "{}", line(one));
        let field = |name: &str| one[name].as_str().unwrap_or("-");
        let _ = writeln!(
            text,
            "  {} ({}, {})",
            field("reason"),
            field("actor"),
            field("since")
        );
        for (name, version) in [("before", "before"), ("new", "version")] {
            let sample = &one["samples"][name];
            if sample.is_object() {
                let _ = writeln!(text, "  {:<10}  {}", field(version), counted(sample));
            }
        }
    }
    text
}

fn counted(sample: &Value) -> String {
    let number = |name: &str| sample[name].as_u64().unwrap_or_default();
    let took = match sample["p95_ms"].as_u64() {
        Some(millis) => format!("95% within {millis} ms"),
        None => "no time yet".to_owned(),
    };
    format!(
        "{} ended, {} failed, {took}",
        number("ended"),
        number("failed")
    )
}

/// What holds for the runs of a flow, in one line.
pub(crate) fn line(one: &Value) -> String {
    let field = |name: &str| one[name].as_str().unwrap_or("-");
    let (flow, version, before) = (field("flow"), field("version"), field("before"));
    match field("state") {
        "running" => format!(
            "{flow}: {} of the runs begin on {version}, the rest on {before}",
            field("share")
        ),
        "armed" => format!(
            "{flow}: {} of the runs will begin on {version} when the environment pins it",
            field("share")
        ),
        state => {
            format!("{flow}: all runs begin on {before}, although {version} is pinned ({state})")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_canary_is_told_with_its_numbers() {
        let canary = |state: &str, samples: Value| {
            json!({
                "flow": "orders", "version": "1.5.0", "before": "1.4.0", "state": state,
                "share": "10%", "reason": "new tax rules", "actor": "ana",
                "since": "2026-03-01T09:00:00.000Z", "samples": samples,
            })
        };
        let samples = json!({
            "before": { "ended": 180, "failed": 2, "p95_ms": 900 },
            "new": { "ended": 20, "failed": 0, "p95_ms": null },
        });
        let page = json!({ "canaries": [
            canary("running", samples), canary("rolled-back", Value::Null),
        ] });
        expect_test::expect![[r"
            orders: 10% of the runs begin on 1.5.0, the rest on 1.4.0
              new tax rules (ana, 2026-03-01T09:00:00.000Z)
              1.4.0       180 ended, 2 failed, 95% within 900 ms
              1.5.0       20 ended, 0 failed, no time yet
            orders: all runs begin on 1.4.0, although 1.5.0 is pinned (rolled-back)
              new tax rules (ana, 2026-03-01T09:00:00.000Z)
        "]]
        .assert_eq(&table(&page));
        assert_eq!(table(&json!({})), "there is no canary");
    }
}
