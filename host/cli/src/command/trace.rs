//! `dowel trace`: what happened to an order.

use crate::args::{Format, Trace};
use crate::client::Client;
use crate::command::runs;
use crate::{exit, output};
use anyhow::{Result, bail};
use serde_json::Value;
use std::process::ExitCode;

pub(crate) async fn run(trace: &Trace, format: Format) -> Result<ExitCode> {
    let client = Client::new(&trace.host)?;
    if let Some(story) = runs::story(&client, &trace.key).await? {
        return runs::print_story(&story, format);
    }
    let page = client
        .get("/api/v1/runs", &[("key", trace.key.clone())])
        .await?;
    let page: Value = serde_json::from_str(page.as_deref().unwrap_or("{}"))?;
    let ids: Vec<&str> = page["runs"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|run| run["id"].as_str())
        .collect();
    match ids[..] {
        [] => bail!(
            "nothing is known about `{}`: it is neither a run nor a business key",
            trace.key
        ),
        [id] => match runs::story(&client, id).await? {
            Some(story) => runs::print_story(&story, format),
            None => bail!("the run {id} is gone"),
        },
        _ => {
            output::print(format, &page, &runs::table(&page))?;
            Ok(exit::found(false))
        }
    }
}
