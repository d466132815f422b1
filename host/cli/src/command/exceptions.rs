//! `dowel exceptions …` and `dowel runs cancel`: what people decide about runs.

use super::{exceptions_bulk, exceptions_proposals, exceptions_text};
use crate::args::{Author, Exceptions, Filter, Format, Host, Target};
use crate::client::Client;
use crate::system::SystemClock;
use crate::{exit, output};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::Timestamp;
use dowel_core::port::Clock as _;
use dowel_core::units::parse_duration;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

/// Proposals that are asked for: as many as a host gives. A page is printed as it comes, so
/// that number literals stay.
const MOST_PROPOSALS: &str = "500";

/// A decision as the host takes it. Raw JSON keeps number literals as they were written.
#[derive(Serialize)]
struct Decision<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    command: Box<RawValue>,
}

pub(crate) async fn run(command: Exceptions, format: Format) -> Result<ExitCode> {
    match command {
        Exceptions::List {
            filter,
            limit,
            cursor,
            host,
        } => {
            let mut query = pairs(filter)?;
            query.push(("limit", limit.to_string()));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            show(
                &host,
                "/api/v1/exceptions",
                &query,
                exceptions_text::table,
                format,
            )
            .await
        }
        Exceptions::Groups { flow, host } => {
            let query: Vec<_> = flow.into_iter().map(|flow| ("flow", flow)).collect();
            let path = "/api/v1/exceptions/groups";
            show(&host, path, &query, exceptions_text::groups, format).await
        }
        Exceptions::Show { id, host } => {
            check_id(&id)?;
            let path = format!("/api/v1/exceptions/{id}");
            show(&host, &path, &[], exceptions_text::one, format).await
        }
        Exceptions::Proposals { host } => {
            let path = "/api/v1/exceptions/proposals";
            let query = [("limit", MOST_PROPOSALS.to_owned())];
            show(&host, path, &query, exceptions_proposals::table, format).await
        }
        Exceptions::Confirm { id, author } => {
            exceptions_proposals::decide(&id, "confirm", &author, format).await
        }
        Exceptions::Reject { id, author } => {
            exceptions_proposals::decide(&id, "reject", &author, format).await
        }
        Exceptions::Bulk(command) => exceptions_bulk::run(command, format).await,
        deciding => run_decision(deciding, format).await,
    }
}

/// The commands that are decisions about exceptions.
async fn run_decision(command: Exceptions, format: Format) -> Result<ExitCode> {
    match command {
        Exceptions::Retry {
            target,
            version,
            author,
        } => {
            let fields = [
                ("path", target.own_step()?),
                ("version", version.map(|version| raw(&version)).transpose()?),
            ];
            about(target, &author, object("retry", fields)?, format).await
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
            target,
            output,
            author,
        } => {
            let fields = [
                ("path", target.own_step()?),
                ("output", Some(json(&output)?)),
            ];
            about(target, &author, object("complete", fields)?, format).await
        }
        Exceptions::Skip { target, author } => {
            let fields = [("path", target.own_step()?)];
            about(target, &author, object("skip", fields)?, format).await
        }
        Exceptions::Rerun { target, author } => about(target, &author, raw("rerun")?, format).await,
        Exceptions::Resubmit {
            target,
            input,
            author,
        } => {
            let fields = [("payload", input.as_deref().map(json).transpose()?)];
            about(target, &author, object("resubmit", fields)?, format).await
        }
        Exceptions::Compensate { target, author } => {
            about(target, &author, raw("compensate")?, format).await
        }
        Exceptions::Discard {
            target,
            keep_key,
            author,
        } => {
            let fields = [("keep_key", Some(raw(&keep_key)?))];
            about(target, &author, object("discard", fields)?, format).await
        }
        // The others are carried out by `run`.
        other => bail!("not a decision: {other:?}"),
    }
}

impl Target {
    /// The step of one exception; among many it narrows the query.
    fn own_step(&self) -> Result<Option<Box<RawValue>>> {
        let step = self.filter.step.as_ref().filter(|_| self.id.is_some());
        step.map(raw).transpose()
    }
}

/// Decides about one exception or about many.
async fn about(
    target: Target,
    author: &Author,
    command: Box<RawValue>,
    format: Format,
) -> Result<ExitCode> {
    match &target.id {
        Some(id) => decide(id, author, command, format).await,
        None => exceptions_bulk::begin(target, author, command, format).await,
    }
}

/// What a list is narrowed by.
pub(super) fn pairs(filter: Filter) -> Result<Vec<(&'static str, String)>> {
    let now = SystemClock.now();
    let instant = |text: Option<String>| text.map(|text| instant(&text, now)).transpose();
    let fields = [
        ("flow", filter.flow),
        ("step", filter.step),
        ("code", filter.code),
        ("kind", filter.kind),
        ("class", filter.class),
        ("since", instant(filter.since)?),
        ("until", instant(filter.until)?),
        ("overdue", filter.overdue.then(|| "true".to_owned())),
    ];
    let given = fields.into_iter();
    let given = given.filter_map(|(name, value)| Some((name, value?)));
    Ok(given.collect())
}

/// An instant as it is written, or so long before now.
fn instant(text: &str, now: Timestamp) -> Result<String> {
    if Timestamp::parse(text).is_some() {
        return Ok(text.to_owned());
    }
    let ago = parse_duration(text).map_err(|_| {
        anyhow!("`{text}` is neither an instant such as 2026-03-01T09:00:00Z nor a time such as 2h")
    })?;
    let millis = u64::try_from(ago.as_millis()).unwrap_or(u64::MAX);
    Ok(Timestamp::from_millis(now.as_millis().saturating_sub(millis)).to_string())
}

/// Prints a resource of the host.
async fn show(
    host: &Host,
    path: &str,
    query: &[(&str, String)],
    text: fn(&Value) -> String,
    format: Format,
) -> Result<ExitCode> {
    let found = Client::new(host)?.get(path, query).await?;
    let Some(found) = found else {
        bail!(
            "nothing waits for a person under this id: list what does with `dowel exceptions list`"
        )
    };
    let raw: Box<RawValue> = serde_json::from_str(&found)?;
    output::print(format, &raw, &text(&serde_json::from_str(&found)?))?;
    Ok(exit::found(false))
}

pub(super) fn check_id(id: &str) -> Result<()> {
    if !id.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
        bail!("`{id}` is not the id of a run or an exception");
    }
    Ok(())
}

/// `dowel runs rerun`.
pub(crate) async fn rerun(id: &str, author: &Author, format: Format) -> Result<ExitCode> {
    decide(id, author, raw("rerun")?, format).await
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
    check_id(id)?;
    let decision = Decision {
        reason: author.reason.as_deref(),
        command,
    };
    let client = Client::of_author(author)?;
    let path = format!("/api/v1/exceptions/{id}/decisions");
    let body = serde_json::to_string(&decision)?;
    let text = client.post(&path, body).await?;
    let value: Value = serde_json::from_str(&text)?;
    let raw: Box<RawValue> = serde_json::from_str(&text)?;
    output::print(format, &raw, &decided(id, &value))?;
    Ok(exit::found(false))
}

/// What came of a decision.
pub(super) fn decided(id: &str, value: &Value) -> String {
    let command = value["command"].as_str().unwrap_or_default();
    if let Some(proposal) = value["proposed"].as_str() {
        return format!(
            "{id}: {command} is proposed and waits for a second person\nthey confirm it with: dowel exceptions confirm {proposal}"
        );
    }
    let mut line = format!("{id}: {command} recorded");
    if let Some(status) = value["status"].as_str() {
        line.push_str(&format!(", the run is {status}"));
    }
    if let Some(began) = value["began"].as_str() {
        line.push_str(&format!(", and run {began} has begun"));
    }
    line
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
