//! `dowel admin invite` and `dowel access …`: people and their roles.

use crate::args::{Access, Admin, Format, Grants, Host};
use crate::client::Client;
use crate::{exit, output};
use anyhow::{Result, anyhow, bail};
use serde_json::{Value, json};
use std::fmt::Write;
use std::process::ExitCode;

/// The last moment of a day that is given without a time.
const END_OF_DAY: &str = "T23:59:59.999Z";

pub(crate) async fn admin(command: Admin, format: Format) -> Result<ExitCode> {
    let Admin::Invite {
        user,
        grants,
        expires,
        host,
    } = command;
    let body = json!({ "user": user, "grants": grants.all(), "expires_in": expires });
    let client = Client::new(&host)?;
    let text = client.post("/api/v1/invitations", body.to_string()).await?;
    let mut value: Value = serde_json::from_str(&text)?;
    if value["link"].is_null() {
        let path = value["path"].as_str().unwrap_or_default();
        value["link"] = Value::from(format!("{}{path}", client.shown()));
    }
    output::print(format, &value, &invited(&value))?;
    Ok(exit::found(false))
}

fn invited(value: &Value) -> String {
    format!(
        "{}\nsigns {} in once, until {}; send it to nobody else\nroles: {}",
        text(&value["link"]),
        text(&value["user"]["id"]),
        text(&value["expires_at"]),
        grants(&value["user"]["grants"]),
    )
}

pub(crate) async fn access(command: Access, format: Format) -> Result<ExitCode> {
    match command {
        Access::List { at, host } => {
            let at = at.map(|at| match at.contains('T') {
                true => at,
                false => format!("{at}{END_OF_DAY}"),
            });
            let query: Vec<_> = at.into_iter().map(|at| ("at", at)).collect();
            let value = get(&host, "/api/v1/access", &query).await?;
            output::print(format, &value, &listed(&value))?;
        }
        Access::Me(host) => {
            let value = get(&host, "/api/v1/me", &[]).await?;
            output::print(format, &value, &me(&value))?;
        }
        Access::Grant(changed) => {
            let grants = Some(&changed.grants);
            return change(&changed.host, &changed.user, "grant", grants, format).await;
        }
        Access::Revoke(changed) => {
            let grants = Some(&changed.grants);
            return change(&changed.host, &changed.user, "revoke", grants, format).await;
        }
        Access::Disable(one) => {
            return change(&one.host, &one.user, "disable", None, format).await;
        }
        Access::Enable(one) => return change(&one.host, &one.user, "enable", None, format).await,
    }
    Ok(exit::found(false))
}

async fn get(host: &Host, path: &str, query: &[(&str, String)]) -> Result<Value> {
    let found = Client::new(host)?.get(path, query).await?;
    let found =
        found.ok_or_else(|| anyhow!("the host serves no {path}: is it of another version?"))?;
    Ok(serde_json::from_str(&found)?)
}

async fn change(
    host: &Host,
    user: &str,
    change: &str,
    changed: Option<&Grants>,
    format: Format,
) -> Result<ExitCode> {
    let all = changed.map(Grants::all).unwrap_or_default();
    if changed.is_some() && all.is_empty() {
        bail!("name a role: --role operator");
    }
    let path = format!("/api/v1/users/{}/{change}", super::approvals::encoded(user));
    let body = json!({ "grants": all }).to_string();
    let text_ = Client::new(host)?.post(&path, body).await?;
    let value: Value = serde_json::from_str(&text_)?;
    output::print(format, &value, &user_line(&value))?;
    Ok(exit::found(false))
}

pub(super) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("-")
}

/// Grants in a line.
pub(super) fn grants(value: &Value) -> String {
    let all: Vec<dowel_core::access::Grant> =
        serde_json::from_value(value.clone()).unwrap_or_default();
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    match all.is_empty() {
        true => "none".to_owned(),
        false => all.join("; "),
    }
}

/// What the policy gives besides.
fn by_policy(user: &Value) -> String {
    match user["by_policy"].is_null() {
        true => String::new(),
        false => format!("; by policy: {}", grants(&user["by_policy"])),
    }
}

fn user_line(user: &Value) -> String {
    let state = match user["disabled_at"].as_str() {
        Some(at) => format!("disabled since {at}, "),
        None => String::new(),
    };
    format!("{}: {state}{}", text(&user["id"]), grants(&user["grants"]))
}

fn me(value: &Value) -> String {
    let words = |value: &Value| {
        let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
        let all: Vec<&str> = all.iter().map(text).collect();
        match all.is_empty() {
            true => "none".to_owned(),
            false => all.join(", "),
        }
    };
    format!(
        "{} in {}\nroles: {}\nmay: {}",
        text(&value["id"]),
        text(&value["environment"]),
        words(&value["roles"]),
        words(&value["permissions"]),
    )
}

fn listed(value: &Value) -> String {
    let mut out = String::new();
    let all = |name: &str| value[name].as_array().map_or_else(Vec::new, Clone::clone);
    let _ = writeln!(out, "at {}", text(&value["at"]));
    let (users, tokens) = (all("users"), all("tokens"));
    if users.is_empty() {
        let _ = writeln!(
            out,
            "\nno users: only the local socket administers the host"
        );
    } else {
        let _ = writeln!(out, "\n{:<32}  {:<9}  ROLES", "USER", "STATE");
    }
    for user in users {
        let state = match user["disabled_at"].is_null() {
            true => "active",
            false => "disabled",
        };
        let _ = writeln!(
            out,
            "{:<32}  {state:<9}  {}{}",
            text(&user["id"]),
            grants(&user["grants"]),
            by_policy(&user)
        );
    }
    if !tokens.is_empty() {
        let _ = write!(out, "\n{}", super::token::table(&tokens));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_access_is_told_by_line() {
        let value = json!({
            "at": "2026-03-01T09:00:00.000Z",
            "users": [
                { "id": "ana@example.com", "grants": [{ "role": "admin" }], "disabled_at": null },
                { "id": "ben@example.com", "grants": [
                    { "role": "operator", "flows": { "team": "finance" }, "environments": ["prod"] }
                ], "disabled_at": "2026-02-01T09:00:00.000Z" },
            ],
            "tokens": [
                { "id": "0a1b2c3d4e5f", "name": "deploys", "owner": "service:ci", "metrics": false,
                  "as_owner": false, "grants": [{ "role": "deployer" }],
                  "expires_at": "2026-06-01T09:00:00.000Z", "used_at": null, "revoked_at": null },
            ],
        });
        expect_test::expect![[r#"
            at 2026-03-01T09:00:00.000Z

            USER                              STATE      ROLES
            ana@example.com                   active     admin
            ben@example.com                   disabled   operator for flows team=finance in prod

            TOKEN         NAME                  OWNER                     EXPIRES                   LAST USED                 MAY
            0a1b2c3d4e5f  deploys               service:ci                2026-06-01T09:00:00.000Z  -                         deployer
        "#]].assert_eq(&listed(&value));
        let none = json!({ "at": "2026-03-01T09:00:00.000Z", "users": [], "tokens": [] });
        expect_test::expect![[r#"
            at 2026-03-01T09:00:00.000Z

            no users: only the local socket administers the host
        "#]]
        .assert_eq(&listed(&none));
    }

    #[test]
    fn an_invitation_begins_with_its_link() {
        let value = json!({
            "link": "https://flows.example.com/login?link=0a", "path": "/login?link=0a",
            "user": { "id": "ana@example.com", "grants": [{ "role": "admin" }] },
            "expires_at": "2026-03-02T09:00:00.000Z",
        });
        expect_test::expect![[r#"
            https://flows.example.com/login?link=0a
            signs ana@example.com in once, until 2026-03-02T09:00:00.000Z; send it to nobody else
            roles: admin"#]]
        .assert_eq(&invited(&value));
    }
}
