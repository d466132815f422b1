//! Steps that need others: events from outside, other flows, and pages of a list.

use super::steps::{Steps, name, step};
use super::{ANSWER_TYPE, CHILD};
use crate::expressions::program;
use dowel_core::journal::OnTimeout;
use dowel_core::manifest::{Idempotency, Pagination};
use dowel_flow::plan::{
    ForEach, OnItemFailure, Pages, Receive, RetryPolicy, RunFlow, Step, StepKind,
};
use std::time::Duration;

impl Steps<'_> {
    /// One of them; those with steps inside only where there may be more.
    pub(super) fn linked(&mut self, depth: u32, deepest: u32) -> Step {
        match self.random.below(4) {
            0 | 1 => self.receive(),
            2 if depth < deepest => self.pages(depth),
            _ => self.run(),
        }
    }

    /// Waits for the answer that has the event's id.
    pub(super) fn receive(&mut self) -> Step {
        let random = self.random;
        let within = [1, 60, 86_400, 5 * 86_400];
        let receive = Receive {
            program: program(None, &["<$trigger.id>"]),
            event_type: ANSWER_TYPE.to_owned(),
            event: program(None, &["<.data.id>"]),
            within: random
                .percent(50)
                .then(|| Duration::from_secs(random.pick(&within))),
            calendar: None,
            on_timeout: random.pick(&[OnTimeout::Fail, OnTimeout::Continue]),
            output: random.percent(50).then(|| program(None, &["<.data>"])),
        };
        step(&self.next_id(), StepKind::Receive(Box::new(receive)))
    }

    /// Runs the other flow.
    pub(super) fn run(&mut self) -> Step {
        let random = self.random;
        let payload = r#"{"id":<$trigger.id>,"item":<$item>,"flag":<$trigger.flag>}"#;
        let run = RunFlow {
            program: program(None, &[payload]),
            flow: name(CHILD),
            range: name("^1"),
            detach: random.percent(20),
            output: None,
            retry: RetryPolicy {
                attempts: random.pick(&[1, 1, 2]),
                delay: Duration::from_secs(1),
                ..RetryPolicy::default()
            },
            timeout: random
                .percent(20)
                .then(|| Duration::from_secs(random.pick(&[1, 3_600]))),
        };
        step(&self.next_id(), StepKind::Run(Box::new(run)))
    }

    /// Goes over the items of two pages.
    pub(super) fn pages(&mut self, depth: u32) -> Step {
        let name_of_loop = self.next_id();
        let input = format!(r#"{{"list":"{name_of_loop}"}}"#);
        let mut fetch = self.call_of(&name_of_loop, &input, Idempotency::Natural);
        let mut program = program(None, &[]);
        if let StepKind::Call(call) = &mut fetch.kind {
            call.operation = name("list");
            call.output = None;
            program = call.program.clone();
        }
        let each = ForEach {
            program,
            parallel: self.random.pick(&[1, 2]),
            on_item_failure: self.random.pick(&[
                OnItemFailure::Stop,
                OnItemFailure::Collect { fail_above: None },
            ]),
            steps: self.block(depth + 1),
            pages: Some(Box::new(Pages {
                fetch,
                pagination: Pagination {
                    cursor_in: "/after".to_owned(),
                    cursor_out: "/next".to_owned(),
                    items: "/items".to_owned(),
                },
            })),
        };
        step(&name_of_loop, StepKind::ForEach(each))
    }
}
