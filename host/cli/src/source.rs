//! Where the journal of a run comes from: a host that answers, or the data folder of one
//! that does not run. Sensitive values are masked either way.

use crate::args::Host;
use crate::client::Client;
use anyhow::{Context as _, Result, anyhow, bail};
use dowel_core::RunId;
use dowel_core::journal::Entry;
use dowel_store_sled::{SledOptions, SledStore};
use serde::Deserialize;
use std::path::Path;

/// Which run, and where it is.
pub(crate) struct RunSource<'a> {
    pub(crate) run: &'a str,
    pub(crate) host: &'a Host,
    /// A data folder, instead of the host.
    pub(crate) data: Option<&'a Path>,
}

#[derive(Deserialize)]
struct Page {
    entries: Vec<Entry>,
}

/// The journal of a run, masked.
pub(crate) async fn journal(source: &RunSource<'_>) -> Result<Vec<Entry>> {
    let run: RunId = source
        .run
        .parse()
        .map_err(|_| anyhow!("`{}` is not the id of a run", source.run))?;
    let entries = match source.data {
        Some(folder) => stored(folder, run).await?,
        None => {
            let client = Client::new(source.host)?;
            let path = format!("/api/v1/runs/{run}/journal");
            let text = client.get(&path, &[]).await?;
            let page = text.map(|text| serde_json::from_str::<Page>(&text));
            page.transpose()
                .context("the host's journal cannot be read: is it of another version?")?
                .map_or_else(Vec::new, |page| page.entries)
        }
    };
    if entries.is_empty() {
        bail!("there is no run `{run}`");
    }
    Ok(entries)
}

async fn stored(folder: &Path, run: RunId) -> Result<Vec<Entry>> {
    if !folder.is_dir() {
        bail!("there is no data folder {}", folder.display());
    }
    let store = SledStore::open(folder, SledOptions::default())
        .map_err(|error| anyhow!("{}: {error}", error.code()))?;
    let entries = dowel_engine::masked_journal(&store, run).await;
    store.close();
    let entries = entries?;
    let parsed = entries
        .iter()
        .map(|entry| serde_json::from_str(entry.as_str()));
    Ok(parsed.collect::<Result<_, _>>()?)
}
