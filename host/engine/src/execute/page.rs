//! The part of a run's journal that is not on disk yet, and the batch that takes it
//! there.

use crate::approvals::{self, Listed};
use crate::children;
use crate::desk::{DeskPage, Draft};
use crate::engine::Shared;
use crate::events;
use crate::inbox::{self, Verdict};
use crate::intake::Prepared;
use crate::journal;
use crate::kept::Keeping;
use crate::keys;
use crate::leases::Lease;
use crate::mailbox::Watch;
use crate::plans::ActivePlan;
use crate::queue;
use crate::retention;
use crate::state::{RunState, RunStatus};
use crate::summary::{self, RunSummary};
use dowel_core::Timestamp;
use dowel_core::journal::{Entry, Event, VERSION};
use dowel_core::port::{Batch, StoreError};
use std::sync::Arc;

/// Entries of one turn.
#[derive(Debug)]
pub(crate) struct Page {
    entries: Vec<Entry>,
    /// The status that the stored summary shows.
    listed: RunStatus,
    /// When the stored active mark says that the run is due; nothing where there is none.
    due: Option<Timestamp>,
    has_result: bool,
    /// What the flow keeps from now on, if the run succeeds.
    keeping: Option<Keeping>,
    /// Messages that the entries answer, with what became of them.
    taken: Vec<(Vec<u8>, Verdict)>,
    /// A dedupe key that is given up, with the value that makes it this run's.
    released: Option<(Vec<u8>, Vec<u8>)>,
    /// The run's entry in the index of finished runs, as stored.
    finished: Option<Vec<u8>>,
    /// The run's entries in the index of open approvals, as stored.
    approvals: Listed,
    /// What the exception desk shows of the run.
    desk: DeskPage,
    /// Runs that begin with the next batch.
    children: Vec<Prepared>,
    /// Where the run has looked for events.
    pub(super) watch: Watch,
    /// What makes the run this host's; nothing where it is alone.
    pub(super) lease: Option<Lease>,
    /// Whether the next batch gives the lease back.
    pub(super) gives_back: bool,
}

impl Page {
    /// Nothing recorded yet since `state` was read; `due` is what the stored active mark
    /// says.
    pub(crate) fn new(
        plan: Arc<ActivePlan>,
        state: &RunState,
        due: Option<Timestamp>,
        lease: Option<Lease>,
    ) -> Self {
        Self {
            entries: Vec::new(),
            listed: state.status,
            due,
            has_result: false,
            keeping: None,
            taken: Vec::new(),
            released: None,
            finished: retention::index_entry(state),
            approvals: approvals::listed(state),
            desk: DeskPage::new(plan, state),
            children: Vec::new(),
            watch: Watch::new(state),
            lease,
            gives_back: false,
        }
    }

    /// The run goes on with another plan.
    pub(crate) fn move_to(&mut self, plan: Arc<ActivePlan>) {
        self.desk.move_to(plan);
    }

    /// Records a decision with the next batch.
    pub(crate) fn audit(&mut self, draft: Draft) {
        self.desk.audit(draft);
    }

    /// Whether its entries bring the run to rest. What a run at rest hears of its children
    /// leaves it there.
    pub(crate) fn brings_to_rest(&self) -> bool {
        let hears = |entry: &Entry| {
            matches!(
                entry.event,
                Event::ChildEnded { .. } | Event::ChildReplaced { .. }
            )
        };
        !self.entries.iter().all(hears)
    }

    /// Begins another run with the next batch, which must not wait for the next call.
    pub(crate) fn begin_child(&mut self, child: Prepared) {
        self.children.push(child);
        self.has_result = true;
    }

    /// Writes what the flow keeps with the next batch.
    pub(crate) fn keep(&mut self, keeping: Keeping) {
        self.keeping = Some(keeping);
    }

    /// Whether this is the key of what the flow keeps, and the next batch writes it.
    pub(crate) fn keeps(&self, key: &[u8]) -> bool {
        self.keeping
            .as_ref()
            .is_some_and(|keeping| keeping.key == key)
    }

    /// Whether a message has been taken up already.
    pub(crate) fn has_taken(&self, key: &[u8]) -> bool {
        self.taken.iter().any(|(taken, _)| taken == key)
    }

    /// Takes a message out of the inbox with the next batch.
    pub(crate) fn take_message(&mut self, key: Vec<u8>, verdict: Verdict) {
        self.taken.push((key, verdict));
        // The sender waits for the verdict.
        self.has_result = true;
    }

    /// Whether it holds the result of a call, which must not wait for the next call.
    pub(crate) const fn has_result(&self) -> bool {
        self.has_result
    }

    /// Gives up a dedupe key with the next batch.
    pub(crate) fn release(&mut self, key: Option<(Vec<u8>, Vec<u8>)>) {
        self.released = key;
    }

    /// Applies an event to the state and keeps it for the next batch.
    pub(crate) fn record(
        &mut self,
        state: &mut RunState,
        at: Timestamp,
        event: Event,
    ) -> Result<(), StoreError> {
        self.has_result |= matches!(
            event,
            Event::CallSucceeded { .. } | Event::AttemptFailed { .. } | Event::ChildStopped { .. }
        );
        self.try_record(state, at, event)
            .map_err(|reason| StoreError::Failed(reason.into()))
    }

    /// The same for an event from outside, which the run may refuse.
    pub(crate) fn try_record(
        &mut self,
        state: &mut RunState,
        at: Timestamp,
        event: Event,
    ) -> Result<(), String> {
        let entry = Entry {
            v: VERSION,
            seq: state.next_seq,
            at,
            event,
        };
        state.apply(&entry).map_err(|e| e.reason)?;
        self.entries.push(entry);
        Ok(())
    }

    /// Writes what was recorded, with everything that is derived from it, in one batch.
    /// `due` is when the run is to be taken up again, zero while it is at work.
    pub(crate) async fn flush(
        &mut self,
        shared: &Shared,
        state: &RunState,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        let mut batch = Batch::default();
        let run = state.created.run;
        journal::put_page(run, &self.entries, shared.format.now(), &mut batch)
            .map_err(|e| StoreError::Failed(e.to_string().into()))?;
        // Published if and only if its step is recorded: the same batch.
        let emitted = events::put(state, &self.entries, &mut batch);
        for child in &self.children {
            child.add_to(&mut batch);
        }
        let told = children::tell(shared, state, &self.entries, self.listed, &mut batch)?;
        let mark = self.put_mark(&mut batch, state, due, shared.ports.clock.now());
        if state.status != self.listed {
            put_summary(&mut batch, state)?;
            summary::move_status(run, self.listed, state.status, &mut batch);
        }
        let finished = retention::index_entry(state);
        self.put_finished(&finished, &mut batch);
        let approvals = approvals::add_to(&mut batch, &self.approvals, self.desk.plan(), state)?;
        let waiting = self
            .watch
            .add_to(shared, self.desk.plan(), state, &mut batch)?;
        self.put_taken(&mut batch);
        let place = shared.key_lines.write_place(state, &mut batch);
        self.keeping.iter().for_each(|kept| kept.add_to(&mut batch));
        let change = self.desk.add(shared, state, &self.entries, &mut batch);
        let change = change.await?;
        let drafts = self.desk.drafts();
        let is_nothing = batch.writes.is_empty() && drafts.is_empty();
        if is_nothing && !self.has_to_give_back(state) {
            return Ok(());
        }
        let lease = self.put_lease(&mut batch, state, shared.ports.clock.now());
        shared.desk.audit.commit(shared, batch, drafts).await?;
        self.watch.written(waiting);
        self.desk.written(shared, change);
        self.lease = lease;
        self.gives_back = false;
        self.released = None;
        if emitted > 0 {
            shared.outbox.notify_one();
        }
        for child in self.children.drain(..) {
            child.begun(shared);
        }
        for other in told {
            inbox::wake(shared, other);
        }
        for next in shared.key_lines.written(state.created.run, place) {
            shared.queue.resume(next);
        }
        self.count_finished(shared, state, &finished);
        shared.approvals.written(&self.approvals, &approvals);
        self.approvals = approvals;
        self.keeping = None;
        self.finished = finished;
        self.tell_of_move(shared, state);
        self.entries.clear();
        for (key, verdict) in self.taken.drain(..) {
            shared.waiters.tell(&key, verdict);
        }
        self.has_result = false;
        self.listed = state.status;
        self.due = mark;
        Ok(())
    }

    /// Tells the log, and those who follow runs.
    fn tell_of_move(&self, shared: &Shared, state: &RunState) {
        announce(&self.entries, state);
        let Some(last) = self.entries.last() else {
            return;
        };
        let created = &state.created;
        shared
            .moves
            .add(created.run, &created.flow, state.status, last.at);
    }

    /// Removes what the run has taken in: its place in line, and messages.
    fn put_taken(&self, batch: &mut Batch) {
        if let Some((key, value)) = self.released.clone() {
            batch.require_equal(key.clone(), value).delete(key);
        }
        for (key, _) in &self.taken {
            batch.delete(key.clone());
        }
    }

    #[allow(clippy::ref_option)] // Both sides are stored as options.
    fn count_finished(&self, shared: &Shared, state: &RunState, finished: &Option<Vec<u8>>) {
        let flow = &state.created.flow;
        shared.desk.kpis.written(state, &self.entries);
        match (&self.finished, finished) {
            (None, Some(_)) => {
                shared.finished.ended(flow);
                shared.desk.kpis.ended(state);
            }
            (Some(_), None) => shared.finished.left(flow),
            _ => {}
        }
    }

    /// Brings the index of finished runs up to date.
    #[allow(clippy::ref_option)] // Both sides are stored as options.
    fn put_finished(&self, finished: &Option<Vec<u8>>, batch: &mut Batch) {
        if *finished == self.finished {
            return;
        }
        if let Some(entry) = &self.finished {
            batch.delete(entry.clone());
        }
        if let Some(entry) = finished {
            batch.put(entry.clone(), Vec::new());
        }
    }

    /// Whether the store still has a lease of a run that needs none.
    fn has_to_give_back(&self, state: &RunState) -> bool {
        let is_written = self.lease.as_ref().is_some_and(Lease::is_written);
        is_written && (self.gives_back || state.status.is_at_rest())
    }

    /// Keeps the lease with the batch, or gives it back. Returns what it is then.
    fn put_lease(&self, batch: &mut Batch, state: &RunState, now: Timestamp) -> Option<Lease> {
        let gives_back = self.gives_back || state.status.is_at_rest();
        let lease = self.lease.as_ref()?;
        if self.entries.is_empty() {
            // A run between two leases has none to look at: another host may have had it,
            // and let go of it, since it was read here. What is decided by its state, such
            // as that a decision comes too early, would then be decided by an old one.
            batch.require_absent(keys::journal_page(state.created.run, state.next_seq));
        }
        Some(match gives_back {
            true => lease.give_back(batch),
            false => lease.keep(batch, now),
        })
    }

    /// Brings the active mark up to date, and returns what it says with the batch.
    fn put_mark(
        &self,
        batch: &mut Batch,
        state: &RunState,
        due: Timestamp,
        now: Timestamp,
    ) -> Option<Timestamp> {
        let key = keys::active(state.created.run);
        if state.status.is_at_rest() {
            batch.delete(key);
            return None;
        }
        let is_at_work = due == Timestamp::default();
        match self.due {
            Some(stored) if stored == due => Some(stored),
            // Its timer has come: the next host takes it up at once as well.
            Some(stored) if is_at_work && stored <= now => Some(stored),
            // Also where a run at work was woken before its time: with the mark of its wait
            // left in place, the next host would let it wait on.
            _ => {
                batch.put(key, queue::due_at(due));
                Some(due)
            }
        }
    }
}

fn put_summary(batch: &mut Batch, state: &RunState) -> Result<(), StoreError> {
    let bytes = serde_json::to_vec(&RunSummary::of(state))
        .map_err(|e| StoreError::Failed(e.to_string().into()))?;
    batch.put(keys::summary(state.created.run), bytes);
    Ok(())
}

/// Tells the log what became durable: emitted events, and runs that need a person.
fn announce(entries: &[Entry], state: &RunState) {
    let created = &state.created;
    for entry in entries {
        match &entry.event {
            Event::Emitted {
                id,
                event_type,
                data,
                ..
            } => {
                tracing::info!(target: "dowel::emit", run = %created.run, flow = %created.flow, id, event_type, bytes = data.as_str().len(), "event emitted");
            }
            Event::Parked { error, path } => {
                let step = path.as_ref().map_or("", |path| path.as_str());
                tracing::warn!(run = %created.run, flow = %created.flow, step, code = error.code, kind = %error.kind, "run parked");
            }
            _ => {}
        }
    }
}
