//! Where the rows of the mailbox are. All keys begin with `m`.

use crate::state::Slot;
use dowel_core::{Digest, RunId, Timestamp};

const DIGEST_BYTES: usize = 32;
const SLOT_BYTES: usize = 2 * DIGEST_BYTES;

/// Questions that are asked of events.
pub(super) const RECEIVERS: &[u8] = b"mr";

/// Events that are kept: family, slot, time of arrival, number of arrival, identity.
const EVENTS: &[u8] = b"mb";

/// The same by slot and identity, for duplicates.
const IDENTITIES: &[u8] = b"mi";

/// Steps that wait: family, slot, run, position of the entry with which it began.
pub(super) const WAITING: &[u8] = b"mw";

/// Stamps of events.
const EVENT_STAMPS: &[u8] = b"me";

/// Stamps of steps that wait.
const WAITING_STAMPS: &[u8] = b"ms";

/// A row of the mailbox.
pub(crate) fn is_mailbox(key: &[u8]) -> bool {
    key.starts_with(b"m")
}

/// A question.
pub(super) fn receiver(id: &Digest) -> Vec<u8> {
    [RECEIVERS, id.bytes()].concat()
}

/// The question of such a key.
pub(super) fn read_receiver(key: &[u8]) -> Option<Digest> {
    digest(key.strip_prefix(RECEIVERS)?)
}

fn digest(bytes: &[u8]) -> Option<Digest> {
    Some(Digest::from_bytes(bytes.try_into().ok()?))
}

fn in_slot(family: &[u8], slot: &Slot) -> Vec<u8> {
    [family, slot.receiver.bytes(), slot.value.bytes()].concat()
}

/// Everything that is kept in a slot.
pub(super) fn events(slot: &Slot) -> Vec<u8> {
    in_slot(EVENTS, slot)
}

/// What is kept in a slot comes before this if it arrived earlier.
pub(super) fn events_from(slot: &Slot, at: Timestamp) -> Vec<u8> {
    let mut key = events(slot);
    key.extend_from_slice(&at.as_millis().to_be_bytes());
    key
}

/// One event that is kept.
pub(super) fn event(slot: &Slot, at: Timestamp, number: u64, identity: &Digest) -> Vec<u8> {
    let mut key = events_from(slot, at);
    key.extend_from_slice(&number.to_be_bytes());
    key.extend_from_slice(identity.bytes());
    key
}

/// The slot and the identity of such a key.
pub(super) fn read_event(key: &[u8]) -> Option<(Slot, Digest)> {
    let rest = key.strip_prefix(EVENTS)?;
    let (slot, rest) = rest.split_at_checked(SLOT_BYTES)?;
    let (receiver, value) = slot.split_at(DIGEST_BYTES);
    let slot = Slot {
        receiver: digest(receiver)?,
        value: digest(value)?,
    };
    Some((slot, digest(rest.get(16..)?)?))
}

/// Says that an event is in a slot already.
pub(super) fn identity(slot: &Slot, identity: &Digest) -> Vec<u8> {
    let mut key = in_slot(IDENTITIES, slot);
    key.extend_from_slice(identity.bytes());
    key
}

/// Everybody who waits in a slot.
pub(super) fn waiting_in(slot: &Slot) -> Vec<u8> {
    in_slot(WAITING, slot)
}

/// Everybody who waits with a question.
pub(super) fn waiting_with(receiver: &Digest) -> Vec<u8> {
    [WAITING, receiver.bytes()].concat()
}

/// A step that waits.
pub(super) fn waiting(slot: &Slot, run: RunId, seq: u64) -> Vec<u8> {
    let mut key = waiting_in(slot);
    key.extend_from_slice(&run.as_u128().to_be_bytes());
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

/// The run of such a key.
pub(super) fn run_that_waits(key: &[u8]) -> Option<RunId> {
    let (rest, _) = key.strip_prefix(WAITING)?.split_last_chunk::<8>()?;
    crate::keys::run_at_end(rest)
}

/// Slots share their stamps, as many as two bytes tell apart, so that nobody has to
/// remove them. Who shares one by chance tries again for nothing.
fn stamp(family: &[u8], slot: &Slot) -> Vec<u8> {
    let [first, second, ..] = slot.value.bytes();
    let [other, ..] = slot.receiver.bytes();
    [family, &[first ^ other, *second]].concat()
}

/// Changes with every event that is put into the slot.
pub(super) fn event_stamp(slot: &Slot) -> Vec<u8> {
    stamp(EVENT_STAMPS, slot)
}

/// Changes with every step that begins to wait in the slot.
pub(super) fn waiting_stamp(slot: &Slot) -> Vec<u8> {
    stamp(WAITING_STAMPS, slot)
}

/// Whether a key is the stamp of events.
pub(super) fn is_event_stamp(key: &[u8]) -> bool {
    key.starts_with(EVENT_STAMPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_lie_under_their_slot_in_order_and_read_back() {
        let slot = Slot::new(Digest::of("q"), "A1");
        let at = Timestamp::from_millis;
        let run = RunId::new(at(7), [3; 10]);
        let one = Digest::of("one");
        let key = event(&slot, at(256), 7, &one);
        assert!(event(&slot, at(255), 8, &one) < key && event(&slot, at(256), 6, &one) < key);
        assert!(key.starts_with(&events(&slot)));
        assert!(events_from(&slot, at(256)) < key && key < events_from(&slot, at(257)));
        assert_eq!(read_event(&key), Some((slot, one)));
        assert_eq!(read_event(b"mb1"), None);
        let row = waiting(&slot, run, 9);
        assert!(row.starts_with(&waiting_in(&slot)));
        assert!(row.starts_with(&waiting_with(&slot.receiver)));
        assert_eq!(run_that_waits(&row), Some(run));
        assert_eq!(read_receiver(&receiver(&one)), Some(one));
        assert!(is_event_stamp(&event_stamp(&slot)) && !is_event_stamp(&waiting_stamp(&slot)));
    }
}
