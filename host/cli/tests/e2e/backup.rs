//! A backup is taken under load and restored; every order that was acknowledged before it
//! is there once, and unfinished runs go on.

use crate::world::{Host, World, eventually, order};
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const SENDERS: usize = 8;

/// Orders that are acknowledged before the backup begins, and after it has ended.
const ORDERS: usize = 60;

struct Load {
    world: World,
    public: String,
    acknowledged: Mutex<HashSet<String>>,
    stop: AtomicBool,
}

impl Load {
    async fn send(self: Arc<Self>, sender: usize) {
        for number in 0.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let id = format!("{sender}-{number}");
            let answer = self.world.post_to(&self.public, &order(&id)).await;
            if answer.is_ok_and(|response| response.status().is_success()) {
                self.acknowledged.lock().unwrap().insert(id);
            }
        }
    }

    async fn acknowledged_at_least(&self, count: usize) -> HashSet<String> {
        eventually("orders to be acknowledged", async || {
            let acknowledged = self.acknowledged.lock().unwrap();
            (acknowledged.len() >= count).then(|| acknowledged.clone())
        })
        .await
    }
}

fn dowel(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(arguments)
        .output()
        .unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn refused(output: &Output, code: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains(code), "{error}");
}

async fn runs_of(world: &World, host: &Host, key: &str) -> Vec<Value> {
    let (_, text) = world.get(host, &format!("/api/v1/runs?key={key}")).await;
    let page: Value = serde_json::from_str(&text).unwrap();
    page["runs"].as_array().unwrap().clone()
}

/// What the program says of a backup. It leaves nothing behind.
fn upgrade_check(backup: &Path) -> (Option<i32>, Value) {
    let scratch = tempfile::tempdir().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_dowel"))
        .args(["upgrade", "check", text(backup), "--format", "json"])
        .env("TMPDIR", scratch.path())
        .output()
        .unwrap();
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0);
    let found = serde_json::from_slice(&output.stdout);
    (
        output.status.code(),
        found.unwrap_or_else(|_| panic!("{output:?}")),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_before_a_backup_is_restored_once_and_goes_on() {
    let world = World::start().await;
    let host = world.host();
    let load = Arc::new(Load {
        public: host.public.clone(),
        world,
        acknowledged: Mutex::default(),
        stop: AtomicBool::new(false),
    });
    let senders: Vec<_> = (0..SENDERS)
        .map(|sender| tokio::spawn(load.clone().send(sender)))
        .collect();
    let before = load.acknowledged_at_least(ORDERS).await;
    let folder = load.world.folder.path().join("backup");
    let taken = dowel(&["backup", text(&folder), "--host", &host.socket]);
    assert!(taken.status.success(), "{taken:?}");
    refused(
        &dowel(&["backup", text(&folder), "--host", &host.socket]),
        "DWL-3013",
    );
    let count = load.acknowledged.lock().unwrap().len();
    load.acknowledged_at_least(count + ORDERS).await;
    load.stop.store(true, Ordering::SeqCst);
    for sender in senders {
        sender.await.unwrap();
    }
    host.kill();

    let data = load.world.data();
    refused(
        &dowel(&["restore", text(&folder), "--data", text(&data)]),
        "DWL-3011",
    );
    std::fs::rename(&data, load.world.folder.path().join("lost")).unwrap();
    let restored = dowel(&[
        "restore",
        text(&folder),
        "--data",
        text(&data),
        "--format",
        "json",
    ]);
    assert!(restored.status.success(), "{restored:?}");
    let report: Value = serde_json::from_slice(&restored.stdout).unwrap();
    assert!(
        report["runs"].as_u64().unwrap() >= before.len() as u64,
        "{report}"
    );

    let (code, found) = upgrade_check(&folder);
    assert_eq!(code, Some(0), "{found}");
    assert_eq!(found["found"]["runs"], report["runs"], "{found}");
    let format = |value: &Value| value.as_u64().unwrap();
    let newest = format(&found["found"]["newest_format"]);
    let reads = format(&found["reads"]["to"]);
    assert!((1..=reads).contains(&newest), "{found}");

    let host = load.world.host();
    for id in &before {
        let runs = runs_of(&load.world, &host, id).await;
        assert_eq!(runs.len(), 1, "order {id}: {runs:?}");
        let story = load
            .world
            .settled(&host, runs[0]["id"].as_str().unwrap())
            .await;
        assert_eq!(story["status"], "succeeded", "{story}");
        let again = load.world.post(&host, &order(id)).await.unwrap();
        assert_eq!(again.status().as_u16(), 200, "{id} is a duplicate");
    }
    let ledger = load.world.shop.ledger();
    assert_eq!(
        ledger.conflicts, 0,
        "an attempt sent other bytes under the same key"
    );
    assert!(
        before
            .iter()
            .all(|id| ledger.invoices.contains_key(&format!("inv-{id}-1")))
    );
}

#[test]
fn a_backup_that_is_cut_restores_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let backup = folder.path().join("backup");
    std::fs::create_dir(&backup).unwrap();
    std::fs::write(backup.join("dowel.backup"), b"DOWELBK1\x05\0\0").unwrap();
    let data = folder.path().join("data");
    refused(
        &dowel(&["restore", text(&backup), "--data", text(&data)]),
        "DWL-3010",
    );
    assert!(!data.exists());
    let (code, found) = upgrade_check(&backup);
    assert_eq!((code, &found["readable"]), (Some(1), &Value::Bool(false)));
    let reason = found["reason"].as_str().unwrap();
    assert!(reason.contains("DWL-3010"), "{reason}");
}
