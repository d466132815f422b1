//! Steps, each with an id of its own.

use super::{CONNECTION, EVENT_TYPE};
use crate::expressions::{position, program};
use crate::random::Random;
use dowel_core::journal::OnExpiry;
use dowel_core::manifest::{Effect, Idempotency};
use dowel_core::{ErrorKind, JsonText, StepId};
use dowel_flow::plan::{
    Approve, Block, Branch, Call, Catch, ForEach, Jitter, Join, OnItemFailure, OnUncertain,
    Parallel, RetryPolicy, Step, StepKind, Try, Wait,
};
use std::fmt::Debug;
use std::str::FromStr;
use std::time::Duration;

/// How deep blocks are inside of each other.
const DEPTH: u32 = 2;

/// Makes steps.
pub(super) struct Steps<'r> {
    pub(super) random: &'r Random,
    made: u32,
    /// Of a hundred steps so many need events or other runs.
    linked: u64,
}

/// A name that is written in this program, and follows the rules of names.
pub(super) fn name<T: FromStr<Err: Debug>>(text: &str) -> T {
    let read = text.parse();
    #[allow(clippy::unwrap_used)] // Only names that are written here come here.
    read.unwrap()
}

/// The id of a step.
pub(super) fn id(text: &str) -> StepId {
    name(text)
}

pub(super) fn step(name: &str, kind: StepKind) -> Step {
    Step {
        id: id(name),
        position: position(),
        schema: None,
        sensitive: Vec::new(),
        kind,
        compensate: None,
    }
}

impl<'r> Steps<'r> {
    pub(super) fn new(random: &'r Random) -> Self {
        Self {
            random,
            made: 0,
            linked: 0,
        }
    }

    /// Of a hundred steps so many need events or other runs.
    pub(super) fn with_linked(self, linked: u64) -> Self {
        Self { linked, ..self }
    }

    pub(super) fn next_id(&mut self) -> String {
        self.made += 1;
        format!("s{}", self.made)
    }

    /// Steps that follow each other.
    pub(super) fn block(&mut self, depth: u32) -> Block {
        let length = if depth == 0 {
            self.random.between(2, 6)
        } else {
            self.random.between(1, 3)
        };
        (0..length).map(|_| self.any(depth)).collect()
    }

    fn any(&mut self, depth: u32) -> Step {
        let choices = if depth < DEPTH { 20 } else { 14 };
        let mut step = match self.random.below(choices) {
            _ if self.linked > 0 && self.random.percent(self.linked) => self.linked(depth, DEPTH),
            0..=6 => self.call(),
            7 => self.set(),
            8 | 9 => self.emit(),
            10 | 11 => self.wait(),
            12 => self.approve(),
            13 => self.fail(),
            14 => self.switch(depth),
            15 | 16 => self.for_each(depth),
            17 | 18 => self.parallel(depth),
            _ => self.try_(depth),
        };
        if depth == 0 && self.random.percent(10) {
            // Steps of every third payload are left out.
            condition(&mut step);
        }
        step
    }

    pub(super) fn call(&mut self) -> Step {
        let kind = self.random.pick(&[
            Idempotency::Keyed,
            Idempotency::Keyed,
            Idempotency::Natural,
            Idempotency::None,
        ]);
        let name = self.next_id();
        let input = format!(r#"{{"do":"{name}","id":<$trigger.id>,"item":<$item>}}"#);
        let mut step = self.call_of(&name, &input, kind);
        if self.random.percent(60) {
            let input = format!(r#"{{"undo":"{name}","of":<$steps.{name}.id>}}"#);
            let undo = self.call_of(&name, &input, Idempotency::Keyed);
            step.compensate = Some(Box::new(undo));
        }
        step
    }

    /// A call of the operation that is called after its idempotency.
    pub(super) fn call_of(&mut self, id: &str, input: &str, idempotency: Idempotency) -> Step {
        let random = self.random;
        let operation = match idempotency {
            Idempotency::Keyed => "keyed",
            Idempotency::Natural => "natural",
            Idempotency::None => "none",
        };
        let is_read = idempotency == Idempotency::Natural && random.percent(30);
        let call = Call {
            connection: name(CONNECTION),
            operation: name(operation),
            effect: if is_read { Effect::Read } else { Effect::Write },
            idempotency,
            program: program(None, &[input]),
            has_key: false,
            output: random
                .percent(20)
                .then(|| program(None, &[r#"{"id":<.id>}"#])),
            input_schema: None,
            result_schema: JsonText::object([]),
            retry: RetryPolicy {
                attempts: u32::try_from(random.between(1, 4)).unwrap_or(1),
                delay: Duration::from_millis(random.pick(&[0, 100, 1_000, 30_000])),
                jitter: random.pick(&[Jitter::Full, Jitter::None]),
                ..RetryPolicy::default()
            },
            timeout: Duration::from_secs(random.pick(&[1, 5, 60])),
            on_uncertain: (idempotency != Idempotency::None && random.percent(10))
                .then_some(OnUncertain::Park),
            deprecated: None,
        };
        step(id, StepKind::Call(Box::new(call)))
    }

    fn set(&mut self) -> Step {
        let program = program(None, &[r#"{"at":<$now>,"id":<$trigger.id>}"#]);
        step(&self.next_id(), StepKind::Set { program })
    }

    fn emit(&mut self) -> Step {
        let emit = StepKind::Emit {
            event_type: EVENT_TYPE.to_owned(),
            program: program(None, &[r#"{"id":<$trigger.id>}"#]),
        };
        step(&self.next_id(), emit)
    }

    pub(super) fn wait(&mut self) -> Step {
        let wait = Wait {
            program: program(None, &[]),
            duration: Some(Duration::from_secs(self.random.pick(&[0, 1, 60, 7_200]))),
            calendar: None,
        };
        step(&self.next_id(), StepKind::Wait(wait))
    }

    fn approve(&mut self) -> Step {
        let random = self.random;
        let approve = Approve {
            program: program(None, &[r#""Go on?""#, r#"{"id":<$trigger.id>}"#, "[]"]),
            groups: vec![name("people")],
            decisions: vec!["approved".to_owned(), "rejected".to_owned()],
            within: random
                .percent(50)
                .then(|| Duration::from_secs(random.pick(&[1, 60, 86_400]))),
            calendar: None,
            escalate: Vec::new(),
            on_expiry: if random.percent(50) {
                OnExpiry::Fail
            } else {
                OnExpiry::Decide("approved".to_owned())
            },
            fails_on: random.percent(50).then(|| "rejected".to_owned()),
        };
        step(&self.next_id(), StepKind::Approve(Box::new(approve)))
    }

    pub(super) fn fail(&mut self) -> Step {
        if self.random.percent(70) {
            return self.call();
        }
        let kind = StepKind::Fail {
            kind: ErrorKind::Rejected,
            code: "sim-fails".to_owned(),
            program: program(None, &[r#""the flow says so""#, "null"]),
        };
        let mut step = step(&self.next_id(), kind);
        condition(&mut step);
        step
    }

    fn switch(&mut self, depth: u32) -> Step {
        let name = self.next_id();
        let switch = StepKind::Switch {
            program: program(None, &["<$trigger.flag>"]),
            cases: vec![self.block(depth + 1)],
            default: self.random.percent(70).then(|| self.block(depth + 1)),
        };
        step(&name, switch)
    }

    fn for_each(&mut self, depth: u32) -> Step {
        let name = self.next_id();
        let each = ForEach {
            program: program(None, &["[1,2,3]"]),
            parallel: self.random.pick(&[1, 1, 2, 3]),
            on_item_failure: if self.random.percent(60) {
                OnItemFailure::Stop
            } else {
                OnItemFailure::Collect { fail_above: None }
            },
            steps: self.block(depth + 1),
            pages: None,
        };
        step(&name, StepKind::ForEach(each))
    }

    fn parallel(&mut self, depth: u32) -> Step {
        let name = self.next_id();
        let branch = |name: &str, steps: Block| Branch {
            name: id(name),
            steps,
        };
        let branches = vec![
            branch("left", self.block(depth + 1)),
            branch("right", self.block(depth + 1)),
        ];
        let parallel = Parallel {
            program: program(None, &[]),
            branches,
            join: self.random.pick(&[Join::All, Join::All, Join::Any]),
        };
        step(&name, StepKind::Parallel(parallel))
    }

    fn try_(&mut self, depth: u32) -> Step {
        let name = self.next_id();
        let kinds = self
            .random
            .pick(&[&[][..], &[ErrorKind::Rejected]])
            .to_vec();
        let attempt = Try {
            program: program(None, &[]),
            steps: self.block(depth + 1),
            catch: vec![Catch {
                kinds,
                steps: self.block(depth + 1),
            }],
        };
        step(&name, StepKind::Try(attempt))
    }

    /// Every kind once, with two steps that can be undone and one of each idempotency.
    pub(super) fn whole(&mut self) -> Block {
        let call = |steps: &mut Self, name: &str, idempotency| {
            let input = format!(r#"{{"do":"{name}","item":<$item>}}"#);
            let mut step = steps.call_of(name, &input, idempotency);
            let undo = format!(r#"{{"undo":"{name}"}}"#);
            let undo = steps.call_of(name, &undo, Idempotency::Keyed);
            step.compensate = Some(Box::new(undo));
            step
        };
        let mut book = call(self, "book", Idempotency::Keyed);
        if let StepKind::Call(call) = &mut book.kind {
            call.retry.attempts = 3;
        }
        let each = ForEach {
            program: program(None, &["[1,2]"]),
            parallel: 2,
            on_item_failure: OnItemFailure::Stop,
            steps: vec![call(self, "line", Idempotency::Natural)],
            pages: None,
        };
        let branch = |name: &str, steps: Block| Branch {
            name: id(name),
            steps,
        };
        let parallel = Parallel {
            program: program(None, &[]),
            branches: vec![
                branch("left", vec![call(self, "left_call", Idempotency::Keyed)]),
                branch("right", vec![self.wait()]),
            ],
            join: Join::All,
        };
        let attempt = Try {
            program: program(None, &[]),
            steps: vec![call(self, "tried", Idempotency::Keyed)],
            catch: vec![Catch {
                kinds: Vec::new(),
                steps: vec![self.set()],
            }],
        };
        let switch = StepKind::Switch {
            program: program(None, &["<$trigger.flag>"]),
            cases: vec![vec![self.set()]],
            default: Some(vec![call(self, "other", Idempotency::None)]),
        };
        vec![
            book,
            step("lines", StepKind::ForEach(each)),
            self.approve(),
            step("both", StepKind::Parallel(parallel)),
            step("attempt", StepKind::Try(attempt)),
            step("choice", switch),
            self.emit(),
            call(self, "pay", Idempotency::None),
            call(self, "last", Idempotency::Keyed),
        ]
    }
}

/// Leaves a step out for payloads without the flag.
fn condition(step: &mut Step) {
    let program = match &mut step.kind {
        StepKind::Call(call) => &mut call.program,
        StepKind::ForEach(each) => &mut each.program,
        StepKind::Parallel(parallel) => &mut parallel.program,
        StepKind::Try(attempt) => &mut attempt.program,
        StepKind::Wait(wait) => &mut wait.program,
        StepKind::Receive(plan) => &mut plan.program,
        StepKind::Approve(approve) => &mut approve.program,
        StepKind::Run(run) => &mut run.program,
        StepKind::Set { program }
        | StepKind::Switch { program, .. }
        | StepKind::Emit { program, .. }
        | StepKind::Fail { program, .. }
        | StepKind::Return { program } => program,
    };
    let outputs = crate::expressions::sources(program);
    let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
    *program = crate::expressions::program(Some("$trigger.flag"), &outputs);
}
