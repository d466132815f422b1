//! Stand-ins for connectors and expressions, and the clock of the machine.

use dowel_core::expression::{Evaluated, EvaluationError, Piece, Template};
use dowel_core::port::{
    BoxFuture, CallOutcome, CallRequest, Clock, EvaluationRequest, Invoker, Mapper, Randomness,
};
use dowel_core::{ErrorKind, JsonText, SendRecord, StepError, Timestamp, code, time};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The wall clock.
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        Timestamp::from_millis(time::millis(since.unwrap_or_default()))
    }

    fn sleep_until(&self, at: Timestamp) -> BoxFuture<'static, ()> {
        // An hour is longer than any task here: nobody notices that a longer sleep ends.
        let wait = at.since(self.now()).min(Duration::from_secs(3600));
        Box::pin(tokio::time::sleep(wait))
    }
}

/// Bytes that differ.
#[derive(Default)]
pub(crate) struct HashedRandomness {
    keys: RandomState,
    count: AtomicU64,
}

impl Randomness for HashedRandomness {
    fn bytes(&self) -> [u8; 16] {
        let count = self.count.fetch_add(2, Ordering::Relaxed);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.keys.hash_one(count).to_be_bytes());
        bytes[8..].copy_from_slice(&self.keys.hash_one(count + 1).to_be_bytes());
        bytes
    }
}

/// Knows the expressions `$trigger`, `.id` and the condition `$trigger.bad`.
pub(crate) struct FewExpressions;

impl Mapper for FewExpressions {
    fn evaluate(
        &self,
        request: EvaluationRequest,
    ) -> BoxFuture<'_, Result<Evaluated, EvaluationError>> {
        Box::pin(async move { Ok(evaluate(&request)) })
    }
}

fn evaluate(request: &EvaluationRequest) -> Evaluated {
    let payload = request.bindings.variables.get("trigger");
    let payload = payload.unwrap_or(&request.bindings.input);
    if request.program.condition.is_some() && !payload.as_str().contains("\"bad\":true") {
        return Evaluated::Skipped;
    }
    let outputs = request.program.outputs.iter();
    let values = outputs.map(|output| match output.expressions().next() {
        Some(expression) if expression.source == ".id" => id(payload),
        Some(_) => payload.clone(),
        None => literal(output),
    });
    Evaluated::Values(values.collect())
}

/// A template without a hole.
fn literal(template: &Template) -> JsonText {
    let texts = template.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => text.as_str(),
        Piece::Expression(_) => "",
    });
    JsonText::parse(&texts.collect::<String>()).unwrap_or_else(|_| JsonText::null())
}

fn id(payload: &JsonText) -> JsonText {
    let id = payload.as_str().split('"').nth(3).unwrap_or("none");
    JsonText::of(&id).unwrap_or_else(|_| JsonText::null())
}

/// Which first attempts find the upstream away.
pub(crate) enum Away {
    /// One of so many.
    Every(u64),
    /// Those of this connection.
    For(&'static str),
}

/// Answers at once, but for some first attempts.
pub(crate) struct Upstream {
    pub(crate) away: Away,
    pub(crate) calls: AtomicU64,
    pub(crate) answer: JsonText,
}

impl Invoker for Upstream {
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let fails = match self.away {
            Away::Every(calls) => number.is_multiple_of(calls),
            Away::For(connection) => request.connection.as_str() == connection,
        };
        let outcome = if fails && request.attempt == 1 {
            let message = "the upstream is away";
            let code = code::run::CALL_DEADLINE;
            CallOutcome {
                result: Err(StepError::host(ErrorKind::Unavailable, code, message)),
                sent: SendRecord::NotSent,
            }
        } else {
            CallOutcome {
                result: Ok(self.answer.clone()),
                sent: SendRecord::Answered,
            }
        };
        Box::pin(async move { outcome })
    }
}
