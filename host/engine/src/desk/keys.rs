//! Where the desk keeps what it has: the families `D` (items and what belongs to them),
//! `A` (audit), `B` (bulk operations) and `C` (the chain over the audit record).

use super::item::{Group, Item};
use dowel_core::{Digest, FlowName, RunId, Timestamp};

const ID_BYTES: usize = 16;

fn with_id(family: &[u8], id: RunId) -> Vec<u8> {
    let mut key = Vec::with_capacity(family.len() + ID_BYTES);
    key.extend_from_slice(family);
    key.extend_from_slice(&id.as_u128().to_be_bytes());
    key
}

fn timed(mut prefix: Vec<u8>, at: Timestamp, id: RunId) -> Vec<u8> {
    prefix.extend_from_slice(&at.as_millis().to_be_bytes());
    prefix.extend_from_slice(&id.as_u128().to_be_bytes());
    prefix
}

/// An item by its id.
pub(crate) fn item(id: RunId) -> Vec<u8> {
    with_id(b"Di", id)
}

/// All items in the order in which they were opened.
pub(crate) const BY_TIME: &[u8] = b"Dt";

/// The items of one flow in the order in which they were opened.
pub(crate) fn by_flow(flow: &FlowName) -> Vec<u8> {
    let mut key = b"Df".to_vec();
    key.extend_from_slice(flow.as_str().as_bytes());
    key.push(0);
    key
}

/// The family of groups: flow, step and code, then the order of opening.
pub(crate) const BY_GROUP: &[u8] = b"Dg";

/// The items of one group in the order in which they were opened.
pub(crate) fn by_group(group: &Group) -> Vec<u8> {
    let mut key = BY_GROUP.to_vec();
    group.write(&mut key);
    key
}

/// The three places of an item in the indexes.
pub(crate) fn places(item: &Item) -> [Vec<u8>; 3] {
    let prefixes = [
        BY_TIME.to_vec(),
        by_flow(&item.flow),
        by_group(&item.group()),
    ];
    prefixes.map(|prefix| timed(prefix, item.opened_at, item.id))
}

/// The place in an index from which on items are opened at `at` or later.
pub(crate) fn from(index: &[u8], at: Timestamp) -> Vec<u8> {
    let mut key = index.to_vec();
    key.extend_from_slice(&at.as_millis().to_be_bytes());
    key
}

/// When the item at a place of an index was opened, and which one it is.
pub(crate) fn read_place(key: &[u8]) -> Option<(Timestamp, RunId)> {
    let id = crate::keys::run_at_end(key)?;
    let rest = key.get(..key.len().checked_sub(ID_BYTES)?)?;
    let (_, at) = rest.split_last_chunk::<8>()?;
    Some((Timestamp::from_millis(u64::from_be_bytes(*at)), id))
}

/// The items of a run that are about single items of its loops.
pub(crate) fn of_run(run: RunId) -> Vec<u8> {
    with_id(b"Dr", run)
}

/// One of them.
pub(crate) fn of_run_item(run: RunId, id: RunId) -> Vec<u8> {
    with_id(&of_run(run), id)
}

/// A group that was told of.
pub(crate) fn told(group: &Group) -> Vec<u8> {
    let mut key = TOLD.to_vec();
    group.write(&mut key);
    key
}

/// The family of groups that were told of.
pub(crate) const TOLD: &[u8] = b"Dn";

/// The run that took the place of a run: one at most.
pub(crate) fn rerun(run: RunId) -> Vec<u8> {
    with_id(b"Dx", run)
}

/// A decision that waits for a second person.
pub(crate) fn proposal(id: RunId) -> Vec<u8> {
    with_id(PROPOSAL, id)
}

/// The family of these, in the order of time.
pub(crate) const PROPOSAL: &[u8] = b"Dw";

/// What came with a payload in quarantine.
pub(crate) fn rejected(id: RunId) -> Vec<u8> {
    with_id(b"Dq", id)
}

/// The payloads of one flow in quarantine, in the order in which they first came.
pub(crate) fn rejected_of(flow: &FlowName) -> Vec<u8> {
    let mut key = REJECTED.to_vec();
    key.extend_from_slice(flow.as_str().as_bytes());
    key.push(0);
    key
}

/// One of them.
pub(crate) fn rejected_place(flow: &FlowName, id: RunId) -> Vec<u8> {
    with_id(&rejected_of(flow), id)
}

/// The family of payloads in quarantine by flow.
pub(crate) const REJECTED: &[u8] = b"Do";

/// The flow of such a place.
pub(crate) fn flow_of_rejected(key: &[u8]) -> Option<FlowName> {
    let name = key.strip_prefix(REJECTED)?;
    let name = name.get(..name.len().checked_sub(ID_BYTES + 1)?)?;
    FlowName::new(std::str::from_utf8(name).ok()?).ok()
}

/// The payload in quarantine with a content: it may come again and again.
pub(crate) fn rejected_content(flow: &FlowName, content: &Digest) -> Vec<u8> {
    let mut key = b"Dh".to_vec();
    key.extend_from_slice(flow.as_str().as_bytes());
    key.push(0);
    key.extend_from_slice(content.hex().as_bytes());
    key
}

/// Which form of the indexes the store has.
pub(crate) const FORM: &[u8] = b"Dv";

/// An entry of the audit record.
pub(crate) fn audit(seq: u64) -> Vec<u8> {
    let mut key = AUDIT.to_vec();
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

/// The audit record.
pub(crate) const AUDIT: &[u8] = b"A";

/// The number of an entry of the audit record.
pub(crate) fn read_audit(key: &[u8]) -> Option<u64> {
    let number: [u8; 8] = key.strip_prefix(AUDIT)?.try_into().ok()?;
    Some(u64::from_be_bytes(number))
}

/// An entry's place in the chain over the audit record: its digest.
pub(crate) fn chain(seq: u64) -> Vec<u8> {
    let mut key = CHAIN.to_vec();
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

/// The chain over the audit record.
pub(crate) const CHAIN: &[u8] = b"Cs";

/// Where the chain ends.
pub(crate) const CHAIN_HEAD: &[u8] = b"Ch";

/// The last number of the audit record, where several hosts give numbers.
pub(crate) const AUDIT_LAST: &[u8] = b"Cl";

/// The number of a place in the chain.
pub(crate) fn read_chain(key: &[u8]) -> Option<u64> {
    let number: [u8; 8] = key.strip_prefix(CHAIN)?.try_into().ok()?;
    Some(u64::from_be_bytes(number))
}

/// A bulk operation.
pub(crate) fn bulk(id: RunId) -> Vec<u8> {
    with_id(BULK, id)
}

/// The family of bulk operations.
pub(crate) const BULK: &[u8] = b"Br";

/// The items of a bulk operation from position `chunk` times the length of a chunk on.
pub(crate) fn bulk_chunk(id: RunId, chunk: u32) -> Vec<u8> {
    let mut key = with_id(b"Bl", id);
    key.extend_from_slice(&chunk.to_be_bytes());
    key
}

/// The mark that a bulk operation has dealt with an item.
pub(crate) fn bulk_mark(id: RunId, position: u64) -> Vec<u8> {
    let mut key = with_id(b"Bm", id);
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// Why a bulk operation could not deal with an item.
pub(crate) fn bulk_failure(id: RunId, position: u64) -> Vec<u8> {
    let mut key = bulk_failures(id);
    key.extend_from_slice(&position.to_be_bytes());
    key
}

/// All of these.
pub(crate) fn bulk_failures(id: RunId) -> Vec<u8> {
    with_id(b"Be", id)
}
