//! One call of an operation through a connection of an environment, outside of any run.

use crate::args::Repository;
use crate::command::eval::read;
use crate::{connectors, secrets, wiring};
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_conformance::Recorder;
use dowel_core::connection::{ApiKeyPlace, AuthMethod, Connection};
use dowel_core::id::{ConnectionName, OperationName};
use dowel_core::manifest::OperationSpec;
use dowel_core::port::{CallOutcome, CallRequest, Invoker, Secrets as _};
use dowel_core::{JsonText, RunId, StepId, StepPath, Timestamp};
use dowel_flow::validate::Validator;
use dowel_secrets::Providers;
use dowel_wasm::{ConnectorHost, HostOptions, WireAnswer, WireRequest};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The longest time of the call, unless the operation has its own.
const DEADLINE: Duration = Duration::from_secs(30);

/// A call that was made.
pub(crate) struct OneCall {
    pub(crate) connection: Connection,
    pub(crate) operation: OperationName,
    pub(crate) input: JsonText,
    pub(crate) outcome: CallOutcome,
    /// What passed between the gateway and the network, credentials included.
    pub(crate) exchanges: Vec<(WireRequest, Option<WireAnswer>)>,
    /// The values of the connection's secrets.
    pub(crate) secrets: Vec<String>,
}

impl OneCall {
    /// The query parameter that the host adds a key in, if it does.
    pub(crate) fn key_parameter(&self) -> Option<&str> {
        match &self.connection.auth.as_ref()?.method {
            AuthMethod::ApiKey {
                place: ApiKeyPlace::Query(name),
                ..
            } => Some(name),
            _ => None,
        }
    }
}

/// What is asked for.
pub(crate) struct Wanted<'a> {
    /// `connection.operation`.
    pub(crate) name: &'a str,
    /// JSON, or a file with it.
    pub(crate) with: &'a str,
    pub(crate) key: Option<&'a str>,
    pub(crate) repository: &'a Repository,
}

/// Makes the call.
pub(crate) async fn make(wanted: &Wanted<'_>) -> Result<OneCall> {
    let (connection, operation) = split(wanted.name)?;
    let repository = wanted.repository;
    let environment = match repository.environment()? {
        None => bail!("name an environment with --env: it has the connection"),
        Some(Err(findings)) => return Err(wiring::as_error(&findings)),
        Some(Ok(environment)) => environment,
    };
    let mut bound = environment.connections.iter();
    let bound = bound.find(|bound| bound.name == connection).cloned();
    let bound = bound.ok_or_else(|| {
        let name = &environment.name;
        anyhow!("the environment `{name}` binds no connection `{connection}`")
    })?;
    let secrets = Arc::new(secrets::of(repository)?);
    let recorder = Arc::new(Recorder::default());
    let host = ConnectorHost::new(
        HostOptions {
            cache_dir: Some(repository.work("cache")),
            wire: Some(Arc::clone(&recorder) as _),
            ..HostOptions::default()
        },
        Arc::clone(&secrets) as _,
    )?;
    connectors::install(&host, repository)?;
    let mut known = secret_values(&bound, &secrets).await;
    let request = request(&host, &bound, &operation, wanted)?;
    host.bind(vec![bound.clone()]).map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!(texts.join("\n"))
    })?;
    let input = request.input.clone();
    let outcome = host.call(request).await;
    let exchanges = recorder.exchanges();
    known.extend(tokens(&exchanges));
    Ok(OneCall {
        connection: bound,
        operation,
        input,
        outcome,
        exchanges,
        secrets: known,
    })
}

/// The access tokens that requests went out with: they are secrets that no place has.
fn tokens(exchanges: &[(WireRequest, Option<WireAnswer>)]) -> Vec<String> {
    let headers = exchanges.iter().flat_map(|(request, _)| &request.headers);
    let tokens = headers.filter_map(|(name, value)| {
        let token = value.strip_prefix("Bearer ")?;
        (name == "authorization").then(|| token.to_owned())
    });
    tokens.collect()
}

fn split(name: &str) -> Result<(ConnectionName, OperationName)> {
    let (connection, operation) = name
        .split_once('.')
        .context("an operation is written <connection>.<operation>, such as crm.get-contact")?;
    Ok((connection.parse()?, operation.parse()?))
}

/// The newest version of the connection's connector is called.
fn request(
    host: &ConnectorHost,
    connection: &Connection,
    operation: &OperationName,
    wanted: &Wanted<'_>,
) -> Result<CallRequest> {
    let name = &connection.connector;
    let versions = host.installed().into_iter();
    let versions = versions.filter(|one| one.manifest.name == *name);
    let newest = versions.max_by_key(|one| one.manifest.version.clone());
    let newest = newest.ok_or_else(|| anyhow!("no version of `{name}` is installed"))?;
    let spec = newest.manifest.operation(operation.as_str());
    let spec = spec.ok_or_else(|| {
        let all: Vec<&str> = newest
            .manifest
            .operations
            .iter()
            .map(|one| one.name.as_str())
            .collect();
        anyhow!(
            "`{name}` has no operation `{operation}`; it has {}",
            all.join(", ")
        )
    })?;
    let input = input(wanted.with)?;
    check_input(spec, &input)?;
    let key = match wanted.key {
        Some(key) => key.to_owned(),
        None => uuid::Uuid::new_v4().to_string(),
    };
    let limit = spec.deadline_ms.map(Duration::from_millis);
    Ok(CallRequest {
        connection: connection.name.clone(),
        component: newest.digest,
        operation: operation.clone(),
        input,
        idempotency_key: key,
        run: RunId::new(Timestamp::default(), [0; 10]),
        step: StepPath::top(&StepId::new("call")?),
        attempt: 1,
        deadline: limit.unwrap_or(DEADLINE),
        traceparent: None,
    })
}

fn input(text: &str) -> Result<JsonText> {
    let is_json = text.trim_start().starts_with(['{', '[', '"']);
    let json = if is_json {
        JsonText::parse(text).context("--with is not JSON")?
    } else {
        let text = read(Path::new(text))?;
        JsonText::parse(&text).context("the input is not JSON")?
    };
    Ok(json)
}

fn check_input(spec: &OperationSpec, input: &JsonText) -> Result<()> {
    let schema = Validator::new(&spec.input_schema)
        .map_err(|e| anyhow!("the input schema of `{}` cannot be used: {e}", spec.name))?;
    let found = schema.check(input);
    if found.is_empty() {
        return Ok(());
    }
    let lines = found.iter().map(|one| {
        let place = if one.pointer.is_empty() {
            "the input"
        } else {
            &one.pointer
        };
        format!("  {place} {}", one.message)
    });
    let lines: Vec<String> = lines.collect();
    bail!(
        "the input does not follow the schema of `{}`\n{}",
        spec.name,
        lines.join("\n")
    )
}

async fn secret_values(connection: &Connection, secrets: &Providers) -> Vec<String> {
    let mut values = Vec::new();
    for name in connection.secret_names() {
        let known = secrets.valid(name).await.unwrap_or_default();
        values.extend(known.iter().map(|secret| secret.expose().to_owned()));
    }
    values
}
