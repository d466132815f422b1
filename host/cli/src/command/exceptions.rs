//! `dowel exceptions …` and `dowel runs cancel`: what people decide about runs.

use super::runs::{self, Filter};
use crate::args::{Author, Exceptions, Format};
use crate::client::Client;
use crate::{exit, output};
use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// A decision as the host takes it. Raw JSON keeps number literals as they were written.
#[derive(Serialize)]
struct Decision<'a> {
    actor: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    command: Box<RawValue>,
}

pub(crate) async fn run(command: Exceptions, format: Format) -> Result<ExitCode> {
    match command {
        Exceptions::List { flow, limit, host } => {
            let filter = Filter {
                flow,
                status: Some("parked".to_owned()),
                limit,
                cursor: None,
            };
            runs::list(&host, filter, format).await
        }
        Exceptions::Show { id, host } => runs::show(&host, &id, format).await,
        Exceptions::Retry { id, step, author } => {
            let fields = [("path", step.map(|step| raw(&step)).transpose()?)];
            decide(&id, &author, object("retry", fields)?, format).await
        }
        Exceptions::Edit {
            id,
            step,
            input,
            key,
            author,
        } => {
            let fields = [
                ("path", Some(raw(&step)?)),
                ("input", Some(json(&input)?)),
                ("idempotency_key", key.map(|key| raw(&key)).transpose()?),
            ];
            decide(&id, &author, object("edit-input", fields)?, format).await
        }
        Exceptions::Complete {
            id,
            step,
            output,
            author,
        } => {
            let fields = [
                ("path", Some(raw(&step)?)),
                ("output", Some(json(&output)?)),
            ];
            decide(&id, &author, object("complete", fields)?, format).await
        }
        Exceptions::Skip { id, step, author } => {
            let fields = [("path", Some(raw(&step)?))];
            decide(&id, &author, object("skip", fields)?, format).await
        }
        Exceptions::Compensate { id, author } => {
            decide(&id, &author, raw("compensate")?, format).await
        }
        Exceptions::Discard {
            id,
            keep_key,
            author,
        } => {
            let fields = [("keep_key", Some(raw(&keep_key)?))];
            decide(&id, &author, object("discard", fields)?, format).await
        }
    }
}

/// `dowel runs cancel`.
pub(crate) async fn cancel(
    id: &str,
    author: &Author,
    compensate: bool,
    format: Format,
) -> Result<ExitCode> {
    let fields = [("compensate", Some(raw(&compensate)?))];
    decide(id, author, object("cancel", fields)?, format).await
}

async fn decide(
    id: &str,
    author: &Author,
    command: Box<RawValue>,
    format: Format,
) -> Result<ExitCode> {
    if !id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        bail!("`{id}` is not the id of a run");
    }
    let user = std::env::var("USER").unwrap_or_else(|_| "unknown".to_owned());
    let decision = Decision {
        actor: author.actor.as_deref().unwrap_or(&user),
        reason: author.reason.as_deref(),
        command,
    };
    let client = Client::new(&author.host.host)?;
    let path = format!("/api/v1/runs/{id}/decisions");
    let body = serde_json::to_string(&decision)?;
    let text = client.post(&path, body).await?;
    let value: Value = serde_json::from_str(&text)?;
    let line = format!(
        "run {id}: {} recorded, the run is {}",
        value["command"].as_str().unwrap_or_default(),
        value["status"].as_str().unwrap_or_default()
    );
    let raw: Box<RawValue> = serde_json::from_str(&text)?;
    output::print(format, &raw, &line)?;
    Ok(exit::found(false))
}

/// `{name: {fields}}`; fields without a value are left out.
fn object<const N: usize>(
    name: &str,
    fields: [(&str, Option<Box<RawValue>>); N],
) -> Result<Box<RawValue>> {
    let fields: BTreeMap<&str, Box<RawValue>> = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect();
    raw(&BTreeMap::from([(name, fields)]))
}

fn raw<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>> {
    Ok(serde_json::value::to_raw_value(value)?)
}

/// The JSON of a file, or of standard input, as it is written.
fn json(path: &Path) -> Result<Box<RawValue>> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin())?
    } else {
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?
    };
    serde_json::from_str(text.trim()).with_context(|| format!("{} is not JSON", path.display()))
}
