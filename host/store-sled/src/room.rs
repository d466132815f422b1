//! Room on the disk: which batches are taken when little is left.
//!
//! sled must never meet a full disk. Below the floor nothing that grows is taken; what
//! removes things is the way out and goes on a good deal further.

use crate::committer::{Parts, Request};
use crate::group;
use crate::health::Fault;
use dowel_core::port::{Batch, StoreError, Write};

/// Batches that remove things are taken down to this part of the floor: a delete is a
/// message in sled's log before it frees anything.
const PART_FOR_REMOVALS: u64 = 4;

/// The requests that there is room for; the others are answered.
pub(crate) fn admit(parts: &Parts, requests: Vec<Request>) -> Result<Vec<Request>, Fault> {
    let free = parts
        .options
        .measure_free_space(&parts.folder)
        .map_err(Fault::io("asking for the free disk space"))?;
    let floor = parts.options.minimum_free_bytes;
    let mut taken = 0;
    let mut admitted = Vec::with_capacity(requests.len());
    for request in requests {
        let bytes = group::size_of(&request.batch) as u64;
        let floor = if removes(&request.batch) {
            floor / PART_FOR_REMOVALS
        } else {
            floor
        };
        if free >= floor.saturating_add(taken).saturating_add(bytes) {
            taken += bytes;
            admitted.push(request);
        } else {
            // Nobody may be waiting any more.
            let _ = request.reply.send(Err(StoreError::Full));
        }
    }
    Ok(admitted)
}

/// Whether a batch leaves less behind than was there: it puts no more bytes than the keys
/// that it removes have.
fn removes(batch: &Batch) -> bool {
    let (mut put, mut removed) = (0, 0);
    for write in &batch.writes {
        match write {
            Write::Put(key, value) => put += key.len() + value.len(),
            Write::Delete(key) => removed += key.len(),
        }
    }
    removed > 0 && put <= removed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_removes_if_it_puts_less() {
        let mut batch = Batch::default();
        assert!(!removes(&batch));
        batch.delete(b"abc".to_vec());
        assert!(removes(&batch));
        batch.put(b"a".to_vec(), b"bc".to_vec());
        assert!(removes(&batch));
        batch.put(b"b".to_vec(), Vec::new());
        assert!(!removes(&batch));
    }
}
