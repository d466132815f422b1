//! The world of one case: an engine of its own, in a runtime of its own.

use super::mocks::Mocks;
use super::observe::{Intake, Observed, ObservedRun};
use super::people::{self, People};
use super::runs;
use super::senders::Senders;
use crate::{MemoryStore, SeededRandomness, VirtualClock};
use dowel_core::expression::{Evaluated, EvaluationError};
use dowel_core::port::{BoxFuture, EvaluationRequest, Mapper};
use dowel_core::{ErrorKind, RunId, StepError};
use dowel_engine::story::Story;
use dowel_engine::{
    Accepted, Engine, EngineError, EngineOptions, IntakeError, IntakeRequest, Ports,
};
use dowel_flow::flow_test::{Case, Payload};
use dowel_flow::plan::Plan;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Every case draws the same random numbers, so that ids and jitter repeat.
const SEED: u64 = 1;

/// How often everybody is given a turn without anything happening before a run is said
/// to wait for something that never comes. Far more than any chain of wake-ups takes.
const QUIET_TURNS: u32 = 2_000;

/// Why a case could not be run to its end.
#[derive(Debug)]
pub enum CaseError {
    /// The engine failed.
    Engine(EngineError),
    /// The case has no trigger to send the payload to.
    NoTrigger,
    /// A decision of the case about an approval does not count, or the flow cannot judge an
    /// event of the case.
    Refused(String),
    /// The runtime of the case could not be started.
    Runtime(std::io::Error),
}

impl std::fmt::Display for CaseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine(error) => write!(f, "{}: {error}", error.code()),
            Self::NoTrigger => f.write_str("the flow has no trigger"),
            Self::Refused(message) => f.write_str(message),
            Self::Runtime(error) => write!(f, "the case cannot be started: {error}"),
        }
    }
}

impl std::error::Error for CaseError {}

impl From<EngineError> for CaseError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// Runs a case; what happened up to an error comes with it.
pub(super) fn observe(
    plan: &Plan,
    others: &[Plan],
    case: &Case,
    mapper: &Arc<dyn Mapper>,
) -> (Observed, Option<CaseError>) {
    let mut observed = Observed::default();
    let mut plans = vec![runs::mocked(&given(plan, case), case)];
    plans.extend(others.iter().map(|other| runs::mocked(other, case)));
    let work = || match runtime() {
        Ok(runtime) => runtime.block_on(play(plan, plans, case, mapper, &mut observed)),
        Err(error) => Err(CaseError::Runtime(error)),
    };
    let done = if tokio::runtime::Handle::try_current().is_err() {
        work()
    } else {
        // A thread of its own, since the caller is at work in another runtime.
        let joined = std::thread::scope(|scope| scope.spawn(work).join());
        joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    };
    (observed, done.err())
}

/// One thread: nothing happens at the same time, and every run of a case is the same.
fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
}

async fn play(
    plan: &Plan,
    plans: Vec<Plan>,
    case: &Case,
    mapper: &Arc<dyn Mapper>,
    observed: &mut Observed,
) -> Result<(), CaseError> {
    let clock = VirtualClock::at(case.now);
    let mocks = Arc::new(Mocks::new(&case.mocks, clock.clone()));
    let mapper = Arc::new(Counted {
        inner: Arc::clone(mapper),
        running: AtomicUsize::new(0),
    });
    let ports = Ports {
        store: Arc::new(MemoryStore::default()),
        invoker: mocks.clone(),
        mapper: mapper.clone(),
        clock: Arc::new(clock.clone()),
        randomness: Arc::new(SeededRandomness::new(SEED)),
    };
    let options = EngineOptions {
        env: case.env.clone(),
        policy: people::policy(&plans, case),
        ..EngineOptions::default()
    };
    let people = People::new(&plans, mocks.clone(), clock.clone());
    let senders = Senders::new(plan, mocks.clone(), clock.clone());
    let engine = Engine::start(ports, options, plans).await?;
    let world = World {
        people,
        senders,
        engine,
        clock,
        mapper,
    };
    let mut done = Ok(());
    for payload in &case.payloads {
        match world.send(plan, payload).await {
            Ok(run) => observed.runs.push(run),
            Err(error) => {
                done = Err(error);
                break;
            }
        }
    }
    observed.calls = mocks.calls();
    observed.unanswered = world.people.unanswered();
    observed.unreceived = world.senders.unanswered();
    match world.people.refused().or_else(|| world.senders.refused()) {
        Some(message) => done.and(Err(CaseError::Refused(message))),
        None => done,
    }
}

/// The plan with what earlier runs have left, as its first run reads it.
fn given(plan: &Plan, case: &Case) -> Plan {
    let mut plan = plan.clone();
    for value in plan.state.iter_mut().flat_map(|state| &mut state.values) {
        if let Some(given) = case.state.get(value.name.as_str()) {
            value.initial = given.clone();
        }
    }
    plan
}

struct World {
    people: People,
    senders: Arc<Senders>,
    engine: Engine,
    clock: VirtualClock,
    mapper: Arc<Counted>,
}

impl World {
    async fn send(&self, plan: &Plan, payload: &Payload) -> Result<ObservedRun, CaseError> {
        self.clock.advance(payload.after);
        let first = plan.triggers.first().map(|trigger| trigger.name.clone());
        let trigger = payload.via.clone().or(first).ok_or(CaseError::NoTrigger)?;
        let request = IntakeRequest {
            headers: payload.headers.clone(),
            ..IntakeRequest::new(plan.flow.clone(), trigger, payload.json.as_str())
        };
        match self.engine.accept(request).await {
            Ok(accepted) => {
                let (intake, run) = match accepted {
                    Accepted::New(run) => (Intake::Accepted, run),
                    Accepted::Duplicate(run) => (Intake::Duplicate, run),
                    Accepted::Dropped(run) => (Intake::Dropped, run),
                };
                self.settle(run).await?;
                self.tell(intake, run).await
            }
            Err(error) => Ok(refused(&error)),
        }
    }

    /// Waits until the run is at rest, or waits for something that never comes.
    async fn settle(&self, run: RunId) -> Result<(), CaseError> {
        tokio::select! {
            settled = self.engine.settled(run) => settled.map(drop).map_err(CaseError::from),
            () = self.quiet() => Ok(()),
            () = self.people.answer(&self.engine) => Ok(()),
            () = self.senders.send(&self.engine) => Ok(()),
        }
    }

    /// Ends when nobody sleeps, evaluates or is about to.
    async fn quiet(&self) {
        let mut turns = 0;
        while turns < QUIET_TURNS {
            tokio::task::yield_now().await;
            let is_busy =
                self.clock.has_sleepers() || self.mapper.running.load(Ordering::Relaxed) > 0;
            turns = if is_busy { 0 } else { turns + 1 };
        }
    }

    async fn tell(&self, intake: Intake, run: RunId) -> Result<ObservedRun, CaseError> {
        let entries = self.engine.journal(run).await?;
        let story = Story::tell(&entries).map_err(|e| EngineError::Journal(e.to_string()))?;
        Ok(ObservedRun {
            intake,
            run: Some(run),
            refusal: None,
            violations: Vec::new(),
            entries,
            story,
        })
    }
}

fn refused(error: &IntakeError) -> ObservedRun {
    let violations = match error {
        IntakeError::Schema(violations) => violations.clone(),
        _ => Vec::new(),
    };
    let refusal = StepError::host(ErrorKind::InvalidInput, error.code(), error.to_string());
    ObservedRun {
        intake: Intake::Refused,
        run: None,
        refusal: Some(refusal),
        violations,
        entries: Vec::new(),
        story: None,
    }
}

/// Knows how many evaluations are at work.
struct Counted {
    inner: Arc<dyn Mapper>,
    running: AtomicUsize,
}

impl Mapper for Counted {
    fn evaluate(
        &self,
        request: EvaluationRequest,
    ) -> BoxFuture<'_, Result<Evaluated, EvaluationError>> {
        Box::pin(async move {
            self.running.fetch_add(1, Ordering::Relaxed);
            let done = self.inner.evaluate(request).await;
            self.running.fetch_sub(1, Ordering::Relaxed);
            done
        })
    }
}
