//! `dowel exceptions proposals`, `confirm` and `reject`: four eyes.

use super::exceptions::{check_id, decided};
use super::exceptions_bulk_text;
use crate::args::{Author, Format};
use crate::client::Client;
use crate::{exit, output};
use anyhow::Result;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

/// Carries a proposal out, or refuses it.
pub(super) async fn decide(
    id: &str,
    what: &str,
    author: &Author,
    format: Format,
) -> Result<ExitCode> {
    check_id(id)?;
    let body = json!({ "reason": author.reason });
    let client = Client::of_author(author)?;
    let path = format!("/api/v1/exceptions/proposals/{id}/{what}");
    let text = client.post(&path, body.to_string()).await?;
    let value: Value = serde_json::from_str(&text)?;
    let line = match what {
        "reject" => format!("{id}: {} is rejected", field(&value, "command")),
        _ if value["total"].is_u64() => exceptions_bulk_text::begun(&value),
        _ => decided(id, &value),
    };
    let raw: Box<RawValue> = serde_json::from_str(&text)?;
    output::print(format, &raw, &line)?;
    Ok(exit::found(false))
}

fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or("-")
}

/// One line for each.
pub(super) fn table(page: &Value) -> String {
    let all = page["proposals"].as_array().map(Vec::as_slice);
    let all = all.unwrap_or_default();
    if all.is_empty() {
        return "nothing waits for a second person".to_owned();
    }
    let mut out = format!(
        "{:<32}  {:<10}  {:<32}  {:<24}  {:<20}  {}\n",
        "PROPOSAL", "COMMAND", "ABOUT", "PROPOSED", "ACTOR", "REASON"
    );
    for one in all {
        let about = match one["bulk"].as_u64() {
            Some(total) => format!("{total} exceptions"),
            None => field(one, "about").to_owned(),
        };
        let _ = writeln!(
            out,
            "{:<32}  {:<10}  {about:<32}  {:<24}  {:<20}  {}",
            field(one, "id"),
            field(one, "command"),
            field(one, "proposed_at"),
            field(one, "actor"),
            field(one, "reason"),
        );
        if !one["value"].is_null() {
            let _ = writeln!(out, "  gives {}", one["value"]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_says_who_and_why() {
        let page = json!({ "proposals": [
            { "id": "0195", "command": "discard", "about": "0194", "actor": "ana",
              "reason": "ordered twice", "value": { "id": 1 }, "proposed_at": "2026-03-01T09:00:00.000Z" },
            { "id": "0196", "command": "retry", "about": "0196", "bulk": 3_000, "actor": "ana",
              "proposed_at": "2026-03-01T09:00:00.000Z" },
        ]});
        expect_test::expect![[r#"
            PROPOSAL                          COMMAND     ABOUT                             PROPOSED                  ACTOR                 REASON
            0195                              discard     0194                              2026-03-01T09:00:00.000Z  ana                   ordered twice
              gives {"id":1}
            0196                              retry       3000 exceptions                   2026-03-01T09:00:00.000Z  ana                   -
        "#]].assert_eq(&table(&page));
        assert_eq!(
            decided("0194", &json!({ "command": "discard", "proposed": "0195" })),
            "0194: discard is proposed and waits for a second person\nthey confirm it with: dowel exceptions confirm 0195"
        );
    }
}
