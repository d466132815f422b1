//! `dowel flow versions` and `dowel flow retire`.

use super::switches::plain;
use crate::args::{Because, Format, Host};
use crate::client::Client;
use crate::{exit, output};
use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::ExitCode;

pub(crate) async fn list(flow: &str, host: &Host, format: Format) -> Result<ExitCode> {
    plain("flow", flow)?;
    let path = format!("/api/v1/flows/{flow}/versions");
    let Some(text) = Client::new(host)?.get(&path, &[]).await? else {
        bail!("the host knows no version of a flow `{flow}`");
    };
    show(&text, format)
}

pub(crate) async fn retire(named: &str, because: &Because, format: Format) -> Result<ExitCode> {
    let parts = named.split_once('@');
    let (flow, version) = parts.with_context(|| {
        format!("`{named}` names no version: write it as `order-to-invoice@1.3.0`")
    })?;
    plain("flow", flow)?;
    let version: semver::Version = version
        .parse()
        .with_context(|| format!("`{version}` is not a version such as 1.3.0"))?;
    let body = json!({ "reason": because.reason });
    let path = format!("/api/v1/flows/{flow}/versions/{version}/retire");
    let client = Client::speaking_for(&because.host, because.actor.as_deref())?;
    show(&client.post(&path, body.to_string()).await?, format)
}

fn show(text: &str, format: Format) -> Result<ExitCode> {
    let page: Value = serde_json::from_str(text)?;
    output::print(format, &page, &table(&page))?;
    Ok(exit::found(false))
}

/// One line per version.
fn table(page: &Value) -> String {
    let mut text = format!(
        "{:<12}  {:<9}  {:>9}  {:<10}  {}\n",
        "VERSION", "STATE", "LIVE RUNS", "COMMIT", "SINCE"
    );
    for one in page["versions"].as_array().into_iter().flatten() {
        let field = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        let commit: String = field("commit").chars().take(10).collect();
        let _ = writeln!(
            text,
            "{:<12}  {:<9}  {:>9}  {commit:<10}  {}",
            field("version"),
            field("state"),
            one["live_runs"],
            field("since")
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_version() {
        let page = json!({ "versions": [
            { "version": "1.5.0", "state": "pinned", "live_runs": 12, "since": null,
              "commit": "9f2c41a0b3d4e5f60718293a4b5c6d7e8f901234" },
            { "version": "1.4.0", "state": "unused", "live_runs": 0, "commit": null,
              "since": "2026-03-01T09:00:00.000Z" },
        ] });
        expect_test::expect![[r#"
            VERSION       STATE      LIVE RUNS  COMMIT      SINCE
            1.5.0         pinned     12  9f2c41a0b3  -
            1.4.0         unused     0  -           2026-03-01T09:00:00.000Z
        "#]]
        .assert_eq(&table(&page));
    }
}
