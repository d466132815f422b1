//! One call, from taking an instance to putting it back or throwing it away.

use crate::bindings::dowel::connector::types::Error as GuestError;
use crate::bindings::exports::dowel::connector::operations::CallContext;
use crate::connection::Shared;
use crate::exports::Reading;
use crate::gateway::{Ending, Evidence, Refusal};
use crate::guest::{self, Limits};
use crate::outcome;
use crate::pool::Instance;
use crate::scope::{CallScope, Granted};
use dowel_core::port::{CallOutcome, ReceiverRequest, SourceRequest, SubscriptionRequest};
use dowel_core::time::millis;
use dowel_core::{JsonText, OperationName, SendRecord, StepError};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::{Sleep, sleep_until};
use wasmtime::PoolConcurrencyLimitError;

/// What the guest is asked to do.
pub(crate) enum Ask {
    /// An operation of the manifest, with its input.
    Operation(OperationName, JsonText),
    /// Test the connection.
    Check,
    /// Events of a source from behind the cursor, so many at most.
    Read(Box<SourceRequest>, u32),
    /// Everything up to the cursor is committed.
    Ack(Box<SourceRequest>),
    /// A request that came in.
    Receive(Box<ReceiverRequest>),
    /// A subscription.
    Subscription(Box<SubscriptionRequest>),
}

/// A call that is ready to be made.
pub(crate) struct Call<'a> {
    pub scope: Arc<CallScope>,
    ask: Ask,
    limit: Duration,
    shared: &'a Shared,
}

/// What came out of the guest: its own result, or why it was stopped.
type Returned = Result<Result<String, GuestError>, wasmtime::Error>;

impl<'a> Call<'a> {
    /// A call through a connection, with the time that it may take.
    pub(crate) fn new(
        granted: Granted,
        scope: CallScope,
        ask: Ask,
        limit: Duration,
        shared: &'a Shared,
    ) -> Self {
        let scope = Arc::new(CallScope {
            granted: Some(granted),
            ..scope
        });
        Self {
            scope,
            ask,
            limit,
            shared,
        }
    }

    /// Makes the call. Its future is allocated for each one, and allocators are quick up to
    /// a kilobyte: what the guest runs in has a box of its own, and so has what most calls do
    /// not come to.
    #[allow(clippy::manual_async_fn)] // That one has its arguments twice.
    pub(crate) fn run(self) -> impl Future<Output = CallOutcome> + Send + 'a {
        async move {
            let begun = Instant::now();
            // Outside of the future that the deadline drops: what was sent is read before
            // the store, and with it every open request, goes.
            let mut held = self.granted().used.pool.take();
            let worked = {
                let work = pin!(self.work(&mut held, begun));
                let usage = &self.granted().bound.usage;
                let paced = pin!(self.shared.lanes.pace(usage, begun, work));
                within(self.limit, begun, paced).await
            };
            match worked {
                Some(Ok(Ok(text))) => self.answered(text, held),
                Some(Ok(Err(error))) => Box::pin(self.refused(error, held)).await,
                Some(Err(error)) => Box::pin(self.stopped(error, held)).await,
                None => {
                    let (sent, refusal) = self.evidence().close(Ending::Stopped);
                    // A refusal comes back to the guest at once: time passes for other
                    // reasons.
                    drop((refusal, held));
                    failed(outcome::deadline(self.limit), sent)
                }
            }
        }
    }

    async fn work(&self, held: &mut Option<Box<Instance>>, begun: Instant) -> Returned {
        let mut left = self.limit;
        let instance = match held {
            Some(instance) => instance,
            None => {
                let made = Box::pin(self.instantiate()).await?;
                left = left.saturating_sub(begun.elapsed());
                held.insert(Box::new(made))
            }
        };
        instance
            .store
            .data()
            .slot
            .set(Some(Arc::clone(&self.scope)));
        instance.store.set_epoch_deadline(1);
        let mut run = [0; 32];
        let context = CallContext {
            run_id: self.scope.run.write(&mut run),
            step: self.scope.step.as_str(),
            idempotency_key: &self.scope.idempotency_key,
            deadline_ms: millis(left),
            connection: self.granted().bound.connection.config.as_str(),
        };
        let Instance { store, exports, .. } = &mut **instance;
        match &self.ask {
            Ask::Operation(name, input) => {
                let (name, input) = (name.as_str(), input.as_str());
                Box::pin(exports.call(store, name, input, context)).await
            }
            Ask::Check => Box::pin(exports.check(store, context)).await,
            Ask::Read(request, limit) => {
                let reading = reading(request, *limit);
                Box::pin(exports.read(store, &reading, context)).await
            }
            Ask::Ack(request) => {
                let reading = reading(request, 0);
                Box::pin(exports.ack(store, &reading, context)).await
            }
            Ask::Receive(asked) => {
                let (receiver, params) = (asked.receiver.as_str(), asked.params.as_str());
                let http = &asked.http;
                Box::pin(exports.receive(store, receiver, params, http, context)).await
            }
            Ask::Subscription(asked) => Box::pin(exports.subscription(store, asked, context)).await,
        }
    }

    async fn instantiate(&self) -> wasmtime::Result<Instance> {
        match self.instantiate_once().await {
            Err(error) if error.is::<PoolConcurrencyLimitError>() => {
                self.shared.make_room();
                self.instantiate_once().await
            }
            made => made,
        }
    }

    async fn instantiate_once(&self) -> wasmtime::Result<Instance> {
        let pre = &self.granted().used.connector.pre;
        let cap = self.granted().bound.connection.limits.memory_bytes;
        let mut store = guest::store(pre.engine(), Limits::new(cap));
        // Code that runs while the instance starts may log, and is on record too.
        store.data().slot.set(Some(Arc::clone(&self.scope)));
        let exports = pre.instantiate(&mut store).await?;
        Ok(Instance::new(store, exports))
    }

    /// The guest returned an output.
    fn answered(&self, text: String, held: Option<Box<Instance>>) -> CallOutcome {
        let (sent, _) = self.returned(held);
        let granted = self.granted();
        let text = granted.gateway().redactor.clean_output(text);
        CallOutcome {
            result: outcome::output(text, granted.bound.connection.limits.output_bytes),
            sent,
        }
    }

    /// The guest returned an error.
    async fn refused(&self, error: GuestError, held: Option<Box<Instance>>) -> CallOutcome {
        let (sent, refusal) = self.returned(held);
        failed(self.guest_error(error, refusal).await, sent)
    }

    /// Closes the record of a call that came back by itself, and keeps its instance.
    fn returned(&self, held: Option<Box<Instance>>) -> (SendRecord, Option<Refusal>) {
        let record = self.evidence().close(Ending::Returned);
        if let Some(mut instance) = held {
            let state = instance.store.data_mut();
            // A growth that the guest coped with is no reason for a later trap.
            state.limits.take_denied();
            state.slot.set(None);
            self.granted().used.pool.put(instance);
        }
        record
    }

    /// The gateway's reason is the true one if its last word in this call was no.
    async fn guest_error(&self, error: GuestError, refusal: Option<Refusal>) -> StepError {
        let gateway = self.granted().gateway();
        gateway.learn_secrets().await;
        let error = outcome::guest_error(error, &gateway.redactor);
        match refusal {
            Some(refusal) => StepError {
                details: error.details,
                ..refusal.step_error(Some(&error.message))
            },
            None => error,
        }
    }

    async fn stopped(&self, error: wasmtime::Error, held: Option<Box<Instance>>) -> CallOutcome {
        let (sent, refusal) = self.evidence().close(Ending::Stopped);
        let denied = held.is_some_and(|mut i| i.store.data_mut().limits.take_denied());
        let mut reason = outcome::stopped(&error, denied);
        let gateway = self.granted().gateway();
        gateway.learn_secrets().await;
        reason.message = gateway.redactor.clean(&reason.message).into_owned();
        tracing::warn!(
            connection = self.scope.connection(),
            run = %self.scope.run,
            step = %self.scope.step,
            code = reason.code,
            backtrace = outcome::backtrace(&error),
            "{}", reason.message
        );
        let error = match refusal {
            Some(refusal) => refusal.step_error(Some(&reason.message)),
            None => reason,
        };
        failed(error, sent)
    }

    fn granted(&self) -> &Granted {
        #[allow(clippy::expect_used)] // `new` puts it there.
        let granted = self.scope.granted.as_ref().expect("a call has a grant");
        granted
    }

    fn evidence(&self) -> &Evidence {
        &self.scope.evidence
    }
}

fn reading(request: &SourceRequest, limit: u32) -> Reading<'_> {
    Reading {
        source: request.source.as_str(),
        params: request.params.as_str(),
        cursor: request.cursor.as_deref(),
        limit,
    }
}

/// The work; nothing if it has not ended `limit` after it was begun. Work that ends without
/// having to wait for anything never sets a timer: most calls of warm instances do not.
fn within<T>(
    limit: Duration,
    begun: Instant,
    mut work: Pin<&mut impl Future<Output = T>>,
) -> impl Future<Output = Option<T>> {
    let mut timer: Option<Pin<Box<Sleep>>> = None;
    poll_fn(move |context| {
        if let Poll::Ready(done) = work.as_mut().poll(context) {
            return Poll::Ready(Some(done));
        }
        let Some(ends) = begun.checked_add(limit) else {
            // Further away than any clock.
            return Poll::Pending;
        };
        let timer = timer.get_or_insert_with(|| Box::pin(sleep_until(ends.into())));
        timer.as_mut().poll(context).map(|()| None)
    })
}

/// An outcome that is an error.
pub(crate) fn failed(error: StepError, sent: SendRecord) -> CallOutcome {
    CallOutcome {
        result: Err(error),
        sent,
    }
}
