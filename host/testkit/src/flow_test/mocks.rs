//! Mocks in the place of connectors.

use super::compare::holds;
use super::observe::MadeCall;
use super::runs;
use crate::VirtualClock;
use dowel_core::code::flow::{MOCK_MISSING, MOCK_USED_UP};
use dowel_core::code::run::CALL_DEADLINE;
use dowel_core::port::{BoxFuture, CallOutcome, CallRequest, Clock, Invoker};
use dowel_core::{ErrorKind, JsonText, RunId, SendRecord, StepError};
use dowel_engine::{OpenApproval, OpenReceive};
use dowel_flow::flow_test::{Answer, Outcome};
use parking_lot::Mutex;
use std::collections::BTreeMap;

/// An [`Invoker`] that answers as a case says.
pub(super) struct Mocks {
    clock: VirtualClock,
    state: Mutex<State>,
}

struct State {
    answers: BTreeMap<String, Vec<Mock>>,
    calls: Vec<(RunId, MadeCall)>,
}

struct Mock {
    answer: Answer,
    used: u32,
}

/// Why there is no answer.
enum NoAnswer {
    Missing,
    UsedUp,
}

impl Mocks {
    pub(super) fn new(mocks: &BTreeMap<String, Vec<Answer>>, clock: VirtualClock) -> Self {
        let mock = |answer: &Answer| Mock {
            answer: answer.clone(),
            used: 0,
        };
        let answers = mocks
            .iter()
            .map(|(name, answers)| (name.clone(), answers.iter().map(mock).collect()));
        Self {
            clock,
            state: Mutex::new(State {
                answers: answers.collect(),
                calls: Vec::new(),
            }),
        }
    }

    /// Every call so far, in the order in which they began.
    pub(super) fn calls(&self) -> Vec<MadeCall> {
        let state = self.state.lock();
        state.calls.iter().map(|(_, call)| call.clone()).collect()
    }
}

/// What a case says about an approval, or about a step that waits for an event.
pub(super) enum Said {
    /// Nothing.
    Nothing,
    /// This answer.
    Answer(Answer),
}

impl Mocks {
    /// The answer for an approval.
    pub(super) fn approval(&self, open: &OpenApproval) -> Said {
        let step = open.step.as_str();
        let mut state = self.state.lock();
        let found = state.answer(open.step.id(), step, &JsonText::null());
        found.map_or(Said::Nothing, Said::Answer)
    }

    /// The event for a step that waits for one.
    pub(super) fn receive(&self, open: &OpenReceive) -> Said {
        let step = open.step.as_str();
        let mut state = self.state.lock();
        let found = state.answer(open.step.id(), step, &JsonText::null());
        found.map_or(Said::Nothing, Said::Answer)
    }
}

impl State {
    /// Notes an attempt and finds its answer.
    fn attempt(&mut self, request: &CallRequest) -> Result<Answer, StepError> {
        let name = runs::shown(&request.connection, &request.operation);
        let step = request.step.to_string();
        let found = match runs::flow(&request.connection, &request.operation) {
            // What is said of the step goes before what is said of the flow.
            Some(_) if self.answers.contains_key(request.step.id()) => {
                self.answer(request.step.id(), &step, &request.input)
            }
            Some(flow) => self.answer(flow, &step, &request.input),
            None => self.answer(&name, &step, &request.input),
        };
        let index = self
            .calls
            .iter()
            .position(|(run, call)| *run == request.run && call.step == step)
            .unwrap_or_else(|| {
                let call = MadeCall {
                    name: name.clone(),
                    step: step.clone(),
                    attempts: 0,
                    input: request.input.clone(),
                    key: request.idempotency_key.clone(),
                    is_mocked: true,
                };
                self.calls.push((request.run, call));
                self.calls.len() - 1
            });
        let call = &mut self.calls[index].1;
        call.attempts += 1;
        call.is_mocked &= found.is_ok();
        found.map_err(|none| match none {
            NoAnswer::Missing => {
                let message = format!("the case has no mock for `{name}` that fits this call");
                StepError::host(ErrorKind::Internal, MOCK_MISSING, message)
            }
            NoAnswer::UsedUp => {
                let message = format!("the mock for `{name}` has no answer left");
                StepError::host(ErrorKind::Internal, MOCK_USED_UP, message)
            }
        })
    }

    fn answer(&mut self, name: &str, step: &str, input: &JsonText) -> Result<Answer, NoAnswer> {
        let item = item(step);
        let fits = |mock: &&mut Mock| {
            let answer = &mock.answer;
            let with = answer.with.as_ref();
            answer.item.is_none_or(|wanted| item == Some(wanted))
                && with.is_none_or(|with| holds(with, input))
        };
        let mocks = self.answers.get_mut(name).ok_or(NoAnswer::Missing)?;
        let mut fitting: Vec<&mut Mock> = mocks.iter_mut().filter(fits).collect();
        let last = fitting.len().checked_sub(1).ok_or(NoAnswer::Missing)?;
        let has_left = |(index, mock): (usize, &&mut Mock)| match mock.answer.times {
            Some(times) => mock.used < times,
            None => index == last || mock.used == 0,
        };
        let chosen = fitting
            .iter()
            .enumerate()
            .position(has_left)
            .ok_or(NoAnswer::UsedUp)?;
        let mock = &mut fitting[chosen];
        mock.used += 1;
        Ok(mock.answer.clone())
    }
}

/// The index of the innermost loop item that a path is in; branches are no items.
pub(super) fn item(path: &str) -> Option<usize> {
    let mut ends = path.rmatch_indices("].");
    ends.find_map(|(end, _)| {
        let (_, name) = path[..end].rsplit_once('[')?;
        name.parse().ok()
    })
}

impl Invoker for Mocks {
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        let answer = self.state.lock().attempt(&request);
        Box::pin(async move {
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    return CallOutcome {
                        result: Err(error),
                        sent: SendRecord::NotSent,
                    };
                }
            };
            let in_time = answer.after <= request.deadline;
            let took = answer.after.min(request.deadline);
            self.clock.sleep_until(self.clock.now().plus(took)).await;
            if !in_time {
                let message = "the mock's answer takes longer than the step's timeout";
                let error = StepError::host(ErrorKind::Timeout, CALL_DEADLINE, message);
                return CallOutcome {
                    result: Err(error),
                    sent: SendRecord::Sent,
                };
            }
            match answer.outcome {
                Outcome::Return(json) => CallOutcome {
                    result: Ok(json),
                    sent: SendRecord::Answered,
                },
                // Only steps that are no calls have these.
                Outcome::Decide { .. } | Outcome::Event { .. } | Outcome::Silence => CallOutcome {
                    result: Ok(JsonText::null()),
                    sent: SendRecord::Answered,
                },
                Outcome::Fail { error, sent } => CallOutcome {
                    result: Err(error),
                    sent,
                },
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::item;

    #[test]
    fn the_innermost_item_counts() {
        assert_eq!(item("a"), None);
        assert_eq!(item("a[3].b"), Some(3));
        assert_eq!(item("a[3].b[12].c"), Some(12));
        assert_eq!(item("a[3].b[left].c"), Some(3));
    }
}
