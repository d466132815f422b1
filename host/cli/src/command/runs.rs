//! `dowel runs list`, `show` and `blob`.

use crate::args::{Format, Host};
use crate::client::Client;
use crate::{exit, output, story_text};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::{Digest, Digester, RunId};
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
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

/// Writes a large body to a file or to standard output.
pub(crate) async fn blob(
    host: &Host,
    (run, digest): (&str, &str),
    out: Option<&Path>,
) -> Result<ExitCode> {
    let address: RunId = run.parse().map_err(|_| anyhow!("`{run}` is no run id"))?;
    let name: Digest = digest.parse()?;
    let path = format!("/api/v1/runs/{address}/blobs/{name}");
    let mut response = Client::new(host)?.stream(&path).await?;
    let mut sink: Box<dyn io::Write> = match out {
        Some(file) => Box::new(
            File::create(file).with_context(|| format!("cannot write {}", file.display()))?,
        ),
        None => Box::new(io::stdout().lock()),
    };
    let mut seen = Digester::default();
    while let Some(chunk) = response.chunk().await.context("the host broke it off")? {
        seen.update(&chunk);
        sink.write_all(&chunk)?;
    }
    sink.flush()?;
    if seen.finish() != name {
        bail!(
            "what came has the digest {}: it is not whole",
            seen.finish()
        );
    }
    Ok(exit::found(false))
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
