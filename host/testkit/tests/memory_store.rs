//! The store in memory passes the suite, and fails when it is told to.

use dowel_core::port::{Batch, Store, StoreError};
use dowel_store_suite::Subject;
use dowel_testkit::MemoryStore;
use std::sync::Arc;

struct Memory(MemoryStore);

impl Subject for Memory {
    fn create() -> Self {
        Self(MemoryStore::default())
    }

    fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }
}

dowel_store_suite::store_suite!(Memory);

fn put(key: &str) -> Batch {
    let mut batch = Batch::default();
    batch.put(key.into(), b"1".to_vec());
    batch
}

#[tokio::test]
async fn a_told_failure_happens_once_and_writes_nothing() {
    let store = MemoryStore::default();
    store.fail_next(StoreError::Full);
    assert_eq!(store.commit(put("a")).await, Err(StoreError::Full));
    assert_eq!(store.get(b"a").await, Ok(None));
    assert_eq!(store.commit(put("a")).await, Ok(()));
    assert_eq!(store.commits(), 1);
}

#[tokio::test]
async fn a_failed_store_stays_failed_until_it_is_repaired() {
    let store = MemoryStore::default();
    let failed = StoreError::Failed("disk".into());
    store.fail_next(failed.clone());
    assert_eq!(store.commit(put("a")).await, Err(failed.clone()));
    assert_eq!(store.get(b"a").await, Err(failed));
    store.repair();
    assert_eq!(store.get(b"a").await, Ok(None));
}
