//! How far the requests of one call got.
//!
//! A request counts as *sent* from the moment it is handed to the HTTP client until it
//! turns out that no connection was made, and as *answered* from the moment the
//! response's headers are there. If the call then ends badly (trap, deadline) while a
//! body is still being read, or if the body breaks off, the answer was not complete
//! and the request counts as sent.

use super::refusal::Refusal;
use crate::scope::CallScope;
use dowel_core::SendRecord;
use parking_lot::Mutex;
use std::sync::Arc;

/// Requests that one call may have open at the same time: more than a well-meant page
/// fan-out, few enough that a loop cannot exhaust sockets.
pub(crate) const MAX_OPEN_REQUESTS: u32 = 32;

/// The record of one call: a part of its scope, which the call and its requests share.
#[derive(Default)]
pub(crate) struct Evidence(Mutex<Ledger>);

#[derive(Default)]
struct Ledger {
    /// Tickets that are alive.
    open: u32,
    /// Sent and not (yet) answered.
    unanswered: u32,
    /// The answer's body is being read.
    reading: u32,
    /// Completely answered, or dropped by the guest after the headers.
    answered: u32,
    /// The call is over: nothing may be sent any more.
    closed: bool,
    /// Why the latest request failed; none after one that was answered.
    refusal: Option<Refusal>,
}

/// How a call ended, for the requests that are still being read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The guest returned by itself.
    Returned,
    /// It was stopped.
    Stopped,
}

impl Evidence {
    /// Writes down why a request failed.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.0.lock().refusal = Some(refusal);
    }

    /// Ends the record. Nothing is sent after this.
    pub(crate) fn close(&self, ending: Ending) -> (SendRecord, Option<Refusal>) {
        let mut ledger = self.0.lock();
        ledger.closed = true;
        let torn = ending == Ending::Stopped && ledger.reading > 0;
        let record = if ledger.unanswered > 0 || torn {
            SendRecord::Sent
        } else if ledger.answered + ledger.reading > 0 {
            SendRecord::Answered
        } else {
            SendRecord::NotSent
        };
        (record, ledger.refusal.take())
    }
}

/// One request's entry. Dropping it leaves the record as it stands.
pub(crate) struct Ticket {
    scope: Arc<CallScope>,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Preparing,
    Sent,
    Reading,
    Done,
}

impl Ticket {
    /// Begins a request of a call.
    pub(crate) fn begin(scope: &Arc<CallScope>) -> Result<Self, Refusal> {
        let mut ledger = scope.evidence.0.lock();
        if ledger.closed {
            return Err(Refusal::Over);
        }
        if ledger.open >= MAX_OPEN_REQUESTS {
            return Err(Refusal::Busy {
                limit: MAX_OPEN_REQUESTS,
            });
        }
        ledger.open += 1;
        Ok(Self {
            scope: Arc::clone(scope),
            stage: Stage::Preparing,
        })
    }

    /// From now on the request may leave the host.
    pub(crate) fn sent(&mut self) -> Result<(), Refusal> {
        let mut ledger = self.scope.evidence.0.lock();
        if ledger.closed {
            return Err(Refusal::Over);
        }
        ledger.unanswered += 1;
        self.stage = Stage::Sent;
        Ok(())
    }

    /// No connection was made: the request did not leave after all.
    pub(crate) fn not_sent(&mut self) {
        if self.stage == Stage::Sent {
            self.scope.evidence.0.lock().unanswered -= 1;
            self.stage = Stage::Done;
        }
    }

    /// The headers of the answer are there.
    pub(crate) fn headers(&mut self) {
        if self.stage == Stage::Sent {
            let mut ledger = self.scope.evidence.0.lock();
            ledger.unanswered -= 1;
            ledger.reading += 1;
            ledger.refusal = None;
            self.stage = Stage::Reading;
        }
    }

    /// The answer broke off.
    pub(crate) fn broken(&mut self) {
        if self.stage == Stage::Reading {
            let mut ledger = self.scope.evidence.0.lock();
            ledger.reading -= 1;
            ledger.unanswered += 1;
            self.stage = Stage::Done;
        }
    }

    /// The answer is complete, or nobody wants the rest.
    pub(crate) fn answered(&mut self) {
        if self.stage == Stage::Reading {
            let mut ledger = self.scope.evidence.0.lock();
            ledger.reading -= 1;
            ledger.answered += 1;
            self.stage = Stage::Done;
        }
    }

    /// Writes down why the request failed.
    pub(crate) fn refuse(&self, refusal: Refusal) {
        self.scope.evidence.refuse(refusal);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.answered();
        self.scope.evidence.0.lock().open -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{no_run, step};

    type Scope = Arc<CallScope>;

    fn scope() -> Scope {
        Arc::new(CallScope::closed(no_run(), step("tested")))
    }

    fn check(ending: Ending, expected: SendRecord, story: impl FnOnce(&Scope) -> Vec<Ticket>) {
        let scope = scope();
        let open = story(&scope);
        assert_eq!(scope.evidence.close(ending).0, expected);
        drop(open);
    }

    fn at_headers(scope: &Scope) -> Ticket {
        let mut ticket = Ticket::begin(scope).unwrap();
        ticket.sent().unwrap();
        ticket.headers();
        ticket
    }

    #[test]
    fn stages_of_one_request() {
        use Ending::{Returned, Stopped};
        for ending in [Returned, Stopped] {
            check(ending, SendRecord::NotSent, |_| vec![]);
            check(ending, SendRecord::NotSent, |e| {
                vec![Ticket::begin(e).unwrap()]
            });
            check(ending, SendRecord::NotSent, |e| {
                let mut ticket = Ticket::begin(e).unwrap();
                ticket.sent().unwrap();
                ticket.not_sent();
                vec![ticket]
            });
            check(ending, SendRecord::Sent, |e| {
                Ticket::begin(e).unwrap().sent().unwrap();
                vec![]
            });
            check(ending, SendRecord::Answered, |e| {
                drop(at_headers(e));
                vec![]
            });
            check(ending, SendRecord::Sent, |e| {
                at_headers(e).broken();
                vec![]
            });
        }
        check(Returned, SendRecord::Answered, |e| vec![at_headers(e)]);
        check(Stopped, SendRecord::Sent, |e| vec![at_headers(e)]);
    }

    #[test]
    fn the_worst_request_decides() {
        check(Ending::Returned, SendRecord::Sent, |e| {
            drop(at_headers(e));
            Ticket::begin(e).unwrap().sent().unwrap();
            drop(at_headers(e));
            vec![]
        });
    }

    #[test]
    fn nothing_is_sent_after_the_end() {
        let scope = scope();
        let mut ticket = Ticket::begin(&scope).unwrap();
        scope.evidence.close(Ending::Stopped);
        assert_eq!(ticket.sent(), Err(Refusal::Over));
        assert!(Ticket::begin(&scope).is_err());
    }

    #[test]
    fn open_requests_are_counted() {
        let scope = scope();
        let mut open: Vec<_> = (0..MAX_OPEN_REQUESTS)
            .map(|_| Ticket::begin(&scope).unwrap())
            .collect();
        assert!(Ticket::begin(&scope).is_err());
        open.pop();
        assert!(Ticket::begin(&scope).is_ok());
    }

    #[test]
    fn an_answer_forgives_an_earlier_refusal() {
        let scope = scope();
        scope.evidence.refuse(Refusal::Incomplete);
        drop(at_headers(&scope));
        assert_eq!(scope.evidence.close(Ending::Returned).1, None);
    }
}
