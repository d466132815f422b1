//! Writes items and their places in the indexes.

use super::facets::Facets;
use super::item::Item;
use super::rebuild::FORM;
use super::{Desk, keys};
use dowel_core::RunId;
use dowel_core::port::{Batch, Scan, Store, StoreError};

/// Items of one run that are read at a time.
const ITEMS_PER_SCAN: usize = 512;

/// Adds an item to a batch.
pub(super) fn open(item: &Item, batch: &mut Batch) -> Result<(), StoreError> {
    let failed = |e: serde_json::Error| StoreError::Failed(e.to_string().into());
    let facets = serde_json::to_vec(&Facets::of(item)).map_err(failed)?;
    for place in keys::places(item) {
        batch.put(place, facets.clone());
    }
    if let (Some(run), Some(_)) = (item.run, &item.loop_item) {
        batch.put(keys::of_run_item(run, item.id), Vec::new());
    }
    batch.put(keys::FORM.to_vec(), FORM.to_vec());
    batch.put(
        keys::item(item.id),
        serde_json::to_vec(item).map_err(failed)?,
    );
    Ok(())
}

/// Takes an item out.
pub(super) fn close(item: &Item, batch: &mut Batch) {
    for place in keys::places(item) {
        batch.delete(place);
    }
    if let (Some(run), Some(_)) = (item.run, &item.loop_item) {
        batch.delete(keys::of_run_item(run, item.id));
    }
    batch.delete(keys::item(item.id));
}

/// The item with an id, as it is stored.
pub(super) async fn get(store: &dyn Store, id: RunId) -> Result<Option<Item>, StoreError> {
    let bytes = store.get(&keys::item(id)).await?;
    Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
}

/// The items of a run that are about single items of its loops.
pub(super) async fn of_loops(store: &dyn Store, run: RunId) -> Result<Vec<Item>, StoreError> {
    let mut items = Vec::new();
    let mut scan = Scan::prefix(keys::of_run(run), ITEMS_PER_SCAN).keys_only();
    loop {
        let rows = store.scan(scan.clone()).await?;
        for id in rows
            .iter()
            .filter_map(|(key, _)| crate::keys::run_at_end(key))
        {
            items.extend(get(store, id).await?);
        }
        match rows.last() {
            Some((key, _)) if rows.len() == ITEMS_PER_SCAN => scan = scan.after(key.clone()),
            _ => return Ok(items),
        }
    }
}

/// Items that a batch takes out with a run that is removed.
#[must_use]
pub(crate) struct Closing(Vec<Item>);

impl Closing {
    /// The batch is written.
    pub(crate) fn done(self, desk: &Desk) {
        desk.closed(&self.0);
    }
}

/// Takes every item of a run out, which goes with its journal.
pub(crate) async fn close_run(
    store: &dyn Store,
    run: RunId,
    batch: &mut Batch,
) -> Result<Closing, StoreError> {
    let mut items = of_loops(store, run).await?;
    items.extend(get(store, run).await?);
    for item in &items {
        close(item, batch);
    }
    batch.delete(keys::rerun(run));
    Ok(Closing(items))
}
