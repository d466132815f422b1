//! What a running host knows about the flows of a plan: unfinished runs by version, and
//! what holds at run time although git does not say so.

use crate::args::Host;
use crate::client::Client;
use crate::command::canary;
use anyhow::{Context as _, Result};
use dowel_core::code::change::NOTHING_TO_COMPARE;
use dowel_flow::changes::Changes;
use serde_json::{Value, json};

/// A host that is asked about a plan.
pub(crate) struct LiveHost(Client);

impl LiveHost {
    /// The host that was named; `None` if none was.
    pub(crate) fn named(host: &Host) -> Result<Option<Self>> {
        let named = host.host.is_some().then(|| Client::new(host).map(Self));
        named.transpose()
    }

    /// The commit that is active there.
    pub(crate) async fn active_commit(&self) -> Result<String> {
        let page = self.get("/api/v1/environment").await?;
        let commit = page["active"]["commit"].as_str().map(str::to_owned);
        commit.with_context(|| {
            format!("{NOTHING_TO_COMPARE}: the host runs no commit: name what to compare with by --against")
        })
    }

    /// Adds what the host tells. A host that does not answer is named in the plan, which is
    /// good without it.
    pub(crate) async fn tell(&self, changes: &mut Changes) {
        let told = async {
            self.live_runs(changes).await?;
            self.drift(changes).await
        };
        if let Err(error) = told.await {
            changes
                .notes
                .push(format!("live runs and drift: {error:#}"));
        }
    }

    async fn live_runs(&self, changes: &mut Changes) -> Result<()> {
        for flow in &changes.flows {
            let path = format!("/api/v1/flows/{}/versions", flow.flow);
            let page = self.0.list(&path, "versions").await?.unwrap_or_default();
            for one in page["versions"].as_array().into_iter().flatten() {
                let version = one["version"].as_str().unwrap_or_default().to_owned();
                let count = one["live_runs"].as_u64().unwrap_or_default();
                if count > 0 {
                    let versions = changes.live_runs.entry(flow.flow.clone()).or_default();
                    *versions.entry(version).or_default() += count;
                }
            }
        }
        Ok(())
    }

    async fn drift(&self, changes: &mut Changes) -> Result<()> {
        let page = self.0.list("/api/v1/switches", "switches").await?;
        let page = page.unwrap_or_default();
        let switches = page["switches"].as_array().into_iter().flatten();
        let drifting = switches.filter(|one| one["drift"] == json!(true));
        changes.drift.extend(drifting.map(switched));
        let page = self.get("/api/v1/canaries").await?;
        let canaries = page["canaries"].as_array().into_iter().flatten();
        changes.drift.extend(canaries.map(canary::line));
        let page = self.get("/api/v1/environment").await?;
        changes.drift.extend(standing(&page));
        Ok(())
    }

    /// A resource; nothing if the host knows no such thing.
    async fn get(&self, path: &str) -> Result<Value> {
        let text = self.0.get(path, &[]).await?;
        let text = text.unwrap_or_else(|| "null".to_owned());
        serde_json::from_str(&text).context("the host's answer cannot be read")
    }
}

fn switched(one: &Value) -> String {
    let field = |name: &str| one[name].as_str().unwrap_or("-").to_owned();
    let word = match one["enabled"].as_bool() {
        Some(true) => "enabled",
        _ => "disabled",
    };
    format!(
        "{} {} is {word} at run time: {} ({}, {})",
        field("kind"),
        field("name"),
        field("reason"),
        field("actor"),
        field("at")
    )
}

/// What is to be said of a host that does not stand where its repository does.
fn standing(page: &Value) -> Vec<String> {
    let short = |value: &Value| {
        let text = value.as_str().unwrap_or("nothing");
        text.chars().take(10).collect::<String>()
    };
    let mut lines = Vec::new();
    let (active, look) = (&page["active"]["commit"], &page["repository"]);
    let outcome = look["outcome"].as_str().unwrap_or_default();
    if matches!(outcome, "awaiting-approval" | "rejected" | "refused") {
        lines.push(format!(
            "the host runs {} and not {}, which is {outcome}",
            short(active),
            short(&look["commit"])
        ));
    }
    if outcome == "unreachable" {
        lines.push("the host does not reach its repository".to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_that_stands_elsewhere_says_so() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let page = |outcome: &str| {
            json!({ "active": { "commit": commit },
                    "repository": { "commit": commit.replace('0', "f"), "outcome": outcome } })
        };
        assert_eq!(
            standing(&page("awaiting-approval")),
            ["the host runs 0123456789 and not f123456789, which is awaiting-approval"]
        );
        assert_eq!(
            standing(&page("unreachable")),
            ["the host does not reach its repository"]
        );
        assert!(standing(&page("active")).is_empty());
        assert!(standing(&json!({ "active": null, "repository": null })).is_empty());
    }
}
