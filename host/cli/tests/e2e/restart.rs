//! Stopping, restarting, and stores that were damaged in between.

use crate::world::{World, eventually, order};
use dowel_shop::switches::{Route, Rule, Switches};
use serde_json::Value;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Output;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_is_told_to_stop_drains_and_goes_on_later() {
    let world = World::start().await;
    let host = world.host();
    let response = world.post(&host, &order("D1")).await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(host.terminate(), Some(0));
    let host = world.host();
    let story = world.order(&host, &order("D1")).await;
    assert_eq!(story["status"], "succeeded");
    let crm: Vec<_> = world
        .shop
        .calls()
        .into_iter()
        .filter(|call| call.path.ends_with("C-D1"))
        .collect();
    assert_eq!(crm.len(), 1, "draining let the open call end");
}

/// The store's log: the newest file that sled writes.
fn log_file(data: &Path) -> PathBuf {
    walk(data)
        .into_iter()
        .find(|path| path.file_name().is_some_and(|name| name == "db"))
        .unwrap()
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}

fn cut(path: &Path, keep: u64) {
    OpenOptions::new()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(keep)
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn junk_behind_the_log_loses_nothing_and_a_lost_log_is_refused() {
    let world = World::start().await;
    let host = world.host();
    let id = world.order(&host, &order("T1")).await["id"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(host.terminate(), Some(0));
    let log = log_file(&world.data());
    let whole = fs::read(&log).unwrap();

    // A torn tail: the kernel had begun to write what nobody has acknowledged.
    let mut torn = whole.clone();
    torn.extend_from_slice(&whole[..whole.len().min(777)]);
    fs::write(&log, torn).unwrap();
    let host = world.host();
    let (status, story) = world.get(&host, &format!("/api/v1/runs/{id}")).await;
    assert_eq!(status, 200, "{story}");
    assert_eq!(host.terminate(), Some(0));

    cut(&log, 0);
    let Output { status, stderr, .. } = world.serve().output().unwrap();
    let message = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(3), "{message}");
    assert!(message.contains("DWL-30"), "{message}");
    assert!(message.contains("--accept-loss"), "{message}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_ends_on_the_connector_that_it_began_with() {
    let world = World::start().await;
    world.copy_connectors();
    let rule = Rule {
        fail_times: 2,
        status: 429,
        retry_after_s: Some(1),
        ..Rule::new(Route::CrmContact)
    };
    world.shop.set_switches(Switches {
        rules: vec![rule],
        chaos: None,
    });
    let host = world.host();
    let accepted = world.post(&host, &order("U1")).await.unwrap();
    let accepted: Value = serde_json::from_str(&accepted.text().await.unwrap()).unwrap();
    let id = accepted["run"].as_str().unwrap();
    let path = format!("/api/v1/runs/{id}");
    let before = eventually("the run to wait for its retry", async || {
        let story: Value = serde_json::from_str(&world.get(&host, &path).await.1).unwrap();
        (story["status"] == "waiting").then_some(story)
    })
    .await;
    host.kill();

    // An empty custom section (core specification, 5.5.3): the same program under
    // another digest, as any new build is.
    let crm = world.connectors().join("crm-0.1.0.wasm");
    let mut bytes = fs::read(&crm).unwrap();
    bytes.extend_from_slice(&[0, 2, 1, b'x']);
    fs::write(&crm, bytes).unwrap();

    let host = world.host();
    let after = world.settled(&host, id).await;
    assert_eq!(after["status"], "succeeded", "{after}");
    let digest = |story: &Value| story["connectors"]["crm"]["digest"].clone();
    assert_eq!(digest(&after), digest(&before));
    let new = world.order(&host, &order("U2")).await;
    assert_eq!(new["status"], "succeeded", "{new}");
    assert_ne!(digest(&new), digest(&before), "new runs take the new build");
}
