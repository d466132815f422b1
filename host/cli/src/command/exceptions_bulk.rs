//! `dowel exceptions retry --flow …` and `dowel exceptions bulk …`: one decision about many
//! exceptions, carried out by the host and followed from here.

use super::exceptions::{check_id, pairs};
use super::exceptions_bulk_text as text;
use crate::args::{Author, Bulk, Format, OneBulk, Target};
use crate::client::Client;
use crate::{exit, output};
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

const PATH: &str = "/api/v1/exceptions/bulk";

/// How often a follower looks.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long a follower waits for a host that does not answer: as long as one takes to
/// start again.
const PATIENCE: Duration = Duration::from_secs(60);

/// An operation as the host takes it.
#[derive(Serialize)]
struct Wanted {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    command: Box<RawValue>,
    query: BTreeMap<&'static str, Value>,
    all: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<String>,
    dry_run: bool,
}

/// Begins an operation, or says what it would be about.
pub(super) async fn begin(
    target: Target,
    author: &Author,
    command: Box<RawValue>,
    format: Format,
) -> Result<ExitCode> {
    let mut query: BTreeMap<&'static str, Value> = pairs(target.filter)?
        .into_iter()
        .map(|(name, value)| match name {
            "overdue" => (name, Value::Bool(true)),
            _ => (name, Value::String(value)),
        })
        .collect();
    query.extend(target.limit.map(|limit| ("limit", Value::from(limit))));
    let wanted = Wanted {
        reason: author.reason.clone(),
        command,
        query,
        all: target.all,
        rate: target.rate.map(|rate| rate.to_string()),
        dry_run: target.dry_run,
    };
    let client = Client::of_author(author)?;
    // Before anything has begun: whoever interrupts right afterwards pauses it.
    let interrupt = signal(SignalKind::interrupt())?;
    let answer = client.post(PATH, serde_json::to_string(&wanted)?).await?;
    if target.dry_run {
        return print(&answer, text::preview, format);
    }
    let bulk: Value = serde_json::from_str(&answer)?;
    if target.detach || bulk["state"] == "proposed" {
        return print(&answer, text::begun, format);
    }
    let id = bulk["id"].as_str().unwrap_or_default().to_owned();
    follow(&client, &id, author, interrupt, format).await
}

/// The commands about operations that have begun.
pub(super) async fn run(command: Bulk, format: Format) -> Result<ExitCode> {
    match command {
        Bulk::List { limit, host } => {
            let query = [("limit", limit.to_string())];
            let found = Client::new(&host)?.get(PATH, &query).await?;
            print(
                &found.unwrap_or_else(|| "{}".to_owned()),
                text::table,
                format,
            )
        }
        Bulk::Show { id, host } => {
            let found = look(&Client::new(&host)?, &id).await?;
            print(&found, text::one, format)
        }
        Bulk::Watch(OneBulk { id, author }) => {
            let client = Client::of_author(&author)?;
            let interrupt = signal(SignalKind::interrupt())?;
            look(&client, &id).await?;
            follow(&client, &id, &author, interrupt, format).await
        }
        Bulk::Pause(bulk) => print(&change(&bulk, "pause").await?, text::one, format),
        Bulk::Cancel(bulk) => print(&change(&bulk, "cancel").await?, text::one, format),
        Bulk::Resume { bulk, detach } => {
            let interrupt = signal(SignalKind::interrupt())?;
            let answer = change(&bulk, "resume").await?;
            if detach {
                return print(&answer, text::begun, format);
            }
            let client = Client::of_author(&bulk.author)?;
            follow(&client, &bulk.id, &bulk.author, interrupt, format).await
        }
    }
}

fn print(found: &str, text: fn(&Value) -> String, format: Format) -> Result<ExitCode> {
    let raw: Box<RawValue> = serde_json::from_str(found)?;
    output::print(format, &raw, &text(&serde_json::from_str(found)?))?;
    Ok(exit::found(false))
}

async fn look(client: &Client, id: &str) -> Result<String> {
    check_id(id)?;
    match client.get(&format!("{PATH}/{id}"), &[]).await? {
        Some(found) => Ok(found),
        None => {
            bail!("there is no bulk operation `{id}`: list them with `dowel exceptions bulk list`")
        }
    }
}

async fn change(bulk: &OneBulk, change: &str) -> Result<String> {
    check_id(&bulk.id)?;
    let body = serde_json::json!({ "reason": bulk.author.reason });
    let client = Client::of_author(&bulk.author)?;
    let path = format!("{PATH}/{}/{change}", bulk.id);
    client.post(&path, body.to_string()).await
}

/// Shows how an operation goes on until it stops. Ctrl-C pauses it.
async fn follow(
    client: &Client,
    id: &str,
    author: &Author,
    mut interrupt: Signal,
    format: Format,
) -> Result<ExitCode> {
    let mut progress = Progress::new(format);
    let mut answered = Instant::now();
    loop {
        match look(client, id).await {
            Ok(found) => {
                answered = Instant::now();
                let bulk: Value = serde_json::from_str(&found)?;
                progress.show(&found, &bulk)?;
                if bulk["state"] != "running" {
                    return progress.end(&bulk);
                }
            }
            // A host that starts again goes on with it.
            Err(error) if answered.elapsed() > PATIENCE => {
                return Err(error.context(format!(
                    "the operation is in the host's store and goes on with the host; follow it with `dowel exceptions bulk watch {id}`"
                )));
            }
            Err(_) => {}
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = interrupt.recv() => {
                let found = pause(client, id, author).await?;
                let bulk: Value = serde_json::from_str(&found)?;
                progress.show(&found, &bulk)?;
                return progress.end(&bulk);
            }
        }
    }
}

async fn pause(client: &Client, id: &str, author: &Author) -> Result<String> {
    let bulk = OneBulk {
        id: id.to_owned(),
        author: author.clone(),
    };
    match change(&bulk, "pause").await {
        Ok(found) => Ok(found),
        // It may have ended just now; or nobody answers, and it was not paused.
        Err(_) => look(client, id).await.with_context(|| {
            format!("the operation could not be paused and goes on with the host; pause it with `dowel exceptions bulk pause {id}`")
        }),
    }
}

/// What a follower sees.
struct Progress {
    format: Format,
    /// Whether one line is written over and over.
    is_live: bool,
    shown: Option<String>,
    begun: Instant,
    /// Where the operation was when this follower came.
    first: Option<u64>,
}

impl Progress {
    fn new(format: Format) -> Self {
        Self {
            format,
            is_live: format == Format::Human && std::io::stderr().is_terminal(),
            shown: None,
            begun: Instant::now(),
            first: None,
        }
    }

    /// One line of JSON for each change, or the line on the terminal.
    fn show(&mut self, found: &str, bulk: &Value) -> Result<()> {
        if self.shown.as_deref() == Some(found) {
            return Ok(());
        }
        self.shown = Some(found.to_owned());
        if self.format == Format::Json {
            let raw: Box<RawValue> = serde_json::from_str(found)?;
            let mut out = std::io::stdout().lock();
            // A closed pipe (`| head`) is not an error.
            let _ = writeln!(out, "{raw}").and_then(|()| out.flush());
        } else if self.is_live {
            let position = bulk["position"].as_u64().unwrap_or_default();
            let first = *self.first.get_or_insert(position);
            let line = text::progress(bulk, position - first.min(position), self.begun.elapsed());
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\r\x1b[2K{line}").and_then(|()| out.flush());
        }
        Ok(())
    }

    /// How it ended, with the command that goes on.
    fn end(&self, bulk: &Value) -> Result<ExitCode> {
        if self.is_live {
            let mut out = std::io::stderr().lock();
            let _ = write!(out, "\r\x1b[2K").and_then(|()| out.flush());
        }
        if self.format == Format::Human {
            output::print(self.format, bulk, &text::ended(bulk))?;
        }
        let is_clean = bulk["state"] == "done" && bulk["failed"] == 0;
        Ok(exit::found(!is_clean))
    }
}
