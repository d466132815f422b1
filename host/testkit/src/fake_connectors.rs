//! Connectors that answer what they are told to.

use dowel_core::code::run::CALL_UNKNOWN_OPERATION;
use dowel_core::port::{BoxFuture, CallOutcome, CallRequest, Invoker};
use dowel_core::{ErrorKind, JsonText, SendRecord, StepError};
use parking_lot::Mutex;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::Notify;

/// One scripted answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The operation returns this.
    Return(JsonText),
    /// The operation fails with this kind, and the gateway's record says how far it got.
    Fail(ErrorKind, SendRecord),
    /// The upstream answers 429 and asks to wait for so many milliseconds.
    RateLimited(u64),
    /// The call never ends.
    Hang,
    /// The operation returns this once it is told to.
    When(Arc<Notify>, JsonText),
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeCall {
    /// `connection.operation`.
    pub name: String,
    /// The step's path.
    pub step: String,
    /// From 1.
    pub attempt: u32,
    /// The input, as it was sent.
    pub input: String,
    /// The idempotency key.
    pub key: String,
}

/// An [`Invoker`] without WebAssembly and network.
#[derive(Debug, Default)]
pub struct FakeConnectors {
    scripts: Mutex<HashMap<String, VecDeque<Answer>>>,
    calls: Mutex<Vec<MadeCall>>,
}

impl FakeConnectors {
    /// Answers calls of `connection.operation` in this order; the last answer repeats.
    pub fn script(&self, name: &str, answers: impl IntoIterator<Item = Answer>) {
        self.scripts
            .lock()
            .insert(name.to_owned(), answers.into_iter().collect());
    }

    /// The calls so far, in order.
    pub fn calls(&self) -> Vec<MadeCall> {
        self.calls.lock().clone()
    }

    fn answer(&self, name: &str) -> Option<Answer> {
        let mut scripts = self.scripts.lock();
        let answers = scripts.get_mut(name)?;
        if answers.len() > 1 {
            answers.pop_front()
        } else {
            answers.front().cloned()
        }
    }
}

impl Invoker for FakeConnectors {
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        let name = format!("{}.{}", request.connection, request.operation);
        self.calls.lock().push(MadeCall {
            name: name.clone(),
            step: request.step.to_string(),
            attempt: request.attempt,
            input: request.input.to_string(),
            key: request.idempotency_key,
        });
        let outcome = match self.answer(&name) {
            Some(Answer::When(told, json)) => {
                return Box::pin(async move {
                    told.notified().await;
                    CallOutcome {
                        result: Ok(json),
                        sent: SendRecord::Answered,
                    }
                });
            }
            Some(Answer::Hang) => return Box::pin(std::future::pending()),
            Some(Answer::RateLimited(millis)) => CallOutcome {
                result: Err(StepError {
                    retry_after_ms: Some(millis),
                    ..scripted(ErrorKind::RateLimited)
                }),
                sent: SendRecord::Answered,
            },
            Some(Answer::Return(json)) => CallOutcome {
                result: Ok(json),
                sent: SendRecord::Answered,
            },
            Some(Answer::Fail(kind, sent)) => CallOutcome {
                result: Err(scripted(kind)),
                sent,
            },
            None => {
                let message = format!("no answer is scripted for `{name}`");
                let error = StepError::host(ErrorKind::Internal, CALL_UNKNOWN_OPERATION, message);
                CallOutcome {
                    result: Err(error),
                    sent: SendRecord::NotSent,
                }
            }
        };
        Box::pin(std::future::ready(outcome))
    }
}

fn scripted(kind: ErrorKind) -> StepError {
    StepError {
        kind,
        code: "scripted".to_owned(),
        message: format!("the script says {kind}"),
        details: None,
        retry_after_ms: None,
        place: None,
    }
}
