//! Who had access at which time.

use super::keys;
use super::record::{Token, User};
use super::{decode, encode};
use crate::engine::Engine;
use dowel_core::Timestamp;
use dowel_core::port::{Batch, Scan, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Places that are read at a time.
const ROWS_PER_SCAN: usize = 500;

/// What somebody's access was from some time on.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Was {
    /// A user as they were.
    User(User),
    /// A token as it was.
    Token(Token),
}

/// Adds to the history what becomes of somebody's access.
pub(super) fn add(
    batch: &mut Batch,
    at: Timestamp,
    subject: &[u8],
    was: &Was,
) -> Result<(), StoreError> {
    batch.put(keys::history(at, subject), encode(was)?);
    Ok(())
}

impl Engine {
    /// The users and the tokens as they were at a time.
    pub async fn access_at(&self, at: Timestamp) -> Result<(Vec<User>, Vec<Token>), StoreError> {
        let store = &self.shared().ports.store;
        let (mut users, mut tokens) = (BTreeMap::new(), BTreeMap::new());
        let mut scan = Scan::prefix(keys::HISTORY, ROWS_PER_SCAN);
        loop {
            let rows = store.scan(scan.clone()).await?;
            for (key, bytes) in &rows {
                if keys::time_of_history(key).is_some_and(|time| time > at) {
                    break;
                }
                match decode(bytes)? {
                    Was::User(user) => drop(users.insert(user.id.clone(), user)),
                    Was::Token(token) => drop(tokens.insert(token.id.clone(), token)),
                }
            }
            let is_past = |key: &[u8]| keys::time_of_history(key).is_some_and(|time| time > at);
            match rows.last() {
                Some((key, _)) if rows.len() == ROWS_PER_SCAN && !is_past(key) => {
                    scan = scan.after(key.clone());
                }
                _ => break,
            }
        }
        Ok((
            users.into_values().collect(),
            tokens.into_values().collect(),
        ))
    }
}
