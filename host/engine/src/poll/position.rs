//! Where a poll stands. Kept in the store by flow and trigger, so that a new version goes
//! on where the old one was.

use crate::engine::Shared;
use crate::keys;
use dowel_core::port::{Batch, StoreError};
use dowel_core::{Digest, ErrorKind, FlowName, StepError, Timestamp};
use dowel_flow::plan::Poll;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest time between two reads of a source that fails: an upstream that is back is
/// noticed within it.
const MAX_BACKOFF: Duration = Duration::from_secs(900);

/// Where a poll stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// What is polled: another source, or other parameters, begin anew.
    pub(crate) of: Digest,
    /// Up to where events have been taken.
    #[serde(default)]
    pub(crate) cursor: Option<String>,
    /// When it last moved.
    #[serde(default)]
    pub(crate) moved_at: Option<Timestamp>,
    /// Since when reads fail, and why.
    #[serde(default)]
    pub(crate) failing: Option<Failing>,
}

/// Reads that fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// How many reads in a row.
    pub times: u32,
    /// What the last one came to.
    pub kind: ErrorKind,
    /// Its code.
    pub code: String,
    /// Its message, without any secret.
    pub message: String,
}

/// A position as it is in the store; its bytes make sure that nobody else has moved it.
pub(crate) struct Stored {
    key: Vec<u8>,
    bytes: Option<Vec<u8>>,
    pub(crate) position: Position,
}

/// The identity of what is polled.
pub(crate) fn identity(poll: &Poll) -> Digest {
    let (connection, source) = (&poll.connection, &poll.source);
    Digest::of(format!("{connection}\0{source}\0{}", poll.params))
}

impl Stored {
    /// Reads the position of a trigger.
    pub(crate) async fn read(
        shared: &Shared,
        (flow, trigger): (&FlowName, &str),
        poll: &Poll,
    ) -> Result<Self, StoreError> {
        let key = keys::poll(flow, trigger);
        let bytes = shared.ports.store.get(&key).await?;
        let of = identity(poll);
        let known = bytes
            .as_deref()
            .and_then(|bytes| serde_json::from_slice::<Position>(bytes).ok());
        let position = known.filter(|known| known.of == of).unwrap_or(Position {
            of,
            cursor: None,
            moved_at: None,
            failing: None,
        });
        Ok(Self {
            key,
            bytes,
            position,
        })
    }

    /// A batch that moves the position, if nobody else has.
    pub(crate) fn moves(&self, position: &Position) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        match &self.bytes {
            Some(before) => batch.require_equal(self.key.clone(), before.clone()),
            None => batch.require_absent(self.key.clone()),
        };
        let bytes = serde_json::to_vec(position)
            .map_err(|error| StoreError::Failed(error.to_string().into()))?;
        batch.put(self.key.clone(), bytes);
        Ok(batch)
    }

    /// Whether the error says that somebody else has moved the position.
    pub(crate) fn is_raced(&self, error: &StoreError) -> bool {
        matches!(error, StoreError::Conflict(key) if *key == self.key)
    }
}

impl Position {
    /// One more read has failed.
    pub(crate) fn fails(&self, error: &StepError, now: Timestamp) -> Self {
        let before = self.failing.as_ref();
        Self {
            failing: Some(Failing {
                since: before.map_or(now, |failing| failing.since),
                times: before.map_or(1, |failing| failing.times.saturating_add(1)),
                kind: error.kind,
                code: error.code.clone(),
                message: error.message.clone(),
            }),
            ..self.clone()
        }
    }

    /// How long to wait before the next read.
    pub(crate) fn wait(&self, every: Duration, retry_after: Option<Duration>) -> Duration {
        let times = self.failing.as_ref().map_or(0, |failing| failing.times);
        let doubled = 2_u32.saturating_pow(times.saturating_sub(1).min(16));
        let backoff = every.saturating_mul(doubled).min(MAX_BACKOFF).max(every);
        backoff.max(retry_after.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_fails_is_read_less_often() {
        let error = StepError::host(
            ErrorKind::Unavailable,
            dowel_core::code::run::EGRESS_CONNECT,
            "no",
        );
        let now = Timestamp::from_millis(1_000);
        let mut position = Position {
            of: Digest::of("x"),
            cursor: Some("a".to_owned()),
            moved_at: None,
            failing: None,
        };
        let every = Duration::from_secs(60);
        let mut waits = Vec::new();
        for _ in 0..6 {
            position = position.fails(&error, now);
            waits.push(position.wait(every, None).as_secs());
        }
        assert_eq!(waits, [60, 120, 240, 480, 900, 900]);
        assert_eq!(position.cursor.as_deref(), Some("a"), "nothing is skipped");
        let hour = Duration::from_secs(3_600);
        assert_eq!(position.wait(every, Some(hour)), hour);
        assert_eq!(position.wait(hour * 2, None), hour * 2, "never more often");
    }
}
