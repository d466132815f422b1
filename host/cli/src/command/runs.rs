//! `dowel runs list` and `dowel runs show`.

use crate::args::{Format, Host};
use crate::client::Client;
use crate::{exit, output, story_text};
use anyhow::{Result, bail};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt::Write;
use std::process::ExitCode;

/// Which runs to list.
pub(crate) struct Filter {
    pub(crate) flow: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) limit: usize,
    pub(crate) cursor: Option<String>,
}

pub(crate) async fn list(host: &Host, filter: Filter, format: Format) -> Result<ExitCode> {
    let mut query = vec![("limit", filter.limit.to_string())];
    query.extend(filter.flow.map(|flow| ("flow", flow)));
    query.extend(filter.status.map(|status| ("status", status)));
    query.extend(filter.cursor.map(|cursor| ("cursor", cursor)));
    let text = Client::new(host)?
        .get("/api/v1/runs", &query)
        .await?
        .unwrap_or_else(|| "{}".to_owned());
    let raw: Box<RawValue> = serde_json::from_str(&text)?;
    output::print(format, &raw, &table(&serde_json::from_str(&text)?))?;
    Ok(exit::found(false))
}

/// One line per run.
pub(crate) fn table(page: &Value) -> String {
    let runs = page["runs"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    if runs.is_empty() {
        return "no runs".to_owned();
    }
    let field = |run: &Value, name: &str| run[name].as_str().unwrap_or("-").to_owned();
    let mut text = format!(
        "{:<32}  {:<24}  {:<9}  {:<24}  {}\n",
        "RUN", "CREATED", "STATUS", "KEY", "FLOW"
    );
    for run in runs {
        let flow = format!("{}@{}", field(run, "flow"), field(run, "version"));
        let _ = writeln!(
            text,
            "{:<32}  {:<24}  {:<9}  {:<24}  {flow}",
            field(run, "id"),
            field(run, "created_at"),
            field(run, "status"),
            field(run, "dedupe_key"),
        );
    }
    if let Some(next) = page["next"].as_str() {
        let _ = writeln!(text, "more: --cursor {next}");
    }
    text
}

pub(crate) async fn show(host: &Host, id: &str, format: Format) -> Result<ExitCode> {
    let Some(text) = story(&Client::new(host)?, id).await? else {
        bail!("there is no run `{id}`")
    };
    print_story(&text, format)
}

/// The story of a run as the host tells it.
pub(crate) async fn story(client: &Client, id: &str) -> Result<Option<String>> {
    let plain = id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if plain {
        client.get(&format!("/api/v1/runs/{id}"), &[]).await
    } else {
        Ok(None)
    }
}

/// Prints a story that the host told.
pub(crate) fn print_story(text: &str, format: Format) -> Result<ExitCode> {
    let raw: Box<RawValue> = serde_json::from_str(text)?;
    output::print(
        format,
        &raw,
        &story_text::render(&serde_json::from_str::<story_text::Story>(text)?),
    )?;
    Ok(exit::found(false))
}
