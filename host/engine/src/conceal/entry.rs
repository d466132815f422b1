//! Entries of journals. Every event is named here, so that none with values in it can be
//! added and forgotten.

use super::Concealer;
use crate::state::RunState;
use dowel_core::journal::{
    ApprovalAsked, CallArguments, ChildEnd, Command, Commanded, Entry, Event, FailedAttempt,
};
use dowel_core::{JsonText, StepPath};

impl Concealer {
    /// Learns the values that stand at the pointers of an entry.
    pub(super) fn learn_entry(&mut self, entry: &Entry) {
        let mut learn_call = |path: &StepPath, call: Option<&CallArguments>| {
            call.into_iter()
                .for_each(|call| self.learn(path, &call.input));
        };
        match &entry.event {
            Event::Created(created) => self.learn_payload(&created.trigger, &created.payload),
            Event::CallIntended { path, call, .. }
            | Event::AttemptFailed { path, call, .. }
            | Event::CallHeld { path, call, .. } => learn_call(path, call.as_ref()),
            Event::CallSucceeded {
                path,
                result,
                output,
                call,
                ..
            } => {
                learn_call(path, call.as_ref());
                self.learn(path, result);
                output.iter().for_each(|output| self.learn(path, output));
            }
            Event::StepFailed {
                path,
                attempt: Some(attempt),
                ..
            } => {
                learn_call(path, attempt.call.as_ref());
                attempt
                    .result
                    .iter()
                    .for_each(|result| self.learn(path, result));
            }
            Event::ValueSet { path, value } => self.learn(path, value),
            Event::LoopEntered { path, items } => self.learn(path, items),
            Event::PagesEntered { path, input } => self.learn(path, input),
            Event::Emitted { path, data, .. } => self.learn(path, data),
            Event::ApprovalAsked(asked) => self.learn(&asked.path, &asked.show),
            Event::EventReceived(received) => {
                self.learn(&received.path, &received.event);
                let output = received.output.iter();
                output.for_each(|output| self.learn(&received.path, output));
            }
            Event::BlockEnded { path, result } => self.learn(path, result),
            Event::ChildBegan(began) => {
                let payload = began.payload.iter();
                payload.for_each(|payload| self.learn(&began.path, payload));
            }
            Event::ChildFailed {
                path,
                payload: Some(value),
                ..
            }
            | Event::ChildEnded {
                path,
                end: ChildEnd::Succeeded { output: value },
                ..
            }
            | Event::ChildConcluded {
                path,
                output: Some(value),
            } => self.learn(path, value),
            Event::Commanded(commanded) => match &commanded.command {
                Command::EditInput { path, input, .. } => self.learn(path, input),
                Command::Complete { path, output } => self.learn(path, output),
                _ => {}
            },
            _ => {}
        }
    }

    /// The entry as people may read it.
    pub(crate) fn entry(&self, entry: &Entry) -> Entry {
        let mut shown = entry.clone();
        self.conceal(&mut shown.event);
        shown
    }

    fn conceal(&self, event: &mut Event) {
        match event {
            Event::Created(created) => {
                created.payload = self.payload(&created.trigger, &created.payload);
                created.event = self.copies(&created.event);
            }
            Event::CallIntended { .. }
            | Event::CallHeld { .. }
            | Event::AttemptFailed { .. }
            | Event::CallSucceeded { .. }
            | Event::StepFailed { .. } => self.conceal_attempt(event),
            Event::ValueSet { path, value }
            | Event::LoopEntered { path, items: value }
            | Event::PagesEntered { path, input: value }
            | Event::BlockEnded {
                path,
                result: value,
            }
            | Event::Emitted {
                path, data: value, ..
            } => *value = self.of_step(path, value),
            Event::ItemEnded { path, result, .. }
            | Event::ItemRepaired { path, result, .. }
            | Event::BranchEnded { path, result, .. } => *result = self.of_inner(path, result),
            Event::ChildBegan(_)
            | Event::ChildEnded { .. }
            | Event::ChildConcluded { .. }
            | Event::ChildFailed { .. } => self.conceal_child(event),
            Event::ApprovalAsked(asked) => self.conceal_question(asked),
            Event::EventAwaited(awaited) => awaited.value = self.text(&awaited.value),
            Event::EventReceived(received) => {
                let path = &received.path;
                received.event = self.of_step(path, &received.event);
                self.conceal_value(path, received.output.as_mut());
            }
            Event::StateRead { values, .. } | Event::StateWritten { values, .. } => {
                *values = self.copies(values);
            }
            Event::Succeeded { output, .. } => *output = self.copies(output),
            Event::Commanded(commanded) => self.conceal_command(commanded),
            Event::ItemFailed { error, .. }
            | Event::Overrun { error }
            | Event::Caught { error, .. }
            | Event::Failed { error, .. }
            | Event::Parked { error, .. }
            | Event::CompensationBegan {
                error: Some(error), ..
            }
            | Event::Compensated { error: Some(error) } => *error = self.error(error),
            Event::PageEntered { .. }
            | Event::PageEnded { .. }
            | Event::StepSkipped { .. }
            | Event::Queued { .. }
            | Event::Stopped {}
            | Event::BranchTaken { .. }
            | Event::ParallelEntered { .. }
            | Event::TryEntered { .. }
            | Event::WaitBegan { .. }
            | Event::WaitEnded { .. }
            | Event::ApprovalEscalated { .. }
            | Event::ApprovalExpired { .. }
            | Event::ChildReplaced { .. }
            | Event::ChildStopped { .. }
            | Event::ReceiveExpired { .. }
            | Event::CompensationBegan { error: None, .. }
            | Event::CompensationEnded {}
            | Event::Compensated { error: None }
            | Event::Cancelled {} => {}
        }
    }

    /// What calls were given and what came of them.
    fn conceal_attempt(&self, event: &mut Event) {
        match event {
            Event::CallIntended { path, call, .. } | Event::CallHeld { path, call, .. } => {
                self.conceal_call(path, call);
            }
            Event::AttemptFailed {
                path, call, error, ..
            } => {
                self.conceal_call(path, call);
                *error = self.error(error);
            }
            Event::CallSucceeded {
                path,
                result,
                output,
                call,
                ..
            } => {
                self.conceal_call(path, call);
                *result = self.of_step(path, result);
                self.conceal_value(path, output.as_mut());
            }
            Event::StepFailed {
                path,
                attempt,
                error,
                ..
            } => {
                *error = self.error(error);
                if let Some(FailedAttempt { call, result, .. }) = attempt {
                    self.conceal_call(path, call);
                    self.conceal_value(path, result.as_mut());
                }
            }
            _ => {}
        }
    }

    /// What children were given and what came of them.
    fn conceal_child(&self, event: &mut Event) {
        match event {
            Event::ChildBegan(began) => self.conceal_value(&began.path, began.payload.as_mut()),
            Event::ChildEnded { path, end, .. } => match end {
                ChildEnd::Succeeded { output } => self.conceal_value(path, Some(output)),
                ChildEnd::Failed { error } => *error = self.error(error),
                ChildEnd::Cancelled {} => {}
            },
            Event::ChildConcluded { path, output } => self.conceal_value(path, output.as_mut()),
            Event::ChildFailed {
                path,
                error,
                payload,
                ..
            } => {
                *error = self.error(error);
                self.conceal_value(path, payload.as_mut());
            }
            _ => {}
        }
    }

    fn conceal_call(&self, path: &StepPath, call: &mut Option<CallArguments>) {
        self.conceal_value(path, call.as_mut().map(|call| &mut call.input));
    }

    fn conceal_value(&self, path: &StepPath, value: Option<&mut JsonText>) {
        if let Some(value) = value {
            *value = self.of_step(path, value);
        }
    }

    /// The result of an item or a branch: the value of the last step inside.
    fn of_inner(&self, path: &StepPath, result: &JsonText) -> JsonText {
        let declared = self.steps.get(path.id());
        let pointers = declared.into_iter().flat_map(|declared| &declared.inner);
        self.copies(&super::cover(result, pointers))
    }

    /// A question to people.
    pub(crate) fn conceal_question(&self, asked: &mut ApprovalAsked) {
        asked.title = self.text(&asked.title);
        asked.show = self.of_step(&asked.path, &asked.show);
    }

    fn conceal_command(&self, commanded: &mut Commanded) {
        commanded.reason = commanded.reason.as_deref().map(|reason| self.text(reason));
        match &mut commanded.command {
            Command::EditInput { path, input, .. } => *input = self.of_step(path, input),
            Command::Complete { path, output } => *output = self.of_step(path, output),
            _ => {}
        }
    }

    /// What a person sees of the input of a step that failed, or of what the run began
    /// with.
    pub(crate) fn input(
        &self,
        state: &RunState,
        path: Option<&StepPath>,
        input: &JsonText,
    ) -> JsonText {
        match path {
            Some(path) => self.of_step(path, input),
            None => self.payload(&state.created.trigger, input),
        }
    }
}
