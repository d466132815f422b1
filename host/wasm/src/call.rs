//! One call, from taking an instance to putting it back or throwing it away.

use crate::bindings::dowel::connector::types::Error as GuestError;
use crate::bindings::exports::dowel::connector::operations::CallContext;
use crate::connection::Use;
use crate::exports::Reading;
use crate::gateway::{Ending, Evidence, Refusal};
use crate::guest::{self, Limits};
use crate::outcome;
use crate::pace::Lanes;
use crate::pool::Instance;
use crate::scope::{CallScope, Granted};
use dowel_core::port::{CallOutcome, ReceiverRequest, SourceRequest, SubscriptionRequest};
use dowel_core::time::millis;
use dowel_core::{JsonText, OperationName, SendRecord, StepError};
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::time::error::Elapsed;
use tokio::time::timeout_at;
use wasmtime::PoolConcurrencyLimitError;

/// What the guest is asked to do.
pub(crate) enum Ask {
    /// An operation of the manifest, with its input.
    Operation(OperationName, JsonText),
    /// Test the connection.
    Check,
    /// Events of a source from behind the cursor, so many at most.
    Read(SourceRequest, u32),
    /// Everything up to the cursor is committed.
    Ack(SourceRequest),
    /// A request that came in.
    Receive(ReceiverRequest),
    /// A subscription.
    Subscription(SubscriptionRequest),
}

/// A call that is ready to be made.
pub(crate) struct Call {
    pub used: Arc<Use>,
    pub scope: Arc<CallScope>,
    pub ask: Ask,
    pub limit: Duration,
    /// The host's.
    pub lanes: Arc<Lanes>,
}

/// What came out of the guest: its own result, or why it was stopped.
type Returned = Result<Result<String, GuestError>, wasmtime::Error>;

impl Call {
    /// Makes the call. `make_room` lets go of instances that are idle elsewhere.
    pub(crate) async fn run(self, make_room: impl Fn()) -> CallOutcome {
        // Outside of the future that the deadline drops: what was sent is read before
        // the store, and with it every open request, goes.
        let mut held = self.used.pool.take();
        let worked = {
            // Pinned here: it is large, and would be copied into each future around it.
            let work = pin!(self.work(&mut held, make_room));
            match self.granted() {
                Some(granted) => {
                    let paced = self.lanes.pace(&granted.bound.usage, work);
                    within(self.limit, paced).await
                }
                None => within(self.limit, work).await,
            }
        };
        match worked {
            Ok(Ok(returned)) => self.returned(returned, held).await,
            Ok(Err(error)) => self.stopped(&error, held).await,
            Err(_) => {
                let (sent, refusal) = self.evidence().close(Ending::Stopped);
                // A refusal comes back to the guest at once: time passes for other reasons.
                drop((refusal, held));
                failed(outcome::deadline(self.limit), sent)
            }
        }
    }

    async fn work(&self, held: &mut Option<Instance>, make_room: impl Fn()) -> Returned {
        let mut left = self.limit;
        let instance = match held {
            Some(instance) => instance,
            None => {
                let begun = Instant::now();
                let made = self.instantiate(make_room).await?;
                left = left.saturating_sub(begun.elapsed());
                held.insert(made)
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
            connection: self
                .granted()
                .map_or("{}", |g| g.bound.connection.config.as_str()),
        };
        let Instance { store, exports, .. } = instance;
        match &self.ask {
            Ask::Operation(name, input) => {
                let (name, input) = (name.as_str(), input.as_str());
                exports.call(store, name, input, context).await
            }
            Ask::Check => exports.check(store, context).await,
            Ask::Read(request, limit) => {
                exports
                    .read(store, &reading(request, *limit), context)
                    .await
            }
            Ask::Ack(request) => exports.ack(store, &reading(request, 0), context).await,
            Ask::Receive(asked) => {
                let (receiver, params) = (asked.receiver.as_str(), asked.params.as_str());
                let http = &asked.http;
                exports
                    .receive(store, receiver, params, http, context)
                    .await
            }
            Ask::Subscription(asked) => exports.subscription(store, asked, context).await,
        }
    }

    async fn instantiate(&self, make_room: impl Fn()) -> wasmtime::Result<Instance> {
        match self.instantiate_once().await {
            Err(error) if error.is::<PoolConcurrencyLimitError>() => {
                make_room();
                self.instantiate_once().await
            }
            made => made,
        }
    }

    async fn instantiate_once(&self) -> wasmtime::Result<Instance> {
        let pre = &self.used.connector.pre;
        let cap = self
            .granted()
            .map_or(0, |g| g.bound.connection.limits.memory_bytes);
        let mut store = guest::store(pre.engine(), Limits::new(cap));
        // Code that runs while the instance starts may log, and is on record too.
        store.data().slot.set(Some(Arc::clone(&self.scope)));
        let exports = pre.instantiate(&mut store).await?;
        Ok(Instance::new(store, exports))
    }

    async fn returned(
        &self,
        returned: Result<String, GuestError>,
        held: Option<Instance>,
    ) -> CallOutcome {
        let (sent, refusal) = self.evidence().close(Ending::Returned);
        if let Some(mut instance) = held {
            // A growth that the guest coped with is no reason for a later trap.
            instance.store.data_mut().limits.take_denied();
            instance.store.data().slot.set(None);
            self.used.pool.put(instance);
        }
        let result = match returned {
            Ok(text) => {
                let text = match self.granted() {
                    Some(granted) => granted.gateway().redactor.clean_output(text),
                    None => text,
                };
                outcome::output(text, self.output_limit())
            }
            Err(error) => Err(self.guest_error(error, refusal).await),
        };
        CallOutcome { result, sent }
    }

    /// The gateway's reason is the true one if its last word in this call was no.
    async fn guest_error(&self, error: GuestError, refusal: Option<Refusal>) -> StepError {
        let Some(granted) = self.granted() else {
            return outcome::guest_error(error, &Default::default());
        };
        granted.gateway().learn_secrets().await;
        let error = outcome::guest_error(error, &granted.gateway().redactor);
        match refusal {
            Some(refusal) => StepError {
                details: error.details,
                ..refusal.step_error(Some(&error.message))
            },
            None => error,
        }
    }

    async fn stopped(&self, error: &wasmtime::Error, held: Option<Instance>) -> CallOutcome {
        let (sent, refusal) = self.evidence().close(Ending::Stopped);
        let denied = held.is_some_and(|mut i| i.store.data_mut().limits.take_denied());
        let mut reason = outcome::stopped(error, denied);
        if let Some(granted) = self.granted() {
            granted.gateway().learn_secrets().await;
            reason.message = granted
                .gateway()
                .redactor
                .clean(&reason.message)
                .into_owned();
        }
        tracing::warn!(
            connection = self.scope.connection(),
            run = %self.scope.run,
            step = %self.scope.step,
            code = reason.code,
            backtrace = outcome::backtrace(error),
            "{}", reason.message
        );
        let error = match refusal {
            Some(refusal) => refusal.step_error(Some(&reason.message)),
            None => reason,
        };
        failed(error, sent)
    }

    fn granted(&self) -> Option<&Granted> {
        self.scope.granted.as_ref()
    }

    fn evidence(&self) -> &Evidence {
        &self.scope.evidence
    }

    fn output_limit(&self) -> u64 {
        self.granted()
            .map_or(0, |g| g.bound.connection.limits.output_bytes)
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

/// The work, or an error if it takes longer than `limit`. Work that ends without having
/// to wait for anything never sets a timer: most calls of warm instances do not.
async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Result<T, Elapsed> {
    let ends = Instant::now().checked_add(limit);
    let mut work = pin!(work);
    let first = poll_fn(|context| Poll::Ready(work.as_mut().poll(context))).await;
    match (first, ends) {
        (Poll::Ready(done), _) => Ok(done),
        (Poll::Pending, Some(ends)) => timeout_at(ends.into(), work).await,
        // Further away than any clock.
        (Poll::Pending, None) => Ok(work.await),
    }
}

/// An outcome that is an error.
pub(crate) fn failed(error: StepError, sent: SendRecord) -> CallOutcome {
    CallOutcome {
        result: Err(error),
        sent,
    }
}
