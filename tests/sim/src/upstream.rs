//! The system that flows call: slow, failing, losing answers, and keeping a ledger of
//! what reached it and what took effect.

use crate::log::Log;
use crate::random::Random;
use crate::source::Source;
use crate::time::SimClock;
use dowel_core::port::{
    BoxFuture, CallOutcome, CallRequest, Clock, Invoker, SourcePage, SourceRequest,
};
use dowel_core::{ErrorKind, JsonText, RunId, SendRecord, StepError, StepPath};
use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What an attempt comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It takes effect and the answer arrives.
    Done,
    /// It takes effect and the answer is lost.
    AnswerLost,
    /// It is lost on the way, and nobody knows that.
    RequestLost,
    /// Nothing left the host.
    NotSent,
    /// The upstream answers 5xx; whether it took effect is not said, and it did not.
    Broken,
    /// The upstream asks for a pause.
    Limited,
    /// The upstream's rules say no.
    Rejected,
}

impl Fate {
    const fn takes_effect(self) -> bool {
        matches!(self, Self::Done | Self::AnswerLost)
    }

    /// Whether the host can know that nothing took effect.
    pub(crate) const fn is_surely_void(self) -> bool {
        matches!(self, Self::NotSent | Self::Limited | Self::Rejected)
    }
}

/// One attempt, as the upstream saw it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The host that made it.
    pub(crate) host: u64,
    pub(crate) run: RunId,
    pub(crate) step: StepPath,
    pub(crate) operation: String,
    pub(crate) key: String,
    pub(crate) input: String,
    pub(crate) fate: Fate,
    /// When it came, in the order of everything that happened.
    pub(crate) began: u64,
    /// When it took effect, where it did; a keyed call whose key had its effect before
    /// does not again.
    pub(crate) effect: Option<u64>,
    /// Whether the host got to know what came of it.
    pub(crate) is_answered: bool,
    /// It takes effect although its host dies before it does.
    outlives_host: bool,
    is_open: bool,
}

/// How bad the upstream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weather {
    /// Attempts of a hundred that do not simply succeed.
    pub(crate) faults: u64,
    /// The longest time before and after the effect.
    pub(crate) slowness: Duration,
}

/// The upstream. Clones share it.
#[derive(Clone)]
pub(crate) struct Upstream {
    ledger: Arc<Mutex<Ledger>>,
    clock: SimClock,
    log: Log,
    random: Random,
}

struct Ledger {
    weather: Weather,
    /// What becomes of the attempts of a step, the first one first; the last one repeats.
    fixed: BTreeMap<String, Vec<Fate>>,
    calls: Vec<Call>,
    results: BTreeMap<String, JsonText>,
}

impl Upstream {
    pub(crate) fn new(clock: SimClock, log: Log, random: Random, weather: Weather) -> Self {
        Self {
            ledger: Arc::new(Mutex::new(Ledger {
                weather,
                fixed: BTreeMap::new(),
                calls: Vec::new(),
                results: BTreeMap::new(),
            })),
            clock,
            log,
            random,
        }
    }

    pub(crate) fn set_weather(&self, weather: Weather) {
        self.ledger.lock().weather = weather;
    }

    /// Fixes what becomes of the attempts of a step.
    pub(crate) fn fix(&self, step: &str, fates: Vec<Fate>) {
        self.ledger.lock().fixed.insert(step.to_owned(), fates);
    }

    /// The attempts so far, in order.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.ledger.lock().calls.clone()
    }

    /// The paths of the steps that called, without those of single items.
    pub(crate) fn steps(&self) -> BTreeSet<String> {
        let ledger = self.ledger.lock();
        let steps = ledger.calls.iter().map(|call| call.step.to_string());
        steps.collect()
    }

    /// A host died: what it had on the way may take effect all the same.
    pub(crate) fn host_died(&self, host: u64) {
        let mut ledger = self.ledger.lock();
        for index in 0..ledger.calls.len() {
            let call = &mut ledger.calls[index];
            if call.host == host && call.is_open {
                call.is_open = false;
                if call.outlives_host && call.fate.takes_effect() && call.effect.is_none() {
                    self.apply(&mut ledger, index);
                }
            }
        }
    }

    fn begin(&self, host: u64, request: CallRequest) -> (usize, Fate, Duration, Duration) {
        let mut ledger = self.ledger.lock();
        let weather = ledger.weather;
        let fate = self.fate(&mut ledger, &request);
        let slowness = dowel_core::time::millis(weather.slowness);
        let delays = [(); 2].map(|()| match self.random.below(3) {
            0 => Duration::ZERO,
            _ => Duration::from_millis(self.random.below(slowness + 1)),
        });
        let outlives_host = self.random.percent(50);
        let (step, attempt) = (&request.step, request.attempt);
        self.log.line(format_args!(
            "host {host} calls {} for {} {step} attempt {attempt}: {fate:?} after {:?} + {:?}",
            request.operation, request.run, delays[0], delays[1]
        ));
        ledger.calls.push(Call {
            host,
            run: request.run,
            step: request.step,
            operation: request.operation.to_string(),
            key: request.idempotency_key,
            input: request.input.to_string(),
            fate,
            began: self.log.tick(),
            effect: None,
            is_answered: false,
            outlives_host,
            is_open: true,
        });
        (ledger.calls.len() - 1, fate, delays[0], delays[1])
    }

    fn fate(&self, ledger: &mut Ledger, request: &CallRequest) -> Fate {
        if let Some(fates) = ledger.fixed.get_mut(request.step.as_str()) {
            return match fates.len() {
                0 => Fate::Done,
                1 => fates[0],
                _ => fates.remove(0),
            };
        }
        if !self.random.percent(ledger.weather.faults) {
            return Fate::Done;
        }
        self.random.pick(&[
            Fate::AnswerLost,
            Fate::RequestLost,
            Fate::NotSent,
            Fate::Broken,
            Fate::Limited,
            Fate::Rejected,
        ])
    }

    fn apply(&self, ledger: &mut Ledger, index: usize) {
        let number = ledger.results.len();
        let call = &mut ledger.calls[index];
        let is_first = !ledger.results.contains_key(&call.key);
        if is_first {
            let result = match call.operation.as_str() {
                "list" => page(&call.input),
                _ => format!(r#"{{"id":"R{number}","key":"{}"}}"#, call.key),
            };
            let result = JsonText::parse(&result).unwrap_or_else(|_| JsonText::null());
            ledger.results.insert(call.key.clone(), result);
        }
        self.log.line(format_args!(
            "upstream: {} of {} takes effect{}",
            call.step,
            call.run,
            if is_first {
                ""
            } else {
                ", not for the first time"
            }
        ));
        if is_first || call.operation != "keyed" {
            call.effect = Some(self.log.tick());
        }
    }

    fn take_effect(&self, index: usize) {
        self.apply(&mut self.ledger.lock(), index);
    }

    fn answer(&self, index: usize, fate: Fate) -> CallOutcome {
        let mut ledger = self.ledger.lock();
        let call = &mut ledger.calls[index];
        call.is_open = false;
        call.is_answered = true;
        let key = call.key.clone();
        self.log.line(format_args!(
            "host {} hears of {} of {}: {fate:?}",
            call.host, call.step, call.run
        ));
        let failed = |kind: ErrorKind, retry_after_ms| StepError {
            kind,
            code: "sim".to_owned(),
            message: format!("the upstream says {kind}"),
            details: None,
            retry_after_ms,
            place: None,
        };
        let (result, sent) = match fate {
            Fate::Done => {
                let result = ledger.results.get(&key).cloned();
                (
                    Ok(result.unwrap_or_else(JsonText::null)),
                    SendRecord::Answered,
                )
            }
            Fate::AnswerLost | Fate::RequestLost => {
                (Err(failed(ErrorKind::Timeout, None)), SendRecord::Sent)
            }
            Fate::NotSent => (
                Err(failed(ErrorKind::Unavailable, None)),
                SendRecord::NotSent,
            ),
            Fate::Broken => (
                Err(failed(ErrorKind::Unavailable, None)),
                SendRecord::Answered,
            ),
            Fate::Limited => {
                let error = failed(ErrorKind::RateLimited, Some(self.random.between(1, 5_000)));
                (Err(error), SendRecord::Answered)
            }
            Fate::Rejected => (Err(failed(ErrorKind::Rejected, None)), SendRecord::Answered),
        };
        CallOutcome { result, sent }
    }
}

/// A page of three items: the first one has two of them.
fn page(input: &str) -> String {
    if input.contains("after") {
        r#"{"items":[3],"next":null}"#.to_owned()
    } else {
        r#"{"items":[1,2],"next":"second"}"#.to_owned()
    }
}

/// A host's way to the upstream.
pub(crate) struct Line {
    pub(crate) host: u64,
    pub(crate) upstream: Upstream,
    pub(crate) source: Source,
    /// The host is no more: nothing leaves it.
    pub(crate) is_dead: Arc<AtomicBool>,
}

impl Line {
    async fn make(&self, request: CallRequest) -> CallOutcome {
        if self.is_dead.load(Ordering::SeqCst) {
            return std::future::pending().await;
        }
        let deadline = request.deadline;
        let (index, fate, before, after) = self.upstream.begin(self.host, request);
        let clock = &self.upstream.clock;
        let began = clock.now();
        let end = began.plus(deadline);
        clock.sleep_until(began.plus(before).min(end)).await;
        self.live().await;
        // Time may have jumped: what is not there by its end takes no effect.
        let is_there = clock.now() < end;
        if is_there && fate.takes_effect() {
            self.upstream.take_effect(index);
        }
        clock.sleep_until(began.plus(before + after).min(end)).await;
        self.live().await;
        let is_late = !is_there || before + after >= deadline;
        self.upstream
            .answer(index, if is_late { Fate::AnswerLost } else { fate })
    }

    /// A dead host hears nothing.
    pub(crate) async fn live(&self) {
        if self.is_dead.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
    }
}

impl Invoker for Line {
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        Box::pin(self.make(request))
    }

    fn read(
        &self,
        request: SourceRequest,
        limit: u32,
    ) -> BoxFuture<'_, Result<SourcePage, StepError>> {
        Box::pin(self.read_page(request, limit))
    }

    fn ack(&self, request: SourceRequest) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(self.acknowledge(request))
    }
}
