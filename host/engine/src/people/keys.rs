//! Where people are in the store: the family `P`.

use dowel_core::{Digest, Timestamp};

/// All users.
pub(super) const USERS: &[u8] = b"Pu";

/// All tokens.
pub(super) const TOKENS: &[u8] = b"Pt";

/// All sessions.
pub(super) const SESSIONS: &[u8] = b"Ps";

/// All one-time links.
pub(super) const LINKS: &[u8] = b"Pi";

/// All requests of programs for a token.
pub(super) const DEVICES: &[u8] = b"Pd";

/// What access was given and taken, in the order of time.
pub(super) const HISTORY: &[u8] = b"Ph";

fn with(family: &[u8], rest: &[u8]) -> Vec<u8> {
    [family, rest].concat()
}

/// A user, by the name in lower case.
pub(super) fn user(id: &str) -> Vec<u8> {
    with(USERS, id.as_bytes())
}

/// A token by its id.
pub(super) fn token(id: &str) -> Vec<u8> {
    with(TOKENS, id.as_bytes())
}

/// A session by the digest of its secret.
pub(super) fn session(secret: &Digest) -> Vec<u8> {
    with(SESSIONS, secret.bytes())
}

/// A one-time link by the digest of its secret.
pub(super) fn link(secret: &Digest) -> Vec<u8> {
    with(LINKS, secret.bytes())
}

/// A request for a token by the digest of its secret.
pub(super) fn device(secret: &Digest) -> Vec<u8> {
    with(DEVICES, secret.bytes())
}

/// A place in the history: time, then what it is about.
pub(super) fn history(at: Timestamp, subject: &[u8]) -> Vec<u8> {
    let mut key = with(HISTORY, &at.as_millis().to_be_bytes());
    key.extend_from_slice(subject);
    key
}

/// When a place of the history is from.
pub(super) fn time_of_history(key: &[u8]) -> Option<Timestamp> {
    let (at, _) = key.strip_prefix(HISTORY)?.split_first_chunk::<8>()?;
    Some(Timestamp::from_millis(u64::from_be_bytes(*at)))
}
