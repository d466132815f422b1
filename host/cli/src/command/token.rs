//! `dowel token …`: API tokens.

use super::access::{grants, text};
use crate::args::{Format, Token};
use crate::client::Client;
use crate::{exit, output};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

const PATH: &str = "/api/v1/tokens";

pub(crate) async fn run(command: Token, format: Format) -> Result<ExitCode> {
    match command {
        Token::Create {
            name,
            grants,
            metrics,
            service,
            expires,
            host,
        } => {
            let body = json!({
                "name": name,
                "grants": grants.all(),
                "metrics": metrics,
                "service": service,
                "expires_in": expires,
            });
            let answer = Client::new(&host)?.post(PATH, body.to_string()).await?;
            let value: Value = serde_json::from_str(&answer)?;
            output::print(format, &value, &created(&value))?;
        }
        Token::List(host) => {
            let value = Client::new(&host)?.list(PATH, "tokens").await?;
            let value = value.unwrap_or_default();
            let all = value["tokens"].as_array().cloned().unwrap_or_default();
            let human = match all.is_empty() {
                true => "no tokens".to_owned(),
                false => table(&all),
            };
            output::print(format, &value, &human)?;
        }
        Token::Revoke { id, host } => {
            if id.is_empty() || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
                bail!("`{id}` is not the id of a token: `dowel token list` shows them");
            }
            let path = format!("{PATH}/{id}/revoke");
            let answer = Client::new(&host)?.post(&path, String::new()).await?;
            let value: Value = serde_json::from_str(&answer)?;
            let line = format!("{id} ({}) is revoked", text(&value["name"]));
            output::print(format, &value, &line)?;
        }
    }
    Ok(exit::found(false))
}

/// The token alone on the first line, so that scripts can take it.
fn created(value: &Value) -> String {
    format!(
        "{}\nis shown once; {} acts by it as {} until {}\nmay: {}",
        text(&value["token"]),
        text(&value["name"]),
        text(&value["owner"]),
        text(&value["expires_at"]),
        reach(value),
    )
}

fn reach(token: &Value) -> String {
    let mut all = Vec::new();
    if token["as_owner"] == json!(true) {
        all.push("all that its owner may".to_owned());
    }
    if token["grants"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
    {
        all.push(grants(&token["grants"]));
    }
    if token["metrics"] == json!(true) {
        all.push("metrics".to_owned());
    }
    all.join("; ")
}

/// One line for each token.
pub(super) fn table(tokens: &[Value]) -> String {
    let mut out = format!(
        "{:<12}  {:<20}  {:<24}  {:<24}  {:<24}  {}\n",
        "TOKEN", "NAME", "OWNER", "EXPIRES", "LAST USED", "MAY"
    );
    for token in tokens {
        let until = match token["revoked_at"].is_null() {
            true => text(&token["expires_at"]),
            false => "revoked",
        };
        let _ = writeln!(
            out,
            "{:<12}  {:<20}  {:<24}  {until:<24}  {:<24}  {}",
            text(&token["id"]),
            text(&token["name"]),
            text(&token["owner"]),
            text(&token["used_at"]),
            reach(token),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_token_stands_alone_on_its_line() {
        let value = json!({
            "token": "dwl_0a1b2c3d4e5f_0011", "name": "prometheus", "owner": "service:prometheus",
            "expires_at": "2026-06-01T09:00:00.000Z", "metrics": true, "grants": [], "as_owner": false,
        });
        expect_test::expect![[r#"
            dwl_0a1b2c3d4e5f_0011
            is shown once; prometheus acts by it as service:prometheus until 2026-06-01T09:00:00.000Z
            may: metrics"#]].assert_eq(&created(&value));
    }
}
