//! Looks at every write as it happens, and keeps what the journals say.

use crate::flows::EVENT_TYPE;
use crate::log::Log;
use crate::source;
use crate::store::at_once;
use crate::time::SimClock;
use dowel_core::journal::{Entry, Event};
use dowel_core::port::{Batch, Clock, Scan, Store, StoreError, Write};
use dowel_core::{Digest, RunId};
use dowel_engine::state::RunState;
use dowel_testkit::MemoryStore;
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

/// A run as its journal has told it so far.
#[derive(Clone)]
pub(crate) struct Told {
    pub(crate) state: RunState,
    /// The entries, each with its place in the order of everything that happened.
    pub(crate) entries: Vec<(u64, Entry)>,
    /// The host that wrote each entry.
    pub(crate) hosts: Vec<u64>,
}

/// What has been written so far.
pub(crate) struct Watch {
    log: Log,
    clock: SimClock,
    /// By what name each host has leases.
    names: Mutex<BTreeMap<u64, Vec<u8>>>,
    runs: Mutex<BTreeMap<RunId, Told>>,
    /// Where the poll stands.
    cursor: Mutex<Option<usize>>,
}

/// A page of a journal.
struct Page {
    run: RunId,
    first: u64,
    entries: Vec<Entry>,
}

/// A place in the line of a concurrency key.
struct Place {
    line: Vec<u8>,
    number: u64,
    run: RunId,
}

const RUN_BYTES: usize = 16;
const NUMBER_BYTES: usize = 8;

pub(crate) fn run_of(bytes: &[u8]) -> Option<RunId> {
    let bytes: [u8; RUN_BYTES] = bytes.try_into().ok()?;
    format!("{:032x}", u128::from_be_bytes(bytes)).parse().ok()
}

fn number_of(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(bytes.try_into().ok()?))
}

fn page_of(key: &[u8], value: &[u8]) -> Option<Page> {
    let rest = key.strip_prefix(b"j")?;
    let (run, first) = rest.split_at_checked(RUN_BYTES)?;
    let entries = serde_json::Deserializer::from_slice(value).into_iter();
    Some(Page {
        run: run_of(run)?,
        first: number_of(first)?,
        entries: entries.collect::<Result<_, _>>().ok()?,
    })
}

fn place_of(key: &[u8]) -> Option<Place> {
    let rest = key.strip_prefix(b"q")?;
    let (rest, run) = rest.split_at_checked(rest.len().checked_sub(RUN_BYTES)?)?;
    let (line, number) = rest.split_at_checked(rest.len().checked_sub(NUMBER_BYTES)?)?;
    Some(Place {
        line: line.to_vec(),
        number: number_of(number)?,
        run: run_of(run)?,
    })
}

fn puts(batch: &Batch) -> impl Iterator<Item = (&Vec<u8>, &Vec<u8>)> {
    batch.writes.iter().filter_map(|write| match write {
        Write::Put(key, value) => Some((key, value)),
        Write::Delete(_) => None,
    })
}

/// Whether the event is work of the run, for which it needs its place.
fn is_work(event: &Event) -> bool {
    !matches!(
        event,
        Event::Created(_)
            | Event::Queued { .. }
            | Event::Commanded(_)
            | Event::Stopped {}
            | Event::Cancelled {}
            // A run hears of its child wherever it stands, also while it is parked.
            | Event::ChildEnded { .. }
    )
}

impl Watch {
    pub(crate) fn new(log: Log, clock: SimClock) -> Self {
        Self {
            log,
            clock,
            names: Mutex::default(),
            runs: Mutex::default(),
            cursor: Mutex::default(),
        }
    }

    /// What the journals have told so far.
    pub(crate) fn runs(&self) -> BTreeMap<RunId, Told> {
        self.runs.lock().clone()
    }

    /// Up to where the source has been taken.
    pub(crate) fn cursor(&self) -> Option<usize> {
        *self.cursor.lock()
    }

    /// The ids of the events with which runs of a flow have begun.
    pub(crate) fn events_of(&self, flow: &str) -> BTreeSet<String> {
        let runs = self.runs.lock();
        let created = runs.values().map(|told| &told.state.created);
        let of_flow = created.filter(|created| created.flow.as_str() == flow);
        of_flow
            .filter_map(|created| created.dedupe_key.clone())
            .collect()
    }

    /// Writes a batch, and looks at it.
    pub(crate) fn write(
        &self,
        host: u64,
        store: &MemoryStore,
        batch: &Batch,
    ) -> Result<(), StoreError> {
        let pages: Vec<Page> = puts(batch)
            .filter_map(|(key, value)| page_of(key, value))
            .collect();
        let places = at_once(store.scan(Scan::prefix("q", usize::MAX))).unwrap_or_default();
        let leases = at_once(store.scan(Scan::prefix("l", usize::MAX))).unwrap_or_default();
        let written = at_once(store.commit(batch.clone()));
        self.tell(host, batch, &pages, &written);
        if written.is_ok() {
            for page in &pages {
                self.check_place(page, batch, &places);
            }
            self.check_outbox(&pages, batch);
            self.check_cursor(batch);
            self.check_leases(host, &pages, batch, &leases);
            pages.into_iter().for_each(|page| self.read(host, page));
        }
        written
    }

    fn tell(&self, host: u64, batch: &Batch, pages: &[Page], written: &Result<(), StoreError>) {
        let letters: String = batch
            .writes
            .iter()
            .map(|write| match write {
                Write::Put(key, _) => char::from(key.first().copied().unwrap_or(b'?')),
                Write::Delete(_) => '-',
            })
            .collect();
        let mut told = format!("host {host} writes {letters}");
        for page in pages {
            told.push_str(&format!("; {} from {}:", page.run, page.first));
            for entry in &page.entries {
                told.push_str(&format!(" {}", name(&entry.event)));
            }
        }
        match written {
            Ok(()) => self.log.line(told),
            Err(error) => self.log.line(format_args!("{told}: {error}")),
        }
    }

    /// The first runs of a key may work, no more than its limit.
    fn check_place(&self, page: &Page, batch: &Batch, rows: &[(Vec<u8>, Vec<u8>)]) {
        let runs = self.runs.lock();
        let Some(state) = runs.get(&page.run).map(|told| &told.state) else {
            return;
        };
        let Some(wanted) = &state.created.key_place else {
            return;
        };
        let is_ending = page.entries.iter().any(
            |entry| matches!(&entry.event, Event::Commanded(c) if c.command.name() == "cancel"),
        );
        if !page.entries.iter().any(|entry| is_work(&entry.event))
            || state.cancel.is_some()
            || is_ending
        {
            return;
        }
        let written = puts(batch).map(|(key, _)| key);
        let places: Vec<Place> = rows
            .iter()
            .map(|(key, _)| key)
            .chain(written)
            .filter_map(|key| place_of(key))
            .collect();
        let mut line = state.created.flow.as_str().as_bytes().to_vec();
        line.push(0);
        line.extend(Digest::of(&wanted.key).hex().as_bytes());
        // One that comes back and ends at once was at the end of the line.
        let own = places.iter().find(|place| place.run == page.run);
        let number = own.map_or(u64::MAX, |own| own.number);
        let before = places
            .iter()
            .filter(|place| place.line == line && place.number < number)
            .count();
        if before >= usize::try_from(wanted.limit).unwrap_or(usize::MAX) {
            let (run, limit) = (page.run, wanted.limit);
            let what = format!(
                "run {run} works although {before} runs are before it and {limit} may work"
            );
            self.log.violated("concurrency-key", what);
        }
    }

    /// No host writes to a run, or takes it, while another one has it.
    fn check_leases(&self, host: u64, pages: &[Page], batch: &Batch, rows: &[(Vec<u8>, Vec<u8>)]) {
        let taken = puts(batch).filter(|(key, _)| key.starts_with(b"l"));
        let mut names = self.names.lock();
        let mut touched: Vec<RunId> = pages.iter().map(|page| page.run).collect();
        for (key, value) in taken {
            touched.extend(run_of(&key[1..]));
            let name = value.iter().take(RUN_BYTES).copied().collect();
            names.entry(host).or_insert(name);
        }
        for (key, value) in rows {
            let Some(run) = run_of(&key[1..]).filter(|run| touched.contains(run)) else {
                continue;
            };
            let (name, rest) = value.split_at(RUN_BYTES.min(value.len()));
            let until = rest.get(NUMBER_BYTES..).and_then(number_of);
            let is_valid = until.is_some_and(|until| until > self.clock.now().as_millis());
            let is_own = names.get(&host).is_some_and(|own| own == name);
            if is_valid && !is_own {
                let what = format!("host {host} writes to run {run}, which another host has");
                self.log.violated("one-host-per-run", what);
            }
        }
    }

    /// What has been taken from a source is behind its cursor for good.
    fn check_cursor(&self, batch: &Batch) {
        for (_, value) in puts(batch).filter(|(key, _)| key.starts_with(b"g")) {
            let position: serde_json::Value = serde_json::from_slice(value).unwrap_or_default();
            let stands = position.get("cursor").and_then(|cursor| cursor.as_str());
            let mut cursor = self.cursor.lock();
            let (before, after) = (cursor.unwrap_or(0), source::place_of(stands));
            if after < before {
                let what = format!("the cursor goes back from {before} to {after}");
                self.log.violated("cursors-go-forward", what);
            }
            *cursor = stands.map(|_| after);
        }
    }

    /// An event is in the outbox if and only if its step is recorded with it.
    fn check_outbox(&self, pages: &[Page], batch: &Batch) {
        // The host tells people of exceptions by events of other types.
        let is_of_a_step = |value: &[u8]| String::from_utf8_lossy(value).contains(EVENT_TYPE);
        let mut put: Vec<Vec<u8>> = puts(batch)
            .filter(|(key, value)| key.starts_with(b"o") && is_of_a_step(value))
            .map(|(key, _)| key.clone())
            .collect();
        let mut emitted = Vec::new();
        for page in pages {
            for entry in &page.entries {
                if matches!(entry.event, Event::Emitted { .. }) {
                    let mut key = b"o".to_vec();
                    key.extend(page.run.as_u128().to_be_bytes());
                    key.extend(entry.seq.to_be_bytes());
                    emitted.push(key);
                }
            }
        }
        put.sort();
        emitted.sort();
        if put != emitted {
            let what = format!(
                "{} emitted and {} published in one batch",
                emitted.len(),
                put.len()
            );
            self.log.violated("emitted-iff-recorded", what);
        }
    }

    fn read(&self, host: u64, page: Page) {
        let tick = self.log.tick();
        let mut runs = self.runs.lock();
        for entry in page.entries {
            let seq = entry.seq;
            let applied = match runs.get_mut(&page.run) {
                Some(told) => told.state.apply(&entry).map(|()| {
                    told.entries.push((tick, entry));
                    told.hosts.push(host);
                }),
                None => RunState::begin(&entry).map(|state| {
                    let entries = vec![(tick, entry)];
                    let hosts = vec![host];
                    runs.insert(
                        page.run,
                        Told {
                            state,
                            entries,
                            hosts,
                        },
                    );
                }),
            };
            if let Err(error) = applied {
                let what = format!("run {} at {seq}: {error}", page.run);
                self.log.violated("journals-fold", what);
                return;
            }
        }
    }
}

/// The event's name in journals.
fn name(event: &Event) -> String {
    let value = serde_json::to_value(event).unwrap_or_default();
    let fields = value.as_object();
    let name = fields.and_then(|fields| fields.keys().next().cloned());
    let path = fields
        .and_then(|fields| fields.values().next())
        .and_then(|inner| inner.get("path"))
        .and_then(|path| path.as_str());
    format!("{}({})", name.unwrap_or_default(), path.unwrap_or_default())
}
