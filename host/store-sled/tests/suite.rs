//! sled passes the suite, with values in the tree and with nearly all of them in files.

#![allow(clippy::unwrap_used, reason = "helpers of tests are not seen as tests")]

use dowel_core::port::Store;
use dowel_store_sled::{SledOptions, SledStore};
use dowel_store_suite::Subject;
use std::sync::Arc;
use tempfile::TempDir;

struct Sled<const BLOB_THRESHOLD: usize>(TempDir);

impl<const BLOB_THRESHOLD: usize> Subject for Sled<BLOB_THRESHOLD> {
    fn create() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn open(&self) -> Arc<dyn Store> {
        let options = SledOptions {
            blob_threshold: BLOB_THRESHOLD,
            ..SledOptions::default()
        };
        Arc::new(SledStore::open(self.0.path(), options).unwrap())
    }
}

mod as_configured {
    dowel_store_suite::store_suite!(super::Sled<{ super::SledOptions::MAX_BLOB_THRESHOLD }>);
}

mod with_small_values_in_files {
    dowel_store_suite::store_suite!(super::Sled<100>);
}
