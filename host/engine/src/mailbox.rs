//! Events that runs wait for.
//!
//! An event and the runs that wait for it meet in a *slot*: the digest of a question
//! (`type` and `match.event`) and of its answer. Two families of rows lie under each slot:
//! the events that were kept, oldest first, and the steps that wait. An event is put into
//! its slots in the transaction that takes it in, together with a message to every run
//! that waits there; a run looks into its slot in the turn in which it begins to wait.
//!
//! Neither may miss the other, so each leaves a *stamp* with its write and requires the
//! other's stamp to be what it was before it looked. Events do not stand in each other's
//! way by that, nor do runs.

mod expire;
mod keys;
mod look;
mod open;
mod post;
mod receivers;
mod watch;

pub(crate) use expire::{expire, is_kept_event};
pub(crate) use keys::is_mailbox;
pub(crate) use look::{oldest, stamp};
pub(crate) use open::list;
pub use open::{OpenReceive, OpenReceives};
pub(crate) use post::{Delivery, Post};
pub(crate) use receivers::Receivers;
pub(crate) use watch::Watch;

use dowel_core::JsonText;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest key that events are recognised by, in bytes: as long as a dedupe key.
pub(crate) const MAX_KEY: usize = 512;

/// For how long an event is kept for runs that have not come to their `receive` step, if
/// their flow has no `deadline` that says it: longer than a run takes to get there, and
/// short enough that nobody pays for years of events.
pub(crate) const DEFAULT_KEEP: Duration = Duration::from_secs(30 * 86_400);

/// An event as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct KeptEvent {
    /// CloudEvents `source`.
    pub(crate) source: String,
    /// CloudEvents `id`.
    pub(crate) id: String,
    /// The event with its data, as expressions see it.
    pub(crate) event: JsonText,
}
