//! Against a small server that answers as a Vault does.

// The lint knows test functions, not the helpers beside them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::{Times, Vault};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use dowel_core::port::SecretError;
use dowel_core::secret::VaultSource;
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

/// What the server says next, and how often it was asked.
struct Said {
    status: StatusCode,
    data: Value,
    asked: usize,
}

type Shared = Arc<Mutex<Said>>;

async fn answer(
    State(said): State<Shared>,
    Path((mount, path)): Path<(String, String)>,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    let mut said = said.lock();
    said.asked += 1;
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if header("x-vault-token") != Some("vault-token") || header("x-vault-namespace") != Some("team")
    {
        return (StatusCode::FORBIDDEN, Json(json!({ "errors": [] })));
    }
    if (mount.as_str(), path.as_str()) != ("kv", "dowel/prod/crm_token") {
        return (StatusCode::NOT_FOUND, Json(json!({ "errors": [] })));
    }
    let body = json!({ "data": { "data": said.data, "metadata": { "version": 3 } } });
    (said.status, Json(body))
}

struct World {
    said: Shared,
    vault: Vault,
    _folder: tempfile::TempDir,
}

async fn world(fresh: Duration, token: &str) -> World {
    let said = Arc::new(Mutex::new(Said {
        status: StatusCode::OK,
        data: json!({ "value": "one", "other": 1 }),
        asked: 0,
    }));
    let router = Router::new()
        .route("/v1/{mount}/data/{*path}", get(answer))
        .with_state(Arc::clone(&said));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), token).unwrap();
    let source = source(&format!("http://{address}"));
    let mut vault = Vault::new(&source, folder.path()).unwrap();
    vault.times = Times {
        fresh,
        stale: Duration::from_secs(600),
    };
    World {
        said,
        vault,
        _folder: folder,
    }
}

fn source(url: &str) -> VaultSource {
    VaultSource {
        url: url.to_owned(),
        mount: Some("kv".to_owned()),
        path: Some("dowel/prod".to_owned()),
        token_file: "token".to_owned(),
        namespace: Some("team".to_owned()),
    }
}

impl World {
    async fn values(&self, name: &str) -> Result<Vec<String>, SecretError> {
        let values = self.vault.values(name).await?.unwrap_or_default();
        Ok(values.iter().map(|v| v.expose().to_owned()).collect())
    }
}

#[tokio::test]
async fn a_rotation_is_seen_and_both_values_are_valid() {
    let world = world(Duration::ZERO, "vault-token\n").await;
    assert_eq!(world.values("crm_token").await.unwrap(), ["one"]);
    world.said.lock().data = json!({ "value": "two", "previous": "one" });
    assert_eq!(world.values("crm_token").await.unwrap(), ["two", "one"]);
    assert!(world.values("other").await.unwrap().is_empty());
    world.said.lock().data = Value::Null;
    assert!(world.values("crm_token").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_value_is_kept_briefly() {
    let world = world(Duration::from_secs(600), "vault-token").await;
    for _ in 0..3 {
        assert_eq!(world.values("crm_token").await.unwrap(), ["one"]);
    }
    assert_eq!(world.said.lock().asked, 1);
}

#[tokio::test]
async fn the_last_value_goes_on_while_the_server_is_down_and_not_when_it_says_no() {
    let world = world(Duration::ZERO, "vault-token").await;
    assert_eq!(world.values("crm_token").await.unwrap(), ["one"]);
    world.said.lock().status = StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(world.values("crm_token").await.unwrap(), ["one"]);
    world.said.lock().status = StatusCode::FORBIDDEN;
    let error = world.values("crm_token").await.unwrap_err().to_string();
    assert!(error.contains("403"), "{error}");
    world.said.lock().status = StatusCode::SERVICE_UNAVAILABLE;
    assert!(world.values("crm_token").await.is_err());
}

#[tokio::test]
async fn errors_tell_neither_token_nor_value() {
    let refused = world(Duration::ZERO, "canary-token").await;
    let error = refused.values("crm_token").await.unwrap_err().to_string();
    assert!(
        error.contains("403") && !error.contains("canary"),
        "{error}"
    );
    let odd = world(Duration::ZERO, "vault-token").await;
    odd.said.lock().data = json!({ "value": ["canary"] });
    let error = odd.values("crm_token").await.unwrap_err().to_string();
    assert!(
        error.contains("value") && !error.contains("canary"),
        "{error}"
    );
}

#[test]
fn addresses() {
    let is_good = |url: &str| Vault::new(&source(url), FilePath::new("")).is_ok();
    for good in [
        "https://vault.example.com",
        "http://127.0.0.1:8200",
        "http://[::1]:8200",
    ] {
        assert!(is_good(good), "{good}");
    }
    for bad in [
        "http://vault.example.com",
        "https://user:word@vault.example.com",
        "ftp://127.0.0.1",
        "vault",
    ] {
        assert!(!is_good(bad), "{bad}");
    }
}
