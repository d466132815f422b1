//! `dowel doctor`: looks at the installation and says what to mend.

use crate::args::{Format, Repository};
use crate::{connectors, exit, output, secrets, wiring};
use anyhow::Result;
use dowel_core::connection::{ApiKeyPlace, AuthMethod, Connection};
use serde::Serialize;
use std::fmt::Write;
use std::process::ExitCode;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: String,
    ok: bool,
    detail: String,
}

pub(crate) fn run(repository: &Repository, format: Format) -> Result<ExitCode> {
    let mut findings = Vec::new();
    look(
        &mut findings,
        "the expression sandbox starts",
        wiring::mapping(repository).map(|_| String::new()),
    );
    let flows = repository.flows(&[]);
    look(
        &mut findings,
        "flows can be read",
        flows.map(|flows| format!("{} flow(s)", flows.len())),
    );
    let installed = connectors::read_manifests(repository);
    let count = installed.map(|connectors| format!("{} connector(s)", connectors.iter().count()));
    look(&mut findings, "connectors can be read", count);
    look(
        &mut findings,
        "the data folder can be written",
        writable(repository),
    );
    environment(repository, &mut findings);
    let wrong = findings.iter().any(|finding| !finding.ok);
    let mut text = String::new();
    for finding in &findings {
        let mark = if finding.ok { "ok  " } else { "MEND" };
        let _ = writeln!(text, "{mark}  {}  {}", finding.what, finding.detail);
    }
    output::print(format, &findings, &text)?;
    Ok(exit::found(wrong))
}

fn look(findings: &mut Vec<Finding>, what: &str, result: Result<String>) {
    let (ok, detail) = match result {
        Ok(detail) => (true, detail),
        Err(error) => (false, format!("{error:#}")),
    };
    findings.push(Finding {
        what: what.to_owned(),
        ok,
        detail,
    });
}

fn writable(repository: &Repository) -> Result<String> {
    let folder = repository.work("data");
    std::fs::create_dir_all(&folder)?;
    let probe = folder.join(".doctor");
    std::fs::write(&probe, b"ok")?;
    std::fs::remove_file(&probe)?;
    Ok(folder.display().to_string())
}

fn environment(repository: &Repository, findings: &mut Vec<Finding>) {
    match repository.environment() {
        Ok(None) => look(
            findings,
            "an environment is chosen",
            Ok("none: add --env dev to check one".to_owned()),
        ),
        Err(error) => look(findings, "the environment can be read", Err(error)),
        Ok(Some(Err(errors))) => look(
            findings,
            "the environment is valid",
            Err(wiring::as_error(&errors)),
        ),
        Ok(Some(Ok(environment))) => {
            look(
                findings,
                "the environment is valid",
                Ok(environment.name.clone()),
            );
            let named = environment.connections.iter().flat_map(secret_names);
            let mut names: Vec<String> = named
                .chain(environment.hook_secrets.names().map(str::to_owned))
                .chain(environment.events.secrets().map(str::to_owned))
                .collect();
            names.sort();
            names.dedup();
            for name in names {
                secret(repository, &name, findings);
            }
        }
    }
}

fn secret_names(connection: &Connection) -> Vec<String> {
    match connection.auth.as_ref().map(|auth| &auth.method) {
        None => Vec::new(),
        Some(AuthMethod::Bearer { token }) => vec![token.clone()],
        Some(AuthMethod::Basic { username, password }) => vec![username.clone(), password.clone()],
        Some(AuthMethod::ApiKey {
            place: ApiKeyPlace::Header(_) | ApiKeyPlace::Query(_),
            key,
        }) => vec![key.clone()],
    }
}

fn secret(repository: &Repository, name: &str, findings: &mut Vec<Finding>) {
    let provider = secrets::HostSecrets {
        folder: repository.secrets_dir.clone(),
    };
    let result = provider.read(name).map(|_| String::new()).map_err(|error| {
        anyhow::anyhow!(
            "{error}; set the environment variable {}",
            secrets::variable(name)
        )
    });
    look(findings, &format!("the secret `{name}` is there"), result);
}
