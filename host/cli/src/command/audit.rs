//! `dowel audit …`.

use super::audit_chain::{self, Place};
use crate::args::{Audit, Format, Host};
use crate::client::Client;
use crate::{exit, output};
use anyhow::Result;
use serde_json::Value;
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) async fn run(command: Audit, format: Format) -> Result<ExitCode> {
    match command {
        Audit::Verify {
            anchors,
            data,
            file,
            host,
        } => {
            let place = Place {
                host: &host,
                data: data.as_deref(),
                file: file.as_deref(),
            };
            audit_chain::verify(&place, &anchors, format).await
        }
        Audit::Export { to, host } => audit_chain::export(&host, to.as_deref()).await,
        Audit::List {
            about,
            flow,
            actor,
            action,
            limit,
            cursor,
            host,
        } => {
            let mut query = vec![("limit", limit.to_string())];
            query.extend(about.map(|about| ("about", about)));
            query.extend(flow.map(|flow| ("flow", flow)));
            query.extend(actor.map(|actor| ("actor", actor)));
            query.extend(action.map(|action| ("action", action)));
            query.extend(cursor.map(|cursor| ("cursor", cursor)));
            list(&host, &query, format).await
        }
    }
}

async fn list(host: &Host, query: &[(&str, String)], format: Format) -> Result<ExitCode> {
    let text = Client::new(host)?
        .get("/api/v1/audit", query)
        .await?
        .unwrap_or_else(|| "{}".to_owned());
    let value: Value = serde_json::from_str(&text)?;
    output::print(format, &value, &table(&value))?;
    Ok(exit::found(false))
}

/// One line for each decision.
fn table(page: &Value) -> String {
    let all = page["records"].as_array().map(Vec::as_slice);
    let all = all.unwrap_or_default();
    if all.is_empty() {
        return "nobody has decided anything".to_owned();
    }
    let reason = |one: &Value| {
        let reason = one["reason"].as_str().unwrap_or("-");
        match one["bulk"].as_str() {
            Some(bulk) => format!("{reason} (bulk {bulk})"),
            None => reason.to_owned(),
        }
    };
    let mut out = format!(
        "{:>7}  {:<24}  {:<24}  {:<16}  {:<36}  {}\n",
        "NUMBER", "AT", "ACTOR", "ACTION", "ABOUT", "REASON"
    );
    for one in all {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let target = one["target"].as_object().and_then(|map| map.iter().next());
        let about = target.map(|(kind, id)| format!("{kind} {}", text(id)));
        let _ = writeln!(
            out,
            "{:>7}  {:<24}  {:<24}  {:<16}  {:<36}  {}",
            one["seq"],
            text(&one["at"]),
            text(&one["actor"]),
            text(&one["action"]),
            about.unwrap_or_default(),
            reason(one),
        );
    }
    if let Some(next) = page["next"].as_str() {
        let _ = writeln!(out, "more: --cursor {next}");
    }
    out
}
