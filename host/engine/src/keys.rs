//! Where things are in the store. Every key begins with a letter that names its family.

use dowel_core::{Digest, FlowName, RunId};

/// How many runs' ids fit behind each other in order: the id is written as 16 bytes.
const RUN_ID_BYTES: usize = 16;

fn with_run(family: &[u8], run: RunId) -> Vec<u8> {
    let mut key = Vec::with_capacity(family.len() + RUN_ID_BYTES + 8);
    key.extend_from_slice(family);
    key.extend_from_slice(&run.as_u128().to_be_bytes());
    key
}

/// Journal pages of one run, in order: `j` + run + position of the first entry.
pub(crate) fn journal(run: RunId) -> Vec<u8> {
    with_run(b"j", run)
}

/// One journal page.
pub(crate) fn journal_page(run: RunId, first_seq: u64) -> Vec<u8> {
    let mut key = journal(run);
    key.extend_from_slice(&first_seq.to_be_bytes());
    key
}

/// A run that has not ended and is not parked. The value is when it is due.
pub(crate) fn active(run: RunId) -> Vec<u8> {
    with_run(ACTIVE, run)
}

/// The family of active runs.
pub(crate) const ACTIVE: &[u8] = b"a";

/// A run's summary, for lists.
pub(crate) fn summary(run: RunId) -> Vec<u8> {
    with_run(SUMMARY, run)
}

/// The family of summaries; sorted by creation time.
pub(crate) const SUMMARY: &[u8] = b"s";

/// The run that owns a dedupe key. Scoped by the flow's name, across versions.
pub(crate) fn dedupe(flow: &FlowName, key: &str) -> Vec<u8> {
    let mut out = b"d".to_vec();
    out.extend_from_slice(flow.as_str().as_bytes());
    out.push(0);
    out.extend_from_slice(Digest::of(key).hex().as_bytes());
    out
}

/// Runs by business key: family, digest of the key, run.
pub(crate) fn by_business_key(key: &str, run: RunId) -> Vec<u8> {
    let mut out = business_key(key);
    out.extend_from_slice(&run.as_u128().to_be_bytes());
    out
}

/// All runs of one business key.
pub(crate) fn business_key(key: &str) -> Vec<u8> {
    let mut out = b"k".to_vec();
    out.extend_from_slice(Digest::of(key).hex().as_bytes());
    out
}

/// A plan by its digest.
pub(crate) fn plan(digest: &Digest) -> Vec<u8> {
    let mut out = b"p".to_vec();
    out.extend_from_slice(digest.hex().as_bytes());
    out
}

/// The run id at the end of a key.
pub(crate) fn run_at_end(key: &[u8]) -> Option<RunId> {
    let bytes: [u8; RUN_ID_BYTES] = key
        .get(key.len().checked_sub(RUN_ID_BYTES)?..)?
        .try_into()
        .ok()?;
    format!("{:032x}", u128::from_be_bytes(bytes)).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::Timestamp;

    #[test]
    fn pages_of_a_run_follow_each_other_and_ids_come_back() {
        let run = RunId::new(Timestamp::from_millis(7), [3; 10]);
        assert!(journal_page(run, 255) < journal_page(run, 256));
        assert!(journal_page(run, 0).starts_with(&journal(run)));
        assert_eq!(run_at_end(&active(run)), Some(run));
        assert_eq!(run_at_end(&by_business_key("4711", run)), Some(run));
        assert_eq!(run_at_end(b"a"), None);
    }
}
