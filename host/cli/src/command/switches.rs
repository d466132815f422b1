//! `dowel switches list`, and the switches of triggers and connections.

use crate::args::{Because, Format, Host};
use crate::client::Client;
use crate::listing;
use crate::{exit, output};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

pub(crate) async fn list(host: &Host, format: Format) -> Result<ExitCode> {
    listing::print(host, "/api/v1/switches", "switches", format, table).await
}

pub(crate) async fn trigger(
    flow: &str,
    trigger: &str,
    because: &Because,
    word: &str,
    format: Format,
) -> Result<ExitCode> {
    plain("trigger", trigger)?;
    let path = format!("/api/v1/flows/{flow}/triggers/{trigger}/{word}");
    turn(&path, because, format).await
}

pub(crate) async fn connection(
    connection: &str,
    because: &Because,
    word: &str,
    format: Format,
) -> Result<ExitCode> {
    plain("connection", connection)?;
    let path = format!("/api/v1/connections/{connection}/{word}");
    turn(&path, because, format).await
}

pub(crate) fn plain(what: &str, name: &str) -> Result<()> {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if name.is_empty() || !name.bytes().all(is_plain) {
        bail!("`{name}` is not the name of a {what}");
    }
    Ok(())
}

async fn turn(path: &str, because: &Because, format: Format) -> Result<ExitCode> {
    let body = json!({ "reason": because.reason });
    let text = Client::speaking_for(&because.host, because.actor.as_deref())?
        .post(path, body.to_string())
        .await?;
    let one: Value = serde_json::from_str(&text)?;
    let page = json!({ "switches": [one] });
    output::print(format, &one, &table(&page))?;
    Ok(exit::found(false))
}

/// One line per switch.
fn table(page: &Value) -> String {
    let all = page["switches"].as_array().map(Vec::as_slice);
    let all = all.unwrap_or_default();
    if all.is_empty() {
        return "nothing was switched at run time".to_owned();
    }
    let mut text = format!(
        "{:<10}  {:<32}  {:<8}  {:<5}  {}\n",
        "WHAT", "NAME", "STATE", "DRIFT", "WHY"
    );
    for one in all {
        let field = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
        let is = |name: &str| one[name].as_bool().unwrap_or_default();
        let state = if is("enabled") { "enabled" } else { "disabled" };
        let drift = if is("drift") { "yes" } else { "no" };
        let _ = writeln!(
            text,
            "{:<10}  {:<32}  {state:<8}  {drift:<5}  {} ({}, {})",
            field("kind"),
            field("name"),
            field("reason"),
            field("actor"),
            field("at"),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_switch() {
        let page = json!({ "switches": [
            { "kind": "connection", "name": "crm", "enabled": false, "drift": true,
              "actor": "ana", "reason": "wrong tenant", "at": "2026-03-01T09:00:00.000Z" },
            { "kind": "trigger", "name": "order-to-invoice/shop", "enabled": true, "drift": false,
              "actor": "ben", "reason": "mended", "at": "2026-03-01T10:00:00.000Z" },
        ] });
        expect_test::expect![[r"
            WHAT        NAME                              STATE     DRIFT  WHY
            connection  crm                               disabled  yes    wrong tenant (ana, 2026-03-01T09:00:00.000Z)
            trigger     order-to-invoice/shop             enabled   no     mended (ben, 2026-03-01T10:00:00.000Z)
        "]]
        .assert_eq(&table(&page));
        assert_eq!(table(&json!({})), "nothing was switched at run time");
    }
}
