//! The connector in the real sandbox, with the upstream behind the gateway.

use crate::bodies::MadeUp;
use crate::case::CaseFolder;
use crate::sample;
use crate::told::{ReceiverCase, SourceCase, Told};
use crate::upstream::{Script, Seen, Upstream};
use dowel_core::connection::{
    Auth, AuthMethod, Connection, ConnectionLimits, DEFAULT_IDEMPOTENCY_HEADER, EgressRule,
    Isolation,
};
use dowel_core::id::{ConnectionName, OperationName};
use dowel_core::manifest::Manifest;
use dowel_core::port::{
    BoxFuture, CallOutcome, CallRequest, HookRequest, Invoker, ReceiverRequest, Secret,
    SecretError, Secrets, SourceRequest,
};
use dowel_core::{Digest, JsonText, RunId, StepError, StepId, StepPath, Timestamp};
use dowel_wasm::{BindError, ConnectorHost, HostOptions, LoadError};
use parking_lot::Mutex;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The credential that the host adds. A connector never sees it, unless an upstream
/// repeats it.
pub(crate) const CREDENTIAL: &str = "planted/credential+7f3a9c51";

/// The key of calls whose case names none.
pub(crate) const KEY: &str = "conformance-key-1";

/// Time for calls that are not about time: a busy machine must not fail a connector.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Where requests to receivers seem to have been sent.
const HOOK_ORIGIN: &str = "https://dowel.test";

/// The path there.
const HOOK_PATH: &str = "/hooks/case";

/// The bytes of large bodies that a call may keep: there is no disk behind it.
const BLOB_BYTES: u64 = 64 << 20;

/// Instances at the same time; calls follow each other.
const INSTANCES: u32 = 4;

/// Which instance a call gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instance {
    /// One of its own.
    Fresh,
    /// The one that calls before it have used.
    Warm,
}

/// Why the kit has nothing to test.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BenchError {
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error("{0}")]
    Bind(String),
}

/// A call and everything around it.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) outcome: CallOutcome,
    pub(crate) seen: Seen,
}

/// What a source or a receiver told, and what was wrong around it.
pub(crate) struct Heard {
    pub(crate) result: Result<Told, StepError>,
    pub(crate) strange: Vec<String>,
}

/// The kit's host with one connector.
pub(crate) struct Bench {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) digest: Digest,
    pub(crate) upstream: Arc<Upstream>,
    host: ConnectorHost,
    fresh: ConnectionName,
    warm: ConnectionName,
    /// Everything that the gateway refused since the beginning.
    pub(crate) refused: Mutex<Vec<(OperationName, dowel_wasm::Refused)>>,
}

#[derive(Debug)]
struct Planted;

impl Secrets for Planted {
    fn get<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(std::future::ready(Ok(Secret::new(CREDENTIAL))))
    }
}

impl Bench {
    /// Loads the component and binds it, granted everything that a connector can be.
    pub(crate) fn new(
        component: &[u8],
        cases: &CaseFolder,
        cache_dir: Option<PathBuf>,
    ) -> Result<Self, BenchError> {
        let upstream = Arc::new(Upstream::new());
        let options = HostOptions {
            cache_dir,
            max_instances: INSTANCES,
            wire: Some(Arc::clone(&upstream) as _),
            ..HostOptions::default()
        };
        let host = ConnectorHost::new(options, Arc::new(Planted))?;
        host.keep_blobs(Arc::new(MadeUp));
        let installed = host.add(component)?;
        let config = cases.config.clone();
        let config = config.unwrap_or_else(|| sample::config(&installed.manifest.config_schema));
        let name = |text: &str| {
            let parsed: Result<ConnectionName, _> = text.parse();
            parsed.map_err(|e| BenchError::Bind(e.to_string()))
        };
        let (fresh, warm) = (name("fresh")?, name("warm")?);
        let connections = [(&fresh, Isolation::PerCall), (&warm, Isolation::Pooled)]
            .map(|(name, isolation)| connection(name, &installed.manifest, &config, isolation));
        host.bind(connections.into())
            .map_err(|found| BenchError::Bind(shown(&found)))?;
        Ok(Self {
            manifest: installed.manifest,
            digest: installed.digest,
            upstream,
            host,
            fresh,
            warm,
            refused: Mutex::default(),
        })
    }

    /// Makes one call.
    pub(crate) async fn call(&self, call: Call<'_>) -> Made {
        self.upstream.take();
        self.upstream.play(call.script);
        let connection = self.connection(call.instance);
        #[allow(clippy::expect_used)] // The name follows the rule of step ids.
        let step = StepPath::top(&StepId::new("conformance").expect("a valid step id"));
        let outcome = self
            .host
            .call(CallRequest {
                connection: connection.clone(),
                component: self.digest,
                operation: call.operation.clone(),
                input: call.input.clone(),
                idempotency_key: call.key.unwrap_or(KEY).to_owned(),
                run: RunId::new(Timestamp::from_millis(1), [7; 10]),
                step,
                attempt: 1,
                deadline: call.deadline,
                traceparent: None,
            })
            .await;
        let seen = self.seen(call.operation);
        Made { outcome, seen }
    }

    /// Reads a source as a case says.
    pub(crate) async fn read(&self, case: &SourceCase, instance: Instance) -> Heard {
        self.upstream.take();
        self.upstream.play(Script::Exactly(case.exchanges.clone()));
        let request = SourceRequest {
            connection: self.connection(instance).clone(),
            component: self.digest,
            source: case.source.clone(),
            params: case.params.clone(),
            cursor: case.cursor.clone(),
            deadline: PATIENCE,
        };
        let page = self.host.read(request, case.limit).await;
        let told = page.map(|page| Told {
            events: page.events,
            cursor: page.cursor,
            answer: None,
        });
        self.heard(&case.source, told)
    }

    /// Gives a request to a receiver as a case says.
    pub(crate) async fn receive(&self, case: &ReceiverCase, instance: Instance) -> Heard {
        self.upstream.take();
        self.upstream.play(Script::Exactly(case.exchanges.clone()));
        let headers = case.request.headers.iter();
        let query = case.request.query.as_ref();
        let behind = query.map_or_else(String::new, |query| format!("?{query}"));
        let request = ReceiverRequest {
            connection: self.connection(instance).clone(),
            component: self.digest,
            receiver: case.receiver.clone(),
            params: case.params.clone(),
            http: HookRequest {
                method: case.request.method.clone(),
                url: format!("{HOOK_ORIGIN}{HOOK_PATH}{behind}"),
                path: HOOK_PATH.to_owned(),
                query: query.cloned(),
                headers: headers
                    .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
                    .collect(),
                body: case.request.body.clone().into_bytes(),
            },
            at: case.at,
            keys: case.key.iter().map(Secret::new).collect(),
            deadline: PATIENCE,
        };
        let reception = self.host.receive(request).await;
        let told = reception.map(|reception| Told {
            events: reception.events,
            cursor: None,
            answer: reception.answer,
        });
        self.heard(&case.receiver, told)
    }

    fn heard(&self, name: &OperationName, result: Result<Told, StepError>) -> Heard {
        let unused = self.upstream.unused();
        let mut strange = self.seen(name).strange;
        let unsent = unused.iter();
        strange.extend(unsent.map(|request| format!("{request} was not sent")));
        Heard { result, strange }
    }

    /// What was seen since the last look, with what was refused noted down.
    fn seen(&self, name: &OperationName) -> Seen {
        let seen = self.upstream.take();
        let refused = seen.refused.iter().cloned();
        let refused = refused.map(|refused| (name.clone(), refused));
        self.refused.lock().extend(refused);
        seen
    }

    fn connection(&self, instance: Instance) -> &ConnectionName {
        match instance {
            Instance::Fresh => &self.fresh,
            Instance::Warm => &self.warm,
        }
    }
}

/// A call to make.
#[derive(Clone, Debug)]
pub(crate) struct Call<'a> {
    pub(crate) operation: &'a OperationName,
    pub(crate) input: &'a JsonText,
    pub(crate) key: Option<&'a str>,
    pub(crate) instance: Instance,
    pub(crate) deadline: Duration,
    pub(crate) script: Script,
}

impl<'a> Call<'a> {
    /// A call in an instance of its own, with time.
    pub(crate) fn new(operation: &'a OperationName, input: &'a JsonText, script: Script) -> Self {
        Self {
            operation,
            input,
            key: None,
            instance: Instance::Fresh,
            deadline: PATIENCE,
            script,
        }
    }
}

fn connection(
    name: &ConnectionName,
    manifest: &Manifest,
    config: &JsonText,
    isolation: Isolation,
) -> Connection {
    let origins = origins(manifest, config);
    let auth = (!origins.is_empty()).then(|| Auth {
        method: AuthMethod::Bearer {
            token: "planted".to_owned(),
        },
        origins,
    });
    Connection {
        name: name.clone(),
        connector: manifest.name.clone(),
        config: config.clone(),
        auth,
        tls: None,
        // The manifest alone limits it: what it does not name is seen as an attempt.
        allow: vec![EgressRule {
            methods: Vec::new(),
            url: "*".to_owned(),
        }],
        private_addresses: vec!["0.0.0.0/0".to_owned(), "::/0".to_owned()],
        limits: ConnectionLimits {
            blob_bytes: BLOB_BYTES,
            ..ConnectionLimits::default()
        },
        idempotency_header: DEFAULT_IDEMPOTENCY_HEADER.to_owned(),
        isolation,
    }
}

/// The origins of the manifest's egress rules.
fn origins(manifest: &Manifest, config: &JsonText) -> Vec<String> {
    let config = config.to_value();
    let mut origins = Vec::new();
    for rule in &manifest.egress {
        let Some((_, pattern)) = rule.split_once(' ') else {
            continue;
        };
        let mut text = pattern.trim().trim_end_matches('*').to_owned();
        for (name, value) in config.as_object().into_iter().flatten() {
            let value = value.as_str().unwrap_or_default();
            text = text.replace(&format!("{{{name}}}"), value);
        }
        if let Ok(url) = url::Url::parse(&text)
            && url.has_host()
        {
            let origin = url.origin().ascii_serialization();
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
    }
    origins
}

fn shown(found: &[BindError]) -> String {
    let mut texts: Vec<String> = found.iter().map(|one| one.reason.to_string()).collect();
    texts.dedup();
    texts.join("; ")
}
