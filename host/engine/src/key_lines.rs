//! Runs of one concurrency key: at most so many at work, in the order of their arrival.
//!
//! The truth is one row for each place in the store, written with the run's first page
//! and removed in the batch that ends it (or parks it, where it gives its place up).
//! Who may go follows from the order of the rows alone, so a crash changes nothing.
//! Here is the same in memory, so that intake and ends need not read.

use crate::keys;
use crate::state::{RunState, RunStatus};
use dowel_core::journal::{RunCreated, WhileParked};
use dowel_core::port::{Batch, Scan, Store, StoreError};
use dowel_core::{FlowName, RunId};
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Places that are read at a time when the engine starts.
const PLACES_PER_SCAN: usize = 4_096;

/// The line of one key, as the store names it.
type Name = Arc<[u8]>;

/// All lines.
#[derive(Default)]
pub(crate) struct KeyLines {
    state: Mutex<State>,
    /// Runs that wait for the runs before them.
    queued: Gauge,
}

#[derive(Default)]
struct State {
    lines: HashMap<Name, Line>,
    places: HashMap<RunId, (Name, u64)>,
}

#[derive(Default)]
struct Line {
    next: u64,
    /// In the order of arrival. Those who may go are the first ones.
    members: BTreeMap<u64, Member>,
}

struct Member {
    run: RunId,
    limit: u32,
    /// Whether its place is in the store.
    is_durable: bool,
    may_go: bool,
}

/// A place that a run wants.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// Runs at the same time.
    pub(crate) limit: u32,
    /// Only if it may go at once.
    pub(crate) at_once: bool,
}

/// What a run got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// A place, and the run right before it if it has to wait.
    Place { number: u64, behind: Option<RunId> },
    /// Nothing: it would have had to wait, for this run among others. Whether as many
    /// runs as may work are on disk: one that is not may yet not be written.
    Full { before: RunId, is_sure: bool },
}

/// What becomes of a run's place with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlaceChange {
    None,
    Taken,
    Left,
}

/// The value of a place's row.
pub(crate) fn limit_value(limit: u32) -> Vec<u8> {
    limit.to_be_bytes().to_vec()
}

impl Line {
    /// Lets those go whose turn it is: everybody before them may go, and fewer than
    /// their limit are before them. Returns those for whom this is new.
    fn advance(&mut self, queued: &Gauge) -> Vec<RunId> {
        let mut may_go = Vec::new();
        for (before, member) in self.members.values_mut().enumerate() {
            if before >= usize::try_from(member.limit).unwrap_or(usize::MAX) {
                break;
            }
            if !member.may_go {
                member.may_go = true;
                queued.dec();
                // One whose place is not written yet hears of it when it is.
                if member.is_durable {
                    may_go.push(member.run);
                }
            }
        }
        may_go
    }
}

impl KeyLines {
    pub(crate) fn new(queued: Gauge) -> Self {
        Self {
            queued,
            ..Self::default()
        }
    }

    /// Reads the lines from the store.
    pub(crate) async fn load(&self, store: &dyn Store) -> Result<(), StoreError> {
        let mut scan = Scan::prefix(keys::KEY_LINE, PLACES_PER_SCAN);
        loop {
            let rows = store.scan(scan.clone()).await?;
            let mut state = self.state.lock();
            for (key, value) in &rows {
                let limit = <[u8; 4]>::try_from(value.as_slice()).map_or(1, u32::from_be_bytes);
                if let Some((line, number, run)) = keys::read_key_place(key) {
                    state.add(line, number, run, limit, &self.queued);
                }
            }
            match rows.last() {
                Some((key, _)) if rows.len() == PLACES_PER_SCAN => scan = scan.after(key.clone()),
                _ => break,
            }
        }
        let mut state = self.state.lock();
        for line in state.lines.values_mut() {
            for member in line.members.values_mut() {
                member.is_durable = true;
            }
            line.advance(&self.queued);
        }
        Ok(())
    }

    /// How many runs of a key have a place.
    pub(crate) fn length(&self, flow: &FlowName, key: &str) -> u64 {
        let state = self.state.lock();
        let line = state.lines.get(keys::key_line(flow, key).as_slice());
        line.map_or(0, |line| line.members.len() as u64)
    }

    /// Takes a place at the end of a line. It counts from now on, and is to be written
    /// and then confirmed, or left.
    pub(crate) fn join(&self, flow: &FlowName, key: &str, run: RunId, wanted: Wanted) -> Joined {
        let name = keys::key_line(flow, key);
        let mut state = self.state.lock();
        let line = state.lines.get(name.as_slice());
        let last = line.and_then(|line| line.members.last_key_value());
        let length = line.map_or(0, |line| line.members.len());
        let number = line.map_or(0, |line| line.next);
        let may_go = last.is_none_or(|(_, last)| last.may_go)
            && length < usize::try_from(wanted.limit).unwrap_or(usize::MAX);
        let behind = last.map(|(_, last)| last.run).filter(|_| !may_go);
        if let Some(before) = behind.filter(|_| wanted.at_once) {
            let members = line.into_iter().flat_map(|line| line.members.values());
            let durable = members.filter(|member| member.is_durable);
            let limit = usize::try_from(wanted.limit).unwrap_or(usize::MAX);
            // The last one that is on disk, where those are enough.
            let sure = durable.map(|member| member.run).enumerate().last();
            return match sure.filter(|(index, _)| index + 1 >= limit) {
                Some((_, before)) => Joined::Full {
                    before,
                    is_sure: true,
                },
                None => Joined::Full {
                    before,
                    is_sure: false,
                },
            };
        }
        state.add(&name, number, run, wanted.limit, &self.queued);
        if let Some(line) = state.lines.get_mut(name.as_slice()) {
            line.advance(&self.queued);
        }
        Joined::Place { number, behind }
    }

    /// The place is in the store. Whether the run may go.
    pub(crate) fn confirm(&self, run: RunId) -> bool {
        let mut state = self.state.lock();
        let Some((name, number)) = state.places.get(&run).cloned() else {
            return true;
        };
        let line = state.lines.get_mut(&name);
        let member = line.and_then(|line| line.members.get_mut(&number));
        member.is_none_or(|member| {
            member.is_durable = true;
            member.may_go
        })
    }

    /// Where the run's place is in the store.
    pub(crate) fn row(&self, run: RunId) -> Option<Vec<u8>> {
        let state = self.state.lock();
        let (name, number) = state.places.get(&run)?;
        Some(keys::key_place(name, *number, run))
    }

    /// Gives a place up once its row is gone. Returns the runs that may go by that.
    pub(crate) fn leave(&self, run: RunId) -> Vec<RunId> {
        let mut state = self.state.lock();
        let Some((name, number)) = state.places.remove(&run) else {
            return Vec::new();
        };
        let Some(line) = state.lines.get_mut(&name) else {
            return Vec::new();
        };
        if line
            .members
            .remove(&number)
            .is_some_and(|gone| !gone.may_go)
        {
            self.queued.dec();
        }
        let may_go = line.advance(&self.queued);
        if line.members.is_empty() {
            state.lines.remove(&name);
        }
        may_go
    }

    /// Adds to the batch that ends a turn of a run what becomes of its place.
    pub(crate) fn write_place(&self, run: &RunState, batch: &mut Batch) -> PlaceChange {
        let Some(place) = &run.created.key_place else {
            return PlaceChange::None;
        };
        let id = run.created.run;
        let keeps_it = run.status == RunStatus::Parked && place.while_parked == WhileParked::Hold;
        match self.row(id) {
            Some(row) if run.status.is_at_rest() && !keeps_it => {
                batch.delete(row);
                PlaceChange::Left
            }
            Some(row) if !self.is_durable(id) => {
                batch.put(row, limit_value(place.limit));
                PlaceChange::Taken
            }
            _ => PlaceChange::None,
        }
    }

    /// The batch is written. Returns the runs that may go by that.
    pub(crate) fn written(&self, run: RunId, change: PlaceChange) -> Vec<RunId> {
        match change {
            PlaceChange::None => Vec::new(),
            PlaceChange::Left => self.leave(run),
            PlaceChange::Taken => {
                self.confirm(run);
                Vec::new()
            }
        }
    }

    /// Whether the run waits for runs before it. One that had given its place up and
    /// goes on by a person's decision takes a new one, at the end.
    pub(crate) fn must_wait(&self, run: &RunCreated) -> bool {
        let Some(place) = &run.key_place else {
            return false;
        };
        if self.row(run.run).is_none() {
            let wanted = Wanted {
                limit: place.limit,
                at_once: false,
            };
            self.join(&run.flow, &place.key, run.run, wanted);
        }
        self.is_waiting(run.run)
    }

    fn is_durable(&self, run: RunId) -> bool {
        let state = self.state.lock();
        let Some((name, number)) = state.places.get(&run) else {
            return false;
        };
        let line = state.lines.get(name);
        let member = line.and_then(|line| line.members.get(number));
        member.is_some_and(|member| member.is_durable)
    }

    /// Whether the run waits for runs before it.
    pub(crate) fn is_waiting(&self, run: RunId) -> bool {
        let state = self.state.lock();
        let Some((name, number)) = state.places.get(&run) else {
            return false;
        };
        let line = state.lines.get(name);
        let member = line.and_then(|line| line.members.get(number));
        member.is_some_and(|member| !member.may_go)
    }

    /// The runs behind a run, the next one first, at most `limit`.
    pub(crate) fn behind(&self, run: RunId, limit: usize) -> Vec<RunId> {
        let state = self.state.lock();
        let Some((name, number)) = state.places.get(&run) else {
            return Vec::new();
        };
        let after = number.saturating_add(1)..;
        let line = state.lines.get(name).into_iter();
        let members = line.flat_map(|line| line.members.range(after.clone()));
        members.map(|(_, member)| member.run).take(limit).collect()
    }
}

impl State {
    fn add(&mut self, name: &[u8], number: u64, run: RunId, limit: u32, queued: &Gauge) {
        let known = self.lines.get_key_value(name).map(|(name, _)| name.clone());
        let name = known.unwrap_or_else(|| name.into());
        let line = self.lines.entry(name.clone()).or_default();
        line.next = line.next.max(number.saturating_add(1));
        let member = Member {
            run,
            limit: limit.max(1),
            is_durable: false,
            may_go: false,
        };
        queued.inc();
        line.members.insert(number, member);
        self.places.insert(run, (name, number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dowel_core::Timestamp;
    use dowel_testkit::MemoryStore;
    use proptest::prelude::*;

    const KEYS: [&str; 2] = ["C-1", "C-2"];

    fn flow() -> FlowName {
        FlowName::new("test").unwrap()
    }

    fn run(number: u64) -> RunId {
        RunId::new(Timestamp::from_millis(number), [0; 10])
    }

    /// Lines, the rows that they have in the store, and who was told to go.
    struct World {
        lines: KeyLines,
        store: MemoryStore,
        limit: u32,
        /// In the order of arrival, by key: the runs that have not left.
        arrived: [Vec<RunId>; 2],
        /// Runs whose place is not written yet.
        unwritten: Vec<RunId>,
        going: Vec<RunId>,
        begun: u64,
    }

    impl World {
        fn key_of(&self, run: RunId) -> usize {
            usize::from(self.arrived[1].contains(&run))
        }

        async fn step(&mut self, what: u8, which: usize) {
            match what {
                0 | 1 => {
                    let run = run(self.begun);
                    self.begun += 1;
                    let key = which % 2;
                    let wanted = Wanted {
                        limit: self.limit,
                        at_once: false,
                    };
                    let joined = self.lines.join(&flow(), KEYS[key], run, wanted);
                    let Joined::Place { behind, .. } = joined else {
                        panic!("{joined:?}")
                    };
                    let before = self.arrived[key].last().copied();
                    if let Some(behind) = behind {
                        assert_eq!(Some(behind), before, "behind the one right before it");
                    }
                    self.arrived[key].push(run);
                    self.unwritten.push(run);
                }
                2 if !self.unwritten.is_empty() => {
                    let run = self.unwritten.remove(which % self.unwritten.len());
                    let mut batch = Batch::default();
                    batch.put(self.lines.row(run).unwrap(), limit_value(self.limit));
                    self.store.commit(batch).await.unwrap();
                    if self.lines.confirm(run) {
                        self.going.push(run);
                    }
                }
                // One that was never written gives up, too.
                3 if !self.unwritten.is_empty() => {
                    let run = self.unwritten.remove(which % self.unwritten.len());
                    self.leave(run).await;
                }
                4 | 5 if !self.going.is_empty() => {
                    let run = self.going.remove(which % self.going.len());
                    self.leave(run).await;
                }
                _ => {}
            }
        }

        async fn leave(&mut self, run: RunId) {
            let mut batch = Batch::default();
            batch.delete(self.lines.row(run).unwrap());
            self.store.commit(batch).await.unwrap();
            let key = self.key_of(run);
            self.arrived[key].retain(|other| *other != run);
            self.going.extend(self.lines.leave(run));
        }

        fn check(&self) {
            for arrived in &self.arrived {
                let limit = usize::try_from(self.limit).unwrap();
                let may_go: Vec<bool> = arrived
                    .iter()
                    .map(|run| !self.lines.is_waiting(*run))
                    .collect();
                let expected: Vec<bool> = (0..arrived.len()).map(|at| at < limit).collect();
                assert_eq!(
                    may_go, expected,
                    "the first ones, and no more than the limit"
                );
                for (run, may_go) in arrived.iter().zip(may_go) {
                    let is_written = !self.unwritten.contains(run);
                    let was_told = self.going.contains(run);
                    assert_eq!(
                        was_told,
                        may_go && is_written,
                        "told when it may go, not before"
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn the_first_ones_go_and_a_restart_changes_nothing(
            limit in 1_u32..4,
            steps in prop::collection::vec((0_u8..6, 0_usize..64), 1..80),
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async {
                let mut world = World {
                    lines: KeyLines::default(),
                    store: MemoryStore::default(),
                    limit,
                    arrived: Default::default(),
                    unwritten: Vec::new(),
                    going: Vec::new(),
                    begun: 0,
                };
                for (what, which) in steps {
                    world.step(what, which).await;
                    world.check();
                }
                // What was not written is gone with the host.
                for run in std::mem::take(&mut world.unwritten) {
                    world.leave(run).await;
                }
                let again = KeyLines::default();
                again.load(&world.store).await.unwrap();
                for run in world.arrived.iter().flatten() {
                    assert_eq!(again.is_waiting(*run), world.lines.is_waiting(*run));
                    assert_eq!(again.behind(*run, 9), world.lines.behind(*run, 9));
                }
                // Nobody starves, and nothing is left behind.
                while let Some(run) = world.going.first().copied() {
                    world.going.remove(0);
                    world.leave(run).await;
                    world.check();
                }
                assert!(world.arrived.iter().all(Vec::is_empty));
                assert!(world.lines.state.lock().lines.is_empty());
                assert_eq!(world.lines.queued.get(), 0);
            });
        }
    }
}
