//! `dowel environment`: what is active on a host, and who agrees to changes.

use super::canary;
use crate::args::{Environment, Format, Host, Word};
use crate::client::Client;
use crate::{exit, output};
use anyhow::{Result, bail};
use dowel_core::Digest;
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) async fn run(command: Environment, format: Format) -> Result<ExitCode> {
    match command {
        Environment::Show(host) => show(&host, format).await,
        Environment::Sync(host) => sync(&host, format).await,
        Environment::Approve(word) => decide(&word, "approve", format).await,
        Environment::Reject(word) => decide(&word, "reject", format).await,
    }
}

async fn show(host: &Host, format: Format) -> Result<ExitCode> {
    let client = Client::new(host)?;
    let text = client.get("/api/v1/environment", &[]).await?;
    let page: Value = serde_json::from_str(&text.unwrap_or_default())?;
    output::print(format, &page, &human(&page))?;
    Ok(exit::found(page["in_sync"] != json!(true)))
}

async fn sync(host: &Host, format: Format) -> Result<ExitCode> {
    let client = Client::new(host)?;
    client
        .post("/api/v1/environment/sync", String::new())
        .await?;
    let text = "the host looks at its repository; `dowel environment show` tells what came of it";
    output::print(format, &json!({ "asked": true }), text)?;
    Ok(exit::found(false))
}

async fn decide(word: &Word, what: &str, format: Format) -> Result<ExitCode> {
    let Ok(digest) = word.digest.parse::<Digest>() else {
        bail!(
            "`{}` is not a digest: `dowel environment show` tells it",
            word.digest
        );
    };
    let path = format!("/api/v1/environment/changes/{digest}/{what}");
    let body = json!({ "reason": word.reason });
    let client = Client::speaking_for(&word.host, word.actor.as_deref())?;
    let text = client.post(&path, body.to_string()).await?;
    let page: Value = serde_json::from_str(&text)?;
    output::print(format, &page, &human(&page))?;
    Ok(exit::found(false))
}

fn human(page: &Value) -> String {
    let text_of = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let mut text = String::new();
    let active = &page["active"];
    if active.is_object() {
        let _ = writeln!(text, "active      {}", text_of(&active["commit"]));
        let _ = writeln!(text, "  digest    {}", text_of(&active["digest"]));
        let _ = writeln!(text, "  since     {}", text_of(&active["since"]));
        people(&mut text, &active["approvals"]);
    } else {
        text.push_str("active      nothing that was read from a repository\n");
    }
    let look = &page["repository"];
    if look.is_object() {
        let _ = writeln!(text, "repository  {}", text_of(&look["commit"]));
        let _ = writeln!(
            text,
            "  outcome   {}, {}",
            text_of(&look["outcome"]),
            text_of(&look["at"])
        );
        if look["rewritten"] == json!(true) {
            text.push_str("  its history was rewritten\n");
        }
        if look["error"].is_object() {
            let (code, message) = (&look["error"]["code"], &look["error"]["message"]);
            let _ = writeln!(text, "  {}: {}", text_of(code), text_of(message));
        }
    }
    for change in page["awaiting"].as_array().into_iter().flatten() {
        awaiting(&mut text, change);
    }
    for flow in page["drift"]["switched_off"]
        .as_array()
        .into_iter()
        .flatten()
    {
        let _ = writeln!(
            text,
            "drift       {} is disabled at run time",
            text_of(flow)
        );
    }
    for canary in page["drift"]["canaries"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "drift       {}", canary::line(canary));
    }
    let word = if page["in_sync"] == json!(true) {
        "yes"
    } else {
        "no"
    };
    let _ = write!(text, "in sync     {word}");
    text
}

fn awaiting(text: &mut String, change: &Value) {
    let text_of = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let _ = writeln!(
        text,
        "awaiting approval: {} of {}",
        change["counted"], change["needed"]
    );
    let _ = writeln!(text, "  commit    {}", text_of(&change["commit"]));
    let _ = writeln!(text, "  digest    {}", text_of(&change["digest"]));
    for line in change["summary"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "  changes   {}", text_of(line));
    }
    for author in change["authors"].as_array().into_iter().flatten() {
        let _ = writeln!(text, "  author    {}", text_of(author));
    }
    people(text, &change["approvals"]);
    if change["rejected"].is_object() {
        let _ = writeln!(
            text,
            "  rejected  by {}: {}",
            text_of(&change["rejected"]["actor"]),
            text_of(&change["rejected"]["reason"])
        );
    }
}

fn people(text: &mut String, approvals: &Value) {
    for one in approvals.as_array().into_iter().flatten() {
        let field = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        let _ = writeln!(
            text,
            "  approved  by {}: {}",
            field("actor"),
            field("reason")
        );
    }
}
