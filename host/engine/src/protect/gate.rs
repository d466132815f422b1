//! The gate in front of one connection: a place among the calls at the same time, a
//! token, and a closed breaker, given out in the order of arrival.
//!
//! Who has to wait stands in line. A run that waits for long steps aside: it leaves
//! memory, keeps its place in the line, and is taken up again when its turn has come,
//! with its leave already reserved.

use super::Places;
use super::breaker::{Breaker, BreakerState, Health, Pass};
use super::bucket::Bucket;
use super::status::{ConnectionMetrics, ConnectionStatus};
use crate::queue::Queue;
use dowel_core::code::run::{BREAKER_CLOSED, BREAKER_OPEN, CONNECTION_PAUSED};
use dowel_core::connection::ConnectionLimits;
use dowel_core::journal::HoldReason;
use dowel_core::port::{CallOutcome, Clock};
use dowel_core::{ConnectionName, ErrorKind, FlowName, RunId, StepError, StepPath, Timestamp};
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot};

/// A step of a run.
pub(crate) type Place = (RunId, StepPath);

/// How long a step waits in memory before its run steps aside. Shorter waits are not
/// worth the write and the read that leaving memory costs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// Steps that wait in memory at one gate; more step aside at once. Each keeps its run
/// in memory, and a line of this length is worked off in seconds where it moves at all.
const MAX_IN_MEMORY: usize = 4_096;

/// Why a step waits, and until when if time alone decides that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hold {
    pub(crate) reason: HoldReason,
    pub(crate) until: Option<Timestamp>,
    /// Whether its run should step aside at once.
    pub(crate) is_long: bool,
}

/// What a step gets at the gate.
pub(crate) enum Entry {
    /// It may call.
    Go(Permit),
    /// It stands in line; the permit comes here, or nothing once it has stepped aside.
    Wait(oneshot::Receiver<Permit>, Hold),
}

/// Who stands in line.
enum Waiter {
    /// A run in memory.
    Here(oneshot::Sender<Permit>),
    /// A run that has stepped aside.
    Aside,
}

/// Steps by run and path.
type BySteps<T> = HashMap<RunId, HashMap<StepPath, T>>;

struct State {
    limits: ConnectionLimits,
    /// Whether somebody switched the connection off: nothing goes through.
    is_off: bool,
    in_flight: u32,
    bucket: Bucket,
    breaker: Option<Breaker>,
    line: BTreeMap<u64, (Place, Waiter)>,
    tickets: BySteps<u64>,
    next_ticket: u64,
    /// For runs that had stepped aside and are being taken up again.
    reserved: BySteps<Option<Pass>>,
}

/// The gate of one connection.
pub(crate) struct Gate {
    pub(crate) connection: ConnectionName,
    state: Mutex<State>,
    clock: Arc<dyn Clock>,
    queue: Queue,
    /// Rung when the line has to be looked at again at some time.
    alarm: Arc<Notify>,
    metrics: ConnectionMetrics,
}

/// The leave to make one call.
pub(crate) struct Permit {
    gate: Arc<Gate>,
    pass: Option<Pass>,
    is_back: bool,
}

impl Permit {
    /// Gives the leave back with what became of the call.
    pub(crate) fn report(mut self, flow: &FlowName, outcome: &CallOutcome) {
        self.is_back = true;
        let error = outcome.result.as_ref().err();
        self.gate.ended(self.pass, flow, error);
    }

    /// The same for what was read of a source.
    pub(crate) fn report_read(mut self, flow: &FlowName, error: Option<&StepError>) {
        self.is_back = true;
        self.gate.ended(self.pass, flow, error);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_back {
            self.gate.give_back(self.pass, Health::Unknown);
        }
    }
}

impl Gate {
    pub(crate) fn new(
        connection: ConnectionName,
        limits: ConnectionLimits,
        places: &Places,
    ) -> Self {
        let clock = places.clock.clone();
        let metrics = places.metrics.of(&connection);
        let gate = Self {
            connection,
            state: Mutex::new(State {
                limits,
                is_off: false,
                in_flight: 0,
                bucket: Bucket::new(limits.rate, clock.now()),
                breaker: limits.breaker.map(Breaker::new),
                line: BTreeMap::new(),
                tickets: HashMap::new(),
                next_ticket: 0,
                reserved: HashMap::new(),
            }),
            clock,
            queue: places.queue.clone(),
            alarm: places.alarm.clone(),
            metrics,
        };
        gate.metrics.show(&gate.status());
        gate
    }

    /// Takes other limits up. What is in flight or stands in line stays; a breaker or a
    /// bucket with other limits begins anew.
    pub(crate) fn change_limits(self: &Arc<Self>, limits: ConnectionLimits) {
        {
            let mut state = self.state.lock();
            if state.limits == limits {
                return;
            }
            if state.limits.rate != limits.rate {
                state.bucket = Bucket::new(limits.rate, self.clock.now());
            }
            if state.limits.breaker != limits.breaker {
                state.breaker = limits.breaker.map(Breaker::new);
            }
            state.limits = limits;
        }
        self.metrics.show(&self.status());
        self.advance();
        self.alarm.notify_one();
    }

    /// Switches the connection off or on. Calls that are being made come to their end;
    /// who has a leave and has not used it stands in line again.
    pub(crate) fn switch(self: &Arc<Self>, is_off: bool) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        state.is_off = is_off;
        if is_off {
            for (run, steps) in std::mem::take(&mut state.reserved) {
                for (path, pass) in steps {
                    state.give_back(pass, Health::Unknown, now);
                    let ticket = state.next_ticket;
                    state.next_ticket += 1;
                    state
                        .tickets
                        .entry(run)
                        .or_default()
                        .insert(path.clone(), ticket);
                    state.line.insert(ticket, ((run, path), Waiter::Aside));
                }
            }
        }
        drop(state);
        self.advance();
        self.alarm.notify_one();
    }

    /// Asks for the leave to make a call.
    pub(crate) fn enter(self: &Arc<Self>, place: Place) -> Entry {
        let now = self.clock.now();
        let mut state = self.state.lock();
        if let Some(pass) = take(&mut state.reserved, &place) {
            return Entry::Go(self.permit(pass));
        }
        let known = state
            .tickets
            .get(&place.0)
            .and_then(|steps| steps.get(&place.1));
        let known = known.copied();
        if known.is_none()
            && state.line.is_empty()
            && let Some(pass) = state.admit(now)
        {
            return Entry::Go(self.permit(pass));
        }
        let ticket = known.unwrap_or(state.next_ticket);
        if known.is_none() {
            state.next_ticket += 1;
            let steps = state.tickets.entry(place.0).or_default();
            steps.insert(place.1.clone(), ticket);
        }
        let (sender, receiver) = oneshot::channel();
        state.line.insert(ticket, (place, Waiter::Here(sender)));
        let hold = state.hold(now);
        self.metrics.waiting.set(length(state.line.len()));
        drop(state);
        if hold.until.is_some() {
            self.alarm.notify_one();
        }
        Entry::Wait(receiver, hold)
    }

    /// Keeps a step's place in the line while its run leaves memory. The receiver of
    /// its permit ends, unless the permit is in there already.
    pub(crate) fn step_aside(&self, place: &Place) {
        let mut state = self.state.lock();
        let ticket = state
            .tickets
            .get(&place.0)
            .and_then(|steps| steps.get(&place.1));
        if let Some(ticket) = ticket.copied()
            && let Some((_, waiter)) = state.line.get_mut(&ticket)
        {
            *waiter = Waiter::Aside;
        }
    }

    /// Whether the turn of a step has come that had stepped aside.
    pub(crate) fn has_come(&self, place: &Place) -> bool {
        let state = self.state.lock();
        let steps = state.reserved.get(&place.0);
        steps.is_some_and(|steps| steps.contains_key(&place.1))
    }

    /// Forgets the steps of a run that do not wait here any more.
    pub(crate) fn forget(self: &Arc<Self>, run: RunId, keep: &dyn Fn(&StepPath) -> bool) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        // Every run passes here when it stops, nearly all without anything at this gate.
        if !state.reserved.contains_key(&run) && !state.tickets.contains_key(&run) {
            return;
        }
        let (kept, unused) = state
            .reserved
            .remove(&run)
            .unwrap_or_default()
            .into_iter()
            .partition(|(path, _)| keep(path));
        let (kept, unused): (HashMap<_, _>, HashMap<_, _>) = (kept, unused);
        for pass in unused.into_values() {
            state.give_back(pass, Health::Unknown, now);
        }
        if !kept.is_empty() {
            state.reserved.insert(run, kept);
        }
        let mut steps = state.tickets.remove(&run).unwrap_or_default();
        let State { line, .. } = &mut *state;
        steps.retain(|path, ticket| keep(path) || line.remove(ticket).is_none());
        if !steps.is_empty() {
            state.tickets.insert(run, steps);
        }
        let is_waited_for = !state.line.is_empty();
        drop(state);
        if is_waited_for {
            self.advance();
            self.alarm.notify_one();
        }
    }

    /// Lets through whoever may go now.
    pub(crate) fn advance(self: &Arc<Self>) {
        let now = self.clock.now();
        loop {
            let mut state = self.state.lock();
            if state.line.is_empty() {
                break;
            }
            let Some(pass) = state.admit(now) else {
                break;
            };
            let Some((_, (place, waiter))) = state.line.pop_first() else {
                break;
            };
            take(&mut state.tickets, &place);
            self.metrics.waiting.set(length(state.line.len()));
            match waiter {
                Waiter::Here(sender) => {
                    drop(state);
                    if let Err(mut permit) = sender.send(self.permit(pass)) {
                        // Its run is gone. Not by dropping the permit: each drop would
                        // come here again, one call inside the other.
                        permit.is_back = true;
                        self.state.lock().give_back(pass, Health::Unknown, now);
                    }
                }
                Waiter::Aside => {
                    let run = place.0;
                    let steps = state.reserved.entry(run).or_default();
                    steps.insert(place.1, pass);
                    drop(state);
                    self.queue.resume(run);
                }
            }
        }
    }

    /// When the head of the line can go, if time alone decides that.
    pub(crate) fn next_time(&self) -> Option<Timestamp> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        if state.line.is_empty() {
            return None;
        }
        state.hold(now).until
    }

    fn permit(self: &Arc<Self>, pass: Option<Pass>) -> Permit {
        Permit {
            gate: self.clone(),
            pass,
            is_back: false,
        }
    }

    fn ended(self: &Arc<Self>, pass: Option<Pass>, flow: &FlowName, error: Option<&StepError>) {
        let asked = error
            .filter(|error| error.kind == ErrorKind::RateLimited)
            .and_then(|error| error.retry_after_ms);
        if let Some(asked) = asked {
            let now = self.clock.now();
            let length = self
                .state
                .lock()
                .bucket
                .pause(now, Duration::from_millis(asked));
            let millis = dowel_core::time::millis(length);
            tracing::info!(connection = %self.connection, %flow, code = %CONNECTION_PAUSED, millis, "the upstream asked for a pause");
        }
        match self.give_back(pass, Health::of(error)) {
            Some(BreakerState::Open) => {
                let reason = error.map_or("", |error| error.code.as_str());
                tracing::error!(connection = %self.connection, %flow, code = %BREAKER_OPEN, reason, "circuit breaker opened");
            }
            Some(BreakerState::Closed) => {
                tracing::warn!(connection = %self.connection, %flow, code = %BREAKER_CLOSED, "circuit breaker closed");
            }
            _ => {}
        }
    }

    /// Ends a call. Returns where the breaker stands now, if that has changed.
    fn give_back(self: &Arc<Self>, pass: Option<Pass>, health: Health) -> Option<BreakerState> {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let changed = state.give_back(pass, health, now);
        let is_waited_for = !state.line.is_empty();
        let is_shown = state.limits.breaker.is_some() || state.limits.rate.is_some();
        drop(state);
        if is_waited_for {
            self.advance();
            self.alarm.notify_one();
        }
        if is_shown {
            self.metrics.show(&self.status());
        }
        changed
    }

    /// How the connection stands.
    pub(crate) fn status(&self) -> ConnectionStatus {
        let now = self.clock.now();
        let mut state = self.state.lock();
        ConnectionStatus {
            connection: self.connection.clone(),
            enabled: !state.is_off,
            concurrency: state.limits.concurrency,
            in_flight: state.in_flight,
            waiting: state.line.len(),
            rate: state.limits.rate.map(|rate| rate.to_string()),
            tokens: state.bucket.tokens(now),
            paused_until: state.bucket.paused_until(now),
            breaker: state.breaker.as_ref().map(Breaker::state),
            open_until: state
                .breaker
                .as_ref()
                .and_then(|breaker| breaker.open_until(now)),
        }
    }
}

/// Removes the entry of a step.
fn take<T>(steps: &mut BySteps<T>, place: &Place) -> Option<T> {
    let of_run = steps.get_mut(&place.0)?;
    let found = of_run.remove(&place.1);
    if of_run.is_empty() {
        steps.remove(&place.0);
    }
    found
}

impl State {
    fn is_full(&self) -> bool {
        self.in_flight >= self.limits.concurrency.max(1)
    }

    /// Takes all that one call needs, or nothing.
    fn admit(&mut self, now: Timestamp) -> Option<Option<Pass>> {
        if self.is_off || self.is_full() || self.bucket.ready(now).is_err() {
            return None;
        }
        let pass = match &mut self.breaker {
            None => None,
            Some(breaker) => Some(breaker.admit(now).ok()?),
        };
        self.bucket.take();
        self.in_flight += 1;
        Some(pass)
    }

    fn give_back(
        &mut self,
        pass: Option<Pass>,
        health: Health,
        now: Timestamp,
    ) -> Option<BreakerState> {
        self.in_flight = self.in_flight.saturating_sub(1);
        let (breaker, pass) = (self.breaker.as_mut()?, pass?);
        let before = breaker.state();
        breaker.record(pass, health, now);
        (breaker.state() != before).then(|| breaker.state())
    }

    /// What the head of the line waits for. Takes nothing.
    fn hold(&mut self, now: Timestamp) -> Hold {
        let breaker = self.breaker.as_ref();
        let is_closed = breaker.is_none_or(|b| b.state() == BreakerState::Closed);
        let opens = breaker.and_then(|b| b.open_until(now));
        let is_trying = breaker.is_some_and(Breaker::is_trying);
        let flows = self.bucket.ready(now).err();
        let is_full = self.is_full();
        let until = if self.is_off || is_full || is_trying {
            None
        } else {
            opens.max(flows).or(Some(now))
        };
        let reason = match (is_closed, is_full) {
            _ if self.is_off => HoldReason::Switch,
            (false, _) => HoldReason::Breaker,
            (true, true) => HoldReason::Slot,
            (true, false) => HoldReason::Rate,
        };
        let is_far = until.is_some_and(|until| until > now.plus(PATIENCE));
        Hold {
            reason,
            until,
            is_long: is_far || self.is_off || self.line.len() > MAX_IN_MEMORY,
        }
    }
}

/// A length as a metric.
pub(crate) fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
