//! Builds the guests once, and makes hosts, connections and calls.

use dowel_core::connection::{
    Auth, Connection, ConnectionLimits, DEFAULT_IDEMPOTENCY_HEADER, Isolation,
};
use dowel_core::port::{
    BoxFuture, CallOutcome, CallRequest, Invoker, Secret, SecretError, Secrets,
};
use dowel_core::{Digest, JsonText, RunId, SendRecord, StepId, StepPath, Timestamp};
use dowel_wasm::{ConnectorHost, HostOptions, package};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Generous: on a busy machine a good call must not fail for lack of time.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A file that the guest build made, such as `dowel_hostile.wasm`.
pub(crate) fn built(file: &str) -> Vec<u8> {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "dowel-hostile", "--lib", "--examples"])
            .args(["--profile", "guest", "--target", "wasm32-wasip2"])
            .arg("--target-dir")
            .arg(workspace().join("target/guests"))
            .current_dir(workspace())
            .status()
            .expect("cargo can be started");
        assert!(
            status.success(),
            "the hostile guests do not build; if the target is missing: rustup target add wasm32-wasip2"
        );
    });
    let folder = workspace().join("target/guests/wasm32-wasip2/guest");
    let path = folder.join(file);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The hostile guest with its manifest.
pub(crate) fn hostile() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| package::describe(&built("dowel_hostile.wasm")).unwrap())
}

/// Compiled artefacts that the tests of one process share.
fn cache() -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| tempfile::tempdir().unwrap());
    folder.path().to_owned()
}

/// Knows three secrets.
pub(crate) struct Known;

pub(crate) const TOKEN: &str = "tok-3n-planted-secret";

impl Secrets for Known {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, SecretError>> {
        Box::pin(async move {
            match name {
                "token" => Ok(Secret::new(TOKEN)),
                "user" => Ok(Secret::new("alice")),
                "bad" => Ok(Secret::new("line\nbreak")),
                _ => Err(SecretError::Missing(name.to_owned())),
            }
        })
    }
}

/// A connection to `base_url` that grants loopback and everything below it.
pub(crate) fn connection(base_url: &str) -> Connection {
    Connection {
        name: "it".parse().unwrap(),
        connector: "hostile".parse().unwrap(),
        config: JsonText::of(&json!({"base_url": base_url})).unwrap(),
        auth: None,
        tls: None,
        allow: vec![format!("* {base_url}/*").parse().unwrap()],
        private_addresses: vec!["127.0.0.0/8".to_owned(), "::1".to_owned()],
        limits: ConnectionLimits::default(),
        idempotency_header: DEFAULT_IDEMPOTENCY_HEADER.to_owned(),
        isolation: Isolation::Pooled,
    }
}

/// Where nobody listens.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:9";

/// A host with the hostile connector and one connection.
pub(crate) struct Bench {
    pub(crate) host: ConnectorHost,
    pub(crate) digest: Digest,
}

impl Bench {
    pub(crate) fn new(connection: Connection) -> Self {
        Self::with(connection, Arc::new(Known))
    }

    pub(crate) fn with(connection: Connection, secrets: Arc<dyn Secrets>) -> Self {
        let options = HostOptions {
            cache_dir: Some(cache()),
            max_instances: 8,
            ..HostOptions::default()
        };
        let host = ConnectorHost::new(options, secrets).unwrap();
        let digest = host.add(hostile()).unwrap().digest;
        host.bind(vec![connection]).unwrap();
        Self { host, digest }
    }

    pub(crate) fn request(&self, operation: &str, input: &Value) -> CallRequest {
        CallRequest {
            connection: "it".parse().unwrap(),
            component: self.digest,
            operation: operation.parse().unwrap(),
            input: JsonText::of(input).unwrap(),
            idempotency_key: "key-1".to_owned(),
            run: RunId::new(Timestamp::from_millis(1), [7; 10]),
            step: StepPath::top(&StepId::new("step").unwrap()),
            attempt: 1,
            deadline: DEADLINE,
            traceparent: None,
        }
    }

    pub(crate) async fn call(&self, operation: &str, input: Value) -> CallOutcome {
        self.host.call(self.request(operation, &input)).await
    }

    /// The output of a call that has to succeed.
    pub(crate) async fn good(&self, operation: &str, input: Value) -> Value {
        self.call(operation, input).await.result.unwrap().to_value()
    }

    /// The error of a call must have this code; then a good call must work.
    pub(crate) async fn bad(&self, operation: &str, input: Value, code: &str) -> CallOutcome {
        let outcome = self.call(operation, input).await;
        let error = outcome.result.as_ref().expect_err("the call has to fail");
        assert_eq!(error.code, code, "{error}");
        self.still_well().await;
        outcome
    }

    pub(crate) async fn still_well(&self) {
        let text = r#"{"id": 12345678901234567890, "price": 1.10}"#;
        let mut request = self.request("echo", &json!(null));
        request.input = JsonText::parse(text).unwrap();
        let outcome = self.host.call(request).await;
        assert_eq!(outcome.result.unwrap().as_str(), text);
        assert_eq!(outcome.sent, SendRecord::NotSent);
    }
}

/// `auth` for the origin of `base_url`.
pub(crate) fn auth(method: Value, origin: &str) -> Option<Auth> {
    Some(Auth {
        method: serde_json::from_value(method).unwrap(),
        origins: vec![origin.to_owned()],
    })
}
