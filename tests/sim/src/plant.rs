//! Defects that are put in on purpose: the simulation has to find them. They are in the
//! ports around the engine, so that no product can have them.

use dowel_core::port::{
    Batch, BoxFuture, CallOutcome, CallRequest, Invoker, Precondition, SourcePage, SourceRequest,
};
use dowel_core::{JsonText, RunId, SendRecord, StepError};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::str::FromStr;

/// A defect that is put in on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plant {
    /// Dedupe keys are looked at outside of the transaction that takes them.
    Dedupe,
    /// A host that has lost its lease of a run is not fenced.
    Lease,
    /// Steps are undone in another order than the engine asks for.
    Compensation,
    /// The cursor of a poll is moved whoever has moved it meanwhile.
    Cursor,
}

/// The families of keys under which duplicates are recognised.
const DEDUPE: &[u8] = b"dhc";

/// The family of the positions of polls.
const POLL: &[u8] = b"g";

/// The family of leases.
const LEASE: &[u8] = b"l";

impl Plant {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::Dedupe, Self::Lease, Self::Compensation, Self::Cursor];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dedupe => "dedupe",
            Self::Lease => "lease",
            Self::Compensation => "compensation",
            Self::Cursor => "cursor",
        }
    }

    /// Takes out of a batch what protects.
    pub(crate) fn spoil(self, batch: &mut Batch) {
        let spoiled: &[u8] = match self {
            Self::Dedupe => DEDUPE,
            Self::Lease => LEASE,
            Self::Cursor => POLL,
            Self::Compensation => return,
        };
        let is_spoiled = |condition: &Precondition| {
            let family = condition.key().first();
            family.is_some_and(|family| spoiled.contains(family))
        };
        batch
            .preconditions
            .retain(|condition| !is_spoiled(condition));
    }
}

impl FromStr for Plant {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|plant| plant.name() == text);
        let names = Self::ALL.map(Self::name).join(", ");
        found.ok_or_else(|| format!("there is no plant `{text}`; there are {names}"))
    }
}

/// Makes the first undoing call of a run after the second one, and says that it is made.
pub(crate) struct Swapped<I> {
    inner: I,
    kept: Mutex<BTreeMap<RunId, Option<CallRequest>>>,
}

impl<I: Invoker> Swapped<I> {
    pub(crate) fn new(inner: I) -> Self {
        Self {
            inner,
            kept: Mutex::default(),
        }
    }

    /// Whether this call is the first undoing one of its run, which is kept.
    fn keep(&self, request: &CallRequest) -> bool {
        let mut kept = self.kept.lock();
        let is_first = request.step.is_compensation() && !kept.contains_key(&request.run);
        if is_first {
            kept.insert(request.run, Some(request.clone()));
        }
        is_first
    }

    async fn make(&self, request: CallRequest) -> CallOutcome {
        if self.keep(&request) {
            return CallOutcome {
                result: Ok(JsonText::object([])),
                sent: SendRecord::Answered,
            };
        }
        let kept = self
            .kept
            .lock()
            .get_mut(&request.run)
            .and_then(Option::take);
        let outcome = self.inner.call(request).await;
        if let Some(kept) = kept {
            self.inner.call(kept).await;
        }
        outcome
    }
}

impl<I: Invoker> Invoker for Swapped<I> {
    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        Box::pin(self.make(request))
    }

    fn read(
        &self,
        request: SourceRequest,
        limit: u32,
    ) -> BoxFuture<'_, Result<SourcePage, StepError>> {
        self.inner.read(request, limit)
    }

    fn ack(&self, request: SourceRequest) -> BoxFuture<'_, Result<(), StepError>> {
        self.inner.ack(request)
    }
}
