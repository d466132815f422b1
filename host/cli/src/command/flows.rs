//! `dowel flow list`, `dowel flow disable` and `dowel flow enable`.

use crate::args::{Format, Host, Switch};
use crate::client::Client;
use crate::command::switches;
use crate::listing;
use crate::{exit, output};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) async fn list(host: &Host, format: Format) -> Result<ExitCode> {
    listing::print(host, "/api/v1/flows", "flows", format, table).await
}

pub(crate) async fn switch(switch: &Switch, word: &str, format: Format) -> Result<ExitCode> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    if !switch.flow.bytes().all(plain) {
        bail!("`{}` is not the name of a flow", switch.flow);
    }
    let because = &switch.because;
    if let Some(trigger) = &switch.trigger {
        return switches::trigger(&switch.flow, trigger, because, word, format).await;
    }
    let path = format!("/api/v1/flows/{}/{word}", switch.flow);
    let body = json!({ "reason": because.reason });
    let text = Client::speaking_for(&because.host, because.actor.as_deref())?
        .post(&path, body.to_string())
        .await?;
    let flow: Value = serde_json::from_str(&text)?;
    let page = json!({ "flows": [flow] });
    output::print(format, &flow, &table(&page))?;
    Ok(exit::found(false))
}

/// One line per flow.
fn table(page: &Value) -> String {
    let flows = page["flows"].as_array();
    let flows = flows.map(Vec::as_slice).unwrap_or_default();
    if flows.is_empty() {
        return "no flows".to_owned();
    }
    let mut text = format!(
        "{:<32}  {:<8}  {:>7}  {}\n",
        "FLOW", "STATE", "STOPPED", "WHY"
    );
    for one in flows {
        let field = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let name = format!("{}@{}", field(&one["flow"]), field(&one["version"]));
        let is_enabled = one["enabled"].as_bool().unwrap_or(true);
        let state = if is_enabled { "enabled" } else { "disabled" };
        let decision = &one["decision"];
        let why = if one["disabled_in_file"] == json!(true) {
            "the environment file disables it".to_owned()
        } else if decision.is_object() {
            let (actor, at) = (field(&decision["actor"]), field(&decision["at"]));
            format!("{} ({actor}, {at})", field(&decision["reason"]))
        } else {
            "-".to_owned()
        };
        let stopped = one["stopped"].to_string();
        let _ = writeln!(text, "{name:<32}  {state:<8}  {stopped:>7}  {why}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_flow() {
        let page = json!({ "flows": [
            { "flow": "order-to-invoice", "version": "1.4.0", "enabled": false, "stopped": 12, "disabled_in_file": false,
              "decision": { "enabled": false, "actor": "ana", "reason": "wrong prices", "at": "2026-03-01T09:00:00.000Z" } },
            { "flow": "nightly-sync", "version": "2.0.1", "enabled": false, "stopped": 0, "disabled_in_file": true },
            { "flow": "hello", "version": "1.0.0", "enabled": true, "stopped": 0, "disabled_in_file": false },
        ] });
        expect_test::expect![[r"
            FLOW                              STATE     STOPPED  WHY
            order-to-invoice@1.4.0            disabled       12  wrong prices (ana, 2026-03-01T09:00:00.000Z)
            nightly-sync@2.0.1                disabled        0  the environment file disables it
            hello@1.0.0                       enabled         0  -
        "]]
        .assert_eq(&table(&page));
        assert_eq!(table(&json!({})), "no flows");
    }
}
