//! The host of connectors: what is installed, what is bound, and calling it.

mod receive;

use crate::cache::Cache;
use crate::call::{Ask, Call, failed};
use crate::connection::{Bound, Connections, Shared, Use};
use crate::connector::{self, Installed};
use crate::engine::{self, Allocation};
use crate::guest::{self, GuestState};
use crate::load::{BindError, BindReason, LoadError};
use crate::scope::{CallScope, Granted};
use crate::wire::Wire;
use dowel_core::code::{Code, run as code};
use dowel_core::connection::Connection;
use dowel_core::manifest::Idempotency;
use dowel_core::port::{
    Blobs, BoxFuture, CallOutcome, CallRequest, Invoker, ReceiverRequest, Reception,
    RemoteSubscription, Secrets, SourcePage, SourceRequest, SubscriptionRequest,
};
use dowel_core::{
    ConnectionName, Digest, ErrorKind, RunId, SendRecord, StepError, StepId, StepPath, Timestamp,
};
use parking_lot::RwLock;
use std::collections::{BTreeSet, HashMap};
use std::future::ready;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use wasmtime::Engine;
use wasmtime::component::Linker;

/// The longest time that testing a connection may take.
const CHECK_DEADLINE: Duration = Duration::from_secs(30);

/// Instances alive at the same time unless options say otherwise: what a machine with
/// a few cores can use, at 3 memories of 4 GiB address space each.
const DEFAULT_MAX_INSTANCES: u32 = 200;

/// The most memory that a connection may grant to an instance unless options say
/// otherwise.
const DEFAULT_MAX_MEMORY_BYTES: u64 = 1 << 30;

/// Settings of a host.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// Where compiled connectors are kept; `None` compiles at every start.
    pub cache_dir: Option<PathBuf>,
    /// Instances that may be alive at the same time, idle ones included.
    pub max_instances: u32,
    /// The most memory that a connection may grant to an instance, in bytes.
    pub max_memory_bytes: u64,
    /// Who stands behind the gateway; `None` is the network alone.
    pub wire: Option<Arc<dyn Wire>>,
}

impl Default for HostOptions {
    /// No cache; 200 instances of 1 GiB at most.
    fn default() -> Self {
        Self {
            cache_dir: None,
            max_instances: DEFAULT_MAX_INSTANCES,
            max_memory_bytes: DEFAULT_MAX_MEMORY_BYTES,
            wire: None,
        }
    }
}

/// Loads connectors and calls their operations. Cheap to clone: clones share everything.
#[derive(Clone)]
pub struct ConnectorHost(Arc<Inner>);

struct Inner {
    engine: Engine,
    linker: Linker<GuestState>,
    cache: Option<Cache>,
    secrets: Arc<dyn Secrets>,
    max_memory_bytes: u64,
    wire: Option<Arc<dyn Wire>>,
    blobs: OnceLock<Arc<dyn Blobs>>,
    connectors: RwLock<HashMap<Digest, Arc<Installed>>>,
    /// Those that are there for runs of earlier versions alone.
    kept: RwLock<BTreeSet<Digest>>,
    shared: Shared,
}

impl ConnectorHost {
    /// Starts the sandbox. Nothing is installed or bound yet.
    pub fn new(options: HostOptions, secrets: Arc<dyn Secrets>) -> Result<Self, LoadError> {
        let engine = engine::start(Allocation::Pooled {
            instances: options.max_instances,
            memory_bytes: usize::try_from(options.max_memory_bytes).unwrap_or(usize::MAX),
        })?;
        let cache = options
            .cache_dir
            .map(|folder| Cache::open(&folder, &engine))
            .transpose()?;
        Ok(Self(Arc::new(Inner {
            linker: guest::linker(&engine)?,
            engine,
            cache,
            secrets,
            max_memory_bytes: options.max_memory_bytes,
            wire: options.wire,
            blobs: OnceLock::new(),
            connectors: RwLock::default(),
            kept: RwLock::default(),
            shared: Shared::new(),
        })))
    }

    /// Where the large bodies are kept that calls of runs write and read. Until this is
    /// said, no call may: a host is made before its store is open. Only the first word
    /// counts.
    pub fn keep_blobs(&self, blobs: Arc<dyn Blobs>) {
        // Saying it again changes nothing, as the documentation says.
        let _ = self.0.blobs.set(blobs);
    }

    /// Installs a connector: checks it, compiles it or takes it from the cache. Other
    /// versions stay beside it; the same component again is not an error.
    ///
    /// Takes up to many seconds of CPU for a large component that is not in the cache:
    /// call it where that does not matter.
    pub fn add(&self, component: &[u8]) -> Result<Installed, LoadError> {
        let digest = Digest::of(component);
        if let Some(found) = self.0.connectors.read().get(&digest) {
            return Ok(Installed::clone(found));
        }
        let inner = &self.0;
        let installed = connector::load(
            &inner.engine,
            &inner.linker,
            inner.cache.as_ref(),
            component,
        )?;
        let kept = Arc::new(installed.clone());
        inner.connectors.write().insert(digest, kept);
        Ok(installed)
    }

    /// The same for a component that only runs of earlier versions may need: it can be
    /// released again.
    pub fn add_kept(&self, component: &[u8]) -> Result<Installed, LoadError> {
        let digest = Digest::of(component);
        let is_new = !self.0.connectors.read().contains_key(&digest);
        let installed = self.add(component)?;
        if is_new {
            self.0.kept.write().insert(digest);
        }
        Ok(installed)
    }

    /// Lets go of components that are kept for earlier versions, with their warm instances.
    /// Calls that are under way finish.
    pub fn release(&self, components: &BTreeSet<Digest>) {
        let mut kept = self.0.kept.write();
        let gone: Vec<&Digest> = components.iter().filter(|one| kept.remove(one)).collect();
        let mut connectors = self.0.connectors.write();
        for digest in gone {
            connectors.remove(digest);
        }
    }

    /// Every installed version.
    pub fn installed(&self) -> Vec<Installed> {
        let connectors = self.0.connectors.read();
        connectors.values().map(|c| Installed::clone(c)).collect()
    }

    /// Replaces the set of connections, all or nothing. Calls that are under way finish
    /// with the connection that they began with; a connection that did not change keeps
    /// its warm instances. All problems are reported at once.
    pub fn bind(&self, connections: Vec<Connection>) -> Result<(), Vec<BindError>> {
        let old = Arc::clone(&*self.0.shared.connections.read());
        let mut new = HashMap::new();
        let mut problems = Vec::new();
        for connection in connections {
            let name = connection.name.clone();
            let report = |reason| BindError {
                connection: name.clone(),
                reason,
            };
            if new.contains_key(&name) {
                problems.push(report(BindReason::Twice));
                continue;
            }
            match self.bind_one(connection, &old) {
                Ok(bound) => {
                    new.insert(name, bound);
                }
                Err(found) => problems.extend(found.into_iter().map(report)),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        *self.0.shared.connections.write() = Arc::new(new);
        Ok(())
    }

    fn bind_one(
        &self,
        connection: Connection,
        old: &Connections,
    ) -> Result<Arc<Bound>, Vec<BindReason>> {
        let wanted = connection.limits.memory_bytes;
        let limit = self.0.max_memory_bytes;
        if wanted > limit {
            return Err(vec![BindReason::Memory { wanted, limit }]);
        }
        let kept = old
            .get(&connection.name)
            .filter(|bound| bound.connection == connection);
        let bound = match kept {
            Some(bound) => Arc::clone(bound),
            None => Arc::new(Bound::new(connection, Arc::clone(&self.0.secrets))?),
        };
        for connector in self.0.connectors.read().values() {
            if connector.manifest.name == bound.connection.connector {
                bound.check(connector)?;
            }
        }
        Ok(bound)
    }

    /// Tests a connection with the newest installed version of its connector, without
    /// side effects upstream. The output is `null`.
    pub async fn check(&self, connection: &ConnectionName) -> CallOutcome {
        match self.prepare_check(connection) {
            Ok(call) => call.run().await,
            Err(error) => failed(error, SendRecord::NotSent),
        }
    }

    fn prepare_check(&self, connection: &ConnectionName) -> Result<Call<'_>, StepError> {
        let bound = self.bound(connection)?;
        let newest = {
            let connectors = self.0.connectors.read();
            let versions = connectors
                .values()
                .filter(|c| c.manifest.name == bound.connection.connector);
            versions.max_by_key(|c| c.manifest.version.clone()).cloned()
        };
        let connector = newest.ok_or_else(|| {
            not_installed("no version of its connector is installed on this host")
        })?;
        let used = bound
            .used(&connector)
            .map_err(|problems| broken_binding(&problems))?;
        let scope = CallScope::closed(no_run(), step("check"));
        let granted = Granted { bound, used };
        Ok(self.ready(granted, scope, Ask::Check, CHECK_DEADLINE))
    }

    fn prepare(&self, request: CallRequest) -> Result<Call<'_>, StepError> {
        let (bound, used) = self.used(&request.connection, &request.component)?;
        let manifest = &used.connector.manifest;
        let operation = manifest
            .operation(request.operation.as_str())
            .ok_or_else(|| {
                let name = &manifest.name;
                let message = format!("`{name}` has no operation `{}`", request.operation);
                refused(code::CALL_UNKNOWN_OPERATION, message)
            })?;
        let own_limit = operation.deadline_ms.map(Duration::from_millis);
        let keyed = operation.idempotency == Idempotency::Keyed;
        let limit = own_limit.map_or(request.deadline, |own| own.min(request.deadline));
        let scope = CallScope {
            idempotency_key: request.idempotency_key,
            keyed,
            traceparent: request.traceparent,
            blobs: self.0.blobs.get().cloned(),
            ..CallScope::closed(request.run, request.step)
        };
        let ask = Ask::Operation(request.operation, request.input);
        Ok(self.ready(Granted { bound, used }, scope, ask, limit))
    }

    /// A read or an acknowledgement, ready to be made. `ask` makes it of the request.
    fn prepare_source(
        &self,
        request: SourceRequest,
        ask: impl FnOnce(Box<SourceRequest>) -> Ask,
    ) -> Result<Call<'_>, StepError> {
        let (bound, used) = self.used(&request.connection, &request.component)?;
        let manifest = &used.connector.manifest;
        let source = manifest.source(request.source.as_str()).ok_or_else(|| {
            let message = format!("`{}` has no source `{}`", manifest.name, request.source);
            refused(code::CALL_UNKNOWN_SOURCE, message)
        })?;
        let own_limit = source.deadline_ms.map(Duration::from_millis);
        let limit = own_limit.map_or(request.deadline, |own| own.min(request.deadline));
        let scope = CallScope::closed(no_run(), step("poll"));
        let ask = ask(Box::new(request));
        Ok(self.ready(Granted { bound, used }, scope, ask, limit))
    }

    /// A call that is ready to be made.
    fn ready(&self, granted: Granted, scope: CallScope, ask: Ask, limit: Duration) -> Call<'_> {
        let scope = CallScope {
            wire: self.0.wire.clone(),
            ..scope
        };
        Call::new(granted, scope, ask, limit, &self.0.shared)
    }

    /// A connection, and a component's use through it.
    fn used(
        &self,
        connection: &ConnectionName,
        component: &Digest,
    ) -> Result<(Arc<Bound>, Arc<Use>), StepError> {
        let bound = self.bound(connection)?;
        let used = match bound.known_use(component) {
            Some(used) => used,
            None => self.first_use(&bound, connection, component)?,
        };
        Ok((bound, used))
    }

    /// A component is called through this connection for the first time.
    fn first_use(
        &self,
        bound: &Bound,
        connection: &ConnectionName,
        component: &Digest,
    ) -> Result<Arc<Use>, StepError> {
        let connector = self.0.connectors.read().get(component).cloned();
        let connector = connector.ok_or_else(|| {
            not_installed(&format!(
                "component {} is not installed on this host",
                component.short()
            ))
        })?;
        let name = &connector.manifest.name;
        if *name != bound.connection.connector {
            let message = format!(
                "the run is fixed to connector `{name}`, and the environment binds `{connection}` to `{}`",
                bound.connection.connector
            );
            return Err(refused(code::CALL_WRONG_CONNECTOR, message));
        }
        bound
            .used(&connector)
            .map_err(|problems| broken_binding(&problems))
    }

    fn bound(&self, connection: &ConnectionName) -> Result<Arc<Bound>, StepError> {
        let found = self.0.shared.connections.read().get(connection).cloned();
        found.ok_or_else(|| {
            let message = format!("the environment binds no connection `{connection}`");
            refused(code::CALL_UNKNOWN_CONNECTION, message)
        })
    }
}

impl Invoker for ConnectorHost {
    fn release(&self, components: &BTreeSet<Digest>) {
        Self::release(self, components);
    }

    fn call(&self, request: CallRequest) -> BoxFuture<'_, CallOutcome> {
        match self.prepare(request) {
            Ok(call) => Box::pin(call.run()),
            Err(error) => Box::pin(ready(failed(error, SendRecord::NotSent))),
        }
    }

    fn read(
        &self,
        request: SourceRequest,
        limit: u32,
    ) -> BoxFuture<'_, Result<SourcePage, StepError>> {
        Box::pin(async move {
            let call = self.prepare_source(request, |request| Ask::Read(request, limit))?;
            let page = call.run().await.result?;
            // Written by this host from the guest's own types.
            serde_json::from_str(page.as_str()).map_err(|error| {
                let (kind, code) = (ErrorKind::Internal, code::CALL_OUTPUT_NOT_JSON);
                StepError::host(kind, code, error.to_string())
            })
        })
    }

    fn receive(&self, request: ReceiverRequest) -> BoxFuture<'_, Result<Reception, StepError>> {
        Box::pin(receive::receive(self, request))
    }

    fn subscription(
        &self,
        request: SubscriptionRequest,
    ) -> BoxFuture<'_, Result<Option<RemoteSubscription>, StepError>> {
        Box::pin(receive::subscription(self, request))
    }

    fn ack(&self, request: SourceRequest) -> BoxFuture<'_, Result<(), StepError>> {
        Box::pin(async move {
            let call = self.prepare_source(request, Ask::Ack)?;
            call.run().await.result.map(drop)
        })
    }
}

fn refused(code: Code, message: String) -> StepError {
    StepError::host(ErrorKind::InvalidInput, code, message)
}

fn not_installed(what: &str) -> StepError {
    refused(code::CALL_NOT_INSTALLED, what.to_owned())
}

fn broken_binding(problems: &[BindReason]) -> StepError {
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    refused(code::CALL_BROKEN_BINDING, problems.join("; "))
}

/// Stands for the run where there is none.
pub(crate) fn no_run() -> RunId {
    RunId::new(Timestamp::default(), [0; 10])
}

/// Stands for the step where there is none.
pub(crate) fn step(name: &'static str) -> StepPath {
    #[allow(clippy::expect_used)] // The callers' names follow the rule.
    StepPath::top(&StepId::new(name).expect("a valid step id"))
}
