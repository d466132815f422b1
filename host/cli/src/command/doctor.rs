//! `dowel doctor`: looks at the installation and says what to mend.

use crate::args::{Format, Repository};
use crate::{connectors, exit, output, secrets, wiring};
use anyhow::{Result, anyhow};
use dowel_core::port::Secrets as _;
use dowel_secrets::Providers;
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

pub(crate) async fn run(repository: &Repository, format: Format) -> Result<ExitCode> {
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
    environment(repository, &mut findings).await;
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

async fn environment(repository: &Repository, findings: &mut Vec<Finding>) {
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
            let provider = match secrets::of(repository) {
                Ok(provider) => provider,
                Err(error) => {
                    return look(findings, "the places of secrets can be used", Err(error));
                }
            };
            for name in environment.secret_names() {
                secret(&provider, name, findings).await;
            }
        }
    }
}

async fn secret(provider: &Providers, name: &str, findings: &mut Vec<Finding>) {
    let result = match provider.valid(name).await {
        Ok(values) if values.len() > 1 => Ok(format!("{} values are valid", values.len())),
        Ok(_) => Ok(String::new()),
        Err(error) => Err(anyhow!("{error}; {}", provider.advice(name))),
    };
    look(findings, &format!("the secret `{name}` is there"), result);
}
